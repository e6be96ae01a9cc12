// Batches as bytes and back: values, schema and origin are the same.
#include "core/state/batch_bytes.hpp"

#include <gtest/gtest.h>

#include <random>

#include "flow/output.hpp"
#include "flow/testing/contract/generate.hpp"
#include "flow/testing/host.hpp"

namespace flowrun::batch_bytes_test {
namespace {

using flow::testing::Cell;
using flow::testing::Table;
using flow::testing::TableColumn;
using flow::testing::TestHost;

class BatchBytesTest : public ::testing::Test {
 protected:
  flow::Batch make(const Table& table, const flow_origin* origin = nullptr) {
    std::vector<flow::TypedColumn> columns;
    std::vector<flow::NewColumn> named;
    columns.reserve(table.columns.size());
    for (const TableColumn& column : table.columns) {
      columns.push_back(
          {flow::testing::make_column(host_.host(), column.type, column.cells), column.type});
      named.push_back({column.name, columns.back()});
    }
    flow::Output out(host_.abi());
    return out.make(table.rows(), named, origin);
  }
  static std::string bytes_of(const flow::Batch& batch) {
    std::string bytes;
    append_batch(*batch.get(), bytes);
    return bytes;
  }
  flow::Batch again(const flow::Batch& batch) { return read_batch(host_.account, bytes_of(batch)); }

  TestHost host_;
};

TEST_F(BatchBytesTest, AllTypesComeBackWithTheirSchema) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 40; ++round) {
    const Table table = flow::testing::contract::generated_table(random, {"x", "y"}, round * 5);
    const flow::Batch batch = make(table);
    const flow::Batch read = again(batch);
    EXPECT_EQ(&read.schema(), &batch.schema());
    EXPECT_EQ(read.rows(), batch.rows());
    EXPECT_EQ(flow::testing::read_table(read), flow::testing::read_table(batch));
    EXPECT_EQ(bytes_of(read), bytes_of(batch));
  }
}

TEST_F(BatchBytesTest, SlicesAreWrittenWithoutWhatIsAroundThem) {
  std::mt19937_64 random(4);
  const Table table = flow::testing::contract::generated_table(random, {"x"}, 200);
  const flow::Batch batch = make(table);
  for (const std::int64_t first : {0, 1, 7, 8, 63, 150}) {
    const flow::Batch slice = host_.host().slice(batch, first, 50);
    EXPECT_EQ(flow::testing::read_table(again(slice)), flow::testing::read_table(slice)) << first;
    EXPECT_LT(bytes_of(slice).size(), bytes_of(batch).size() / 2);
  }
}

TEST_F(BatchBytesTest, TheOriginComesBack) {
  const flow::Column positions =
      flow::testing::make_column(host_.host(), flow::Type::int64(), {5, 9, 20});
  const flow::Column records = flow::testing::make_column(
      host_.host(), flow::Type::binary(), {std::string("\xff\0a", 3), "", std::string(50, 'r')});
  const flow::Column times =
      flow::testing::make_column(host_.host(), flow::Type::timestamp(), {1, 2, 3});
  flow_origin origin{};
  origin.size = sizeof origin;
  origin.source = "mqtt";
  origin.partition = "sensors/#";
  origin.position = positions.get();
  origin.record = records.get();
  origin.event_time = times.get();
  origin.watermark = times.get();
  const flow::Batch read =
      again(make({{"a", flow::Type::text(), {"x", nullptr, "a text of more than 12"}}}, &origin));
  EXPECT_STREQ(read.origin().source, "mqtt");
  EXPECT_STREQ(read.origin().partition, "sensors/#");
  EXPECT_EQ(flow::Int64View(*read.origin().position)[2], 20);
  EXPECT_EQ(flow::TextView(*read.origin().record)[0], std::string_view("\xff\0a", 3));
  EXPECT_EQ(read.event_times()[1], 2);
  EXPECT_EQ(read.watermarks()[2], 3);
  EXPECT_EQ(flow::testing::read_table(read)["a"],
            (std::vector<Cell>{"x", nullptr, "a text of more than 12"}));
}

TEST_F(BatchBytesTest, MemoryIsChargedAndReleased) {
  const std::int64_t before = host_.account.used();
  std::string bytes;
  { bytes = bytes_of(make({{"a", {std::string(1000, 'a')}}})); }
  {
    const flow::Batch read = read_batch(host_.account, bytes);
    EXPECT_GT(host_.account.used(), before + 1000);
  }
  EXPECT_EQ(host_.account.used(), before);
}

TEST_F(BatchBytesTest, WhatIsNoBatchIsRefusedWithTheReason) {
  const std::string bytes = bytes_of(make({{"a", {"text", "more"}}, {"b", {1, 2}}}));
  const auto refused = [&](std::string_view damaged) -> std::string {
    try {
      read_batch(host_.account, damaged);
      return "";
    } catch (const BatchBytesError& error) {
      return error.what();
    }
  };
  EXPECT_EQ(refused(""), "is no batch of this format");
  for (std::size_t length = 1; length < bytes.size(); ++length) {
    EXPECT_NE(refused(bytes.substr(0, length)), "") << length;
  }
  EXPECT_EQ(refused(bytes + "x"), "does not end where it should");
  std::string text = bytes;
  text[text.find("text")] = '\xff';
  EXPECT_EQ(refused(text), "has text that is not UTF-8");
}

}  // namespace
}  // namespace flowrun::batch_bytes_test
