// The transform `filter`: keeps the rows that meet a condition.
#pragma once

#include "flow/operator.hpp"
#include "operators/common/expression/compiled_expression.hpp"

namespace flow::operators {

// Works the condition out a column at a time and has the host select the rows. A batch of which all
// rows stay is passed on as it is.
class Filter final : public Transform {
 public:
  struct Options {
    Expression where;
  };
  struct Shared {
    // Throws OptionFailure with the column of a mistake in `where`.
    Shared(const Options& options, Host)
        : where(CompiledExpression::compile(options.where.text, "where")) {}
    CompiledExpression where;
  };
  static void describe(Description<Options>& d);
  static void infer(const Options&, Shared& shared, Inference& inference);

  Filter(const Options&, Shared& shared) : where_(shared.where) {}
  void process(const Batch& in, Output& out) override;

 private:
  ExpressionEvaluator where_;
};

}  // namespace flow::operators
