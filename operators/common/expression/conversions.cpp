#include "operators/common/expression/conversions.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <string>

#include "operators/common/expression/kernels.hpp"
#include "operators/common/json_scanner.hpp"
#include "operators/common/rfc3339.hpp"

namespace flow::operators {
namespace {

// Texts of at most `most` bytes, written by f(value, out) -> end.
template <class T, class F>
void write_texts(const StepCall& call, size_t most, F f) {
  pass_nulls(call);
  const Input<T> values(*call.in[0]);
  auto* const out = call.out.write<std::string_view>(call.rows);
  for (int64_t row = 0; row < call.rows; ++row) {
    char* const begin = call.out.texts.reserve(most);
    const auto size = static_cast<size_t>(f(values[row], begin) - begin);
    call.out.texts.trim(most - size);
    out[row] = {begin, size};
  }
}

}  // namespace

bool json_string(std::string_view token, TextArena& arena, std::string_view& text) {
  if (token.size() < 2 || token.front() != '"') return false;
  const std::string_view inside = token.substr(1, token.size() - 2);
  if (inside.find('\\') == std::string_view::npos) {
    text = inside;
    return true;
  }
  std::string unescaped;
  unescape_json(inside, unescaped);
  text = arena.copy(unescaped);
  return true;
}

bool json_scalar(std::string_view token, TextArena& arena, std::string_view& text) {
  if (json_string(token, arena, text)) return true;
  if (token.empty() || token.front() == '{' || token.front() == '[' || token == "null") {
    return false;
  }
  text = token;
  return true;
}

bool spelled_bool(std::string_view text, bool& value) {
  value = text == "true";
  return value || text == "false";
}

void int_to_float(const StepCall& call) {
  map_one<double, int64_t>(call, [](int64_t value) { return static_cast<double>(value); });
}

void float_to_int(const StepCall& call) {
  try_one<int64_t, double>(call, [](double value, int64_t& result) {
    // The largest double below 2^63, and -2^63 itself, fit.
    if (!(value >= -9223372036854775808.0 && value < 9223372036854775808.0)) return false;
    result = static_cast<int64_t>(value);
    return true;
  });
}

void bool_to_int(const StepCall& call) {
  map_one<int64_t, uint8_t>(call, [](uint8_t value) { return int64_t{value}; });
}

void int_to_bool(const StepCall& call) {
  map_one<uint8_t, int64_t>(call, [](int64_t value) { return value != 0; });
}

void text_to_bool(const StepCall& call) {
  try_one<uint8_t, std::string_view>(call, [](std::string_view text, uint8_t& result) {
    bool value = false;
    const bool is_bool = spelled_bool(text, value);
    result = value ? 1 : 0;
    return is_bool;
  });
}

void text_to_int(const StepCall& call) {
  try_one<int64_t, std::string_view>(call, [](std::string_view text, int64_t& result) {
    const std::optional<int64_t> value = json_integer(text);
    result = value.value_or(0);
    return value.has_value();
  });
}

void text_to_float(const StepCall& call) {
  try_one<double, std::string_view>(call, [](std::string_view text, double& result) {
    const std::optional<double> value = json_number(text);
    result = value.value_or(0);
    return value.has_value();
  });
}

void text_to_time(const StepCall& call) {
  try_one<int64_t, std::string_view>(call, [](std::string_view text, int64_t& result) {
    const std::optional<int64_t> value = parse_rfc3339(text);
    result = value.value_or(0);
    return value.has_value();
  });
}

void json_to_string(const StepCall& call) {
  try_one<std::string_view, std::string_view>(
      call, [&call](std::string_view token, std::string_view& text) {
        return json_string(token, call.out.texts, text);
      });
}

void json_to_scalar(const StepCall& call) {
  try_one<std::string_view, std::string_view>(
      call, [&call](std::string_view token, std::string_view& text) {
        return json_scalar(token, call.out.texts, text);
      });
}

void json_to_text(const StepCall& call) {
  try_one<std::string_view, std::string_view>(
      call, [&call](std::string_view token, std::string_view& text) {
        if (!json_string(token, call.out.texts, text)) text = token;
        return true;
      });
}

void bool_to_text(const StepCall& call) {
  map_one<std::string_view, uint8_t>(
      call, [](uint8_t value) { return std::string_view(value != 0 ? "true" : "false"); });
}

void int_to_text(const StepCall& call) {
  write_texts<int64_t>(
      call, 20, [](int64_t value, char* out) { return std::to_chars(out, out + 20, value).ptr; });
}

void float_to_text(const StepCall& call) {
  write_texts<double>(
      call, 32, [](double value, char* out) { return std::to_chars(out, out + 32, value).ptr; });
}

void time_to_text(const StepCall& call) {
  write_texts<int64_t>(call, kRfc3339Bytes,
                       [](int64_t value, char* out) { return format_rfc3339(value, out); });
}

}  // namespace flow::operators
