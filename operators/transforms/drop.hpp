// The transform `drop`: rows without some of their fields.
#pragma once

#include "operators/common/field_list.hpp"

namespace flow::operators {

class Drop final : public FieldListTransform {
 public:
  using Options = FieldListOptions;
  static void describe(Description<Options>& d);
  static void infer(const Options& options, Inference& inference) {
    Drop(options).infer_columns(inference);
  }

  explicit Drop(const Options& options) : FieldListTransform(options, "drop") {}

 private:
  PickedColumns select(const flow_schema& schema) const override;
};

}  // namespace flow::operators
