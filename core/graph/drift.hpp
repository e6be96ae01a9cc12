// Which sources run ahead of others in event time, and have to wait for them.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace flowrun {

// Sources whose rows meet in an operator that goes by event time are compared there: each by the
// watermark that an operator which makes watermarks has worked out for it. One that has told none,
// is idle or has ended is waited for by nobody.
class Drift {
 public:
  static constexpr std::int64_t kUnknown = INT64_MAX;

  // `most`: how far a source may be ahead of the slowest one; 0: any distance.
  Drift(std::int64_t most, std::size_t sources);

  // A watermark that will be told of the source. Before the run.
  std::size_t add_track(std::size_t source);
  // These tracks meet somewhere. Before the run.
  void add_meeting(const std::vector<std::size_t>& tracks);

  // kUnknown: nobody has to wait for it now. [any]
  void tell(std::size_t track, std::int64_t watermark) {
    watermarks_[track]->store(watermark, std::memory_order_relaxed);
  }
  // Whether the source has to wait. Of sources that wait for one another in a ring (by other fields
  // at different operators) the first goes on. [any]
  bool holds(std::size_t source) const;

 private:
  struct Track {
    std::size_t source;
    std::vector<std::size_t> meets;  // tracks of other sources
  };
  bool is_ahead(std::size_t source) const;
  std::vector<bool> waits_for(std::size_t source) const;

  const std::int64_t most_;
  std::vector<Track> tracks_;
  std::vector<std::vector<std::size_t>> tracks_of_;  // by source
  std::vector<std::unique_ptr<std::atomic<std::int64_t>>> watermarks_;
};

}  // namespace flowrun
