#include "operators/sources/http_inbox.hpp"

#include <algorithm>
#include <utility>

namespace flow::operators {

bool HttpInbox::add(HttpArrival&& arrival) {
  // A large body is charged already.
  arrival.charged = kOverhead + (arrival.body.buffer() ? 0 : arrival.body.size());
  if (!memory_->budget().take(arrival.charged)) {
    arrival.charged = 0;
    return false;
  }
  const std::lock_guard lock(mutex_);
  if (is_closed_) {
    discharge(arrival);
    return false;
  }
  bytes_ += weight(arrival);
  arrivals_.push_back(std::move(arrival));
  if (arrivals_.size() == 1) first_came_ = std::chrono::steady_clock::now();
  // Whoever gathers is not woken for each.
  if (arrivals_.size() == 1 || bytes_ >= kMostBytes) came_.notify_one();
  return true;
}

void HttpInbox::discharge(HttpArrival& arrival) {
  memory_->budget().give_back(std::exchange(arrival.charged, 0));
}

bool HttpInbox::take(std::vector<HttpArrival>& into, std::chrono::nanoseconds patience,
                     std::chrono::nanoseconds gather) {
  into.clear();
  std::unique_lock lock(mutex_);
  came_.wait_for(lock, patience, [this] { return !arrivals_.empty() || is_woken_; });
  if (!arrivals_.empty() && gather.count() > 0) {
    came_.wait_until(lock, first_came_ + gather,
                     [this] { return bytes_ >= kMostBytes || is_woken_; });
  }
  is_woken_ = false;
  for (int64_t taken = 0; !arrivals_.empty() && taken < kMostBytes; arrivals_.pop_front()) {
    HttpArrival& first = arrivals_.front();
    taken += weight(first);
    bytes_ -= weight(first);
    discharge(first);
    into.push_back(std::move(first));
  }
  return !into.empty();
}

bool HttpInbox::cancel(uint64_t ticket) {
  const std::lock_guard lock(mutex_);
  const auto at = std::find_if(
      arrivals_.begin(), arrivals_.end(),
      [ticket](const HttpArrival& arrival) { return arrival.reply.ticket() == ticket; });
  if (at == arrivals_.end()) return false;
  bytes_ -= weight(*at);
  discharge(*at);
  arrivals_.erase(at);
  return true;
}

void HttpInbox::wake() {
  const std::lock_guard lock(mutex_);
  is_woken_ = true;
  came_.notify_all();
}

std::vector<HttpArrival> HttpInbox::close() {
  const std::lock_guard lock(mutex_);
  is_closed_ = true;
  std::vector<HttpArrival> left;
  for (HttpArrival& arrival : arrivals_) {
    discharge(arrival);
    left.push_back(std::move(arrival));
  }
  arrivals_.clear();
  bytes_ = 0;
  return left;
}

}  // namespace flow::operators
