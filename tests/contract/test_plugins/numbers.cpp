// A source: the numbers below a limit, in several partitions. Row k of a partition is k.
#include <algorithm>
#include <cstring>
#include <map>

#include "flow/flow.hpp"

namespace {

class Numbers final : public flow::Source {
 public:
  struct Options {
    int64_t rows = 1000;
    int64_t partitions = 2;
    int64_t batch_rows = 64;
  };
  static void describe(flow::Description<Options>& d) {
    d.name("numbers");
    d.summary("Counts from zero in several partitions.");
    d.doc("Each partition is named `numbers/N` and ends after `rows` rows.");
    d.example("[sources.numbers]\ntype = \"numbers\"\nrows = 300\n");
    d.option("rows", &Options::rows, "Rows of each partition.").range(0, 1'000'000);
    d.option("partitions", &Options::partitions, "How many partitions.").range(1, 16);
    d.option("batch_rows", &Options::batch_rows, "Rows of a batch.").range(1, 65536);
  }

  explicit Numbers(const Options& options) : options_(options) {}

  void open(flow::Output& out) override {
    flow::SourceOutput source(out);
    for (int64_t i = 0; i < options_.partitions; ++i) source.offer("numbers/" + std::to_string(i));
  }
  void assign(const std::string& partition, std::optional<std::string_view> position) override {
    int64_t next = 0;
    if (position) std::memcpy(&next, position->data(), std::min(sizeof next, position->size()));
    next_[partition] = next;
  }
  void revoke(const std::string& partition) override { next_.erase(partition); }
  flow::Status poll(flow::SourceOutput& source) override {
    for (auto at = next_.begin(); at != next_.end();) {
      if (source.room() == 0) return flow::Status::kDone;
      auto& [partition, next] = *at;
      if (next >= options_.rows) {
        source.end(partition, position_of(next));
        at = next_.erase(at);
        continue;
      }
      emit(source, partition, next);
      ++at;
    }
    return next_.empty() ? flow::Status::kEnd : flow::Status::kDone;
  }

 private:
  static std::string position_of(int64_t next) {
    return {reinterpret_cast<const char*>(&next), sizeof next};
  }
  void emit(flow::SourceOutput& source, const std::string& partition, int64_t& next) {
    flow::Output& out = source.out();
    const int64_t rows = std::min(options_.batch_rows, options_.rows - next);
    flow::Int64Builder values(out, rows);
    for (int64_t i = 0; i < rows; ++i) values.append(next + i);
    const flow::TypedColumn column{values.finish(), flow::Type::int64()};
    flow_origin origin{};
    origin.size = sizeof origin;
    origin.source = "numbers";
    origin.partition = partition.c_str();
    origin.position = column.column.get();
    next += rows;
    source.emit(out.make(rows, {{"number", column}}, &origin), partition, position_of(next));
  }

  Options options_;
  std::map<std::string, int64_t> next_;
};

}  // namespace

FLOW_PLUGIN_LICENSED("test.numbers", "1.0.0", "Apache-2.0", Numbers)
