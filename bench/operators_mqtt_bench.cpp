// Messages a second through a broker on this machine: the source `mqtt`, and the sink. Both share
// its cores with the broker, and the source with a publisher. Each case checks that every message
// came. Without mosquitto they are skipped.

#include <benchmark/benchmark.h>

#include <chrono>
#include <cstring>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/operators/common/mqtt_broker.hpp"
#include "tests/operators/common/mqtt_clients.hpp"

namespace flow::operators {
namespace {

using flow::testing::Harness;
using flow::testing::MqttBroker;
using flow::testing::MqttSender;
using flow::testing::Setting;
using flow::testing::Settings;
using Clock = std::chrono::steady_clock;

constexpr int kMessages = 50'000;
constexpr int kBatch = 1000;
constexpr const char* kBroker = "allow_anonymous true\nmax_inflight_messages 1000\n";

// Readings of some 120 bytes, of 100 topics.
std::vector<std::pair<std::string, std::string>> readings() {
  std::vector<std::pair<std::string, std::string>> messages;
  for (int i = 0; i < kBatch; ++i) {
    const std::string device = "device-" + std::to_string(i % 100);
    messages.emplace_back(device, R"({"time":"2025-10-28T10:15:30.123456Z","device":")" + device +
                                      R"(","quantity":"temperature","value":21.)" +
                                      std::to_string(i) + "}");
  }
  return messages;
}

void sink(benchmark::State& state) {
  if (!MqttBroker::is_installed()) return state.SkipWithError("mosquitto is not installed");
  const MqttBroker broker(kBroker);
  MqttSender sender({{"url", broker.url()}, {"qos", static_cast<int>(state.range(0))}});
  const Batch rows = sender.batch(readings());
  sender.harness().push(rows);
  for ([[maybe_unused]] auto run : state) {
    for (int sent = 0; sent < kMessages; sent += kBatch) sender.harness().push(rows);
  }
  if (!sender.harness().failed().empty()) throw std::logic_error("rows failed");
  state.SetItemsProcessed(state.iterations() * kMessages);
}
BENCHMARK(sink)
    ->ArgName("qos")
    ->Arg(0)
    ->Arg(1)
    ->Arg(2)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

// With a journal that takes `durable_ms` to be on disk.
class Subscriber {
 public:
  Subscriber(const std::string& url, int qos, int durable_ms)
      : harness_(Harness::of<MqttSource>({{"url", url},
                                          {"topics", Setting(std::vector<std::string>{"t/#"})},
                                          {"qos", qos},
                                          {"topic_fields", "t/{device}"}})),
        durable_(durable_ms) {
    harness_.host().checkpoints = true;
    harness_.assign("mqtt");
    while (harness_.metric("mqtt_connected") == 0) harness_.poll();
  }

  int64_t read() {
    harness_.poll();
    int64_t rows = 0;
    for (const Batch& batch : harness_.pull_batches()) rows += batch.rows();
    const auto now = Clock::now();
    if (now - synced_ >= durable_) {
      // What was emitted before the last sync began is on disk now.
      if (!written_.empty()) {
        harness_.op()->acknowledge(harness_.op(), "mqtt", written_.data(),
                                   static_cast<uint32_t>(written_.size()));
      }
      auto& emissions = harness_.host().emissions;
      if (!emissions.empty()) written_ = emissions.back().position;
      emissions.clear();
      synced_ = now;
    }
    return rows;
  }

 private:
  Harness harness_;
  std::chrono::milliseconds durable_;
  Clock::time_point synced_ = Clock::now();
  std::string written_;
};

void source(benchmark::State& state) {
  if (!MqttBroker::is_installed()) return state.SkipWithError("mosquitto is not installed");
  const MqttBroker broker(kBroker);
  const int qos = static_cast<int>(state.range(0));
  Subscriber subscriber(broker.url(), qos, static_cast<int>(state.range(1)));
  for ([[maybe_unused]] auto run : state) {
    std::thread publishing([&] {
      MqttSender sender({{"url", broker.url()}, {"qos", qos}});
      const Batch rows = sender.batch(readings());
      for (int sent = 0; sent < kMessages; sent += kBatch) sender.harness().push(rows);
    });
    int64_t rows = 0;
    const auto end = Clock::now() + std::chrono::seconds(20);
    while (rows < kMessages && Clock::now() < end) rows += subscriber.read();
    publishing.join();
    if (rows < kMessages && qos > 0) throw std::logic_error("messages are missing");
  }
  state.SetItemsProcessed(state.iterations() * kMessages);
}
BENCHMARK(source)
    ->ArgNames({"qos", "durable_ms"})
    ->Args({0, 0})
    ->Args({1, 0})
    ->Args({1, 20})
    ->Args({2, 0})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
}  // namespace flow::operators
