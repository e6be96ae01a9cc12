// A codec: one text a line, ended by a vertical bar.
#include "flow/flow.hpp"

namespace {

class PipeLines final : public flow::Codec {
 public:
  struct Options {
    flow::Field field{"line"};
  };
  static void describe(flow::Description<Options>& d) {
    d.name("pipe_lines");
    d.summary("Texts that end in a vertical bar.");
    d.doc(
        "Rows without the text, or with a bar in it, cannot be encoded and fail. Records that are "
        "no "
        "ASCII text fail to decode. The text behind the last bar is a record if it is not empty.");
    d.example("type = \"pipe_lines\"\nfield = \"line\"\n");
    d.traits(FLOW_DECODES | FLOW_ENCODES);
    d.option("field", &Options::field, "The column of the text.");
  }

  explicit PipeLines(const Options& options)
      : field_(options.field.name), name_(options.field.name) {}

  int64_t frame(std::string_view bytes, bool final) override {
    if (final) return static_cast<int64_t>(bytes.size());
    return static_cast<int64_t>(bytes.rfind('|') + 1);
  }
  void decode(const flow::Batch& in, flow::Output& out) override {
    const flow_column& chunks = in.column(0);
    const flow::TextView texts(chunks);
    std::vector<std::string_view> good, bad;
    for (int64_t row = 0; row < in.rows(); ++row) {
      std::string_view rest = texts[row];
      while (!rest.empty()) {
        const size_t end = std::min(rest.find('|'), rest.size());
        const std::string_view record = rest.substr(0, end);
        (is_ascii(record) ? good : bad).push_back(record);
        rest.remove_prefix(std::min(end + 1, rest.size()));
      }
    }
    const flow::Batch failed = rows_of(bad, FLOW_BINARY, in, out);
    for (int64_t row = 0; row < failed.rows(); ++row) {
      out.fail(failed, row, "not_ascii", "the record is not ASCII text");
    }
    if (!good.empty()) out.create(rows_of(good, FLOW_TEXT, in, out));
  }
  void encode(const flow::Batch& in, bool delimited, flow::Output& out) override {
    const flow_column* column = field_.find(in);
    std::vector<std::string> encoded;
    std::vector<int32_t> rows;
    for (int64_t row = 0; row < in.rows(); ++row) {
      const bool has = column != nullptr && flow::AnyTextView::accepts(column->type) &&
                       !flow::Validity(*column).is_null(row);
      const std::string text(has ? flow::AnyTextView(*column)[row] : "|");
      if (text.empty() || text.find('|') != std::string::npos || !is_ascii(text)) {
        out.fail(in, row, "no_text", "the row has no text that can stand between two bars");
        continue;
      }
      encoded.push_back(text + (delimited ? "|" : ""));
      rows.push_back(static_cast<int32_t>(row));
    }
    if (rows.empty()) return;
    const flow::Batch kept = out.select(in, rows.data(), static_cast<int64_t>(rows.size()));
    flow::TextBuilder builder(out, kept.rows(), FLOW_BINARY);
    for (const std::string& text : encoded) builder.append(text);
    out.emit(out.make(kept.rows(), {{"bytes", {builder.finish(), flow::Type::binary()}}},
                      &kept.origin()));
  }

 private:
  static bool is_ascii(std::string_view text) {
    for (const char c : text) {
      if (static_cast<unsigned char>(c) >= 0x80) return false;
    }
    return true;
  }
  flow::Batch rows_of(const std::vector<std::string_view>& texts, flow_type type,
                      const flow::Batch& in, flow::Output& out) {
    const auto rows = static_cast<int64_t>(texts.size());
    flow::TextBuilder values(out, rows, type);
    flow::TextBuilder records(out, rows, FLOW_BINARY);
    for (const std::string_view text : texts) {
      values.append(text);
      records.append(text);
    }
    const flow::Column record = records.finish();
    flow_origin origin = in.origin();
    origin.size = sizeof origin;
    origin.position = nullptr;
    origin.record = record.get();
    const flow::Type as = type == FLOW_TEXT ? flow::Type::text() : flow::Type::binary();
    return out.make(rows, {{name_, {values.finish(), as}}}, &origin);
  }

  flow::ColumnFinder field_;
  std::string name_;
};

}  // namespace

FLOW_PLUGIN_LICENSED("test.pipe_lines", "1.0.0", "Apache-2.0", PipeLines)
