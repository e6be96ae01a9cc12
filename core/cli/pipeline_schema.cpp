#include "core/cli/pipeline_schema.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <vector>

#include "core/cli/json_text.hpp"
#include "core/cli/operator_facts.hpp"
#include "core/config/diagnostic.hpp"
#include "core/config/options.hpp"
#include "core/config/parameters.hpp"
#include "core/config/pipeline_settings.hpp"
#include "core/config/specification.hpp"
#include "core/config/toml_document.hpp"

namespace flowrun::cli {
namespace {

constexpr flow_kind kComponentKinds[] = {FLOW_SOURCE, FLOW_TRANSFORM, FLOW_WINDOW, FLOW_SINK};
// Limits this far out are none.
constexpr double kUnbounded = 9.2e18;
constexpr const char* kId = "^[A-Za-z_][A-Za-z0-9_-]*$";
constexpr const char* kReference = R"(^[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z_][A-Za-z0-9_-]*)?$)";

class SchemaWriter {
 public:
  explicit SchemaWriter(const Registry& registry) : operators_(registry.operators()) {}

  std::string write() {
    json_.begin_object();
    text("$schema", "http://json-schema.org/draft-07/schema#");
    text("title", "flowrun pipeline");
    text("description", "A pipeline file of flowrun " FLOWRUN_VERSION
                        ". Written by 'flowrun docs' from what the operators say of themselves.");
    text("type", "object");
    json_.key("additionalProperties").value(false);
    json_.key("properties").begin_object();
    add_include();
    add_parameters();
    reference("pipeline", "pipeline", "Settings of the pipeline as a whole.");
    for (const flow_kind kind : kComponentKinds) add_section(kind);
    json_.end_object();
    json_.key("definitions").begin_object();
    add_common();
    add_settings();
    for (const OfferedOperator& offered : operators_) {
      if (offered.descriptor->kind == FLOW_CODEC) {
        add_codec(*offered.descriptor);
      } else {
        add_component(*offered.descriptor);
      }
    }
    add_codec_choice("decoding", FLOW_DECODES);
    add_codec_choice("encoding", FLOW_ENCODES);
    json_.end_object();
    json_.end_object();
    return json_.take();
  }

 private:
  void text(const char* key, std::string_view value) { json_.key(key).value(value); }

  void reference(std::string_view key, const std::string& definition, std::string_view doc = {}) {
    json_.key(key).begin_object();
    if (doc.empty()) {
      text("$ref", "#/definitions/" + definition);
    } else {
      // Beside a $ref, draft 7 ignores everything else.
      text("description", doc);
      json_.key("allOf").begin_array();
      inner_reference(definition);
      json_.end_array();
    }
    json_.end_object();
  }

  void inner_reference(const std::string& definition) {
    json_.begin_object();
    text("$ref", "#/definitions/" + definition);
    json_.end_object();
  }

  void typed(const char* type) {
    json_.begin_object();
    text("type", type);
    json_.end_object();
  }

  void add_include() {
    json_.key("include").begin_object();
    text(
        "description",
        "Pipeline files whose tables belong to this one, by paths that are relative to this file.");
    add_text_or_list(1);
    json_.end_object();
  }

  void add_text_or_list(int shortest) {
    const auto add_text = [&] {
      json_.begin_object();
      text("type", "string");
      if (shortest > 0) json_.key("minLength").value(std::int64_t{shortest});
      json_.end_object();
    };
    json_.key("anyOf").begin_array();
    add_text();
    json_.begin_object();
    text("type", "array");
    json_.key("items");
    add_text();
    json_.end_object();
    json_.end_array();
  }

  void add_parameters() {
    json_.key("parameters").begin_object();
    text("description", "Values that --set can change; texts refer to them as ${parameters.NAME}.");
    text("type", "object");
    json_.key("propertyNames").begin_object();
    text("pattern", kId);
    json_.end_object();
    json_.key("additionalProperties").begin_object();
    json_.key("anyOf").begin_array();
    json_.begin_object();
    text("description", "A value, which is the default.");
    json_.key("type").begin_array();
    for (const char* type : {"string", "number", "boolean", "array"}) json_.value(type);
    json_.end_array();
    json_.end_object();
    json_.begin_object();
    text("type", "object");
    json_.key("additionalProperties").value(false);
    json_.key("properties").begin_object();
    for (const flow_option* key : parameter_keys()) {
      const std::string_view name = key->name;
      json_.key(name).begin_object();
      text("description", key->doc);
      if (name == "type") {
        add_choices(choices_of(*key));
      } else if (name == "doc") {
        text("type", "string");
      } else if (name == "choices") {
        add_text_or_list(0);
      }
      json_.end_object();
    }
    json_.end_object();
    json_.end_object();
    json_.end_array();
    json_.end_object();
    json_.end_object();
  }

  void add_section(flow_kind kind) {
    json_.key(std::string(kind_name(kind)) + 's').begin_object();
    text("type", "object");
    json_.key("propertyNames").begin_object();
    text("pattern", kId);
    json_.end_object();
    json_.key("additionalProperties").begin_object();
    json_.key("oneOf").begin_array();
    for (const OfferedOperator& offered : operators_) {
      if (offered.descriptor->kind == kind) inner_reference(definition_of(*offered.descriptor));
    }
    // Where there is no operator of the kind, nothing is right.
    if (std::none_of(operators_.begin(), operators_.end(), [&](const OfferedOperator& offered) {
          return offered.descriptor->kind == kind;
        })) {
      json_.value(false);
    }
    json_.end_array();
    json_.end_object();
    json_.end_object();
  }

  static std::string definition_of(const flow_descriptor& descriptor) {
    return std::string(kind_name(descriptor.kind)) + '.' + descriptor.name;
  }

  void add_common() {
    json_.key("expanded").begin_object();
    text("description", "A text with a variable or a parameter in it.");
    text("type", "string");
    text("pattern", R"(\$\{)");
    json_.end_object();

    json_.key("references").begin_object();
    text("type", "array");
    json_.key("minItems").value(std::int64_t{1});
    json_.key("items").begin_object();
    json_.key("anyOf").begin_array();
    json_.begin_object();
    text("type", "string");
    text("pattern", kReference);
    json_.end_object();
    inner_reference("expanded");
    json_.end_array();
    json_.end_object();
    json_.end_object();

    json_.key("inputs").begin_object();
    json_.key("anyOf").begin_array();
    inner_reference("references");
    inner_reference("expanded");
    json_.begin_object();
    text("type", "object");
    json_.key("minProperties").value(std::int64_t{1});
    json_.key("additionalProperties");
    inner_reference("references");
    json_.end_object();
    json_.end_array();
    json_.end_object();

    json_.key("renamed_from").begin_object();
    text("type", "string");
    json_.end_object();

    json_.key("parallelism").begin_object();
    or_expanded([&] { add_number(instances_option()); });
    json_.end_object();

    json_.key("on_error").begin_object();
    for (const flow_option* option : pipeline_options()) {
      if (std::string_view(option->name) == "on_error") add_choices(choices_of(*option));
    }
    json_.end_object();
  }

  void add_settings() {
    json_.key("pipeline").begin_object();
    text("type", "object");
    json_.key("additionalProperties").value(false);
    json_.key("properties").begin_object();
    for (const flow_option* option : pipeline_options()) {
      if (std::string_view(option->name) == "checkpoint") {
        reference("checkpoint", "checkpoint", option->doc);
      } else {
        add_option(*option);
      }
    }
    json_.end_object();
    json_.end_object();
    json_.key("checkpoint").begin_object();
    text("type", "object");
    json_.key("additionalProperties").value(false);
    json_.key("properties").begin_object();
    for (const flow_option* option : checkpoint_options()) add_option(*option);
    json_.end_object();
    json_.end_object();
  }

  void begin_operator(const flow_descriptor& descriptor) {
    json_.key(definition_of(descriptor)).begin_object();
    text("title", descriptor.name);
    text("description", descriptor.summary);
    text("type", "object");
    json_.key("additionalProperties").value(false);
    json_.key("required").begin_array();
    json_.value("type");
    if (descriptor.kind != FLOW_CODEC && descriptor.kind != FLOW_SOURCE) json_.value("inputs");
    for (const flow_option* option : options_of(descriptor)) {
      if (option->required != 0) json_.value(option->name);
    }
    json_.end_array();
    json_.key("properties").begin_object();
    json_.key("type").begin_object();
    text("description", descriptor.summary);
    text("const", descriptor.name);
    json_.end_object();
  }

  void end_operator(const flow_descriptor& descriptor) {
    for (const flow_option* option : options_of(descriptor)) add_option(*option);
    json_.end_object();
    json_.end_object();
  }

  void add_component(const flow_descriptor& descriptor) {
    begin_operator(descriptor);
    for (const CommonKey& key : common_keys_of(descriptor)) reference(key.name, key.name, key.doc);
    end_operator(descriptor);
  }

  void add_codec(const flow_descriptor& descriptor) {
    begin_operator(descriptor);
    end_operator(descriptor);
  }

  void add_codec_choice(const char* key, std::uint64_t trait) {
    std::vector<std::string> names;
    for (const OfferedOperator& offered : operators_) {
      const flow_descriptor& descriptor = *offered.descriptor;
      if (descriptor.kind == FLOW_CODEC && (descriptor.traits & trait) != 0) {
        names.emplace_back(descriptor.name);
      }
    }
    json_.key(key).begin_object();
    json_.key("anyOf").begin_array();
    json_.begin_object();
    add_enum(names);
    json_.end_object();
    inner_reference("expanded");
    for (const std::string& name : names) inner_reference("codec." + name);
    json_.end_array();
    json_.end_object();
  }

  void add_enum(const std::vector<std::string>& words) {
    json_.key("enum").begin_array();
    for (const std::string& word : words) json_.value(std::string_view(word));
    json_.end_array();
  }

  void add_choices(const std::vector<std::string>& choices) {
    json_.key("anyOf").begin_array();
    json_.begin_object();
    add_enum(choices);
    json_.end_object();
    inner_reference("expanded");
    json_.end_array();
  }

  void add_option(const flow_option& option) {
    json_.key(option.name).begin_object();
    std::string doc = option.doc;
    const std::string range = range_text(option);
    if (!range.empty()) doc += " (" + range + ')';
    text("description", doc);
    add_default(option);
    switch (option.type) {
      case FLOW_OPTION_BOOL:
        or_expanded([&] { typed("boolean"); });
        break;
      case FLOW_OPTION_INT:
      case FLOW_OPTION_FLOAT:
        or_expanded([&] { add_number(option); });
        break;
      case FLOW_OPTION_DURATION:
      case FLOW_OPTION_SIZE:
        json_.key("type").begin_array().value("string").value("integer").end_array();
        break;
      case FLOW_OPTION_CHOICE:
        add_choices(choices_of(option));
        break;
      case FLOW_OPTION_FIELDS:
        add_text_or_list(1);
        break;
      case FLOW_OPTION_LIST:
        add_text_or_list(0);
        break;
      case FLOW_OPTION_TABLE:
        text("type", "object");
        break;
      case FLOW_OPTION_SECRET:
        add_secret();
        break;
      case FLOW_OPTION_FIELD:
      case FLOW_OPTION_EXPRESSION:
        text("type", "string");
        json_.key("minLength").value(std::int64_t{1});
        break;
      default:
        text("type", "string");
        break;
    }
    json_.end_object();
  }

  template <typename Add>
  void or_expanded(Add add) {
    json_.key("anyOf").begin_array();
    add();
    inner_reference("expanded");
    json_.end_array();
  }

  void add_number(const flow_option& option) {
    json_.begin_object();
    text("type", option.type == FLOW_OPTION_INT ? "integer" : "number");
    if (option.has_range != 0 && option.min > -kUnbounded) add_limit("minimum", option.min);
    if (option.has_range != 0 && option.max < kUnbounded) add_limit("maximum", option.max);
    json_.end_object();
  }

  void add_limit(const char* key, double limit) {
    json_.key(key);
    if (limit == std::floor(limit) && std::abs(limit) < 9e15) {
      json_.value(static_cast<std::int64_t>(limit));
    } else {
      json_.value(limit);
    }
  }

  void add_secret() {
    json_.key("anyOf").begin_array();
    typed("string");
    for (const char* key : {"env", "file"}) {
      json_.begin_object();
      text("type", "object");
      json_.key("additionalProperties").value(false);
      json_.key("required").begin_array().value(key).end_array();
      json_.key("properties").begin_object().key(key);
      typed("string");
      json_.end_object();
      json_.end_object();
    }
    json_.end_array();
  }

  void add_default(const flow_option& option) {
    if (option.default_toml == nullptr) return;
    try {
      const Value::Table parsed =
          parse_toml(std::string("value = ") + option.default_toml, "default");
      json_.key("default");
      add_value(parsed.front().value);
    } catch (const ConfigurationError&) {
      // Loading the plugin would have refused it.
    }
  }

  void add_value(const Value& value) {
    if (const bool* boolean = value.boolean()) {
      json_.value(*boolean);
    } else if (const std::int64_t* integer = value.integer()) {
      json_.value(*integer);
    } else if (const double* number = value.number()) {
      // JSON has no words for those that are no numbers.
      if (std::isfinite(*number)) {
        json_.value(*number);
      } else {
        json_.null();
      }
    } else if (const std::string* string = value.text()) {
      json_.value(std::string_view(*string));
    } else if (const Value::List* list = value.list()) {
      json_.begin_array();
      for (const Value& element : *list) add_value(element);
      json_.end_array();
    } else {
      json_.begin_object();
      for (const Member& member : *value.table()) {
        json_.key(member.name);
        add_value(member.value);
      }
      json_.end_object();
    }
  }

  std::vector<OfferedOperator> operators_;
  JsonText json_;
};

}  // namespace

std::string pipeline_schema(const Registry& registry) { return SchemaWriter(registry).write(); }

}  // namespace flowrun::cli
