#include "core/cli/man_page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "core/cli/exit_code.hpp"

namespace flowrun::cli {
namespace {

// Text that roff takes as it is: no escapes, no requests at line beginnings, hyphens for typing.
std::string plain(std::string_view text) {
  std::string out;
  bool line_begins = true;
  for (const char c : text) {
    if (line_begins && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
    line_begins = c == '\n';
  }
  return out;
}

std::string bold(std::string_view text) { return "\\fB" + plain(text) + "\\fR"; }
std::string italic(std::string_view text) { return "\\fI" + plain(text) + "\\fR"; }

// Lines as they are.
std::string verbatim(std::string_view text) {
  while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  return ".nf\n" + plain(text) + "\n.fi\n";
}

std::string option_entry(const OptionFacts& option) {
  std::string head = option.short_name.empty() ? "" : bold(option.short_name) + ", ";
  head += bold(option.name);
  if (!option.value.empty()) head += ' ' + italic(option.value);
  std::string doc = plain(option.doc);
  if (!option.by_default.empty()) doc += ". Default: " + plain(option.by_default);
  return ".TP\n" + head + '\n' + doc + ".\n";
}

// Descriptions end with a full stop once, whether or not they had one.
std::string one_stop(std::string text) {
  for (std::size_t at = text.find("..\n"); at != std::string::npos; at = text.find("..\n", at)) {
    text.erase(at, 1);
  }
  return text;
}

std::string command_section(const CommandFacts& command) {
  std::string text = ".SS " + plain(command.synopsis()) + '\n' + plain(command.summary) + ".\n";
  for (const OptionFacts& positional : command.positionals) {
    text += ".TP\n" + italic(positional.name) + '\n' + plain(positional.doc) + ".\n";
  }
  for (const OptionFacts& option : command.options) {
    if (option.name != "--help") text += option_entry(option);
  }
  std::string footer = command.footer;
  // All commands have them in common; they have a section of their own.
  if (const std::size_t at = footer.find(kExitCodeHelp); at != std::string::npos) {
    footer.erase(at, std::string_view(kExitCodeHelp).size());
  }
  footer.erase(0, footer.find_first_not_of('\n'));
  for (std::size_t at = footer.find("\n\n\n"); at != std::string::npos;
       at = footer.find("\n\n\n")) {
    footer.erase(at, 1);
  }
  if (!footer.empty()) text += ".PP\n" + verbatim(footer);
  return text;
}

}  // namespace

std::string man_page(const CommandFacts& program) {
  std::string text =
      ".\\\" Written by 'flowrun docs' from the commands' own help. Do not edit.\n"
      ".TH FLOWRUN 1 \"\" \"flowrun " FLOWRUN_VERSION
      "\" \"User Commands\"\n"
      ".SH NAME\nflowrun \\- run streams of records through a graph of operators\n"
      ".SH SYNOPSIS\n";
  text += bold("flowrun") + ' ' + italic("FILE") + " [" + italic("OPTIONS") + "]\n.br\n";
  text += bold("flowrun") + ' ' + italic("COMMAND") + " [" + italic("OPTIONS") + "]\n";
  text += ".SH DESCRIPTION\n" + plain(program.summary) +
          "\nA pipeline file is TOML: it names sources, transforms and sinks, which operator each "
          "of them is,\nand what it reads. Operators come from plugins; " +
          bold("flowrun inspect") + " lists them.\n";
  text += ".SH COMMANDS\n";
  for (const CommandFacts* command : all_commands(program)) text += command_section(*command);
  text += ".SH OPTIONS OF EVERY COMMAND\n";
  for (const OptionFacts& option : program.options) text += option_entry(option);
  text += ".SH EXIT STATUS\n";
  std::string_view codes = kExitCodeHelp;
  codes.remove_prefix(codes.find('\n') + 1);
  text += verbatim(codes);
  text +=
      ".SH ENVIRONMENT\n.TP\n.B FLOWRUN_PLUGIN_PATH\nFolders of plugins, between colons; searched "
      "behind those of \\fB\\-\\-plugin\\-path\\fR.\n"
      ".PP\nAny variable can stand in the texts of a pipeline file, ${NAME} or "
      "${NAME:\\-default}.\n";
  text +=
      ".SH FILES\n.TP\n.I share/flowrun/pipeline.schema.json\nThe JSON Schema of pipeline files, "
      "for editors.\n.TP\n.I share/doc/flowrun\nThe documentation: commands, pipeline files, "
      "operators.\n.TP\n.I lib/flowrun/plugins\nThe plugins.\n";
  return one_stop(std::move(text));
}

}  // namespace flowrun::cli
