#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <string_view>

#include "bench/weblogs_yardstick/json_text.hpp"

/// Texts that live as long as the program, each named by 32 bits so that it fits beside a key in
/// one atomic word. Memory is reserved once and used as far as it is touched.
namespace yardstick {

class TextArena {
 public:
  /// `capacity` bytes, at most 32 GiB.
  explicit TextArena(std::size_t capacity) : capacity_(capacity) {
    void* memory = mmap(nullptr, capacity + kSlack, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    base_ = static_cast<char*>(memory);
    add("");
  }
  ~TextArena() { munmap(base_, capacity_ + kSlack); }
  TextArena(const TextArena&) = delete;
  TextArena& operator=(const TextArena&) = delete;

  static constexpr std::uint32_t kEmpty = 0;

  /// Not to be called by two threads at once. Throws std::bad_alloc when the arena is full.
  std::uint32_t add(std::string_view text) {
    // Readers copy whole blocks of 32 bytes, which must not reach into a text that is being added.
    const std::size_t need = 8 + (text.size() + 31) / 32 * 32;
    if (used_ + need > capacity_) throw std::bad_alloc();
    const auto size = static_cast<std::uint32_t>(text.size());
    std::memcpy(base_ + used_, &size, sizeof size);
    std::memcpy(base_ + used_ + sizeof size, text.data(), text.size());
    const auto id = static_cast<std::uint32_t>(used_ / 8);
    used_ += need;
    return id;
  }

  std::string_view text(std::uint32_t id) const {
    const char* const at = base_ + std::size_t{id} * 8;
    std::uint32_t size = 0;
    std::memcpy(&size, at, sizeof size);
    return {at + sizeof size, size};
  }

  void prefetch(std::uint32_t id) const { __builtin_prefetch(base_ + std::size_t{id} * 8); }

 private:
  char* base_ = nullptr;
  std::size_t capacity_;
  std::size_t used_ = 0;
};

}  // namespace yardstick
