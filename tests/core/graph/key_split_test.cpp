#include "core/graph/key_split.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <string>
#include <vector>

#include "flow/host/key_hash.hpp"
#include "flow/testing/host.hpp"

namespace flowrun::key_split_test {
namespace {

using flow::testing::Cell;
using flow::testing::make_column;

TEST(KeySplitTest, EveryRowGoesToTheOwnerOfItsGroupInOrder) {
  flow::testing::TestHost host;
  std::vector<Cell> keys, texts;
  for (std::int64_t i = 0; i < 1000; ++i) {
    keys.emplace_back(i % 37);
    texts.push_back(i % 11 == 0 ? Cell(nullptr) : Cell("key " + std::to_string(i % 91)));
  }
  const flow::Column first = make_column(host.host(), flow::Type::int64(), keys);
  const flow::Column second = make_column(host.host(), flow::Type::text(), texts);
  std::vector<std::uint64_t> hashes(1000, 0);
  flow::host::hash_column(*first, hashes);
  flow::host::hash_column(*second, hashes);
  const std::vector<const flow_column*> columns{first.get(), second.get()};
  for (const std::size_t instances : {1, 2, 3, 4, 128, 200}) {
    KeySkew skew;
    skew.set_instances(instances);
    const KeySplit split(columns, 1000, instances, skew);
    std::vector<bool> seen(1000, false);
    for (std::size_t instance = 0; instance < instances; ++instance) {
      std::int32_t last = -1;
      for (const std::int32_t row : split.rows_of(instance)) {
        EXPECT_GT(row, last);
        last = row;
        const auto at = static_cast<std::size_t>(row);
        EXPECT_EQ(split.hashes()[at], hashes[at]);
        EXPECT_EQ(flow::host::owner_of_group(flow::host::key_group(hashes[at]),
                                             static_cast<std::uint32_t>(instances)),
                  instance);
        seen[at] = true;
      }
      EXPECT_EQ(skew.rows_of_instance(instance), split.rows_of(instance).size());
    }
    EXPECT_EQ(std::accumulate(seen.begin(), seen.end(), 0), 1000);
  }
}

TEST(KeySplitTest, SkewIsTheShareOfTheFullestGroup) {
  flow::testing::TestHost host;
  const flow::Column same = make_column(host.host(), flow::Type::int64(), {7, 7, 7, 7});
  const std::vector<const flow_column*> columns{same.get()};
  KeySkew skew;
  EXPECT_EQ(skew.share_of_fullest_group(), 0.0);
  skew.set_instances(2);
  const KeySplit split(columns, 4, 2, skew);
  EXPECT_EQ(skew.share_of_fullest_group(), 1.0);
}

TEST(KeySplitTest, NoKeyIsOneKey) {
  KeySkew skew;
  const KeySplit split({}, 3, 4, skew);
  EXPECT_EQ(split.rows_of(0).size(), 3U);
}

// The hash decides where stored state is found again: word by word, zeros behind the last bytes.
std::uint64_t reference_hash(std::string bytes, std::uint64_t seed) {
  constexpr std::uint64_t kFirst = 0x9e3779b97f4a7c15, kSecond = 0xd6e8feb86659fd93;
  const auto fold = [](std::uint64_t a, std::uint64_t b) {
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  };
  std::uint64_t state = fold(seed ^ kFirst, bytes.size() ^ kSecond);
  for (std::size_t at = 0; at < bytes.size(); at += 8) {
    std::uint64_t word = 0;
    const std::size_t n = std::min<std::size_t>(8, bytes.size() - at);
    for (std::size_t i = 0; i < n; ++i) {
      word |= std::uint64_t{static_cast<unsigned char>(bytes[at + i])} << i * 8;
    }
    state = fold(state ^ word ^ kFirst, kSecond ^ n);
  }
  return fold(state ^ kSecond, kFirst);
}

TEST(KeySplitTest, HashIsTheFrozenOne) {
  EXPECT_EQ(flow::host::hash_bytes("key"), reference_hash("key", 0));
  std::string text;
  for (int length = 0; length < 40; ++length) {
    for (const std::uint64_t seed : {std::uint64_t{0}, std::uint64_t{1}, UINT64_MAX}) {
      EXPECT_EQ(flow::host::hash_bytes(text, seed), reference_hash(text, seed)) << length;
    }
    text += static_cast<char>(length * 37 + 200);
  }
}

}  // namespace
}  // namespace flowrun::key_split_test
