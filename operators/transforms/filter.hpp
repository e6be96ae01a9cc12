// The transform `filter`: keeps the rows that meet a condition.
#pragma once

#include <cstdint>
#include <vector>

#include "flow/operator.hpp"
#include "operators/common/comparison.hpp"

namespace flow::operators {

// Builds a list of the rows to keep, without a branch a row for numbers, and has the host select
// them. A batch of which all rows stay is passed on as it is.
class Filter final : public Transform {
 public:
  struct Options {
    Expression where;
  };
  struct Shared {
    // Throws Failure with the column of a mistake in `where`.
    Shared(const Options& options, Host) : comparison(parse_comparison(options.where.text)) {}
    Comparison comparison;
  };
  static void describe(Description<Options>& d);
  static void infer(const Options& options, Shared& shared, Inference& inference);

  Filter(const Options& options, Shared& shared);
  void process(const Batch& in, Output& out) override;

 private:
  // Whether a column of that type can be compared with the literal.
  static bool compares(const Comparison& comparison, flow_type type);

  // What the condition says of one value that is no plain number.
  enum class Answer : uint8_t { kNo, kYes, kUnknown };

  // Each fills `kept_` with the rows of `column` to keep and returns how many rows have no answer.
  int64_t test(const flow_column& column);
  template <class T>
  int64_t test_numbers(const flow_column& column, T literal);
  int64_t test_bools(const flow_column& column);
  int64_t test_texts(const flow_column& column);
  int64_t test_categories(const flow_column& column);
  template <class Value, class Keep>
  int64_t scan(const flow_column& column, Value value, Keep keep);
  Answer answer_text(std::string_view text) const;
  Answer answer_token(std::string_view token);
  [[noreturn]] void refuse(const flow_column& column) const;

  const Comparison& comparison_;
  ColumnFinder field_;
  std::vector<int32_t> kept_;
  int64_t kept_rows_ = 0;
  Column dictionary_;            // of which `answers_` are
  std::vector<Answer> answers_;  // one a code
  std::string scratch_;
  bool warned_ = false;
};

}  // namespace flow::operators
