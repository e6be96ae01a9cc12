#include "core/config/value.hpp"

#include <array>
#include <cstdio>

#include "core/config/names.hpp"

namespace flowrun {

std::string_view Value::type_name() const {
  static constexpr std::array<std::string_view, 6> kNames = {
      "a boolean", "an integer", "a floating-point number", "a text", "a list", "a table"};
  return kNames[data.index()];
}

const Value* find(const Value::Table& table, std::string_view name) {
  for (const Member& member : table) {
    if (member.name == name) return &member.value;
  }
  return nullptr;
}

std::string brief(const Value& value) {
  if (const bool* boolean = value.boolean()) return *boolean ? "true" : "false";
  if (const std::int64_t* integer = value.integer()) return std::to_string(*integer);
  if (const double* number = value.number()) {
    char text[32];
    std::snprintf(text, sizeof text, "%g", *number);
    return text;
  }
  if (const std::string* text = value.text()) return quote(*text);
  return std::string(value.type_name());
}

}  // namespace flowrun
