#include "operators/common/json_writer.hpp"

#include <gtest/gtest.h>

#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>

namespace flow::operators::json_writer_test {
namespace {

std::string as_to_chars_writes(double value) {
  std::array<char, 64> text{};
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr};
}

std::string written(double value) {
  std::array<char, 64> text{};
  return {text.data(), write_double(text.data(), value)};
}

TEST(JsonWriter, ShortDecimalsAreWrittenAsToCharsWritesThem) {
  for (int decimals = 0; decimals <= 7; ++decimals) {
    const double power = std::pow(10.0, decimals);
    for (int64_t n = -300'000; n <= 300'000; n += 37) {
      const double value = static_cast<double>(n) / power;
      ASSERT_EQ(written(value), as_to_chars_writes(value));
    }
  }
}

TEST(JsonWriter, RandomNumbersAreWrittenAsToCharsWritesThem) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  DoubleWriter remembering;
  for (int i = 0; i < 300'000; ++i) {
    double value = 0;
    const uint64_t bits = random();
    if (i % 3 == 0) {
      std::memcpy(&value, &bits, sizeof value);
      if (!std::isfinite(value)) continue;
    } else if (i % 3 == 1) {
      value = static_cast<double>(static_cast<int64_t>(bits >> 20)) / 1e6;
    } else {
      value = std::nextafter(static_cast<double>(bits % 100'000'000) / 1e4, 1e9);
    }
    ASSERT_EQ(written(value), as_to_chars_writes(value));
    std::array<char, 64> text{};
    for (int twice = 0; twice < 2; ++twice) {
      ASSERT_EQ(std::string(text.data(), remembering.write(text.data(), value)), written(value));
    }
  }
}

TEST(JsonWriter, WhatJsonHasNoNumberForIsNull) {
  EXPECT_EQ(written(std::nan("")), "null");
  EXPECT_EQ(written(-std::numeric_limits<double>::infinity()), "null");
}

TEST(JsonWriter, Base64FollowsTheTestVectorsOfRfc4648) {
  const std::array<std::pair<const char*, const char*>, 7> vectors = {{{"", ""},
                                                                       {"f", "Zg=="},
                                                                       {"fo", "Zm8="},
                                                                       {"foo", "Zm9v"},
                                                                       {"foob", "Zm9vYg=="},
                                                                       {"fooba", "Zm9vYmE="},
                                                                       {"foobar", "Zm9vYmFy"}}};
  for (const auto& [bytes, expected] : vectors) {
    std::array<char, 64> text{};
    EXPECT_EQ(std::string(text.data(), write_base64(text.data(), bytes)), expected);
  }
}

TEST(JsonWriter, QuotedTextIsAJsonString) {
  EXPECT_EQ(json_quoted("a\"\\\x02"), "\"a\\\"\\\\\\u0002\"");
  EXPECT_EQ(json_quoted(""), "\"\"");
}

}  // namespace
}  // namespace flow::operators::json_writer_test
