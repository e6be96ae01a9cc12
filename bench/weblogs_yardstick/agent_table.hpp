#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "bench/weblogs_yardstick/json_text.hpp"
#include "operators/common/user_agent_parser.hpp"

namespace yardstick {

/// What the document says of one User-Agent header, already encoded. `raw` and both texts may be
/// read kSlack bytes beyond their ends.
struct Agent {
  std::string_view raw;
  std::string_view field;     // ,"agent":"..."
  std::string_view families;  // ,"os":"...","browser":"...","device_type":"..."
  std::string memory;
};

/// All agents seen so far, shared by all threads under one lock; AgentCache stands in front of it.
class AgentTable {
 public:
  explicit AgentTable(std::shared_ptr<const flow::operators::UserAgentParser> parser)
      : parser_(std::move(parser)) {}

  /// The agent, parsed if it is new. It lives as long as the table. Parsing does not hold the lock.
  const Agent* get(std::string_view raw);

 private:
  std::unique_ptr<const Agent> make(std::string_view raw) const;

  std::shared_ptr<const flow::operators::UserAgentParser> parser_;
  std::mutex lock_;
  std::unordered_map<std::string_view, std::unique_ptr<const Agent>> agents_;
};

/// One thread's pointers into the table, by the hash of the whole header.
class AgentCache {
 public:
  explicit AgentCache(AgentTable& table) : table_(table), slots_(kFirstSize) {}

  static std::uint64_t hash(std::string_view raw);

  void prefetch(std::uint64_t hash) const { __builtin_prefetch(&slots_[hash & mask_]); }

  /// As AgentTable::get, without its lock for what this thread has seen before.
  const Agent* get(std::string_view raw, std::uint64_t hash) {
    for (std::size_t place = hash & mask_;; place = (place + 1) & mask_) {
      const Slot& slot = slots_[place];
      if (slot.agent == nullptr) return miss(raw, hash);
      if (slot.hash == hash && slot.agent->raw.size() == raw.size() &&
          equal(slot.agent->raw.data(), raw.data(), raw.size())) {
        return slot.agent;
      }
    }
  }

 private:
  struct Slot {
    std::uint64_t hash = 0;
    const Agent* agent = nullptr;
  };
  static constexpr std::size_t kFirstSize = 8192;

  const Agent* miss(std::string_view raw, std::uint64_t hash);
  void insert(Slot slot);

  AgentTable& table_;
  std::vector<Slot> slots_;
  std::size_t mask_ = kFirstSize - 1;
  std::size_t used_ = 0;
};

}  // namespace yardstick
