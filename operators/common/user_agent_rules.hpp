// Reading uap-core's regexes.yaml into plain values.
#pragma once

#include <array>
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace flow::operators {

/// One entry of a section: an expression and how its groups become fields.
struct UserAgentRule {
  std::string pattern;
  bool ignore_case = false;  // regex_flag: i
  std::size_t line = 0;      // of the entry in the file, from 1
  /// Templates by field, with $1..$9 for groups; empty: the section's default for that field.
  /// Browser and operating system: family and the versions 1 to 4. Device: family, brand, model.
  std::array<std::string, 5> templates;
};

/// The three independent lists of rules; in each the first rule that matches decides.
struct UserAgentRules {
  std::vector<UserAgentRule> browsers;           // user_agent_parsers
  std::vector<UserAgentRule> operating_systems;  // os_parsers
  std::vector<UserAgentRule> devices;            // device_parsers
};

/// Reads the file. Unknown keys of an entry are ignored: later releases may add some.
/// Throws std::runtime_error that names every fault as `file:line: what`, followed by one remedy:
/// the file cannot be read or is no YAML, a section is missing or empty, an entry has no `regex`, a
/// value is not text in UTF-8, an unknown regex_flag.
UserAgentRules load_user_agent_rules(const std::filesystem::path& file);

/// `problems`, one a line, and the remedy for a bad expressions file: the text of the errors about
/// it.
std::string user_agent_rules_error(const std::vector<std::string>& problems);

}  // namespace flow::operators
