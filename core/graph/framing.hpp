// From the pieces of a byte stream that a source reads to runs of whole records.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/graph/operator_instance.hpp"
#include "core/graph/saved_state.hpp"
#include "flow/batch.hpp"

namespace flowrun {

// One partition's stream. A piece is passed on as a view of the source's own buffer; copied are
// only the bytes of a record that two pieces share. Not thread-safe.
class Framing {
 public:
  // `framer`: an instance of the codec in the role FLOW_ROLE_FRAME, for this stream alone; the
  // caller keeps it. What is held back is charged to `account`.
  Framing(flow_operator* framer, flow::host::MemoryAccount& account);
  Framing(const Framing&) = delete;
  Framing& operator=(const Framing&) = delete;
  ~Framing() { account_.release(charged_); }

  // A run of whole records: either bytes of the piece, or `text` when it had to be put together.
  struct Run {
    std::string_view piece;
    std::string text;
    std::int64_t position;  // of its first byte in the stream
    std::string context;    // of its first byte, if has_context()
  };
  // The codec has FLOW_EXTENSION_STREAM_CONTEXT.
  bool has_context() const { return context_ != nullptr; }

  // `position`: of the piece's first byte.
  void add(std::string_view piece, std::int64_t position, std::vector<Run>& runs);
  // What a checkpoint keeps of the stream, and back, before the first add().
  SavedPartition::Stream save() const { return {held_, held_position_, context()}; }
  void resume(const SavedPartition::Stream& saved);
  // Nothing is held back.
  bool empty() const { return held_.empty(); }
  // Nothing follows: what was held back is the last record.
  void finish(std::vector<Run>& runs);

 private:
  // First bytes of a piece that are joined to what was held back, to find where that record ends.
  static constexpr std::size_t kFirstJoin = 4096;
  // Room that is kept from one record to the next, whatever is held back.
  static constexpr std::size_t kKept = 64 << 10;

  std::int64_t frame(std::string_view bytes, bool final) {
    return framer_->frame(framer_, bytes.data(), static_cast<std::int64_t>(bytes.size()),
                          final ? 1 : 0);
  }
  // Behind what the framer found whole so far.
  std::string context() const;
  void charge();

  flow_operator* framer_;
  const flow_stream_context* context_ = nullptr;
  flow::host::MemoryAccount& account_;
  std::string held_;
  std::int64_t held_position_ = 0;
  std::int64_t charged_ = 0;
};

}  // namespace flowrun
