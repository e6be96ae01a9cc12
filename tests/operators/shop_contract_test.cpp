// Every operator of plugins/shop, as the library exports it.
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "flow/testing/check_contract.hpp"

namespace flow::operators::shop_contract_test {
namespace {

using flow::testing::Cell;
using flow::testing::ContractSubject;
using flow::testing::Table;
using Names = std::vector<std::string>;

constexpr const char* kLibrary = FLOWRUN_PLUGIN_DIR "/shop.so";
constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kStart = 1'700'000'000 * kSecond;

// Of nine users, out of order, with one row for each way in which a click can be bad.
// `watermarks`: as they pass; else they stand before all rows, and everything is told in the end,
// since what is told of several users at once has no order that is the same in every run.
Table clicks(bool watermarks) {
  std::vector<Cell> users, events, items, categories, prices, quantities, times, marks;
  constexpr const char* kEvents[] = {"view", "view", "search", "cart", "purchase"};
  for (int64_t i = 0; i < 600; ++i) {
    users.emplace_back("user " + std::to_string(i * 7 % 9));
    events.emplace_back(i % 83 == 82 ? "erase" : kEvents[i % 5]);
    items.emplace_back(i * i % 31);
    categories.emplace_back("a category of " + std::to_string(i % 13));
    prices.emplace_back(static_cast<double>(i % 17) + 0.1);
    quantities.emplace_back(1 + i % 2);
    times.emplace_back(kStart + (i * 20 - i * 37 % 50) * kSecond);
    marks.emplace_back(watermarks ? kStart + (i * 20 - 40) * kSecond : kStart - 1000 * kSecond);
  }
  users[100] = nullptr;
  users[101] = std::string(70'000, 'x');
  items[200] = nullptr;
  categories[201] = std::string(70'000, 'x');
  prices[204] = std::numeric_limits<double>::infinity();
  prices[209] = nullptr;
  return {{"user", users},
          {"event", Type::category(), events},
          {"item", items},
          {"category", Type::category(), categories},
          {"price", prices},
          {"quantity", quantities},
          {"time", Type::timestamp(), times},
          {"watermark", Type::timestamp(), marks}};
}

ContractSubject subject_of(bool watermarks) {
  ContractSubject subject;
  subject.inputs = {clicks(watermarks)};
  subject.event_time = "time";
  subject.watermark = "watermark";
  return subject;
}

TEST(ShopContract, Sessionize) {
  ContractSubject subject = subject_of(true);
  subject.settings = {{"gap", "60s"}};
  EXPECT_CONTRACT(kLibrary, "sessionize", subject);
  subject.settings = {{"gap", "10m"}, {"max_length", "3m"}, {"column", "visit"}};
  EXPECT_CONTRACT(kLibrary, "sessionize", subject);
}

TEST(ShopContract, Profile) {
  EXPECT_CONTRACT(kLibrary, "profile", subject_of(false));
  ContractSubject subject = subject_of(true);
  subject.settings = {{"every", "0s"}, {"items", 3}, {"categories", 2}};
  EXPECT_CONTRACT(kLibrary, "profile", subject);
}

}  // namespace
}  // namespace flow::operators::shop_contract_test
