// Requests on their way from the threads of a listener to a source's.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "operators/common/http_exchange.hpp"
#include "operators/common/http_records.hpp"

namespace flow::operators {

// A request whose body was read and checked.
struct HttpArrival {
  HttpReply reply;
  HttpBody body;
  std::vector<HttpRecords::Run> runs;
  std::vector<HttpRecords::Rejected> rejected;
  int64_t accepted = 0;
  std::string remote_address;
  std::string query;
  std::vector<std::string> headers;  // that were asked for; the values
  std::vector<bool> has_header;
  int64_t charged = 0;  // by the inbox
};

// [any]
class HttpInbox {
 public:
  // What waits is charged to the memory's budget.
  explicit HttpInbox(std::shared_ptr<HttpMemory> memory) : memory_(std::move(memory)) {}

  // False: there is no room for it, or nobody takes anything.
  bool add(HttpArrival&& arrival);
  // Replaces `into` by what came first, up to some bytes. Waits up to `patience` for it, and for
  // more until the first has been here for `gather`; wake() ends the wait. False: nothing.
  bool take(std::vector<HttpArrival>& into, std::chrono::nanoseconds patience,
            std::chrono::nanoseconds gather);
  // Takes a request back; false: it is not here any more.
  bool cancel(uint64_t ticket);
  void wake();
  // Nothing is added any more; what is here comes out.
  std::vector<HttpArrival> close();

 private:
  static constexpr int64_t kOverhead = 512;  // of an arrival, about
  static constexpr int64_t kMostBytes = 512 << 10;
  static int64_t weight(const HttpArrival& arrival) { return arrival.body.size() + kOverhead; }
  void discharge(HttpArrival& arrival);

  std::shared_ptr<HttpMemory> memory_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable came_;
  std::deque<HttpArrival> arrivals_;
  std::chrono::steady_clock::time_point first_came_;
  int64_t bytes_ = 0;
  bool is_woken_ = false;
  bool is_closed_ = false;
};

}  // namespace flow::operators
