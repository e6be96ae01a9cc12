// The sessions that a recommender knows, by dense numbers.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "flow/state.hpp"
#include "flow/state_array.hpp"

namespace flow::operators::recommend {

// Looked at for the session of a row.
struct Session {
  static constexpr uint32_t kRecent = 17;  // clicks that models look back at

  std::span<const uint32_t> clicks() const { return {recent.data(), recent_count}; }
  // `was_shown`: one of the session's lists had the item by then, which counts only when the item
  // is looked at for the first time.
  void push(uint32_t item, bool was_shown);
  // Of an item among `recent`: whether it was recommended before it was looked at; nothing: it is
  // not among them.
  std::optional<bool> was_led_to(uint32_t item) const;

  int64_t time = INT64_MIN;  // of its latest click
  uint32_t number = 0;
  uint32_t learned = 0;                    // clicks that models were taught
  uint32_t shown_count = 0;                // items of `shown`
  uint32_t recent_count = 0;               // of `recent`
  StoredBytes shown;                       // items of the last lists, newest first
  std::array<uint32_t, kRecent> recent{};  // items, newest first
  uint32_t led = 0;                        // of `recent`, bit by bit from the lowest
};

// Numbers are from 1 on; one that was forgotten is given to another session. Sessions are kept in
// the order in which they were touched. Not thread-safe.
class SessionStore {
 public:
  explicit SessionStore(Host host)
      : sessions_(host, "sessions", 1), links_(host, "session_order", 1) {}

  // NULL: not known. For the call under way, until a session is added or erased.
  Session* find(std::string_view id) { return sessions_.modify(id_hash_of(id), id); }
  // An id that find() does not know, as the one touched last. NULL: past the state limit.
  Session* add(std::string_view id);
  void touch(uint32_t number);
  void erase(uint32_t number);

  const Session& operator[](uint32_t number) { return sessions_.record_at(0, number); }
  Session& edit(uint32_t number) { return sessions_.modify_at(0, number); }
  bool exists(uint32_t number) { return (*this)[number].number == number; }
  uint32_t size() { return sessions_.size(0); }
  uint32_t highest() { return sessions_.highest_slot(0); }
  // Touched longest ago; 0: there is none.
  uint32_t oldest() const { return links_.size() > 0 ? links_[0].newer : 0; }

  // Puts a list in front of those that were shown; at most `most` items are kept. False: past the
  // state limit, nothing was changed.
  bool show(uint32_t number, std::span<const uint32_t> items, uint32_t most);
  std::span<const uint32_t> shown(uint32_t number);
  // Forgets the items of `gone` (a flag by number) in what sessions remember.
  void purge(std::span<const uint8_t> gone);

  // Blocks of words for what belongs to sessions.
  std::optional<StoredBytes> allocate(uint32_t bytes) { return sessions_.allocate(0, bytes); }
  void free(StoredBytes block) { sessions_.remove(0, block); }
  const uint32_t* read(StoredBytes block) {
    return reinterpret_cast<const uint32_t*>(sessions_.load(0, block).data());
  }
  uint32_t* write(StoredBytes block) {
    return reinterpret_cast<uint32_t*>(sessions_.edit(0, block));
  }

 private:
  // Number 0 stands before the oldest and behind the newest one.
  struct Link {
    uint32_t older, newer;
  };
  static uint64_t id_hash_of(std::string_view id);
  void unlink(uint32_t number);
  void link(uint32_t number);

  KeyedTable<Session> sessions_;
  StateArray<Link> links_;
};

}  // namespace flow::operators::recommend
