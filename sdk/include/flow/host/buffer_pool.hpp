// Memory for buffers that is used again: batches need the same few sizes over and over, and they
// are given back by other threads than took them, which is where a general allocator is slow.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <vector>

namespace flow::host {

// One for the process. Thread-safe. Keeps at most kMaximum bytes that nobody uses; blocks of other
// sizes than kSmallest..kLargest come from and go to the allocator at once, and so does everything
// under AddressSanitizer, which sees use after free only there.
class BufferPool {
 public:
  static constexpr int64_t kAlignment = 64;
  static constexpr int64_t kSmallest = 512;
  static constexpr int64_t kLargest = int64_t{4} << 20;
  static constexpr int64_t kMaximum = int64_t{16} << 20;

  static BufferPool& instance() {
    static auto* pool = new BufferPool;  // never destroyed: buffers may outlive static objects
    return *pool;
  }

  // What a request for `bytes` takes: the next of eight sizes a power of two, so at most an
  // eighth more.
  static int64_t rounded(int64_t bytes) {
    if (bytes <= kSmallest) return (bytes + kAlignment - 1) / kAlignment * kAlignment;
    const auto step = static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(bytes - 1))) / 8;
    return (bytes + step - 1) / step * step;
  }

  // `size` as rounded() says. NULL when memory has run out.
  void* take(int64_t size) {
    if (pooled(size)) {
      Shelf& shelf = shelves_[index_of(size)];
      const std::lock_guard lock(shelf.mutex);
      if (!shelf.blocks.empty()) {
        void* block = shelf.blocks.back();
        shelf.blocks.pop_back();
        kept_.fetch_sub(size, std::memory_order_relaxed);
        return block;
      }
    }
    return allocate(size);
  }

  void give_back(void* block, int64_t size) {
    if (pooled(size) && kept_.load(std::memory_order_relaxed) + size <= kMaximum) {
      Shelf& shelf = shelves_[index_of(size)];
      const std::lock_guard lock(shelf.mutex);
      kept_.fetch_add(size, std::memory_order_relaxed);
      shelf.blocks.push_back(block);
      return;
    }
    release(block);
  }

  // Bytes that nobody uses.
  int64_t kept() const { return kept_.load(std::memory_order_relaxed); }

 private:
  struct Shelf {
    std::mutex mutex;
    std::vector<void*> blocks;
  };

#if defined(__SANITIZE_ADDRESS__)
  static bool pooled(int64_t) { return false; }
  static void* allocate(int64_t size) {
    return std::aligned_alloc(kAlignment, static_cast<size_t>(size));
  }
  static void release(void* block) { std::free(block); }
#else
  // Not aligned_alloc: before glibc 2.38 it cannot use a free block of just the size again, so the
  // heap grows by every large buffer that something small outlives. Where malloc's block begins
  // stands in front of ours.
  static void* allocate(int64_t size) {
    auto* const block = static_cast<char*>(std::malloc(static_cast<size_t>(size + kAlignment)));
    if (block == nullptr) return nullptr;
    char* const at = block + kAlignment - reinterpret_cast<uintptr_t>(block) % kAlignment;
    reinterpret_cast<void**>(at)[-1] = block;
    return at;
  }
  static void release(void* block) { std::free(static_cast<void**>(block)[-1]); }
  static bool pooled(int64_t size) { return size > kSmallest && size <= kLargest; }
#endif
  static size_t index_of(int64_t size) {
    const auto value = static_cast<uint64_t>(size - 1);
    const auto power = static_cast<size_t>(std::bit_width(value) - 1);
    return power * 8 + ((value >> (power - 3)) & 7);
  }

  std::array<Shelf, 8 * 24> shelves_;
  std::atomic<int64_t> kept_{0};
};

}  // namespace flow::host
