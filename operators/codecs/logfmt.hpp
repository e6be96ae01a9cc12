// The codec `logfmt`: lines of names and values.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "flow/operator.hpp"
#include "operators/common/encoded_rows.hpp"
#include "operators/common/field_text.hpp"
#include "operators/common/logfmt_parser.hpp"

namespace flow::operators {

class Logfmt final : public Codec {
 public:
  struct Options {
    Table schema;
    Undeclared undeclared = Undeclared::kKeep;
    Size max_line{1 << 20};
    int64_t max_fields = 1000;
  };
  struct Shared {
    // Throws Failure if `schema` is none.
    Shared(const Options& options, Host) : schema(options.schema, "logfmt: schema") {}
    LineContinuations continuations;
    DeclaredSchema schema;
  };
  static void describe(Description<Options>& d);
  static void infer(const Options& options, Shared& shared, Inference& inference);

  Logfmt(const Options& options, Shared& shared);
  void open(Output& out) override { lines_.open(out); }
  int64_t frame(std::string_view bytes, bool final) override { return lines_.frame(bytes, final); }
  Status consume(uint32_t input, const Batch& in, Output& out) override;
  void decode(const Batch& in, Output& out) override;
  void encode(const Batch& in, bool delimited, Output& out) override;

 private:
  struct Column {
    ColumnPath path;
    std::string name;
    FieldText text;
  };
  void plan(const flow_field* const* fields, uint32_t n, const ColumnPath& parent,
            const std::string& prefix);

  LineDecoder lines_;
  LogfmtParser parser_;
  Reference<const flow_schema> schema_;  // that columns_ are of
  std::vector<Column> columns_;
  EncodedRows rows_;
  std::string value_;
};

}  // namespace flow::operators
