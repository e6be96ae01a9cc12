// Rows to JSON objects, one a line.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "flow/output.hpp"
#include "operators/common/huge_array.hpp"
#include "operators/common/json_writer.hpp"
#include "operators/common/prefetch.hpp"

namespace flow::operators {

// Encodes batches into one buffer each. One an instance; it remembers the last schema, and each
// category's texts as they stand in a document.
class JsonEncoder {
 public:
  explicit JsonEncoder(bool write_nulls) : write_nulls_(write_nulls) {}

  // Passes the rows on as one binary column `bytes`, one object a row, contiguous in one buffer;
  // `delimited`: each with a LF. More than a GiB of text becomes several batches.
  void encode(const Batch& in, bool delimited, Output& out);

 private:
  // The texts of one category column as they are written: `,"key":"text"`, each made when it is met
  // first. Follows a dictionary that grows in place; any other dictionary starts it over.
  class CategoryTexts {
   public:
    void follow(const flow_column& dictionary);
    // The fragment of a code; readable kReadAhead bytes behind its end.
    std::string_view fragment(const std::string& key, int32_t code) {
      const Entry entry = entries_[static_cast<size_t>(code)];
      if (entry.length != 0) return {bytes_.data() + entry.begin, entry.length};
      return render(key, code);
    }
    // Whether the fragments are too many to be near; then it pays to begin loading one early.
    bool is_large() const { return entries_.size() > 1024; }
    void prefetch(int32_t code) const {
      operators::prefetch(bytes_.data() + entries_[static_cast<size_t>(code)].begin);
    }

   private:
    struct Entry {
      uint32_t begin = 0;
      uint32_t length = 0;
    };
    std::string_view render(const std::string& key, int32_t code);

    Column dictionary_;  // held, so that its address means it
    std::vector<Entry> entries_;
    std::vector<char> bytes_;
    size_t used_ = 0;
  };

  // Objects of one or two numbers as they are written, `{...}` without the key, remembered by their
  // bits: places repeat. Each has two entries that it may be in, and a new one takes that of the
  // two which was used less lately.
  class NumberObjects {
   public:
    static constexpr size_t kNumbers = 2;
    static constexpr size_t kLongest = 47;
    using Bits = std::array<uint64_t, kNumbers>;
    struct alignas(64) Entry {  // what one access to memory brings
      Bits bits{};
      std::array<char, kLongest> text{};
      uint8_t length = 0;  // 0: nothing is here
      bool holds(const Bits& wanted) const {
        static_assert(kNumbers == 2);
        return ((bits[0] ^ wanted[0]) | (bits[1] ^ wanted[1])) == 0 && length != 0;
      }
    };
    void prefetch(const Bits& bits) {
      Entry* const pair = pair_of(bits);
      operators::prefetch(pair);
      operators::prefetch(pair + 1);
    }
    // Null if it is not known.
    const Entry* find(const Bits& bits) {
      Entry* const pair = pair_of(bits);
      if (pair[0].holds(bits)) [[likely]] {
        return pair;
      }
      if (!pair[1].holds(bits)) return nullptr;
      std::swap(pair[0], pair[1]);
      return pair;
    }
    void put(const Bits& bits, std::string_view text) {
      if (text.size() > kLongest) return;
      Entry* const pair = pair_of(bits);
      pair[1] = pair[0];
      pair[0].bits = bits;
      pair[0].length = static_cast<uint8_t>(text.size());
      std::memcpy(pair[0].text.data(), text.data(), text.size());
    }
    void prepare() {
      if (!entries_) entries_ = std::make_unique<HugeArray<Entry>>(size_t{1} << kEntryBits);
    }

   private:
    Entry* pair_of(const Bits& bits) {
      const uint64_t hash = (bits[0] ^ bits[1] * 0xD6E8FEB86659FD93U) * 0x9E3779B97F4A7C15U;
      return &(*entries_)[hash >> (64 - kEntryBits) & ~uint64_t{1}];
    }

    static constexpr int kEntryBits = 16;
    std::unique_ptr<HugeArray<Entry>> entries_;  // 4 MiB once needed
  };

  // Memory that views point into. Number 0 are a column's views themselves, since up to 12 bytes
  // stand there inline; then its buffers follow.
  struct Region {
    const char* begin;
    const char* end;
  };

  // How a field is written.
  enum class Form { kText, kCategory, kNumberObject, kOther };

  // One field of the schema, and what the batch under way has for it.
  struct Field {
    flow_type type = 0;
    Form form = Form::kOther;
    std::string key;  // `,"name":`, then a quote and kReadAhead bytes more
    size_t key_size = 0;
    int64_t reserve = 0;  // what the key and a value of fixed size need
    std::vector<Field> children;
    CategoryTexts texts;
    NumberObjects objects;

    // Of the batch:
    const uint8_t* validity = nullptr;
    int64_t offset = 0;
    const void* values = nullptr;  // behind `offset`, but for bool
    const void* const* buffers = nullptr;
    const flow_column* column = nullptr;
    std::vector<Region> regions;  // text only

    bool is_null(int64_t row) const {
      const int64_t bit = offset + row;
      return validity != nullptr && (validity[bit >> 3] >> (bit & 7) & 1) == 0;
    }
    template <class T>
    T at(int64_t row) const {
      return static_cast<const T*>(values)[row];
    }
  };

  // Begins to load what the rows [first, end) need from tables that are too large to be near.
  void prefetch(int64_t first, int64_t end);
  static NumberObjects::Bits number_bits(const Field& field, int64_t row);
  static void plan(const flow_field& source, Field& field);
  static void bind(const flow_column& column, Field& field);
  int64_t encode_from(const Batch& in, int64_t first, bool delimited, Output& out);

  // Makes room for `bytes` more; returns where to go on.
  char* room(char* out, int64_t bytes) { return limit_ - out >= bytes ? out : grow(out, bytes); }
  char* grow(char* out, int64_t bytes);
  // The rows [first, end) up to the one that passes kCutBytes, each with its view; returns how
  // many.
  template <class Copy>
  int64_t write_rows(int64_t first, int64_t end, bool delimited, flow_view* view);
  int64_t write_rows_avx2(int64_t first, int64_t end, bool delimited, flow_view* view);
  template <class Copy>
  char* write_object(char* out, std::vector<Field>& fields, int64_t row);
  template <class Copy>
  char* write_field(char* out, Field& field, int64_t row);
  template <class Copy>
  char* write_text_field(char* out, const Field& field, int64_t row);
  char* write_other(char* out, Field& field, int64_t row);
  char* write_number_object(char* out, Field& field, int64_t row);
  char* write_new_number_object(char* out, Field& field, int64_t row,
                                const NumberObjects::Bits& bits);
  char* write_value(char* out, Field& field, int64_t row);
  char* write_nested(char* out, Field& field, int64_t row);
  char* write_text(char* out, const flow_view& view, const void* const* buffers);
  char* write_token(char* out, std::string_view token);

  bool write_nulls_;
  Reference<const flow_schema> schema_;
  std::vector<Field> fields_;
  std::vector<Field*> far_;       // those that prefetch() is for, in this batch
  std::array<char, 4> prefix_{};  // of a document that has the first field
  DoubleWriter doubles_;
  double bytes_per_row_ = 512;  // of the last batch

  // Of the batch under way:
  const Host* host_ = nullptr;
  Buffer buffer_;
  char* limit_ = nullptr;
  int64_t used_ = 0;  // of buffer_
};

}  // namespace flow::operators
