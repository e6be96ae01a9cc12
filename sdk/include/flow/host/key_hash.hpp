// The hash of a key's value: frozen, as it decides which key group a key's state is stored in.
#pragma once

#include <array>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "flow/batch.hpp"

namespace flow::host {

namespace detail {

inline constexpr uint64_t kHashFirst = 0x9e3779b97f4a7c15;
inline constexpr uint64_t kHashSecond = 0xd6e8feb86659fd93;

constexpr uint64_t hash_fold(uint64_t a, uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

// hash_bytes of 8 bytes; `begun`: hash_fold(seed ^ kHashFirst, 8 ^ kHashSecond).
inline uint64_t hash_word(uint64_t word, uint64_t begun) {
  const uint64_t state = hash_fold(begun ^ word ^ kHashFirst, kHashSecond ^ sizeof word);
  return hash_fold(state ^ kHashSecond, kHashFirst);
}

// How hash_bytes begins with texts that stand in their views, by their length.
inline constexpr auto kHashBegun = [] {
  std::array<uint64_t, FLOW_VIEW_INLINE + 1> begun{};
  for (size_t n = 0; n < begun.size(); ++n) begun[n] = hash_fold(kHashFirst, n ^ kHashSecond);
  return begun;
}();

// hash_bytes of the text in a view that has no more than FLOW_VIEW_INLINE bytes.
inline uint64_t hash_inline(const flow_view& view) {
  constexpr size_t kWord = sizeof(uint64_t);
  const auto* const text = reinterpret_cast<const char*>(&view) + sizeof view.length;
  uint64_t word;
  uint32_t rest;
  std::memcpy(&word, text, sizeof word);
  std::memcpy(&rest, text + sizeof word, sizeof rest);
  const auto n = static_cast<size_t>(view.length);
  // What stands behind the text may be anything.
  const auto first = [](uint64_t bytes, size_t count) {
    return count < kWord ? bytes & ~(~uint64_t{0} << count * 8) : bytes;
  };
  uint64_t state = kHashBegun[n];
  if (n > kWord) {
    state = hash_fold(state ^ word ^ kHashFirst, kHashSecond ^ kWord);
    state = hash_fold(state ^ first(rest, n - kWord) ^ kHashFirst, kHashSecond ^ (n - kWord));
  } else if (n > 0) {
    state = hash_fold(state ^ first(word, n) ^ kHashFirst, kHashSecond ^ n);
  }
  return hash_fold(state ^ kHashSecond, kHashFirst);
}

}  // namespace detail

// 64-bit multiply-and-fold over 8-byte words, fixed seed. Same bytes, same hash, on every machine
// and in every version.
inline uint64_t hash_bytes(std::string_view bytes, uint64_t seed = 0) {
  using detail::hash_fold;
  using detail::kHashFirst;
  using detail::kHashSecond;
  uint64_t state = hash_fold(seed ^ kHashFirst, bytes.size() ^ kHashSecond);
  while (bytes.size() >= sizeof(uint64_t)) {
    uint64_t word;
    std::memcpy(&word, bytes.data(), sizeof word);
    state = hash_fold(state ^ word ^ kHashFirst, kHashSecond ^ sizeof word);
    bytes.remove_prefix(sizeof word);
  }
  if (!bytes.empty()) {
    // The last bytes, zeros behind them, without a call for so few.
    uint64_t word = 0;
    const char* const last = bytes.data();
    const size_t n = bytes.size();
    if (n >= 4) {
      uint32_t low, high;
      std::memcpy(&low, last, 4);
      std::memcpy(&high, last + n - 4, 4);
      word = low | uint64_t{high} << (n - 4) * 8;
    } else {
      const auto at = [&](size_t i) { return uint64_t{static_cast<unsigned char>(last[i])}; };
      word = at(0) | at(n / 2) << n / 2 * 8 | at(n - 1) << (n - 1) * 8;
    }
    state = hash_fold(state ^ word ^ kHashFirst, kHashSecond ^ n);
  }
  return hash_fold(state ^ kHashSecond, kHashFirst);
}

// The group that a key with this hash belongs to.
inline uint32_t key_group(uint64_t hash) { return static_cast<uint32_t>(hash >> 57); }

// Which of `instances` instances of a keyed operator has the group's keys and state.
inline uint32_t owner_of_group(uint32_t group, uint32_t instances) {
  return static_cast<uint32_t>(uint64_t{group} * instances / FLOW_KEY_GROUPS);
}

// Mixes one key column into the hashes of its rows. `first`: they have none yet, whatever they hold
// (the same as zeros). Text hashes the same as the category or JSON token with the same bytes; null
// has a hash of its own. Some 1.5 ns a row for numbers, 3 for a text of 12 bytes.
inline void hash_column(const flow_column& column, std::span<uint64_t> hashes, bool first) {
  const Validity validity(column);
  const auto rows = static_cast<int64_t>(hashes.size());
  if (column.array->length < rows) throw std::invalid_argument("a key column that is too short");
  const auto mix_all = [&](auto hash_of) {
    if (first && !validity.has_nulls()) {
      for (int64_t row = 0; row < rows; ++row) hashes[static_cast<size_t>(row)] = hash_of(row, 0);
      return;
    }
    for (int64_t row = 0; row < rows; ++row) {
      uint64_t& hash = hashes[static_cast<size_t>(row)];
      const uint64_t seed = first ? 0 : hash;
      hash = validity.is_null(row) ? hash_bytes("null", seed + 1) : hash_of(row, seed);
    }
  };
  if (AnyTextView::accepts(column.type) && column.type != FLOW_CATEGORY) {
    const TextView texts(column);
    mix_all([&](int64_t row, uint64_t seed) {
      const flow_view& view = texts.views()[row];
      if (seed == 0 && view.length <= FLOW_VIEW_INLINE) return detail::hash_inline(view);
      return hash_bytes(texts[row], seed);
    });
  } else if (AnyTextView::accepts(column.type)) {
    const AnyTextView texts(column);
    mix_all([&](int64_t row, uint64_t seed) { return hash_bytes(texts[row], seed); });
  } else if (column.type == FLOW_BOOL) {
    const BoolView values(column);
    mix_all([&](int64_t row, uint64_t seed) {
      return hash_bytes(values[row] ? "\1" : std::string_view("\0", 1), seed);
    });
  } else if (column.type == FLOW_STRUCT || column.type == FLOW_LIST) {
    throw std::invalid_argument("a struct or list cannot be a key");
  } else {
    const Int64View values(column);  // int64, timestamp; a double by its bits, -0.0 as 0.0
    const auto mix_words = [&](auto word_of) {
      mix_all([&](int64_t row, uint64_t seed) {
        const uint64_t word = word_of(values[row]);
        return detail::hash_word(
            word, detail::hash_fold(seed ^ detail::kHashFirst, sizeof word ^ detail::kHashSecond));
      });
    };
    if (column.type == FLOW_FLOAT64) {
      mix_words(
          [](int64_t value) { return static_cast<uint64_t>(value == INT64_MIN ? 0 : value); });
    } else {
      mix_words([](int64_t value) { return static_cast<uint64_t>(value); });
    }
  }
}
inline void hash_column(const flow_column& column, std::vector<uint64_t>& hashes) {
  hash_column(column, hashes, false);
}

}  // namespace flow::host
