#include "operators/common/label_windows.hpp"

#include <gtest/gtest.h>

#include "flow/host.hpp"

namespace flow::operators::label_windows_test {
namespace {

std::string refusal(std::string_view text) {
  try {
    parse_label_windows(text);
  } catch (const Failure& failure) {
    return failure.what();
  }
  return "accepted";
}

TEST(LabelWindows, AreReadFromNabsJson) {
  const auto labels = parse_label_windows(R"({
    "real/b.csv": [["2014-04-11 07:15:00.000000", "2014-04-11 16:45:00.000000"],
                   ["2014-04-10 07:15:00.000000", "2014-04-10 16:45:00.000000"]],
    "real/none.csv": []
  })");
  ASSERT_EQ(labels.size(), 2U);
  EXPECT_EQ(labels[0].series, "real/b.csv");
  ASSERT_EQ(labels[0].windows.size(), 2U);
  EXPECT_EQ(labels[0].windows[0].time.start, 1'397'114'100'000'000'000) << "the earlier one first";
  EXPECT_TRUE(labels[1].windows.empty());
}

TEST(LabelWindows, AreReadFromCsvInAnyOrderOfColumns) {
  const auto labels = parse_label_windows(
      "kind,series,start,end\r\n"
      "spike,\"a\",2014-04-10T07:15:00Z,2014-04-10T07:16:00Z\r\n"
      "\r\n"
      "drift,b,2014-04-10 07:15:00,2014-04-10 09:15:00+02:00\r\n");
  ASSERT_EQ(labels.size(), 2U);
  EXPECT_EQ(labels[0].windows[0].kind, "spike");
  EXPECT_EQ(labels[0].series, "a");
  EXPECT_EQ(labels[1].windows[0].time.start, labels[1].windows[0].time.end);
}

TEST(LabelWindows, MistakesNameTheLineAndTheRemedy) {
  EXPECT_NE(refusal("").find("empty"), std::string::npos);
  EXPECT_NE(refusal("a,b\n").find("line 1: labels begin with"), std::string::npos);
  EXPECT_NE(refusal("series,start,end\na,yesterday,now\n").find("line 2: 'yesterday'"),
            std::string::npos);
  EXPECT_NE(refusal("series,start,end\na,2014-04-10 07:15:00\n").find("line 2"), std::string::npos);
  EXPECT_NE(refusal("series,start,end\na,2014-04-10 07:15:00,2014-04-10 07:14:00\n")
                .find("ends before it starts"),
            std::string::npos);
  EXPECT_NE(refusal("{\n\"a\": [[1]]}").find("line 2: '\"' is expected"), std::string::npos);
  EXPECT_NE(refusal("{} x").find("the end of the file"), std::string::npos);
}

TEST(LabelWindows, SeriesAreNamedWithOrWithoutFolders) {
  EXPECT_TRUE(names_same_series("real/a.csv", "real/a.csv"));
  EXPECT_TRUE(names_same_series("real/a.csv", "data/real/a.csv"));
  EXPECT_TRUE(names_same_series("real/a.csv", "a.csv"));
  EXPECT_FALSE(names_same_series("real/a.csv", "real/aa.csv"));
  EXPECT_FALSE(names_same_series("real/aa.csv", "a.csv"));
  EXPECT_FALSE(names_same_series("real/a.csv", ""));
}

}  // namespace
}  // namespace flow::operators::label_windows_test
