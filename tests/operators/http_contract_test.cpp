// Every operator of plugins/http, as the library exports it.
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>

#include "flow/testing/check_contract.hpp"
#include "tests/operators/common/http_client.hpp"

namespace flow::operators::http_contract_test {
namespace {

using flow::testing::ContractSubject;
using flow::testing::free_port;
using flow::testing::HttpClient;

constexpr const char* kLibrary = FLOWRUN_PLUGIN_DIR "/http.so";

// Sends records for as long as it lives.
class Sender {
 public:
  explicit Sender(uint16_t port) : thread_([this, port] { run(port); }) {}
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;
  ~Sender() {
    is_over_ = true;
    thread_.join();
  }

 private:
  void run(uint16_t port) {
    while (!is_over_) {
      try {
        HttpClient client(port, 1);
        while (!is_over_ && client.post("/events", "{\"n\":1}\n{\"n\":2}\nx\n").status != 0) {
        }
      } catch (const std::exception&) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));  // nobody listens now
      }
    }
  }
  std::atomic<bool> is_over_{false};
  std::thread thread_;
};

TEST(HttpContract, Source) {
  const uint16_t port = free_port();
  const Sender sender(port);
  ContractSubject subject;
  subject.kind = FLOW_SOURCE;
  subject.settings = {{"listen", "127.0.0.1:" + std::to_string(port)}, {"path", "/events"}};
  subject.source_rows = 40;
  subject.waived = {{"assign", "what clients have sent cannot be read again from a position"}};
  EXPECT_CONTRACT(kLibrary, "http", subject);
}

TEST(HttpContract, Respond) {
  ContractSubject subject;
  subject.kind = FLOW_SINK;
  subject.inputs = {{{"bytes", Type::binary(), {"{\"a\":1}", "{\"a\":2}", "{}", "x"}},
                     {"kept:request_id", {"0123456789abcdef-1", nullptr, "", "none"}},
                     {"kept:partition", {nullptr, "p", nullptr, nullptr}},
                     {"kept:position", Type::int64(), {nullptr, 7, nullptr, nullptr}}}};
  EXPECT_CONTRACT(kLibrary, "respond", subject);
}

TEST(HttpContract, Serve) {
  ContractSubject subject;
  subject.kind = FLOW_SINK;
  subject.settings = {
      {"listen", "127.0.0.1:" + std::to_string(free_port())}, {"table", "t"}, {"key", "k"}};
  subject.inputs = {{{"bytes", Type::binary(), {"{\"a\":1}", "", "{}", std::string(70'000, 'x')}},
                     {"kept:k", {"a", nullptr, "b", "c"}}}};
  EXPECT_CONTRACT(kLibrary, "serve", subject);
}

}  // namespace
}  // namespace flow::operators::http_contract_test
