#include "operators/common/ranked_names.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "flow/testing/host.hpp"

namespace flow::operators::ranked_names_test {
namespace {

using Ranked = std::vector<std::pair<int64_t, std::string>>;

class RankedNamesTest : public ::testing::Test {
 protected:
  bool note(const std::string& name, int64_t rank) {
    return names_.note(table_, 0, stored_, name, rank,
                       [&](int64_t known) { return std::max(known, rank); });
  }
  Ranked noted() {
    Ranked all;
    RankedNames<int64_t>::for_each(
        table_.load(0, stored_),
        [&](int64_t rank, std::string_view name) { all.emplace_back(rank, name); });
    std::sort(all.begin(), all.end());
    return all;
  }

  testing::TestHost host_;
  KeyedTable<uint64_t> table_{Host(host_.abi()), "table", 1};
  RankedNames<int64_t> names_{3};
  StoredBytes stored_;
};

TEST_F(RankedNamesTest, KeepsTheNamesWithTheHighestRanks) {
  for (const auto& [rank, name] : Ranked{{1, "a"}, {5, "b"}, {3, ""}}) note(name, rank);
  note("c", 4);
  EXPECT_EQ(noted(), (Ranked{{3, ""}, {4, "c"}, {5, "b"}}));
  note("d", 2);
  EXPECT_EQ(noted(), (Ranked{{3, ""}, {4, "c"}, {5, "b"}}));
  note("", 9);
  note("longer", 6);
  EXPECT_EQ(noted(), (Ranked{{5, "b"}, {6, "longer"}, {9, ""}}));
}

TEST_F(RankedNamesTest, OrderOfWhatIsNotedDoesNotMatter) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    std::mt19937_64 random(seed);
    std::map<std::string, int64_t> best;
    stored_ = {};
    for (int i = 0; i < 40; ++i) {
      const std::string name(random() % 4, static_cast<char>('a' + random() % 4));
      const auto rank = static_cast<int64_t>(random() % 10);
      note(name, rank);
      const auto known = best.emplace(name, rank).first;
      known->second = std::max(known->second, rank);
    }
    Ranked expected;
    for (const auto& [name, rank] : best) expected.emplace_back(rank, name);
    std::sort(expected.begin(), expected.end());
    expected.erase(expected.begin(), expected.end() - 3);
    EXPECT_EQ(noted(), expected) << "seed " << seed;
  }
}

TEST_F(RankedNamesTest, WithoutRoomNothingIsChanged) {
  note("a", 1);
  host_.state_limit = 0;
  host_.state().set_limit(0);
  int64_t rank = 2;
  while (note(std::string(60'000, 'x') + std::to_string(rank), rank)) ASSERT_LT(++rank, 100);
  EXPECT_GE(noted().size(), 1U);
}

}  // namespace
}  // namespace flow::operators::ranked_names_test
