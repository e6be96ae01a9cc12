#include "core/cli/reference_page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string_view>
#include <vector>

#include "core/cli/operator_facts.hpp"
#include "core/config/names.hpp"
#include "core/config/options.hpp"
#include "core/config/parameters.hpp"
#include "core/config/pipeline_settings.hpp"
#include "core/config/specification.hpp"

namespace flowrun::cli {
namespace {

constexpr flow_kind kKinds[] = {FLOW_SOURCE, FLOW_TRANSFORM, FLOW_WINDOW, FLOW_SINK, FLOW_CODEC};
constexpr std::string_view kGenerated =
    "<!-- Written by 'flowrun docs' from what the operators say of themselves. Do not edit. -->\n";

// Text for a cell of a table: on one line, bars and angle brackets taken literally.
std::string cell(std::string_view text) {
  std::string out;
  bool code = false;
  for (const char c : text) {
    if (c == '`') code = !code;
    if (c == '|') {
      out += "\\|";
    } else if (c == '\n') {
      out += ' ';
    } else if (!code && (c == '<' || c == '*')) {
      out.append("\\").push_back(c);
    } else {
      out += c;
    }
  }
  return out;
}

std::string code(std::string_view text) {
  return '`' + cell('`' + std::string(text) + '`').substr(1);
}

std::string option_row(const flow_option& option) {
  std::string type(option.type == FLOW_OPTION_CHOICE ? "choice" : option_type_name(option.type));
  const std::string range = range_text(option);
  if (!range.empty()) type += ", " + range;
  const std::vector<std::string> choices = choices_of(option);
  if (!choices.empty()) {
    std::vector<std::string> shown;
    shown.reserve(choices.size());
    for (const std::string& choice : choices) shown.push_back(code('"' + choice + '"'));
    type += ": " + enumerate(shown, "or");
  }
  std::string by_default;
  if (option.required != 0) {
    by_default = "required";
  } else if (option.default_toml != nullptr) {
    by_default = code(option.default_toml);
  }
  return fmt::format("| {} | {} | {} | {} |\n", code(option.name), type, by_default,
                     cell(option.doc));
}

std::string option_table(std::span<const flow_option* const> options) {
  std::string text = "| Option | Type | Default | |\n|---|---|---|---|\n";
  for (const flow_option* option : options) text += option_row(*option);
  return text;
}

std::string port_table(const char* title, const flow_port* const* ports, std::uint32_t n_ports) {
  if (n_ports == 0) return {};
  std::string text = fmt::format("\n| {} | |\n|---|---|\n", title);
  for (std::uint32_t i = 0; i < n_ports; ++i) {
    std::string doc = cell(ports[i]->doc);
    if (ports[i]->key_option != nullptr) {
      doc += fmt::format(" Its key is the option {}.", code(ports[i]->key_option));
    }
    text += fmt::format("| {} | {} |\n", code(ports[i]->name), doc);
  }
  return text;
}

std::string title_of(const flow_descriptor& descriptor) {
  return fmt::format("{} `{}`", kind_name(descriptor.kind), descriptor.name);
}

// As GitHub and its like make them: small letters, spaces as hyphens, marks left out.
std::string anchor_of(const flow_descriptor& descriptor) {
  return fmt::format("{}-{}", kind_name(descriptor.kind), descriptor.name);
}

std::string operator_section(const flow_descriptor& descriptor) {
  std::string text = fmt::format("\n## {}\n\n{}\n", title_of(descriptor), descriptor.summary);
  std::string_view doc = descriptor.doc;
  while (!doc.empty() && doc.back() == '\n') doc.remove_suffix(1);
  if (!doc.empty()) text += fmt::format("\n{}\n", doc);
  std::string_view example = descriptor.example_toml;
  while (!example.empty() && example.back() == '\n') example.remove_suffix(1);
  text += fmt::format("\n```toml\n{}\n```\n\n", example);
  const auto options = options_of(descriptor);
  text += options.empty() ? "No options.\n" : option_table(options);
  std::vector<std::string> beside;
  for (const CommonKey& key : common_keys_of(descriptor)) beside.push_back(code(key.name));
  if (!beside.empty()) {
    text +=
        fmt::format("\nBeside them: {}, as in [all {}s](../../docs/reference/pipeline.md#{}).\n",
                    enumerate(beside), kind_name(descriptor.kind), "keys-of-every-component");
  }
  text += port_table("Input", descriptor.inputs, descriptor.n_inputs);
  text += port_table("Output", descriptor.outputs, descriptor.n_outputs);
  text += '\n';
  for (const std::string& trait : trait_names(descriptor.traits)) {
    const std::string meaning = trait_meaning(trait);
    text += fmt::format("- *{}*{}\n", trait, meaning.empty() ? "" : ": " + meaning);
  }
  return text;
}

std::vector<const flow_descriptor*> operators_of(const PluginLibrary& library, flow_kind kind) {
  std::vector<const flow_descriptor*> found;
  const flow_plugin& plugin = library.plugin();
  for (std::uint32_t i = 0; i < plugin.n_operators; ++i) {
    if (plugin.operators[i]->kind == kind) found.push_back(plugin.operators[i]);
  }
  std::sort(found.begin(), found.end(), [](const flow_descriptor* a, const flow_descriptor* b) {
    return std::string_view(a->name) < b->name;
  });
  return found;
}

std::string common_key_table() {
  std::string text = "| Key | Of | |\n|---|---|---|\n";
  struct Row {
    CommonKey key;
    std::string of;
  };
  std::vector<Row> rows;
  // One descriptor for each combination that has keys of its own.
  struct Shape {
    flow_kind kind;
    std::uint64_t traits;
    const char* name;
  };
  static constexpr Shape kShapes[] = {{FLOW_TRANSFORM, 0, "transforms, windows, sinks"},
                                      {FLOW_TRANSFORM, FLOW_KEYED, "keyed operators"},
                                      {FLOW_SOURCE, FLOW_BYTES, "sources of bytes"},
                                      {FLOW_SOURCE, FLOW_MESSAGES, "sources of messages"},
                                      {FLOW_SINK, FLOW_BYTES, "sinks of bytes or messages"}};
  for (const Shape& shape : kShapes) {
    flow_descriptor descriptor{};
    descriptor.kind = shape.kind;
    descriptor.traits = shape.traits;
    for (const CommonKey& key : common_keys_of(descriptor)) {
      const bool known = std::any_of(rows.begin(), rows.end(), [&](const Row& row) {
        return std::string_view(row.key.name) == key.name &&
               std::string_view(row.key.doc) == key.doc;
      });
      if (known) continue;
      rows.push_back({key, std::string_view(key.name) == "on_error" ? "all" : shape.name});
    }
  }
  for (const Row& row : rows) {
    text += fmt::format("| {} ({}) | {} | {} |\n", code(row.key.name), row.key.type, row.of,
                        cell(row.key.doc));
  }
  return text;
}

}  // namespace

std::string plugin_reference(const PluginLibrary& library) {
  const flow_plugin& plugin = library.plugin();
  std::string text(kGenerated);
  text += fmt::format(
      "# The plugin `{}`\n\n`{}` {}, licence {}. `flowrun inspect NAME` shows the "
      "same in a terminal; [all operators](../../docs/reference/README.md).\n\n",
      library.file().stem().string(), plugin.id, plugin.version, plugin.license);
  for (const flow_kind kind : kKinds) {
    for (const flow_descriptor* descriptor : operators_of(library, kind)) {
      text += fmt::format("- [{}](#{}): {}\n", title_of(*descriptor), anchor_of(*descriptor),
                          cell(descriptor->summary));
    }
  }
  for (const flow_kind kind : kKinds) {
    for (const flow_descriptor* descriptor : operators_of(library, kind)) {
      text += operator_section(*descriptor);
    }
  }
  return text;
}

std::string reference_index(const Registry& registry) {
  std::string text(kGenerated);
  text +=
      "# Reference\n\n"
      "Every operator that ships, by kind. The keys that all of them share, and the settings of a "
      "pipeline: [pipeline.md](pipeline.md). Editors complete and check pipeline files with "
      "[pipeline.schema.json](../pipeline.schema.json), see "
      "[pipeline files](../pipeline-files.md#editors).\n";
  const std::vector<OfferedOperator> operators = registry.operators();
  for (const flow_kind kind : kKinds) {
    std::string rows;
    for (const OfferedOperator& offered : operators) {
      const flow_descriptor& descriptor = *offered.descriptor;
      if (descriptor.kind != kind) continue;
      const std::string plugin = offered.library->file().stem().string();
      rows +=
          fmt::format("| [`{}`](../../plugins/{}/REFERENCE.md#{}) | {} | `{}` |\n", descriptor.name,
                      plugin, anchor_of(descriptor), cell(descriptor.summary), plugin);
    }
    if (rows.empty()) continue;
    std::string heading = std::string(kind_name(kind)) + 's';
    heading.front() = static_cast<char>(heading.front() - 'a' + 'A');
    text += fmt::format("\n## {}\n\n| Operator | | Plugin |\n|---|---|---|\n", heading) + rows;
  }
  return text;
}

std::string pipeline_reference() {
  std::string text(kGenerated);
  text +=
      "# Pipeline files: tables and keys\n\n"
      "What they mean together is told in [pipeline files](../pipeline-files.md).\n\n"
      "## [pipeline]\n\nSettings of the pipeline as a whole. All may be left out.\n\n";
  text += option_table(pipeline_options());
  text += "\nKeys of `checkpoint`:\n\n" + option_table(checkpoint_options());
  text +=
      "\n## [parameters]\n\nEach key is a parameter: `NAME = VALUE`, or a table with these:\n\n";
  text += "| Key | |\n|---|---|\n";
  for (const flow_option* key : parameter_keys()) {
    text += fmt::format("| {} | {} |\n", code(key->name), cell(key->doc));
  }
  text +=
      "\n## Keys of every component\n\nBeside the options of the operator that `type` names:\n\n";
  return text + common_key_table();
}

}  // namespace flowrun::cli
