// Every operator of plugins/web, as the library exports it.
#include <gtest/gtest.h>

#include "flow/testing/check_contract.hpp"
#include "tests/operators/sinks/webhook_server.hpp"

namespace flow::operators::web_contract_test {
namespace {

using flow::testing::ContractSubject;
using flow::testing::WebhookServer;

constexpr const char* kLibrary = FLOWRUN_PLUGIN_DIR "/web.so";

TEST(WebContract, Webhook) {
  const WebhookServer server;
  ContractSubject subject;
  subject.inputs = {{{"bytes", Type::binary(), {"{\"a\":1}", "{\"a\":2}", "{}", "x"}},
                     {"kept:reason", {"high", nullptr, "\"quoted\"", ""}}}};
  // Few attempts: at the shortest `timeout` none may get through.
  subject.settings = {{"url", server.url("/ok")},
                      {"body", "{{\"text\": \"{reason}\"}}"},
                      {"max_attempts", 2},
                      {"backoff", int64_t{1000000}}};
  EXPECT_CONTRACT(kLibrary, "webhook", subject);
  subject.settings = {
      {"url", server.url("/reject")}, {"body", "{{}}"}, {"max_attempts", 1}, {"concurrency", 1}};
  EXPECT_CONTRACT(kLibrary, "webhook", subject);
}

}  // namespace
}  // namespace flow::operators::web_contract_test
