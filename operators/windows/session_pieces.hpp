// The open sessions of one key, in the order of time.
#pragma once

#include <cstdint>
#include <span>

#include "flow/state.hpp"
#include "operators/common/keyed_rows.hpp"
#include "operators/windows/window_keys.hpp"

namespace flow::operators {

// A session, or a piece of one: a row that joins two sessions leaves both their cells, which are
// added up when the session is over.
struct SessionPiece {
  int64_t first;  // row's time
  int64_t last;
  StoredBytes cell;
  uint64_t is_joined;  // to the piece before it
};

// Pieces lie apart, so both their ends ascend, and those of a session follow one another. They
// stand in one block of the key's group, of a power of two of pieces, the unused ones without a
// cell. A row costs the binary search for its time, a new session moving what is later. One that is
// made again on the same key has the same.
class SessionPieces {
 public:
  static constexpr size_t kMost = FLOW_PAGE_BYTES / sizeof(SessionPiece);

  SessionPieces(KeyedTable<WindowKeys::Record>& table, uint32_t group, uint32_t slot)
      : table_(table), hash_(hash_in_group(group)), group_(group), slot_(slot) {
    read();
  }

  size_t size() const { return pieces_.size(); }
  bool empty() const { return pieces_.empty(); }
  // Good until the next insert() or erase_first().
  std::span<const SessionPiece> all() const { return pieces_; }
  // How many pieces the first session has.
  size_t first_session() const;

  // The pieces [first, behind) of the sessions that a row at `time` belongs to, without those that
  // the watermark has ended; it must not have ended the row. Where there are none, a session of the
  // row alone would stand at `first`.
  struct Reach {
    size_t first, behind;
  };
  Reach reach(int64_t time, int64_t gap, int64_t watermark) const;
  // Takes a row into the sessions of a reach that is not empty, which are one from then on. The
  // piece whose cell the row goes to.
  const SessionPiece& join(Reach reach, int64_t time);
  // False: there is no room, and nothing has changed. Of kMost pieces none is to be inserted.
  bool insert(size_t at, const SessionPiece& piece);
  // Their cells are the caller's to remove.
  void erase_first(size_t count);

 private:
  void read();
  SessionPiece* edit();
  // False: there is no room.
  bool move_to(size_t capacity);

  KeyedTable<WindowKeys::Record>& table_;
  uint64_t hash_;
  uint32_t group_, slot_;
  size_t capacity_ = 0;
  std::span<const SessionPiece> pieces_;
};

}  // namespace flow::operators
