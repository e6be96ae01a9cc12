// The transform `route`: rows to the outputs whose conditions they meet.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "flow/operator.hpp"
#include "operators/common/expression/compiled_expression.hpp"

namespace flow::operators {

// Works the conditions out one after the other over the whole batch, and has the host select each
// output's rows once.
class Route final : public GeneralTransform {
 public:
  struct Options {
    Table routes;
  };
  struct Shared {
    // Throws OptionFailure with the column of a mistake in a condition.
    Shared(const Options& options, Host);
    std::vector<std::pair<std::string, CompiledExpression>> routes;
  };
  static void describe(Description<Options>& d);
  static void infer(const Options&, Shared& shared, Inference& inference);

  Route(const Options&, Shared& shared);
  // One batch an output: returns kMore where there is no room for the next.
  Status consume(uint32_t, const Batch& in, Output& out) override;

 private:
  // Number of the first option-named output; `rest` stands before it.
  static constexpr uint32_t kFirstRoute = 1;
  static constexpr uint32_t kNone = UINT32_MAX;

  void divide(const Batch& in, Output& out);
  void emit(const Batch& in, const std::vector<int32_t>& rows, uint32_t port, Output& out) const;

  std::vector<ExpressionEvaluator> conditions_;
  std::vector<uint8_t> taken_;              // a row
  uint32_t next_ = kNone;                   // output of a batch that is divided already
  std::vector<std::vector<int32_t>> rows_;  // an output
};

}  // namespace flow::operators
