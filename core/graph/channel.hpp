// The sending end of an edge.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/graph/inbox.hpp"
#include "core/graph/message.hpp"
#include "flow/batch.hpp"

namespace flowrun {

// Sends messages of one producing instance to the node behind an edge: to its one inbox, or, into a
// keyed node, to the inbox of each instance, with the rows of its share. Not thread-safe, but each
// instance of a producer that runs in parallel has its own over the same inboxes.
class Channel {
 public:
  struct Target {
    Inbox* inbox = nullptr;
    std::size_t input = 0;
  };

  // `key_fields` empty: every target is the one target. `skew`: of the component behind the edge.
  Channel(EdgeLedger& ledger, std::vector<Target> targets, std::size_t step, std::uint32_t port,
          const std::vector<std::string>& key_fields, KeySkew& skew);

  // Throws std::runtime_error if a batch lacks a key field.
  void send(const MessagePointer& message);

 private:
  void send_shares(const Message& message);

  EdgeLedger& ledger_;
  std::vector<Target> targets_;
  std::size_t step_;
  std::uint32_t port_;
  std::vector<flow::ColumnFinder> keys_;
  KeySkew& skew_;
  std::vector<const flow_column*> key_columns_;
};

}  // namespace flowrun
