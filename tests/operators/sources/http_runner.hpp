// The source `http` with somebody who polls it, as a host does.
#pragma once

#include <atomic>
#include <chrono>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "flow/testing/harness.hpp"
#include "operators/sources/http.hpp"
#include "tests/operators/common/http_client.hpp"

namespace flow::testing {

class HttpRunner {
 public:
  explicit HttpRunner(Settings extra = {}, bool has_checkpoints = false)
      : port_(free_port()), address_("127.0.0.1:" + std::to_string(port_)) {
    Settings settings = {{"listen", address_}};
    for (auto& setting : extra) settings.push_back(std::move(setting));
    harness_.emplace(Harness::of<operators::HttpSource>(settings, FLOW_ROLE_NONE, has_checkpoints));
  }
  HttpRunner(const HttpRunner&) = delete;
  HttpRunner& operator=(const HttpRunner&) = delete;
  ~HttpRunner() { stop(); }

  uint16_t port() const { return port_; }
  const std::string& address() const { return address_; }
  Harness& harness() { return *harness_; }
  std::string partition(const std::string& path = "/events") const { return address_ + path; }

  HttpRunner& start() {
    harness_->assign(harness_->host().offered.at(0));
    is_running_ = true;
    thread_ = std::thread([this] {
      while (is_running_) {
        const std::lock_guard lock(mutex_);
        harness_->poll();
      }
    });
    return *this;
  }
  // Between two polls.
  template <class Work>
  void with(Work work) {
    const std::lock_guard lock(mutex_);
    work(*harness_);
  }
  void stop() {
    is_running_ = false;
    if (thread_.joinable()) thread_.join();
  }
  // Everything that was emitted, body by body. Ends the polling.
  std::vector<std::string> bodies() {
    stop();
    std::vector<std::string> all;
    for (const Batch& batch : harness_->pull_batches()) {
      const TextView texts(batch.column(0));
      for (int64_t row = 0; row < texts.size(); ++row) all.emplace_back(texts[row]);
    }
    return all;
  }
  HttpResponse post(std::string_view body, const std::string& headers = "") {
    return HttpClient(port_).post("/events", body, headers);
  }

 private:
  uint16_t port_;
  std::string address_;
  std::optional<Harness> harness_;
  std::atomic<bool> is_running_{false};
  std::mutex mutex_;
  std::thread thread_;
};

}  // namespace flow::testing
