// Columns of messages (a topic, a key), on their way beside what a decoder makes of the bytes.
#pragma once

#include <cstdint>
#include <vector>

#include "flow/batch.hpp"
#include "flow/output.hpp"

namespace flowrun {

// One a decoder instance of a source of messages. A message may become one row, several or none;
// which one a row is of is told by its position, since the messages of a partition are numbered as
// if they were one stream of bytes. Not thread-safe.
class MessageColumns {
 public:
  // The origin's positions for a batch of messages whose first begins at byte `position` of the
  // partition's stream, which it moves behind the last: that takes a byte more than the messages
  // have, each, so that an empty one has a place of its own.
  static flow::Column positions(const flow_batch& messages, std::int64_t& position,
                                const flow::Output& host);

  // What the decoder is to be given of `messages`: their bytes.
  flow::Batch bytes(const flow::Batch& messages, flow::Output& host);
  // `rows`, made of `messages`, with the columns that stand behind the bytes; they replace columns
  // of the same names. Throws std::runtime_error if the rows do not say where they come from.
  flow::Batch beside(const flow::Batch& rows, const flow::Batch& messages, flow::Output& host);

 private:
  std::vector<std::int32_t> message_of_row_;
};

}  // namespace flowrun
