// A TOML value that knows where it stands in its file, with tables in file order.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/config/diagnostic.hpp"

namespace flowrun {

struct Member;

// Dates and times of TOML are kept as their text.
struct Value {
  using List = std::vector<Value>;
  using Table = std::vector<Member>;

  Place place;
  std::variant<bool, std::int64_t, double, std::string, List, Table> data;

  const bool* boolean() const { return std::get_if<bool>(&data); }
  const std::int64_t* integer() const { return std::get_if<std::int64_t>(&data); }
  const double* number() const { return std::get_if<double>(&data); }
  const std::string* text() const { return std::get_if<std::string>(&data); }
  const List* list() const { return std::get_if<List>(&data); }
  const Table* table() const { return std::get_if<Table>(&data); }

  // For messages: "a boolean", "an integer", "a table", ...
  std::string_view type_name() const;
};

struct Member {
  std::string name;
  Place place;  // of the key
  Value value;
};

// The member called `name`, or nullptr.
const Value* find(const Value::Table& table, std::string_view name);

// One line for messages: `12`, `'text'`, `[2 values]`, ...
std::string brief(const Value& value);

}  // namespace flowrun
