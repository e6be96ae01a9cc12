// Memory for large tables that are read here and there.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>

namespace flow::operators {

struct Unmap {
  size_t bytes = 0;
  void operator()(void* memory) const { munmap(memory, bytes); }
};

// A fixed number of elements that are zero to begin with. Memory is taken when it is first touched,
// in pages of 2 MiB where the system has them: then one entry of the processor's table of pages
// covers what would need 512, which saves some 20 ns a random access to tables of many MiB.
template <class T>
class HugeArray {
  static_assert(std::is_trivially_destructible_v<T>);

 public:
  explicit HugeArray(size_t size) {
    constexpr size_t kHugePage = size_t{2} << 20;
    const size_t bytes = size * sizeof(T);
    const size_t mapped = bytes + kHugePage;
    void* const memory =
        mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    memory_ = {memory, Unmap{mapped}};
    void* begin = memory;
    size_t space = mapped;
    elements_ = static_cast<T*>(std::align(kHugePage, bytes, begin, space));
    if (bytes >= kHugePage) madvise(elements_, bytes, MADV_HUGEPAGE);  // a wish
  }

  T& operator[](size_t at) { return elements_[at]; }
  const T& operator[](size_t at) const { return elements_[at]; }

 private:
  std::unique_ptr<void, Unmap> memory_{nullptr, Unmap{}};
  T* elements_ = nullptr;
};

}  // namespace flow::operators
