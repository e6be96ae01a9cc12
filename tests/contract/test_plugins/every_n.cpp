// A window: the sum of a number over every `count` rows.
#include <cstring>

#include "flow/flow.hpp"

namespace {

class EveryN final : public flow::Window {
 public:
  struct Options {
    flow::Field field;
    int64_t count = 7;
  };
  static void describe(flow::Description<Options>& d) {
    d.name("every_n");
    d.summary("Sums a number over every so many rows.");
    d.doc("Rows that are not numbers count as 0. What is left at the end is emitted by close.");
    d.example(
        "[transforms.sums]\ntype = \"every_n\"\ninputs = [\"numbers\"]\nfield = \"number\"\n");
    d.traits(FLOW_SERIAL | FLOW_ORDER_DEPENDENT);
    d.option("field", &Options::field, "The number to sum.").required();
    d.option("count", &Options::count, "Rows of a window.").range(1, 1'000'000);
  }

  explicit EveryN(const Options& options) : field_(options.field.name), count_(options.count) {}

  flow::Status consume(uint32_t, const flow::Batch& in, flow::Output& out) override {
    const flow_column* column = field_.find(in);
    const bool numbers = column != nullptr && column->type == FLOW_INT64;
    int64_t absorbed = 0;
    while (at_ < in.rows()) {
      if (state_.rows == count_) {
        if (out.room() == 0) break;
        fire(out);
      }
      if (numbers) {
        const flow::Int64View values(*column);
        if (!values.is_null(at_)) {
          state_.sum = static_cast<int64_t>(static_cast<uint64_t>(state_.sum) +
                                            static_cast<uint64_t>(values[at_]));
        }
      }
      ++state_.rows;
      ++at_;
      ++absorbed;
    }
    out.absorb(absorbed);
    if (at_ < in.rows()) return flow::Status::kMore;
    at_ = 0;
    return flow::Status::kDone;
  }
  std::string snapshot() override {
    return {reinterpret_cast<const char*>(&state_), sizeof state_};
  }
  void restore(uint32_t, std::string_view state) override {
    if (state.size() != sizeof state_) throw flow::Failure("every_n: state of another form");
    std::memcpy(&state_, state.data(), sizeof state_);
  }
  void close(bool drained, flow::Output& out) override {
    if (drained && state_.rows > 0) fire(out);
  }

 private:
  void fire(flow::Output& out) {
    flow::Int64Builder sums(out, 1);
    flow::Int64Builder rows(out, 1);
    sums.append(state_.sum);
    rows.append(state_.rows);
    out.create(out.make(1,
                        {{"sum", {sums.finish(), flow::Type::int64()}},
                         {"rows", {rows.finish(), flow::Type::int64()}}},
                        nullptr));
    state_ = {};
  }

  struct State {
    int64_t sum = 0;
    int64_t rows = 0;
  };
  flow::ColumnFinder field_;
  int64_t count_;
  State state_;
  int64_t at_ = 0;  // in the batch in process; always 0 between two batches
};

}  // namespace

FLOW_PLUGIN_LICENSED("test.every_n", "1.0.0", "Apache-2.0", EveryN)
