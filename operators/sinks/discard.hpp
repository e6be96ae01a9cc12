// Takes rows and throws them away.
#pragma once

#include "flow/operator.hpp"

namespace flow::operators {

// Every row counts as delivered. Cost: nothing a row.
class DiscardSink final : public Sink {
 public:
  struct Options {};
  static void describe(Description<Options>& description);

  void process(const Batch&, Output&) override {}
};

}  // namespace flow::operators
