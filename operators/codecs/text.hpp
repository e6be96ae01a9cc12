// The codec `text`: rows written by a template.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "flow/operator.hpp"
#include "operators/common/encoded_rows.hpp"
#include "operators/common/field_template.hpp"
#include "operators/common/field_text.hpp"

namespace flow::operators {

class TextCodec final : public Codec {
 public:
  struct Options {
    std::string format;
    std::string delimiter = "\n";
    std::optional<std::string> null_text;
  };
  struct Shared {
    // Throws OptionFailure for a template that is none.
    Shared(const Options& options, Host);
    FieldTemplate format;
  };
  static void describe(Description<Options>& d);
  static void infer(const Options& options, Shared& shared, Inference& inference);

  TextCodec(const Options& options, Shared& shared);
  int64_t frame(std::string_view bytes, bool final) override;
  void decode(const Batch& in, Output& out) override;
  void encode(const Batch& in, bool delimited, Output& out) override;

 private:
  struct Part {
    std::string literal;
    ColumnFinder column;
    FieldText text;
    bool is_field;
    bool is_there;  // in the batch under way
  };

  const Options options_;
  std::vector<Part> parts_;
  EncodedRows rows_;
};

}  // namespace flow::operators
