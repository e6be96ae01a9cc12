#include "operators/codecs/raw.hpp"

#include <string>
#include <utility>

#include "operators/common/line_splitter.hpp"

namespace flow::operators {

void Raw::describe(Description<Options>& d) {
  d.name("raw");
  d.summary("Bytes as they are: a message or a whole file is a row.");
  d.doc(
      "Decoding makes each message of a source of messages a row, and each stream of a source of "
      "bytes, such as a file, one row from its beginning to its end; the bytes are the column "
      "`message`, of the type binary. They are not copied, and not looked at. An empty message is "
      "a row; an empty file is none. What is longer than `max_size` goes to `errors` as "
      "`too_large`, with its first bytes.\n\n"
      "Encoding writes the bytes of `field` and nothing behind them. A row without it goes to "
      "`errors` as `missing_field`.");
  d.example("type = \"raw\"\nmax_size = \"1MiB\"\n");
  d.traits(FLOW_STATELESS | FLOW_DECODES | FLOW_ENCODES);
  d.output("errors",
           "Messages and files that are too large; when encoding, rows without the field.");
  d.option(
      "field", &Options::field,
      "When encoding: the text, binary, category or JSON column that is written. Not used when "
      "decoding, where the column is `message`.");
  d.option("max_size", &Options::max_size,
           "The most bytes of a message or file. A source holds back as much for each partition "
           "that it reads.")
      .range(1, 1 << 30);
}

void Raw::infer(const Options&, Inference& inference) {
  inference.output({{inference.role() == FLOW_ROLE_DECODE ? "message" : "bytes", Type::binary()}});
}

int64_t Raw::frame(std::string_view bytes, bool final) {
  const auto size = static_cast<int64_t>(bytes.size());
  if (final || is_inside_) return size;
  if (size <= max_size_) return 0;
  is_inside_ = true;
  return size;
}

void Raw::decode(const Batch& in, Output& out) {
  const flow_column& pieces = in.column(0);
  const TextView texts(pieces);
  const Validity contexts = in.column_count() > 1 ? Validity(in.column(1)) : Validity();
  std::vector<Line> lines;
  std::vector<RefusedLine> refused;
  for (int64_t row = 0; row < in.rows(); ++row) {
    if (texts.is_null(row) || contexts.is_null(row)) continue;
    if (in.column_count() > 1 && TextView(in.column(1))[row] == kInside) continue;
    const int32_t buffer =
        texts[row].size() > FLOW_VIEW_INLINE ? texts.views()[row].buffer : int32_t{0};
    const int64_t position =
        in.origin().position != nullptr ? Int64View(*in.origin().position)[row] : int64_t{-1};
    const Line line = {texts[row], static_cast<int32_t>(row), buffer, position};
    if (static_cast<int64_t>(line.text.size()) > max_size_) {
      refused.push_back({line, "too_large",
                         "there are more than " + std::to_string(max_size_) +
                             " bytes, which is max_size; only the first are kept. Raise it to take "
                             "more."});
    } else {
      lines.push_back(line);
    }
  }
  if (!lines.empty()) {
    const auto rows = static_cast<int64_t>(lines.size());
    const Column record =
        column_over(out, FLOW_BINARY, rows, line_views(out, lines, pieces), pieces);
    const DecodedOrigin origin(out, in, lines, record);
    out.create(out.make(rows, {{"message", {record, Type::binary()}}}, origin.get()));
  }
  fail_lines(in, std::move(refused), max_size_, out);
}

void Raw::encode(const Batch& in, bool, Output& out) {
  const flow_column* const column = field_.find(in);
  if (column != nullptr && !AnyTextView::accepts(column->type)) {
    throw Failure("raw: the column '" + field_.name() + "' is " +
                  std::string(type_name(column->type)) +
                  ", not text; name a text column under `field`, or use the codec text");
  }
  rows_.start(in, out);
  for (int64_t row = 0; row < in.rows(); ++row) {
    if (column == nullptr || Validity(*column).is_null(row)) {
      rows_.fail_row("missing_field", "the row has no '" + field_.name() +
                                          "' to write; name the column under `field`");
      continue;
    }
    rows_.bytes().append(AnyTextView(*column)[row]);
    rows_.end_row();
  }
  rows_.finish();
}

}  // namespace flow::operators
