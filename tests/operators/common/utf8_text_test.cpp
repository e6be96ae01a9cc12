#include "operators/common/utf8_text.hpp"

#include <gtest/gtest.h>

#include <string>

namespace flow::operators::utf8_text_test {
namespace {

TEST(Utf8Text, KelvinSignAndLongSFoldToLetters) {
  EXPECT_EQ(fold_to_ascii_letters("\xE2\x84\xAA\xC5\xBF\xC3\xA9"), "ks\xC3\xA9");
}

TEST(Utf8Text, TheBeginningOfATextIsValidAndSaysThatItGoesOn) {
  EXPECT_EQ(beginning("short"), "short");
  EXPECT_EQ(beginning("aé€", 6), "aé€");
  EXPECT_EQ(beginning("aé€", 5), "aé...");
  EXPECT_EQ(beginning("a\xFF\xC3z", 3), "a\xEF\xBF\xBD\xEF\xBF\xBD...");
}

}  // namespace
}  // namespace flow::operators::utf8_text_test
