// What the source `http` does with a request on the listener's threads.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>

#include "operators/common/http_exchange.hpp"
#include "operators/sources/http.hpp"

namespace flow::operators {

// Checks bodies, and puts them into the source's inbox.
class HttpSourceRoute final : public HttpRoute {
 public:
  HttpSourceRoute(const HttpSource::Options& options, const HttpAuthorization& authorization,
                  std::string partition, std::shared_ptr<HttpMemory> memory,
                  std::shared_ptr<HttpInbox> inbox);

  // Until this is called, and after stop(), requests are told 503.
  void begin() { is_open_ = true; }
  void stop() { is_open_ = false; }
  // The source takes requests at this moment.
  void polled() { polled_ = now(); }

  std::string_view methods() const override { return "POST"; }
  const HttpAuthorization& authorization() const override { return authorization_; }
  int64_t most_body() const override { return max_body_; }
  std::shared_ptr<HttpMemory> memory() const override { return memory_; }
  std::chrono::nanoseconds timeout() const override { return timeout_; }
  std::optional<HttpAnswer> handle(HttpRequest& request, const HttpReply& reply) override;
  HttpAnswer timed_out(uint64_t ticket) override;

 private:
  static int64_t now() {
    return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
  }

  const HttpAuthorization authorization_;
  const std::string partition_;
  const std::shared_ptr<HttpMemory> memory_;
  const std::shared_ptr<HttpInbox> inbox_;
  const HttpSource::Acknowledge acknowledge_;
  const HttpSource::Format format_;
  const std::vector<std::string> headers_;
  const size_t max_record_;
  const int64_t max_body_;
  const std::chrono::nanoseconds timeout_;
  const int64_t accept_timeout_;
  const bool keeps_remote_, keeps_query_;
  std::atomic<bool> is_open_{false};
  std::atomic<int64_t> polled_{0};
};

// {"accepted":2,"rejected":1,"errors":[{"record":2,"line":2,"offset":17,"message":"..."}]}
HttpAnswer http_outcome(int status, int64_t accepted,
                        const std::vector<HttpRecords::Rejected>& rejected);

}  // namespace flow::operators
