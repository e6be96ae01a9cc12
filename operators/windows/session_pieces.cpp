#include "operators/windows/session_pieces.hpp"

#include <algorithm>
#include <cstring>

namespace flow::operators {

void SessionPieces::read() {
  const StoredBytes block = table_.record_at(group_, slot_).block;
  const std::string_view bytes = table_.load(hash_, block);
  capacity_ = bytes.size() / sizeof(SessionPiece);
  const auto* const begin = reinterpret_cast<const SessionPiece*>(bytes.data());
  const auto* const end = std::partition_point(
      begin, begin + capacity_, [](const SessionPiece& piece) { return piece.cell.length != 0; });
  pieces_ = {begin, end};
}

SessionPiece* SessionPieces::edit() {
  return reinterpret_cast<SessionPiece*>(table_.edit(hash_, table_.record_at(group_, slot_).block));
}

bool SessionPieces::move_to(size_t capacity) {
  const auto moved = table_.allocate(hash_, static_cast<uint32_t>(capacity * sizeof(SessionPiece)));
  if (!moved) return false;
  if (!pieces_.empty())
    std::memcpy(table_.edit(hash_, *moved), pieces_.data(), pieces_.size_bytes());
  StoredBytes& block = table_.modify_at(group_, slot_).block;
  table_.remove(hash_, block);
  block = *moved;
  read();
  return true;
}

size_t SessionPieces::first_session() const {
  size_t count = std::min<size_t>(1, pieces_.size());
  while (count < pieces_.size() && pieces_[count].is_joined != 0) ++count;
  return count;
}

SessionPieces::Reach SessionPieces::reach(int64_t time, int64_t gap, int64_t watermark) const {
  // What lies before the row is too far, or over, up to a piece; what lies behind it, from one on.
  // No session goes on over a gap that is too far, and the row is behind whatever is over.
  const int64_t too_early = std::max(time, watermark) - gap;
  const auto first =
      std::partition_point(pieces_.begin(), pieces_.end(),
                           [&](const SessionPiece& piece) { return piece.last <= too_early; });
  const auto behind = std::partition_point(
      first, pieces_.end(), [&](const SessionPiece& piece) { return piece.first < time + gap; });
  return {static_cast<size_t>(first - pieces_.begin()),
          static_cast<size_t>(behind - pieces_.begin())};
}

const SessionPiece& SessionPieces::join(Reach reach, int64_t time) {
  const auto begin = pieces_.begin();
  const auto later = std::partition_point(
      begin + static_cast<int64_t>(reach.first) + 1, begin + static_cast<int64_t>(reach.behind),
      [&](const SessionPiece& piece) { return piece.first <= time; });
  const auto own = static_cast<size_t>(later - begin) - 1;
  const bool joins = std::any_of(begin + static_cast<int64_t>(reach.first) + 1,
                                 begin + static_cast<int64_t>(reach.behind),
                                 [](const SessionPiece& piece) { return piece.is_joined == 0; });
  if (joins || time < pieces_[own].first || time > pieces_[own].last) {
    SessionPiece* const pieces = edit();
    pieces[own].first = std::min(pieces[own].first, time);
    pieces[own].last = std::max(pieces[own].last, time);
    for (size_t i = reach.first + 1; i < reach.behind; ++i) pieces[i].is_joined = 1;
  }
  return pieces_[own];
}

bool SessionPieces::insert(size_t at, const SessionPiece& piece) {
  const size_t size = pieces_.size();
  if (size == capacity_ && !move_to(std::max<size_t>(1, capacity_ * 2))) return false;
  SessionPiece* const pieces = edit();
  std::memmove(pieces + at + 1, pieces + at, (size - at) * sizeof(SessionPiece));
  pieces[at] = piece;
  pieces_ = {pieces, size + 1};
  return true;
}

void SessionPieces::erase_first(size_t count) {
  SessionPiece* const pieces = edit();
  const size_t left = pieces_.size() - count;
  std::memmove(pieces, pieces + count, left * sizeof(SessionPiece));
  std::fill_n(pieces + left, count, SessionPiece{});
  pieces_ = {pieces, left};
  // Where there is no room for the smaller block, the larger one does as well.
  if (left == 0) {
    move_to(0);
  } else if (left <= capacity_ / 4) {
    move_to(capacity_ / 2);
  }
}

}  // namespace flow::operators
