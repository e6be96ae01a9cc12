// A parser of rows' texts, and its two doors: a transform that takes a column apart, and a codec
// that takes a stream's lines apart.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "flow/operator.hpp"
#include "operators/common/batch_width.hpp"
#include "operators/common/input_column.hpp"
#include "operators/common/line_splitter.hpp"
#include "operators/common/typed_column.hpp"

namespace flow::operators {

// Texts to columns, a batch after the other. One an instance.
class RowParser {
 public:
  RowParser() = default;
  RowParser(const RowParser&) = delete;
  RowParser& operator=(const RowParser&) = delete;
  virtual ~RowParser() = default;

  // Begins a batch of up to `rows` rows; `texts` has the buffers that places number.
  virtual void start(Host host, int64_t rows, const flow_column& texts) = 0;
  // One more row out of `text`, which is valid UTF-8. NULL: it is a row. Else the reason why not,
  // with a text for people in message(), and the row has left nothing; or kBatchFull.
  virtual const char* add(std::string_view text, const TextPlace& place) = 0;
  // The columns of the rows; their names live until the next start().
  virtual std::vector<NewColumn> finish() = 0;
  // How many of them, at the beginning, are there whatever the rows say.
  virtual size_t declared() const { return SIZE_MAX; }
  const std::string& message() const { return message_; }

 protected:
  std::string message_;
};

// How the columns of a transform that takes text apart meet those of its input. A declared column
// takes the place of one with its name. One that only some rows name does not: which rows are in a
// batch must not decide what the others hold.
struct ParseTarget {
  std::string field;
  std::string prefix;
  bool keep_source = false;

  // For `infer`: the outputs, where the parser makes `added`, and perhaps others.
  void infer(Inference& inference, Fields added, bool open) const;
  // The output of `rows`, to which the parser added `columns`, of which the first `declared` are
  // there whatever the rows say. `hidden` counts the values that the input's columns hide.
  Batch assemble(const Batch& rows, std::vector<NewColumn> columns, size_t declared, Output& out,
                 int64_t& hidden) const;
};

inline constexpr const char* kHiddenValuesDoc =
    "Values of undeclared fields that were left out because the input has a column of their name. "
    "Set `prefix`, or declare the field.";

// What the transforms parse_csv, parse_logfmt, parse_regex and parse_syslog are, but for options
// and parser. Texts are read where they lie; bytes that are no valid UTF-8 are repaired first, and
// counted.
class ParseTransform : public Transform {
 public:
  void open(Output& out) override;
  Status consume(uint32_t, const Batch& in, Output& out) override;
  void process(const Batch& in, Output& out) override;

 protected:
  ParseTransform(ParseTarget target, std::unique_ptr<RowParser> parser)
      : target_(std::move(target)), input_("field", target_.field), parser_(std::move(parser)) {}

 private:
  bool process_some(const Batch& in, Output& out);

  const ParseTarget target_;
  TextInput input_;
  std::unique_ptr<RowParser> parser_;
  Metric invalid_utf8_rows_;
  Metric hidden_values_;
  BatchRoom room_;
  int64_t next_row_ = 0;  // of an input that becomes several batches
  std::vector<int32_t> good_;
  std::string repaired_;
};

// Adds the options of a ParseTarget to an operator's own, which has the members.
template <class Options>
void describe_parse_target(Description<Options>& d) {
  d.option("field", &Options::field,
           "The column with the texts: text, bytes, a category or JSON. A dotted name reaches "
           "inside a struct, which stays as it is.");
  d.option("prefix", &Options::prefix,
           "Stands in front of the name of each new column, against clashes with those of the "
           "input. Costs nothing.");
  d.option("keep_source", &Options::keep_source,
           "Keeps the column that was parsed. Costs nothing here, and its length to encode for "
           "each row at the end.");
}

// What the codecs of one record a line share: framing, and decoding with a parser. The rows that a
// parser refuses, and lines that are too long, leave by `errors`; invalid UTF-8 is repaired and
// counted.
class LineDecoder {
 public:
  // `continuations` outlives it.
  LineDecoder(int64_t max_line, LineContinuations& continuations)
      : max_line_(max_line),
        framer_(max_line, continuations),
        splitter_(max_line, false, continuations) {}

  void open(Output& out);
  int64_t frame(std::string_view bytes, bool final) { return framer_.frame(bytes, final); }
  // Makes a batch of as many lines as one holds. False: there are more, call again with the same
  // input when there is room.
  bool decode_some(const Batch& in, RowParser& parser, Output& out);

 private:
  int64_t max_line_;
  LineFramer framer_;
  LineSplitter splitter_;
  Metric invalid_utf8_rows_;
  BatchRoom room_;
  Batch under_way_;  // that lines point into, between two calls
  size_t next_line_ = 0;
  std::vector<RefusedLine> refused_;
  std::vector<Line> taken_;
  std::string repaired_;
};

// Parses `lines` of `in` from number `next` on, which it moves behind those that one batch holds,
// and emits their rows; the others are added to `refused`. Returns how many rows were repaired.
int64_t decode_lines(const Batch& in, const std::vector<Line>& lines, size_t& next, BatchRoom& room,
                     RowParser& parser, std::vector<RefusedLine>& refused, std::vector<Line>& taken,
                     std::string& repaired, Output& out);

}  // namespace flow::operators
