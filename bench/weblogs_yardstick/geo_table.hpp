#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "bench/weblogs_yardstick/text_arena.hpp"

struct MMDB_s;
struct MMDB_entry_s;

namespace yardstick {

/// From an address to the finished JSON text `,"city":...,"country":...,"location":{...}`, empty
/// for an unknown address. Two caches shared by all threads: by IPv4 address (lock-free, a fixed
/// number of slots) and by database record, which is what limits the number of texts.
class GeoTable {
 public:
  enum class Shape { kNested, kFlat };  // GeoLite2's keys, DB-IP's keys

  /// Throws std::runtime_error if the database cannot be used.
  GeoTable(const std::string& path, Shape shape);
  ~GeoTable();

  /// An address in dotted form, first number in the highest byte; strict, as inet_pton. Reads up
  /// to 16 bytes whatever the size.
  static std::optional<std::uint32_t> parse_ipv4(std::string_view host);

  /// Starts to load what find() needs.
  void prefetch(std::uint32_t ipv4) const;

  /// The id of the text for an address that is in the cache.
  std::optional<std::uint32_t> find(std::uint32_t ipv4) const;

  /// Looks the addresses up in the database, all at once to overlap their waits for memory, and
  /// puts them into the cache. At most kBatch.
  void look_up(const std::uint32_t* ipv4, std::uint32_t* ids, std::size_t count);

  /// Any other host: IPv6 addresses are looked up (uncached), names are unknown.
  std::uint32_t look_up(std::string_view host);

  std::string_view text(std::uint32_t id) const { return texts_.text(id); }
  void prefetch_text(std::uint32_t id) const { texts_.prefetch(id); }

  static constexpr std::size_t kBatch = 64;

 private:
  struct Slots;

  void insert(std::uint32_t ipv4, std::uint32_t id);
  std::uint32_t text_of_record(std::uint32_t offset);
  std::string encode(const MMDB_entry_s& entry) const;

  Shape shape_;
  std::unique_ptr<MMDB_s> database_;
  std::unique_ptr<Slots> slots_;
  std::uint32_t ipv4_root_ = 0;  // node of 0.0.0.0/0
  TextArena texts_;
  std::mutex records_lock_;
  std::unordered_map<std::uint32_t, std::uint32_t> records_;  // offset -> id
};

}  // namespace yardstick
