#include "operators/common/secret_bits.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <utility>

namespace flow::operators::secret_bits_test {
namespace {

TEST(SecretBits, NoneComesTwiceAndNoHalfIsWithoutThem) {
  SecretBitsMaker maker;
  SecretBitsMaker other;
  std::set<std::pair<uint64_t, uint64_t>> seen;
  for (int i = 0; i < 1000; ++i) {
    for (SecretBitsMaker* one : {&maker, &other}) {
      const SecretBits bits = one->next();
      EXPECT_NE(bits.high, 0U);
      EXPECT_NE(bits.low, 0U);
      seen.emplace(bits.high, bits.low);
    }
  }
  EXPECT_EQ(seen.size(), 2000U);
}

TEST(SecretBits, AreTheSameOnlyAsAWhole) {
  EXPECT_TRUE((SecretBits{1, 2} == SecretBits{1, 2}));
  EXPECT_FALSE((SecretBits{1, 2} == SecretBits{1, 3}));
  EXPECT_FALSE((SecretBits{1, 2} == SecretBits{0, 2}));
}

}  // namespace
}  // namespace flow::operators::secret_bits_test
