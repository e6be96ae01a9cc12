// The operators of plugins/mqtt, as the library exports them.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "flow/testing/check_contract.hpp"
#include "tests/operators/common/mqtt_broker.hpp"
#include "tests/operators/common/mqtt_clients.hpp"

namespace flow::operators::mqtt_contract_test {
namespace {

using flow::testing::ContractSubject;
using flow::testing::MqttBroker;
using flow::testing::MqttSender;
using flow::testing::Setting;

constexpr const char* kMqtt = FLOWRUN_PLUGIN_DIR "/mqtt.so";

TEST(MqttContract, MqttSource) {
  FLOW_NEEDS_BROKER();
  const MqttBroker broker;
  // A broker sends retained messages to everybody who subscribes.
  MqttSender sender({{"url", broker.url()}, {"retain", true}});
  constexpr int kMessages = 40;
  std::vector<std::pair<std::string, std::string>> messages;
  messages.reserve(kMessages);
  for (int i = 0; i < kMessages; ++i)
    messages.emplace_back(std::to_string(i), std::to_string(i * 7));
  sender.send(messages);
  ContractSubject subject;
  subject.kind = FLOW_SOURCE;
  subject.settings = {{"url", broker.url()},
                      {"topics", Setting(std::vector<std::string>{"t/+"})},
                      {"topic_fields", "t/{number}"},
                      {"session_expiry", "0s"},
                      {"batch_wait", "20ms"}};
  subject.source_rows = 40;
  subject.waived = {{"assign", "what a broker has sent cannot be read again from a position"}};
  EXPECT_CONTRACT(kMqtt, "mqtt", subject);
}

TEST(MqttContract, MqttSink) {
  FLOW_NEEDS_BROKER();
  const MqttBroker broker;
  ContractSubject subject;
  subject.kind = FLOW_SINK;
  subject.settings = {{"url", broker.url()}, {"topic", "t/{t}"}};
  subject.inputs = {{{"bytes", Type::binary(), {"one", "", "three", std::string(20'000, 'x')}},
                     {"kept:t", Type::text(), {"a", "b/c", nullptr, "d"}}}};
  EXPECT_CONTRACT(kMqtt, "mqtt", subject);
}

}  // namespace
}  // namespace flow::operators::mqtt_contract_test
