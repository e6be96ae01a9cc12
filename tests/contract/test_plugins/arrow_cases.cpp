// Batches for another Arrow implementation to read: tests/contract/arrow_conformance_test.py finds
// the functions below as the extension "test.arrow_cases" of the component, and loads this file
// like a host.
#include <cstring>

#include "flow/flow.hpp"
#include "flow/host/export.hpp"
#include "flow/testing/host.hpp"

namespace {

namespace ft = flow::testing;
using flow::Type;
using ft::Cell;

// The rows of every case; every third is null where `nulls`. The Python side has the same.
ft::Table table_of(int64_t rows, bool nulls) {
  const std::string longer = "a text that is longer than twelve bytes";
  const Type place = Type::structure({{"name", Type::text()}, {"lat", Type::float64()}});
  ft::Table table;
  const auto add = [&](const char* name, const Type& type, auto cell) {
    std::vector<Cell> cells;
    for (int64_t i = 0; i < rows; ++i)
      cells.push_back(nulls && i % 3 == 0 ? Cell() : Cell(cell(i)));
    table.columns.emplace_back(name, type, std::move(cells));
  };
  const auto text = [&](int64_t i) {
    return i % 2 == 0 ? "t" + std::to_string(i) : longer + std::to_string(i);
  };
  const auto at = [&](int64_t i) {
    return Cell::structure({{"name", Cell(text(i))}, {"lat", Cell(static_cast<double>(i) / 2)}});
  };
  add("bool", Type::boolean(), [](int64_t i) { return i % 3 == 1; });
  add("int64", Type::int64(), [](int64_t i) { return i * 1'000'000'007 - 5; });
  add("float64", Type::float64(), [](int64_t i) { return static_cast<double>(i) * 0.25; });
  add("timestamp", Type::timestamp(), [](int64_t i) { return 1'700'000'000'000'000'000 + i; });
  add("text", Type::text(), text);
  add("binary", Type::binary(), [&](int64_t i) { return std::string("\0\xff", 2) + text(i); });
  add("category", Type::category(), [&](int64_t i) { return text(i % 4); });
  add("json", Type::json(), [](int64_t i) { return "{\"row\": " + std::to_string(i) + "}"; });
  add("struct", place, at);
  add("list", Type::list(Type::text()), [&](int64_t i) {
    Cell::List items;
    for (int64_t k = 0; k < i % 3; ++k) items.emplace_back(text(i + k));
    return Cell::list(std::move(items));
  });
  add("nested", Type::list(place), [&](int64_t i) {
    return Cell::list(i % 2 == 0 ? Cell::List{at(i), Cell(), at(i + 1)} : Cell::List{});
  });
  return table;
}

flow::Batch batch_of(ft::TestHost& host, int64_t rows, bool nulls, int64_t first, int64_t count) {
  flow::Output out(host.abi());
  const ft::Table table = table_of(rows, nulls);
  std::vector<flow::NewColumn> columns;
  for (const ft::TableColumn& column : table.columns) {
    columns.push_back(
        {column.name, {ft::make_column(out, column.type, column.cells), column.type}});
  }
  return out.slice(out.make(rows, columns, nullptr), first, count);
}

struct ArrowCases {
  // Rows [first, first + count) of a batch of `rows`; 0 is returned, or -1 when it could not be
  // made.
  int32_t (*make)(int64_t rows, int32_t nulls, int64_t first, int64_t count, ArrowSchema* schema,
                  ArrowArray* array);
  // Bytes that are still held by what was handed out.
  int64_t (*used)();
};

ft::TestHost& host() {
  static auto* host = new ft::TestHost;
  return *host;
}

const ArrowCases kCases = {[](int64_t rows, int32_t nulls, int64_t first, int64_t count,
                              ArrowSchema* schema, ArrowArray* array) -> int32_t {
                             try {
                               const flow::Batch batch =
                                   batch_of(host(), rows, nulls != 0, first, count);
                               flow::host::export_batch(*batch, schema, array);
                               return 0;
                             } catch (...) {
                               return -1;
                             }
                           },
                           [] { return host().account.used(); }};

class Cases final : public flow::Transform {
 public:
  struct Options {};
  static void describe(flow::Description<Options>& d) {
    d.name("arrow_cases");
    d.summary("Passes rows on.");
    d.doc("Its instances have the extension `test.arrow_cases`.");
    d.example("[transforms.cases]\ntype = \"arrow_cases\"\ninputs = [\"words\"]\n");
    d.traits(FLOW_STATELESS);
  }
  void process(const flow::Batch& in, flow::Output& out) override { out.emit(in); }
  const void* extension(const char* id) override {
    return std::strcmp(id, "test.arrow_cases") == 0 ? &kCases : nullptr;
  }
};

}  // namespace

FLOW_PLUGIN_LICENSED("test.arrow_cases", "1.0.0", "Apache-2.0", Cases)
