#include "operators/sources/mqtt.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/operators/common/mqtt_broker.hpp"
#include "tests/operators/common/mqtt_clients.hpp"

namespace flow::operators::sources_mqtt_test {
namespace {

using flow::testing::Harness;
using flow::testing::LoopbackListener;
using flow::testing::MqttBroker;
using flow::testing::MqttRow;
using flow::testing::MqttSender;
using flow::testing::MqttSubscriber;
using flow::testing::numbered;
using flow::testing::ScratchFolder;
using flow::testing::Setting;
using flow::testing::Settings;

Setting list(const std::vector<std::string>& texts) { return Setting(texts); }

Settings subscription(const std::string& url, const Settings& more = {}) {
  Settings settings = {{"url", url},
                       {"topics", list({"t/#"})},
                       {"client_id", "subscriber"},
                       {"reconnect_delay", "20ms"},
                       {"max_reconnect_delay", "200ms"}};
  for (const auto& [name, value] : more) {
    const auto known =
        std::find_if(settings.begin(), settings.end(),
                     [&name = name](const auto& setting) { return setting.first == name; });
    if (known != settings.end()) {
      known->second = value;
    } else {
      settings.emplace_back(name, value);
    }
  }
  return settings;
}
Settings sending(const std::string& url) {
  return {{"url", url}, {"reconnect_delay", "20ms"}, {"max_reconnect_delay", "200ms"}};
}

std::set<std::string> distinct(const std::vector<std::string>& texts) {
  return {texts.begin(), texts.end()};
}

class MqttSourceTest : public ::testing::TestWithParam<std::pair<const char*, int>> {};

TEST_P(MqttSourceTest, MessagesAreRowsWithTheirTopics) {
  FLOW_NEEDS_BROKER();
  const auto& [version, qos] = GetParam();
  const MqttBroker broker;
  MqttSubscriber subscriber(
      subscription(broker.url(), {{"version", version},
                                  {"qos", qos},
                                  {"topics", list({"t/+/temperature", "t/other/#"})},
                                  {"topic_fields", "t/{device}/{quantity}"}}));
  ASSERT_TRUE(subscriber.until_connected()) << subscriber.log();
  Settings settings = sending(broker.url());
  settings.emplace_back("topic", "t/a/temperature");
  settings.emplace_back("qos", qos);
  settings.emplace_back("version", version);
  MqttSender sender(settings);
  sender.send({{"", "12"}, {"", std::string("\0\xFF", 2)}, {"", ""}});
  settings[3].second = "t/other/b/c";
  MqttSender(settings).send({{"", "a text that is longer than twelve bytes"}});
  settings[3].second = "t/b/humidity";
  MqttSender(settings).send({{"", "unasked"}});
  ASSERT_TRUE(subscriber.until_rows(4)) << subscriber.log();
  subscriber.poll_for(0.05);
  const std::string level = std::to_string(qos);
  const MqttRow first = {{"payload", "12"}, {"topic", "t/a/temperature"},
                         {"device", "a"},   {"quantity", "temperature"},
                         {"qos", level},    {"retained", "false"}};
  ASSERT_EQ(subscriber.rows().size(), 4u);
  EXPECT_EQ(subscriber.rows()[0], first);
  EXPECT_EQ(subscriber.rows()[1].at("payload"), std::string("\0\xFF", 2));
  EXPECT_EQ(subscriber.rows()[2].at("payload"), "");
  EXPECT_EQ(subscriber.rows()[3].at("payload"), "a text that is longer than twelve bytes");
  EXPECT_EQ(subscriber.rows()[3].at("device"), "-");
  EXPECT_EQ(subscriber.harness().metric("mqtt_unmatched_topics"), 1);
}

INSTANTIATE_TEST_SUITE_P(Versions, MqttSourceTest,
                         ::testing::Values(std::pair("5", 0), std::pair("5", 1), std::pair("5", 2),
                                           std::pair("3.1.1", 0), std::pair("3.1.1", 1),
                                           std::pair("3.1.1", 2)),
                         [](const auto& info) {
                           return (info.param.first[0] == '5' ? "Five" : "Three") +
                                  ("Qos" + std::to_string(info.param.second));
                         });

class MqttSourceQosTest : public ::testing::TestWithParam<int> {};

TEST_P(MqttSourceQosTest, WhatIsNotDurableComesAgainAfterARestart) {
  FLOW_NEEDS_BROKER();
  const MqttBroker broker;
  const Settings settings = subscription(broker.url(), {{"qos", GetParam()}});
  MqttSender sender([&] {
    Settings all = sending(broker.url());
    all.emplace_back("qos", GetParam());
    return all;
  }());
  {
    MqttSubscriber subscriber(settings, true);
    ASSERT_TRUE(subscriber.until_connected()) << subscriber.log();
    sender.send(numbered(0, 10));
    ASSERT_TRUE(subscriber.until_rows(10));
    EXPECT_EQ(subscriber.harness().metric("mqtt_unanswered_messages"), 10);
  }
  {
    MqttSubscriber subscriber(settings, true);
    ASSERT_TRUE(subscriber.until_rows(10)) << "the broker was answered too early";
    EXPECT_EQ(distinct(subscriber.payloads()).size(), 10u);
    subscriber.acknowledge();
    subscriber.poll_for(0.2);
    EXPECT_EQ(subscriber.harness().metric("mqtt_unanswered_messages"), 0);
  }
  MqttSubscriber subscriber(settings, true);
  ASSERT_TRUE(subscriber.until_connected());
  sender.send({{"new", "new"}});
  ASSERT_TRUE(subscriber.until_rows(1));
  EXPECT_EQ(subscriber.payloads(), std::vector<std::string>{"new"});
}

TEST_P(MqttSourceQosTest, WhatTheBrokerDeliversAgainIsKnown) {
  FLOW_NEEDS_BROKER();
  MqttBroker broker;
  MqttSubscriber subscriber(subscription(broker.url(), {{"qos", GetParam()}}), true);
  ASSERT_TRUE(subscriber.until_connected()) << subscriber.log();
  Settings all = sending(broker.url());
  all.emplace_back("qos", GetParam());
  MqttSender sender(all);
  sender.send(numbered(0, 10));
  ASSERT_TRUE(subscriber.until_rows(10));
  broker.stop();
  ASSERT_TRUE(subscriber.until([&] { return subscriber.harness().metric("mqtt_connected") == 0; }));
  // What becomes durable while there is no connection is answered on the next one.
  subscriber.acknowledge();
  broker.start();
  ASSERT_TRUE(subscriber.until([&] {
    return subscriber.harness().metric("mqtt_redelivered_messages") == 10;
  })) << subscriber.log();
  sender.send({{"new", "new"}});
  ASSERT_TRUE(subscriber.until_rows(11));
  subscriber.poll_for(0.1);
  ASSERT_EQ(subscriber.rows().size(), 11u);
  EXPECT_EQ(subscriber.payloads().back(), "new");
}

INSTANTIATE_TEST_SUITE_P(Qos, MqttSourceQosTest, ::testing::Values(1, 2));

TEST(MqttSource, NothingIsLostWhenTheBrokerDiesAndReturns) {
  FLOW_NEEDS_BROKER();
  MqttBroker broker;
  MqttSubscriber subscriber(subscription(broker.url()), true);
  ASSERT_TRUE(subscriber.until_connected()) << subscriber.log();
  constexpr int kMessages = 3000;
  std::atomic<int> sent{0};
  std::thread publishing([&] {
    MqttSender sender(sending(broker.url()));
    for (int i = 0; i < kMessages; i += 50) {
      sender.send(numbered(i, 50));
      sent = i + 50;
    }
  });
  int restarts = 0;
  const bool all_came = subscriber.until(
      [&] {
        if (subscriber.rows().size() % 3 != 0) subscriber.acknowledge();
        if (restarts < 2 && sent.load() > 1000 * (restarts + 1)) {
          broker.stop();
          broker.start();
          ++restarts;
        }
        return distinct(subscriber.payloads()).size() == kMessages;
      },
      60);
  publishing.join();
  EXPECT_TRUE(all_came) << distinct(subscriber.payloads()).size() << " came\n" << subscriber.log();
  EXPECT_EQ(restarts, 2);
}

TEST(MqttSource, NoMoreThanReceiveMaximumWaitForTheirAnswer) {
  FLOW_NEEDS_BROKER();
  const MqttBroker broker("allow_anonymous true\nmax_inflight_messages 0\n");
  for (const char* version : {"5", "3.1.1"}) {
    MqttSubscriber subscriber(
        subscription(broker.url(), {{"receive_maximum", 5}, {"version", version}}), true);
    ASSERT_TRUE(subscriber.until_connected()) << subscriber.log();
    MqttSender(sending(broker.url())).send(numbered(0, 100));
    ASSERT_TRUE(subscriber.until_rows(5));
    subscriber.poll_for(0.1);
    const std::string name = version;
    // Of 3.1.1 the broker sends what it likes: what was there before the fifth came along with it.
    EXPECT_TRUE(name == "3.1.1" || subscriber.rows().size() == 5) << subscriber.rows().size();
    ASSERT_TRUE(subscriber.until([&] {
      subscriber.acknowledge();
      return subscriber.rows().size() == 100;
    })) << name;
    subscriber.acknowledge();
    subscriber.poll_for(0.1);
  }
}

TEST(MqttSource, SourcesOfOneGroupShareTheMessages) {
  FLOW_NEEDS_BROKER();
  const MqttBroker broker;
  const auto shared = list({"$share/group/t/#"});
  MqttSubscriber one(subscription(broker.url(), {{"topics", shared}, {"client_id", "one"}}));
  MqttSubscriber two(subscription(broker.url(), {{"topics", shared}, {"client_id", "two"}}));
  ASSERT_TRUE(one.until_connected() && two.until_connected());
  MqttSender(sending(broker.url())).send(numbered(0, 200));
  ASSERT_TRUE(one.until([&] {
    two.poll_for(0.001);
    return one.rows().size() + two.rows().size() == 200;
  }));
  EXPECT_FALSE(one.rows().empty());
  EXPECT_FALSE(two.rows().empty());
  std::set<std::string> all = distinct(one.payloads());
  all.merge(distinct(two.payloads()));
  EXPECT_EQ(all.size(), 200u);
}

TEST(MqttSource, ANameAndAPasswordLetItIn) {
  FLOW_NEEDS_BROKER();
  const ScratchFolder folder;
  const std::string passwords = folder.path("passwords");
  const std::string command = "mosquitto_passwd -b -c " + passwords + " ann secret >/dev/null 2>&1";
  ASSERT_EQ(std::system(command.c_str()), 0);
  const MqttBroker broker("allow_anonymous false\npassword_file " + passwords + "\n");
  for (const char* version : {"5", "3.1.1"}) {
    MqttSubscriber right(subscription(
        broker.url(), {{"version", version}, {"username", "ann"}, {"password", "secret"}}));
    EXPECT_TRUE(right.until_connected()) << right.log();
    MqttSubscriber wrong(subscription(
        broker.url(), {{"version", version}, {"username", "ann"}, {"password", "guess"}}));
    ASSERT_TRUE(
        wrong.until([&] { return wrong.harness().metric("mqtt_connection_failures") >= 2; }));
    EXPECT_NE(wrong.log().find("the broker refuses the client: not authorized"), std::string::npos)
        << wrong.log();
    EXPECT_EQ(wrong.log().find("guess"), std::string::npos);
    MqttSubscriber nobody(subscription(broker.url(), {{"version", version}}));
    ASSERT_TRUE(
        nobody.until([&] { return nobody.harness().metric("mqtt_connection_failures") >= 1; }));
  }
}

// A certificate authority, and a broker's certificate for 127.0.0.1 and localhost.
class Certificates {
 public:
  Certificates() {
    const std::string make =
        "cd " + folder_.path("") +
        " && openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 "
        "-subj /CN=test-ca >/dev/null 2>&1 && openssl req -newkey rsa:2048 -nodes -keyout own.key "
        "-out own.csr -subj /CN=localhost >/dev/null 2>&1 && printf "
        "'subjectAltName=IP:127.0.0.1,DNS:localhost' > names && openssl x509 -req -in own.csr -CA "
        "ca.pem -CAkey ca.key -CAcreateserial -out own.pem -days 2 -extfile names >/dev/null 2>&1 "
        "&& openssl req -x509 -newkey rsa:2048 -nodes -keyout other.key -out other.pem -days 2 "
        "-subj /CN=other-ca >/dev/null 2>&1";
    made_ = std::system(make.c_str()) == 0;
  }
  bool made() const { return made_; }
  std::string path(const std::string& name) const { return folder_.path(name); }

 private:
  ScratchFolder folder_;
  bool made_ = false;
};

TEST(MqttSource, TlsVerifiesTheBroker) {
  FLOW_NEEDS_BROKER();
  const Certificates certificates;
  ASSERT_TRUE(certificates.made());
  const MqttBroker broker("allow_anonymous true\ncafile " + certificates.path("ca.pem") +
                              "\ncertfile " + certificates.path("own.pem") + "\nkeyfile " +
                              certificates.path("own.key") + "\nrequire_certificate true\n",
                          true);
  const auto with = [&](const std::string& host, const std::string& ca) {
    return Settings{{"ca_file", certificates.path(ca)},
                    {"certificate_file", certificates.path("own.pem")},
                    {"key_file", certificates.path("own.key")},
                    {"url", broker.url(host)}};
  };
  Settings settings = sending(broker.url());
  for (const auto& [name, value] : with("127.0.0.1", "ca.pem")) {
    if (name != "url") settings.emplace_back(name, value);
  }
  for (const char* host : {"127.0.0.1", "localhost"}) {
    MqttSubscriber subscriber(subscription("", with(host, "ca.pem")));
    ASSERT_TRUE(subscriber.until_connected()) << subscriber.log();
    MqttSender(settings).send(numbered(0, 20));
    EXPECT_TRUE(subscriber.until_rows(20)) << subscriber.log();
  }
  MqttSubscriber distrusting(subscription("", with("127.0.0.1", "other.pem")));
  ASSERT_TRUE(distrusting.until(
      [&] { return distrusting.harness().metric("mqtt_connection_failures") >= 1; }));
  EXPECT_NE(distrusting.log().find("TLS: "), std::string::npos) << distrusting.log();
  EXPECT_THROW(
      Harness::of<MqttSource>(subscription("", {{"url", broker.url()}, {"ca_file", "/nowhere"}})),
      std::runtime_error);
}

TEST(MqttSource, AMessageThatIsTooLargeFailsAndTheNextIsARow) {
  FLOW_NEEDS_BROKER();
  const MqttBroker broker;
  MqttSubscriber subscriber(subscription(broker.url(), {{"max_payload", 100}}));
  ASSERT_TRUE(subscriber.until_connected());
  MqttSender sender(sending(broker.url()));
  sender.send({{"a", std::string(101, 'x')},
               {"a", std::string(100, 'y')},
               {"a", std::string(3'000'000, 'z')},
               {"a", "small"}});
  ASSERT_TRUE(subscriber.until_rows(2)) << subscriber.log();
  EXPECT_EQ(subscriber.payloads(), (std::vector<std::string>{std::string(100, 'y'), "small"}));
  const auto& failed = subscriber.harness().failed();
  ASSERT_EQ(failed.size(), 2u);
  EXPECT_EQ(failed[0].reason, "too_large");
  EXPECT_EQ(failed[0].record, std::string(101, 'x'));
  EXPECT_EQ(failed[1].record, std::string(1024, 'z'));
}

// Answers every connection with the same bytes, then reads on.
class FalseBroker {
 public:
  explicit FalseBroker(std::string answer) : answer_(std::move(answer)) {
    thread_ = std::thread([this] {
      while (true) {
        const int socket = listener_.accept();
        if (socket < 0) return;
        char bytes[512];
        const ssize_t n = ::recv(socket, bytes, sizeof bytes, 0);
        if (n > 0) {
          [[maybe_unused]] const ssize_t sent =
              ::send(socket, answer_.data(), answer_.size(), MSG_NOSIGNAL);
        }
        while (::recv(socket, bytes, sizeof bytes, 0) > 0) {
        }
        ::close(socket);
        ++connections_;
      }
    });
  }
  FalseBroker(const FalseBroker&) = delete;
  FalseBroker& operator=(const FalseBroker&) = delete;
  ~FalseBroker() {
    listener_.close();
    thread_.join();
  }
  std::string url() const { return "mqtt://127.0.0.1:" + std::to_string(listener_.port()); }
  int connections() const { return connections_; }

 private:
  LoopbackListener listener_;
  std::string answer_;
  std::atomic<int> connections_{0};
  std::thread thread_;
};

TEST(MqttSource, ABrokerThatSendsGarbageIsLeftAndTriedAgain) {
  const std::string accepts("\x20\x03\x00\x00\x00", 5);
  const std::vector<std::string> answers = {
      std::string("HTTP/1.1 400 Bad Request\r\n\r\n"),
      std::string("\xFF\xFF\xFF\xFF\xFF\xFF", 6),
      std::string("\x20\xFF\xFF\xFF\xFF\x01", 6),
      std::string("\x20\x00", 2),
      std::string("\x30\x05\x00\x01t", 5) + "xy",
      accepts + accepts,
      accepts + std::string("\x36\x05\x00\x01t\x00\x01", 7),
      accepts + std::string("\x32\x06\x00\x01t\x00\x00\x00", 8),
      accepts + std::string("\x90\x04\x00\x01\x00\x87", 6),
      accepts + std::string("\xE0\x02\x8E\x00", 4)};
  for (size_t i = 0; i < answers.size(); ++i) {
    const FalseBroker broker(answers[i]);
    MqttSubscriber subscriber(subscription(broker.url()));
    EXPECT_TRUE(subscriber.until(
        [&] { return subscriber.harness().metric("mqtt_connection_failures") >= 3; }, 5))
        << "answer " << i << ": " << subscriber.log();
    EXPECT_TRUE(subscriber.rows().empty());
    EXPECT_NE(subscriber.log().find("; the next attempt is in "), std::string::npos);
  }
}

TEST(MqttSource, ABrokerThatNeverAnswersIsGivenUpInTime) {
  const FalseBroker broker("");
  MqttSubscriber subscriber(subscription(broker.url(), {{"connect_timeout", "100ms"}}));
  EXPECT_TRUE(subscriber.until(
      [&] { return subscriber.harness().metric("mqtt_connection_failures") >= 2; }, 5));
  EXPECT_NE(subscriber.log().find("does not answer in time"), std::string::npos);
}

TEST(MqttSource, ATopicThatIsNoTextFails) {
  const FalseBroker broker(std::string("\x20\x03\x00\x00\x00\x90\x04\x00\x01\x00\x01", 11) +
                           std::string("\x30\x07\x00\x02\xFF\xFE\x00no", 9) +
                           std::string("\x30\x06\x00\x01t\x00ok", 8));
  MqttSubscriber subscriber(subscription(broker.url()));
  ASSERT_TRUE(subscriber.until_rows(1)) << subscriber.log();
  EXPECT_EQ(subscriber.payloads(), std::vector<std::string>{"ok"});
  ASSERT_EQ(subscriber.harness().failed().size(), 1u);
  EXPECT_EQ(subscriber.harness().failed()[0].reason, "bad_topic");
  EXPECT_EQ(subscriber.harness().failed()[0].record, "no");
}

TEST(MqttSource, OptionsThatMeanNothingAreRefused) {
  const std::string url = "mqtt://127.0.0.1:1";
  const std::vector<Settings> refused = {subscription("http://host"),
                                         subscription("mqtt://"),
                                         subscription("mqtt://ann@host"),
                                         subscription("mqtt://host:0"),
                                         subscription("mqtt://host:x"),
                                         subscription("mqtt://host/path"),
                                         subscription("mqtt://[::1"),
                                         subscription(url, {{"ca_file", "/a"}}),
                                         subscription(url, {{"password", "alone"}}),
                                         subscription(url, {{"client_id", ""}}),
                                         subscription(url, {{"topics", list({})}}),
                                         subscription(url, {{"topics", list({"a/#/b"})}}),
                                         subscription(url, {{"topics", list({"a+/b"})}}),
                                         subscription(url, {{"topics", list({"$share/g"})}}),
                                         subscription(url, {{"columns", list({"topics"})}}),
                                         subscription(url, {{"topic_fields", "t/{topic}"}}),
                                         subscription(url, {{"topic_fields", "t/{a}/{a}"}}),
                                         subscription(url, {{"topic_fields", "t/+"}}),
                                         subscription(url, {{"topic_fields", "t/{a"}}),
                                         subscription("mqtts://host", {{"key_file", "/a"}})};
  for (size_t i = 0; i < refused.size(); ++i) {
    EXPECT_THROW(Harness::of<MqttSource>(refused[i]), std::runtime_error) << i;
  }
}

}  // namespace
}  // namespace flow::operators::sources_mqtt_test
