// What the pipeline sees of its running nodes.
#pragma once

#include <memory>
#include <string>

#include "core/graph/backoff.hpp"
#include "core/graph/message.hpp"
#include "core/graph/step_group.hpp"

namespace flowrun {

// A message that tells a node that the clock has reached `now`.
inline MessagePointer tick_message(std::int64_t now) {
  auto message = std::make_shared<Message>();
  message->control = Control::kTick;
  message->value = now;
  return message;
}

class Node {
 public:
  Node() = default;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  virtual ~Node() = default;

  // The next message, in order. Only hands it on. [any]
  virtual void accept(MessagePointer message) = 0;
  // Called every few milliseconds and whenever memory has become free: starts again what waits for
  // room or for a pause to end. Whether anything waits.
  virtual bool tend() = 0;
  // After everything has run: rows that were taken and not dealt with.
  virtual std::uint64_t rows_held() const = 0;
  // After everything has run: closes the instances that no end reached.
  virtual void close_remaining() = 0;
};

}  // namespace flowrun
