// What a component reads from files, and reads again when they are replaced while it runs.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "flow/host.hpp"
#include "flow/options.hpp"

namespace flow::operators {

// What tells one file from its successor of the same name; all zero: there is none.
struct FileIdentity {
  uint64_t device = 0, inode = 0;
  int64_t size = 0, modified = 0;  // nanoseconds
  bool operator==(const FileIdentity&) const = default;
};

std::vector<FileIdentity> file_identities(const std::vector<std::string>& paths);

// One T for all instances of a component, and its replacement. A T that was taken lives as long as
// it is held. [any]
template <class T>
class Reloaded {
 public:
  // Looks at `paths` once in `every`; zero: never.
  Reloaded(std::vector<std::string> paths, Duration every)
      : paths_(std::move(paths)), every_(every.nanoseconds) {}

  // Has `make`, which returns a std::shared_ptr<T>, make the first one, unless an instance has done
  // so. Throws what it throws.
  template <class Make>
  void open(Host host, Make make) {
    const std::lock_guard making(making_);
    if (get()) return;
    seen_ = file_identities(paths_);
    next_check_ = host.now() + every_;
    replace(make());
  }

  // Has `make` make another one if it is time to look and a file is another one. What it throws
  // goes to `refuse`, and the one before stays; that is said once and not every time.
  template <class Make, class Refuse>
  void refresh(Host host, Make make, Refuse refuse) {
    if (every_ <= 0) return;
    const int64_t now = host.now();
    int64_t due = next_check_.load(std::memory_order_relaxed);
    if (now < due || !next_check_.compare_exchange_strong(due, now + every_)) return;
    const std::unique_lock making(making_, std::try_to_lock);
    if (!making) return;
    std::vector<FileIdentity> there = file_identities(paths_);
    if (there == seen_) return;
    seen_ = std::move(there);
    try {
      replace(make());
    } catch (const std::exception& trouble) {
      refuse(trouble);
    }
  }

  // Does `work` while none is being made.
  template <class Work>
  void between(Work work) {
    const std::lock_guard making(making_);
    work();
  }

  // Grows with each one.
  uint64_t generation() const { return generation_.load(std::memory_order_acquire); }
  std::shared_ptr<T> get() const {
    const std::lock_guard lock(mutex_);
    return current_;
  }

 private:
  void replace(std::shared_ptr<T> made) {
    {
      const std::lock_guard lock(mutex_);
      current_ = std::move(made);
    }
    generation_.fetch_add(1, std::memory_order_release);
  }

  const std::vector<std::string> paths_;
  const int64_t every_;
  std::atomic<int64_t> next_check_{0};
  std::atomic<uint64_t> generation_{0};
  std::mutex making_;  // one instance makes at a time; guards seen_
  std::vector<FileIdentity> seen_;
  mutable std::mutex mutex_;  // guards current_
  std::shared_ptr<T> current_;
};

}  // namespace flow::operators
