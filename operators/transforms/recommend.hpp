// The transform `recommend`: what a visitor may want to see next, learned as the clicks arrive.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "flow/operator.hpp"
#include "operators/common/expression/compiled_expression.hpp"
#include "operators/common/recommend/recommender.hpp"
#include "operators/transforms/recommend_columns.hpp"

namespace flow::operators {

// Reads rows, asks the Recommender, and writes the answers as columns. Everything that decides is
// on the Recommender's pages and in the order of the rows, so that a restart changes nothing.
class Recommend final : public Transform {
 public:
  enum class Model : uint8_t {
    kMixture,
    kRuleMixture,
    kPopular,
    kSr,
    kVmis,
    kVsknn,
    kRepeatSr,
    kRepeatVmis,
    kRepeatVsknn
  };
  enum class Made : uint8_t { kAll, kList, kRank };
  enum class Lists : uint8_t { kList, kJson };
  struct Options {
    Field item{"item"};
    Field session{"session"};
    Field time;
    Model model = Model::kMixture;
    Made output = Made::kAll;
    Lists lists = Lists::kList;
    int64_t length = 20;
    std::optional<Expression> click;
    std::optional<Expression> learn;
    std::optional<Expression> answer;
    Field available;
    Field category;
    bool same_category = false;
    bool exclude_session = false;
    std::optional<int64_t> sample;
    std::optional<int64_t> neighbours;
    std::optional<int64_t> last_clicks;
    double idf = 1.0;
    int64_t steps = 10;
    int64_t sessions = 1'000'000;
    int64_t items = 100'000;
    std::optional<int64_t> sessions_per_item;
    int64_t items_per_session = 256;
    int64_t rules_per_item = 512;
    Duration expire_after{0};
    int64_t shown_lists = 3;
  };
  struct Shared {
    // Throws OptionFailure.
    Shared(const Options& options, Host);
    recommend::Settings settings;
    std::optional<CompiledExpression> click, learn, answer;
  };
  static void describe(Description<Options>& d);
  static void infer(const Options& options, Shared& shared, Inference& inference);

  Recommend(const Options& options, Shared& shared);
  void open(Output& out) override;
  void process(const Batch& in, Output& out) override;

 private:
  // A condition of the rows; without an expression it is true.
  struct Condition {
    std::optional<ExpressionEvaluator> expression;
    std::vector<uint8_t> rows;
    void find(const Batch& in, Output& out);
    bool holds(int64_t row) const { return rows.empty() || rows[static_cast<size_t>(row)] != 0; }
  };
  struct Inputs {
    IdColumn::Rows items, sessions;
    std::optional<Int64View> times;
    const int64_t* event_times = nullptr;
    std::optional<BoolView> available;
    std::optional<AnyTextView> categories;
  };
  // Why a row fails: a word and a sentence.
  struct Refusal {
    const char* reason;
    std::string message;
  };

  Inputs read(const Batch& in, Output& out);
  // Nothing: the row is taken.
  std::optional<Refusal> take(Inputs& inputs, int64_t row);
  std::optional<Refusal> check(const Inputs& inputs, int64_t row) const;
  int64_t time_of(const Inputs& inputs, int64_t row) const;
  void describe_item(const Inputs& inputs, int64_t row, uint32_t item);
  void tell(Output& out);

  Made output_;
  bool expires_;
  recommend::Settings settings_;
  IdColumn item_, session_;
  std::optional<ColumnFinder> time_, available_, category_;
  Column converted_;  // the categories of JSON tokens
  Condition click_, learn_, answer_;
  std::unique_ptr<recommend::Recommender> recommender_;
  RecommendColumns columns_;
  std::vector<int32_t> kept_;
  std::vector<recommend::Ranked> list_;
  std::vector<recommend::Reason> reasons_;
  bool complete_ = true;
  bool warned_ = false;
  int64_t n_predictions_ = 0, n_hits_ = 0;
  Metric predictions_, hits_, evicted_sessions_, expired_, evicted_items_;
};

}  // namespace flow::operators
