// A few names, each with a rank, packed into one block of keyed state.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "flow/state.hpp"

namespace flow::operators {

// The `most` names with the highest ranks of those that were noted, each once; of equal ranks those
// that come later by their bytes. Their order in the block has no meaning. `Rank`: int64_t or
// double. A name takes ten bytes beside its own and is found by looking at all.
template <class Rank>
class RankedNames {
 public:
  static constexpr size_t kLongestName = UINT16_MAX;

  // Calls visit(rank, name) for each name of a block.
  template <class Visit>
  static void for_each(std::string_view block, Visit visit) {
    for (size_t at = 0; at < block.size(); at += kHead + length_at(block, at)) {
      visit(rank_at(block, at), name_at(block, at));
    }
  }

  // `most`: at least one.
  explicit RankedNames(size_t most) : most_(most) {}

  // Gives `name` the rank raise(its rank), or `rank` if it is not there. `hash`: of the key whose
  // record has `stored`. False past state_limit: nothing was changed.
  template <class Record, class Raise>
  bool note(KeyedTable<Record>& table, uint64_t hash, StoredBytes& stored, std::string_view name,
            Rank rank, Raise raise) {
    const std::string_view block = table.load(hash, stored);
    size_t names = 0;
    size_t lowest = 0;
    for (size_t at = 0; at < block.size(); at += kHead + length_at(block, at), ++names) {
      if (name_at(block, at) == name) {
        const Rank raised = raise(rank_at(block, at));
        std::memcpy(table.edit(hash, stored) + at, &raised, sizeof raised);
        return true;
      }
      if (names == 0 || is_below(rank_at(block, at), name_at(block, at), block, lowest)) {
        lowest = at;
      }
    }
    const bool full = names >= most_;
    if (full && is_below(rank, name, block, lowest)) return true;
    if (full && length_at(block, lowest) == name.size()) {
      write(table.edit(hash, stored) + lowest, rank, name);
      return true;
    }
    packed_.assign(block);
    if (full) packed_.erase(lowest, kHead + length_at(block, lowest));
    packed_.resize(packed_.size() + kHead + name.size());
    write(packed_.data() + packed_.size() - kHead - name.size(), rank, name);
    const auto grown = table.store(hash, packed_);
    if (!grown) return false;
    table.remove(hash, stored);
    stored = *grown;
    return true;
  }

 private:
  static constexpr size_t kHead = sizeof(Rank) + sizeof(uint16_t);
  static_assert(sizeof(Rank) == 8);

  static size_t length_at(std::string_view block, size_t at) {
    uint16_t length;
    std::memcpy(&length, block.data() + at + sizeof(Rank), sizeof length);
    return length;
  }
  static std::string_view name_at(std::string_view block, size_t at) {
    return block.substr(at + kHead, length_at(block, at));
  }
  static Rank rank_at(std::string_view block, size_t at) {
    Rank rank;
    std::memcpy(&rank, block.data() + at, sizeof rank);
    return rank;
  }
  static bool is_below(Rank rank, std::string_view name, std::string_view block, size_t other) {
    const Rank its_rank = rank_at(block, other);
    return rank < its_rank || (rank == its_rank && name < name_at(block, other));
  }
  static void write(char* to, Rank rank, std::string_view name) {
    const auto length = static_cast<uint16_t>(name.size());
    std::memcpy(to, &rank, sizeof rank);
    std::memcpy(to + sizeof rank, &length, sizeof length);
    std::memcpy(to + kHead, name.data(), name.size());
  }

  size_t most_;
  std::string packed_;
};

}  // namespace flow::operators
