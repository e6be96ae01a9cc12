// What a producer has sent and nobody has received yet.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

namespace flowrun {

// Shared by the instances of one chain; an instance that is alone has its own. Counts messages by
// the number they were sent under: what the oldest message of a chain has sent can be received at
// once, what later ones have sent waits for it. [any]
class Receipts : public std::enable_shared_from_this<Receipts> {
 public:
  // Travels inside the message, until it is received or destroyed.
  class [[nodiscard]] Receipt {
   public:
    Receipt() noexcept = default;
    Receipt(Receipt&& other) noexcept
        : log_(std::exchange(other.log_, nullptr)), number_(other.number_) {}
    Receipt& operator=(Receipt&& other) noexcept {
      std::swap(log_, other.log_);
      std::swap(number_, other.number_);
      return *this;
    }
    ~Receipt() {
      if (log_ != nullptr) log_->received(number_);
    }
    // For a further message with rows of the same output.
    Receipt again() const { return log_ != nullptr ? log_->sent(number_) : Receipt(); }
    // The consumer has the message.
    void give() { const Receipt given = std::move(*this); }

   private:
    friend class Receipts;
    Receipt(std::shared_ptr<Receipts> log, std::uint64_t number) noexcept
        : log_(std::move(log)), number_(number) {}
    std::shared_ptr<Receipts> log_;
    std::uint64_t number_ = 0;
  };

  Receipt sent(std::uint64_t number) {
    const std::lock_guard lock(mutex_);
    ++outstanding_[number];
    return {shared_from_this(), number};
  }
  // Whether everything that was sent under `number` and lower ones has been received.
  bool all_received(std::uint64_t number) const {
    const std::lock_guard lock(mutex_);
    return outstanding_.empty() || outstanding_.begin()->first > number;
  }

 private:
  void received(std::uint64_t number) {
    const std::lock_guard lock(mutex_);
    const auto found = outstanding_.find(number);
    if (--found->second == 0) outstanding_.erase(found);
  }

  mutable std::mutex mutex_;
  std::map<std::uint64_t, std::uint64_t> outstanding_;  // guarded by mutex_
};

}  // namespace flowrun
