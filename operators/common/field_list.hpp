// What the transforms with a list of fields and nothing else share: keep and drop.
#pragma once

#include <vector>

#include "flow/operator.hpp"
#include "operators/common/field_selection.hpp"

namespace flow::operators {

struct FieldListOptions {
  std::vector<Field> fields;
  Missing missing = Missing::kError;
};

// The options, and the trait.
void describe_field_list(Description<FieldListOptions>& d);

// Passes every row on with some of its columns, which are shared: a reference count each.
class FieldListTransform : public Transform {
 public:
  void process(const Batch& in, Output& out) final;

 protected:
  FieldListTransform(const FieldListOptions& options, const char* name)
      : name_(name), missing_(options.missing), patterns_(patterns_of(options.fields)) {}

  // The columns that stay. Throws Failure for a field that is not there, unless that is ignored.
  virtual PickedColumns select(const flow_schema& schema) const = 0;

  // Those that one of the listed fields stands for.
  std::vector<uint32_t> columns_of(const flow_schema& schema, const FieldPattern& pattern) const {
    return required_columns(schema, pattern, missing_, name_);
  }
  const std::vector<FieldPattern>& patterns() const { return patterns_; }
  void infer_columns(Inference& inference) const;

 private:
  const char* name_;
  Missing missing_;
  std::vector<FieldPattern> patterns_;
  FieldSelection selection_;
};

}  // namespace flow::operators
