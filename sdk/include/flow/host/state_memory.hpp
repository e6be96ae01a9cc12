// The memory of keyed state: what pages may take, and where the old content of pages is kept.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <new>
#include <vector>

#include "flow/host/memory.hpp"

namespace flow::host {

// FLOW_PAGE_BYTES, aligned to 64.
struct PageBytes {
  static constexpr std::align_val_t kAlignment{64};
  static char* allocate() {
    return static_cast<char*>(::operator new(static_cast<size_t>(FLOW_PAGE_BYTES), kAlignment));
  }
  void operator()(char* bytes) const { ::operator delete(bytes, kAlignment); }
};

// What the tables of a pipeline share: a limit for their pages, and a bounded number of pre-images
// (what a page held when it was frozen, kept because it is written again before a checkpoint has
// it). Pre-images stay allocated for the next checkpoint. Both are charged to `account`; the limit
// is for pages alone, so that what fits does not depend on when checkpoints are taken.
// Thread-safe. Must outlive its stores.
class StateMemory {
 public:
  static constexpr int64_t kDefaultImageBytes = int64_t{64} << 20;

  StateMemory(MemoryAccount& account, int64_t limit, int64_t image_bytes = kDefaultImageBytes)
      : account_(account), most_images_(image_bytes / FLOW_PAGE_BYTES), limit_(limit) {}
  StateMemory(const StateMemory&) = delete;
  StateMemory& operator=(const StateMemory&) = delete;
  ~StateMemory() {
    for (char* image : images_) PageBytes()(image);
    account_.release(static_cast<int64_t>(images_.size()) * FLOW_PAGE_BYTES);
  }

  void set_limit(int64_t bytes) { limit_.store(bytes, std::memory_order_relaxed); }
  int64_t limit() const { return limit_.load(std::memory_order_relaxed); }
  // Pages and pre-images.
  int64_t bytes() const {
    const std::lock_guard lock(mutex_);
    return used_.load(std::memory_order_relaxed) + made_images_ * FLOW_PAGE_BYTES;
  }

  // False: one page more would pass the limit.
  bool charge_page() {
    if (used_.fetch_add(FLOW_PAGE_BYTES, std::memory_order_relaxed) + FLOW_PAGE_BYTES > limit()) {
      used_.fetch_sub(FLOW_PAGE_BYTES, std::memory_order_relaxed);
      return false;
    }
    account_.charge(FLOW_PAGE_BYTES);
    return true;
  }
  void release_pages(int64_t bytes) {
    used_.fetch_sub(bytes, std::memory_order_relaxed);
    account_.release(bytes);
  }

  // Memory for a pre-image. NULL: all are in use; with `beyond` there is always one more.
  char* take_image(bool beyond) {
    {
      const std::lock_guard lock(mutex_);
      if (!images_.empty()) {
        char* image = images_.back();
        images_.pop_back();
        return image;
      }
      if (made_images_ >= most_images_ && !beyond) return nullptr;
      ++made_images_;
    }
    account_.charge(FLOW_PAGE_BYTES);
    return PageBytes::allocate();
  }
  void give_back_image(char* image) {
    {
      const std::lock_guard lock(mutex_);
      if (made_images_ <= most_images_) {
        images_.push_back(image);
        return;
      }
      --made_images_;
    }
    PageBytes()(image);
    account_.release(FLOW_PAGE_BYTES);
  }

 private:
  MemoryAccount& account_;
  const int64_t most_images_;
  std::atomic<int64_t> limit_;
  std::atomic<int64_t> used_{0};
  mutable std::mutex mutex_;  // guards what follows
  std::vector<char*> images_;
  int64_t made_images_ = 0;
};

}  // namespace flow::host
