#include "user_agent_rules.hpp"

#include <yaml-cpp/yaml.h>

#include <fstream>
#include <optional>
#include <stdexcept>
#include <string_view>

#include "flow/utf8.hpp"

namespace flow::operators {
namespace {

// A typical file has 200 kB. The bound keeps a wrong path (a log, a device) from being read into
// memory.
constexpr std::uintmax_t kMaximumFileBytes = 32U << 20U;
constexpr std::size_t kMaximumProblems = 20;

struct SectionKeys {
  const char* name;
  std::array<const char*, 5> templates;
};

constexpr SectionKeys kBrowsers{
    "user_agent_parsers",
    {"family_replacement", "v1_replacement", "v2_replacement", "v3_replacement", "v4_replacement"}};
constexpr SectionKeys kOperatingSystems{"os_parsers",
                                        {"os_replacement", "os_v1_replacement", "os_v2_replacement",
                                         "os_v3_replacement", "os_v4_replacement"}};
constexpr SectionKeys kDevices{
    "device_parsers",
    {"device_replacement", "brand_replacement", "model_replacement", nullptr, nullptr}};

class RulesReader {
 public:
  explicit RulesReader(const std::filesystem::path& file) : file_(file) {}

  UserAgentRules read() {
    UserAgentRules rules;
    if (const auto document = parse()) {
      if (!document->IsMap()) {
        problem(
            *document,
            "expected a map with the sections user_agent_parsers, os_parsers and device_parsers");
      } else {
        rules.browsers = read_section(*document, kBrowsers);
        rules.operating_systems = read_section(*document, kOperatingSystems);
        rules.devices = read_section(*document, kDevices);
      }
    }
    if (!problems_.empty()) throw std::runtime_error(user_agent_rules_error(problems_));
    return rules;
  }

 private:
  std::optional<YAML::Node> parse() {
    std::error_code error;
    if (!std::filesystem::is_regular_file(file_, error)) {
      problems_.push_back(file_.string() + ": " + (error ? error.message() : "not a regular file"));
      return std::nullopt;
    }
    if (std::filesystem::file_size(file_, error) > kMaximumFileBytes) {
      problems_.push_back(file_.string() + ": larger than 32 MiB, this is no expressions file");
      return std::nullopt;
    }
    std::ifstream stream(file_, std::ios::binary);
    if (!stream) {
      problems_.push_back(file_.string() + ": cannot be opened for reading");
      return std::nullopt;
    }
    try {
      return YAML::Load(stream);
    } catch (const YAML::Exception& fault) {
      problem(fault.mark, "not valid YAML: " + fault.msg);
      return std::nullopt;
    }
  }

  std::vector<UserAgentRule> read_section(const YAML::Node& document, const SectionKeys& keys) {
    std::vector<UserAgentRule> rules;
    const YAML::Node section = document[keys.name];
    if (!section.IsDefined()) {
      problem(document, std::string("the section ") + keys.name + " is missing");
      return rules;
    }
    if (!section.IsSequence() || section.size() == 0) {
      problem(section, std::string("the section ") + keys.name + " must be a list of expressions");
      return rules;
    }
    rules.reserve(section.size());
    for (const YAML::Node& entry : section) {
      if (!entry.IsMap()) {
        problem(entry, "expected an entry with the key regex");
        continue;
      }
      rules.push_back(read_rule(entry, keys));
    }
    return rules;
  }

  UserAgentRule read_rule(const YAML::Node& entry, const SectionKeys& keys) {
    UserAgentRule rule;
    rule.line = line_of(entry.Mark());
    std::string flag;
    bool has_expression = false;
    for (const auto& pair : entry) {
      const std::string& key = pair.first.Scalar();
      const YAML::Node& value = pair.second;
      std::string* target = nullptr;
      if (key == "regex") {
        target = &rule.pattern;
        has_expression = true;
      } else if (key == "regex_flag") {
        target = &flag;
      }
      for (std::size_t field = 0; field < keys.templates.size(); ++field) {
        if (keys.templates[field] != nullptr && key == keys.templates[field]) {
          target = &rule.templates[field];
        }
      }
      if (target == nullptr || value.IsNull()) continue;
      if (value.IsScalar() && is_valid_utf8(value.Scalar())) {
        *target = value.Scalar();
      } else {
        problem(value, "the value of " + key + " must be text in UTF-8");
      }
    }
    if (!has_expression) {
      problem(entry, "an entry without regex");
    } else if (rule.pattern.empty()) {
      problem(entry, "an empty regex would match every agent");
    }
    if (flag == "i") {
      rule.ignore_case = true;
    } else if (!flag.empty()) {
      problem(entry, "unknown regex_flag '" + flag + "', only 'i' is known");
    }
    return rule;
  }

  static std::size_t line_of(const YAML::Mark& mark) {
    return mark.is_null() ? 1 : static_cast<std::size_t>(mark.line) + 1;
  }

  void problem(const YAML::Mark& mark, const std::string& what) {
    problems_.push_back(file_.string() + ":" + std::to_string(line_of(mark)) + ": " + what);
  }
  void problem(const YAML::Node& node, const std::string& what) { problem(node.Mark(), what); }

  std::filesystem::path file_;
  std::vector<std::string> problems_;
};

}  // namespace

UserAgentRules load_user_agent_rules(const std::filesystem::path& file) {
  return RulesReader(file).read();
}

std::string user_agent_rules_error(const std::vector<std::string>& problems) {
  std::string text;
  for (std::size_t i = 0; i < problems.size() && i < kMaximumProblems; ++i) {
    text += problems[i] + "\n";
  }
  if (problems.size() > kMaximumProblems) {
    text += "and " + std::to_string(problems.size() - kMaximumProblems) + " more\n";
  }
  return text +
         "Use regexes.yaml of a uap-core release (Debian: package uap-core, "
         "/usr/share/uap-core/regexes.yaml), or correct the lines named.";
}

}  // namespace flow::operators
