// Addresses to the values of database records, each record read once.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "flow/dictionary.hpp"
#include "operators/common/huge_array.hpp"
#include "operators/transforms/geoip_fields.hpp"

namespace flow::operators {

// The codes of the text leaves, which outlive a replaced database: one dictionary a leaf (null for
// others).
using GeoDictionaries = std::vector<std::unique_ptr<SharedDictionary>>;

// One generation of databases, with everything found in them so far.
//
// An address is looked up in the trees once, and remembered with the number of its record in a
// table of fixed size without locks (an entry that finds no room takes another's). A record
// (neighbouring addresses share one) is read once, into cells that never change again.
//
// Thread safety: all methods from any thread.
class GeoIndex {
 public:
  static constexpr size_t kMaximumDatabases = 8;
  static constexpr uint32_t kUnknown = 0;  // the number of the record without values

  // Up to 63 leaves. `addresses`: how many to remember, 8 bytes each.
  GeoIndex(GeoDatabases databases, GeoFields fields, GeoDictionaries& dictionaries,
           size_t addresses);
  ~GeoIndex();

  const GeoFields& fields() const { return fields_; }

  // ---- IPv4 ----
  void prefetch(uint32_t ipv4) const { __builtin_prefetch(&slots_[home(ipv4)]); }
  // The record's number if the address is remembered.
  bool find(uint32_t ipv4, uint32_t& record) const {
    const size_t at = home(ipv4);
    for (size_t probe = 0; probe < kProbes; ++probe) {
      const uint64_t slot = slots_[(at + probe) & slot_mask_].load(std::memory_order_acquire);
      if (slot == 0) return false;
      if (slot >> 32 == ipv4) {
        record = static_cast<uint32_t>(slot) - 1;
        return true;
      }
    }
    return false;
  }
  // Looks `n` addresses up in the databases, at most MmdbReader::kGroup, and remembers them.
  // Returns how many met damage in a database.
  int64_t look_up(Host host, const uint32_t* ipv4, uint32_t* records, size_t n);

  // ---- IPv6: not remembered here ----
  int64_t look_up(Host host, const Ipv6Address& address, uint32_t& record);

  // ---- records ----
  // Cell 0 is a bit mask of the leaves that are present; cell 1 + i is leaf i: a dictionary's code,
  // an integer, the bits of a double, or 0 and 1.
  const uint64_t* cells(uint32_t record) const {
    return chunks_[record / kRecordsInChunk].load(std::memory_order_acquire) +
           size_t{record % kRecordsInChunk} * stride_;
  }
  void prefetch_cells(uint32_t record) const { __builtin_prefetch(cells(record)); }
  // Of a text leaf whose cell holds SharedDictionary::kNone.
  std::string_view text(uint32_t record, size_t leaf) const;

 private:
  using Slot = std::atomic<uint64_t>;  // address << 32 | record + 1; 0: free
  using Places = std::array<uint32_t, kMaximumDatabases>;
  struct PlacesHash {
    size_t operator()(const Places& places) const;
  };
  static constexpr size_t kProbes = 8;
  static constexpr size_t kKnownPlaces = 262144;
  static constexpr size_t kRecordsInChunk = 4096;
  static constexpr size_t kMaximumChunks = 16384;

  size_t home(uint32_t ipv4) const {
    return static_cast<size_t>((ipv4 * uint64_t{0x9e3779b97f4a7c15U}) >> slot_shift_);
  }
  void remember(uint32_t ipv4, uint32_t record);
  // A place in the only database, and its record: as in slots_, in a table without probes.
  Slot& known_place(uint32_t place) {
    constexpr unsigned kBits = std::bit_width(kKnownPlaces) - 1;
    return (*known_places_)[(place * uint64_t{0x9e3779b97f4a7c15U}) >> (64 - kBits)];
  }
  uint32_t record_at(Host host, const Places& places, int64_t& damaged);
  uint32_t read_record(Host host, const Places& places, int64_t& damaged);
  uint32_t add_record(Host host, const Places& places, const std::vector<MmdbValue>& values);
  bool read(const Places& places, std::vector<MmdbValue>& values) const;

  GeoDatabases databases_;
  GeoFields fields_;
  MmdbPaths paths_;
  GeoDictionaries& dictionaries_;
  size_t stride_;  // cells a record
  size_t slot_mask_;
  unsigned slot_shift_;
  HugeArray<Slot> slots_;
  std::unique_ptr<HugeArray<Slot>>
      known_places_;  // in front of records_ and its lock; one database only
  std::vector<std::atomic<uint64_t*>> chunks_;
  mutable std::mutex mutex_;  // guards what follows
  std::unordered_map<Places, uint32_t, PlacesHash> records_;
  std::unordered_map<uint64_t, std::string_view> texts_;  // record << 6 | leaf, without a code
  uint32_t record_count_ = 0;
};

}  // namespace flow::operators
