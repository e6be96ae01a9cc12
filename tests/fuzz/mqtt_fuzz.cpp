// Whatever a broker may send: a packet, a wish for more bytes, or an MqttProtocolError; what a
// packet says lies within its bytes. The first byte chooses the version and the topic pattern.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "operators/common/mqtt_deliveries.hpp"
#include "operators/common/mqtt_packet.hpp"
#include "operators/common/mqtt_topic.hpp"
#include "tests/fuzz/seeds.hpp"

namespace {

using namespace flow::operators;  // NOLINT(google-build-using-namespace)

bool is_inside(std::string_view part, std::string_view whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

class Reader {
 public:
  explicit Reader(bool five) : version_(five ? MqttVersion::k5 : MqttVersion::k3) {
    deliveries_.connected(1, true);
  }

  void read(const MqttHeader& header, std::string_view body) {
    switch (header.type) {
      case MqttPacketType::kConnack: {
        const MqttConnack connack = parse_mqtt_connack(body, version_);
        if (!is_inside(connack.reason_text, body)) std::abort();
        mqtt_reason_text(connack.reason, header.type, version_);
        return;
      }
      case MqttPacketType::kPublish:
        return publish(parse_mqtt_publish(header.flags, body, version_), body);
      case MqttPacketType::kPubrel:
        return deliveries_.released(parse_mqtt_packet_id(body));
      case MqttPacketType::kSuback:
        if (!is_inside(parse_mqtt_suback(body, version_).reasons, body)) std::abort();
        return;
      case MqttPacketType::kDisconnect:
        if (!is_inside(parse_mqtt_disconnect(body, version_).reason_text, body)) std::abort();
        return;
      default:
        return;
    }
  }
  // Every message is answered once it is durable.
  void finish() {
    deliveries_.durable(UINT64_MAX);
    if (deliveries_.waiting() != 0) std::abort();
  }

 private:
  void publish(const MqttPublish& message, std::string_view body) {
    if (!is_inside(message.topic, body) || !is_inside(message.payload, body)) std::abort();
    if (message.qos > 2 || (message.packet_id == 0) != (message.qos == 0)) std::abort();
    if (is_mqtt_topic(message.topic) && pattern_.match(message.topic, levels_) &&
        levels_.size() != pattern_.names().size()) {
      std::abort();
    }
    if (message.qos > 0 && deliveries_.arrived(message, message.payload.size(), sequence_)) {
      ++sequence_;
    }
    if (sequence_ % 3 == 0) deliveries_.durable(sequence_ / 2);
  }

  MqttVersion version_;
  MqttTopicPattern pattern_{"a/{b}/+/#"};
  std::vector<std::string_view> levels_;
  MqttDeliveries deliveries_;
  uint64_t sequence_ = 0;
};

}  // namespace

extern "C" FuzzSeeds flow_fuzz_seeds() {
  static constexpr std::string_view kSeeds[] = {
      {"\x01\x20\x03\x00\x00\x00\x90\x04\x00\x01\x00\x01", 12},
      {"\x01\x32\x0A\x00\x03\x61/b\x00\x01\x00xy", 13},
      {"\x00\x34\x07\x00\x03\x61/b\x00\x02\x62\x02\x00\x02", 14},
      {"\x01\x30\x0C\x00\x01t\x05\x26\x00\x00\x00\x00xyz", 15},
      {"\x01\xE0\x07\x8E\x05\x1F\x00\x02no", 10}};
  return {kSeeds, std::size(kSeeds)};
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  Reader reader((data[0] & 1) != 0);
  try {
    while (const auto header = parse_mqtt_header(bytes)) {
      if (header->size > bytes.size()) std::abort();
      // A message may be looked at before all of it is there.
      const std::string_view body = bytes.substr(header->size, header->body);
      reader.read(*header, body);
      if (bytes.size() < header->whole()) break;
      bytes.remove_prefix(header->whole());
    }
  } catch (const MqttProtocolError& error) {
    if (std::string_view(error.what()).empty()) std::abort();
  }
  reader.finish();
  return 0;
}
