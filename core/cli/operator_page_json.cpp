// The pages of `inspect` as JSON. Keys are frozen: tools depend on them.
#include <cstdint>
#include <span>

#include "core/cli/json_text.hpp"
#include "core/cli/operator_facts.hpp"
#include "core/cli/operator_page.hpp"
#include "core/config/options.hpp"
#include "core/config/pipeline_settings.hpp"
#include "core/config/specification.hpp"

namespace flowrun::cli {
namespace {

void add_texts(JsonText& json, const char* key, const std::vector<std::string>& texts) {
  json.key(key).begin_array();
  for (const std::string& text : texts) json.value(std::string_view(text));
  json.end_array();
}

void add_plugin(JsonText& json, const PluginLibrary& library) {
  json.begin_object();
  json.key("id").value(library.plugin().id);
  json.key("version").value(library.plugin().version);
  json.key("license").value(library.plugin().license);
  json.key("file").value(library.file().string());
  json.end_object();
}

void add_option(JsonText& json, const flow_option& option) {
  json.begin_object();
  json.key("name").value(option.name);
  json.key("type").value(option_type_name(option.type));
  json.key("required").value(option.required != 0);
  json.key("default_toml");
  if (option.default_toml != nullptr) {
    json.value(option.default_toml);
  } else {
    json.null();
  }
  if (option.has_range != 0) {
    json.key("min").value(option.min).key("max").value(option.max);
  }
  const std::vector<std::string> choices = choices_of(option);
  if (!choices.empty()) add_texts(json, "choices", choices);
  json.key("doc").value(option.doc);
  json.end_object();
}

void add_options(JsonText& json, const char* key, std::span<const flow_option* const> options) {
  json.key(key).begin_array();
  for (const flow_option* option : options) add_option(json, *option);
  json.end_array();
}

void add_ports(JsonText& json, const char* key, const flow_port* const* ports,
               std::uint32_t n_ports) {
  json.key(key).begin_array();
  for (std::uint32_t i = 0; i < n_ports; ++i) {
    json.begin_object();
    json.key("name").value(ports[i]->name);
    json.key("doc").value(ports[i]->doc);
    if (ports[i]->key_option != nullptr) json.key("key_option").value(ports[i]->key_option);
    json.end_object();
  }
  json.end_array();
}

void add_head(JsonText& json, const flow_descriptor& descriptor) {
  json.key("name").value(descriptor.name);
  json.key("kind").value(kind_name(descriptor.kind));
  json.key("summary").value(descriptor.summary);
}

void add_page(JsonText& json, const OfferedOperator& offered) {
  const flow_descriptor& descriptor = *offered.descriptor;
  json.begin_object();
  add_head(json, descriptor);
  json.key("doc").value(descriptor.doc);
  json.key("example_toml").value(descriptor.example_toml);
  add_texts(json, "traits", trait_names(descriptor.traits));
  add_options(json, "options", options_of(descriptor));
  json.key("common_options").begin_array();
  for (const CommonKey& key : common_keys_of(descriptor)) {
    json.begin_object();
    json.key("name").value(key.name);
    json.key("type").value(key.type);
    json.key("doc").value(key.doc);
    json.end_object();
  }
  json.end_array();
  add_ports(json, "inputs", descriptor.inputs, descriptor.n_inputs);
  add_ports(json, "outputs", descriptor.outputs, descriptor.n_outputs);
  json.key("plugin");
  add_plugin(json, *offered.library);
  json.end_object();
}

}  // namespace

std::string operator_list_json(const Registry& registry) {
  JsonText json;
  json.begin_object();
  json.key("operators").begin_array();
  for (const OfferedOperator& offered : registry.operators()) {
    json.begin_object();
    add_head(json, *offered.descriptor);
    add_texts(json, "traits", trait_names(offered.descriptor->traits));
    json.key("plugin").value(offered.library->plugin().id);
    json.end_object();
  }
  json.end_array();
  json.key("plugins").begin_array();
  for (const PluginLibrary* library : registry.libraries()) add_plugin(json, *library);
  json.end_array();
  json.end_object();
  return json.take();
}

std::string operator_pages_json(const std::vector<OfferedOperator>& operators) {
  JsonText json;
  json.begin_array();
  for (const OfferedOperator& offered : operators) add_page(json, offered);
  json.end_array();
  return json.take();
}

std::string pipeline_page_json() {
  JsonText json;
  json.begin_object();
  add_options(json, "options", pipeline_options());
  add_options(json, "checkpoint", checkpoint_options());
  json.end_object();
  return json.take();
}

}  // namespace flowrun::cli
