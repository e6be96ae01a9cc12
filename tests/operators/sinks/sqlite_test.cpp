#include "operators/sinks/sqlite.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "tests/operators/sinks/sqlite_fixture.hpp"

namespace flow::operators::sqlite_test {
namespace {

Table every_type() {
  return {
      {"b", {true, nullptr}},
      {"i", {std::numeric_limits<int64_t>::min(), nullptr}},
      {"f", {0.1, nullptr}},
      {"at", Type::timestamp(), {1'761'646'530'500'000'000, nullptr}},
      {"text", {"a 'quoted' \"text\"", nullptr}},
      {"bytes", Type::binary(), {std::string("\xFF\x00\x01", 3), nullptr}},
      {"group", Type::category(), {"red", nullptr}},
      {"place",
       Type::structure({{"lat", Type::float64()}, {"name", Type::text()}}),
       {Cell::structure({{"lat", 1.5}, {"name", "x\"y"}}), nullptr}},
      {"tags", Type::list(Type::text()), {Cell::list({"a", nullptr}), nullptr}},
      {"raw", Type::json(), {"{\"a\": [1,2.50]}", "null"}},
  };
}

TEST_F(Sqlite, MakesATableOfEveryType) {
  auto harness = sink();
  harness.push(every_type());
  const SqliteReader database = reader();
  EXPECT_EQ(database.rows("SELECT name, type, pk FROM pragma_table_info('t')"),
            (Rows{"flowrun_row|INTEGER|1", "b|BOOLEAN|0", "i|INTEGER|0", "f|REAL|0", "at|TEXT|0",
                  "text|TEXT|0", "bytes|BLOB|0", "group|TEXT|0", "place|TEXT|0", "tags|TEXT|0",
                  "raw|TEXT|0"}));
  EXPECT_EQ(
      database.rows("SELECT b, i, f, at, text, hex(bytes), \"group\", place, tags, raw FROM t"),
      (Rows{"1|-9223372036854775808|0.1|2025-10-28 10:15:30.5|a 'quoted' \"text\"|FF0001|red|"
            "{\"lat\":1.5,\"name\":\"x\\\"y\"}|[\"a\",null]|{\"a\": [1,2.50]}",
            "null|null|null|null|null||null|null|null|null"}));
  EXPECT_EQ(database.value("SELECT place ->> 'lat' FROM t WHERE flowrun_row = 1"), "1.5");
  EXPECT_EQ(database.value("SELECT strftime('%H:%M', at) FROM t WHERE flowrun_row = 1"), "10:15");
  EXPECT_EQ(database.value("PRAGMA journal_mode"), "wal");
}

TEST_F(Sqlite, TimesAreIntegersOnRequest) {
  auto harness = sink({{"timestamps", "integer"}});
  harness.push({{"at", Type::timestamp(), {1'761'646'530'500'000'001, -1}}});
  EXPECT_EQ(reader().rows("SELECT at, typeof(at) FROM t"),
            (Rows{"1761646530500000001|integer", "-1|integer"}));
}

TEST_F(Sqlite, TimesAsTextSortAsTheyAre) {
  auto harness = sink();
  harness.push(
      {{"n", {3, 1, 2, 0}},
       {"at", Type::timestamp(), {2'000'000'000, 1'000'000'001, 1'500'000'000, 1'000'000'000}}});
  EXPECT_EQ(reader().rows("SELECT n FROM t ORDER BY at"), (Rows{"0", "1", "2", "3"}));
}

TEST_F(Sqlite, InsertKeepsEveryRowInOrder) {
  auto harness = sink();
  harness.push({{"k", {"b", "a", "b"}}});
  harness.push({{"k", {"c"}}});
  EXPECT_EQ(reader().rows("SELECT flowrun_row, k FROM t ORDER BY flowrun_row"),
            (Rows{"1|b", "2|a", "3|b", "4|c"}));
}

// What is found by its key alone needs no number; long rows and searches do (decision 0018).
TEST_F(Sqlite, UpsertTableIsNumberedForListsAndSearchesOnly) {
  int n = 0;
  const auto has_number = [&](const Table& rows, Settings extra) {
    const std::string name = "t" + std::to_string(++n);
    extra.emplace_back("table", name);
    upsert(std::move(extra)).push(rows);
    return reader().value("SELECT count(*) FROM pragma_table_info('" + name +
                          "') WHERE name = 'flowrun_row'");
  };
  const Table plain{{"k", {"a"}}, {"n", {1}}};
  const Table listed{{"k", {"a"}}, {"tags", Type::list(Type::text()), {Cell::list({"x"})}}};
  EXPECT_EQ(has_number(plain, {}), "0");
  EXPECT_EQ(has_number(listed, {}), "1");
  EXPECT_EQ(has_number(plain, {{"full_text", Names{"k"}}}), "1");
}

TEST_F(Sqlite, UpsertKeepsTheNewestRowOfEachKey) {
  auto harness = upsert();
  harness.push({{"k", {"b", "a", "b"}}, {"n", {1, 2, 3}}, {"x", {"p", "q", nullptr}}});
  EXPECT_EQ(reader().rows("SELECT k, n, x FROM t ORDER BY k"), (Rows{"a|2|q", "b|3|null"}));
  // A row is the whole row.
  harness.push({{"k", {"a"}}, {"n", {4}}});
  EXPECT_EQ(reader().rows("SELECT k, n, x FROM t ORDER BY k"), (Rows{"a|4|null", "b|3|null"}));
  EXPECT_EQ(harness.metric("sqlite_superseded_rows"), 1);
}

TEST_F(Sqlite, UpsertByKeysOfSeveralTypes) {
  auto harness = sink({{"mode", "upsert"}, {"key", Names{"a", "n", "f", "at", "b"}}});
  const auto times = [](std::vector<Cell> cells) {
    return flow::testing::TableColumn("at", Type::timestamp(), std::move(cells));
  };
  harness.push({{"a", {"x", "x1", "x", "x", "x"}},
                {"n", {-1, 1, -1, -1, -1}},
                {"f", {0.0, 0.0, -0.0, -2.5, 0.0}},
                times({1, 1, 1, 1, 1}),
                {"b", {true, true, true, true, false}},
                {"v", {1, 2, 3, 4, 5}}});
  EXPECT_EQ(reader().rows("SELECT v FROM t ORDER BY v"), (Rows{"2", "3", "4", "5"}));
}

TEST_F(Sqlite, RowsAreGatheredUntilTheyAreDue) {
  auto harness = upsert({{"commit_every", "1s"}, {"commit_rows", 3}});
  harness.set_clock(0);
  harness.push({{"k", {"a", "b"}}});
  harness.push({{"k", {"c"}}});
  EXPECT_EQ(reader().value("SELECT count(*) FROM t"), "0");
  harness.push({{"k", {"d"}}});  // three are enough
  EXPECT_EQ(reader().value("SELECT count(*) FROM t"), "3");
  harness.fire_due(FLOW_PROCESSING_TIME, 1'000'000'000);
  EXPECT_EQ(reader().value("SELECT count(*) FROM t"), "4");
  harness.push({{"k", {"e"}}});
  harness.close();
  EXPECT_EQ(reader().value("SELECT count(*) FROM t"), "5");
  EXPECT_EQ(harness.metric("sqlite_transactions"), 3);
}

TEST_F(Sqlite, NullKeysFail) {
  auto harness = upsert();
  harness.push({{"k", {"a", nullptr, "b"}}, {"n", {1, 2, 3}}});
  harness.push({{"n", {4}}});
  EXPECT_EQ(reasons(harness), (Rows{"1 null_key", "0 null_key"}));
  EXPECT_TRUE(contains(harness.failed()[0].message, "'k' is null"));
  EXPECT_EQ(reader().value("SELECT count(*) FROM t"), "2");
  auto numbers = sink({{"table", "numbers"}, {"mode", "upsert"}, {"key", Names{"k"}}});
  numbers.push({{"k", {std::numeric_limits<double>::quiet_NaN(), 1.0}}});
  EXPECT_EQ(reasons(numbers), (Rows{"0 null_key"}));
  auto tokens = sink({{"table", "tokens"}, {"mode", "upsert"}, {"key", Names{"k"}}});
  tokens.push({{"k", Type::json(), {"null", "7"}}});
  EXPECT_EQ(reasons(tokens), (Rows{"0 null_key"}));
}

TEST_F(Sqlite, SqlInTextsAndNamesIsText) {
  const std::string attack = "'); DROP TABLE t; --\"; DELETE FROM t; /*";
  auto harness = sink({{"table", attack},
                       {"mode", "upsert"},
                       {"key", Names{attack}},
                       {"full_text", Names{"a\"b'c"}},
                       {"erase", "gone"}});
  harness.push({{attack, {attack, "x"}}, {"a\"b'c", {attack, "words"}}, {"gone", {false, false}}});
  harness.push({{attack, {"x"}}, {"a\"b'c", {nullptr}}, {"gone", {true}}});
  harness.close();
  std::string quoted = "\"";
  for (const char c : attack) quoted.append(c == '"' ? 2 : 1, c);
  quoted += '"';
  EXPECT_EQ(reader().rows("SELECT " + quoted + ", \"a\"\"b'c\" FROM " + quoted),
            (Rows{attack + "|" + attack}));
}

TEST_F(Sqlite, NulsAndLongTextsAreKept) {
  const std::string nul("a\0b", 3);
  const std::string longest(1 << 20, 'x');
  auto harness = upsert({{"full_text", Names{"v"}}});
  harness.push({{"k", {nul, std::string("a"), longest}}, {"v", {nul, longest, nul}}});
  const SqliteReader database = reader();
  EXPECT_EQ(database.value("SELECT count(*) FROM t"), "3");
  EXPECT_EQ(database.value("SELECT hex(v) FROM t WHERE hex(k) = '610062'"), "610062");
  EXPECT_EQ(database.value("SELECT v FROM t WHERE k = 'a'"), longest);
  EXPECT_EQ(database.value("SELECT hex(v) FROM t WHERE length(k) = 1048576"), "610062");
}

TEST_F(Sqlite, NewColumnsAreAddedByDefault) {
  auto harness = sink();
  harness.push({{"a", {1}}});
  harness.push({{"a", {2}}, {"B", {"x"}}});
  harness.push({{"A", {3}}});  // names differ in case only: the same column
  EXPECT_EQ(reader().rows("SELECT a, b FROM t"), (Rows{"1|null", "2|x", "3|null"}));
}

TEST_F(Sqlite, NewColumnsFailOrAreLeftOutOnRequest) {
  {
    auto harness = sink({{"new_columns", "fail"}});
    harness.push({{"a", {1}}});
    harness.push({{"a", {2, 3}}, {"b", {"x", nullptr}}});
    EXPECT_EQ(reasons(harness), (Rows{"0 unknown_column"}));
    EXPECT_TRUE(contains(harness.failed()[0].message, "'b'"));
  }
  auto harness = sink({{"new_columns", "ignore"}});
  harness.push({{"a", {4}}, {"b", {"x"}}});
  EXPECT_EQ(reader().rows("SELECT * FROM t"), (Rows{"1|1", "2|3", "3|4"}));
}

TEST_F(Sqlite, NamesThatDifferInCaseOnlyFailWhereTheyHaveAValue) {
  auto harness = sink();
  harness.push({{"User", {"a", "b"}}, {"user", {nullptr, "x"}}});  // the first of the schema counts
  harness.push({{"user", {"y", nullptr}}, {"User", {nullptr, "c"}}, {"USER", {nullptr, "z"}}});
  harness.push({{"new", {1, 2}}, {"User", {"d", "e"}}, {"NEW", {nullptr, 3}}});
  EXPECT_EQ(reasons(harness),
            (Rows{"1 unknown_column", "0 unknown_column", "1 unknown_column", "1 unknown_column"}));
  EXPECT_EQ(harness.failed()[0].message,
            "SQLite does not tell the column 'user' from 'User' of the table 't'");
  EXPECT_EQ(reader().rows("SELECT * FROM t"), (Rows{"1|a|null", "2|d|1"}));
  EXPECT_EQ(warnings(harness),
            (Rows{"sqlite: '" + path() +
                  "': SQLite does not tell the column 'user' from 'User' of "
                  "the table 't'; rows with a value there go to `errors` as unknown_column"}));
}

TEST_F(Sqlite, OfNamesThatDifferInCaseOnlyTheOneOfAnOptionCounts) {
  auto harness = upsert({{"full_text", Names{"q"}}, {"new_columns", "ignore"}});
  harness.push({{"K", {"x"}}, {"k", {"a"}}, {"Q", {"other"}}, {"q", {"words"}}});
  EXPECT_EQ(reasons(harness), Rows{});
  EXPECT_EQ(reader().rows("SELECT k, q FROM t"), (Rows{"a|words"}));
  ASSERT_EQ(warnings(harness).size(), 1);
  EXPECT_TRUE(contains(warnings(harness)[0], "'K' from 'k' of the table 't'; its values are left"));
}

TEST_F(Sqlite, ANumberOfTheRowsOwnFails) {
  auto harness = sink();
  harness.push({{"n", {1, 2}}, {"Flowrun_Row", {nullptr, 7}}});
  auto newest = upsert({{"table", "u"}});
  newest.push({{"k", {"a", "b"}}, {"flowrun_row", {nullptr, 7}}});
  newest.push({{"k", {"c", "d"}}, {"flowrun_row", {8, nullptr}}});
  EXPECT_EQ(reasons(harness), (Rows{"1 unknown_column"}));
  EXPECT_EQ(reasons(newest), (Rows{"1 unknown_column", "0 unknown_column"}));
  EXPECT_EQ(reader().rows("SELECT * FROM t"), (Rows{"1|1"}));
  EXPECT_EQ(reader().rows("SELECT * FROM u"), (Rows{"a", "d"}));
}

TEST_F(Sqlite, RowsBeyondTheColumnsThatSqliteTakesFail) {
  const auto wide = [](const std::string& name, int columns) {
    Table table;
    for (int i = 0; i < columns; ++i) {
      table.columns.emplace_back(name + std::to_string(i), Type::text(),
                                 std::vector<Cell>{nullptr, nullptr, nullptr});
    }
    return table;
  };
  const auto set = [](Table& table, size_t column, size_t row) {
    table.columns[column].cells[row] = "x";
  };
  Table made = wide("a", 2001);
  set(made, 1998, 0);
  set(made, 1999, 1);
  made.columns.emplace_back("k", Type::text(), std::vector<Cell>{"p", "q", "r"});
  auto newest = upsert({{"table", "u"}});  // the key has its place, wherever it stands
  newest.push(made);
  EXPECT_EQ(reasons(newest), (Rows{"1 unknown_column"}));
  EXPECT_EQ(reader().rows("SELECT k FROM u"), (Rows{"p", "r"}));

  auto harness = sink();
  harness.push(wide("a", 1990));
  Table added = wide("b", 20);
  set(added, 8, 0);
  set(added, 9, 1);
  harness.push(added);
  EXPECT_EQ(reasons(harness), (Rows{"1 unknown_column"}));
  EXPECT_EQ(harness.failed()[0].message,
            "the table 't' has no column 'b9', and no room for one: SQLite takes 2000");
  EXPECT_EQ(reader().value("SELECT count(*) FROM t"), "5");
  EXPECT_EQ(warnings(harness).size(), 1);
}

TEST_F(Sqlite, ATableOfYourOwnIsChecked) {
  reader().run("CREATE TABLE t (k TEXT, n TEXT, g AS (k), v ANY)");
  EXPECT_TRUE(
      contains(refusal({}, {{"n", {1}}}), "the column 'n' is TEXT, and the rows have it as int64"));
  EXPECT_TRUE(contains(refusal({}, {{"g", {"x"}}}), "the column 'g' is a generated one"));
  EXPECT_TRUE(
      contains(refusal({{"mode", "upsert"}, {"key", Names{"k"}}}), "no unique index on (k)"));
  EXPECT_TRUE(contains(refusal({{"full_text", Names{"k"}}}), "INTEGER PRIMARY KEY"));
  EXPECT_EQ(refusal({}, {{"k", {"a"}}, {"v", {1.5}}}), "");
  EXPECT_EQ(reader().rows("SELECT k, v FROM t"), (Rows{"a|1.5"}));
  reader().run("CREATE VIEW w AS SELECT * FROM t");
  EXPECT_TRUE(contains(refusal({{"table", "w"}}), "is a view"));
}

TEST_F(Sqlite, WhatATableOfYourOwnRefusesFails) {
  reader().run(
      "CREATE TABLE t (id INTEGER PRIMARY KEY, k TEXT NOT NULL UNIQUE, n INTEGER CHECK (n > 0))");
  auto harness = upsert({{"commit_every", "1s"}});
  harness.push({{"k", {"a", "b", "a"}}, {"n", {1, -2, 3}}});
  EXPECT_EQ(reasons(harness), (Rows{"1 refused"}));
  EXPECT_TRUE(contains(harness.failed()[0].message, "CHECK constraint failed"));
  EXPECT_EQ(reader().rows("SELECT k, n FROM t"), (Rows{"a|3"}));
  EXPECT_EQ(reader().value("SELECT rows FROM flowrun_sinks"), "2");
  EXPECT_TRUE(
      contains(refusal({{"mode", "upsert"}, {"key", Names{"k"}}}, {{"k", {"a"}}, {"id", {1}}}),
               "'id' numbers the rows"));
}

TEST_F(Sqlite, FullTextIsSearchedAndFollowsTheTable) {
  auto harness = upsert({{"full_text", Names{"query", "more"}}});
  harness.push({{"k", {"1", "2", "3"}}, {"query", {"red running shoes", "blue shoes", "hat"}}});
  const auto search = [&](const std::string& words) {
    return reader().rows(
        "SELECT t.k FROM t_search s JOIN t ON t.flowrun_row = s.rowid WHERE t_search MATCH '" +
        words + "' ORDER BY t.k");
  };
  EXPECT_EQ(search("shoes"), (Rows{"1", "2"}));
  harness.push({{"k", {"1", "3"}}, {"query", {"red coat", "hat"}}, {"more", {"shoes", "wool"}}});
  EXPECT_EQ(search("shoes"), (Rows{"1", "2"}));
  EXPECT_EQ(search("running"), Rows{});
  EXPECT_EQ(search("more:wool"), Rows{"3"});
  reader().run("DELETE FROM t WHERE k = '2'");
  EXPECT_EQ(search("blue"), Rows{});
  reader().run("INSERT INTO t_search(t_search) VALUES ('integrity-check')");
}

TEST_F(Sqlite, AnIndexIsMadeForRowsThatAreThere) {
  {
    auto harness = sink();
    harness.push({{"q", {"old words"}}});
  }
  auto harness = sink({{"full_text", Names{"q"}}});
  harness.push({{"q", {"new words"}}});
  EXPECT_EQ(reader().value("SELECT count(*) FROM t_search WHERE t_search MATCH 'words'"), "2");
}

TEST_F(Sqlite, ErasingDeletesEverythingOfAKeyAndIsRecorded) {
  auto harness =
      sink({{"key", Names{"user"}}, {"erase", "event == 'erase'"}, {"full_text", Names{"q"}}});
  harness.push({{"user", {"u1", "u2", "u1", "u3"}},
                {"event", {"search", "search", "search", "search"}},
                {"q", {"purplesecret one", "two", "purplesecret three", "four"}}});
  harness.push({{"user", {"u1", "u9", nullptr}}, {"event", {"erase", "erase", "erase"}}});
  harness.push({{"user", {"u1"}}, {"event", {"search"}}, {"q", {"five"}}});
  const SqliteReader database = reader();
  EXPECT_EQ(database.rows("SELECT user, q FROM t ORDER BY flowrun_row"),
            (Rows{"u2|two", "u3|four", "u1|five"}));
  EXPECT_EQ(database.value("SELECT count(*) FROM t_search WHERE t_search MATCH 'purplesecret'"),
            "0");
  // sha256sum of ["u1"] and ["u9"]
  EXPECT_EQ(database.rows("SELECT table_name, key_digest, rows FROM flowrun_erasures"),
            (Rows{"t|b3b63cb33d04f00d79291d37c20e627a5c56a82532eefac9dec373c1ec683df3|2",
                  "t|136fa522bd7983ca845e9de2603ede1ad007c4270880ad8c74bb1239d7fa2dce|0"}));
  EXPECT_EQ(reasons(harness), (Rows{"2 null_key"}));
  EXPECT_EQ(harness.metric("sqlite_erased_rows"), 2);
  EXPECT_EQ(harness.metric("sqlite_erasures"), 2);
}

TEST_F(Sqlite, ErasedBytesAreGoneFromTheFiles) {
  auto harness = sink({{"key", Names{"user"}}, {"erase", "gone"}, {"full_text", Names{"q"}}});
  std::vector<Cell> users, texts, gone;
  for (int i = 0; i < 500; ++i) {
    users.emplace_back(i % 2 == 0 ? "kept" : "victimname");
    texts.emplace_back(i % 2 == 0 ? "ordinary words " + std::to_string(i)
                                  : "purplesecret " + std::to_string(i));
    gone.emplace_back(false);
  }
  harness.push({{"user", users}, {"q", texts}, {"gone", gone}});
  harness.set_clock(5);
  harness.push({{"user", {"victimname"}}, {"gone", {true}}});
  const auto left = [&](const std::string& word) {
    return contains(scratch_.read("t.db"), word) || contains(scratch_.read("t.db-wal"), word);
  };
  EXPECT_TRUE(left("purplesecret"));
  harness.set_clock(20'000'000'000);
  harness.fire_due(FLOW_PROCESSING_TIME, 20'000'000'000);
  EXPECT_EQ(reader().value("SELECT count(*) FROM t"), "250");
  EXPECT_FALSE(left("purplesecret"));
  EXPECT_FALSE(left("victimname"));
  EXPECT_TRUE(left("ordinary"));
}

TEST_F(Sqlite, UpsertsAroundAnErasureKeepTheirOrder) {
  auto harness = upsert({{"erase", "gone"}, {"commit_every", "1s"}});
  harness.push(
      {{"k", {"a", "b", "a", "a"}}, {"n", {1, 2, 3, 4}}, {"gone", {false, false, true, false}}});
  harness.push({{"k", {"b"}}, {"n", {5}}, {"gone", {true}}});
  harness.close();
  EXPECT_EQ(reader().rows("SELECT k, n FROM t"), (Rows{"a|4"}));
  EXPECT_EQ(reader().rows("SELECT rows FROM flowrun_erasures"), (Rows{"1", "1"}));
}

TEST_F(Sqlite, ALockedDatabaseIsWaitedFor) {
  for (const char* every : {"0s", "1s"}) {
    auto harness = sink({{"commit_every", every}, {"table", every[0] == '0' ? "t" : "u"}});
    harness.push({{"n", {0}}});
    harness.fire_due(FLOW_PROCESSING_TIME, 10'000'000'000);
    const SqliteReader other = reader();
    other.run("BEGIN IMMEDIATE");
    const Batch batch = harness.batch({{"n", {1, 2}}});
    if (every[0] == '0') {
      EXPECT_EQ(harness.try_push(batch), FLOW_RETRY);
      EXPECT_TRUE(contains(harness.host().error, "locked")) << harness.host().error;
      other.run("ROLLBACK");
    }
    harness.push(batch);
    if (every[0] == '1') {
      EXPECT_THROW(harness.close(), std::runtime_error);
      EXPECT_TRUE(contains(harness.host().error, "rows gathered and not written: 3"))
          << harness.host().error;
      other.run("ROLLBACK");
    }
    harness.close();
    EXPECT_EQ(
        reader().value(std::string("SELECT group_concat(n) FROM ") + (every[0] == '0' ? "t" : "u")),
        "0,1,2");
  }
}

TEST_F(Sqlite, AFileThatWasTakenAwayOrReplacedEndsTheRun) {
  for (const bool replaced : {false, true}) {
    for (const char* every : {"0s", "1s"}) {
      auto harness = sink({{"commit_every", every}});
      harness.set_clock(0);
      harness.push({{"n", {0}}});
      harness.fire_due(FLOW_PROCESSING_TIME, 10'000'000'000);
      for (const char* ending : {"", "-wal", "-shm"}) std::filesystem::remove(path() + ending);
      if (replaced) reader().run("CREATE TABLE t (n INTEGER)");
      const Batch batch = harness.batch({{"n", {1, 2}}});
      // What is not gathered is refused before it is counted.
      if (every[0] == '0') {
        EXPECT_EQ(harness.try_push(batch), FLOW_FAILED);
      } else {
        harness.push(batch);
        EXPECT_THROW(harness.close(), std::runtime_error);
      }
      EXPECT_TRUE(contains(harness.host().error,
                           path() + "': the database's file was replaced or taken away while the "
                                    "run went on; rows gathered and not written: 2; put "
                                    "it back"))
          << harness.host().error;
      if (replaced) {
        EXPECT_EQ(reader().value("SELECT count(*) FROM t"), "0");
      } else {
        EXPECT_FALSE(std::filesystem::exists(path()));
      }
      for (const char* ending : {"", "-wal", "-shm"}) std::filesystem::remove(path() + ending);
    }
  }
}

TEST_F(Sqlite, ATableThatWasDroppedIsNamed) {
  for (const std::string dropped : {"t", "flowrun_sinks"}) {
    auto harness = sink();
    harness.push({{"n", {0}}});
    reader().run("DROP TABLE " + dropped);
    for (const Table& rows : {Table{{"n", {1}}}, Table{{"n", {1}}, {"new", {2}}}}) {
      EXPECT_EQ(harness.try_push(harness.batch(rows)), FLOW_FAILED);
      EXPECT_TRUE(contains(harness.host().error, path() + "': the table '" + dropped +
                                                     "' was dropped while the run went on; put it "
                                                     "back and run again, or start again"))
          << harness.host().error;
    }
  }
}

// The sink's own is in tests/system/sqlite_sink_test.py, on a small file system.
TEST_F(Sqlite, AFullDatabaseIsAPassingTrouble) {
  SqliteDatabase database(path(), SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "sqlite: 'x'");
  database.execute("CREATE TABLE z (a)");
  SqliteStatement limit = database.prepare("PRAGMA max_page_count = 10");
  ASSERT_TRUE(limit.step());
  limit.reset();
  EXPECT_THROW(database.execute("INSERT INTO z VALUES (zeroblob(100000))"), Retry);
}

TEST_F(Sqlite, WhatCannotBeOpenedIsNamed) {
  scratch_.write("no.db",
                 "this is a text file and no database at all, long enough to be looked at");
  EXPECT_TRUE(contains(refusal({{"database", scratch_.path("no.db")}}), "is no SQLite database"));
  EXPECT_EQ(scratch_.read("no.db").substr(0, 9), "this is a");
  std::filesystem::create_directory(scratch_.path("folder.db"));
  EXPECT_TRUE(contains(refusal({{"database", scratch_.path("folder.db")}}), "cannot be opened"))
      << refusal({{"database", scratch_.path("folder.db")}});
  const flow::testing::UnprivilegedUser user;
  EXPECT_TRUE(contains(refusal({{"database", scratch_.path("new.db")}}), "Permission denied"))
      << refusal({{"database", scratch_.path("new.db")}});
}

TEST_F(Sqlite, MistakesInOptionsAreNamed) {
  EXPECT_TRUE(contains(refusal({{"mode", "upsert"}}), "key: upsert needs"));
  EXPECT_TRUE(contains(refusal({{"erase", "true"}}), "key: erase needs"));
  EXPECT_TRUE(contains(refusal({{"database", "{user}.db"}}), "database: fields of the rows"));
  EXPECT_TRUE(contains(refusal({{"table", "sqlite_x"}}), "are taken"));
  EXPECT_TRUE(contains(refusal({{"key", Names{"a", "a"}}}), "stands there twice"));
  auto first = sink();
  EXPECT_TRUE(contains(refusal({}), "inserted into by another sink"));
}

}  // namespace
}  // namespace flow::operators::sqlite_test
