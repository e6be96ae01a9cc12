#include "operators/common/mqtt_packet.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

namespace flow::operators {
namespace {

constexpr uint8_t kSubscribeFlags = 2;
constexpr size_t kMostLengthBytes = 4;

// Properties of version 5, by the kinds of their values.
enum class Property : uint8_t { kByte, kTwoBytes, kFourBytes, kLength, kText, kTwoTexts, kUnknown };
constexpr uint8_t kSessionExpiry = 0x11;
constexpr uint8_t kAssignedClientId = 0x12;
constexpr uint8_t kServerKeepAlive = 0x13;
constexpr uint8_t kReasonText = 0x1F;
constexpr uint8_t kReceiveMaximum = 0x21;
constexpr uint8_t kTopicAlias = 0x23;
constexpr uint8_t kMaximumPacketSize = 0x27;

Property kind_of(uint8_t property) {
  switch (property) {
    case 0x01:
    case 0x17:
    case 0x19:
    case 0x24:
    case 0x25:
    case 0x28:
    case 0x29:
    case 0x2A:
      return Property::kByte;
    case kServerKeepAlive:
    case kReceiveMaximum:
    case 0x22:
    case kTopicAlias:
      return Property::kTwoBytes;
    case 0x02:
    case kSessionExpiry:
    case 0x18:
    case kMaximumPacketSize:
      return Property::kFourBytes;
    case 0x0B:
      return Property::kLength;
    case 0x03:
    case 0x08:
    case 0x09:
    case kAssignedClientId:
    case 0x15:
    case 0x16:
    case 0x1A:
    case 0x1C:
    case kReasonText:
      return Property::kText;
    case 0x26:
      return Property::kTwoTexts;
    default:
      return Property::kUnknown;
  }
}

// A variable byte integer at the front of `bytes`. False: more bytes are needed.
bool parse_length(std::string_view bytes, size_t& value, size_t& size) {
  value = 0;
  for (size = 0; size < kMostLengthBytes; ++size) {
    if (size == bytes.size()) return false;
    const auto byte = static_cast<unsigned char>(bytes[size]);
    value |= static_cast<size_t>(byte & 0x7F) << (7 * size);
    if ((byte & 0x80) == 0) {
      ++size;
      return true;
    }
  }
  throw MqttProtocolError("a length of more than four bytes");
}

// Reads a packet's body from its front; throws where it is too short.
class Reader {
 public:
  Reader(std::string_view bytes, const char* packet) : bytes_(bytes), packet_(packet) {}

  bool is_empty() const { return bytes_.empty(); }
  std::string_view rest() const { return bytes_; }
  std::string_view take(size_t n) {
    if (n > bytes_.size()) throw MqttProtocolError(std::string("a ") + packet_ + " that is cut");
    const std::string_view taken = bytes_.substr(0, n);
    bytes_.remove_prefix(n);
    return taken;
  }
  uint8_t byte() { return static_cast<uint8_t>(take(1).front()); }
  uint16_t two_bytes() {
    const uint16_t high = byte();
    return static_cast<uint16_t>(high << 8 | byte());
  }
  std::string_view text() { return take(two_bytes()); }

  // Calls `found(id, value)` for each property.
  template <class Found>
  void properties(Found found) {
    size_t length = 0;
    size_t size = 0;
    if (!parse_length(bytes_, length, size)) take(SIZE_MAX);
    take(size);
    Reader inside(take(length), packet_);
    while (!inside.is_empty()) {
      const uint8_t id = inside.byte();
      found(id, inside.property(id));
    }
  }

 private:
  std::string_view property(uint8_t id) {
    switch (kind_of(id)) {
      case Property::kByte:
        return take(1);
      case Property::kTwoBytes:
        return take(2);
      case Property::kFourBytes:
        return take(4);
      case Property::kLength: {
        size_t value = 0;
        size_t size = 0;
        if (!parse_length(bytes_, value, size)) take(SIZE_MAX);
        return take(size);
      }
      case Property::kText:
        return text();
      case Property::kTwoTexts:
        text();
        return text();
      case Property::kUnknown:
        break;
    }
    throw MqttProtocolError(std::string("a ") + packet_ + " with the unknown property " +
                            std::to_string(id));
  }

  std::string_view bytes_;
  const char* packet_;
};

uint16_t number(std::string_view two_bytes) {
  const auto high = static_cast<unsigned char>(two_bytes[0]);
  const auto low = static_cast<unsigned char>(two_bytes[1]);
  return static_cast<uint16_t>(high << 8 | low);
}

void put_two_bytes(std::string& out, uint16_t value) {
  out += static_cast<char>(value >> 8);
  out += static_cast<char>(value & 0xFF);
}
void put_four_bytes(std::string& out, uint32_t value) {
  put_two_bytes(out, static_cast<uint16_t>(value >> 16));
  put_two_bytes(out, static_cast<uint16_t>(value & 0xFFFF));
}
void put_text(std::string& out, std::string_view text) {
  put_two_bytes(out, static_cast<uint16_t>(text.size()));
  out.append(text);
}
void put_length(std::string& out, size_t length) {
  do {
    const auto low = static_cast<unsigned char>(length & 0x7F);
    length >>= 7;
    out += static_cast<char>(length > 0 ? low | 0x80 : low);
  } while (length > 0);
}
void put_packet(std::string& out, MqttPacketType type, uint8_t flags, std::string_view body) {
  out += static_cast<char>(static_cast<unsigned>(type) << 4 | flags);
  put_length(out, body.size());
  out.append(body);
}

// The reason text of a CONNACK, DISCONNECT: the one property that people read.
std::string_view reason_text_of(Reader& reader) {
  std::string_view text;
  reader.properties([&](uint8_t id, std::string_view value) {
    if (id == kReasonText) text = value;
  });
  return text;
}

const char* connack_reason_3(uint8_t reason) {
  switch (reason) {
    case 1:
      return "unacceptable protocol version";
    case 2:
      return "client id rejected";
    case 3:
      return "server unavailable";
    case 4:
      return "bad user name or password";
    case 5:
      return "not authorized";
    default:
      return nullptr;
  }
}

constexpr std::pair<uint8_t, const char*> kReasons[] = {
    {0x80, "unspecified error"},
    {0x81, "malformed packet"},
    {0x82, "protocol error"},
    {0x83, "implementation specific error"},
    {0x84, "unsupported protocol version"},
    {0x85, "client id not valid"},
    {0x86, "bad user name or password"},
    {0x87, "not authorized"},
    {0x88, "server unavailable"},
    {0x89, "server busy"},
    {0x8A, "banned"},
    {0x8B, "server shutting down"},
    {0x8C, "bad authentication method"},
    {0x8D, "keep alive timeout"},
    {0x8E, "another client took over the session; give each client a client_id of its own"},
    {0x8F, "topic filter not valid"},
    {0x90, "topic name not valid"},
    {0x93, "receive maximum exceeded"},
    {0x95, "packet too large"},
    {0x96, "message rate too high"},
    {0x97, "quota exceeded"},
    {0x98, "administrative action"},
    {0x9B, "QoS not supported"},
    {0x9C, "use another server"},
    {0x9D, "server moved"},
    {0x9E, "shared subscriptions not supported"},
    {0x9F, "connection rate exceeded"},
    {0xA1, "subscription identifiers not supported"},
    {0xA2, "wildcard subscriptions not supported"}};

bool is_known(MqttPacketType type) {
  const auto number = static_cast<uint8_t>(type);
  return number >= 1 && number <= 14;
}

}  // namespace

std::optional<MqttHeader> parse_mqtt_header(std::string_view bytes) {
  if (bytes.empty()) return std::nullopt;
  const auto first = static_cast<unsigned char>(bytes.front());
  MqttHeader header;
  header.type = static_cast<MqttPacketType>(first >> 4);
  header.flags = first & 0x0F;
  if (!is_known(header.type)) {
    throw MqttProtocolError("a packet of the unknown type " + std::to_string(first >> 4));
  }
  size_t size = 0;
  if (!parse_length(bytes.substr(1), header.body, size)) return std::nullopt;
  header.size = size + 1;
  return header;
}

MqttPublish parse_mqtt_publish(uint8_t flags, std::string_view body, MqttVersion version) {
  MqttPublish publish;
  publish.qos = flags >> 1 & 3;
  publish.retained = (flags & 1) != 0;
  publish.duplicate = (flags & 8) != 0;
  if (publish.qos == 3) throw MqttProtocolError("a PUBLISH with QoS 3");
  Reader reader(body, "PUBLISH");
  publish.topic = reader.text();
  if (publish.qos > 0) {
    publish.packet_id = reader.two_bytes();
    if (publish.packet_id == 0) throw MqttProtocolError("a PUBLISH with the packet id 0");
  }
  if (version == MqttVersion::k5) {
    reader.properties([](uint8_t id, std::string_view) {
      if (id == kTopicAlias) throw MqttProtocolError("a PUBLISH with a topic alias, unasked");
    });
  }
  publish.payload = reader.rest();
  return publish;
}

MqttConnack parse_mqtt_connack(std::string_view body, MqttVersion version) {
  Reader reader(body, "CONNACK");
  MqttConnack connack;
  connack.session_present = (reader.byte() & 1) != 0;
  connack.reason = reader.byte();
  // A broker that does not know version 5 answers as 3.1.1.
  if (version == MqttVersion::k3 || reader.is_empty()) return connack;
  reader.properties([&](uint8_t id, std::string_view value) {
    if (id == kReasonText) connack.reason_text = value;
    if (id == kAssignedClientId) connack.assigned_client_id = value;
    if (id == kServerKeepAlive) connack.keep_alive = number(value);
  });
  return connack;
}

MqttSuback parse_mqtt_suback(std::string_view body, MqttVersion version) {
  Reader reader(body, "SUBACK");
  MqttSuback suback;
  suback.packet_id = reader.two_bytes();
  if (version == MqttVersion::k5) reason_text_of(reader);
  suback.reasons = reader.rest();
  return suback;
}

MqttDisconnect parse_mqtt_disconnect(std::string_view body, MqttVersion version) {
  Reader reader(body, "DISCONNECT");
  MqttDisconnect disconnect;
  if (version == MqttVersion::k3 || reader.is_empty()) return disconnect;
  disconnect.reason = reader.byte();
  if (!reader.is_empty()) disconnect.reason_text = reason_text_of(reader);
  return disconnect;
}

uint16_t parse_mqtt_packet_id(std::string_view body) {
  const uint16_t id = Reader(body, "packet").two_bytes();
  if (id == 0) throw MqttProtocolError("a packet with the packet id 0");
  return id;
}

std::string mqtt_reason_text(uint8_t reason, MqttPacketType type, MqttVersion version) {
  if (type == MqttPacketType::kConnack && (version == MqttVersion::k3 || reason < 0x80)) {
    if (const char* const known = connack_reason_3(reason)) return known;
  }
  const auto* const known =
      std::find_if(std::begin(kReasons), std::end(kReasons),
                   [reason](const auto& candidate) { return candidate.first == reason; });
  if (known != std::end(kReasons)) return known->second;
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "reason code 0x%02X", reason);
  return text.data();
}

void append_mqtt_connect(std::string& out, const MqttConnect& connect) {
  std::string body;
  put_text(body, "MQTT");
  body += static_cast<char>(connect.version);
  unsigned flags = connect.clean_start ? 2U : 0U;
  if (connect.username) flags |= 0x80;
  if (connect.password) flags |= 0x40;
  body += static_cast<char>(flags);
  put_two_bytes(body, connect.keep_alive);
  if (connect.version == MqttVersion::k5) {
    std::string properties;
    if (connect.session_expiry > 0) {
      properties += static_cast<char>(kSessionExpiry);
      put_four_bytes(properties, connect.session_expiry);
    }
    properties += static_cast<char>(kReceiveMaximum);
    put_two_bytes(properties, connect.receive_maximum);
    if (connect.maximum_packet_size > 0) {
      properties += static_cast<char>(kMaximumPacketSize);
      put_four_bytes(properties, connect.maximum_packet_size);
    }
    put_length(body, properties.size());
    body.append(properties);
  }
  put_text(body, connect.client_id);
  if (connect.username) put_text(body, *connect.username);
  if (connect.password) put_text(body, *connect.password);
  put_packet(out, MqttPacketType::kConnect, 0, body);
}

void append_mqtt_subscribe(std::string& out, uint16_t packet_id,
                           const std::vector<std::string>& filters, uint8_t qos,
                           MqttVersion version) {
  constexpr unsigned kRetainedOfNewOnly = 1U << 4;
  std::string body;
  put_two_bytes(body, packet_id);
  if (version == MqttVersion::k5) put_length(body, 0);
  for (const std::string& filter : filters) {
    put_text(body, filter);
    body += static_cast<char>(version == MqttVersion::k5 ? qos | kRetainedOfNewOnly : qos);
  }
  put_packet(out, MqttPacketType::kSubscribe, kSubscribeFlags, body);
}

void append_mqtt_answer(std::string& out, MqttPacketType type, uint16_t packet_id) {
  out += static_cast<char>(static_cast<unsigned>(type) << 4);
  out += static_cast<char>(2);
  put_two_bytes(out, packet_id);
}

void append_mqtt_pingreq(std::string& out) { put_packet(out, MqttPacketType::kPingreq, 0, {}); }

void append_mqtt_disconnect(std::string& out) {
  put_packet(out, MqttPacketType::kDisconnect, 0, {});
}

}  // namespace flow::operators
