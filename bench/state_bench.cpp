// What checkpoints cost those who go on working: freezing, and writing while pages are touched.
//
// usage: state_bench [FOLDER [MEBIBYTES [IMAGE_MEBIBYTES]]]   (defaults: a temporary one, 1024, 64)
//
// State of that size is filled; then a thread touches pages at random as fast as it can, or after
// each touch works for some microseconds, while a checkpoint of all pages is written and synced.
// Printed: freeze, write and load times, the longest stall of that thread (one touch), and the time
// that its touches took in all beyond what they take without a checkpoint. What is loaded must be
// what was frozen, or nothing is printed and the status is 1.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <random>
#include <string>
#include <vector>

#include "core/state/checkpoint_store.hpp"

namespace {

using Clock = std::chrono::steady_clock;
using flow::host::StateStore;

constexpr std::uint32_t kAreas = 3;
constexpr std::size_t kWords = FLOW_PAGE_BYTES / sizeof(std::uint64_t);

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

struct Pages {
  flow::host::MemoryAccount account;
  flow::host::StateMemory memory;
  StateStore store;
  std::vector<flow_page*> pages;

  explicit Pages(std::int64_t images)
      : memory(account, std::int64_t{1} << 40, images), store(memory) {}
  void fill(std::size_t count) {
    std::mt19937_64 random(1);
    flow_table* table = store.table("bench", 1);
    for (std::size_t i = 0; i < count; ++i) {
      const auto group = static_cast<std::uint32_t>(i % FLOW_KEY_GROUPS);
      const auto area = static_cast<std::uint32_t>(i / FLOW_KEY_GROUPS % kAreas);
      const auto index = static_cast<std::uint32_t>(i / FLOW_KEY_GROUPS / kAreas);
      flow_page* page = store.page(table, group, area, index);
      auto* words = static_cast<std::uint64_t*>(page->data);
      for (std::size_t word = 0; word < kWords; ++word) words[word] = random();
      pages.push_back(page);
    }
  }
  std::uint64_t digest() const {
    std::uint64_t sum = 0;
    for (const flow_page* page : pages) {
      const auto* words = static_cast<const std::uint64_t*>(page->data);
      for (std::size_t word = 0; word < kWords; ++word) sum = sum * 31 + words[word];
    }
    return sum;
  }
};

struct Stalls {
  double longest = 0, total = 0;  // milliseconds
  std::uint64_t touches = 0;
};

// Touches random pages until `stop`, `pause` apart.
template <class Stop>
Stalls touch(Pages& state, std::chrono::nanoseconds pause, Stop stop) {
  std::mt19937_64 random(2);
  Stalls stalls;
  while (!stop()) {
    flow_page* page = state.pages[random() % state.pages.size()];
    const Clock::time_point start = Clock::now();
    state.store.thaw(page);
    ++static_cast<std::uint64_t*>(page->data)[random() % kWords];
    const double took = milliseconds_since(start);
    stalls.longest = std::max(stalls.longest, took);
    stalls.total += took;
    ++stalls.touches;
    for (const Clock::time_point until = Clock::now() + pause; Clock::now() < until;) {
    }
  }
  return stalls;
}

bool checkpoint(flowrun::CheckpointStore& checkpoints, Pages& state, std::chrono::nanoseconds pause,
                const char* label) {
  const std::uint64_t id = checkpoints.next_id();
  checkpoints.begin(id, 0);
  const Clock::time_point start = Clock::now();
  checkpoints.freeze(id, "bench", state.store);
  const double freeze = milliseconds_since(start);
  std::promise<std::string> done;
  auto answered = done.get_future();
  checkpoints.finish(id, {}, [&](const std::string& problem) { done.set_value(problem); });
  double taken = 0;
  const Stalls stalls = touch(state, pause, [&] {
    if (taken == 0 && state.store.taken()) taken = milliseconds_since(start);
    return answered.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  });
  const double wrote = milliseconds_since(start);
  const std::string problem = answered.get();
  if (!problem.empty()) {
    std::fprintf(stderr, "%s\n", problem.c_str());
    return false;
  }
  std::printf(
      "%-34s freeze %.3f ms, all pages taken after %.0f ms, durable after %.0f ms (%llu pages); "
      "%llu touches, longest stall %.2f ms, all stalls %.1f ms\n",
      label, freeze, taken, wrote, static_cast<unsigned long long>(checkpoints.written().pages),
      static_cast<unsigned long long>(stalls.touches), stalls.longest, stalls.total);
  return true;
}

int run(const std::filesystem::path& folder, std::size_t mebibytes, std::int64_t image_mebibytes) {
  const std::size_t count = mebibytes << 20 >> 16;
  Pages state(image_mebibytes << 20);
  state.fill(count);
  std::printf("%zu pages, %zu MiB of state, %lld MiB for pre-images\n", count, mebibytes,
              static_cast<long long>(image_mebibytes));
  {
    flowrun::CheckpointStore checkpoints(folder);
    using std::chrono::microseconds;
    if (!checkpoint(checkpoints, state, microseconds(0), "touched as fast as possible:")) return 1;
    if (!checkpoint(checkpoints, state, microseconds(20), "again, 20 us between touches:"))
      return 1;
    state.store.forget();
    if (!checkpoint(checkpoints, state, microseconds(100), "all pages, 100 us between touches:"))
      return 1;
    const std::uint64_t id = checkpoints.next_id();
    checkpoints.begin(id, 0);
    checkpoints.freeze(id, "bench", state.store);
    std::promise<std::string> done;
    checkpoints.finish(id, {}, [&](const std::string& problem) { done.set_value(problem); });
    if (!done.get_future().get().empty()) return 1;
  }
  const Clock::time_point start = Clock::now();
  flowrun::CheckpointStore checkpoints(folder);
  std::vector<flowrun::DamagedCheckpoint> damaged;
  const auto found = checkpoints.load(damaged);
  if (!found) return 1;
  const double checked = milliseconds_since(start);
  Pages restored(0);
  checkpoints.restore(*found, "bench", restored.store);
  const double loaded = milliseconds_since(start);
  for (std::size_t i = 0; i < count; ++i) {
    restored.pages.push_back(restored.store.page(
        restored.store.table("bench", 1), static_cast<std::uint32_t>(i % FLOW_KEY_GROUPS),
        static_cast<std::uint32_t>(i / FLOW_KEY_GROUPS % kAreas),
        static_cast<std::uint32_t>(i / FLOW_KEY_GROUPS / kAreas)));
  }
  if (restored.digest() != state.digest()) {
    std::fprintf(stderr, "what was loaded is not what was frozen\n");
    return 1;
  }
  std::printf("checked in %.0f ms, checked and loaded in %.0f ms\n", checked, loaded);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const bool own = argc < 2;
  const std::filesystem::path folder =
      own ? std::filesystem::temp_directory_path() / ("state-bench-" + std::to_string(::getpid()))
          : std::filesystem::path(argv[1]);
  const std::size_t mebibytes = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1024;
  const std::int64_t images = argc > 3 ? std::strtoll(argv[3], nullptr, 10) : 64;
  const int status = run(folder, mebibytes, images);
  if (own) std::filesystem::remove_all(folder);
  return status;
}
