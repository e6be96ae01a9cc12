#include "operators/common/utf8_text.hpp"

#include <gtest/gtest.h>

#include <string>

namespace flow::operators::utf8_text_test {
namespace {

TEST(Utf8Text, InvalidBytesAreReplacedOneByOne) {
  const std::string replacement = "\xEF\xBF\xBD";
  EXPECT_EQ(valid_utf8("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z"),
            "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z");
  EXPECT_EQ(valid_utf8("\xC0\x80"), replacement + replacement);                    // overlong
  EXPECT_EQ(valid_utf8("\xED\xA0\x80"), replacement + replacement + replacement);  // surrogate
  EXPECT_EQ(valid_utf8("\xF4\x90\x80\x80"),
            replacement + replacement + replacement + replacement);     // > U+10FFFF
  EXPECT_EQ(valid_utf8("x\xE2\x82"), "x" + replacement + replacement);  // cut short
}

TEST(Utf8Text, KelvinSignAndLongSFoldToLetters) {
  EXPECT_EQ(fold_to_ascii_letters("\xE2\x84\xAA\xC5\xBF\xC3\xA9"), "ks\xC3\xA9");
}

}  // namespace
}  // namespace flow::operators::utf8_text_test
