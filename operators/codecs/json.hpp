// The codec `json`: one object a line.
#pragma once

#include <vector>

#include "flow/operator.hpp"
#include "operators/codecs/json_encoder.hpp"
#include "operators/common/declared_schema.hpp"
#include "operators/common/json_rows.hpp"
#include "operators/common/line_framer.hpp"
#include "operators/common/line_splitter.hpp"

namespace flow::operators {

class Json final : public Codec {
 public:
  enum class Nulls { kOmit, kWrite };
  struct Options {
    Table schema;
    Undeclared undeclared = Undeclared::kKeep;
    Nulls nulls = Nulls::kOmit;
    Size max_line{1 << 20};
    int64_t max_fields = 1000;
  };
  struct Shared {
    // Throws Failure if `schema` is none.
    Shared(const Options& options, Host);
    LineContinuations continuations;
    DeclaredSchema schema;
  };
  static void describe(Description<Options>& d);
  static void infer(const Options& options, Shared& shared, Inference& inference);

  Json(const Options& options, Shared& shared);
  void open(Output& out) override;
  int64_t frame(std::string_view bytes, bool final) override;
  Status consume(uint32_t input, const Batch& in, Output& out) override;
  void decode(const Batch& in, Output& out) override;
  void encode(const Batch& in, bool delimited, Output& out) override;

 private:
  bool decode_some(const Batch& in, Output& out);
  void make_batch(const Batch& in, Output& out);

  int64_t max_line_;
  LineFramer framer_;
  LineSplitter splitter_;
  JsonRows rows_;
  BatchRoom room_;
  Batch under_way_;  // that lines point into, between two calls
  size_t next_line_ = 0;
  std::vector<RefusedLine> refused_;
  std::vector<Line> taken_;
  JsonEncoder encoder_;
  Metric invalid_utf8_rows_;
};

}  // namespace flow::operators
