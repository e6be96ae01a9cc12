// A keyed operator: numbers the rows of each key, and says at the end how many each had.
#include "flow/flow.hpp"

namespace {

class CountByKey final : public flow::GeneralTransform {
 public:
  struct Options {
    std::vector<flow::Field> key{{"key"}};
  };
  static void describe(flow::Description<Options>& d) {
    d.name("count_by_key");
    d.summary("Numbers the rows of each key.");
    d.doc(
        "Adds the column `number`. Every key gets a timer, which puts its total out on `totals`. "
        "State: "
        "about 100 bytes a key.");
    d.example(
        "[transforms.counted]\ntype = \"count_by_key\"\ninputs = [\"words\"]\nkey = [\"word\"]\n");
    d.traits(FLOW_KEYED);
    d.input("in", "The rows to number.", "key");
    d.output("out", "The rows with their number.");
    d.output("totals", "A row for each key.");
    d.option("key", &Options::key, "The columns of the key.");
  }

  explicit CountByKey(const Options& options) : reader_(names_of(options)) {}

  void open(flow::Output& out) override { table_.emplace(out, "counts", 1); }
  flow::Status consume(uint32_t, const flow::Batch& in, flow::Output& out) override {
    const flow_keys* keys = out.get()->keys(out.get());
    if (keys == nullptr) throw flow::Failure("count_by_key is not run as a keyed operator");
    reader_.read(in);
    std::vector<int32_t> counted;
    std::vector<int64_t> numbers;
    for (int64_t i = 0; i < keys->n_rows; ++i) {
      const int32_t row = keys->rows[i];
      const uint64_t hash = keys->hashes[row];
      const std::string_view key = reader_.key(row);
      Record* record = table_->insert(hash, key);
      if (record == nullptr) {
        out.fail(in, row, "state_limit", "no room for one more key: raise state_limit");
        continue;
      }
      if (record->count++ == 0) {
        const flow_key timer{.size = sizeof(flow_key),
                             .length = static_cast<uint32_t>(key.size()),
                             .hash = hash,
                             .bytes = key.data()};
        out.get()->timer(out.get(), FLOW_EVENT_TIME, 1'000, &timer);
      }
      counted.push_back(row);
      numbers.push_back(record->count);
    }
    if (counted.empty()) return flow::Status::kDone;
    const auto rows = static_cast<int64_t>(counted.size());
    flow::Int64Builder column(out, rows);
    for (const int64_t number : numbers) column.append(number);
    out.emit(out.with(out.select(in, counted.data(), rows),
                      {{"number", {column.finish(), flow::Type::int64()}}}));
    return flow::Status::kDone;
  }
  flow::Status timer(flow_time, int64_t, std::span<const flow_key* const> keys,
                     flow::Output& out) override {
    const auto rows = static_cast<int64_t>(keys.size());
    flow::Int64Builder totals(out, rows);
    for (const flow_key* key : keys) {
      const std::string_view bytes(static_cast<const char*>(key->bytes), key->length);
      const Record* record = table_->find(key->hash, bytes);
      totals.append(record != nullptr ? record->count : 0);
      table_->erase(key->hash, bytes);
    }
    out.create(out.make(rows, {{"total", {totals.finish(), flow::Type::int64()}}}, nullptr), 1);
    return flow::Status::kDone;
  }

 private:
  struct Record {
    int64_t count = 0;
  };
  static std::vector<std::string> names_of(const Options& options) {
    std::vector<std::string> names;
    for (const flow::Field& field : options.key) names.push_back(field.name);
    return names;
  }
  flow::KeyReader reader_;
  std::optional<flow::KeyedTable<Record>> table_;
};

}  // namespace

FLOW_PLUGIN_LICENSED("test.count_by_key", "1.0.0", "Apache-2.0", CountByKey)
