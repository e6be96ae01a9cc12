// Buffers as the host hands them out, and the account that they are charged to.
//
// The files of flow/host/ are the data half of a host: the engine and the testing kit both use
// them, so that a plugin meets the same buffers, columns and batches in a test and in production.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <functional>
#include <mutex>
#include <new>
#include <utility>

#include "flow/abi.h"
#include "flow/host/buffer_pool.hpp"

namespace flow::host {

// Bytes in use by one pipeline: every buffer at its allocated size, and the metadata around it.
// Thread-safe. Must outlive every object charged to it.
class MemoryAccount {
 public:
  MemoryAccount() = default;
  MemoryAccount(const MemoryAccount&) = delete;
  MemoryAccount& operator=(const MemoryAccount&) = delete;

  // Calls `wake`, from whichever thread released, each time usage falls below `threshold` bytes.
  // Set before the first charge.
  void on_falling_below(int64_t threshold, std::function<void()> wake) {
    threshold_ = threshold;
    wake_ = std::move(wake);
  }

  void charge(int64_t bytes) {
    const int64_t used = used_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
    int64_t peak = peak_.load(std::memory_order_relaxed);
    while (used > peak && !peak_.compare_exchange_weak(peak, used, std::memory_order_relaxed)) {
    }
  }

  void release(int64_t bytes) {
    const int64_t before = used_.fetch_sub(bytes, std::memory_order_relaxed);
    if (wake_ && before >= threshold_ && before - bytes < threshold_) {
      wake_();
    }
  }

  int64_t used() const { return used_.load(std::memory_order_relaxed); }
  int64_t peak() const { return peak_.load(std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> used_{0};
  std::atomic<int64_t> peak_{0};
  int64_t threshold_ = INT64_MAX;
  std::function<void()> wake_;
};

// An account that is never destroyed, for hosts whose batches may be kept longer than they are: a
// test's. About a hundred bytes each.
inline MemoryAccount& immortal_account() {
  static auto* mutex = new std::mutex;
  static auto* accounts = new std::deque<MemoryAccount>;
  const std::lock_guard lock(*mutex);
  return accounts->emplace_back();
}

// Reference counting behind a flow_object. `Derived` has a static `destroy(Derived*)`.
template <class Derived, class Abi>
class Counted : public Abi {
 public:
  static Derived* of(const Abi* object) { return static_cast<Derived*>(const_cast<Abi*>(object)); }
  static void retain(const Abi* object) {
    of(object)->references_.fetch_add(1, std::memory_order_relaxed);
  }
  static void release(const Abi* object) {
    Derived* self = of(object);
    if (self->references_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      Derived::destroy(self);
    }
  }

 protected:
  Counted() : Abi{} {
    // flow_object is the first member of every Abi struct, so the pointers are interchangeable.
    this->object.retain = [](const flow_object* object) {
      retain(reinterpret_cast<const Abi*>(object));
    };
    this->object.release = [](const flow_object* object) {
      release(reinterpret_cast<const Abi*>(object));
    };
    this->size = sizeof(Abi);
  }

  // Gives up a reference if it is not the last.
  static bool release_unless_last(const Abi* object) {
    std::atomic<int64_t>& references = of(object)->references_;
    int64_t count = references.load(std::memory_order_relaxed);
    while (count > 1) {
      if (references.compare_exchange_weak(count, count - 1, std::memory_order_acq_rel)) {
        return true;
      }
    }
    return false;
  }

 private:
  std::atomic<int64_t> references_{1};
};

// Header and data in one allocation; the data starts at the next multiple of 64.
class Buffer final : public Counted<Buffer, flow_buffer> {
 public:
  static constexpr int64_t kHeader = 128;

  // Throws std::bad_alloc. A capacity of 0 is fine.
  static Buffer* allocate(MemoryAccount& account, int64_t bytes) {
    const int64_t size = BufferPool::rounded(kHeader + bytes);
    const int64_t capacity = size - kHeader;
    static_assert(sizeof(Buffer) <= kHeader);
    void* memory = BufferPool::instance().take(size);
    if (memory == nullptr) {
      throw std::bad_alloc();
    }
    auto* buffer = new (memory) Buffer(account);
    buffer->capacity = capacity;
    buffer->data = static_cast<char*>(memory) + kHeader;
    account.charge(kHeader + capacity);
    return buffer;
  }

  static void destroy(Buffer* buffer) {
    MemoryAccount& account = buffer->account_;
    const int64_t charged = kHeader + buffer->capacity;
    buffer->~Buffer();
    BufferPool::instance().give_back(buffer, charged);
    account.release(charged);
  }

 private:
  explicit Buffer(MemoryAccount& account) : account_(account) {}
  MemoryAccount& account_;
};

inline void retain(const flow_buffer* buffer) {
  if (buffer != nullptr) Buffer::retain(buffer);
}
inline void release(const flow_buffer* buffer) {
  if (buffer != nullptr) Buffer::release(buffer);
}

}  // namespace flow::host
