// The sink `respond`: answers requests that the source `http` keeps waiting.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "flow/operator.hpp"
#include "operators/common/field_text.hpp"

namespace flow::operators {

class RespondSink final : public Sink {
 public:
  struct Options {
    Field id_field{"request_id"};
  };
  static void describe(Description<Options>& d);
  static void infer(const Options& options, Inference& inference);
  static std::vector<std::string> kept_fields(const Options& options);

  explicit RespondSink(const Options& options);
  void open(Output& out) override;
  void process(const Batch& in, Output& out) override;

 private:
  enum Kept : uint8_t { kId, kPartition, kPosition, kReason, kMessage, kCount };

  // The text of a kept field; false: the row has none.
  bool read(Kept field, int64_t row);

  std::vector<std::string> fields_;
  std::vector<FieldText> texts_;
  std::vector<bool> is_there_;
  std::vector<std::string> values_;
  Metric gone_;
};

}  // namespace flow::operators
