#include "operators/common/mqtt_deliveries.hpp"

namespace flow::operators {

void MqttDeliveries::connected(uint64_t connection, bool session_present) {
  connection_ = connection;
  answers_.clear();  // they were for another connection
  if (!session_present) by_id_.clear();
}

bool MqttDeliveries::arrived(const MqttPublish& message, uint64_t fingerprint, uint64_t sequence) {
  const auto [at, is_new] = by_id_.try_emplace(message.packet_id);
  Delivery& delivery = at->second;
  // Of QoS 2 the id stands for one message until it is released, whatever the flag says.
  const bool may_repeat = message.duplicate || message.qos == 2;
  if (!is_new && may_repeat && delivery.qos == message.qos && delivery.fingerprint == fingerprint) {
    delivery.connection = connection_;
    if (delivery.is_durable) {
      answer(message.packet_id, delivery);
      if (message.qos == 1) by_id_.erase(at);
    }
    return false;
  }
  delivery = {sequence, fingerprint, connection_, message.qos, false};
  order_.push_back({sequence, message.packet_id});
  return true;
}

void MqttDeliveries::released(uint16_t packet_id) {
  by_id_.erase(packet_id);
  answers_.push_back({MqttPacketType::kPubcomp, packet_id});
}

void MqttDeliveries::durable(uint64_t sequence) {
  while (!order_.empty() && order_.front().sequence < sequence) {
    const Place place = order_.front();
    order_.pop_front();
    const auto at = by_id_.find(place.packet_id);
    // The broker may have forgotten the message, and given its id to another one.
    if (at == by_id_.end() || at->second.sequence != place.sequence) continue;
    at->second.is_durable = true;
    // On an older connection: answered when it is delivered again.
    if (at->second.connection != connection_) continue;
    answer(place.packet_id, at->second);
    if (at->second.qos == 1) by_id_.erase(at);
  }
}

void MqttDeliveries::answer(uint16_t packet_id, const Delivery& delivery) {
  answers_.push_back(
      {delivery.qos == 1 ? MqttPacketType::kPuback : MqttPacketType::kPubrec, packet_id});
}

}  // namespace flow::operators
