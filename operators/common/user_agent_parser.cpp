#include "user_agent_parser.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <stdexcept>
#include <utility>

#include "flow/utf8.hpp"
#include "lazy_expression.hpp"
#include "literal_prefilter.hpp"
#include "required_literals.hpp"
#include "user_agent_rules.hpp"
#include "utf8_text.hpp"

namespace flow::operators {
namespace {

constexpr std::size_t kMaximumFields = 5;
constexpr std::size_t kMaximumGroups = 10;  // the whole match and $1..$9
constexpr std::string_view kOther = "Other";

using Groups = std::array<re2::StringPiece, kMaximumGroups>;
using Fields = std::array<std::string*, kMaximumFields>;

/// How a section fills a field that its rule has no template for: from this group, or not at all
/// (0).
using DefaultGroups = std::array<std::uint8_t, kMaximumFields>;
constexpr DefaultGroups kVersionedDefaults{1, 2, 3, 4, 5};
constexpr DefaultGroups kDeviceDefaults{1, 0, 1, 0, 0};

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n\f\v";
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::string_view view(const re2::StringPiece& piece) { return {piece.data(), piece.size()}; }

bool is_group_digit(char byte) { return byte >= '1' && byte <= '9'; }

/// Fills one field of the result from the groups of a match.
struct FieldMaker {
  std::string text;         // the template, or the literal value
  std::uint8_t group = 0;   // without a template: the group to take
  bool has_groups = false;  // the template refers to groups

  void fill(const Groups& groups, std::string& field) const {
    if (group != 0) {
      field = trimmed(view(groups[group]));
    } else if (!has_groups) {
      field = text;
    } else {
      std::string value;
      for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '$' && i + 1 < text.size() && is_group_digit(text[i + 1])) {
          value += view(groups[static_cast<std::size_t>(text[++i] - '0')]);
        } else {
          value += text[i];
        }
      }
      field = trimmed(value);
    }
  }
};

struct Rule {
  Rule(UserAgentRule&& source, const LiteralRequirement& facts, const DefaultGroups& defaults)
      : expression(std::move(source.pattern), source.ignore_case, facts.relaxed,
                   facts.relaxed_limit),
        line(source.line) {
    for (std::size_t field = 0; field < kMaximumFields; ++field) {
      FieldMaker& maker = fields[field];
      const std::string& pattern = source.templates[field];
      if (pattern.empty()) {
        maker.group = defaults[field];
        use_group(maker.group);
        continue;
      }
      maker.text = trimmed(pattern);
      for (std::size_t i = 0; i + 1 < maker.text.size(); ++i) {
        if (maker.text[i] != '$' || !is_group_digit(maker.text[i + 1])) continue;
        maker.has_groups = true;
        use_group(static_cast<std::uint8_t>(maker.text[i + 1] - '0'));
      }
    }
  }

  void use_group(std::uint8_t group) { highest_group = std::max(highest_group, group); }

  bool match(std::string_view agent, TextEncoding encoding, bool directly,
             const Fields& results) const {
    Groups groups;
    const int count = highest_group == 0 ? 0 : highest_group + 1;
    const bool matched = directly ? expression.match_directly(agent, encoding, groups.data(), count)
                                  : expression.match(agent, encoding, groups.data(), count);
    if (!matched) return false;
    for (std::size_t field = 0; field < kMaximumFields && results[field] != nullptr; ++field) {
      fields[field].fill(groups, *results[field]);
    }
    return true;
  }

  LazyExpression expression;
  std::size_t line;
  std::array<FieldMaker, kMaximumFields> fields;
  std::uint8_t highest_group = 0;
};

}  // namespace

struct UserAgentParser::Tables {
  std::filesystem::path file;
  std::deque<Rule>
      rules;  // browsers, then operating systems, then devices; a deque as rules do not move
  std::size_t browsers_end = 0;
  std::size_t systems_end = 0;
  LiteralPrefilter prefilter{{}};

  std::string place(const Rule& rule) const {
    return file.string() + ":" + std::to_string(rule.line) + ": ";
  }
};

UserAgentParser::UserAgentParser(std::unique_ptr<const Tables> tables)
    : tables_(std::move(tables)) {}
UserAgentParser::~UserAgentParser() = default;

std::shared_ptr<const UserAgentParser> UserAgentParser::load(
    const std::filesystem::path& regexes_yaml) {
  auto tables = std::make_unique<Tables>();
  tables->file = regexes_yaml;
  UserAgentRules source = load_user_agent_rules(regexes_yaml);
  std::vector<LiteralRequirement> requirements;
  std::vector<std::string> problems;
  const auto add_section = [&](std::vector<UserAgentRule>& section, const DefaultGroups& defaults) {
    for (UserAgentRule& rule : section) {
      requirements.push_back(required_literals(rule.pattern));
      const LiteralRequirement& facts = requirements.back();
      const Rule& added = tables->rules.emplace_back(std::move(rule), facts, defaults);
      if (facts.understood) continue;
      // Perhaps valid and only beyond what the prefilter reads: then it is tried on every agent.
      const std::string error = added.expression.compile_all();
      if (error.empty()) continue;
      problems.push_back(tables->place(added) + "the expression '" + added.expression.pattern() +
                         "' cannot be used: " + facts.reason + " (" + error + ")");
    }
    return tables->rules.size();
  };
  tables->browsers_end = add_section(source.browsers, kVersionedDefaults);
  tables->systems_end = add_section(source.operating_systems, kVersionedDefaults);
  add_section(source.devices, kDeviceDefaults);
  if (!problems.empty()) throw std::runtime_error(user_agent_rules_error(problems));
  tables->prefilter = LiteralPrefilter(requirements);
  return std::shared_ptr<const UserAgentParser>(new UserAgentParser(std::move(tables)));
}

UserAgent UserAgentParser::parse(std::string_view agent) const { return parse(agent, true); }

UserAgent UserAgentParser::parse_exhaustively(std::string_view agent) const {
  return parse(agent, false);
}

UserAgent UserAgentParser::parse(std::string_view agent, bool filtered) const {
  agent = agent.substr(0, kMaximumAgentLength);
  TextEncoding encoding = TextEncoding::kAscii;
  std::string valid;
  std::string folded;
  std::string_view scanned = agent;
  if (!is_ascii(agent)) {
    encoding = TextEncoding::kUtf8;
    append_repaired_utf8(agent, valid);
    agent = valid;
    folded = fold_to_ascii_letters(valid);
    scanned = folded;
  }
  LiteralPrefilter::Candidates candidates;
  if (filtered) tables_->prefilter.scan(scanned, candidates);
  const auto first_match = [&](std::size_t begin, std::size_t end, const Fields& results) {
    for (std::size_t i = begin; i < end; ++i) {
      if (filtered) {
        i = candidates.next(i, end);
        if (i == end) break;
      }
      if (tables_->rules[i].match(agent, encoding, !filtered, results)) break;
    }
    if (results.front()->empty()) *results.front() = kOther;
  };

  UserAgent result;
  first_match(0, tables_->browsers_end,
              {&result.browser, &result.browser_major, &result.browser_minor, &result.browser_patch,
               &result.browser_patch_minor});
  first_match(tables_->browsers_end, tables_->systems_end,
              {&result.os_family, &result.os_major, &result.os_minor, &result.os_patch,
               &result.os_patch_minor});
  first_match(
      tables_->systems_end, tables_->rules.size(),
      {&result.device_family, &result.device_brand, &result.device_model, nullptr, nullptr});
  result.device_type =
      device_type_of({agent, result.browser, result.os_family, result.device_family,
                      result.device_brand, result.device_model});
  return result;
}

std::vector<std::string> UserAgentParser::compile_all() const {
  std::vector<std::string> refused;
  for (const Rule& rule : tables_->rules) {
    const std::string error = rule.expression.compile_all();
    if (error.empty()) continue;
    refused.push_back(tables_->place(rule) + "the expression '" + rule.expression.pattern() +
                      "' is refused by RE2: " + error);
  }
  return refused;
}

std::size_t UserAgentParser::expression_count() const { return tables_->rules.size(); }

}  // namespace flow::operators
