// The codec `lines`: one text a line.
#pragma once

#include <memory>
#include <optional>

#include "flow/operator.hpp"
#include "operators/common/line_framer.hpp"
#include "operators/common/line_splitter.hpp"

namespace flow::operators {

// Decoding copies no text: `message` and the rows' records are views of the bytes as they were
// read.
class Lines final : public Codec {
 public:
  struct Options {
    Size max_line{1 << 20};
    bool keep_empty = false;
    Field field{"message"};
  };
  struct Shared {
    Shared(const Options&, Host) {}
    LineContinuations continuations;
  };
  static void describe(Description<Options>& d);
  static void infer(const Options& options, Inference& inference);

  Lines(const Options& options, Shared& shared);
  void open(Output& out) override;
  int64_t frame(std::string_view bytes, bool final) override;
  void decode(const Batch& in, Output& out) override;
  void encode(const Batch& in, bool delimited, Output& out) override;

 private:
  Options options_;
  LineFramer framer_;
  LineSplitter splitter_;
  ColumnFinder field_;
  Metric invalid_utf8_rows_;
};

}  // namespace flow::operators
