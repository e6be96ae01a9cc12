#include "flow/utf8.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace flow {
namespace {

std::string repaired(std::string_view text) {
  std::string out;
  append_repaired_utf8(text, out);
  return out;
}

TEST(Utf8, EachMaximalSubpartBecomesOneReplacement) {
  const std::string r = "\xEF\xBF\xBD";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"plain", "plain"},
      {"é€😀", "é€😀"},
      {"\x80", r},
      {"\xC3", r},
      {"\xC0\x80", r + r},
      {"\xE2\x82", r},
      {"\xE2\x82x", r + "x"},
      {"\xF0\x9F\x98", r},
      {"\xF0\x9F\x98\xF0\x9F\x98\x80", r + "😀"},
      {"\xED\xA0\x80", r + r + r},
      {"\xF4\x90\x80\x80", r + r + r + r},
      {"\xE0\x80\x80", r + r + r},
      // The example of Unicode 15, section 3.9, table 3-8.
      {"a\xF1\x80\x80\xE1\x80\xC2"
       "b\x80"
       "c\x80\xBF"
       "d",
       "a" + r + r + r + "b" + r + "c" + r + r + "d"}};
  for (const auto& [text, expected] : cases) {
    EXPECT_EQ(repaired(text), expected);
    EXPECT_EQ(is_valid_utf8(text), text == expected);
    EXPECT_TRUE(is_valid_utf8(repaired(text)));
  }
}

TEST(Utf8, APrefixCutsNoCharacterInTwo) {
  const std::string text = "aé€😀z";  // of 1, 2, 3, 4 and 1 bytes
  const std::vector<size_t> wanted = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11};
  for (size_t longest = 0; longest < wanted.size(); ++longest) {
    EXPECT_EQ(utf8_prefix(text, longest), text.substr(0, wanted[longest])) << longest;
  }
  EXPECT_EQ(utf8_prefix("\x80\x80\x80", 2), "");
  EXPECT_EQ(utf8_length(text), 5U);
  EXPECT_EQ(utf8_length(""), 0U);
}

TEST(Utf8, InvalidByteIsFoundAtEveryPlace) {
  for (size_t length = 1; length < 50; ++length) {
    for (size_t at = 0; at < length; ++at) {
      std::string text(length, 'x');
      EXPECT_TRUE(is_valid_utf8(text));
      text[at] = '\xFF';
      EXPECT_FALSE(is_valid_utf8(text)) << length << " " << at;
    }
  }
}

TEST(Utf8, EveryCodePointIsValidAsWritten) {
  for (char32_t point = 0; point < 0x110000; point += 0x25) {
    if (point >= 0xD800 && point < 0xE000) continue;
    std::string text;
    append_utf8(point, text);
    ASSERT_TRUE(is_valid_utf8(text)) << static_cast<uint32_t>(point);
    ASSERT_EQ(utf8_step(text).length, text.size());
  }
}

}  // namespace
}  // namespace flow
