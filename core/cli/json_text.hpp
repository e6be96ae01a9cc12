// JSON for machines, indented so that people can read it too.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace flowrun::cli {

// Writes one document from front to back. REQUIRES: keys inside objects only, and as many ends as
// begins.
class JsonText {
 public:
  JsonText& begin_object() { return begin('{'); }
  JsonText& end_object() { return end('}'); }
  JsonText& begin_array() { return begin('['); }
  JsonText& end_array() { return end(']'); }
  JsonText& key(std::string_view name);
  JsonText& value(std::string_view text);
  JsonText& value(const char* text) { return value(std::string_view(text)); }
  JsonText& value(bool value) { return literal(value ? "true" : "false"); }
  JsonText& value(std::int64_t number) { return literal(std::to_string(number)); }
  JsonText& value(double number);
  JsonText& null() { return literal("null"); }

  // The document, with a line feed at its end.
  std::string take();

 private:
  JsonText& begin(char bracket);
  JsonText& end(char bracket);
  JsonText& literal(std::string_view text);
  void separate();

  std::string text_;
  std::size_t depth_ = 0;
  bool first_ = true;  // nothing stands in the innermost array or object
  bool after_key_ = false;
};

}  // namespace flowrun::cli
