#include "core/graph/kept_fields.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "tests/core/graph/table_batch.hpp"

namespace flowrun::kept_fields_test {
namespace {

using flow::Batch;
using flow::Type;
using flow::testing::Cell;
using flow::testing::read_table;
using flow::testing::Table;

class KeptFieldsTest : public graph_test::TableBatchTest {
 protected:
  Batch encoded(const std::vector<Cell>& rows) { return batch({{"bytes", Type::binary(), rows}}); }
  static KeptFields kept(const std::vector<const char*>& names) {
    return KeptFields({.size = sizeof(flow_kept_fields),
                       .n_fields = static_cast<std::uint32_t>(names.size()),
                       .fields = names.data()});
  }
};

TEST_F(KeptFieldsTest, ColumnsTravelBesideTheBytesOfTheirRows) {
  const Type place = Type::structure({{"city", Type::text()}});
  const Batch in =
      batch({{"n", {1, 2}},
             {"place",
              place,
              {Cell::structure({{"city", "here"}}), Cell::structure({{"city", "there"}})}}});
  KeptFields fields = kept({"place.city", "n"});
  fields.hold(encoded({"one", "two"}));
  const std::vector<Batch> released = fields.release(in, out_);
  ASSERT_EQ(released.size(), 1u);
  EXPECT_EQ(read_table(released[0]), (Table{{"bytes", Type::binary(), {"one", "two"}},
                                            {"kept:place.city", {"here", "there"}},
                                            {"kept:n", {1, 2}}}));
  EXPECT_TRUE(is_encoded(released[0].schema()));
  EXPECT_FALSE(is_encoded(in.schema()));
}

TEST_F(KeptFieldsTest, FailedRowsAreLeftOutAndSeveralBatchesAreTakenApart) {
  const Batch in = batch({{"n", {0, 1, 2, 3, 4}}});
  KeptFields fields = kept({"n"});
  fields.hold(encoded({"0"}));
  fields.failed(in.get(), 3);
  fields.failed(in.get(), 1);
  fields.hold(encoded({"2", "4"}));
  const std::vector<Batch> released = fields.release(in, out_);
  ASSERT_EQ(released.size(), 2u);
  EXPECT_EQ(read_table(released[0]), (Table{{"bytes", Type::binary(), {"0"}}, {"kept:n", {0}}}));
  EXPECT_EQ(read_table(released[1]),
            (Table{{"bytes", Type::binary(), {"2", "4"}}, {"kept:n", {2, 4}}}));
  // Nothing is left for the next batch.
  fields.hold(encoded({"a", "b", "c", "d", "e"}));
  EXPECT_EQ(fields.release(in, out_).size(), 1u);
}

TEST_F(KeptFieldsTest, PrologueStaysTheLastColumn) {
  KeptFields fields = kept({"n"});
  fields.hold(batch({{"bytes", Type::binary(), {"1"}}, {"prologue", Type::binary(), {"n"}}}));
  const std::vector<Batch> released = fields.release(batch({{"n", {1}}}), out_);
  ASSERT_EQ(released.size(), 1u);
  EXPECT_EQ(read_table(released[0]), (Table{{"bytes", Type::binary(), {"1"}},
                                            {"kept:n", {1}},
                                            {"prologue", Type::binary(), {"n"}}}));
  EXPECT_TRUE(is_encoded(released[0].schema()));
}

TEST_F(KeptFieldsTest, NothingComesOfABatchWhoseRowsAllFail) {
  const Batch in = batch({{"n", {0}}});
  KeptFields fields = kept({"n"});
  fields.failed(in.get(), 0);
  EXPECT_TRUE(fields.release(in, out_).empty());
}

TEST_F(KeptFieldsTest, MissingColumnsAreNull) {
  KeptFields fields = kept({"nowhere"});
  fields.hold(encoded({"one"}));
  EXPECT_EQ(read_table(fields.release(batch({{"n", {1}}}), out_)[0]),
            (Table{{"bytes", Type::binary(), {"one"}}, {"kept:nowhere", Type::text(), {nullptr}}}));
}

TEST_F(KeptFieldsTest, CodecsThatLoseTrackOfTheirRowsAreRefused) {
  const Batch in = batch({{"n", {1, 2}}});
  KeptFields fields = kept({"n"});
  fields.hold(encoded({"one"}));
  EXPECT_THROW(fields.release(in, out_), std::runtime_error);
  fields.hold(encoded({"one"}));
  const Batch other = batch({{"n", {1, 2}}});
  fields.failed(other.get(), 0);
  EXPECT_THROW(fields.release(in, out_), std::runtime_error);
  fields = kept({"n"});
  fields.hold(batch({{"n", {1, 2}}}));
  EXPECT_THROW(fields.release(in, out_), std::runtime_error);
}

}  // namespace
}  // namespace flowrun::kept_fields_test
