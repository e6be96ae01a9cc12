#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/operators/sinks/sqlite_fixture.hpp"

namespace flow::operators::sqlite_test {
namespace {

// The sink as a host with checkpoints has it.
class CheckpointedSink {
 public:
  explicit CheckpointedSink(const SqliteSink::Options& options)
      : host_(1), out_(enabled(host_)), shared_(options, host_.host()), sink_(options, shared_) {
    sink_.open(out_);
  }

  void push(const Table& table) {
    std::vector<NewColumn> columns;
    for (const auto& column : table.columns) {
      columns.push_back(
          {column.name,
           {flow::testing::make_column(host_.host(), column.type, column.cells), column.type}});
    }
    flow_origin origin{};
    origin.size = sizeof origin;
    sink_.process(out_.make(table.rows(), columns, &origin), out_);
  }
  SqliteSink* operator->() { return &sink_; }

 private:
  static const flow_host* enabled(flow::testing::TestHost& host) {
    host.checkpoints = true;
    return host.abi();
  }

  flow::testing::TestHost host_;
  Output out_;
  SqliteSink::Shared shared_;
  SqliteSink sink_;
};

class SqliteCheckpoints : public Sqlite {
 protected:
  SqliteSink::Options options(SqliteSink::Mode mode = SqliteSink::Mode::kInsert) const {
    SqliteSink::Options result;
    result.database = path();
    result.table = "t";
    result.mode = mode;
    return result;
  }
};

TEST_F(SqliteCheckpoints, RowsBehindOneAreTakenBack) {
  SqliteSink::Options with = options();
  with.full_text = {"q"};
  std::string handle;
  {
    CheckpointedSink sink(with);
    sink->prepare(1);
    sink.push({{"q", {"one", "two"}}});
    handle = sink->prepare(2);
    sink.push({{"q", {"three"}}});
    sink->prepare(3);
    sink.push({{"q", {"never written"}}});
  }
  EXPECT_EQ(reader().value("SELECT count(*) FROM t"), "3");
  CheckpointedSink sink(with);
  sink->restore(1, handle);
  sink->commit(handle);
  EXPECT_EQ(reader().rows("SELECT flowrun_row, q FROM t"), (Rows{"1|one", "2|two"}));
  EXPECT_EQ(reader().value("SELECT count(*) FROM t_search WHERE t_search MATCH 'three'"), "0");
  EXPECT_EQ(reader().value("SELECT checkpoint || ' ' || rows FROM flowrun_sinks"), "2 2");
  sink.push({{"q", {"three"}}});
  sink->prepare(4);
  sink->commit(handle);  // rows have come: nothing is taken back
  EXPECT_EQ(reader().rows("SELECT flowrun_row, q FROM t"), (Rows{"1|one", "2|two", "3|three"}));
}

TEST_F(SqliteCheckpoints, AnAbortedOneLeavesNoRows) {
  CheckpointedSink sink(options());
  sink.push({{"n", {1}}});
  sink->commit(sink->prepare(1));
  sink.push({{"n", {2}}});
  sink->abort(sink->prepare(2));
  EXPECT_EQ(reader().rows("SELECT n FROM t"), (Rows{"1"}));
  EXPECT_EQ(reader().value("SELECT rows FROM flowrun_sinks"), "1");
}

TEST_F(SqliteCheckpoints, RowsThatWereThereBeforeStay) {
  reader().run("CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO t VALUES (41, 1)");
  std::string handle;
  {
    CheckpointedSink sink(options());
    handle = sink->prepare(1);
    sink.push({{"n", {2, 3}}});
  }
  EXPECT_EQ(reader().value("SELECT count(*) FROM t"), "3");
  CheckpointedSink sink(options());
  sink->restore(1, handle);
  EXPECT_EQ(reader().rows("SELECT id, n FROM t"), (Rows{"41|1"}));
  sink.push({{"n", {2}}});
  EXPECT_EQ(reader().rows("SELECT id, n FROM t"), (Rows{"41|1", "42|2"}));
}

TEST_F(SqliteCheckpoints, ATableWithoutNumbersIsRefusedForInserts) {
  reader().run("CREATE TABLE t (n INTEGER)");
  try {
    const CheckpointedSink sink(options());
    FAIL() << "was opened";
  } catch (const Failure& failure) {
    EXPECT_TRUE(contains(failure.what(), "INTEGER PRIMARY KEY")) << failure.what();
  }
}

TEST_F(SqliteCheckpoints, ReplacedRowsComeAgain) {
  SqliteSink::Options with = options(SqliteSink::Mode::kUpsert);
  with.key = {"k"};
  with.erase = Expression{"gone"};
  const Table later = {{"k", {"a", "b"}}, {"n", {5, 6}}, {"gone", {false, true}}};
  std::string handle;
  {
    CheckpointedSink sink(with);
    sink.push({{"k", {"a", "b"}}, {"n", {1, 2}}, {"gone", {false, false}}});
    handle = sink->prepare(3);
    sink.push(later);
    sink->prepare(4);
  }
  EXPECT_EQ(reader().rows("SELECT k, n FROM t"), (Rows{"a|5"}));
  CheckpointedSink sink(with);
  sink->restore(1, handle);
  EXPECT_EQ(reader().value("SELECT count(*) FROM flowrun_erasures"), "0");
  sink.push(later);
  sink->prepare(5);
  EXPECT_EQ(reader().rows("SELECT k, n FROM t"), (Rows{"a|5"}));
  EXPECT_EQ(reader().value("SELECT count(*) FROM flowrun_erasures"), "1");
  EXPECT_EQ(reader().value("SELECT rows FROM flowrun_sinks"), "4");
}

TEST_F(SqliteCheckpoints, ADatabaseThatIsOlderIsRefused) {
  std::string handle;
  {
    CheckpointedSink sink(options());
    sink.push({{"n", {1}}});
    handle = sink->prepare(7);
  }
  for (const char* ending : {"", "-wal", "-shm"}) std::filesystem::remove(path() + ending);
  {
    CheckpointedSink sink(options());
    try {
      sink->restore(1, handle);
      FAIL() << "went on";
    } catch (const Failure& failure) {
      EXPECT_TRUE(contains(failure.what(), "older than the checkpoint")) << failure.what();
    }
    EXPECT_THROW(sink->restore(1, "1 2 x"), Failure);
    EXPECT_THROW(sink->restore(1, "1 1 1 1 1 1 1 1 1 other"), Failure);
  }
}

TEST_F(SqliteCheckpoints, NoneIsPreparedInAFileThatWasTakenAway) {
  CheckpointedSink sink(options());
  sink.push({{"n", {1}}});
  sink->prepare(1);
  std::filesystem::remove(path());
  for (const bool has_rows : {false, true}) {
    if (has_rows) sink.push({{"n", {2}}});
    try {
      sink->prepare(2);
      FAIL() << "was prepared";
    } catch (const Failure& failure) {
      EXPECT_TRUE(contains(failure.what(), "start again with --fresh")) << failure.what();
    }
  }
}

TEST_F(SqliteCheckpoints, OneWithoutRowsCostsNothing) {
  CheckpointedSink sink(options());
  sink.push({{"n", {1}}});
  const std::string handle = sink->prepare(1);
  EXPECT_EQ(sink->prepare(2), handle);
  EXPECT_EQ(reader().value("SELECT checkpoint FROM flowrun_sinks"), "1");
}

}  // namespace
}  // namespace flow::operators::sqlite_test
