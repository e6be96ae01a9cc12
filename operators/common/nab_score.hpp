// The scores of the Numenta Anomaly Benchmark.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace flow::operators {

// From its first moment to its last, both included. Nanoseconds since 1970.
struct TimeWindow {
  int64_t start;
  int64_t end;
};

// The readings of one series in their order, and the windows in which something was wrong,
// ascending.
struct NabSeries {
  std::vector<int64_t> times;
  std::vector<double> scores;
  std::vector<TimeWindow> windows;
};

struct NabScore {
  double score = 0;      // 100: every window found at its first reading, and no false alarm
  double threshold = 0;  // infinite: nothing counts as a detection
  size_t windows = 0;    // found
  size_t false_rows = 0;
};
struct NabScores {
  NabScore standard, low_false_positives, low_false_negatives;
};

// With the threshold, for all series the same, that is best for each of the three scores. Of a
// series the first 15 %, at most 750 readings, do not count. A reading is a detection if its score
// reaches the threshold; each window counts its earliest one, by where it stands in the window, and
// each detection outside of a window counts against the score, the more the further it is behind
// the last window. Costs a sort of all readings.
NabScores nab_scores(std::span<const NabSeries> series);
// With a given threshold.
NabScores nab_scores_at(std::span<const NabSeries> series, double threshold);

}  // namespace flow::operators
