// What a broker sent, on its way from the connection's thread to the source's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "flow/host.hpp"
#include "operators/common/mqtt_packet.hpp"

namespace flow::operators {

// In the order of arrival. Payloads stand one behind the other in a buffer of the host's.
class MqttArrivals {
 public:
  enum class Kind : uint8_t {
    kMessage,
    kTooLarge,   // a message of which the payload has only the first bytes
    kReleased,   // PUBREL
    kConnected,  // a new connection: what the broker delivered before may come again
  };
  struct Item {
    Kind kind{};
    uint8_t qos = 0;
    bool retained = false;
    bool duplicate = false;
    bool session_present = false;
    uint16_t packet_id = 0;
    uint32_t topic_bytes = 0;
    size_t topic = 0;  // offset
    int64_t payload = 0;
    int64_t payload_bytes = 0;
    uint64_t connection = 0;
  };

  void add(const Host& host, const MqttPublish& message, Kind kind);
  void add_release(uint16_t packet_id);
  void add_connection(uint64_t connection, bool session_present);

  const std::vector<Item>& items() const { return items_; }
  bool empty() const { return items_.empty(); }
  int64_t bytes() const { return used_ + static_cast<int64_t>(topics_.size()); }
  // NULL: no payload has a byte.
  const Buffer& payloads() const { return payloads_; }
  std::string_view topic(const Item& item) const {
    return std::string_view(topics_).substr(item.topic, item.topic_bytes);
  }
  std::string_view payload(const Item& item) const {
    if (item.payload_bytes == 0) return "";
    return {static_cast<const char*>(payloads_->data) + item.payload,
            static_cast<size_t>(item.payload_bytes)};
  }
  // Where payloads fill less than a quarter of their buffer, moves them to one of their own size.
  void trim(const Host& host);
  // Keeps the memory of all but the payloads.
  void clear();

 private:
  void reserve(const Host& host, int64_t more);

  std::vector<Item> items_;
  std::string topics_;
  Buffer payloads_;
  int64_t used_ = 0;
};

}  // namespace flow::operators
