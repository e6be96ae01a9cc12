// The hash of a key's value: frozen, as it decides which key group a key's state is stored in.
#pragma once

#include <cstring>
#include <string_view>
#include <vector>

#include "flow/batch.hpp"

namespace flow::host {

// 64-bit multiply-and-fold over 8-byte words, fixed seed. Same bytes, same hash, on every machine
// and in every version.
inline uint64_t hash_bytes(std::string_view bytes, uint64_t seed = 0) {
  constexpr uint64_t kFirst = 0x9e3779b97f4a7c15;
  constexpr uint64_t kSecond = 0xd6e8feb86659fd93;
  const auto fold = [](uint64_t a, uint64_t b) {
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(a) * b;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
  };
  uint64_t state = fold(seed ^ kFirst, bytes.size() ^ kSecond);
  while (!bytes.empty()) {
    uint64_t word = 0;
    const size_t n = bytes.size() < sizeof word ? bytes.size() : sizeof word;
    std::memcpy(&word, bytes.data(), n);
    state = fold(state ^ word ^ kFirst, kSecond ^ n);
    bytes.remove_prefix(n);
  }
  return fold(state ^ kSecond, kFirst);
}

// The group that a key with this hash belongs to.
inline uint32_t key_group(uint64_t hash) { return static_cast<uint32_t>(hash >> 57); }

// Which of `instances` instances of a keyed operator has the group's keys and state.
inline uint32_t owner_of_group(uint32_t group, uint32_t instances) {
  return static_cast<uint32_t>(uint64_t{group} * instances / FLOW_KEY_GROUPS);
}

// Mixes one key column into the hashes of its rows (start with zeros). Text hashes the same as the
// category or JSON token with the same bytes; null has a hash of its own.
inline void hash_column(const flow_column& column, std::vector<uint64_t>& hashes) {
  const Validity validity(column);
  const auto rows = static_cast<int64_t>(hashes.size());
  const auto mix = [&](int64_t row, std::string_view bytes) {
    uint64_t& hash = hashes[static_cast<size_t>(row)];
    hash = validity.is_null(row) ? hash_bytes("null", hash + 1) : hash_bytes(bytes, hash);
  };
  if (column.array->length < rows) throw std::invalid_argument("a key column that is too short");
  if (AnyTextView::accepts(column.type)) {
    const AnyTextView texts(column);
    for (int64_t row = 0; row < rows; ++row) mix(row, texts[row]);
  } else if (column.type == FLOW_BOOL) {
    const BoolView values(column);
    for (int64_t row = 0; row < rows; ++row)
      mix(row, values[row] ? "\1" : std::string_view("\0", 1));
  } else if (column.type == FLOW_STRUCT || column.type == FLOW_LIST) {
    throw std::invalid_argument("a struct or list cannot be a key");
  } else {
    const Int64View values(column);  // int64, timestamp; a double by its bits, -0.0 as 0.0
    for (int64_t row = 0; row < rows; ++row) {
      int64_t value = values[row];
      if (column.type == FLOW_FLOAT64 && value == INT64_MIN) value = 0;
      mix(row, {reinterpret_cast<const char*>(&value), sizeof value});
    }
  }
}

}  // namespace flow::host
