// The fields of a JSON object as they stand in its text, and what their tokens mean.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace flow::operators {

// How many bytes behind the text a JsonObjectScanner may read.
inline constexpr size_t kScanPadding = 64;

// Walks over the fields of one object. The text must be valid JSON (UTF-8 aside) and be followed by
// kScanPadding readable bytes: nothing is checked again. About 0.2 ns a byte inside texts.
class JsonObjectScanner {
 public:
  // Whether the text is an object, spaces aside.
  static bool is_object(std::string_view text);
  explicit JsonObjectScanner(std::string_view text);

  // False: there is no further field.
  bool next();
  // Both as they are written: the key with its quotes off, the value with nothing around it.
  std::string_view key() const { return key_; }
  std::string_view value() const { return value_; }

 private:
  void skip_space();
  const char* string_end(const char* at) const;
  const char* value_end(const char* at) const;

  const char* at_;
  const char* end_;
  std::string_view key_;
  std::string_view value_;
};

// The text of a JSON string's inside; half surrogate pairs become U+FFFD. Replaces what is in
// `out`.
void unescape_json(std::string_view inside, std::string& out);

// The value of a number token; none: it is no number, or beyond the type. An integer may be written
// with a fraction or an exponent (48.0, 1e3).
std::optional<int64_t> json_integer(std::string_view token);
std::optional<double> json_number(std::string_view token);

// A number of seconds since 1970, as nanoseconds: whole seconds exactly, fractions as a double has
// them, to the microsecond. None: it is no number, or outside the years 1677 to 2262.
std::optional<int64_t> json_timestamp(std::string_view token);

}  // namespace flow::operators
