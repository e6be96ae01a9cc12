#include "core/graph/message_columns.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "tests/core/graph/table_batch.hpp"
#include "tests/core/graph/test_flow.hpp"

namespace flowrun::message_columns_test {
namespace {

using flow::Batch;
using flow::Type;
using flow::testing::make_column;
using flow::testing::read_table;
using flow::testing::Table;

class MessageColumnsTest : public graph_test::TableBatchTest {
 protected:
  Batch batch(const Table& table, const flow::Column* positions = nullptr) {
    flow_origin origin{};
    origin.size = sizeof origin;
    if (positions != nullptr) origin.position = positions->get();
    return TableBatchTest::batch(table, &origin);
  }
  Batch messages(const Table& table) {
    const Batch plain = batch(table);
    const flow::Column positions = MessageColumns::positions(*plain.get(), position_, out_);
    return batch(table, &positions);
  }
  Batch rows(const Table& table, const std::vector<std::int64_t>& at) {
    const flow::Column positions = make_column(host_.host(), Type::int64(), {at.begin(), at.end()});
    return batch(table, &positions);
  }

  MessageColumns columns_;
  std::int64_t position_ = 100;
};

TEST_F(MessageColumnsTest, EveryMessageHasAPlaceOfItsOwn) {
  const Batch in = messages({{"payload", Type::binary(), {"four", "", "a"}}});
  EXPECT_EQ(flow::Int64View(*in.origin().position)[0], 100);
  EXPECT_EQ(flow::Int64View(*in.origin().position)[1], 105);
  EXPECT_EQ(flow::Int64View(*in.origin().position)[2], 106);
  EXPECT_EQ(position_, 108);
}

TEST_F(MessageColumnsTest, RowsGetTheColumnsOfTheirMessage) {
  const Batch in = messages({{"payload", Type::binary(), {"one", "", "two\nlines", "bad"}},
                             {"topic", {"a", "b", "c", "d"}},
                             {"qos", {0, 1, 2, 0}}});
  EXPECT_EQ(columns_.bytes(in, out_).column_count(), 1u);
  // Of the second and the last message nothing came, of the third two rows.
  const Batch made = rows({{"topic", {"mine", "mine", "mine"}}, {"n", {1, 2, 3}}}, {100, 105, 109});
  EXPECT_EQ(read_table(columns_.beside(made, in, out_)),
            (Table{{"topic", {"a", "c", "c"}}, {"n", {1, 2, 3}}, {"qos", {0, 2, 2}}}));
  const Batch backwards = rows({{"n", {1, 2}}}, {115, 100});
  EXPECT_EQ(read_table(columns_.beside(backwards, in, out_)),
            (Table{{"n", {1, 2}}, {"topic", {"d", "a"}}, {"qos", {0, 0}}}));
}

TEST_F(MessageColumnsTest, ACodecThatLosesPositionsIsRefused) {
  const Batch in = messages({{"payload", Type::binary(), {"one"}}, {"topic", {"a"}}});
  EXPECT_THROW(columns_.beside(batch({{"n", {1}}}), in, out_), std::runtime_error);
  EXPECT_THROW(columns_.beside(rows({{"n", {1}}}, {-1}), in, out_), std::runtime_error);
  // Without columns beside the bytes nobody asks.
  const Batch plain = messages({{"payload", Type::binary(), {"one"}}});
  EXPECT_NO_THROW(columns_.beside(batch({{"n", {1}}}), plain, out_));
}

TEST(MessageSource, DecodedRowsHaveTheColumnsBesideTheirMessage) {
  using graph_test::board;
  graph_test::clear_boards();
  graph_test::Flow flow(R"toml(
    [pipeline]
    plugins = ["std"]

    [sources.messages]
    type = "messages"
    messages = ["{\"n\": 1}", "{\"n\": 2}\n{\"n\": 3}", "no json", "{\"n\": 4}"]
    decoding = { type = "json", schema = { n = "int" } }

    [transforms.lined]
    type = "compute"
    inputs = ["messages"]
    fields = { line = "concat(topic, ' ', n)" }

    [sinks.sink]
    type = "collect"
    inputs = ["lined"]

    [sinks.letters]
    type = "collect"
    inputs = ["messages.errors"]
    into = "letters"
)toml",
                        {}, {FLOWRUN_PLUGIN_DIR});
  const RunResult result = flow.run();
  EXPECT_EQ(result.outcome, Outcome::kFinished) << result.message;
  EXPECT_EQ(flow.metric("flowrun_unaccounted_rows"), 0);
  EXPECT_EQ(board("sink").lines, (std::vector<std::string>{"t0 1", "t1 2", "t1 3", "t3 4"}));
  EXPECT_EQ(board("letters").letters.size(), 1u);
}

}  // namespace
}  // namespace flowrun::message_columns_test
