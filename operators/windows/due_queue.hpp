// When keys are to be looked at.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <vector>

namespace flow::operators {

// Entries by time, the earliest on top. An entry that an earlier one has replaced stays, so its
// owner tells which are live; as soon as there are twice as many as were live at last, those that
// are not are dropped. So the memory goes by the live ones, however often entries are replaced.
// `Due` is ordered by >, and entries of which neither is greater are one.
template <class Due>
class DueQueue {
 public:
  bool empty() const { return heap_.empty(); }
  size_t size() const { return heap_.size(); }
  const Due& top() const { return heap_.front(); }
  void pop() {
    std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
    heap_.pop_back();
  }
  // `is_live(due)` of an entry: whether it has not been replaced.
  template <class IsLive>
  void push(const Due& due, IsLive is_live) {
    if (heap_.size() >= most_) drop(is_live);
    heap_.push_back(due);
    std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
  }

 private:
  static constexpr size_t kFirst = 1024;

  template <class IsLive>
  void drop(IsLive is_live) {
    std::erase_if(heap_, [&](const Due& due) { return !is_live(due); });
    // What is sorted is a heap.
    std::sort(heap_.begin(), heap_.end(), [](const Due& a, const Due& b) { return b > a; });
    const auto is_same = [](const Due& a, const Due& b) { return !(b > a); };
    heap_.erase(std::unique(heap_.begin(), heap_.end(), is_same), heap_.end());
    most_ = std::max(kFirst, 2 * heap_.size());
  }

  std::vector<Due> heap_;
  size_t most_ = kFirst;
};

}  // namespace flow::operators
