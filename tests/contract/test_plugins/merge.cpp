// A two-input operator: rows of both inputs as they arrive, with the name of their side.
#include "flow/flow.hpp"

namespace {

class Merge final : public flow::GeneralTransform {
 public:
  struct Options {};
  static void describe(flow::Description<Options>& d) {
    d.name("merge");
    d.summary("Merges two inputs in the order of arrival.");
    d.doc("Adds the column `side`, and `seen`: the rows of both sides up to this one.");
    d.example(
        "[transforms.both]\ntype = \"merge\"\ninputs = { left = [\"a\"], right = [\"b\"] }\n");
    d.traits(FLOW_SERIAL | FLOW_ORDER_DEPENDENT);
    d.input("left", "One side.");
    d.input("right", "The other side.");
  }

  flow::Status consume(uint32_t input, const flow::Batch& in, flow::Output& out) override {
    flow::TextBuilder side(out, in.rows());
    flow::Int64Builder seen(out, in.rows());
    for (int64_t row = 0; row < in.rows(); ++row) {
      side.append(input == 0 ? "left" : "right");
      seen.append(++seen_);
    }
    out.emit(out.with(in, {{"side", {side.finish(), flow::Type::text()}},
                           {"seen", {seen.finish(), flow::Type::int64()}}}));
    return flow::Status::kDone;
  }
  std::string snapshot() override { return std::to_string(seen_); }
  void restore(uint32_t, std::string_view state) override {
    seen_ = std::stoll(std::string(state));
  }

 private:
  int64_t seen_ = 0;
};

}  // namespace

FLOW_PLUGIN_LICENSED("test.merge", "1.0.0", "Apache-2.0", Merge)
