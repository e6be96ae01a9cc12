#include "operators/sinks/mqtt.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/operators/common/mqtt_broker.hpp"
#include "tests/operators/common/mqtt_clients.hpp"

namespace flow::operators::sinks_mqtt_test {
namespace {

using flow::testing::Harness;
using flow::testing::MqttBroker;
using flow::testing::MqttSender;
using flow::testing::MqttSubscriber;
using flow::testing::numbered;
using flow::testing::ScratchFolder;
using flow::testing::Setting;
using flow::testing::Settings;
using flow::testing::Table;

Settings subscription(const std::string& url) {
  return {{"url", url},
          {"topics", Setting(std::vector<std::string>{"#"})},
          {"client_id", "subscriber"},
          {"qos", 2},
          {"reconnect_delay", "20ms"},
          {"max_reconnect_delay", "200ms"}};
}
Settings sending(const std::string& url, const Settings& more = {}) {
  Settings settings = {{"url", url}, {"reconnect_delay", "20ms"}, {"max_reconnect_delay", "200ms"}};
  settings.insert(settings.end(), more.begin(), more.end());
  return settings;
}

TEST(MqttSink, RowsArriveInOrderWithAnyQosAndVersion) {
  FLOW_NEEDS_BROKER();
  for (const char* version : {"5", "3.1.1"}) {
    for (const int qos : {0, 1, 2}) {
      const MqttBroker broker;
      MqttSubscriber subscriber(subscription(broker.url()));
      ASSERT_TRUE(subscriber.until_connected()) << subscriber.log();
      MqttSender sender(sending(broker.url(), {{"qos", qos}, {"version", version}}));
      sender.send(numbered(0, 3000));
      ASSERT_TRUE(subscriber.until_rows(3000)) << subscriber.log();
      const std::vector<std::string> payloads = subscriber.payloads();
      for (size_t i = 0; i < payloads.size(); ++i) {
        ASSERT_EQ(payloads[i], std::to_string(i))
            << "row " << i << " with QoS " << qos << " and version " << version;
      }
      EXPECT_EQ(subscriber.rows()[8].at("topic"), "t/n1");
      EXPECT_EQ(subscriber.rows()[8].at("qos"), std::to_string(qos));
    }
  }
}

TEST(MqttSink, AValueStaysInItsLevel) {
  FLOW_NEEDS_BROKER();
  const MqttBroker broker;
  MqttSubscriber subscriber(subscription(broker.url()));
  ASSERT_TRUE(subscriber.until_connected());
  MqttSender sender(sending(broker.url()));
  sender.send({{"a/../+#%", "1"}, {std::string("\0\x7F", 2), "2"}, {"grün", "3"}});
  ASSERT_TRUE(subscriber.until_rows(3));
  EXPECT_EQ(subscriber.rows()[0].at("topic"), "t/a%2F..%2F%2B%23%25");
  EXPECT_EQ(subscriber.rows()[1].at("topic"), "t/%00%7F");
  EXPECT_EQ(subscriber.rows()[2].at("topic"), "t/grün");
}

TEST(MqttSink, RowsWithoutATopicFailAndTheOthersGo) {
  FLOW_NEEDS_BROKER();
  const MqttBroker broker;
  MqttSubscriber subscriber(subscription(broker.url()));
  ASSERT_TRUE(subscriber.until_connected());
  MqttSender sender(sending(broker.url()));
  Harness& harness = sender.harness();
  harness.push(Table{{"bytes", Type::binary(), {"1", "2", "3", "4"}},
                     {"kept:t", Type::text(), {nullptr, "", std::string(70'000, 'x'), "good"}}});
  ASSERT_TRUE(subscriber.until_rows(1));
  EXPECT_EQ(subscriber.payloads(), std::vector<std::string>{"4"});
  ASSERT_EQ(harness.failed().size(), 3u);
  EXPECT_EQ(harness.failed()[0].reason, "missing_field");
  EXPECT_EQ(harness.failed()[1].reason, "missing_field");
  EXPECT_EQ(harness.failed()[2].reason, "bad_topic");
}

TEST(MqttSink, WhatTheBrokerRefusesFails) {
  FLOW_NEEDS_BROKER();
  const ScratchFolder folder;
  const std::string rules = folder.write("rules", "topic readwrite t/good\n");
  const MqttBroker broker("allow_anonymous true\nacl_file " + rules + "\n");
  MqttSender sender(sending(broker.url()));
  sender.send({{"good", "1"}, {"bad", "2"}, {"good", "3"}});
  ASSERT_EQ(sender.harness().failed().size(), 1u);
  EXPECT_EQ(sender.harness().failed()[0].reason, "refused");
  EXPECT_EQ(sender.harness().failed()[0].row, 1);
  EXPECT_NE(sender.harness().failed()[0].message.find("not authorized"), std::string::npos);
}

TEST(MqttSink, RowsWaitForABrokerThatIsNotThere) {
  FLOW_NEEDS_BROKER();
  MqttBroker broker;
  broker.stop();
  MqttSender sender(sending(broker.url(), {{"timeout", "100ms"}}));
  const Batch rows = sender.batch(numbered(0, 10));
  EXPECT_EQ(sender.harness().try_push(rows), FLOW_RETRY);
  EXPECT_NE(sender.harness().host().error.find("the rows wait"), std::string::npos)
      << sender.harness().host().error;
  broker.start();
  MqttSubscriber subscriber(subscription(broker.url()));
  ASSERT_TRUE(subscriber.until_connected());
  sender.harness().host().stopping = false;
  while (sender.harness().try_push(rows) != FLOW_DONE) {
  }
  ASSERT_TRUE(subscriber.until_rows(10));
  EXPECT_EQ(sender.harness().failed().size(), 0u);
}

TEST(MqttSink, ARunThatIsStoppedDoesNotWait) {
  FLOW_NEEDS_BROKER();
  MqttBroker broker;
  broker.stop();
  MqttSender sender(sending(broker.url(), {{"timeout", "1h"}}));
  sender.harness().host().stopping = true;
  EXPECT_EQ(sender.harness().try_push(sender.batch(numbered(0, 10))), FLOW_RETRY);
}

TEST(MqttSink, NothingIsLostWhenTheBrokerDiesAndReturns) {
  FLOW_NEEDS_BROKER();
  for (const int qos : {1, 2}) {
    MqttBroker broker;
    MqttSubscriber subscriber(subscription(broker.url()));
    ASSERT_TRUE(subscriber.until_connected());
    constexpr int kMessages = 2000;
    std::thread publishing([&] {
      MqttSender sender(sending(broker.url(), {{"qos", qos}, {"timeout", "200ms"}}));
      for (int i = 0; i < kMessages; i += 20) sender.send(numbered(i, 20));
    });
    int restarts = 0;
    std::set<std::string> seen;
    const bool all_came = subscriber.until(
        [&] {
          const auto& rows = subscriber.rows();
          seen.clear();
          for (const auto& row : rows) seen.insert(row.at("payload"));
          if (restarts < 3 && rows.size() > 400U * static_cast<size_t>(restarts + 1)) {
            broker.stop();
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
            broker.start();
            ++restarts;
          }
          return seen.size() == kMessages;
        },
        60);
    publishing.join();
    EXPECT_TRUE(all_came) << seen.size() << " came with QoS " << qos << "\n" << subscriber.log();
  }
}

TEST(MqttSink, OptionsThatMeanNothingAreRefused) {
  const std::string url = "mqtt://127.0.0.1:1";
  for (const char* topic : {"", "{device}", "a/#", "a/+/{device}", "a/{device"}) {
    EXPECT_THROW(Harness::of<MqttSink>(sending(url, {{"topic", topic}})), std::runtime_error)
        << topic;
  }
  EXPECT_THROW(Harness::of<MqttSink>(sending("mqtt://", {{"topic", "a"}})), std::runtime_error);
}

}  // namespace
}  // namespace flow::operators::sinks_mqtt_test
