// A followed source, driven as the engine drives it, with everything that it says kept by stream.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "flow/testing/harness.hpp"
#include "operators/sources/file.hpp"

namespace flow::testing {

class FollowReader {
 public:
  explicit FollowReader(const std::vector<std::string>& paths, Settings more = {})
      : harness_(make(paths, std::move(more))) {
    harness_.set_clock(kStart);
  }

  Harness& harness() { return harness_; }
  // Positions to give, by partition, to what is offered from now on.
  std::map<std::string, std::string>& positions() { return positions_; }
  // The last position of each partition.
  const std::map<std::string, std::string>& reached() const { return reached_; }
  // Streams of all partitions: each the bytes up to an end.
  const std::map<std::string, std::vector<std::string>>& streams() const { return streams_; }
  size_t ends() const { return ends_; }

  // Assigns what was offered and polls once.
  flow_status step() {
    for (const std::string& partition : std::exchange(harness_.host().offered, {})) {
      const auto found = positions_.find(partition);
      harness_.assign(partition, found != positions_.end() ? &found->second : nullptr);
    }
    const flow_status status = harness_.poll();
    const std::vector<Batch> batches = harness_.pull_batches();
    size_t next = 0;
    for (const Emission& emission : std::exchange(harness_.host().emissions, {})) {
      std::vector<std::string>& streams = streams_[emission.partition];
      if (streams.empty()) streams.emplace_back();
      if (emission.rows > 0) streams.back() += TextView(batches.at(next++).column(0))[0];
      reached_[emission.partition] = emission.position;
      if (!emission.end) continue;
      streams.emplace_back();
      ++ends_;
    }
    return status;
  }
  // False after ten seconds.
  bool until(const std::function<bool()>& done) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!done()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      step();
    }
    return true;
  }
  // Polls until nothing has come for a while.
  void settle() {
    for (int idle = 0; idle < 8;) idle = step() == FLOW_IDLE ? idle + 1 : 0;
  }
  void pass(double seconds) {
    now_ += static_cast<int64_t>(seconds * 1e9);
    harness_.set_clock(kStart + now_);
  }
  // All bytes of all streams, one after the other.
  std::string all() const {
    std::string bytes;
    for (const auto& [partition, streams] : streams_) {
      for (const std::string& stream : streams) bytes += stream;
    }
    return bytes;
  }
  // Streams that have a byte, of the partitions of one path.
  std::vector<std::string> of(const std::string& path) const {
    std::vector<std::string> found;
    for (const auto& [partition, streams] : streams_) {
      if (partition.substr(0, partition.rfind('#')) != path) continue;
      for (const std::string& stream : streams) {
        if (!stream.empty()) found.push_back(stream);
      }
    }
    return found;
  }
  bool logged(std::string_view text) {
    for (const auto& [level, message] : harness_.host().logs) {
      if (message.find(text) != std::string::npos) return true;
    }
    return false;
  }

 private:
  static constexpr int64_t kStart = 1'700'000'000'000'000'000;

  static Harness make(const std::vector<std::string>& paths, Settings more) {
    more.emplace_back("path", Setting(paths));
    more.emplace_back("follow", true);
    return Harness::of<operators::FileSource>(more);
  }

  Harness harness_;
  int64_t now_ = 0;
  std::map<std::string, std::string> positions_, reached_;
  std::map<std::string, std::vector<std::string>> streams_;
  size_t ends_ = 0;
};

}  // namespace flow::testing
