// The transform `keep`: rows with some of their fields.
#pragma once

#include "operators/common/field_list.hpp"

namespace flow::operators {

class Keep final : public FieldListTransform {
 public:
  using Options = FieldListOptions;
  static void describe(Description<Options>& d);
  static void infer(const Options& options, Inference& inference) {
    Keep(options).infer_columns(inference);
  }

  explicit Keep(const Options& options) : FieldListTransform(options, "keep") {}

 private:
  PickedColumns select(const flow_schema& schema) const override;
};

}  // namespace flow::operators
