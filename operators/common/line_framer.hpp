// Where lines end in a byte stream, and what becomes of a line that is longer than memory allows.
#pragma once

#include <cstdint>
#include <mutex>
#include <string_view>
#include <unordered_map>

namespace flow::operators {

// Pieces of over-long lines that were cut off a stream, from the framer to the decoders.
//
// A framer that meets a line longer than `max_line` hands it on in pieces; the decoders, which run
// in parallel and see one piece each, must report the line once. So the framer notes every piece
// that begins in the middle of a line here, by its hash, and the decoder that meets it takes the
// note and skips the rest of that line. Equal pieces have equal notes: it does not matter which one
// is taken. Shared by the instances of a component. [any]
class LineContinuations {
 public:
  void note(std::string_view piece);
  // Whether `piece` was noted; takes that note.
  bool take(std::string_view piece);

 private:
  std::mutex mutex_;
  std::unordered_map<uint64_t, int64_t> notes_;  // hash -> how often
};

// Cuts a stream behind its last whole line. One a stream; not thread-safe.
//
// What is held back without a newline grows to 2 * max_line bytes and one read, then all but the
// last max_line + 2 bytes are handed on. So the piece that ends an over-long line is over-long
// itself, and whoever starts reading at any piece (after a restart, which knows nothing of the
// notes) takes it for an over-long line and not for a short one: reported again at worst, never
// taken for a record.
class LineFramer {
 public:
  // `continuations` outlives the framer.
  LineFramer(int64_t max_line, LineContinuations& continuations)
      : max_line_(max_line), continuations_(continuations) {}

  // How many of the bytes to hand on now; those behind them come again, with more.
  int64_t frame(std::string_view bytes, bool final);

 private:
  int64_t max_line_;
  LineContinuations& continuations_;
  bool inside_ = false;  // the next byte is in the middle of an over-long line
};

}  // namespace flow::operators
