#include "core/cli/completion.hpp"

#include <fmt/format.h>

#include <string_view>

namespace flowrun::cli {
namespace {

// The words that begin what follows: "run", "new", "--help".
std::string first_words(const CommandFacts& command) {
  std::string words;
  const auto add = [&](std::string_view word) {
    if (!words.empty()) words += ' ';
    words += word;
  };
  for (const CommandFacts& below : command.commands) {
    add(std::string_view(below.name).substr(below.name.rfind(' ') + 1));
  }
  for (const OptionFacts& option : command.options) add(option.name);
  return words;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text.append(text.empty() ? "" : " ").append(word);
  return text;
}

// What completes the value of an option or a positional.
std::string action(const OptionFacts& option, bool positional) {
  if (!option.choices.empty()) return "_flowrun_words \"" + joined(option.choices) + '"';
  const std::string& value = positional ? option.name : option.value;
  if (value == "DIR") return "_flowrun_folders";
  if (value == "FILE") return "_flowrun_files";
  return ":";
}

std::string command_case(const CommandFacts& command) {
  std::string text = fmt::format("    \"{}\")\n", command.name);
  std::string values;
  std::string flags;
  for (const OptionFacts& option : command.options) {
    if (option.value.empty()) continue;
    values += fmt::format("        {}) {}; return ;;\n", option.name, action(option, false));
  }
  if (!values.empty()) text += "      case $previous in\n" + values + "      esac\n";
  std::string otherwise = ":";
  if (command.name == "inspect") {
    otherwise = "_flowrun_operators";
  } else if (!command.positionals.empty()) {
    otherwise = action(command.positionals.front(), true);
  }
  text += fmt::format("      if [[ $word == -* ]]; then _flowrun_words \"{}\"; else {}; fi ;;\n",
                      first_words(command), otherwise);
  return text;
}

constexpr std::string_view kHead =
    R"bash(# bash completion for flowrun. Written by 'flowrun docs' from the commands' own help. Do not edit.

_flowrun_words() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$word"); }

_flowrun_folders() {
  compopt -o filenames 2>/dev/null
  mapfile -t COMPREPLY < <(compgen -d -- "$word")
}

# Pipeline files, and folders that may hold some.
_flowrun_files() {
  compopt -o filenames 2>/dev/null
  mapfile -t COMPREPLY < <(compgen -f -X '!*.toml' -- "$word"; compgen -d -- "$word")
}

_flowrun_operators() {
  _flowrun_words "pipeline $("$program" inspect 2>/dev/null |
    awk '/^plugins$/ { exit } /^  / { print $1 }' | sort -u | tr '\n' ' ')"
}

_flowrun() {
  local program=${COMP_WORDS[0]} word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
  local command="" i
  COMPREPLY=()
)bash";

}  // namespace

std::string bash_completion(const CommandFacts& program) {
  std::string text(kHead);
  // The words in front that make up the command's name.
  std::string leading;
  for (const CommandFacts& command : program.commands) {
    if (!command.commands.empty()) leading.append(leading.empty() ? "" : "|").append(command.name);
  }
  text += "  for ((i = 1; i < COMP_CWORD; ++i)); do\n";
  text += "    if ((i == 1)) && [[ ${COMP_WORDS[1]} != -* ]]; then command=${COMP_WORDS[1]}\n";
  if (!leading.empty()) {
    text += fmt::format(
        "    elif ((i == 2)) && [[ $command == @({}) ]]; then command+=\" ${{COMP_WORDS[2]}}\"\n",
        leading);
  }
  text += "    fi\n  done\n  case $command in\n";
  text += fmt::format(
      "    \"\") _flowrun_files\n      [[ $word == */* ]] || mapfile -t -O "
      "${{#COMPREPLY[@]}} COMPREPLY < <(compgen -W \"{}\" -- \"$word\") ;;\n",
      first_words(program));
  for (const CommandFacts* command : all_commands(program)) text += command_case(*command);
  for (const CommandFacts& command : program.commands) {
    if (command.commands.empty()) continue;
    text +=
        fmt::format("    \"{}\") _flowrun_words \"{}\" ;;\n", command.name, first_words(command));
  }
  const CommandFacts* run = nullptr;
  for (const CommandFacts& command : program.commands) {
    if (command.name == "run") run = &command;
  }
  if (run != nullptr) {
    // flowrun FILE is short for flowrun run FILE.
    CommandFacts short_for = *run;
    short_for.name = "*";
    std::string last = command_case(short_for);
    last.replace(last.find("\"*\""), 3, "*");
    text += last;
  }
  return text + "  esac\n}\n\ncomplete -F _flowrun flowrun\n";
}

}  // namespace flowrun::cli
