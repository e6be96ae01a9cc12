// HTTP requests with retries, some at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace flow::operators {

struct WebhookSettings {
  std::string url;
  std::string shown_url;  // without what may be secret: scheme and host
  std::string method = "POST";
  std::vector<std::string> headers;  // "Name: value"
  std::string ca_file;               // "": the system's
  int64_t timeout_ms = 10'000;
  size_t concurrency = 4;
  int max_attempts = 10;
  std::chrono::nanoseconds backoff{500'000'000};
  std::chrono::nanoseconds max_backoff{60'000'000'000};
};

// "https://host:port" of an http or https URL; "" for anything else.
std::string shown_url(const std::string& url);

// Sends numbered requests to one URL, at most `concurrency` at a time, over connections that are
// kept. Not thread-safe.
class WebhookClient {
 public:
  enum class Verdict : uint8_t {
    kDelivered,
    kRejected,  // the receiver will never take it
    kGaveUp     // after the last attempt
  };
  struct Outcome {
    Verdict verdict;
    std::string reason;  // a short word; of what is not delivered
    std::string message;
  };
  struct Calls {
    // The body of a request; it may be put into the storage, which lives until the answer.
    std::function<std::string_view(int64_t number, std::string& storage)> body;
    std::function<void(int64_t number, const Outcome& outcome)> done;
    std::function<bool()> stopping;
  };

  explicit WebhookClient(WebhookSettings settings);
  ~WebhookClient();
  WebhookClient(const WebhookClient&) = delete;
  WebhookClient& operator=(const WebhookClient&) = delete;

  // Returns when all have an outcome; it takes at most `max_attempts` timeouts and pauses each.
  // Throws Retry where the receiver refuses all of them alike (no right to send, no trust in its
  // certificate), and Failure when the run is being stopped; the others have their outcome then.
  void send(const std::vector<int64_t>& numbers, const Calls& calls);

  int64_t requests() const { return requests_; }  // so far
  int64_t retries() const { return retries_; }

 private:
  using Clock = std::chrono::steady_clock;
  struct Request {
    int64_t number = 0;
    int attempts = 0;
    Clock::time_point due;
  };
  struct Line;
  struct Library;

  void start(Line& line, const Request& request, const Calls& calls);
  void finish(Line& line, int result, const Calls& calls);
  void retry(const Request& request, const std::string& reason, const std::string& what,
             std::chrono::seconds asked, const Calls& calls);
  void abandon();
  Clock::duration pause(int attempts);

  WebhookSettings settings_;
  std::unique_ptr<Library> library_;
  std::vector<std::unique_ptr<Line>> lines_;
  std::vector<Request> waiting_;
  Clock::time_point not_before_;  // of any request: the receiver asked for a pause
  std::string refusal_;           // of all of them
  std::minstd_rand random_;
  int64_t requests_ = 0, retries_ = 0;
};

}  // namespace flow::operators
