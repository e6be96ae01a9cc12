#include "core/plugin/descriptor_check.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "core/config/loader.hpp"
#include "core/config/names.hpp"
#include "core/config/options.hpp"
#include "core/config/toml_document.hpp"
#include "flow/host/reserved_keys.hpp"

namespace flowrun {
namespace {

bool is_blank(const char* text) { return text == nullptr || *text == '\0'; }

std::string version(std::uint32_t major, std::uint32_t minor) {
  return std::to_string(major) + '.' + std::to_string(minor);
}

class PluginCheck {
 public:
  explicit PluginCheck(const flow_plugin& plugin) : plugin_(plugin) {}

  std::vector<std::string> run() {
    // `size` and the version are in every header there ever was.
    if (!FLOW_HAS(flow_plugin, &plugin_, abi_minor)) {
      return {"its flow_plugin has " + std::to_string(plugin_.size) +
              " bytes, too few to tell its "
              "version: " FLOW_PLUGIN_ENTRY " is not a flow_plugin"};
    }
    if (plugin_.abi_major != FLOW_ABI_MAJOR) {
      return {"is built for version " + version(plugin_.abi_major, plugin_.abi_minor) +
              " of the plugin interface, and this flowrun has version " +
              version(FLOW_ABI_MAJOR, FLOW_ABI_MINOR) + ": rebuild the plugin with this SDK"};
    }
    if (!FLOW_HAS(flow_plugin, &plugin_, create)) {
      return {too_small("flow_plugin", plugin_.size, sizeof(flow_plugin))};
    }
    require(plugin_.id, "the plugin has no id");
    require(plugin_.version, "the plugin has no version");
    require(plugin_.license, "the plugin has no license");
    if (plugin_.create == nullptr) problem("the plugin has no create function");
    if (plugin_.n_operators == 0 || plugin_.operators == nullptr) {
      problem("the plugin offers no operators");
      return std::move(problems_);
    }
    for (std::uint32_t i = 0; i < plugin_.n_operators; ++i) {
      subject_ = "operator " + std::to_string(i + 1) + ": ";
      if (plugin_.operators[i] == nullptr) {
        problem("its descriptor is NULL");
      } else {
        check_descriptor(*plugin_.operators[i]);
      }
    }
    return std::move(problems_);
  }

 private:
  void problem(std::string text) { problems_.push_back(subject_ + std::move(text)); }

  bool require(const char* text, const char* otherwise) {
    if (is_blank(text)) problem(otherwise);
    return !is_blank(text);
  }

  static std::string too_small(std::string_view what, std::uint32_t size, std::size_t expected) {
    return "its " + std::string(what) + " has " + std::to_string(size) + " bytes, and version " +
           version(FLOW_ABI_MAJOR, FLOW_ABI_MINOR) + " has at least " + std::to_string(expected);
  }

  void check_descriptor(const flow_descriptor& descriptor) {
    if (!FLOW_HAS(flow_descriptor, &descriptor, version)) {
      problem(too_small("flow_descriptor", descriptor.size, sizeof(flow_descriptor)));
      return;
    }
    if (descriptor.kind < FLOW_SOURCE || descriptor.kind > FLOW_CODEC) {
      problem("its kind is " + std::to_string(descriptor.kind) + ", which is none");
      return;
    }
    if (!require(descriptor.name, "has no name")) return;
    subject_ = std::string(kind_name(descriptor.kind)) + ' ' + quote(descriptor.name) + ": ";
    if (!is_identifier(descriptor.name)) problem("its name is not an identifier");
    if (!names_.emplace(descriptor.kind, descriptor.name).second) {
      problem("the plugin offers it twice");
    }
    require(descriptor.summary, "has no summary");
    require(descriptor.doc, "has no doc");
    const std::size_t problems_before = problems_.size();
    check_options(descriptor);
    check_ports(descriptor);
    if (!require(descriptor.example_toml, "has no example_toml")) return;
    // Options that cannot be trusted cannot check the example.
    if (problems_.size() == problems_before) check_example(descriptor);
  }

  void check_options(const flow_descriptor& descriptor) {
    if (descriptor.n_options > 0 && descriptor.options == nullptr) {
      problem("has n_options, but no options");
      return;
    }
    std::set<std::string> names;
    const std::string operator_subject = subject_;
    for (std::uint32_t i = 0; i < descriptor.n_options; ++i) {
      subject_ = operator_subject + "option " + std::to_string(i + 1) + ": ";
      const flow_option* option = descriptor.options[i];
      if (option == nullptr) {
        problem("is NULL");
      } else if (!FLOW_HAS(flow_option, option, choices)) {
        problem(too_small("flow_option", option->size, sizeof(flow_option)));
      } else if (require(option->name, "has no name")) {
        subject_ = operator_subject + "option " + quote(option->name) + ": ";
        if (!names.insert(option->name).second) problem("is there twice");
        check_option(*option);
      }
    }
    subject_ = operator_subject;
  }

  void check_option(const flow_option& option) {
    if (!is_identifier(option.name)) problem("its name is not an identifier");
    if (flow::host::is_reserved_key(option.name)) {
      problem("its name is the host's: every component has it");
    }
    require(option.doc, "has no doc: each option documents itself");
    if (option.type < FLOW_OPTION_BOOL || option.type > FLOW_OPTION_SECRET) {
      problem("its type is " + std::to_string(option.type) + ", which this flowrun does not know");
      return;
    }
    const bool has_choices = option.choices != nullptr && option.choices[0] != nullptr;
    if (option.type == FLOW_OPTION_CHOICE && !has_choices) problem("is a choice without choices");
    if (option.type != FLOW_OPTION_CHOICE && has_choices) problem("has choices, but is no choice");
    const bool is_number = option.type == FLOW_OPTION_INT || option.type == FLOW_OPTION_FLOAT ||
                           option.type == FLOW_OPTION_DURATION || option.type == FLOW_OPTION_SIZE;
    if (option.has_range != 0 && !is_number) problem("has a range, but is no number");
    if (option.has_range != 0 && !(option.min <= option.max)) {
      problem("its range is empty: min is above max");
    }
    if (option.required != 0 && option.default_toml != nullptr) {
      problem("is required, and has a default, which is never used");
    }
    if (option.required == 0 && option.default_toml != nullptr) check_default(option);
  }

  void check_default(const flow_option& option) {
    Diagnostics found;
    const flow_option* only[] = {&option};
    bind_options(only, {}, {}, found);
    for (const Diagnostic& diagnostic : found.all()) problem(diagnostic.message);
  }

  void check_ports(const flow_descriptor& descriptor) {
    check_ports_of("input", descriptor.inputs, descriptor.n_inputs, descriptor);
    check_ports_of("output", descriptor.outputs, descriptor.n_outputs, descriptor);
    const bool has_inputs = descriptor.n_inputs > 0;
    if (descriptor.kind == FLOW_SOURCE && has_inputs) problem("is a source with an input");
    if (descriptor.kind != FLOW_SOURCE && descriptor.kind != FLOW_CODEC && !has_inputs) {
      problem("has no input");
    }
    if (descriptor.kind == FLOW_CODEC && (descriptor.traits & (FLOW_DECODES | FLOW_ENCODES)) == 0) {
      problem("is a codec that neither decodes nor encodes");
    }
  }

  void check_ports_of(const std::string& side, const flow_port* const* ports, std::uint32_t n_ports,
                      const flow_descriptor& descriptor) {
    if (n_ports > 0 && ports == nullptr) {
      problem("has " + std::to_string(n_ports) + ' ' + side + "s, but no array of them");
      return;
    }
    std::set<std::string> names;
    for (std::uint32_t i = 0; i < n_ports; ++i) {
      const flow_port* port = ports[i];
      const std::string which = side + ' ' + std::to_string(i + 1);
      if (port == nullptr) {
        problem(which + " is NULL");
      } else if (!FLOW_HAS(flow_port, port, key_option)) {
        problem(too_small("flow_port", port->size, sizeof(flow_port)));
      } else if (is_blank(port->name) || !is_identifier(port->name)) {
        problem(which + " has no name, or one that is not an identifier");
      } else {
        if (!names.insert(port->name).second) {
          problem(side + ' ' + quote(port->name) + " is there twice");
        }
        if (port->key_option != nullptr) check_key_option(side, *port, descriptor);
      }
    }
  }

  void check_key_option(const std::string& side, const flow_port& port,
                        const flow_descriptor& descriptor) {
    const auto options = options_of(descriptor);
    const bool is_output = side == "output";
    const bool is_fitting =
        std::any_of(options.begin(), options.end(), [&](const flow_option* option) {
          return option != nullptr && !is_blank(option->name) &&
                 std::string_view(option->name) == port.key_option &&
                 (is_output
                      ? option->type == FLOW_OPTION_TABLE
                      : option->type == FLOW_OPTION_FIELD || option->type == FLOW_OPTION_FIELDS);
        });
    if (!is_fitting) {
      problem(side + ' ' + quote(port.name) + ": its key_option " + quote(port.key_option) +
              (is_output ? " is not an option that takes a table"
                         : " is not an option that takes fields"));
    }
  }

  // The example is a file with the component's table, or the inside of such a table. Components of
  // other operators around it are not looked at: they may be another plugin's.
  void check_example(const flow_descriptor& descriptor) {
    try {
      Value::Table tables = parse_toml(descriptor.example_toml, "example_toml");
      Value document{{"example_toml", 1, 1}, std::move(tables)};
      Diagnostics found;
      const VariableLookup keep = [](std::string_view name) {
        return std::optional<std::string>("${" + std::string(name) + '}');
      };
      expand_variables(document, keep, "", found);
      std::size_t n_checked = 0;
      bool is_file = false;
      for (const Member& section : *document.table()) {
        const flow_kind kind = kind_of_section(section.name);
        if (kind == 0 || section.value.table() == nullptr) continue;
        is_file = true;
        for (const Member& component : *section.value.table()) {
          if (component.value.table() == nullptr) continue;
          n_checked += check_component(descriptor, kind, component.value,
                                       join_key(section.name, component.name), found);
        }
      }
      if (!is_file) {
        n_checked += check_component(descriptor, descriptor.kind, document, "", found);
      }
      for (const Diagnostic& diagnostic : found.all()) problem(diagnostic.to_string());
      if (n_checked == 0) {
        problem("its example_toml has no component with type = \"" + std::string(descriptor.name) +
                '"');
      }
    } catch (const ConfigurationError& error) {
      problem("does not parse: " + std::string(error.what()));
    }
  }

  static flow_kind kind_of_section(std::string_view name) {
    for (const flow_kind kind : {FLOW_SOURCE, FLOW_TRANSFORM, FLOW_WINDOW, FLOW_SINK}) {
      if (name == std::string(kind_name(kind)) + 's') return kind;
    }
    return 0;
  }

  // How many tables with the operator's options were found in it and checked.
  std::size_t check_component(const flow_descriptor& descriptor, flow_kind kind,
                              const Value& component, const std::string& key_path,
                              Diagnostics& found) {
    if (descriptor.kind == FLOW_CODEC && kind != FLOW_CODEC) {
      std::size_t n_checked = 0;
      for (const char* key : {"encoding", "decoding"}) {
        const Value* codec = find(*component.table(), key);
        if (codec == nullptr) continue;
        if (codec->text() && *codec->text() == descriptor.name) ++n_checked;
        if (codec->table() == nullptr) continue;
        n_checked +=
            check_component(descriptor, FLOW_CODEC, *codec, join_key(key_path, key), found);
      }
      return n_checked;
    }
    const Value* type = find(*component.table(), "type");
    const bool is_it = kind == descriptor.kind && type != nullptr && type->text() != nullptr &&
                       *type->text() == descriptor.name;
    if (!is_it) return 0;
    const std::vector<std::string> common = common_keys(kind);
    Value::Table options;
    for (const Member& member : *component.table()) {
      if (std::find(common.begin(), common.end(), member.name) == common.end()) {
        options.push_back(member);
      }
    }
    const std::string owner = std::string(kind_name(kind)) + ' ' + quote(descriptor.name);
    bind_options(options_of(descriptor), options,
                 {component.place, key_path, owner, common, SecretReading::kLeaveOut}, found);
    return 1;
  }

  const flow_plugin& plugin_;
  std::vector<std::string> problems_;
  std::string subject_;  // prefix of the problems being found
  std::set<std::pair<flow_kind, std::string>> names_;
};

}  // namespace

std::vector<std::string> plugin_problems(const flow_plugin& plugin) {
  return PluginCheck(plugin).run();
}

}  // namespace flowrun
