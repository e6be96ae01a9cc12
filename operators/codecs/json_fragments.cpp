#include "operators/codecs/json_fragments.hpp"

#include <algorithm>
#include <type_traits>
#include <utility>

namespace flow::operators {
namespace {

constexpr unsigned kFewBits = 10;
constexpr unsigned kManyBits = 14;

// ---- planning ----

constexpr int64_t kMostRows = 1024;
constexpr size_t kMostFields = 8;  // that are looked at together

bool repeats(const JsonField& field) {
  return field.form == JsonField::Form::kCategory || field.form == JsonField::Form::kNumberObject;
}

size_t key_bytes(const JsonField& field) {
  return field.form == JsonField::Form::kCategory ? sizeof(int32_t)
                                                  : field.children.size() * sizeof(uint64_t);
}

uint64_t mix(uint64_t hash, uint64_t value) {
  const uint64_t mixed = (hash ^ value) * 0x9E3779B97F4A7C15U;
  return mixed ^ mixed >> 29;
}

// A field's value in a row, or nearly: two values rarely share one.
uint64_t value_of(const JsonField& field, int64_t row) {
  if (field.is_null(row)) return ~uint64_t{0};
  if (field.form == JsonField::Form::kCategory) {
    return static_cast<uint32_t>(field.at<int32_t>(row));
  }
  uint64_t hash = 0;
  for (const JsonField& child : field.children) {
    hash = mix(hash, child.is_null(row) ? ~uint64_t{0} : child.at<uint64_t>(row));
  }
  return hash;
}

// Cuts runs of fields into the ranges that are remembered together.
class Planner {
 public:
  Planner(const std::vector<JsonField>& fields, int64_t rows)
      : fields_(fields), rows_(static_cast<size_t>(std::min(rows, kMostRows))) {}

  // The run [first, end).
  void plan(size_t first, size_t end) {
    const size_t whole = distinct(first, end);
    const bool is_few = whole * 4 <= rows_;
    size_t bytes = 0;
    for (size_t i = first; i < end; ++i) bytes += key_bytes(fields_[i]);
    if (end - first == 1) {
      const bool is_fragment = fields_[first].form == JsonField::Form::kNumberObject;
      ranges_.push_back({first, 1, is_fragment, is_few});
      return;
    }
    // Together they need as many entries as there are combinations, apart the sum. Of equal cuts
    // the one nearest to the middle.
    std::pair<size_t, size_t> fewest{SIZE_MAX, 0};
    size_t best = first + 1;
    for (size_t cut = first + 1; cut < end; ++cut) {
      const size_t apart = distinct(first, cut) + distinct(cut, end);
      const size_t longer = std::max(cut - first, end - cut);
      if (std::pair(apart, longer) < fewest) {
        fewest = {apart, longer};
        best = cut;
      }
    }
    const bool fits = bytes <= JsonFragments::kKeyBytes;
    if (fits && (is_few || fewest.first * 10 > whole * 9)) {
      ranges_.push_back({first, end - first, true, is_few});
      return;
    }
    plan(first, best);
    plan(best, end);
  }
  void add_single(size_t field) { ranges_.push_back({field, 1, false, false}); }
  std::vector<JsonFieldRange> take() { return std::move(ranges_); }

 private:
  size_t distinct(size_t first, size_t end) {
    hashes_.assign(rows_, 0);
    for (size_t i = first; i < end; ++i) {
      for (size_t row = 0; row < rows_; ++row) {
        hashes_[row] = mix(hashes_[row], value_of(fields_[i], static_cast<int64_t>(row)));
      }
    }
    std::sort(hashes_.begin(), hashes_.end());
    return static_cast<size_t>(std::unique(hashes_.begin(), hashes_.end()) - hashes_.begin());
  }

  const std::vector<JsonField>& fields_;
  size_t rows_;
  std::vector<uint64_t> hashes_;
  std::vector<JsonFieldRange> ranges_;
};

}  // namespace

std::vector<JsonFieldRange> plan_fragments(const std::vector<JsonField>& fields, int64_t rows) {
  Planner planner(fields, rows);
  for (size_t first = 0; first < fields.size();) {
    size_t end = first;
    while (end < fields.size() && end - first < kMostFields && repeats(fields[end])) ++end;
    if (end == first || rows < kJsonPlanRows) {
      planner.add_single(first);
      ++first;
    } else {
      planner.plan(first, end);
      first = end;
    }
  }
  return planner.take();
}

// One slot more: whole blocks are read behind the last one's text.
JsonFragments::JsonFragments(JsonField* fields, size_t count, bool few)
    : fields_(fields),
      count_(count),
      shift_(64 - (few ? kFewBits : kManyBits)),
      slots_((size_t{1} << (64 - shift_)) + 1) {}

void JsonFragments::start() {
  generation_ = 1;
  for (const JsonField& field : *this) generation_ += field.texts.restarts();
}

// A null's value is zero, whatever the column holds there. `T` void: there is none, but the nulls.
template <class T>
void JsonFragments::put(const JsonField& field, size_t place, uint32_t null_bit, int64_t first,
                        int64_t end) {
  const auto key = [this](int64_t row) -> Key& { return keys_[static_cast<size_t>(row) % kRing]; };
  const auto set = [&](int64_t row, auto value) {
    std::memcpy(reinterpret_cast<char*>(key(row).values.data()) + place, &value, sizeof value);
  };
  if constexpr (!std::is_void_v<T>) {
    for (int64_t row = first; row < end; ++row) set(row, field.at<T>(row));
  }
  for (uint32_t nulls = field.nulls(first, end); nulls != 0; nulls &= nulls - 1) {
    const int64_t row = first + __builtin_ctz(nulls);
    key(row).nulls |= null_bit;
    if constexpr (!std::is_void_v<T>) set(row, T{});
  }
}

void JsonFragments::prepare(int64_t first, int64_t end) {
  for (int64_t row = first; row < end; ++row) {
    keys_[static_cast<size_t>(row) % kRing] = {generation_, 0, {}};
  }
  size_t place = 0;
  uint32_t null_bit = 1;
  for (const JsonField& field : *this) {
    if (field.form == JsonField::Form::kCategory) {
      put<int32_t>(field, place, null_bit, first, end);
      place += sizeof(int32_t);
    } else {
      put<void>(field, place, null_bit, first, end);
      for (const JsonField& child : field.children) {
        null_bit <<= 1;
        put<uint64_t>(child, place, null_bit, first, end);
        place += sizeof(uint64_t);
      }
    }
    null_bit <<= 1;
  }
  static constexpr std::array<uint64_t, 4> kFactors = {0x9E3779B97F4A7C15U, 0xD6E8FEB86659FD93U,
                                                       0xC2B2AE3D27D4EB4FU, 0x165667B19E3779F9U};
  for (int64_t row = first; row < end; ++row) {
    const size_t at = static_cast<size_t>(row) % kRing;
    const Key& key = keys_[at];
    const uint64_t hash = (key.nulls + uint64_t{1}) * kFactors[0] + key.values[0] * kFactors[1] +
                          key.values[1] * kFactors[2] + key.values[2] * kFactors[3];
    places_[at] = static_cast<uint32_t>(hash >> shift_);
    const auto* const slot = reinterpret_cast<const char*>(&slots_[places_[at]]);
    __builtin_prefetch(slot);
    __builtin_prefetch(slot + 64);
  }
  rows_ += static_cast<uint64_t>(end - first);
}

void JsonFragments::remember(int64_t row, std::string_view text) {
  ++misses_;
  if (text.size() > kLongest) return;
  const size_t at = static_cast<size_t>(row) % kRing;
  Slot& slot = slots_[places_[at]];
  slot.key = keys_[at];
  slot.length = static_cast<uint32_t>(text.size());
  std::memcpy(slot.text.data(), text.data(), text.size());
}

}  // namespace flow::operators
