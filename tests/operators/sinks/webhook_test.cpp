#include "operators/sinks/webhook.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "flow/testing/harness.hpp"
#include "tests/operators/sinks/webhook_server.hpp"

namespace flow::operators::webhook_test {
namespace {

using flow::testing::Cell;
using flow::testing::Harness;
using flow::testing::Setting;
using flow::testing::Settings;
using flow::testing::Table;
using Server = flow::testing::WebhookServer;
using Clock = std::chrono::steady_clock;

Harness sink(const std::string& url, const Settings& extra = {}) {
  Settings settings = {{"url", url}, {"backoff", "10ms"}, {"timeout", "3s"}};
  for (const auto& [name, value] : extra) {
    const auto known =
        std::find_if(settings.begin(), settings.end(),
                     [&name = name](const auto& item) { return item.first == name; });
    if (known != settings.end()) {
      known->second = value;
    } else {
      settings.emplace_back(name, value);
    }
  }
  return Harness::of<WebhookSink>(settings);
}

Table rows(const std::vector<Cell>& bytes) { return {{"bytes", Type::binary(), bytes}}; }

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

double seconds_of(const std::function<void()>& work) {
  const Clock::time_point begin = Clock::now();
  work();
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

TEST(Webhook, SendsEachRowOnceAsItIsEncoded) {
  const Server server;
  auto harness = sink(server.url("/ok"));
  harness.push(rows({"{\"a\":1}", "{\"a\":\"\xC3\xA9\"}"}));
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 2U);
  const std::string both = requests[0] + requests[1];
  EXPECT_TRUE(contains(both, R"("body": "{\"a\":1}")")) << both;
  EXPECT_TRUE(contains(both, R"(\u00e9)")) << both;
  EXPECT_TRUE(contains(requests[0], R"("method": "POST")"));
  EXPECT_TRUE(contains(requests[0], R"("Content-Type": "application/json")"));
  EXPECT_TRUE(harness.failed().empty());
  EXPECT_EQ(harness.metric("webhook_requests"), 2);
}

TEST(Webhook, BodyIsMadeOfATemplateWithValuesEscapedForJson) {
  const Server server;
  auto harness =
      sink(server.url("/ok"), {{"body", "{{\"text\": \"{reason} of {device}\", \"n\": {n}}}"},
                               {"method", "PUT"},
                               {"concurrency", 1}});
  harness.push({{"bytes", Type::binary(), {"x", "x"}},
                {"kept:reason", {"31.2 is \"high\"\n", nullptr}},
                {"kept:device", Type::category(), {"d-1", "d-2"}},
                {"kept:n", {1.5, 2.0}}});
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 2U);
  // As the log quotes it once more.
  EXPECT_TRUE(contains(requests[0],
                       R"("body": "{\"text\": \"31.2 is \\\"high\\\"\\n of d-1\", \"n\": 1.5}")"))
      << requests[0];
  EXPECT_TRUE(contains(requests[1], R"(\" of d-2\")")) << requests[1];
  EXPECT_TRUE(contains(requests[0], R"("method": "PUT")"));
}

TEST(Webhook, HeadersAndSecretAreSent) {
  const Server server;
  auto harness = sink(server.url("/auth"),
                      {{"secret", "s3cret"}, {"headers", Setting::table({{"X-Team", "night"}})}});
  harness.push(rows({"1"}));
  ASSERT_EQ(server.requests().size(), 1U);
  EXPECT_TRUE(contains(server.requests()[0], R"("X-Team": "night")"));
  auto other = sink(server.url("/ok"), {{"secret", "abc"}, {"secret_header", "X-Token"}});
  other.push(rows({"2"}));
  EXPECT_TRUE(contains(server.requests()[1], R"("X-Token": "abc")"));
}

TEST(Webhook, ServerErrorIsTriedAgain) {
  const Server server;
  auto harness = sink(server.url("/flaky"));
  harness.push(rows({"1", "2", "3"}));
  EXPECT_EQ(server.requests().size(), 6U);
  EXPECT_TRUE(harness.failed().empty());
  EXPECT_EQ(harness.metric("webhook_retries"), 3);
}

TEST(Webhook, RowIsADeadLetterAfterTheLastAttempt) {
  const Server server;
  auto harness = sink(server.url("/fail"), {{"max_attempts", 3}});
  harness.push(rows({"1", "2"}));
  EXPECT_EQ(server.requests().size(), 6U);
  ASSERT_EQ(harness.failed().size(), 2U);
  EXPECT_EQ(harness.failed()[0].reason, "server_error");
  EXPECT_TRUE(harness.failed()[0].retryable);
  EXPECT_TRUE(contains(harness.failed()[0].message,
                       "it answers 500: 'out of order'; gave up after 3 attempts"))
      << harness.failed()[0].message;
}

TEST(Webhook, RetryAfterIsHonoured) {
  const Server server;
  auto harness = sink(server.url("/busy"));
  const double took = seconds_of([&] { harness.push(rows({"1"})); });
  EXPECT_EQ(server.requests().size(), 3U);
  EXPECT_GE(took, 2.0);
  EXPECT_TRUE(harness.failed().empty());
}

TEST(Webhook, PausesDoubleUpToTheLongest) {
  const Server server;
  auto harness = sink(server.url("/fail"),
                      {{"max_attempts", 6}, {"backoff", "40ms"}, {"max_backoff", "160ms"}});
  const double took = seconds_of([&] { harness.push(rows({"1"})); });
  // 40, 80, 160, 160, 160: each between half and all of it.
  EXPECT_GE(took, 0.3);
  EXPECT_LE(took, 3.0);
}

TEST(Webhook, FinalAnswersAreNotTriedAgain) {
  const Server server;
  for (const char* path : {"/reject", "/moved"}) {
    auto harness = sink(server.url(path));
    harness.push(rows({"1"}));
    ASSERT_EQ(harness.failed().size(), 1U) << path;
    EXPECT_EQ(harness.failed()[0].reason, "rejected");
    EXPECT_FALSE(harness.failed()[0].retryable);
  }
  EXPECT_EQ(server.requests().size(), 2U);
}

TEST(Webhook, AnswerWithinTheMessageIsRepaired) {
  const Server server;
  auto harness = sink(server.url("/reject"));
  harness.push(rows({"1"}));
  EXPECT_TRUE(contains(harness.failed()[0].message, "422: 'no such \xEF\xBF\xBD field'"))
      << harness.failed()[0].message;
}

TEST(Webhook, ReceiverThatNeverAnswersIsBounded) {
  const Server server;
  for (const char* path : {"/hang", "/endless"}) {
    auto harness = sink(server.url(path), {{"timeout", "300ms"}, {"max_attempts", 2}});
    const double took = seconds_of([&] { harness.push(rows({"1", "2", "3", "4"})); });
    ASSERT_EQ(harness.failed().size(), 4U) << path;
    EXPECT_EQ(harness.failed()[0].reason, "timeout");
    EXPECT_LT(took, 4.0);
  }
}

TEST(Webhook, ConnectionsThatCloseOrTalkNonsenseAreUnreachable) {
  const Server server;
  for (const char* path : {"/close", "/garbage"}) {
    auto harness = sink(server.url(path), {{"max_attempts", 2}});
    harness.push(rows({"1"}));
    ASSERT_EQ(harness.failed().size(), 1U) << path;
    EXPECT_EQ(harness.failed()[0].reason, "unreachable");
  }
  auto nobody = sink("http://127.0.0.1:1/", {{"max_attempts", 2}});
  nobody.push(rows({"1"}));
  ASSERT_EQ(nobody.failed().size(), 1U);
  EXPECT_EQ(nobody.failed()[0].reason, "unreachable");
}

TEST(Webhook, RequestsUnderWayAreBounded) {
  const Server server;
  auto harness = sink(server.url("/slow"), {{"concurrency", 3}});
  std::vector<Cell> cells;
  cells.reserve(12);
  for (int i = 0; i < 12; ++i) cells.emplace_back(std::to_string(i));
  const double took = seconds_of([&] { harness.push(rows(cells)); });
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 12U);
  int together = 0;
  for (const std::string& request : requests) {
    for (int n = 4; n < 13; ++n) {
      EXPECT_FALSE(contains(request, "\"active\": " + std::to_string(n) + ",")) << request;
    }
    together += contains(request, "\"active\": 3,") ? 1 : 0;
  }
  EXPECT_GT(together, 0);
  EXPECT_GE(took, 0.19);
}

TEST(Webhook, OneConnectionKeepsTheOrder) {
  const Server server;
  auto harness = sink(server.url("/flaky"), {{"concurrency", 1}});
  harness.push(rows({"first", "second"}));
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 4U);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_TRUE(contains(requests[i], i < 2 ? "\"first\"" : "\"second\"")) << requests[i];
  }
}

TEST(Webhook, RefusedRightIsAnAlarmAndNoRowFailsOrComesTwice) {
  const Server server;
  auto harness = sink(server.url("/auth"), {{"secret", "wrong"}});
  const Batch batch = harness.batch(rows({"1"}));
  EXPECT_EQ(harness.try_push(batch), FLOW_RETRY);
  EXPECT_TRUE(contains(harness.host().error, "it answers 401")) << harness.host().error;
  EXPECT_FALSE(contains(harness.host().error, "wrong"));
  EXPECT_TRUE(harness.failed().empty());

  auto later = sink(server.url("/auth-later"), {{"concurrency", 1}});
  const Batch three = later.batch(rows({"a", "b", "c"}));
  int calls = 1;
  while (later.try_push(three) == FLOW_RETRY && calls < 10) ++calls;
  EXPECT_GT(calls, 1);
  std::map<char, int> granted;
  for (const std::string& request : server.requests()) {
    const size_t at = request.find("\"body\": \"");
    if (contains(request, "/auth-later")) ++granted[request[at + 9]];
  }
  EXPECT_EQ(granted.size(), 3U);
  for (const auto& [body, times] : granted) EXPECT_LE(times, 2) << body;
}

TEST(Webhook, CertificatesAreVerified) {
  const Server server(true);
  auto distrusting = sink(server.url("/ok"));
  EXPECT_EQ(distrusting.try_push(distrusting.batch(rows({"1"}))), FLOW_RETRY);
  EXPECT_TRUE(contains(distrusting.host().error, "not trusted")) << distrusting.host().error;
  EXPECT_TRUE(server.requests().empty());
  auto trusting = sink(server.url("/ok"), {{"ca_file", server.certificate()}});
  trusting.push(rows({"1"}));
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST(Webhook, StopEndsTheWait) {
  const Server server;
  auto harness = sink(server.url("/hang"));
  harness.host().stopping = true;
  const Batch batch = harness.batch(rows({"1"}));
  const double took = seconds_of([&] { EXPECT_EQ(harness.try_push(batch), FLOW_FAILED); });
  EXPECT_LT(took, 2.0);
}

TEST(Webhook, LargeAndBinaryBodiesArriveWhole) {
  const Server server;
  auto harness = sink(server.url("/ok"));
  harness.push(rows({std::string(1 << 20, 'x'), std::string("a\0b", 3), ""}));
  EXPECT_EQ(server.requests().size(), 3U);
  EXPECT_TRUE(harness.failed().empty());
}

TEST(Webhook, MistakesInOptionsAreNamed) {
  EXPECT_THROW(sink("ftp://host/"), std::runtime_error);
  EXPECT_THROW(sink("no url"), std::runtime_error);
  EXPECT_THROW(sink("http://h/", {{"body", "{open"}}), std::runtime_error);
  EXPECT_THROW(sink("http://h/", {{"headers", Setting::table({{"a b", "c"}})}}),
               std::runtime_error);
  EXPECT_THROW(sink("http://h/", {{"headers", Setting::table({{"a", "b\nc: d"}})}}),
               std::runtime_error);
  EXPECT_THROW(sink("http://h/", {{"ca_file", "/no/such/file"}}), std::runtime_error);
  EXPECT_EQ(shown_url("https://user:pass@host:8443/secret?key=1"), "https://host:8443");
}

}  // namespace
}  // namespace flow::operators::webhook_test
