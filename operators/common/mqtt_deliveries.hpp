// Which messages of a broker wait for what: the receiving side of QoS 1 and 2.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "operators/common/mqtt_packet.hpp"

namespace flow::operators {

// A message is answered (PUBACK, PUBREC) once it is durable, in the order of arrival. One that the
// broker delivers again, since its connection broke before it had an answer, is known by its packet
// id and content, and is not passed on a second time as long as this object lives and the broker
// kept the session. Not thread-safe. Costs some 50 bytes a message that is not answered yet.
class MqttDeliveries {
 public:
  struct Answer {
    MqttPacketType type;
    uint16_t packet_id;
  };

  // `connection`: ascending. Where the broker has no session, it has forgotten what it delivered.
  void connected(uint64_t connection, bool session_present);
  // A message of QoS 1 or 2. True: it is new, and will be durable as number `sequence`, which is
  // larger than all before. False: it is known; pass it on to nobody.
  bool arrived(const MqttPublish& message, uint64_t fingerprint, uint64_t sequence);
  // PUBREL.
  void released(uint16_t packet_id);
  // All messages with a number below `sequence` are durable.
  void durable(uint64_t sequence);

  // Messages that are not durable yet.
  size_t waiting() const { return order_.size(); }
  // What is to be sent now on the newest connection; clear it when it is.
  std::vector<Answer>& answers() { return answers_; }

 private:
  struct Delivery {
    uint64_t sequence;
    uint64_t fingerprint;
    uint64_t connection;
    uint8_t qos;
    bool is_durable;
  };
  struct Place {
    uint64_t sequence;
    uint16_t packet_id;
  };
  void answer(uint16_t packet_id, const Delivery& delivery);

  uint64_t connection_ = 0;
  boost::unordered_flat_map<uint16_t, Delivery> by_id_;
  std::deque<Place> order_;  // of those that are not durable
  std::vector<Answer> answers_;
};

}  // namespace flow::operators
