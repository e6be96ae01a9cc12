// The plugin of the case fused-operator: one operator, `constant`, with the least work that an
// operator can do and still add a column.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>

#include "flow/flow.hpp"

namespace flow::bench {

// Adds a categorical column that has the same text in every row. The codes, all zero, and the
// dictionary of one entry are made once and shared by all batches, so that a batch costs one column
// and one batch whatever its rows.
class Constant final : public Transform {
 public:
  struct Options {
    std::string name = "constant";
    std::string value;
  };
  static void describe(Description<Options>& d) {
    d.name("constant");
    d.summary("Adds a column with the same text in every row.");
    d.doc("Made for measuring what an operator costs.");
    d.example("type = \"constant\"\ninputs = [\"parsed\"]\nname = \"site\"\nvalue = \"north\"\n");
    d.traits(FLOW_STATELESS);
    d.option("name", &Options::name, "The column; one of that name is replaced.");
    d.option("value", &Options::value, "The text of every row.");
  }

  explicit Constant(const Options& options) : options_(options) {}

  void process(const Batch& in, Output& out) override {
    if (!codes_ || in.rows() > rows_) make(in.rows(), out);
    flow_column_parts parts{};
    parts.size = sizeof parts;
    parts.type = FLOW_CATEGORY;
    parts.rows = in.rows();
    parts.values = codes_.get();
    parts.dictionary = dictionary_.get();
    const NewColumn column{options_.name, {out.column(parts), Type::category()}};
    out.emit(out.with(in, {&column, 1}));
  }

 private:
  void make(int64_t rows, Output& out) {
    rows_ = std::max<int64_t>(rows, 4096);
    const auto bytes = rows_ * static_cast<int64_t>(sizeof(int32_t));
    codes_ = out.allocate(bytes);
    std::memset(codes_->data, 0, static_cast<size_t>(bytes));
    if (!dictionary_) {
      TextBuilder texts(out, 1);
      texts.append(options_.value);
      dictionary_ = texts.finish();
    }
  }

  const Options& options_;
  Buffer codes_;  // zeros for `rows_` rows
  int64_t rows_ = 0;
  Column dictionary_;
};

}  // namespace flow::bench

FLOW_PLUGIN("flowrun.bench.constant", "1.0.0", flow::bench::Constant)
