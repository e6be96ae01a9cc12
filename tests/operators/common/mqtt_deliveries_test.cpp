#include "operators/common/mqtt_deliveries.hpp"

#include <gtest/gtest.h>

#include <string>

namespace flow::operators::mqtt_deliveries_test {
namespace {

MqttPublish message(uint16_t id, uint8_t qos, bool duplicate = false) {
  MqttPublish publish;
  publish.packet_id = id;
  publish.qos = qos;
  publish.duplicate = duplicate;
  return publish;
}

// "PUBACK 1, PUBREC 2"; nothing is left.
std::string taken(MqttDeliveries& deliveries) {
  std::string text;
  for (const auto& answer : deliveries.answers()) {
    const char* const name = answer.type == MqttPacketType::kPuback   ? "PUBACK "
                             : answer.type == MqttPacketType::kPubrec ? "PUBREC "
                                                                      : "PUBCOMP ";
    text.append(text.empty() ? "" : ", ").append(name).append(std::to_string(answer.packet_id));
  }
  deliveries.answers().clear();
  return text;
}

TEST(MqttDeliveries, MessagesAreAnsweredInOrderOnceTheyAreDurable) {
  MqttDeliveries deliveries;
  deliveries.connected(1, false);
  EXPECT_TRUE(deliveries.arrived(message(7, 1), 70, 0));
  EXPECT_TRUE(deliveries.arrived(message(3, 2), 30, 1));
  EXPECT_TRUE(deliveries.arrived(message(5, 1), 50, 4));
  EXPECT_EQ(taken(deliveries), "");
  deliveries.durable(2);
  EXPECT_EQ(taken(deliveries), "PUBACK 7, PUBREC 3");
  deliveries.durable(2);
  EXPECT_EQ(taken(deliveries), "");
  deliveries.durable(5);
  EXPECT_EQ(taken(deliveries), "PUBACK 5");
  deliveries.released(3);
  EXPECT_EQ(taken(deliveries), "PUBCOMP 3");
  EXPECT_EQ(deliveries.waiting(), 0u);
}

TEST(MqttDeliveries, WhatComesAgainIsKnownAndAnsweredOnTheNewConnection) {
  MqttDeliveries deliveries;
  deliveries.connected(1, false);
  EXPECT_TRUE(deliveries.arrived(message(1, 1), 10, 0));
  EXPECT_TRUE(deliveries.arrived(message(2, 2), 20, 1));
  EXPECT_TRUE(deliveries.arrived(message(3, 1), 30, 2));
  deliveries.connected(2, true);
  deliveries.durable(2);
  EXPECT_EQ(taken(deliveries), "") << "they were not delivered on this connection";
  EXPECT_FALSE(deliveries.arrived(message(1, 1, true), 10, 3));
  EXPECT_FALSE(deliveries.arrived(message(2, 2, true), 20, 3));
  EXPECT_EQ(taken(deliveries), "PUBACK 1, PUBREC 2");
  EXPECT_FALSE(deliveries.arrived(message(3, 1, true), 30, 3));
  EXPECT_EQ(taken(deliveries), "");
  deliveries.durable(3);
  EXPECT_EQ(taken(deliveries), "PUBACK 3");
}

TEST(MqttDeliveries, APacketIdThatStandsForAnotherMessageIsNew) {
  MqttDeliveries deliveries;
  deliveries.connected(1, false);
  EXPECT_TRUE(deliveries.arrived(message(1, 1), 10, 0));
  EXPECT_TRUE(deliveries.arrived(message(1, 1), 10, 1)) << "not said to be a duplicate";
  EXPECT_TRUE(deliveries.arrived(message(1, 1, true), 11, 2)) << "of other content";
  deliveries.connected(2, false);
  EXPECT_TRUE(deliveries.arrived(message(1, 1, true), 11, 3)) << "of another session";
  deliveries.durable(4);
  EXPECT_EQ(taken(deliveries), "PUBACK 1");
  // Until it is released an id of QoS 2 stands for one message, whatever the flag says.
  EXPECT_TRUE(deliveries.arrived(message(2, 2), 20, 4));
  EXPECT_FALSE(deliveries.arrived(message(2, 2), 20, 5));
  deliveries.released(2);
  EXPECT_EQ(taken(deliveries), "PUBCOMP 2");
  EXPECT_TRUE(deliveries.arrived(message(2, 2), 20, 5));
}

}  // namespace
}  // namespace flow::operators::mqtt_deliveries_test
