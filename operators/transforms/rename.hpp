// The transform `rename`: fields under other names.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "flow/operator.hpp"
#include "operators/common/field_selection.hpp"

namespace flow::operators {

// Shares all columns: a reference count each.
class Rename final : public Transform {
 public:
  struct Options {
    Table fields;
    Missing missing = Missing::kError;
  };
  struct Shared {
    // Throws Failure if `fields` has a value that is no text, or one new name twice.
    Shared(const Options& options, Host);
    std::vector<std::pair<std::string, std::string>> names;  // old, new
  };
  static void describe(Description<Options>& d);
  static void infer(const Options& options, Shared& shared, Inference& inference);

  Rename(const Options& options, Shared& shared)
      : missing_(options.missing), names_(shared.names) {}
  void process(const Batch& in, Output& out) override;

 private:
  FieldSelection::Columns select(const flow_schema& schema) const;

  Missing missing_;
  const std::vector<std::pair<std::string, std::string>>& names_;
  FieldSelection selection_;
};

}  // namespace flow::operators
