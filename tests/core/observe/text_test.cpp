#include "core/observe/text.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "flow/utf8.hpp"

namespace flowrun::observe_text_test {
namespace {

std::string repaired(std::string_view text) {
  std::string out;
  flow::append_repaired_utf8(text, out);
  return out;
}

std::string json(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

std::string printable(std::string_view text) {
  std::string out;
  append_printable(out, text);
  return out;
}

TEST(ObserveTextTest, ValidUtf8StaysAsItIs) {
  for (const std::string text : {"plain", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x8C\x8D",
                                 "\xEF\xBF\xBD", "\xED\x9F\xBF", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_EQ(repaired(text), text);
  }
}

TEST(ObserveTextTest, EachBrokenSequenceBecomesOneReplacement) {
  const std::string mark = "\xEF\xBF\xBD";
  EXPECT_EQ(repaired("a\xFF"
                     "b"),
            "a" + mark + "b");
  EXPECT_EQ(repaired("\xE2\x82"
                     "x"),
            mark + "x")
      << "cut before its last byte";
  EXPECT_EQ(repaired("\xE2\x82"), mark) << "cut by the end";
  EXPECT_EQ(repaired("\xC0\xAF"), mark + mark) << "overlong";
  EXPECT_EQ(repaired("\xE0\x80\x80"), mark + mark + mark) << "overlong";
  EXPECT_EQ(repaired("\xED\xA0\x80"), mark + mark + mark) << "surrogate";
  EXPECT_EQ(repaired("\xF4\x90\x80\x80"), mark + mark + mark + mark) << "above U+10FFFF";
  EXPECT_EQ(repaired("\x80"), mark) << "continuation alone";
}

TEST(ObserveTextTest, JsonStringsEscapeWhatJsonForbids) {
  EXPECT_EQ(json("say \"hi\" \\ \n\r\t"), R"("say \"hi\" \\ \n\r\t")");
  EXPECT_EQ(json(std::string_view("\0\x1F", 2)), R"("\u0000\u001f")");
  EXPECT_EQ(json("\xC3\xA9\xFF"), "\"\xC3\xA9\xEF\xBF\xBD\"");
  EXPECT_EQ(json(""), "\"\"");
}

TEST(ObserveTextTest, NoTerminalEscapeGetsThrough) {
  EXPECT_EQ(printable("a\x1B[2Jb"), "a\\x1b[2Jb");
  EXPECT_EQ(printable("\xC2\x9B"
                      "31m"),
            "\\u009b31m")
      << "the same as one C1 character";
  EXPECT_EQ(printable("one\ntwo\x7F"), "one\\ntwo\\x7f");
  EXPECT_EQ(printable("\xC2\xA0"), "\xC2\xA0");
}

TEST(ObserveTextTest, ThousandsAreGrouped) {
  EXPECT_EQ(with_thousands(0), "0");
  EXPECT_EQ(with_thousands(999), "999");
  EXPECT_EQ(with_thousands(1000), "1,000");
  EXPECT_EQ(with_thousands(1234567), "1,234,567");
  EXPECT_EQ(with_thousands(UINT64_MAX), "18,446,744,073,709,551,615");
}

}  // namespace
}  // namespace flowrun::observe_text_test
