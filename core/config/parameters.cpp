#include "core/config/parameters.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "core/config/names.hpp"
#include "core/config/options.hpp"
#include "core/config/quantity.hpp"
#include "core/config/toml_document.hpp"

namespace flowrun {
namespace {

constexpr double kUnbounded = 9.3e18;  // beyond what an integer holds

struct TypeName {
  const char* name;
  flow_option_type type;
};

constexpr TypeName kTypes[] = {{"bool", FLOW_OPTION_BOOL},         {"int", FLOW_OPTION_INT},
                               {"float", FLOW_OPTION_FLOAT},       {"text", FLOW_OPTION_TEXT},
                               {"duration", FLOW_OPTION_DURATION}, {"size", FLOW_OPTION_SIZE},
                               {"list", FLOW_OPTION_LIST}};

constexpr const char* kTypeChoices[] = {"bool",     "int",  "float", "text",
                                        "duration", "size", "list",  nullptr};

constexpr flow_option key(flow_option_type type, const char* name, const char* doc,
                          const char* const* choices = nullptr) {
  return {sizeof(flow_option), type, name, doc, nullptr, 0, 0, 0, 0, choices};
}

constexpr flow_option kType = key(
    FLOW_OPTION_CHOICE, "type",
    "What it takes. The type of `default`, unless given; text where there is no default either.",
    kTypeChoices);
constexpr flow_option kDefault =
    key(FLOW_OPTION_TEXT, "default",
        "Its value where --set gives none. Without a default, --set must give one.");
constexpr flow_option kDoc = key(FLOW_OPTION_TEXT, "doc", "What it is for.");
constexpr flow_option kChoices =
    key(FLOW_OPTION_LIST, "choices", "The only values that it takes; for texts.");
constexpr flow_option kMin =
    key(FLOW_OPTION_TEXT, "min", "Its smallest value; for numbers, durations and sizes.");
constexpr flow_option kMax =
    key(FLOW_OPTION_TEXT, "max", "Its largest value; for numbers, durations and sizes.");

constexpr const flow_option* kKeys[] = {&kType, &kDefault, &kDoc, &kChoices, &kMin, &kMax};
// Those whose own type depends on nothing.
constexpr const flow_option* kPlainKeys[] = {&kType, &kDoc, &kChoices};

flow_option_type type_of(const Value& value) {
  if (value.boolean() != nullptr) return FLOW_OPTION_BOOL;
  if (value.integer() != nullptr) return FLOW_OPTION_INT;
  if (value.number() != nullptr) return FLOW_OPTION_FLOAT;
  return value.list() != nullptr ? FLOW_OPTION_LIST : FLOW_OPTION_TEXT;
}

bool has_quantity(flow_option_type type) {
  return type == FLOW_OPTION_INT || type == FLOW_OPTION_FLOAT || type == FLOW_OPTION_DURATION ||
         type == FLOW_OPTION_SIZE;
}

// A limit as the number that it stands for.
std::optional<double> limit_of(const Value& value, flow_option_type type) {
  if (type == FLOW_OPTION_DURATION || type == FLOW_OPTION_SIZE) {
    if (value.text() == nullptr) return std::nullopt;
    const Quantity quantity =
        type == FLOW_OPTION_DURATION ? parse_duration(*value.text()) : parse_size(*value.text());
    if (!quantity.value) return std::nullopt;
    return static_cast<double>(*quantity.value);
  }
  if (const std::int64_t* integer = value.integer()) return static_cast<double>(*integer);
  if (const double* number = value.number()) return *number;
  return std::nullopt;
}

// What was typed behind --set NAME=, as a value of that type where it can be one. What cannot stays
// a text, of which the check of types then complains.
Value typed(const std::string& text, flow_option_type type, const Place& place) {
  Value plain{place, text};
  const bool is_toml = type == FLOW_OPTION_BOOL || type == FLOW_OPTION_INT ||
                       type == FLOW_OPTION_FLOAT ||
                       (type == FLOW_OPTION_LIST && !text.empty() && text.front() == '[');
  if (!is_toml) return plain;
  try {
    Value::Table parsed = parse_toml("value = " + text, place.file);
    if (parsed.size() != 1) return plain;
    Value value = std::move(parsed.front().value);
    value.place = place;
    return value;
  } catch (const ConfigurationError&) {
    return plain;
  }
}

}  // namespace

std::optional<ParameterSetting> parse_parameter_setting(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0) return std::nullopt;
  return ParameterSetting{std::string(text.substr(0, equals)),
                          std::string(text.substr(equals + 1))};
}

std::span<const flow_option* const> parameter_keys() { return kKeys; }

Parameters::Parameters(const PipelineDocuments& documents,
                       const std::vector<ParameterSetting>& settings, Diagnostics& found)
    : documents_(documents) {
  const std::size_t errors = found.error_count();
  for (std::size_t i = 0; i < documents.all.size(); ++i) read(documents.all[i], i, found);
  for (const ParameterSetting& setting : settings) set(setting, found);
  if (found.error_count() == errors) report_missing(found);
}

void Parameters::read(const PipelineDocument& document, std::size_t index, Diagnostics& found) {
  const Value* parameters = flowrun::find(document.tables, "parameters");
  if (parameters == nullptr) return;
  if (parameters->table() == nullptr) {
    found.error(parameters->place, "parameters",
                "must be a table, and is " + std::string(parameters->type_name()),
                "write [parameters]");
    return;
  }
  for (const Member& member : *parameters->table()) {
    if (!is_identifier(member.name)) {
      found.error(member.place, join_key("parameters", member.name),
                  quote(member.name) + " is not a well-formed name",
                  "begin with a letter or '_', go on with letters, digits, '_' and '-'");
      continue;
    }
    const auto known = parameters_.find(member.name);
    if (known == parameters_.end()) {
      declare(member, index, found);
    } else if (member.value.table() != nullptr) {
      found.error(member.place, join_key("parameters", member.name),
                  "is declared at " + known->second.place.to_string() + " already",
                  "to give it another value here, write " + member.name + " = VALUE");
    } else {
      give_value(member, known->second, index, found);
    }
  }
}

void Parameters::declare(const Member& member, std::size_t index, Diagnostics& found) {
  const std::string path = join_key("parameters", member.name);
  Parameter parameter;
  parameter.place = member.place;
  parameter.document = index;
  Value value = member.value;
  bool has_value = true;
  if (const Value::Table* table = member.value.table()) {
    parameter.declared = true;
    Value::Table plain;
    const Value* limits[2] = {};
    const Value* given = nullptr;
    for (const Member& entry : *table) {
      if (entry.name == "default") {
        given = &entry.value;
      } else if (entry.name == "min" || entry.name == "max") {
        limits[entry.name == "max" ? 1 : 0] = &entry.value;
      } else {
        plain.push_back(entry);
      }
    }
    const std::size_t errors = found.error_count();
    const BoundOptions options = bind_options(
        kPlainKeys, plain,
        {member.place, path, "parameter", {"default", "min", "max"}, SecretReading::kRead}, found);
    parameter.type = given != nullptr ? type_of(*given) : FLOW_OPTION_TEXT;
    if (const flow_value* type = options.find("type")) {
      parameter.type = std::find_if(std::begin(kTypes), std::end(kTypes), [&](const TypeName& t) {
                         return std::string_view(t.name) == type->text;
                       })->type;
    }
    if (const flow_value* doc = options.find("doc")) parameter.doc = doc->text;
    if (const flow_value* choices = options.find("choices")) {
      if (choices->type == FLOW_OPTION_TEXT) {
        parameter.choices.emplace_back(choices->text);
      } else {
        for (std::uint64_t i = 0; i < choices->n_items; ++i) {
          parameter.choices.emplace_back(choices->items[i]->text);
        }
      }
      if (parameter.type != FLOW_OPTION_TEXT) {
        found.error(flowrun::find(*table, "choices")->place, join_key(path, "choices"),
                    "only texts have choices",
                    has_quantity(parameter.type) ? "limit it with min and max" : "leave them out");
      } else if (!parameter.choices.empty()) {
        parameter.type = FLOW_OPTION_CHOICE;
      }
    }
    parameter.min = -kUnbounded;
    parameter.max = kUnbounded;
    for (int i = 0; i < 2; ++i) {
      if (limits[i] == nullptr) continue;
      const std::string limit_path = join_key(path, i == 0 ? "min" : "max");
      const std::optional<double> limit =
          has_quantity(parameter.type) ? limit_of(*limits[i], parameter.type) : std::nullopt;
      if (limit) {
        parameter.has_range = true;
        (i == 0 ? parameter.min : parameter.max) = *limit;
      } else if (has_quantity(parameter.type)) {
        found.error(limits[i]->place, limit_path,
                    "must be a " + std::string(option_type_name(parameter.type)) + ", and is " +
                        brief(*limits[i]));
      } else {
        found.error(limits[i]->place, limit_path, "only numbers, durations and sizes have limits",
                    "leave it out");
      }
    }
    if (found.error_count() > errors) given = nullptr;
    has_value = given != nullptr;
    if (has_value) {
      value = *given;
    } else if (found.error_count() > errors) {
      return;  // what is set to it cannot be judged
    }
  } else {
    parameter.type = type_of(member.value);
  }
  if (has_value) parameter.value = checked(path, parameter, std::move(value), found);
  order_.push_back(member.name);
  parameters_.emplace(member.name, std::move(parameter));
}

void Parameters::give_value(const Member& member, Parameter& known, std::size_t index,
                            Diagnostics& found) {
  const std::string path = join_key("parameters", member.name);
  if (documents_.all[index].include.count(known.document) == 0) {
    found.error(member.place, path,
                "has a value at " +
                    (known.value ? known.value->place.to_string() : known.place.to_string()) +
                    " already, and neither file includes the other");
    return;
  }
  known.document = index;
  if (std::optional<Value> value = checked(path, known, member.value, found)) {
    known.value = std::move(value);
  }
}

void Parameters::set(const ParameterSetting& setting, Diagnostics& found) {
  const Place place{"--set " + setting.name + '=' + setting.value, 0, 0};
  const auto known = parameters_.find(setting.name);
  if (known == parameters_.end()) {
    std::string remedy = did_you_mean(setting.name, order_);
    if (remedy.empty()) {
      remedy = order_.empty() ? "the file declares none, as [parameters] would"
                              : "there " + std::string(order_.size() == 1 ? "is " : "are ") +
                                    enumerate(order_);
    }
    found.error(place, "", "there is no parameter " + quote(setting.name), std::move(remedy));
    return;
  }
  std::optional<Value> value = checked("parameters." + setting.name, known->second,
                                       typed(setting.value, known->second.type, place), found);
  if (value) known->second.value = std::move(value);
}

std::optional<Value> Parameters::checked(const std::string& name, const Parameter& parameter,
                                         Value value, Diagnostics& found) {
  std::vector<const char*> choices;
  for (const std::string& choice : parameter.choices) choices.push_back(choice.c_str());
  choices.push_back(nullptr);
  const flow_option option = {sizeof(flow_option),
                              parameter.type,
                              "value",
                              "",
                              nullptr,
                              0,
                              parameter.has_range ? 1 : 0,
                              parameter.min,
                              parameter.max,
                              choices.data()};
  const flow_option* const options[] = {&option};
  const std::size_t errors = found.error_count();
  const Place place = value.place;
  Diagnostics problems;
  bind_options(options, {{"value", place, value}}, {place, name, "parameter", {}}, problems);
  for (const Diagnostic& problem : problems.all()) {
    found.error(problem.place, name, problem.message, problem.remedy);
  }
  if (found.error_count() > errors) return std::nullopt;
  return value;
}

void Parameters::report_missing(Diagnostics& found) const {
  std::vector<std::string> missing;
  std::string how;
  Place place;
  for (const std::string& name : order_) {
    const Parameter& parameter = parameters_.find(name)->second;
    if (parameter.value) continue;
    if (missing.empty()) place = parameter.place;
    missing.push_back(quote(name) + (parameter.doc.empty() ? "" : " (" + parameter.doc + ')'));
    how.append(how.empty() ? "" : " ").append("--set ").append(name).append("=VALUE");
  }
  if (missing.empty()) return;
  found.error(place, "parameters",
              "nothing gives a value to " + enumerate(missing) +
                  (missing.size() == 1 ? ", which has no default" : ", which have no default"),
              "write " + how);
}

const Value* Parameters::find(std::string_view name) const {
  const auto at = parameters_.find(name);
  if (at == parameters_.end()) return nullptr;
  used_.emplace(name);
  return at->second.value ? &*at->second.value : nullptr;
}

std::vector<std::string> Parameters::names() const { return order_; }

void Parameters::warn_of_unused(Diagnostics& found) const {
  for (const std::string& name : order_) {
    const Parameter& parameter = parameters_.find(name)->second;
    const bool own = parameter.place.file == documents_.all.back().file.string();
    if (!own || used_.count(name) > 0) continue;
    found.warning(parameter.place, join_key("parameters", name), "nothing refers to it",
                  "it is written \"${parameters." + name + "}\"");
  }
}

}  // namespace flowrun
