#include "operators/codecs/lines.hpp"

#include <simdjson.h>

#include <string>
#include <vector>

#include "flow/utf8.hpp"
#include "operators/common/input_column.hpp"

namespace flow::operators {
namespace {

// Whether every piece is valid UTF-8: one pass over all bytes at about 0.05 ns each.
bool all_valid(const flow_column& column) {
  const TextView pieces(column);
  for (int64_t row = 0; row < pieces.size(); ++row) {
    const std::string_view piece = pieces[row];
    if (!simdjson::validate_utf8(piece.data(), piece.size())) return false;
  }
  return true;
}

// `views` with those of invalid lines replaced by repaired copies, which are in `text` (buffer
// number `number`). Returns how many there were; with none, `repaired` and `text` stay empty.
int64_t repair(Host host, const std::vector<Line>& lines, const Buffer& views, int32_t number,
               Buffer& repaired, Buffer& text) {
  struct Repair {
    size_t row;
    size_t begin;
    size_t length;
  };
  std::vector<Repair> repairs;
  std::string bytes;
  for (size_t row = 0; row < lines.size(); ++row) {
    const std::string_view line = lines[row].text;
    if (simdjson::validate_utf8(line.data(), line.size())) continue;
    const size_t begin = bytes.size();
    append_repaired_utf8(line, bytes);
    repairs.push_back({row, begin, bytes.size() - begin});
  }
  if (repairs.empty()) return 0;
  text = host.allocate(static_cast<int64_t>(bytes.size()));
  std::memcpy(text->data, bytes.data(), bytes.size());
  const size_t view_bytes = lines.size() * sizeof(flow_view);
  repaired = host.allocate(static_cast<int64_t>(view_bytes));
  std::memcpy(repaired->data, views->data, view_bytes);
  for (const Repair& at : repairs) {
    static_cast<flow_view*>(repaired->data)[at.row] =
        TextBuilder::view({static_cast<const char*>(text->data) + at.begin, at.length}, number,
                          static_cast<int32_t>(at.begin));
  }
  return static_cast<int64_t>(repairs.size());
}

}  // namespace

void Lines::describe(Description<Options>& d) {
  d.name("lines");
  d.summary("One row a line: text in, text out.");
  d.doc(
      "Decoding gives one row a line with the text in the column `message`. LF and CR LF end a "
      "line, "
      "the last one may end without either; NUL bytes are kept. Empty lines are dropped as "
      "\"empty line\" unless `keep_empty` is set. Invalid UTF-8 is repaired, one U+FFFD for each "
      "ill-formed sequence, and counted in the metric `invalid_utf8_rows`; a row's record keeps "
      "the "
      "original bytes. Text is not copied: it costs about 10 ns a line of 300 bytes.\n\n"
      "A line longer than `max_line` is one row on the port `errors` with the reason "
      "`line_too_long` and its first `max_line` bytes; the lines before and after it are not "
      "touched. After a restart in the middle of such a line it may be reported a second time.\n\n"
      "Encoding writes the text of `field` and a LF. A row without it goes to `errors` as "
      "`missing_field`. A LF inside the text is written as it is, and will be read as two lines.");
  d.example("type = \"lines\"\nmax_line = \"64KiB\"\n");
  d.traits(FLOW_STATELESS | FLOW_DECODES | FLOW_ENCODES);
  d.output("errors", "Lines that are too long; when encoding, rows without the field.");
  d.option("max_line", &Options::max_line,
           "The longest line, in bytes without its end, that becomes a row; longer ones go to "
           "`errors`. A source holds back up to twice this much for each partition, beside what it "
           "reads at once: some times the longest line that makes sense is a good value.")
      .range(1, 1 << 29);
  d.option("keep_empty", &Options::keep_empty,
           "Makes empty lines rows with an empty text, instead of dropping them.");
  d.option(
      "field", &Options::field,
      "When encoding: the text, binary, category or JSON column that is written. Not used when "
      "decoding, where the column is `message`.");
}

Lines::Lines(const Options& options, Shared& shared)
    : options_(options),
      framer_(options.max_line.bytes, shared.continuations),
      splitter_(options.max_line.bytes, options.keep_empty, shared.continuations),
      field_(options.field.name) {}

void Lines::infer(const Options& options, Inference& inference) {
  if (inference.role() == FLOW_ROLE_DECODE) {
    inference.output({{"message", Type::text()}});
    return;
  }
  infer_text_column(inference, "field", options.field.name);
  inference.output({{"bytes", Type::binary()}});
}

void Lines::open(Output& out) {
  invalid_utf8_rows_ =
      out.counter("invalid_utf8_rows", "Rows whose text had invalid UTF-8 that was repaired.");
}

int64_t Lines::frame(std::string_view bytes, bool final) { return framer_.frame(bytes, final); }

void Lines::decode(const Batch& in, Output& out) {
  splitter_.split(in);
  const std::vector<Line>& lines = splitter_.lines();
  if (!lines.empty()) {
    const flow_column& pieces = in.column(0);
    const auto rows = static_cast<int64_t>(lines.size());
    const Buffer views = line_views(out, lines, pieces);
    const Column record = column_over(out, FLOW_BINARY, rows, views, pieces);
    const DecodedOrigin origin(out, in, lines, record);
    Column message;
    Buffer repaired;
    Buffer text;
    if (!all_valid(pieces)) {
      const int64_t invalid =
          repair(out, lines, views, static_cast<int32_t>(pieces.n_data), repaired, text);
      invalid_utf8_rows_.record(static_cast<double>(invalid));
    }
    message = repaired ? column_over(out, FLOW_TEXT, rows, repaired, pieces, &text)
                       : column_over(out, FLOW_TEXT, rows, views, pieces);
    out.create(out.make(rows, {{"message", {message, Type::text()}}}, origin.get()));
  }
  const int64_t max_line = options_.max_line.bytes;
  fail_lines(in, refuse_too_long(splitter_.too_long(), max_line), max_line, out);
  out.drop(splitter_.empty_lines(), "empty line");
}

void Lines::encode(const Batch& in, bool delimited, Output& out) {
  const flow_column* column = field_.find(in);
  const auto absent = [&](int64_t row) {
    out.fail(in, row, "missing_field",
             "the row has no '" + field_.name() + "' to write; name the column under `field`");
  };
  if (column == nullptr) {
    for (int64_t row = 0; row < in.rows(); ++row) absent(row);
    return;
  }
  if (!AnyTextView::accepts(column->type)) {
    throw Failure("lines: the column '" + field_.name() + "' is " +
                  std::string(type_name(column->type)) +
                  ", not text; name a text column under `field`, or use the codec json");
  }
  const AnyTextView texts(*column);
  if (texts.has_nulls()) {
    std::vector<int32_t> present;
    for (int64_t row = 0; row < in.rows(); ++row) {
      if (texts.is_null(row)) {
        absent(row);
      } else {
        present.push_back(static_cast<int32_t>(row));
      }
    }
    if (static_cast<int64_t>(present.size()) < in.rows()) {
      if (!present.empty()) {
        const auto n = static_cast<int64_t>(present.size());
        encode(out.select(in, present.data(), n), delimited, out);
      }
      return;
    }
  }
  int64_t total = 0;
  for (int64_t row = 0; row < in.rows(); ++row) {
    total += static_cast<int64_t>(texts[row].size()) + (delimited ? 1 : 0);
  }
  if (total > INT32_MAX && in.rows() > 1) {
    const int64_t half = in.rows() / 2;
    encode(out.slice(in, 0, half), delimited, out);
    encode(out.slice(in, half, in.rows() - half), delimited, out);
    return;
  }
  const Buffer bytes = out.allocate(total);
  TextBuilder views(out, in.rows(), FLOW_BINARY);
  const int32_t number = views.share(bytes);
  const auto* const base = static_cast<const char*>(bytes->data);
  auto* at = static_cast<char*>(bytes->data);
  for (int64_t row = 0; row < in.rows(); ++row) {
    const std::string_view text = texts[row];
    const char* const begin = at;
    if (!text.empty()) std::memcpy(at, text.data(), text.size());
    at += text.size();
    if (delimited) *at++ = '\n';
    views.append_shared({begin, static_cast<size_t>(at - begin)}, number, base);
  }
  out.emit(out.make(in.rows(), {{"bytes", {views.finish(), Type::binary()}}}, &in.origin()));
}

}  // namespace flow::operators
