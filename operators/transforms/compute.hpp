// The transform `compute`: new fields from expressions.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "flow/operator.hpp"
#include "operators/common/expression/compiled_expression.hpp"

namespace flow::operators {

// Adds one column an expression, in their order; untouched columns are passed on.
class Compute final : public Transform {
 public:
  struct Options {
    Table fields;
  };
  struct Shared {
    // Throws OptionFailure with the column of a mistake in an expression.
    Shared(const Options& options, Host);
    std::vector<std::pair<std::string, CompiledExpression>> fields;
  };
  static void describe(Description<Options>& d);
  static void infer(const Options&, Shared& shared, Inference& inference);

  Compute(const Options&, Shared& shared);
  void process(const Batch& in, Output& out) override;

 private:
  std::vector<std::pair<std::string, ExpressionEvaluator>> fields_;
};

}  // namespace flow::operators
