// The codec `json`: one object a line.
#pragma once

#include <vector>

#include "flow/operator.hpp"
#include "operators/codecs/json_decoder.hpp"
#include "operators/codecs/json_encoder.hpp"
#include "operators/common/line_framer.hpp"
#include "operators/common/line_splitter.hpp"

namespace flow::operators {

class Json final : public Codec {
 public:
  enum class Nulls { kOmit, kWrite };
  struct Options {
    Table schema;
    Nulls nulls = Nulls::kOmit;
    Size max_line{1 << 20};
    int64_t max_fields = 1000;
  };
  struct Shared {
    // Throws Failure if `schema` names an unknown type.
    Shared(const Options& options, Host);
    LineContinuations continuations;
    std::vector<DeclaredField> declared;
  };
  static void describe(Description<Options>& d);
  static void infer(const Options& options, Shared& shared, Inference& inference);

  Json(const Options& options, Shared& shared);
  void open(Output& out) override;
  int64_t frame(std::string_view bytes, bool final) override;
  void decode(const Batch& in, Output& out) override;
  void encode(const Batch& in, bool delimited, Output& out) override;

 private:
  int64_t max_line_;
  LineFramer framer_;
  LineSplitter splitter_;
  JsonDecoder decoder_;
  JsonEncoder encoder_;
  Metric invalid_utf8_rows_;
};

}  // namespace flow::operators
