// What neighbouring fields of a document say together, remembered as it is written.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "operators/codecs/json_field.hpp"
#include "operators/common/huge_array.hpp"

namespace flow::operators {

// Neighbouring fields.
struct JsonFieldRange {
  size_t first;
  size_t count;
  bool is_fragment;  // to be remembered as one; else a single field
  bool is_few;       // values of a fragment, judging by these rows
};

// Which neighbours to remember together: categories and number objects whose values depend on each
// other, such as a city, its country and its location, or those that have few combinations, such as
// browser and system. Judges by the distinct values among the first `rows` of the bound batch, of
// which it looks at some hundreds; fewer than kJsonPlanRows say nothing, and all fields stay
// single. The ranges cover all fields in order.
inline constexpr int64_t kJsonPlanRows = 256;
std::vector<JsonFieldRange> plan_fragments(const std::vector<JsonField>& fields, int64_t rows);

// The texts of one such range by its values: a direct-mapped table. What a row says is found by one
// comparison of 32 bytes and copied in whole blocks, whatever the number of fields.
class JsonFragments {
 public:
  static constexpr size_t kKeyBytes = 24;  // a code takes 4 of them, a number 8
  static constexpr size_t kLongest = 156;  // longer texts are not remembered
  static constexpr int64_t kBlock = 16;

  // `fields` outlive it. `few`: some hundreds of entries will do (192 KiB, else 3 MiB).
  JsonFragments(JsonField* fields, size_t count, bool few);

  // Begins a batch, to which the fields are bound.
  void start();
  // Reads the keys of rows [first, end), at most kBlock, and begins to load what is known of them.
  // Holds two blocks: find() and remember() take rows of the two prepared last.
  void prepare(int64_t first, int64_t end);

  // What the row's fields say; data() is null if that is not known. kReadable bytes may be read.
  static constexpr size_t kReadable = 192;
  std::string_view find(int64_t row) {
    const size_t at = static_cast<size_t>(row) % kRing;
    const Slot& slot = slots_[places_[at]];
    if (slot.key == keys_[at]) [[likely]] {
      return {slot.text.data(), slot.length};
    }
    return {};
  }
  void remember(int64_t row, std::string_view text);

  JsonField* begin() const { return fields_; }
  JsonField* end() const { return fields_ + count_; }
  // Whether most of what was asked for was not there: then it is worth planning anew.
  bool is_useless() const { return misses_ > 65536 && misses_ * 2 > rows_; }

 private:
  static constexpr size_t kRing = 2 * kBlock;
  struct Key {
    uint32_t generation = 0;  // of the dictionaries; 0: nothing is here
    uint32_t nulls = 0;       // a bit each
    std::array<uint64_t, kKeyBytes / 8> values{};

    bool operator==(const Key& other) const {
      uint64_t different = uint64_t{generation ^ other.generation} | (nulls ^ other.nulls);
      for (size_t i = 0; i < values.size(); ++i) different |= values[i] ^ other.values[i];
      return different == 0;
    }
  };
  struct alignas(64) Slot {
    Key key;
    std::array<char, kLongest> text;
    uint32_t length;
  };
  static_assert(sizeof(Slot) == 192);

  template <class T>
  void put(const JsonField& field, size_t place, uint32_t null_bit, int64_t first, int64_t end);

  JsonField* fields_;
  size_t count_;
  unsigned shift_;
  HugeArray<Slot> slots_;
  uint32_t generation_ = 0;
  uint64_t rows_ = 0;
  uint64_t misses_ = 0;
  std::array<Key, kRing> keys_;
  std::array<uint32_t, kRing> places_{};
};

}  // namespace flow::operators
