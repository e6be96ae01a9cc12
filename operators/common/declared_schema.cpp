#include "operators/common/declared_schema.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "flow/host.hpp"
#include "operators/common/nearest_name.hpp"

namespace flow::operators {
namespace {

using Named = std::pair<std::string_view, flow_type>;

constexpr std::array<Named, 7> kTypes = {{{"text", FLOW_TEXT},
                                          {"category", FLOW_CATEGORY},
                                          {"int", FLOW_INT64},
                                          {"float", FLOW_FLOAT64},
                                          {"bool", FLOW_BOOL},
                                          {"timestamp", FLOW_TIMESTAMP},
                                          {"json", FLOW_JSON}}};

// What other systems call them.
constexpr std::array<std::pair<std::string_view, std::string_view>, 10> kElsewhere = {
    {{"string", "text"},
     {"str", "text"},
     {"integer", "int"},
     {"long", "int"},
     {"number", "float"},
     {"double", "float"},
     {"boolean", "bool"},
     {"time", "timestamp"},
     {"datetime", "timestamp"},
     {"object", "json"}}};

[[noreturn]] void fail(const Value& value, std::string_view where, const std::string& problem) {
  std::string message = value.place.empty() ? "" : value.place + ": ";
  message.append(where).append(problem);
  throw Failure(message);
}

flow_type type_of(const std::string& field, const Value& value, std::string_view where) {
  for (const auto& [name, type] : kTypes) {
    if (value.type == FLOW_OPTION_TEXT && value.text == name) return type;
  }
  std::string problem = "." + field + ": the type must be one of ";
  std::vector<std::string> names;
  for (const auto& [name, type] : kTypes) {
    problem.append(names.empty() ? "" : ", ").append(name);
    names.emplace_back(name);
  }
  if (value.type == FLOW_OPTION_TEXT) {
    std::string meant;
    for (const auto& [elsewhere, name] : kElsewhere) {
      if (value.text == elsewhere) meant = name;
    }
    if (meant.empty()) meant = nearest_name(names, value.text);
    problem.append("; '").append(value.text).append("' is none");
    if (!meant.empty()) problem.append(" (did you mean '").append(meant).append("'?)");
  }
  fail(value, where, problem);
}

const Value* item(const Value& table, std::string_view name) {
  for (const ValueItem& entry : table.items) {
    if (entry.first == name) return &entry.second;
  }
  return nullptr;
}

bool describes_one_field(const Value& table) {
  const auto says_how = [](const ValueItem& entry) {
    return (entry.first == "type" || entry.first == "format" || entry.first == "zone") &&
           entry.second.type == FLOW_OPTION_TEXT;
  };
  return item(table, "type") != nullptr &&
         std::all_of(table.items.begin(), table.items.end(), says_how);
}

}  // namespace

const char* const kSchemaTypesDoc =
    "A declared type takes: text, any value (what is no text as its token); category, the same for "
    "values that repeat (each is stored once; more than 65,536 different ones become text); int "
    "and "
    "float, numbers and texts of one; bool, true and false, also as text; timestamp, texts like "
    "2025-10-28T10:15:30.5+01:00, or of the `format` that is given with it: `{ type = "
    "\"timestamp\", "
    "format = \"%d/%b/%Y:%H:%M:%S %z\", zone = \"UTC\" }`; json, any value as its token.";

DeclaredSchema::DeclaredSchema(const Table& table, std::string_view where) {
  read(table.items, "", where);
}

void DeclaredSchema::read(const std::vector<ValueItem>& items, const std::string& prefix,
                          std::string_view where) {
  for (const auto& [name, value] : items) {
    std::string full = prefix + name;
    if (name.empty()) fail(value, where, ": a field needs a name");
    if (value.type == FLOW_OPTION_TABLE && !describes_one_field(value)) {
      if (value.items.empty()) fail(value, where, "." + full + ": the object declares no field");
      read(value.items, full + ".", where);
      continue;
    }
    if (find(full) != nullptr) fail(value, where, "." + full + ": declared twice");
    fields_.push_back(read_field(full, value, where));
  }
}

DeclaredField DeclaredSchema::read_field(const std::string& name, const Value& value,
                                         std::string_view where) {
  const bool is_table = value.type == FLOW_OPTION_TABLE;
  DeclaredField field{name, type_of(name, is_table ? *item(value, "type") : value, where), {}, {}};
  if (field.type == FLOW_CATEGORY) field.categories = std::make_shared<SharedDictionary>();
  const Value* const format = is_table ? item(value, "format") : nullptr;
  const Value* const zone = is_table ? item(value, "zone") : nullptr;
  if (format == nullptr && zone == nullptr) return field;
  if (field.type != FLOW_TIMESTAMP) {
    fail(value, where, "." + name + ": only a timestamp has a format or a zone");
  }
  if (format == nullptr) fail(*zone, where, "." + name + ": a zone needs a format");
  try {
    field.format = TimeFormat::compile(format->text, zone != nullptr ? zone->text : "UTC");
  } catch (const Failure& failure) {
    fail(*format, where, "." + name + ".format: " + failure.what());
  }
  return field;
}

const DeclaredField* DeclaredSchema::find(std::string_view name) const {
  for (const DeclaredField& field : fields_) {
    if (field.name == name) return &field;
  }
  return nullptr;
}

}  // namespace flow::operators
