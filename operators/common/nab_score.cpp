#include "operators/common/nab_score.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

namespace flow::operators {
namespace {

constexpr size_t kNoWindow = SIZE_MAX;

struct Profile {
  double true_positive, false_positive, false_negative;
};
constexpr std::array<Profile, 3> kProfiles = {{{1, 0.11, 1}, {1, 0.22, 1}, {1, 0.11, 2}}};

double sigmoid(double position) {
  constexpr double kFar = 3;
  constexpr double kSteepness = 5;
  return position > kFar ? -1 : 2 / (1 + std::exp(kSteepness * position)) - 1;
}

// A reading that counts: what it is worth, without a profile's weights, if it is a detection.
struct Row {
  double score;
  double worth;
  size_t window;  // of all series, or kNoWindow
};

// The first reading of that time, else the first later one.
size_t row_at(const NabSeries& series, int64_t time) {
  const auto same = std::find(series.times.begin(), series.times.end(), time);
  if (same != series.times.end()) return static_cast<size_t>(same - series.times.begin());
  const auto later = std::find_if(series.times.begin(), series.times.end(),
                                  [time](int64_t at) { return at > time; });
  return static_cast<size_t>(later - series.times.begin());
}

void add_rows(const NabSeries& series, size_t first_window, std::vector<Row>& rows) {
  constexpr double kProbation = 0.15;
  constexpr double kLongestProbation = 0.15 * 5000;
  const size_t n = series.times.size();
  std::vector<Row> all(n, Row{0, -1, kNoWindow});
  for (size_t i = 0; i < n; ++i) all[i].score = series.scores[i];
  size_t behind = n;  // where the next window begins
  for (size_t w = series.windows.size(); w-- > 0;) {
    const size_t first = row_at(series, series.windows[w].start);
    const size_t last = std::min(row_at(series, series.windows[w].end), n == 0 ? 0 : n - 1);
    if (first >= n || last < first) continue;
    const auto width = static_cast<double>(last - first + 1);
    for (size_t i = first; i <= last; ++i) {
      all[i].worth = sigmoid(-static_cast<double>(last - i + 1) / width) / sigmoid(-1);
      all[i].window = first_window + w;
    }
    for (size_t i = last + 1; i < behind; ++i) {
      all[i].worth = sigmoid(static_cast<double>(i - last) / (width - 1));
      all[i].window = kNoWindow;
    }
    behind = first;
  }
  const auto probation = static_cast<size_t>(
      std::ceil(std::min(std::floor(kProbation * static_cast<double>(n)), kLongestProbation)));
  rows.insert(rows.end(), all.begin() + static_cast<int64_t>(std::min(probation, n)), all.end());
}

struct Rows {
  std::vector<Row> rows;  // the highest score first
  size_t windows = 0;
};

Rows rows_of(std::span<const NabSeries> series) {
  Rows all;
  for (const NabSeries& one : series) {
    add_rows(one, all.windows, all.rows);
    all.windows += one.windows.size();
  }
  std::stable_sort(all.rows.begin(), all.rows.end(),
                   [](const Row& a, const Row& b) { return a.score > b.score; });
  return all;
}

// Detections added one after the other, the highest scores first.
class Tally {
 public:
  explicit Tally(size_t windows) : best_(windows, std::numeric_limits<double>::quiet_NaN()) {}
  void add(const Row& row) {
    if (row.window == kNoWindow) {
      false_ += row.worth;
      ++false_rows_;
      return;
    }
    double& best = best_[row.window];
    if (std::isnan(best)) {
      ++found_;
      true_ += row.worth;
      best = row.worth;
    } else if (row.worth > best) {
      true_ += row.worth - best;
      best = row.worth;
    }
  }
  NabScore score(const Profile& profile, double threshold) const {
    const auto windows = static_cast<double>(best_.size());
    const double raw = profile.true_positive * true_ + profile.false_positive * false_ -
                       profile.false_negative * (windows - static_cast<double>(found_));
    const double none = -profile.false_negative * windows;
    const double perfect = profile.true_positive * windows;
    return {.score = perfect > none ? 100 * (raw - none) / (perfect - none) : 0,
            .threshold = threshold,
            .windows = found_,
            .false_rows = false_rows_};
  }

 private:
  std::vector<double> best_;
  double true_ = 0;
  double false_ = 0;
  size_t found_ = 0;
  size_t false_rows_ = 0;
};

}  // namespace

NabScores nab_scores(std::span<const NabSeries> series) {
  const Rows all = rows_of(series);
  constexpr double kNever = std::numeric_limits<double>::infinity();
  std::array<NabScore, kProfiles.size()> best;
  best.fill({.score = 0, .threshold = kNever, .windows = 0, .false_rows = 0});
  Tally tally(all.windows);
  for (size_t i = 0; i < all.rows.size(); ++i) {
    tally.add(all.rows[i]);
    if (i + 1 < all.rows.size() && all.rows[i + 1].score == all.rows[i].score) continue;
    for (size_t p = 0; p < kProfiles.size(); ++p) {
      const NabScore score = tally.score(kProfiles[p], all.rows[i].score);
      if (score.score > best[p].score) best[p] = score;
    }
  }
  return {best[0], best[1], best[2]};
}

NabScores nab_scores_at(std::span<const NabSeries> series, double threshold) {
  const Rows all = rows_of(series);
  Tally tally(all.windows);
  for (const Row& row : all.rows) {
    if (row.score >= threshold) tally.add(row);
  }
  return {tally.score(kProfiles[0], threshold), tally.score(kProfiles[1], threshold),
          tally.score(kProfiles[2], threshold)};
}

}  // namespace flow::operators
