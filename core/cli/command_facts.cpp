#include "core/cli/command_facts.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string_view>

namespace flowrun::cli {
namespace {

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(' ');
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(' ') + 1 - begin);
}

// "text|json" -> text, json; empty where one part is no word to be typed, such as "HOST:PORT|off".
std::vector<std::string> choices_in(std::string_view value) {
  std::vector<std::string> choices;
  if (value.find('|') == std::string_view::npos) return choices;
  while (true) {
    const std::size_t bar = std::min(value.find('|'), value.size());
    const std::string_view word = value.substr(0, bar);
    const bool typed = !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    });
    if (!typed) return {};
    choices.emplace_back(word);
    if (bar == value.size()) return choices;
    value.remove_prefix(bar + 1);
  }
}

OptionFacts option_facts(const CLI::Option& option) {
  OptionFacts facts;
  facts.doc = option.get_description();
  facts.required = option.get_required();
  facts.many = option.get_items_expected_max() > 1;
  if (option.get_positional()) {
    facts.name = option.get_name(true);
    return facts;
  }
  const bool has_long = !option.get_lnames().empty();
  facts.name = has_long ? "--" + option.get_lnames().front() : "-" + option.get_snames().front();
  if (has_long && !option.get_snames().empty())
    facts.short_name = "-" + option.get_snames().front();
  if (option.get_items_expected_max() == 0) return facts;
  const std::string& text = option.get_option_text();
  const std::string type = option.get_type_name();
  std::string_view value = trimmed(text);
  if (value.empty()) value = trimmed(type);
  if (!value.empty() && value.back() == ']') {
    const std::size_t bracket = value.rfind('[');
    facts.by_default = value.substr(bracket + 1, value.size() - bracket - 2);
    value = trimmed(value.substr(0, bracket));
  }
  facts.value = value;
  facts.choices = choices_in(value);
  return facts;
}

CommandFacts facts_of(const CLI::App& command, const std::string& name) {
  CommandFacts facts;
  facts.name = name;
  facts.summary = command.get_description();
  facts.footer = command.get_footer();
  for (const CLI::Option* option : command.get_options()) {
    (option->get_positional() ? facts.positionals : facts.options).push_back(option_facts(*option));
  }
  for (const CLI::App* below : command.get_subcommands(nullptr)) {
    facts.commands.push_back(
        facts_of(*below, name.empty() ? below->get_name() : name + ' ' + below->get_name()));
  }
  return facts;
}

void collect(const CommandFacts& from, std::vector<const CommandFacts*>& into) {
  if (from.commands.empty()) into.push_back(&from);
  for (const CommandFacts& below : from.commands) collect(below, into);
}

}  // namespace

std::string CommandFacts::synopsis() const {
  std::string text = "flowrun";
  if (!name.empty()) text.append(" ").append(name);
  for (const OptionFacts& positional : positionals) {
    text.append(positional.required ? " " : " [").append(positional.name);
    text.append(positional.many ? "..." : "").append(positional.required ? "" : "]");
  }
  return text + " [OPTIONS]";
}

CommandFacts command_facts(const CLI::App& program) { return facts_of(program, ""); }

std::vector<const CommandFacts*> all_commands(const CommandFacts& program) {
  std::vector<const CommandFacts*> commands;
  collect(program, commands);
  return commands;
}

}  // namespace flowrun::cli
