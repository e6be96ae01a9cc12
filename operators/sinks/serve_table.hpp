// The newest row of each key, in the host's pages: written by a sink, read by a listener's threads.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flow/state.hpp"

namespace flow::operators {

// Rows live in a KeyedTable, so a checkpoint takes the pages that changed and no others, and a run
// that goes on has them at once. Beside the pages stand 8 bytes a row that keep the order in which
// rows came. Members lock a mutex for about a microsecond (newest: for the copying of what it
// finds).
class ServeTable {
 public:
  static constexpr size_t kLongestKey = 1024;
  static constexpr size_t kLongestRow = FLOW_PAGE_BYTES;

  // `most_bytes`: of keys and rows, 64 more for each.
  ServeTable(Host host, int64_t most_rows, int64_t most_bytes);

  // [worker] The key's row is now this one. The oldest rows make room for it. False: there is none
  // at all.
  bool put(std::string_view key, std::string_view row);
  // [worker] The key has no row any more; nothing of it stays in the pages.
  void erase(std::string_view key);
  // [any] None: there is no such key, or the table is closed.
  std::optional<std::string> find(std::string_view key);
  // Appends the newest rows, the last one first and with commas between, up to some rows and bytes.
  void append_newest(int64_t most_rows, size_t most_bytes, std::string& out);
  // Nothing is read any more: the pages go.
  void close();
  bool is_closed();

  int64_t rows();
  int64_t bytes();
  int64_t evicted();

 private:
  struct Served {
    StoredBytes row;
    uint64_t stamp;
  };
  // Where a row stands: its key group and slot.
  struct Place {
    uint32_t number = 0;  // 0: none
    static constexpr uint32_t kSlotBits = 25;
    static Place of(uint32_t group, uint32_t slot) { return {group << kSlotBits | slot}; }
    uint32_t group() const { return number >> kSlotBits; }
    uint32_t slot() const { return number & ((uint32_t{1} << kSlotBits) - 1); }
    explicit operator bool() const { return number != 0; }
  };
  struct Link {
    Place newer, older;
  };
  static int64_t weight(size_t key, size_t row) { return static_cast<int64_t>(key + row) + 64; }

  Link& link(Place place);
  void join(Place place);
  void leave(Place place);
  void drop(Place place);
  void evict();
  bool keep(uint64_t hash, std::string_view key, std::string_view row);
  void rebuild();

  const int64_t most_rows_, most_bytes_;
  std::mutex mutex_;  // guards what follows
  KeyedTable<Served> table_;
  std::array<std::vector<Link>, FLOW_KEY_GROUPS> links_;
  Place newest_, oldest_;
  uint64_t stamp_ = 0;
  int64_t rows_ = 0, bytes_ = 0, evicted_ = 0;
  bool is_closed_ = false;
};

}  // namespace flow::operators
