#include "operators/sinks/score_recommendations.hpp"

#include <algorithm>
#include <cstdio>
#include <limits>
#include <numeric>

#include "operators/common/detectors/wording.hpp"
#include "operators/common/input_column.hpp"

namespace flow::operators {
namespace {

constexpr int64_t kMostRanks = 1000;

const flow_column& typed_column(ColumnFinder& finder, const char* option, flow_type wanted,
                                const Batch& in) {
  const flow_column* column = finder.find(in);
  if (column == nullptr) throw_missing_column(in.schema(), option, finder.name());
  if (column->type != wanted) {
    throw Failure("score_recommendations: " + std::string(option) + ": the field '" +
                  finder.name() + "' is " + std::string(type_name(column->type)) + ", but " +
                  std::string(type_name(wanted)) + " is needed");
  }
  return *column;
}

}  // namespace

void HitCounts::clear() {
  tested_ = 0;
  std::fill(by_rank_.begin(), by_rank_.end(), 0);
}

int64_t HitCounts::hits() const {
  return std::accumulate(by_rank_.begin(), by_rank_.end(), int64_t{0});
}

std::optional<double> HitCounts::hit_rate() const {
  if (tested_ == 0) return std::nullopt;
  return static_cast<double>(hits()) / static_cast<double>(tested_);
}

std::optional<double> HitCounts::mean_reciprocal_rank() const {
  if (tested_ == 0) return std::nullopt;
  double sum = 0;
  for (size_t i = 0; i < by_rank_.size(); ++i) {
    sum += static_cast<double>(by_rank_[i]) / static_cast<double>(i + 1);
  }
  return sum / static_cast<double>(tested_);
}

void HitCounts::append_to(std::string& bytes) const {
  save(bytes, tested_);
  save_all(bytes, by_rank_);
}

void HitCounts::read(SavedPieces& pieces) {
  tested_ = pieces.take<int64_t>();
  // Of a run with a larger `at`: what stood further down is no hit now.
  const size_t ranks = by_rank_.size();
  by_rank_ = pieces.take_all<int64_t>();
  by_rank_.resize(ranks);
}

void ScoreRecommendations::describe(Description<Options>& d) {
  d.name("score_recommendations");
  d.summary("Tells how often the next item was in the list that was recommended before it.");
  d.doc(
      R"(Takes the rows of `recommend`, which say whether a list was shown before a click (`predicted`) and where in
it the item of the click stood (`rank`, from 1, null if nowhere). Each list is tested once, by the click that follows
it in its session, before anything is learned from that click. When the input ends, and with `every` while it runs, it
logs and sets as metrics

* **HR@N**, the hit rate: the share of lists that had the item among their first N (`at`);
* **MRR@N**: the mean of 1 / rank over all lists, 0 where the item was not among the first N.

The counts are kept over a restart from a checkpoint. Costs about 2 ns a row. Rows without `predicted` are counted as
not tested.)");
  d.example(R"(type = "score_recommendations"
inputs = ["recommended"]
at = 20
)");
  d.traits(FLOW_SERIAL);
  d.option("rank", &Options::rank, "The int64 field with the place of the row's item in the list.");
  d.option("predicted", &Options::predicted,
           "The boolean field that says whether there was a list to test.");
  d.option("at", &Options::at, "How many items of a list count.").range(1, kMostRanks);
  d.option("every", &Options::every,
           "A line with the figures, of all lists and of those since the line before, is logged "
           "each time so many lists were tested. 0: at the end only.")
      .range(0, 1'000'000'000'000);
}

void ScoreRecommendations::infer(const Options& options, Inference& inference) {
  const auto check = [&](const char* option, const Field& field, flow_type wanted) {
    const auto type = inferred_column(inference, option, field.name);
    if (!type || *type == wanted) return;
    throw OptionFailure(option,
                        "the column '" + field.name + "' is " + std::string(type_name(*type)) +
                            ", but " + std::string(type_name(wanted)) + " is needed",
                        {}, 0);
  };
  check("rank", options.rank, FLOW_INT64);
  check("predicted", options.predicted, FLOW_BOOL);
}

ScoreRecommendations::ScoreRecommendations(const Options& options)
    : options_(options),
      rank_(options.rank.name),
      predicted_(options.predicted.name),
      all_(options.at),
      recent_(options.at) {}

void ScoreRecommendations::open(Output& out) {
  tested_gauge_ = out.gauge("evaluate_predictions", "Lists tested.");
  hit_rate_gauge_ = out.gauge("evaluate_hit_rate", "Share of lists that had the next item.");
  reciprocal_gauge_ =
      out.gauge("evaluate_mean_reciprocal_rank", "Mean of 1 / rank of the next item.");
  set_gauges();
}

void ScoreRecommendations::process(const Batch& in, Output& out) {
  const Int64View ranks(typed_column(rank_, "rank", FLOW_INT64, in));
  const BoolView predicted(typed_column(predicted_, "predicted", FLOW_BOOL, in));
  for (int64_t row = 0; row < in.rows(); ++row) {
    if (predicted.is_null(row) || !predicted[row]) continue;
    const int64_t rank = ranks.is_null(row) ? 0 : ranks[row];
    all_.add(rank);
    if (options_.every == 0) continue;
    recent_.add(rank);
    if (recent_.tested() < options_.every) continue;
    out.info(in_words(all_) + "; the last " + in_words(recent_));
    recent_.clear();
  }
  set_gauges();
}

std::string ScoreRecommendations::prepare(uint64_t) {
  std::string bytes;
  all_.append_to(bytes);
  recent_.append_to(bytes);
  return bytes;
}

void ScoreRecommendations::restore(uint32_t, std::string_view state) {
  SavedPieces pieces(state, "score_recommendations");
  all_.read(pieces);
  recent_.read(pieces);
}

void ScoreRecommendations::close(bool, Output& out) {
  set_gauges();
  out.info("recommendations: " + in_words(all_));
}

void ScoreRecommendations::set_gauges() {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  tested_gauge_.record(static_cast<double>(all_.tested()));
  hit_rate_gauge_.record(all_.hit_rate().value_or(kNone));
  reciprocal_gauge_.record(all_.mean_reciprocal_rank().value_or(kNone));
}

std::string ScoreRecommendations::in_words(const HitCounts& counts) const {
  std::string text;
  detectors::append_count(text, static_cast<uint64_t>(counts.tested()));
  if (counts.tested() == 0) return text + " lists tested";
  char figures[96];
  std::snprintf(figures, sizeof figures, " lists: HR@%lld %.4f, MRR@%lld %.4f",
                static_cast<long long>(options_.at), *counts.hit_rate(),
                static_cast<long long>(options_.at), *counts.mean_reciprocal_rank());
  return text + figures;
}

}  // namespace flow::operators
