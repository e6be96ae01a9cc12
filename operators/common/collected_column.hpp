// Values of any plain type, collected one by one, as a column.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "flow/builder.hpp"

namespace flow::operators {

// Of bool, int64, float64, timestamp, text, binary or JSON. Keeps its memory when it is emptied.
class CollectedColumn {
 public:
  explicit CollectedColumn(flow_type type) : type_(type) {}

  flow_type type() const { return type_; }
  bool is_text() const { return type_ == FLOW_TEXT || type_ == FLOW_BINARY || type_ == FLOW_JSON; }
  int64_t size() const { return static_cast<int64_t>(words_.size()); }
  // A number by its bits, a bool as 0 or 1.
  void append(uint64_t word) { words_.push_back(word); }
  void append_text(std::string_view text) {
    bytes_ += text;
    words_.push_back(bytes_.size());
  }
  void append_null() {
    nulls_.push_back(size());
    words_.push_back(is_text() ? bytes_.size() : 0);
  }
  // Forgets what was collected.
  TypedColumn take(Host host) {
    TypedColumn column{finish(host), Type::of(type_)};
    words_.clear();
    bytes_.clear();
    nulls_.clear();
    return column;
  }

 private:
  Column finish(Host host) {
    if (is_text()) return finish_texts(host);
    if (type_ == FLOW_BOOL) return finish_bools(host);
    if (type_ == FLOW_FLOAT64) return finish_numbers(Float64Builder(host, size()));
    if (type_ == FLOW_TIMESTAMP) return finish_numbers(TimestampBuilder(host, size()));
    return finish_numbers(Int64Builder(host, size()));
  }
  template <class Builder>
  Column finish_numbers(Builder builder) {
    if (!words_.empty())
      std::memcpy(builder.data(), words_.data(), words_.size() * sizeof(words_[0]));
    for (const int64_t row : nulls_) builder.set_null(row);
    return builder.finish();
  }
  Column finish_bools(Host host) {
    BoolBuilder builder(host, size());
    size_t null = 0;
    for (size_t i = 0; i < words_.size(); ++i) {
      if (null < nulls_.size() && nulls_[null] == static_cast<int64_t>(i)) {
        builder.append_null();
        ++null;
      } else {
        builder.append(words_[i] != 0);
      }
    }
    return builder.finish();
  }
  Column finish_texts(Host host) {
    TextBuilder builder(host, size(), type_);
    size_t begin = 0;
    for (const uint64_t end : words_) {
      builder.append(std::string_view(bytes_).substr(begin, end - begin));
      begin = end;
    }
    for (const int64_t row : nulls_) builder.set_null(row);
    return builder.finish();
  }

  flow_type type_;
  std::vector<uint64_t> words_;  // of texts where they end
  std::string bytes_;
  std::vector<int64_t> nulls_;  // ascending
};

}  // namespace flow::operators
