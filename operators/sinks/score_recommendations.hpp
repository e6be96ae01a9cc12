// The sink `score_recommendations`: how often the next item was in the list.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flow/operator.hpp"
#include "operators/common/saved_pieces.hpp"

namespace flow::operators {

// How often, and how far up, the items that came next stood in the lists before them. Counts by
// rank, so that the figures do not depend on the order of the rows.
class HitCounts {
 public:
  explicit HitCounts(int64_t at) : by_rank_(static_cast<size_t>(at)) {}

  // A list was tested; `rank` counts from 1, 0: the item was not in it.
  void add(int64_t rank) {
    ++tested_;
    if (rank >= 1 && static_cast<size_t>(rank) <= by_rank_.size()) {
      ++by_rank_[static_cast<size_t>(rank) - 1];
    }
  }
  void clear();

  int64_t tested() const { return tested_; }
  int64_t hits() const;
  // The share of lists with the item among the first `at`; nothing where none was tested.
  std::optional<double> hit_rate() const;
  // The mean of 1 / rank, 0 where the item was not among the first `at`.
  std::optional<double> mean_reciprocal_rank() const;

  void append_to(std::string& bytes) const;
  void read(SavedPieces& pieces);

 private:
  int64_t tested_ = 0;
  std::vector<int64_t> by_rank_;
};

class ScoreRecommendations final : public Sink {
 public:
  struct Options {
    Field rank{"rank"};
    Field predicted{"predicted"};
    int64_t at = 20;
    int64_t every = 0;
  };
  static void describe(Description<Options>& d);
  static void infer(const Options& options, Inference& inference);

  explicit ScoreRecommendations(const Options& options);
  void open(Output& out) override;
  void process(const Batch& in, Output& out) override;
  // A sink's state goes with what it prepares: here all that was counted.
  std::string prepare(uint64_t checkpoint) override;
  void restore(uint32_t version, std::string_view state) override;
  void close(bool drained, Output& out) override;

 private:
  void set_gauges();
  std::string in_words(const HitCounts& counts) const;

  Options options_;
  ColumnFinder rank_, predicted_;
  HitCounts all_, recent_;
  Metric tested_gauge_, hit_rate_gauge_, reciprocal_gauge_;
};

}  // namespace flow::operators
