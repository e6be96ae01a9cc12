// Control packets of MQTT 3.1.1 and 5 as a client that subscribes sends and reads them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace flow::operators {

// Bytes of a broker that are no MQTT, or not of this connection's version.
class MqttProtocolError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

enum class MqttVersion : uint8_t { k3 = 4, k5 = 5 };  // as CONNECT carries it

enum class MqttPacketType : uint8_t {
  kConnect = 1,
  kConnack = 2,
  kPublish = 3,
  kPuback = 4,
  kPubrec = 5,
  kPubrel = 6,
  kPubcomp = 7,
  kSubscribe = 8,
  kSuback = 9,
  kPingreq = 12,
  kPingresp = 13,
  kDisconnect = 14
};

// The fixed header of a packet.
struct MqttHeader {
  MqttPacketType type{};
  uint8_t flags = 0;
  size_t size = 0;  // of the header itself
  size_t body = 0;  // bytes behind it
  size_t whole() const { return size + body; }
};

// Nothing: more bytes are needed. Throws MqttProtocolError for a length of more than four bytes and
// for a type that does not exist.
std::optional<MqttHeader> parse_mqtt_header(std::string_view bytes);

// A message, as views of the bytes that it was parsed from.
struct MqttPublish {
  std::string_view topic;
  std::string_view payload;
  uint16_t packet_id = 0;  // 0 for QoS 0
  uint8_t qos = 0;
  bool retained = false;
  bool duplicate = false;
};

struct MqttConnack {
  bool session_present = false;
  uint8_t reason = 0;                   // 0: connected
  std::string_view reason_text;         // version 5
  std::optional<uint16_t> keep_alive;   // seconds, where the broker wants others
  std::string_view assigned_client_id;  // version 5
};

struct MqttDisconnect {
  uint8_t reason = 0;
  std::string_view reason_text;
};

struct MqttSuback {
  uint16_t packet_id = 0;
  std::string_view reasons;  // a byte a filter; 0x80 and above: refused
};

// What stands behind the fixed header, `body`. All throw MqttProtocolError with what is wrong.
// Of PUBLISH the payload is what `body` has: it may be cut.
MqttPublish parse_mqtt_publish(uint8_t flags, std::string_view body, MqttVersion version);
MqttConnack parse_mqtt_connack(std::string_view body, MqttVersion version);
MqttSuback parse_mqtt_suback(std::string_view body, MqttVersion version);
MqttDisconnect parse_mqtt_disconnect(std::string_view body, MqttVersion version);
// Of PUBREL, and of any other packet that begins with a packet id.
uint16_t parse_mqtt_packet_id(std::string_view body);

// What the reason code of a CONNACK, SUBACK or DISCONNECT means, eg "not authorized".
std::string mqtt_reason_text(uint8_t reason, MqttPacketType type, MqttVersion version);

struct MqttConnect {
  MqttVersion version = MqttVersion::k5;
  std::string client_id;
  bool clean_start = false;
  uint16_t keep_alive = 0;           // seconds
  uint32_t session_expiry = 0;       // seconds; version 5
  uint16_t receive_maximum = 65535;  // version 5
  uint32_t maximum_packet_size = 0;  // version 5; 0: no limit
  std::optional<std::string> username;
  std::optional<std::string> password;
};

// Append a packet to `out`.
void append_mqtt_connect(std::string& out, const MqttConnect& connect);
// `packet_id` is at least 1. Version 5 asks for retained messages only where the subscription is
// new.
void append_mqtt_subscribe(std::string& out, uint16_t packet_id,
                           const std::vector<std::string>& filters, uint8_t qos,
                           MqttVersion version);
// PUBACK, PUBREC or PUBCOMP, without a reason: it went well.
void append_mqtt_answer(std::string& out, MqttPacketType type, uint16_t packet_id);
void append_mqtt_pingreq(std::string& out);
void append_mqtt_disconnect(std::string& out);

}  // namespace flow::operators
