#include "operators/common/mqtt_packet.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace flow::operators::mqtt_packet_test {
namespace {

template <size_t kSize>
std::string_view bytes(const char (&text)[kSize]) {
  return {text, kSize - 1};
}

TEST(MqttPacket, AHeaderNeedsItsLength) {
  EXPECT_FALSE(parse_mqtt_header(""));
  EXPECT_FALSE(parse_mqtt_header("\x30"));
  EXPECT_FALSE(parse_mqtt_header("\x30\x80"));
  const auto header = parse_mqtt_header(bytes("\x3B\x80\x01"));
  ASSERT_TRUE(header);
  EXPECT_EQ(header->type, MqttPacketType::kPublish);
  EXPECT_EQ(header->flags, 0x0B);
  EXPECT_EQ(header->size, 3u);
  EXPECT_EQ(header->body, 128u);
  EXPECT_THROW(parse_mqtt_header("\x30\xFF\xFF\xFF\xFF\x01"), MqttProtocolError);
  EXPECT_THROW(parse_mqtt_header(bytes("\x00\x00")), MqttProtocolError);
  EXPECT_THROW(parse_mqtt_header(bytes("\xF0\x00")), MqttProtocolError);
}

TEST(MqttPacket, APublishHasTopicIdAndPayload) {
  const MqttPublish three =
      parse_mqtt_publish(0x0B, bytes("\x00\x03t/a\x01\x02rest"), MqttVersion::k3);
  EXPECT_EQ(three.topic, "t/a");
  EXPECT_EQ(three.packet_id, 0x0102);
  EXPECT_EQ(three.payload, "rest");
  EXPECT_EQ(three.qos, 1);
  EXPECT_TRUE(three.retained);
  EXPECT_TRUE(three.duplicate);
  // Properties of every kind stand between: a content type, a user's, an expiry, an identifier.
  const MqttPublish five =
      parse_mqtt_publish(0,
                         bytes("\x00\x01t\x15\x03\x00\x01j\x26\x00\x01k\x00\x01v\x02\x00\x00\x00"
                               "\x05\x0B\x81\x01\x01\x01payload"),
                         MqttVersion::k5);
  EXPECT_EQ(five.topic, "t");
  EXPECT_EQ(five.packet_id, 0);
  EXPECT_EQ(five.payload, "payload");
}

TEST(MqttPacket, APublishThatIsNoneIsRefused) {
  const auto refused = [](uint8_t flags, std::string_view body, MqttVersion version) {
    EXPECT_THROW(parse_mqtt_publish(flags, body, version), MqttProtocolError);
  };
  refused(0, "", MqttVersion::k3);
  refused(0, bytes("\x00\x05t"), MqttVersion::k3);
  refused(6, bytes("\x00\x01t\x00\x01"), MqttVersion::k3);          // QoS 3
  refused(2, bytes("\x00\x01t\x00\x00"), MqttVersion::k3);          // packet id 0
  refused(2, bytes("\x00\x01t\x01"), MqttVersion::k3);              // cut
  refused(0, bytes("\x00\x01t"), MqttVersion::k5);                  // no properties
  refused(0, bytes("\x00\x01t\x05\x01"), MqttVersion::k5);          // properties that are cut
  refused(0, bytes("\x00\x01t\x02\x7F\x01"), MqttVersion::k5);      // an unknown property
  refused(0, bytes("\x00\x01t\x03\x23\x00\x01"), MqttVersion::k5);  // a topic alias
}

TEST(MqttPacket, AnswersOfABrokerSayWhy) {
  const MqttConnack good = parse_mqtt_connack(bytes("\x01\x00"), MqttVersion::k3);
  EXPECT_TRUE(good.session_present);
  EXPECT_EQ(good.reason, 0);
  const MqttConnack five =
      parse_mqtt_connack(bytes("\x00\x87\x08\x13\x00\x3C\x1F\x00\x02no"), MqttVersion::k5);
  EXPECT_EQ(five.reason_text, "no");
  EXPECT_EQ(five.keep_alive, 60);
  EXPECT_EQ(mqtt_reason_text(five.reason, MqttPacketType::kConnack, MqttVersion::k5),
            "not authorized");
  EXPECT_EQ(mqtt_reason_text(4, MqttPacketType::kConnack, MqttVersion::k3),
            "bad user name or password");
  EXPECT_EQ(mqtt_reason_text(0xEE, MqttPacketType::kSuback, MqttVersion::k5), "reason code 0xEE");
  const MqttSuback suback = parse_mqtt_suback(bytes("\x00\x01\x00\x01\x80"), MqttVersion::k5);
  EXPECT_EQ(suback.reasons, bytes("\x01\x80"));
  EXPECT_EQ(parse_mqtt_disconnect("", MqttVersion::k5).reason, 0);
  EXPECT_EQ(parse_mqtt_disconnect("\x8E", MqttVersion::k5).reason, 0x8E);
  EXPECT_THROW(parse_mqtt_packet_id(bytes("\x00\x00")), MqttProtocolError);
  EXPECT_THROW(parse_mqtt_packet_id(bytes("\x01")), MqttProtocolError);
}

TEST(MqttPacket, WhatAClientSendsIsAsTheStandardWritesIt) {
  MqttConnect connect;
  connect.version = MqttVersion::k3;
  connect.client_id = "c";
  connect.clean_start = true;
  connect.keep_alive = 30;
  connect.username = "u";
  connect.password = "p";
  std::string out;
  append_mqtt_connect(out, connect);
  EXPECT_EQ(out, bytes("\x10\x13\x00\x04MQTT\x04\xC2\x00\x1E\x00\x01"
                       "c\x00\x01u\x00\x01p"));
  out.clear();
  connect = {};
  connect.client_id = "c";
  connect.session_expiry = 1;
  connect.receive_maximum = 2;
  append_mqtt_connect(out, connect);
  EXPECT_EQ(out, bytes("\x10\x16\x00\x04MQTT\x05\x00\x00\x00\x08\x11\x00\x00\x00\x01\x21\x00\x02"
                       "\x00\x01"
                       "c"));
  out.clear();
  append_mqtt_subscribe(out, 1, {"a"}, 2, MqttVersion::k5);
  EXPECT_EQ(out, bytes("\x82\x07\x00\x01\x00\x00\x01"
                       "a\x12"));
  out.clear();
  append_mqtt_answer(out, MqttPacketType::kPuback, 0x0102);
  append_mqtt_pingreq(out);
  append_mqtt_disconnect(out);
  EXPECT_EQ(out, bytes("\x40\x02\x01\x02\xC0\x00\xE0\x00"));
}

}  // namespace
}  // namespace flow::operators::mqtt_packet_test
