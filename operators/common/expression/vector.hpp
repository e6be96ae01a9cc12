// Columns of values while an expression is worked out: plain arrays, one entry a row.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace flow::operators {

// What a value is. Categories are texts here (see Program::Domain).
enum class Kind : uint8_t {
  kNull,       // nothing but null: a literal, or a field that is not there
  kBool,       // a byte each, 0 or 1; 0 where null
  kInt,        // int64_t
  kFloat,      // double
  kTimestamp,  // int64_t, nanoseconds since 1970 UTC
  kText,       // std::string_view; of valid UTF-8
  kBinary,     // std::string_view
  kJson,       // std::string_view: a token
  kNested      // struct or list: only whether it is null
};

// As messages say it: "a number", "text", ...
std::string_view kind_name(Kind kind);

// Memory for `n` values that is kept from batch to batch.
class Scratch {
 public:
  template <class T>
  T* take(int64_t n) {
    const auto bytes = static_cast<size_t>(n) * sizeof(T);
    if (bytes > capacity_) {
      capacity_ = bytes + bytes / 2;
      memory_ = std::make_unique<std::max_align_t[]>(capacity_ / sizeof(std::max_align_t) + 1);
    }
    return reinterpret_cast<T*>(memory_.get());
  }

 private:
  std::unique_ptr<std::max_align_t[]> memory_;
  size_t capacity_ = 0;
};

// Bytes of texts that a function made; all of them go with reset().
class TextArena {
 public:
  void reset() {
    if (blocks_.size() > 1) blocks_.erase(blocks_.begin(), blocks_.end() - 1);
    used_ = 0;
  }
  // `bytes` bytes that stay where they are until reset().
  char* reserve(size_t bytes) {
    if (blocks_.empty() || used_ + bytes > blocks_.back().size) {
      const size_t doubled = blocks_.empty() ? kFirst : blocks_.back().size * 2;
      const size_t size = bytes > doubled ? bytes : doubled;
      blocks_.push_back({std::make_unique_for_overwrite<char[]>(size), size});
      used_ = 0;
    }
    char* const result = blocks_.back().bytes.get() + used_;
    used_ += bytes;
    return result;
  }
  // Gives back the end of what reserve() gave last.
  void trim(size_t bytes) { used_ -= bytes; }
  std::string_view copy(std::string_view text) {
    char* const to = reserve(text.size());
    if (!text.empty()) std::memcpy(to, text.data(), text.size());
    return {to, text.size()};
  }

 private:
  static constexpr size_t kFirst = 4096;
  struct Block {
    std::unique_ptr<char[]> bytes;
    size_t size;
  };
  std::vector<Block> blocks_;
  size_t used_ = 0;
};

// The values of one part of an expression. `values` and `nulls` may lie in the batch, in another
// vector, or in the scratch memory.
struct Vector {
  Kind kind = Kind::kNull;
  bool constant = false;  // one entry, for all rows
  const void* values = nullptr;
  const uint8_t* nulls = nullptr;  // 1 where null; NULL: nowhere

  Scratch value_memory;
  Scratch null_memory;
  TextArena texts;

  template <class T>
  const T* as() const {
    return static_cast<const T*>(values);
  }
  bool is_null(int64_t row) const { return nulls != nullptr && nulls[constant ? 0 : row] != 0; }
  template <class T>
  T* write(int64_t rows) {
    T* const result = value_memory.take<T>(rows);
    values = result;
    constant = false;
    return result;
  }
};

}  // namespace flow::operators
