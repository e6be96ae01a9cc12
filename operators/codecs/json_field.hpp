// The fields of a JSON document, and what the batch under way has for each.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "flow/batch.hpp"
#include "operators/common/json_writer.hpp"

namespace flow::operators {

// The texts of one category column as they are written: `,"key":"text"`, each made when it is met
// first. Follows a dictionary that grows in place; any other dictionary starts it over.
class CategoryTexts {
 public:
  void follow(const flow_column& dictionary);
  // How often it was started over. Until the next time a code means the same text.
  uint32_t restarts() const { return restarts_; }
  // The fragment of a code; readable kReadAhead bytes behind its end.
  std::string_view fragment(const std::string& key, int32_t code) {
    const Entry entry = entries_[static_cast<size_t>(code)];
    if (entry.length != 0) return {bytes_.data() + entry.begin, entry.length};
    return render(key, code);
  }
  // Whether the fragments are too many to be near; then it pays to begin loading one early.
  bool is_large() const { return entries_.size() > 1024; }
  void prefetch(int32_t code) const {
    __builtin_prefetch(bytes_.data() + entries_[static_cast<size_t>(code)].begin);
  }

 private:
  struct Entry {
    uint32_t begin = 0;
    uint32_t length = 0;
  };
  std::string_view render(const std::string& key, int32_t code);

  Column dictionary_;  // held, so that its address means it
  uint32_t restarts_ = 0;
  std::vector<Entry> entries_;
  std::vector<char> bytes_;
  size_t used_ = 0;
};

// One field of a schema. Made once for it; bind() before each batch.
struct JsonField {
  // How it is written. Number object: a struct of one or two int64 or float64.
  enum class Form { kText, kCategory, kNumberObject, kOther };
  static constexpr size_t kMostNumbers = 2;

  // Memory that views point into. Number 0 are a column's views themselves, since up to 12 bytes
  // stand there inline; then its buffers follow.
  struct Region {
    const char* begin;
    const char* end;
  };

  void plan(const flow_field& source);
  void bind(const flow_column& source);

  bool is_null(int64_t row) const {
    const int64_t bit = offset + row;
    return validity != nullptr && (validity[bit >> 3] >> (bit & 7) & 1) == 0;
  }
  // A bit for each null among the rows [first, end), of which there are at most 32.
  uint32_t nulls(int64_t first, int64_t end) const {
    if (validity == nullptr || first == end) return 0;
    const int64_t begin = offset + first;
    const int64_t last = offset + end - 1;
    uint64_t bits = 0;
    for (int64_t byte = begin >> 3; byte <= last >> 3; ++byte) {
      bits |= uint64_t{validity[byte]} << (8 * (byte - (begin >> 3)));
    }
    const uint64_t wanted = (uint64_t{1} << (end - first)) - 1;
    return static_cast<uint32_t>(~(bits >> (begin & 7)) & wanted);
  }
  template <class T>
  T at(int64_t row) const {
    return static_cast<const T*>(values)[row];
  }

  flow_type type = 0;
  Form form = Form::kOther;
  std::string key;  // `,"name":`, then a quote and kReadAhead bytes more
  size_t key_size = 0;
  int64_t reserve = 0;  // what the key and a value of fixed size need
  std::vector<JsonField> children;
  CategoryTexts texts;

  // Of the batch:
  const uint8_t* validity = nullptr;
  int64_t offset = 0;
  const void* values = nullptr;  // behind `offset`, but for bool
  const void* const* buffers = nullptr;
  const flow_column* column = nullptr;
  std::vector<Region> regions;  // text only
};

// What a value of fixed size needs, its key aside.
inline constexpr int64_t kFixedBytes = 2 * kWriteSlack + kNumberBytes;

}  // namespace flow::operators
