#include "core/graph/watermarks.hpp"

#include <gtest/gtest.h>

#include "flow/host/interned.hpp"

namespace flowrun::watermarks_test {
namespace {

using Step = Watermarks::Step;
constexpr std::int64_t kNever = INT64_MIN;

std::optional<Step> at(std::int64_t watermark) { return Step{false, watermark}; }
const std::optional<Step> kNothing;
const std::optional<Step> kSilent = Step{true, INT64_MIN};

OpenPartitionsPointer open(const std::string& source, const std::vector<std::string>& names,
                           bool waited = false) {
  SourcePartitions partitions(source);
  for (const std::string& name : names) partitions.open(name);
  if (waited) partitions.waits();
  return partitions.current();
}

TEST(WatermarksTest, LowestOfAllOpenPartitionsIsSentWhenItRises) {
  Watermarks marks(0, 0);
  marks.expect({"a"}, false);
  marks.note(open("a", {"p", "q"}));
  marks.tell("a", "p", 10, 0);
  EXPECT_EQ(marks.advance(0, kNever), kNothing);  // q has not begun
  marks.tell("a", "q", 7, 0);
  EXPECT_EQ(marks.advance(0, kNever), at(7));
  EXPECT_EQ(marks.advance(0, kNever), kNothing);
  marks.tell("a", "q", 5, 0);  // it never falls
  EXPECT_EQ(marks.advance(0, kNever), kNothing);
  marks.note(open("a", {"p"}));
  EXPECT_EQ(marks.advance(0, kNever), at(10));
}

TEST(WatermarksTest, SourceThatIsNotHeardOfHoldsTheRestBack) {
  Watermarks marks(0, 0);
  marks.expect({"a", "b"}, false);
  marks.note(open("a", {"p"}));
  marks.tell("a", "p", 10, 0);
  EXPECT_EQ(marks.advance(0, kNever), kNothing);
  marks.note(open("b", {}));
  EXPECT_EQ(marks.advance(0, kNever), at(10));
}

TEST(WatermarksTest, WhoeverFollowsASourceIsToldOfTheEnd) {
  Watermarks marks(0, 0);
  marks.expect({"a"}, false);
  std::vector<std::optional<std::int64_t>> told;
  marks.follow("a", [&](std::optional<std::int64_t> watermark) { told.push_back(watermark); });
  marks.end();
  EXPECT_TRUE(told.empty()) << "it had told of none";
  marks.note(open("a", {"p"}));
  marks.tell("a", "p", 10, 0);
  marks.advance(0, kNever);
  marks.end();
  marks.end();
  EXPECT_EQ(told, (std::vector<std::optional<std::int64_t>>{10, std::nullopt}));
}

TEST(WatermarksTest, SilenceIsLeftOutAndEndsWithTheNextRow) {
  Watermarks marks(100, 0);
  marks.expect({"a"}, false);
  marks.note(open("a", {"p", "q"}, true));
  marks.tell("a", "p", 10, 50);
  EXPECT_EQ(marks.advance(50, kNever), kNothing);
  EXPECT_EQ(marks.next_look(), 150);
  EXPECT_EQ(marks.advance(149, kNever), kNothing);
  EXPECT_EQ(marks.advance(150, 140), kNothing);   // the flow made the sources wait
  EXPECT_EQ(marks.advance(160, kNever), at(10));  // q holds nobody back any more
  EXPECT_EQ(marks.next_look(), 160);
  EXPECT_EQ(marks.advance(160, kNever), kSilent);
  marks.tell("a", "p", 20, 170);
  EXPECT_EQ(marks.advance(170, kNever), at(20));
  marks.tell("a", "q", 5, 171);
  EXPECT_EQ(marks.advance(171, kNever), kNothing);
  EXPECT_EQ(marks.advance(270, kNever), kNothing);  // p is silent, q was further back already
  EXPECT_EQ(marks.advance(271, kNever), kSilent);
  EXPECT_EQ(marks.next_look(), INT64_MAX);
}

TEST(WatermarksTest, PartitionThatHasEndedIsNotHeldBackByOnesThatAreSilent) {
  Watermarks marks(100, 0);
  marks.expect({"a", "b"}, false);
  marks.note(open("a", {"p"}, true));
  marks.note(open("b", {"q"}, true));
  marks.tell("a", "p", 10, 0);
  marks.note(open("a", {}));
  EXPECT_EQ(marks.advance(50, kNever), kNothing);  // q was heard of just now, and may yet come
  EXPECT_EQ(marks.advance(150, kNever), at(10));
  EXPECT_EQ(marks.advance(150, kNever), kSilent);
}

TEST(WatermarksTest, PartitionThatWaitsForItsTurnIsNotSilent) {
  Watermarks marks(100, 0);
  marks.expect({"a"}, false);
  marks.note(open("a", {"p", "q"}, false));
  marks.tell("a", "p", 10, 0);
  EXPECT_EQ(marks.advance(0, kNever), kNothing);
  marks.tell("a", "p", 20, 1000);
  EXPECT_EQ(marks.advance(1000, kNever), kNothing);
  marks.note(open("a", {"p", "q"}, true));  // the source had nothing to read
  EXPECT_EQ(marks.advance(1001, kNever), at(20));
}

TEST(WatermarksTest, WatermarkOfAWholeSourceTakesThePlaceOfItsPartitions) {
  Watermarks marks(0, 0);
  marks.expect({"a", "b"}, false);
  marks.note(open("a", {"p", "q"}));
  marks.note(open("b", {"r"}));
  marks.tell("a", nullptr, 10, 0);
  EXPECT_EQ(marks.advance(0, kNever), kNothing);
  marks.tell("b", "r", 30, 0);
  EXPECT_EQ(marks.advance(0, kNever), at(10));
  marks.note(open("a", {}));
  EXPECT_EQ(marks.advance(0, kNever), at(30));
}

TEST(WatermarksTest, RowsWithoutAnOriginCount) {
  Watermarks marks(0, 0);
  marks.expect({}, true);
  EXPECT_EQ(marks.advance(0, kNever), kNothing);
  marks.tell(nullptr, nullptr, 4, 0);
  EXPECT_EQ(marks.advance(0, kNever), at(4));
}

TEST(WatermarksTest, RestartGoesOnAtTheSameWatermark) {
  Watermarks marks(0, 0);
  marks.expect({"a"}, false);
  marks.note(open("a", {"p"}));
  marks.tell("a", "p", 10, 0);
  EXPECT_EQ(marks.advance(0, kNever), at(10));
  Watermarks restarted(0, 0);
  restarted.expect({"a"}, false);
  restarted.load(marks.save());
  restarted.tell("a", "p", 10, 0);
  restarted.tell("a", "q", 50, 0);
  EXPECT_EQ(restarted.advance(0, kNever), at(10));
  restarted.note(open("a", {"q"}));
  EXPECT_EQ(restarted.advance(0, kNever), at(50));
  EXPECT_THROW(restarted.load("short"), std::runtime_error);
}

TEST(OpenPartitionsTest, SeveralInputsHaveOpenWhatAnyHas) {
  OpenPartitionsMerge merge;
  merge.expect(0, {"a"});
  merge.expect(1, {"a"});
  EXPECT_EQ(merge.merged(0, open("a", {"p", "q"}), false)->names.size(), 2U);
  // Input 1 has not been heard of: nothing is closed.
  EXPECT_EQ(merge.merged(0, open("a", {"q"}), false)->names.size(), 2U);
  EXPECT_EQ(merge.merged(1, open("a", {"p", "q"}), false)->names.size(), 2U);
  EXPECT_EQ(merge.merged(1, open("a", {"q"}), false)->names.size(), 1U);
  EXPECT_EQ(merge.merged(0, open("a", {}), true)->names.size(), 1U);
  EXPECT_TRUE(merge.merged(1, open("a", {}), true)->names.empty());
}

TEST(OpenPartitionsTest, SourceTellsWhatChanged) {
  SourcePartitions partitions("a");
  EXPECT_TRUE(partitions.changed());
  const OpenPartitionsPointer first = partitions.current();
  EXPECT_FALSE(partitions.changed());
  partitions.open("p");
  partitions.open("p");
  EXPECT_EQ(partitions.current()->names.size(), 1U);
  EXPECT_TRUE(first->names.empty());
  partitions.waits();
  EXPECT_TRUE(partitions.current()->waited);
  partitions.waits();
  EXPECT_FALSE(partitions.changed());
  partitions.open("q");
  EXPECT_FALSE(partitions.current()->waited);
  partitions.close_all();
  EXPECT_TRUE(partitions.current()->names.empty());
}

}  // namespace
}  // namespace flowrun::watermarks_test
