// The window operators of plugins/windows, as the library exports them.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "flow/testing/check_contract.hpp"

namespace flow::operators::windows_windows_contract_test {
namespace {

using flow::testing::Cell;
using flow::testing::ContractSubject;
using flow::testing::Setting;
using flow::testing::Settings;
using flow::testing::Table;
using Names = std::vector<std::string>;

constexpr const char* kLibrary = FLOWRUN_PLUGIN_DIR "/windows.so";
constexpr int64_t kSecond = 1'000'000'000;

// Rows out of order, some late, with keys, numbers and texts.
ContractSubject subject(Settings settings) {
  std::mt19937_64 random(11);
  std::vector<Cell> times, watermarks, keys, values, pages, ids;
  int64_t watermark = 0;
  for (int i = 0; i < 400; ++i) {
    watermark += static_cast<int64_t>(random() % 3);
    times.emplace_back((watermark + static_cast<int64_t>(random() % 30) - 8) * kSecond);
    watermarks.emplace_back(watermark * kSecond);
    ids.emplace_back(i);
    if (random() % 20 == 0) {
      keys.emplace_back(nullptr);
      values.emplace_back(nullptr);
    } else {
      keys.emplace_back("key " + std::to_string(random() % 12));
      values.emplace_back(static_cast<double>(random() % 1000) / 8);
    }
    pages.emplace_back("/page number " + std::to_string(random() % 9));
  }
  ContractSubject result;
  Table table;
  table.columns.emplace_back("t", Type::timestamp(), times);
  table.columns.emplace_back("w", Type::timestamp(), watermarks);
  table.columns.emplace_back("k", Type::text(), keys);
  table.columns.emplace_back("v", Type::float64(), values);
  table.columns.emplace_back("page", Type::text(), pages);
  table.columns.emplace_back("id", Type::int64(), ids);
  result.inputs = {table};
  result.event_time = "t";
  result.watermark = "w";
  result.settings = std::move(settings);
  result.settings.emplace_back("key", Names{"k"});
  result.settings.emplace_back("aggregate", Setting::table({{"hits", Setting("count()")},
                                                            {"total", Setting("sum(v)")},
                                                            {"spread", Setting("stddev(v)")},
                                                            {"p95", Setting("quantile(v, 0.95)")},
                                                            {"pages", Setting("distinct(page)")},
                                                            {"entry", Setting("first(page)")},
                                                            {"exit", Setting("last(page)")},
                                                            {"most", Setting("top(page, 3)")},
                                                            {"highest", Setting("max(id)")}}));
  return result;
}

TEST(WindowsContract, Tumbling) {
  EXPECT_CONTRACT(kLibrary, "tumbling", subject({{"size", "20s"}}));
  EXPECT_CONTRACT(kLibrary, "tumbling", subject({{"size", "20s"}, {"time", "processing"}}));
}

TEST(WindowsContract, Sliding) {
  EXPECT_CONTRACT(kLibrary, "sliding", subject({{"size", "30s"}, {"slide", "10s"}}));
  EXPECT_CONTRACT(kLibrary, "sliding", subject({{"size", "25s"}, {"slide", "10s"}}));
  EXPECT_CONTRACT(kLibrary, "sliding", subject({{"size", "60s"}, {"slide", "5s"}}));
}

TEST(WindowsContract, Session) {
  EXPECT_CONTRACT(kLibrary, "session", subject({{"gap", "5s"}}));
  EXPECT_CONTRACT(kLibrary, "session", subject({{"gap", "60s"}}));
}

TEST(WindowsContract, CountWindow) {
  EXPECT_CONTRACT(kLibrary, "count_window", subject({{"count", 7}}));
  EXPECT_CONTRACT(kLibrary, "count_window", subject({{"count", 1}}));
}

// Two streams out of order, some late, a few without a key; every type comes back.
ContractSubject two_streams(Settings settings) {
  std::mt19937_64 random(12);
  ContractSubject result;
  for (const std::string key : {"k", "id"}) {
    std::vector<Cell> times, watermarks, keys, numbers, texts, places;
    int64_t watermark = 0;
    for (int i = 0; i < 150; ++i) {
      watermark += static_cast<int64_t>(random() % 4);
      times.emplace_back((watermark + static_cast<int64_t>(random() % 20) - 3) * kSecond);
      watermarks.emplace_back(watermark * kSecond);
      keys.emplace_back(random() % 20 == 0 ? Cell() : Cell("key " + std::to_string(random() % 9)));
      numbers.emplace_back(i);
      texts.emplace_back(i % 7 == 0 ? Cell() : Cell("a text of some length " + std::to_string(i)));
      places.emplace_back(Cell::list({Cell(i), Cell()}));
    }
    Table table;
    table.columns.emplace_back("t", Type::timestamp(), times);
    table.columns.emplace_back("w", Type::timestamp(), watermarks);
    table.columns.emplace_back(key, Type::text(), keys);
    table.columns.emplace_back("n", Type::int64(), numbers);
    table.columns.emplace_back("text", key == "k" ? Type::text() : Type::category(), texts);
    table.columns.emplace_back("list", Type::list(Type::int64()), places);
    result.inputs.push_back(table);
  }
  result.event_time = "t";
  result.watermark = "w";
  result.settings = std::move(settings);
  result.settings.emplace_back("left_key", Names{"k"});
  result.settings.emplace_back("right_key", Names{"id"});
  return result;
}

TEST(WindowsContract, Join) {
  EXPECT_CONTRACT(kLibrary, "join", two_streams({{"kind", "inner"}}));
  EXPECT_CONTRACT(kLibrary, "join", two_streams({{"kind", "left"}, {"before", "7s"}}));
  EXPECT_CONTRACT(kLibrary, "join", two_streams({{"kind", "outer"}, {"after", "0s"}}));
}

}  // namespace
}  // namespace flow::operators::windows_windows_contract_test
