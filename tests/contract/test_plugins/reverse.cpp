// A transform: each text backwards, in a new column. Rows without text fail, empty ones are
// dropped.
#include "flow/flow.hpp"

namespace {

class Reverse final : public flow::Transform {
 public:
  struct Options {
    flow::Field field;
    std::string target = "reversed";
  };
  static void describe(flow::Description<Options>& d) {
    d.name("reverse");
    d.summary("Writes a text backwards.");
    d.doc("By bytes: text that is not ASCII fails, as does any other type. Costs one pass.");
    d.example(
        "[transforms.backwards]\ntype = \"reverse\"\ninputs = [\"words\"]\nfield = \"word\"\n");
    d.traits(FLOW_STATELESS);
    d.option("field", &Options::field, "The text to reverse.").required();
    d.option("target", &Options::target, "Name of the new column.");
  }

  explicit Reverse(const Options& options) : field_(options.field.name), target_(options.target) {}

  void process(const flow::Batch& in, flow::Output& out) override {
    const flow_column* column = field_.find(in);
    std::vector<int32_t> kept;
    int64_t empty = 0;
    for (int64_t row = 0; row < in.rows(); ++row) {
      if (column == nullptr || !flow::AnyTextView::accepts(column->type)) {
        out.fail(in, row, "no_text", "the row has no text '" + field_.name() + "'");
        continue;
      }
      const flow::AnyTextView texts(*column);
      if (texts.is_null(row) || !is_ascii(texts[row])) {
        out.fail(in, row, "no_text", "the row has no ASCII text '" + field_.name() + "'");
      } else if (texts[row].empty()) {
        ++empty;
      } else {
        kept.push_back(static_cast<int32_t>(row));
      }
    }
    out.drop(empty, "empty text");
    if (kept.empty()) return;
    const flow::Batch rest = out.select(in, kept.data(), static_cast<int64_t>(kept.size()));
    const flow::AnyTextView texts(*field_.find(rest));
    flow::TextBuilder reversed(out, rest.rows());
    for (int64_t row = 0; row < rest.rows(); ++row) {
      const std::string_view text = texts[row];
      reversed.append(std::string(text.rbegin(), text.rend()));
    }
    out.emit(out.with(rest, {{target_, {reversed.finish(), flow::Type::text()}}}));
  }

 private:
  static bool is_ascii(std::string_view text) {
    for (const char c : text) {
      if (static_cast<unsigned char>(c) >= 0x80) return false;
    }
    return true;
  }
  flow::ColumnFinder field_;
  std::string target_;
};

}  // namespace

FLOW_PLUGIN_LICENSED("test.reverse", "1.0.0", "Apache-2.0", Reverse)
