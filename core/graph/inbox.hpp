// Where a node's messages come together: each edge's in their order, barriers aligned.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "core/graph/message.hpp"
#include "core/graph/watermarks.hpp"

namespace flowrun {

// Receives the messages of several inputs from any threads, and passes them on one by one, numbered
// densely from 0:
// - of one input, in the order of their numbers, which start at 0 and leave none out. Parts of the
//   message that is due pass at once; parts of later ones wait.
// - a watermark passes when the minimum over all inputs that have not ended and are not idle has
//   risen to it; when all are idle, that passes, and behind it a watermark when one is not any
//   more.
// - behind a barrier an input waits until the same barrier has come on every input that has not
//   ended; then one barrier passes.
// - the end passes when it has come on every input: as stopped, if one was. The end of one input
//   passes as a message without rows, where it says which partitions are open.
// - what is open of a source is what any input has open of it.
// - a message that says nothing, neither rows nor what is open now, ends here.
class Inbox {
 public:
  // `accept` is called under the inbox's lock: it must only hand the message on.
  Inbox(std::size_t inputs, std::function<void(MessagePointer)> accept);

  // REQUIRES: parts of one message are delivered one after the other. [any]
  void deliver(std::size_t input, MessagePointer message);

  // Before the first message: what comes by an input is made of these sources; with `watermarks`
  // false nobody waits for those of this input, and if some come they do not pass.
  void expect(std::size_t input, const std::vector<std::string>& sources, bool watermarks);

  // Messages that wait for an earlier one, or for a barrier on another input.
  std::size_t waiting() const;

 private:
  struct Parts {
    std::deque<MessagePointer> parts;
  };
  struct Input {
    std::uint64_t next = 0;                // number that is due
    std::map<std::uint64_t, Parts> early;  // later numbers
    std::deque<MessagePointer> blocked;    // behind a barrier, in order
    OpenPartitionsPointer open;            // as told last
    bool has_watermarks = true;
    std::int64_t watermark = INT64_MIN;
    bool idle = false;
    bool at_barrier = false;
    std::int64_t barrier = 0;
    bool ended = false;
  };

  void in_order(std::size_t index, MessagePointer message);
  void end(std::size_t index, MessagePointer message);
  void pass(MessagePointer message);
  void pass_watermark(MessagePointer message);
  void release_barrier(MessagePointer message);

  mutable std::mutex mutex_;
  std::function<void(MessagePointer)> accept_;
  std::vector<Input> inputs_;
  OpenPartitionsMerge open_;
  std::uint64_t passed_ = 0;
  std::uint64_t epoch_ = 0;  // the last barrier that passed
  std::int64_t watermark_ = INT64_MIN;
  bool idle_ = false;  // was passed last
  bool stopped_ = false;
};

}  // namespace flowrun
