// A one-phase sink: a line for each row's text, appended as it comes.
#include <fstream>

#include "flow/flow.hpp"

namespace {

class LineFile final : public flow::Sink {
 public:
  struct Options {
    flow::Field field{"line"};
    std::string path;
  };
  static void describe(flow::Description<Options>& d) {
    d.name("line_file");
    d.summary("Appends a text column to a file.");
    d.doc(
        "At least once: a restart repeats what came after the last checkpoint. Rows without the "
        "text fail.");
    d.example("[sinks.lines]\ntype = \"line_file\"\ninputs = [\"words\"]\npath = \"lines.txt\"\n");
    d.traits(FLOW_SERIAL);
    d.option("field", &Options::field, "The text.");
    d.option("path", &Options::path, "The file; made when it is not there.").required();
  }

  explicit LineFile(const Options& options) : field_(options.field.name), path_(options.path) {}

  void open(flow::Output&) override {
    file_.open(path_, std::ios::app | std::ios::binary);
    if (!file_) throw flow::Failure("cannot write " + path_ + ": does its folder exist?");
  }
  void process(const flow::Batch& in, flow::Output& out) override {
    const flow_column* column = field_.find(in);
    for (int64_t row = 0; row < in.rows(); ++row) {
      if (column == nullptr || !flow::AnyTextView::accepts(column->type) ||
          flow::Validity(*column).is_null(row)) {
        out.fail(in, row, "no_text", "the row has no text '" + field_.name() + "'");
        continue;
      }
      const std::string_view text = flow::AnyTextView(*column)[row];
      file_.write(text.data(), static_cast<std::streamsize>(text.size())).put('\n');
    }
    file_.flush();
    if (!file_) throw flow::Retry("cannot write " + path_ + ": is the disk full?");
  }

 private:
  flow::ColumnFinder field_;
  std::string path_;
  std::ofstream file_;
};

}  // namespace

FLOW_PLUGIN_LICENSED("test.line_file", "1.0.0", "Apache-2.0", LineFile)
