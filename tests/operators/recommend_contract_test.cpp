// `recommend`, as plugins/shop exports it.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "flow/testing/check_contract.hpp"

namespace flow::operators::recommend_contract_test {
namespace {

using flow::testing::Cell;
using flow::testing::ContractSubject;
using flow::testing::Settings;
using flow::testing::Table;

constexpr const char* kLibrary = FLOWRUN_PLUGIN_DIR "/shop.so";

// Of a few sessions, with a row for each way in which a click can be bad.
Table visits(bool texts) {
  std::vector<Cell> sessions, items, events, times, stock, kinds;
  for (int64_t row = 0; row < 160; ++row) {
    const int64_t session = row * 7 % 12;
    const int64_t item = row * row % 23;
    if (row % 41 == 40) {
      sessions.emplace_back();
    } else {
      sessions.push_back(texts ? Cell("session number " + std::to_string(session)) : Cell(session));
    }
    if (row % 37 == 36) {
      items.emplace_back();
    } else {
      items.push_back(texts ? Cell("item" + std::to_string(item)) : Cell(item));
    }
    events.emplace_back(row % 9 == 8 ? "purchase" : row % 13 == 12 ? "search" : "view");
    times.push_back(row % 53 == 52 ? Cell() : Cell(row * 1'000'000'000));
    stock.push_back(row % 5 == 0 ? Cell() : Cell(row % 11 != 3));
    kinds.push_back(row % 17 == 0 ? Cell() : Cell(item % 3 == 0 ? "lamp" : "sofa"));
  }
  if (texts) items[50] = std::string(5000, 'x');
  return {{"session", sessions}, {"item", items},
          {"event", events},     {"at", flow::Type::timestamp(), times},
          {"stock", stock},      {"kind", kinds}};
}

TEST(RecommendContract, HoldsForEveryModelAndKindOfId) {
  for (const char* model : {"mixture", "rule_mixture", "popular", "sr", "vmis", "repeat+vsknn"}) {
    for (const bool texts : {false, true}) {
      SCOPED_TRACE(std::string(model) + (texts ? ", text ids" : ""));
      ContractSubject subject;
      subject.settings = {{"model", model}};
      subject.inputs = {visits(texts)};
      EXPECT_CONTRACT(kLibrary, "recommend", subject);
    }
  }
}

TEST(RecommendContract, HoldsWithEveryBoundReached) {
  ContractSubject subject;
  subject.settings = {{"sessions", 5},
                      {"items", 9},
                      {"sessions_per_item", 3},
                      {"items_per_session", 4},
                      {"rules_per_item", 5},
                      {"time", "at"},
                      {"expire_after", "20s"},
                      {"available", "stock"},
                      {"category", "kind"},
                      {"same_category", true},
                      {"learn", "event != 'search'"},
                      {"answer", "event != 'purchase'"}};
  subject.inputs = {visits(false)};
  EXPECT_CONTRACT(kLibrary, "recommend", subject);
}

TEST(RecommendContract, HoldsForTheOtherOutputs) {
  for (const char* output : {"list", "rank"}) {
    SCOPED_TRACE(output);
    ContractSubject subject;
    subject.settings = {{"output", output}, {"exclude_session", true}};
    subject.inputs = {visits(true)};
    EXPECT_CONTRACT(kLibrary, "recommend", subject);
  }
}

}  // namespace
}  // namespace flow::operators::recommend_contract_test
