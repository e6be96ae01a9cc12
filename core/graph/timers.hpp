// The pending timers of one instance of an operator.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "flow/abi.h"
#include "flow/host/memory.hpp"

namespace flowrun {

// A timer is of a kind, a time and a key; setting it again while it is pending changes nothing. It
// fires once. Timers of a kind fire in the order of their times, those of one time by the bytes of
// their keys. Not thread-safe.
//
// 48 bytes a timer with a key of up to 24 bytes, and 24 to 48 in the heap and the table that finds
// it again; charged to the account. Some 250 ns to set one, 450 to fire one of a million.
class Timers {
 public:
  // Keys of one call: more of the same time come in the next one.
  static constexpr std::size_t kMostKeys = 4096;
  // At the end of a stream, how often what fires may set another.
  static constexpr std::uint8_t kMostRounds = 8;

  explicit Timers(flow::host::MemoryAccount& account) : account_(account) {}
  Timers(const Timers&) = delete;
  Timers& operator=(const Timers&) = delete;
  ~Timers();

  // `key` NULL: the operator has none.
  void set(flow_time kind, std::int64_t nanoseconds, const flow_key* key);
  std::size_t size() const { return size_; }
  // The earliest time of a kind; INT64_MAX: none is pending.
  std::int64_t next(flow_time kind) const;

  struct Due {
    std::int64_t nanoseconds = 0;
    std::span<const flow_key* const> keys;
  };
  // Makes the earliest ones up to `until` the ones that are firing, unless some are. False: there
  // are none. They count as pending until done().
  bool begin(flow_time kind, std::int64_t until);
  bool firing() const { return !keys_.empty(); }
  const Due& due() const { return due_; }
  void done();

  // From now on no stream follows: what fires may set others kMostRounds times, so that an operator
  // that always sets another comes to an end.
  void end() { ending_ = true; }
  std::uint64_t discarded() const { return discarded_; }

  // All pending timers, by key group, in a form of its own; 21 bytes a timer and its key. Some 25
  // ms for a million. REQUIRES: none is firing.
  std::array<std::string, FLOW_KEY_GROUPS> save() const;
  // Adds what save() gave for a group. Throws std::runtime_error if the bytes are damaged.
  void load(std::string_view group);

 private:
  static constexpr std::uint32_t kInline = 24;
  static constexpr std::uint32_t kChunk = 4096;
  struct Entry {
    std::int64_t time;
    std::uint64_t hash;
    std::uint32_t length;
    std::uint8_t kind;  // kFree: not in use
    std::uint8_t round;
    std::uint16_t reserved;
    union {
      char bytes[kInline];
      char* longer;
    };
    std::string_view key() const { return {length <= kInline ? bytes : longer, length}; }
  };
  static constexpr std::uint8_t kFree = 0xff;
  struct Pending {
    std::int64_t time;
    std::uint32_t index;
  };
  struct Later {
    bool operator()(const Pending& a, const Pending& b) const { return a.time > b.time; }
  };

  Entry& at(std::uint32_t index) { return chunks_[index / kChunk][index % kChunk]; }
  const Entry& at(std::uint32_t index) const { return chunks_[index / kChunk][index % kChunk]; }
  static std::uint64_t place_of(std::uint8_t kind, std::int64_t time, std::uint64_t hash);
  std::uint64_t place_of(std::uint32_t index) const;
  std::uint32_t take_entry();
  void grow_table();
  std::uint8_t round_behind(std::uint64_t hash, std::string_view key) const;
  void forget(std::uint32_t index);
  void charge();

  flow::host::MemoryAccount& account_;
  std::int64_t charged_ = 0;
  std::size_t size_ = 0;
  std::vector<std::unique_ptr<Entry[]>> chunks_;
  std::vector<std::uint32_t> free_;
  std::uint32_t taken_ = 0;           // entries ever used
  std::vector<std::uint32_t> table_;  // 1 + index, by place; 0: nothing
  std::array<std::vector<Pending>, 2> heaps_;
  std::array<std::uint64_t, FLOW_KEY_GROUPS> saved_bytes_{};
  std::int64_t longer_bytes_ = 0;

  std::vector<std::uint32_t> same_time_;  // of the time that fires, the next one last
  std::vector<std::uint32_t> firing_;     // by key
  std::vector<flow_key> key_of_;
  std::vector<const flow_key*> keys_;
  Due due_;
  bool ending_ = false;
  std::uint8_t round_ = 0;
  std::uint64_t discarded_ = 0;
};

}  // namespace flowrun
