#include "operators/common/utf8_text.hpp"

#include <gtest/gtest.h>

#include <string>

namespace flow::operators::utf8_text_test {
namespace {

TEST(Utf8Text, KelvinSignAndLongSFoldToLetters) {
  EXPECT_EQ(fold_to_ascii_letters("\xE2\x84\xAA\xC5\xBF\xC3\xA9"), "ks\xC3\xA9");
}

}  // namespace
}  // namespace flow::operators::utf8_text_test
