#include "core/cli/operator_page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "core/cli/operator_facts.hpp"
#include "core/config/names.hpp"
#include "core/config/options.hpp"
#include "core/config/pipeline_settings.hpp"
#include "core/config/specification.hpp"

namespace flowrun::cli {
namespace {

constexpr std::size_t kWidth = 96;
constexpr flow_kind kKinds[] = {FLOW_SOURCE, FLOW_TRANSFORM, FLOW_WINDOW, FLOW_SINK, FLOW_CODEC};

// `text` in lines of at most kWidth characters, each behind `indent` spaces.
std::string wrapped(std::string_view text, std::size_t indent) {
  const std::string margin(indent, ' ');
  std::string result;
  std::string line = margin;
  while (!text.empty()) {
    const std::size_t space = std::min(text.find_first_of(" \n"), text.size());
    const std::string_view word = text.substr(0, space);
    text.remove_prefix(std::min(space + 1, text.size()));
    if (word.empty()) continue;
    if (line.size() > indent && line.size() + 1 + word.size() > kWidth) {
      result += line + '\n';
      line = margin;
    }
    if (line.size() > indent) line += ' ';
    line += word;
  }
  return line.size() > indent ? result + line + '\n' : result;
}

// Lines as they are, each behind `indent` spaces.
std::string indented(std::string_view text, std::size_t indent) {
  std::string result;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (end > 0) result += std::string(indent, ' ');
    result += text.substr(0, end);
    result += '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return result;
}

// "  name   size, default 1MiB, 1B to 512MiB" and the doc below it.
std::string option_text(const flow_option& option) {
  std::string facts(option_type_name(option.type));
  if (option.required != 0) facts += ", required";
  if (option.default_toml != nullptr) facts += fmt::format(", default {}", option.default_toml);
  const std::string range = range_text(option);
  if (!range.empty()) facts += ", " + range;
  const std::vector<std::string> choices = choices_of(option);
  if (!choices.empty()) facts += ": " + enumerate(choices, "or");
  return fmt::format("  {}  ({})\n", option.name, facts) + wrapped(option.doc, 6);
}

std::string port_text(const flow_port& port, bool is_output) {
  std::string head = fmt::format("  {}", port.name);
  if (port.key_option != nullptr) {
    const std::string option(port.key_option);
    head += is_output ? "  (one an entry of the option '" + option + "', named like it)"
                      : "  (key: option '" + option + "')";
  }
  return head + '\n' + wrapped(port.doc, 6);
}

std::string page(const OfferedOperator& offered) {
  const flow_descriptor& descriptor = *offered.descriptor;
  const flow_plugin& plugin = offered.library->plugin();
  std::string text = fmt::format("{} '{}': {}\n\n", kind_name(descriptor.kind), descriptor.name,
                                 descriptor.summary);
  text += indented(descriptor.doc, 0) + '\n';

  text += "Example\n" + indented(descriptor.example_toml, 4) + '\n';

  text += "Options\n";
  if (descriptor.n_options == 0) text += "  none\n";
  for (const flow_option* option : options_of(descriptor)) text += option_text(*option);
  const std::vector<CommonKey> common = common_keys_of(descriptor);
  if (!common.empty()) {
    text += "\nBeside them\n";
    for (const CommonKey& key : common) {
      text += fmt::format("  {}  ({})\n", key.name, key.type) + wrapped(key.doc, 6);
    }
  }
  if (descriptor.n_inputs > 0) {
    text += "\nInputs\n";
    for (std::uint32_t i = 0; i < descriptor.n_inputs; ++i)
      text += port_text(*descriptor.inputs[i], false);
  }
  if (descriptor.n_outputs > 0) {
    text += "\nOutputs\n";
    for (std::uint32_t i = 0; i < descriptor.n_outputs; ++i) {
      text += port_text(*descriptor.outputs[i], true);
    }
  }
  text += "\nTraits\n";
  for (const std::string& trait : trait_names(descriptor.traits)) {
    text += wrapped(trait + ": " + trait_meaning(trait), 2);
  }
  text += fmt::format("\nPlugin\n  {} {}, licence {}\n  {}\n", plugin.id, plugin.version,
                      plugin.license, offered.library->file().string());
  return text;
}

}  // namespace

std::string operator_list(const Registry& registry) {
  const std::vector<OfferedOperator> operators = registry.operators();
  std::size_t width = 0;
  for (const OfferedOperator& offered : operators) {
    width = std::max(width, std::string_view(offered.descriptor->name).size());
  }
  std::string text;
  for (const flow_kind kind : kKinds) {
    bool first = true;
    for (const OfferedOperator& offered : operators) {
      if (offered.descriptor->kind != kind) continue;
      if (first) text += fmt::format("{}{}s\n", text.empty() ? "" : "\n", kind_name(kind));
      first = false;
      text += fmt::format("  {:<{}}  {}\n", offered.descriptor->name, width,
                          offered.descriptor->summary);
    }
  }
  text += "\nplugins\n";
  for (const PluginLibrary* library : registry.libraries()) {
    text += fmt::format("  {} {}  {}\n", library->plugin().id, library->plugin().version,
                        library->file().string());
  }
  return text +
         "\n'flowrun inspect NAME' shows an operator's page, 'flowrun inspect pipeline' the "
         "settings of a pipeline.\n";
}

std::string operator_pages(const std::vector<OfferedOperator>& operators) {
  std::string text;
  for (const OfferedOperator& offered : operators) {
    if (!text.empty()) text += '\n' + std::string(kWidth, '-') + "\n\n";
    text += page(offered);
  }
  return text;
}

std::string pipeline_page() {
  std::string text =
      "The [pipeline] table: settings of the pipeline as a whole. All may be left "
      "out.\n\n";
  for (const flow_option* option : pipeline_options()) text += option_text(*option);
  text += "\nKeys of `checkpoint`\n";
  for (const flow_option* option : checkpoint_options()) text += option_text(*option);
  return text;
}

}  // namespace flowrun::cli
