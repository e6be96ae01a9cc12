// What the engine keeps of a pipeline in a checkpoint: there and back, and what a changed file does
// to it.
#include "core/graph/saved_state.hpp"

#include <gtest/gtest.h>

#include "core/graph/saved_bytes.hpp"

namespace flowrun::saved_state_test {
namespace {

TEST(SavedStateTest, ASourceComesBackAsItWas) {
  SavedSource source;
  source.journal = 4711;
  source.partitions["a.log"] = {"at 10", false, SavedPartition::Stream{"half a li", 10, "a,b\n"}};
  source.partitions["b.log"] = {std::string("\0\xff", 2), true, std::nullopt};
  const SavedSource again = SavedSource::decode(source.encode());
  EXPECT_EQ(again.journal, 4711U);
  ASSERT_EQ(again.partitions.size(), 2U);
  const SavedPartition& first = again.partitions.at("a.log");
  EXPECT_EQ(first.position, "at 10");
  EXPECT_FALSE(first.ended);
  ASSERT_TRUE(first.stream);
  EXPECT_EQ(first.stream->held, "half a li");
  EXPECT_EQ(first.stream->next(), 19);
  EXPECT_EQ(first.stream->context, "a,b\n");
  const SavedPartition& second = again.partitions.at("b.log");
  EXPECT_EQ(second.position, std::string("\0\xff", 2));
  EXPECT_TRUE(second.ended);
  EXPECT_FALSE(second.stream);
}

TEST(SavedStateTest, BytesThatEndTooEarlyAreRefused) {
  SavedSource source;
  source.partitions["a.log"] = {"at 10", false, SavedPartition::Stream{"held", 10, ""}};
  const std::string bytes = source.encode();
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_THROW(SavedSource::decode(std::string_view(bytes).substr(0, length)), SavedStateError)
        << length;
  }
}

TEST(SavedStateTest, TotalsFollowTheNamesOfPorts) {
  LedgerDelta totals;
  totals.input_taken(10, 100);
  totals.emitted(0, 6, 60, 0);
  totals.emitted(1, 2, 20, 1);
  totals.failed("bad_time", 2);
  totals.dropped("duplicate", 1);
  const std::string bytes = encode_totals(totals, {"out", "late"});
  const LedgerDelta again = decode_totals(bytes, {"late", "errors", "out"});
  EXPECT_EQ(again.rows, totals.rows);
  EXPECT_EQ(again.input, totals.input);
  ASSERT_EQ(again.ports.size(), 3U);
  EXPECT_EQ(again.ports[2], totals.ports[0]);
  EXPECT_EQ(again.ports[0], totals.ports[1]);
  EXPECT_EQ(again.ports[1], FlowCounts());
  EXPECT_EQ(again.errors["bad_time"], 2U);
  EXPECT_EQ(again.drops["duplicate"], 1U);
}

class ChangedPipelineTest : public ::testing::Test {
 protected:
  // A checkpoint of one component with state.
  static Manifest checkpoint(const SavedComponent& component, const std::string& part) {
    Manifest manifest;
    manifest.parts[kPipelinePart] = encode_components({component});
    manifest.parts[part + component.id] = SavedOperator{1, {"state"}}.encode();
    return manifest;
  }
  // What a pipeline without components does to it.
  static std::vector<StateChange> compare(const Manifest& manifest) {
    return compare_state(manifest, BoundPipeline());
  }
};

TEST_F(ChangedPipelineTest, StateOfAComponentThatIsGoneIsLost) {
  const std::vector<StateChange> changes =
      compare(checkpoint({"counted", "transform", "count", 1, {}, ""}, kSerialPart));
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes.front().fate, StateChange::Fate::kLost);
  EXPECT_EQ(lost_state(changes),
            "  counted: state of 5 bytes (there is no component of this name any more)");
}

TEST_F(ChangedPipelineTest, ASinkThatIsGoneLosesNothingOnceTheRunHadEnded) {
  Manifest manifest = checkpoint({"out", "sink", "file", 0, {}, ""}, kSinkPart);
  EXPECT_FALSE(lost_state(compare(manifest)).empty());
  manifest.parts[kCleanPart] = "finished";
  EXPECT_TRUE(compare(manifest).empty());
}

TEST_F(ChangedPipelineTest, WhatHadNoStateIsNotMissed) {
  Manifest manifest;
  manifest.parts[kPipelinePart] =
      encode_components({{"parsed", "transform", "parse_json", 0, {}, ""}});
  EXPECT_TRUE(compare(manifest).empty());
}

}  // namespace
}  // namespace flowrun::saved_state_test
