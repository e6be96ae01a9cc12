// Names that are made of a template and the fields of rows, such as paths and topics.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "flow/output.hpp"
#include "operators/common/field_template.hpp"
#include "operators/common/field_text.hpp"

namespace flow::operators {

// Control characters, DEL, and a few others.
class UnsafeBytes {
 public:
  constexpr explicit UnsafeBytes(std::string_view others) {
    for (size_t byte = 0; byte < 0x20; ++byte) unsafe_[byte] = true;
    unsafe_[0x7f] = true;
    for (const char c : others) unsafe_[static_cast<unsigned char>(c)] = true;
  }
  constexpr bool operator[](char c) const { return unsafe_[static_cast<unsigned char>(c)]; }

 private:
  std::array<bool, 256> unsafe_{};
};

// Appends `value`, with unsafe bytes as %XX, two upper-case hexadecimal digits.
void append_percent_encoded(std::string& out, std::string_view value, const UnsafeBytes& unsafe);

// The parts of a template for the rows of one batch at a time. Not thread-safe.
class RowNames {
 public:
  enum class Outcome : uint8_t {
    kDone,
    kNoValue,  // a field is null, empty or no timestamp
    kTooLong
  };

  // `what`: what they are, for messages, eg "a path".
  RowNames(const FieldTemplate& form, std::string what);

  // `first`: the column of the first of FieldTemplate::fields; the others follow it. Throws Failure
  // for a struct or a list.
  void bind(const Batch& in, uint32_t first, Host host);
  // Calls `literal` and `value` with the parts of the row's name, in their order. Either answers
  // whether the name is still short enough. Allocates nothing once values have had their length.
  template <class Literal, class Value>
  Outcome make(int64_t row, Literal literal, Value value) {
    for (size_t i = 0; i < parts_.size(); ++i) {
      Part& part = parts_[i];
      if (!part.is_field) {
        if (!literal(std::string_view(part.text))) return Outcome::kTooLong;
        continue;
      }
      value_.clear();
      if (!part.value.append(row, value_) || value_.empty()) {
        failed_ = i;
        return Outcome::kNoValue;
      }
      if (!value(std::string_view(value_))) return Outcome::kTooLong;
    }
    return Outcome::kDone;
  }
  // Of kNoValue: the field's name.
  const std::string& field() const { return parts_[failed_].text; }

 private:
  struct Part {
    std::string text;  // a literal, or the field's name
    bool is_field = false;
    uint32_t column = 0;  // among the fields
    FieldText value;
  };

  std::vector<Part> parts_;
  std::string what_;
  size_t failed_ = 0;
  std::string value_;
};

}  // namespace flow::operators
