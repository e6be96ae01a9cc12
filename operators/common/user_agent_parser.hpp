// What a User-Agent header says: browser, operating system, device, with uap-core's expressions.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "device_type.hpp"

namespace flow::operators {

/// The fields of uap-core's specification, and the kind of device. An empty string: absent.
/// A family that no expression knows is "Other". All text is valid UTF-8.
struct UserAgent {
  std::string browser;
  std::string browser_major;
  std::string browser_minor;
  std::string browser_patch;
  std::string browser_patch_minor;
  std::string os_family;
  std::string os_major;
  std::string os_minor;
  std::string os_patch;
  std::string os_patch_minor;
  std::string device_family;
  std::string device_brand;
  std::string device_model;
  DeviceType device_type = DeviceType::kOther;
};

/// Parses User-Agent headers with the expressions of one regexes.yaml.
///
/// As uap-core specifies: in each of the three sections the first expression of the file that
/// matches anywhere in the agent decides; its groups 1.. are the fields in order unless a
/// replacement says otherwise; fields are trimmed.
///
/// The expressions are compiled one by one when an agent first needs them; a literal prefilter
/// finds the few worth trying. An agent costs some 5 us once its expressions are compiled. Nothing
/// is cached by agent: callers that see the same agents again should keep the results.
///
/// Thread safety: parse() from any thread, without a lock shared by all of them.
class UserAgentParser {
 public:
  /// Reads the expressions (some 20 ms for the 1,162 of uap-core 0.16); compiles none.
  /// Throws std::runtime_error with every fault as `file:line: what`, and the remedy, if the file
  /// is unusable (see load_user_agent_rules) or holds an expression that RE2 has no equivalent of,
  /// such as a look-ahead.
  static std::shared_ptr<const UserAgentParser> load(const std::filesystem::path& regexes_yaml);

  ~UserAgentParser();
  UserAgentParser(const UserAgentParser&) = delete;
  UserAgentParser& operator=(const UserAgentParser&) = delete;

  /// Any bytes of any length. Bytes that are no UTF-8 are read as U+FFFD; of agents longer than
  /// kMaximumAgentLength only the beginning is looked at.
  UserAgent parse(std::string_view agent) const;

  /// parse() without its short cuts: tries each expression itself in order. Some hundred times
  /// slower, for tests.
  UserAgent parse_exhaustively(std::string_view agent) const;

  /// Compiles every expression now (100-500 ms of one core), and returns a line `file:line: what`
  /// for each one that RE2 refuses although load() took it, for example because its program would
  /// be too large. Such an expression is treated as one that never matches.
  std::vector<std::string> compile_all() const;

  std::size_t expression_count() const;

  /// Longest header that is parsed in full, in bytes; common servers refuse headers beyond 8 KiB
  /// themselves.
  static constexpr std::size_t kMaximumAgentLength = 8192;

 private:
  struct Tables;
  explicit UserAgentParser(std::unique_ptr<const Tables> tables);

  UserAgent parse(std::string_view agent, bool filtered) const;

  std::unique_ptr<const Tables> tables_;
};

}  // namespace flow::operators
