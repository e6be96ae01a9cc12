// An amplifier: each row becomes `times` rows, however many that is, in batches of at most
// `batch_rows`.
#include <algorithm>

#include "flow/flow.hpp"

namespace {

class Repeat final : public flow::GeneralTransform {
 public:
  struct Options {
    int64_t times = 3;
    int64_t batch_rows = 4096;
  };
  static void describe(flow::Description<Options>& d) {
    d.name("repeat");
    d.summary("Repeats each row.");
    d.doc("Adds the column `copy`, from 0. Memory is that of the batches there is room for.");
    d.example("[transforms.more]\ntype = \"repeat\"\ninputs = [\"words\"]\ntimes = 5\n");
    d.traits(FLOW_STATELESS);
    d.option("times", &Options::times, "Copies of a row.").range(1, 1'000'000'000);
    d.option("batch_rows", &Options::batch_rows, "Rows of a batch at most.").range(1, 65536);
  }

  explicit Repeat(const Options& options) : options_(options) {}

  flow::Status consume(uint32_t, const flow::Batch& in, flow::Output& out) override {
    const int64_t total = in.rows() * options_.times;
    while (next_ < total) {
      if (out.room() == 0) return flow::Status::kMore;
      const int64_t rows = std::min(options_.batch_rows, total - next_);
      std::vector<int32_t> sources;
      flow::Int64Builder copies(out, rows);
      int64_t first_copies = 0;
      for (int64_t i = next_; i < next_ + rows; ++i) {
        sources.push_back(static_cast<int32_t>(i / options_.times));
        copies.append(i % options_.times);
        first_copies += i % options_.times == 0 ? 1 : 0;
      }
      out.emit_mixed(out.with(out.select(in, sources.data(), rows),
                              {{"copy", {copies.finish(), flow::Type::int64()}}}),
                     rows - first_copies);
      next_ += rows;
    }
    next_ = 0;
    return flow::Status::kDone;
  }

 private:
  Options options_;
  int64_t next_ = 0;  // in the batch in process
};

}  // namespace

FLOW_PLUGIN_LICENSED("test.repeat", "1.0.0", "Apache-2.0", Repeat)
