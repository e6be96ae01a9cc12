// The transform `drop`: rows without some of their fields.
#pragma once

#include <vector>

#include "flow/operator.hpp"
#include "operators/common/field_selection.hpp"

namespace flow::operators {

// Shares the columns that stay: a reference count each.
class Drop final : public Transform {
 public:
  struct Options {
    std::vector<Field> fields;
    Missing missing = Missing::kError;
  };
  static void describe(Description<Options>& d);
  static void infer(const Options& options, Inference& inference);

  explicit Drop(const Options& options) : options_(options) {}
  void process(const Batch& in, Output& out) override;

 private:
  FieldSelection::Columns select(const flow_schema& schema) const;

  Options options_;
  FieldSelection selection_;
};

}  // namespace flow::operators
