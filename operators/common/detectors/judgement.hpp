// What every detection method takes and gives.
//
// A method is a class that is made from its settings and then never changes, with
//
//   static constexpr const char* kName;        // as option `method` has it; also its state table's
//   static constexpr double kThreshold;        // the score from which on a reading is an anomaly
//   static constexpr bool kUsesTime;
//   struct State;                              // of one series: trivially copyable, begins as {}
//   void judge(State&, const Reading&, Judgement&) const;             // and learns from the
//   reading void explain(const Judgement&, const Reading&, std::string&) const;  // appends the
//   reason static void prefetch(const State&, const Reading&);               // what judge() will
//   touch
//
// No method looks ahead: a reading's score depends on it and on those before it in its series.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

namespace flow::operators::detectors {

inline constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
// Keeps divisions by a spread of nothing finite.
inline constexpr double kEpsilon = 1e-9;

struct Reading {
  double value;
  int64_t time;  // nanoseconds since 1970; 0 where the method does not use it
};

struct Judgement {
  double score = 0;       // 0 to 1
  double low = kUnknown;  // what was expected; unknown while the method warms up
  double high = kUnknown;
  double excess = 0;      // the method's own measure of how far it is off
  double subject = 0;     // what is off, where that is not the value itself
  uint64_t readings = 0;  // of the series before this one
  uint32_t signal = 0;    // the method's own: what in it gave the score
};

// The weight of the newest in a mean of `n` values that is exact at first and exponential later:
// max(1 / n, least). `settled`: the n from which on it is `least`.
inline double gain(uint64_t n, double least, uint64_t settled) {
  return n >= settled ? least : 1.0 / static_cast<double>(n);
}
inline uint64_t settled_at(double least) {
  uint64_t n = 1;
  while (1.0 / static_cast<double>(n) > least) ++n;
  return n;
}

}  // namespace flow::operators::detectors
