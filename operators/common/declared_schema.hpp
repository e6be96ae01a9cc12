// The option `schema`: the type that each declared field is to have.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flow/dictionary.hpp"
#include "flow/options.hpp"
#include "flow/type.hpp"
#include "operators/common/time_format.hpp"

namespace flow::operators {

struct DeclaredField {
  std::string name;                  // with dots below an object: "location.lat"
  flow_type type;                    // TEXT, CATEGORY, INT64, FLOAT64, BOOL, TIMESTAMP or JSON
  std::optional<TimeFormat> format;  // of a timestamp that is not RFC 3339
  std::shared_ptr<SharedDictionary> categories;  // of a category

  Type logical_type() const { return Type::of(type); }
};

// What the table of a pipeline file declares, in its order:
//
//   { status = "int", when = { type = "timestamp", format = "%d/%b/%Y:%H:%M:%S %z" },
//     location = { lat = "float", lon = "float" }, "user.id" = "text" }
//
// A table whose keys are `type` and at most `format` and `zone` describes one field; any other
// declares the fields of an object, which dotted names do too. One a component: its categories are
// shared by the instances.
class DeclaredSchema {
 public:
  DeclaredSchema() = default;
  // `where`: what messages begin with, eg: "json: schema". Throws Failure with the place in the
  // file: an unknown type (and the nearest), a format that is none, a field declared twice.
  DeclaredSchema(const Table& table, std::string_view where);

  const std::vector<DeclaredField>& fields() const { return fields_; }
  bool empty() const { return fields_.empty(); }
  // NULL: it is not declared. Looks at each.
  const DeclaredField* find(std::string_view name) const;

 private:
  void read(const std::vector<ValueItem>& items, const std::string& prefix, std::string_view where);
  DeclaredField read_field(const std::string& name, const Value& value, std::string_view where);

  std::vector<DeclaredField> fields_;
};

// For the documentation of every operator that takes a schema: what the types accept.
extern const char* const kSchemaTypesDoc;

}  // namespace flow::operators
