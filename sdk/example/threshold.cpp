// The smallest plugin: keeps the rows whose number is at least a minimum.
#include <flow/flow.hpp>

class Threshold final : public flow::Transform {
 public:
  struct Options {
    flow::Field field;
    double min = 0.0;
  };
  static void describe(flow::Description<Options>& d) {
    d.name("threshold");
    d.summary("Keeps rows whose number is at least a minimum.");
    d.doc("Rows below `min` are dropped. Rows without a float64 number in `field` go to `errors`.");
    d.example(
        "[transforms.hot]\ntype = \"threshold\"\ninputs = [\"readings\"]\n"
        "field = \"celsius\"\nmin = 30.0\n");
    d.traits(FLOW_STATELESS);
    d.option("field", &Options::field, "The float64 column to look at.").required();
    d.option("min", &Options::min, "The least number that is kept.");
  }

  explicit Threshold(const Options& options) : field_(options.field.name), min_(options.min) {}

  void process(const flow::Batch& in, flow::Output& out) override {
    const flow_column* column = field_.find(in);
    const bool is_number = column != nullptr && column->type == FLOW_FLOAT64;
    kept_.clear();
    int64_t below = 0;
    for (int64_t row = 0; row < in.rows(); ++row) {
      if (!is_number || flow::Validity(*column).is_null(row)) {
        out.fail(in, row, "no_number", "the row has no float64 '" + field_.name() + "'");
      } else if (flow::Float64View(*column)[row] >= min_) {
        kept_.push_back(static_cast<int32_t>(row));
      } else {
        ++below;
      }
    }
    out.drop(below, "below the threshold");
    if (!kept_.empty()) {
      out.emit(out.select(in, kept_.data(), static_cast<int64_t>(kept_.size())));
    }
  }

 private:
  flow::ColumnFinder field_;
  double min_;
  std::vector<int32_t> kept_;
};

FLOW_PLUGIN_LICENSED("com.example.threshold", "1.0.0", "Apache-2.0", Threshold)
