#include "operators/common/quantity.hpp"

#include <gtest/gtest.h>

#include <string>

#include "flow/host.hpp"

namespace flow::operators::common_quantity_test {
namespace {

Value text(const std::string& written) {
  Value value;
  value.type = FLOW_OPTION_TEXT;
  value.text = written;
  return value;
}

TEST(QuantityTest, SizesHaveUnits) {
  EXPECT_EQ(read_size(text("100MiB"), "size"), 104'857'600);
  EXPECT_EQ(read_size(text("1.5kB"), "size"), 1500);
  EXPECT_EQ(read_size(text("7b"), "size"), 7);
  EXPECT_EQ(read_size(text("2tib"), "size"), int64_t{2} << 40);
}

TEST(QuantityTest, DurationsAreSums) {
  EXPECT_EQ(read_duration(text("1h30m"), "every"), 5'400'000'000'000);
  EXPECT_EQ(read_duration(text("250ms"), "every"), 250'000'000);
  EXPECT_EQ(read_duration(text("1d"), "every"), 86'400'000'000'000);
}

TEST(QuantityTest, OthersAreRefusedWithTheirName) {
  for (const char* wrong : {"", "12", "MiB", "1 MiB", "-1MiB", "0MiB", "1MiB2", "1MiB1MiB", "1h",
                            "99999999999TiB", "nan", "1e3MiB"}) {
    EXPECT_THROW(read_size(text(wrong), "roll.size"), Failure) << wrong;
  }
  for (const char* wrong : {"1MiB", "h", "1h30", "0s", "1y", "999999d999999d"}) {
    EXPECT_THROW(read_duration(text(wrong), "roll.every"), Failure) << wrong;
  }
  Value number;
  number.type = FLOW_OPTION_INT;
  number.integer = 5;
  number.place = "flow.toml:3:4";
  try {
    read_size(number, "roll.size");
    FAIL();
  } catch (const Failure& refused) {
    EXPECT_EQ(std::string(refused.what()),
              "flow.toml:3:4: roll.size: the value is no size above zero; write eg \"100MiB\"");
  }
}

}  // namespace
}  // namespace flow::operators::common_quantity_test
