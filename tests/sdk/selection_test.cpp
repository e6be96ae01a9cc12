// When select copies text, and what the memory account says about it.
#include <gtest/gtest.h>

#include <numeric>

#include "flow/flow.hpp"
#include "flow/testing/host.hpp"

namespace flow::testing {
namespace {

class Selection : public ::testing::Test {
 protected:
  // One column of `rows` texts of `length` bytes in a single buffer.
  Batch texts(int rows, size_t length) {
    const Buffer buffer = host_.host().allocate(static_cast<int64_t>(length) * rows);
    char* at = static_cast<char*>(buffer->data);
    TextBuilder builder(host_.host(), rows);
    const int32_t number = builder.share(buffer);
    for (int row = 0; row < rows; ++row) {
      std::memset(at, 'a' + row % 26, length);
      builder.append_shared({at, length}, number, static_cast<const char*>(buffer->data));
      at += length;
    }
    return out_.make(rows, {{"text", {builder.finish(), Type::text()}}}, nullptr);
  }
  // The fewest rows of 64 bytes that are a quarter of the buffer, which may be larger than was
  // asked for.
  static int quarter_of(const Batch& batch) {
    return static_cast<int>((batch.column(0).data[0]->capacity / 4 + 63) / 64);
  }
  static std::vector<int32_t> first(int n) {
    std::vector<int32_t> rows(static_cast<size_t>(n));
    std::iota(rows.begin(), rows.end(), 0);
    return rows;
  }
  Batch select(const Batch& batch, int n) { return out_.select(batch, first(n).data(), n); }

  TestHost host_;
  Output out_{host_.abi()};
};

TEST_F(Selection, SharesTextThatIsAQuarterOrMoreOfItsBuffers) {
  const Batch batch = texts(64, 64);
  EXPECT_EQ(select(batch, quarter_of(batch)).column(0).data[0], batch.column(0).data[0]);
}

TEST_F(Selection, CopiesTextThatIsLessThanAQuarterOfItsBuffers) {
  const Batch batch = texts(64, 64);
  const int rows = quarter_of(batch) - 1;
  const Batch few = select(batch, rows);
  EXPECT_NE(few.column(0).data[0], batch.column(0).data[0]);
  EXPECT_LT(few.column(0).data[0]->capacity, batch.column(0).data[0]->capacity / 2);
  EXPECT_EQ(few.rows(), rows);
  EXPECT_EQ(read_table(few)["text"][14], Cell(std::string(64, 'o')));
}

TEST_F(Selection, OfInlineTextsKeepsNoBufferAlive) {
  const Batch mixed = out_.with(texts(64, 64), {});
  TextBuilder builder(host_.host(), 64);
  builder.share(mixed.column(0));
  for (int row = 0; row < 64; ++row) builder.append("short");
  const Batch batch = out_.make(64, {{"text", {builder.finish(), Type::text()}}}, nullptr);
  EXPECT_EQ(select(batch, 1).column(0).n_data, 0);
}

TEST_F(Selection, CountsTextInsideStructsAndLists) {
  const Batch flat = texts(64, 64);
  StructBuilder structure(host_.host(), 64);
  structure.add(flat.share_column(0));
  ListBuilder list(host_.host(), 64);
  for (int row = 0; row < 64; ++row) list.append(row + 1);
  const Type struct_type = Type::structure({{"t", Type::text()}});
  const Batch batch =
      out_.make(64,
                {{"s", {structure.finish(), struct_type}},
                 {"l", {list.finish(flat.share_column(0)), Type::list(Type::text())}}},
                nullptr);
  const Batch few = select(batch, 2);
  EXPECT_NE(few.column(0).children[0]->data[0], flat.column(0).data[0]);
  EXPECT_NE(few.column(1).children[0]->data[0], flat.column(0).data[0]);
  const std::string text(64, 'b');
  EXPECT_EQ(read_table(few)["s"][1], Cell::structure({{"t", text}}));
  EXPECT_EQ(read_table(few)["l"][1], Cell::list({text}));
}

TEST_F(Selection, FreesTheSourceOnceItIsDropped) {
  Batch kept;
  {
    const Batch batch = texts(1000, 1000);
    EXPECT_GT(host_.account.used(), 1'000'000);
    kept = select(batch, 3);
  }
  EXPECT_LT(host_.account.used(), 10'000);
  kept = Batch();
  EXPECT_EQ(host_.account.used(), 0);
}

TEST_F(Selection, TakesTheOriginAlong) {
  const Batch plain = texts(8, 64);
  const Column record = make_column(host_.host(), Type::binary(),
                                    {"r0", "r1", "r2", "r3", "r4", "r5", "r6", "the last record"});
  flow_origin origin{};
  origin.size = sizeof origin;
  origin.source = "s";
  origin.record = record.get();
  const flow_column* columns[] = {&plain.column(0)};
  const Batch batch(Reference<const flow_batch>::adopt(
      host_.abi()->batch(host_.abi(), &plain.schema(), 8, columns, &origin)));
  const int32_t rows[] = {7, 2};
  const Batch selected = out_.select(batch, rows, 2);
  EXPECT_EQ(TextView(*selected.origin().record)[0], "the last record");
  EXPECT_EQ(TextView(*selected.origin().record)[1], "r2");
  EXPECT_STREQ(selected.origin().source, "s");
  EXPECT_EQ(TextView(*out_.slice(batch, 3, 2).origin().record)[1], "r4");
}

TEST(MemoryAccount, RemembersItsPeakAndTellsWhenUsageFalls) {
  host::MemoryAccount account;
  int wakes = 0;
  account.on_falling_below(1000, [&] { ++wakes; });
  auto* first = host::Buffer::allocate(account, 900);
  auto* second = host::Buffer::allocate(account, 900);
  const int64_t both = first->capacity + second->capacity + 2 * host::Buffer::kHeader;
  EXPECT_GE(first->capacity, 900);
  EXPECT_EQ(account.used(), both);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(first->data) % 64, 0U);
  host::release(first);
  EXPECT_EQ(wakes, 0);
  host::release(second);
  EXPECT_EQ(wakes, 1);
  EXPECT_EQ(account.used(), 0);
  EXPECT_EQ(account.peak(), both);
}

}  // namespace
}  // namespace flow::testing
