#include "core/graph/drift.hpp"

#include <algorithm>

namespace flowrun {
namespace {

// Without a way to overflow.
bool is_above(std::int64_t watermark, std::int64_t other, std::int64_t by) {
  return watermark > other &&
         static_cast<std::uint64_t>(watermark) - static_cast<std::uint64_t>(other) >
             static_cast<std::uint64_t>(by);
}

}  // namespace

Drift::Drift(std::int64_t most, std::size_t sources) : most_(most), tracks_of_(sources) {}

std::size_t Drift::add_track(std::size_t source) {
  tracks_of_[source].push_back(tracks_.size());
  tracks_.push_back({source, {}});
  watermarks_.push_back(std::make_unique<std::atomic<std::int64_t>>(kUnknown));
  return tracks_.size() - 1;
}

void Drift::add_meeting(const std::vector<std::size_t>& tracks) {
  for (const std::size_t track : tracks) {
    std::vector<std::size_t>& meets = tracks_[track].meets;
    for (const std::size_t other : tracks) {
      const bool known = std::find(meets.begin(), meets.end(), other) != meets.end();
      if (!known && tracks_[other].source != tracks_[track].source) meets.push_back(other);
    }
  }
}

// The sources that it is too far ahead of.
std::vector<bool> Drift::waits_for(std::size_t source) const {
  std::vector<bool> slower(tracks_of_.size());
  for (const std::size_t track : tracks_of_[source]) {
    const std::int64_t own = watermarks_[track]->load(std::memory_order_relaxed);
    if (own == kUnknown) continue;
    for (const std::size_t other : tracks_[track].meets) {
      const std::int64_t theirs = watermarks_[other]->load(std::memory_order_relaxed);
      if (theirs != kUnknown && is_above(own, theirs, most_)) slower[tracks_[other].source] = true;
    }
  }
  return slower;
}

bool Drift::is_ahead(std::size_t source) const {
  const std::vector<bool> slower = waits_for(source);
  return std::find(slower.begin(), slower.end(), true) != slower.end();
}

bool Drift::holds(std::size_t source) const {
  if (most_ == 0 || tracks_of_[source].empty() || !is_ahead(source)) return false;
  // Whom it waits for, directly or not.
  const std::size_t n = tracks_of_.size();
  std::vector<std::vector<bool>> reach(n);
  for (std::size_t i = 0; i < n; ++i) reach[i] = waits_for(i);
  for (std::size_t by = 0; by < n; ++by) {
    for (std::size_t from = 0; from < n; ++from) {
      if (!reach[from][by]) continue;
      for (std::size_t to = 0; to < n; ++to) {
        if (reach[by][to]) reach[from][to] = true;
      }
    }
  }
  if (!reach[source][source]) return true;
  for (std::size_t other = 0; other < source; ++other) {
    if (reach[source][other] && reach[other][source]) return true;
  }
  return false;
}

}  // namespace flowrun
