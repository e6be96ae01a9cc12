// The codec `csv`: records of fields with a delimiter between them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "flow/operator.hpp"
#include "operators/codecs/csv_decoder.hpp"
#include "operators/codecs/csv_encoder.hpp"
#include "operators/common/csv_framer.hpp"

namespace flow::operators {

class Csv final : public Codec, public StreamContext {
 public:
  enum class Quoting { kNeeded, kAll };
  struct Options {
    bool header = true;
    std::vector<Field> fields;
    Table schema;
    std::string delimiter = ",";
    std::string quote = "\"";
    std::string comment;
    bool trim = false;
    bool multiline = true;
    std::string null_text;
    Quoting quoting = Quoting::kNeeded;
    Size max_record{1 << 20};
    int64_t max_fields = 1000;
  };
  struct Shared {
    // Throws OptionFailure for a dialect or a schema that is none.
    Shared(const Options& options, Host);
    CsvDecoderOptions decoder;
    DeclaredSchema declared;
  };
  static void describe(Description<Options>& d);
  static void infer(const Options& options, Shared& shared, Inference& inference);

  Csv(const Options& options, Shared& shared);
  void open(Output& out) override;
  Status consume(uint32_t input, const Batch& in, Output& out) override;
  int64_t frame(std::string_view bytes, bool final) override;
  void decode(const Batch& in, Output& out) override;
  void encode(const Batch& in, bool delimited, Output& out) override;
  std::string_view context() const override { return framer_.context(); }
  void resume(std::string_view context) override { framer_.resume(context); }

 private:
  // From piece `first` on. Returns the piece to go on with.
  int64_t decode_from(const Batch& in, int64_t first, Output& out);

  bool can_decode_;  // header or names are there
  CsvFramer framer_;
  CsvDecoder decoder_;
  CsvEncoder encoder_;
  Metric invalid_utf8_rows_;
  int64_t next_piece_ = 0;
};

}  // namespace flow::operators
