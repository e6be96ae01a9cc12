#include "core/config/binding.hpp"

#include <algorithm>
#include <set>
#include <unordered_map>
#include <utility>

#include "core/config/graph_check.hpp"
#include "core/config/loader.hpp"
#include "core/config/names.hpp"

namespace flowrun {
namespace {

constexpr flow_kind kAllKinds[] = {FLOW_SOURCE, FLOW_TRANSFORM, FLOW_WINDOW, FLOW_SINK, FLOW_CODEC};

std::string with_article(flow_kind kind) { return "a " + std::string(kind_name(kind)); }

std::vector<std::string> port_names(const flow_port* const* ports, std::uint32_t n_ports) {
  std::vector<std::string> names;
  for (std::uint32_t i = 0; i < n_ports; ++i) names.emplace_back(ports[i]->name);
  return names;
}

std::optional<std::uint32_t> find_port(const std::vector<std::string>& names,
                                       std::string_view name) {
  const auto at = std::find(names.begin(), names.end(), name);
  if (at == names.end()) return std::nullopt;
  return static_cast<std::uint32_t>(at - names.begin());
}

std::string quoted_list(const std::vector<std::string>& names, std::string_view last = "and") {
  std::vector<std::string> quoted_names;
  quoted_names.reserve(names.size());
  for (const std::string& name : names) quoted_names.push_back(quote(name));
  return enumerate(quoted_names, last);
}

bool is_trouble_port(std::string_view name) { return name == "errors" || name == "late"; }

class Binder {
 public:
  Binder(PipelineSpecification specification, const Registry& registry, Diagnostics& found,
         bool plugins_complete, const BindSettings& settings)
      : registry_(registry),
        found_(found),
        plugins_complete_(plugins_complete),
        settings_(settings) {
    bound_.specification = std::move(specification);
  }

  BoundPipeline bind() {
    const auto& components = bound_.specification.components;
    for (std::size_t i = 0; i < components.size(); ++i) index_.emplace(components[i].id, i);
    for (const ComponentSpecification& component : components) {
      bound_.components.push_back(bind_component(component));
    }
    read_ports_.resize(components.size());
    for (std::size_t i = 0; i < components.size(); ++i) bind_inputs(i);
    for (std::size_t i = 0; i < components.size(); ++i) warn_of_unread(i);
    bound_.order = topological_order(bound_.specification);
    return std::move(bound_);
  }

 private:
  BoundComponent bind_component(const ComponentSpecification& component) {
    BoundComponent bound;
    bound.on_error =
        component.on_error ? component.on_error->value : bound_.specification.on_error.value;
    if (component.type.value.empty()) return bound;  // told by the loader
    bound.offered = find_operator(component.kind, component.type, component.key_path() + ".type");
    if (bound.offered.descriptor == nullptr) return bound;
    const std::string owner = describe(component.kind, component.type.value);
    std::vector<std::string> common = common_keys(component.kind);
    bound.options = bind_options(
        options_of(bound.descriptor()), component.options,
        {component.place, component.key_path(), owner, std::move(common), settings_.secrets},
        found_);
    if (component.parallelism && !is_keyed(bound.descriptor())) {
      found_.error(component.parallelism->place, component.key_path() + ".parallelism",
                   "only keyed operators have one of their own, and the " + owner + " is not keyed",
                   "leave it out: [pipeline] parallelism is for all operators");
    }
    bound.codec = bind_codec(component, bound.descriptor());
    if (flow::host::ComponentDescriptor::is_needed(bound.descriptor())) {
      bind_outputs(component, bound);
    }
    return bound;
  }

  // The outputs that an option names.
  void bind_outputs(const ComponentSpecification& component, BoundComponent& bound) {
    const flow_descriptor& offered = *bound.offered.descriptor;
    bound.own =
        std::make_shared<const flow::host::ComponentDescriptor>(offered, bound.options.values());
    std::vector<std::string> fixed;
    for (std::uint32_t i = 0; i < offered.n_outputs; ++i) {
      if (offered.outputs[i]->key_option == nullptr) fixed.emplace_back(offered.outputs[i]->name);
    }
    for (std::uint32_t i = 0; i < offered.n_outputs; ++i) {
      if (offered.outputs[i]->key_option == nullptr) continue;
      const Value* given = find(component.options, offered.outputs[i]->key_option);
      if (given == nullptr || given->table() == nullptr) continue;
      for (const Member& entry : *given->table()) {
        const std::string path =
            join_key(join_key(component.key_path(), offered.outputs[i]->key_option), entry.name);
        if (!is_identifier(entry.name)) {
          found_.error(entry.place, path, quote(entry.name) + " cannot name an output",
                       "write a letter, then letters, digits, _ and -");
        } else if (std::find(fixed.begin(), fixed.end(), entry.name) != fixed.end() ||
                   is_trouble_port(entry.name)) {
          found_.error(entry.place, path,
                       quote(entry.name) + " is the name of another output of the " +
                           describe(component.kind, component.type.value));
        }
      }
    }
  }

  static std::string describe(flow_kind kind, const std::string& type) {
    return std::string(kind_name(kind)) + ' ' + quote(type);
  }

  OfferedOperator find_operator(flow_kind kind, const Placed<std::string>& type,
                                const std::string& key_path) {
    if (const OfferedOperator* offered = registry_.find(kind, type.value)) {
      return *offered;
    }
    std::vector<std::string> offered_as;
    for (const flow_kind other : kAllKinds) {
      if (registry_.find(other, type.value)) offered_as.push_back("as " + with_article(other));
    }
    if (!offered_as.empty()) {
      found_.error(type.place, key_path,
                   quote(type.value) + " is offered " + enumerate(offered_as) + ", not as " +
                       with_article(kind));
      return {};
    }
    if (!plugins_complete_) return {};
    std::vector<std::string> of_this_kind;
    for (const OfferedOperator& offered : registry_.operators()) {
      if (offered.descriptor->kind == kind) of_this_kind.emplace_back(offered.descriptor->name);
    }
    std::string remedy = plugin_that_offers(kind, type.value);
    if (remedy.empty()) remedy = did_you_mean(type.value, of_this_kind);
    if (remedy.empty()) remedy = "is its plugin loaded? " + loaded_plugins();
    found_.error(type.place, key_path, "no loaded plugin offers the " + describe(kind, type.value),
                 std::move(remedy));
    return {};
  }

  // Looks at the plugins that the file does not name. Empty: none of them does either.
  std::string plugin_that_offers(flow_kind kind, const std::string& type) const {
    Registry all(registry_.folders());
    all.load_all();
    const OfferedOperator* offered = all.find(kind, type);
    if (offered == nullptr) return {};
    return "the plugin " + quote(offered->library->file().stem().string()) +
           " does: add it to pipeline.plugins";
  }

  std::string loaded_plugins() const {
    std::vector<std::string> files;
    for (const PluginLibrary* library : registry_.libraries()) {
      files.push_back(library->file().filename().string());
    }
    return (files.empty() ? "none is loaded" : "loaded: " + enumerate(files)) +
           "; plugin folders: " + registry_.searched();
  }

  std::optional<BoundCodec> bind_codec(const ComponentSpecification& component,
                                       const flow_descriptor& descriptor) {
    const bool is_source = component.kind == FLOW_SOURCE;
    if (!is_source && component.kind != FLOW_SINK) return std::nullopt;
    const std::string key = is_source ? "decoding" : "encoding";
    const std::string key_path = component.key_path() + '.' + key;
    const auto& given = is_source ? component.decoding : component.encoding;
    if ((descriptor.traits & (FLOW_BYTES | FLOW_MESSAGES | FLOW_ANY_ROWS)) == 0) {
      if (given) {
        found_.error(given->place, key_path,
                     "the " + describe(component.kind, descriptor.name) +
                         (is_source ? " emits rows, not bytes: it takes no decoding"
                                    : " takes rows, not bytes: it has no encoding"),
                     "leave it out");
      }
      return std::nullopt;
    }
    const bool has_default = is_source ? (descriptor.traits & FLOW_BYTES) != 0
                                       : (descriptor.traits & FLOW_ANY_ROWS) == 0;
    if (!given && !has_default) return std::nullopt;
    CodecSpecification codec;
    if (given) {
      codec = *given;
      if (codec.type.value.empty()) return std::nullopt;  // told by the loader
    } else {
      codec.place = component.place;
      codec.type = {is_source ? "lines" : "json", component.place};
    }
    BoundCodec bound;
    bound.codec = find_operator(FLOW_CODEC, codec.type, key_path);
    if (bound.codec.descriptor == nullptr) return std::nullopt;
    const std::uint64_t needed = is_source ? FLOW_DECODES : FLOW_ENCODES;
    if ((bound.codec.descriptor->traits & needed) == 0) {
      found_.error(
          codec.type.place, key_path,
          "the codec " + quote(codec.type.value) +
              (is_source ? " encodes only, and cannot decode" : " decodes only, and cannot encode"),
          codecs_with(needed));
      return std::nullopt;
    }
    bound.options = bind_options(options_of(*bound.codec.descriptor), codec.options,
                                 {codec.place, key_path, describe(FLOW_CODEC, codec.type.value),
                                  common_keys(FLOW_CODEC), settings_.secrets},
                                 found_);
    return bound;
  }

  std::string codecs_with(std::uint64_t trait) const {
    std::vector<std::string> names;
    for (const OfferedOperator& offered : registry_.operators()) {
      if (offered.descriptor->kind == FLOW_CODEC && (offered.descriptor->traits & trait) != 0) {
        names.push_back(quote(offered.descriptor->name));
      }
    }
    if (names.empty()) return {};
    return enumerate(names) + (names.size() == 1 ? " can" : " can do that");
  }

  void bind_inputs(std::size_t reader) {
    const ComponentSpecification& component = bound_.specification.components[reader];
    BoundComponent& bound = bound_.components[reader];
    if (bound.offered.descriptor == nullptr || component.inputs.empty()) {
      // Ports of the reader are unknown, but what it reads must not be warned of.
      for (const InputSpecification& input : component.inputs) {
        for (const InputReference& reference : input.references) find_output(component, reference);
      }
      return;
    }
    const flow_descriptor& descriptor = bound.descriptor();
    const std::vector<std::string> ports = port_names(descriptor.inputs, descriptor.n_inputs);
    const std::string path = component.key_path() + ".inputs";
    const std::string owner = describe(component.kind, descriptor.name);
    std::set<std::uint32_t> wired;
    bool complete = true;
    for (const InputSpecification& input : component.inputs) {
      std::optional<std::uint32_t> port;
      if (!input.port.empty()) {
        port = find_port(ports, input.port);
        if (!port) {
          std::string remedy = did_you_mean(input.port, ports);
          if (remedy.empty()) remedy = "it has " + quoted_list(ports);
          found_.error(input.place, join_key(path, input.port),
                       "the " + owner + " has no such input", std::move(remedy));
        }
      } else if (ports.size() == 1) {
        port = 0;
      } else {
        found_.error(input.place, path,
                     "the " + owner + " has the inputs " + quoted_list(ports) +
                         ": a list does not say which",
                     "write inputs = { " + enumerate_tables(ports) + " }");
      }
      if (port) {
        wired.insert(*port);
      } else {
        complete = false;
      }
      for (const InputReference& reference : input.references) {
        std::optional<BoundInput> edge = find_output(component, reference);
        if (!edge || !port) continue;
        edge->port = *port;
        bound.inputs.push_back(std::move(*edge));
      }
    }
    for (std::uint32_t i = 0; complete && i < ports.size(); ++i) {
      if (wired.count(i) > 0) continue;
      found_.error(component.inputs.front().place, join_key(path, ports[i]),
                   "this input of the " + owner + " is not wired",
                   "write " + ports[i] + " = [\"ID\"]");
    }
    std::stable_sort(bound.inputs.begin(), bound.inputs.end(),
                     [](const BoundInput& a, const BoundInput& b) { return a.port < b.port; });
  }

  static std::string enumerate_tables(const std::vector<std::string>& ports) {
    std::string tables;
    for (const std::string& port : ports) {
      tables += (tables.empty() ? "" : ", ") + port + " = [\"ID\"]";
    }
    return tables;
  }

  // The output that `reference` means, marked as read; nothing after an error.
  std::optional<BoundInput> find_output(const ComponentSpecification& reader,
                                        const InputReference& reference) {
    const auto at = index_.find(reference.component);
    if (at == index_.end()) return std::nullopt;  // told by the loader
    BoundInput edge;
    edge.from = at->second;
    edge.place = reference.place;
    const BoundComponent& from = bound_.components[edge.from];
    const ComponentSpecification& from_specification = bound_.specification.components[edge.from];
    if (from.offered.descriptor == nullptr) return std::nullopt;
    if (from_specification.kind == FLOW_SINK && reference.port.empty()) return std::nullopt;
    const flow_descriptor& descriptor = from.descriptor();
    const std::vector<std::string> outputs = port_names(descriptor.outputs, descriptor.n_outputs);
    std::optional<std::uint32_t> port;
    if (reference.port.empty()) {
      port = main_output(outputs);
    } else {
      port = find_port(outputs, reference.port);
      if (!port && reference.port == "errors" && from.codec) port = kCodecErrorsPort;
    }
    if (!port) {
      std::vector<std::string> known = outputs;
      if (from.codec && !find_port(outputs, "errors")) known.emplace_back("errors");
      report_output(reader, reference, known, describe(from_specification.kind, descriptor.name));
      return std::nullopt;
    }
    edge.from_port = *port;
    edge.from_port_name = *port == kCodecErrorsPort ? "errors" : outputs[*port];
    read_ports_[edge.from].insert(*port);
    return edge;
  }

  // "out", or the only output that is not for rows in trouble.
  static std::optional<std::uint32_t> main_output(const std::vector<std::string>& outputs) {
    if (const std::optional<std::uint32_t> out = find_port(outputs, "out")) return out;
    std::optional<std::uint32_t> only;
    for (std::uint32_t i = 0; i < outputs.size(); ++i) {
      if (is_trouble_port(outputs[i])) continue;
      if (only) return std::nullopt;
      only = i;
    }
    return only;
  }

  void report_output(const ComponentSpecification& reader, const InputReference& reference,
                     const std::vector<std::string>& outputs, const std::string& owner) {
    std::string remedy = did_you_mean(reference.port, outputs);
    if (remedy.empty() && !outputs.empty()) {
      std::vector<std::string> references;
      references.reserve(outputs.size());
      for (const std::string& output : outputs) {
        references.push_back('"' + reference.component + '.' + output + '"');
      }
      remedy = "write " + enumerate(references, "or");
    }
    std::string message = quote(reference.component) + ", a " + owner + ", ";
    if (outputs.empty()) {
      message += "has no outputs";
    } else if (reference.port.empty()) {
      message += "has several outputs, and none called 'out'";
    } else {
      message += "has no output " + quote(reference.port);
    }
    found_.error(reference.place, reader.key_path() + ".inputs", std::move(message),
                 std::move(remedy));
  }

  void warn_of_unread(std::size_t i) {
    const BoundComponent& bound = bound_.components[i];
    if (bound.offered.descriptor == nullptr) return;
    const ComponentSpecification& component = bound_.specification.components[i];
    const flow_descriptor& descriptor = bound.descriptor();
    for (std::uint32_t port = 0; port < descriptor.n_outputs; ++port) {
      const std::string name = descriptor.outputs[port]->name;
      if (is_trouble_port(name) || read_ports_[i].count(port) > 0) continue;
      found_.warning(
          component.place, component.key_path(),
          "nothing reads its output " + quote(name) + ": these rows go nowhere",
          "read it with inputs = [\"" + component.id + (name == "out" ? "" : '.' + name) + "\"]");
    }
  }

  const Registry& registry_;
  Diagnostics& found_;
  const bool plugins_complete_;
  const BindSettings& settings_;
  BoundPipeline bound_;
  std::unordered_map<std::string, std::size_t> index_;
  std::vector<std::set<std::uint32_t>> read_ports_;  // of each component
};

}  // namespace

bool load_plugins(const PipelineSpecification& specification, Registry& registry,
                  Diagnostics& found) {
  const auto report = [&](const PluginError& error, const Place& place, const std::string& key) {
    for (const std::string& reason : error.reasons()) {
      const std::string prefix = key.empty() ? "" : error.file().string() + ": ";
      found.error(place, key, prefix + reason);
    }
  };
  const std::size_t errors = found.error_count();
  for (const Placed<std::string>& plugin : specification.plugins) {
    try {
      registry.load(plugin.value);
    } catch (const PluginError& error) {
      report(error, plugin.place, "pipeline.plugins");
    }
  }
  if (specification.plugins.empty()) {
    for (const PluginError& error : registry.load_all()) {
      report(error, {error.file().string(), 0, 0}, "");
    }
  }
  return found.error_count() == errors;
}

BoundPipeline bind(PipelineSpecification specification, const Registry& registry,
                   Diagnostics& found, bool plugins_complete, const BindSettings& settings) {
  return Binder(std::move(specification), registry, found, plugins_complete, settings).bind();
}

}  // namespace flowrun
