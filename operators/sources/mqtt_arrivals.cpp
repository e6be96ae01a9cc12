#include "operators/sources/mqtt_arrivals.hpp"

#include <algorithm>
#include <cstring>

namespace flow::operators {
namespace {

constexpr int64_t kFirstBytes = 64 * 1024;

}  // namespace

void MqttArrivals::add(const Host& host, const MqttPublish& message, Kind kind) {
  Item item;
  item.kind = kind;
  item.qos = message.qos;
  item.retained = message.retained;
  item.duplicate = message.duplicate;
  item.packet_id = message.packet_id;
  item.topic = topics_.size();
  item.topic_bytes = static_cast<uint32_t>(message.topic.size());
  item.payload = used_;
  item.payload_bytes = static_cast<int64_t>(message.payload.size());
  reserve(host, item.payload_bytes);
  if (item.payload_bytes > 0) {
    std::memcpy(static_cast<char*>(payloads_->data) + used_, message.payload.data(),
                message.payload.size());
    used_ += item.payload_bytes;
  }
  topics_.append(message.topic);
  items_.push_back(item);
}

void MqttArrivals::add_release(uint16_t packet_id) {
  Item item;
  item.kind = Kind::kReleased;
  item.packet_id = packet_id;
  items_.push_back(item);
}

void MqttArrivals::add_connection(uint64_t connection, bool session_present) {
  Item item;
  item.kind = Kind::kConnected;
  item.connection = connection;
  item.session_present = session_present;
  items_.push_back(item);
}

void MqttArrivals::reserve(const Host& host, int64_t more) {
  const int64_t capacity = payloads_ ? payloads_->capacity : 0;
  if (more == 0 || used_ + more <= capacity) return;
  Buffer larger = host.allocate(std::max({used_ + more, 2 * capacity, kFirstBytes}));
  if (used_ > 0) std::memcpy(larger->data, payloads_->data, static_cast<size_t>(used_));
  payloads_ = std::move(larger);
}

void MqttArrivals::trim(const Host& host) {
  if (!payloads_ || used_ >= payloads_->capacity / 4) return;
  Buffer smaller = host.allocate(std::max<int64_t>(used_, 1));
  std::memcpy(smaller->data, payloads_->data, static_cast<size_t>(used_));
  payloads_ = std::move(smaller);
}

void MqttArrivals::clear() {
  items_.clear();
  topics_.clear();
  payloads_ = Buffer();
  used_ = 0;
}

}  // namespace flow::operators
