#include "operators/transforms/lookup.hpp"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "flow/testing/harness.hpp"
#include "tests/operators/common/scratch_folder.hpp"

namespace flow::operators::lookup_test {
namespace {

using flow::testing::Cell;
using flow::testing::Harness;
using flow::testing::ScratchFolder;
using flow::testing::Setting;
using flow::testing::Settings;
using flow::testing::Table;
using Cells = std::vector<Cell>;
using Names = std::vector<std::string>;

constexpr const char* kDevices =
    "device,site,floor\n"
    "d-1,\"Hall, north\",2\n"
    "d-2,,3\n"
    "7,a site with a long name,\"\"\n";

Settings settings(const std::string& path, Settings extra = {}) {
  Settings result = {{"key", Names{"device"}}, {"path", path}};
  for (auto& setting : extra) result.push_back(std::move(setting));
  return result;
}

std::string refusal(const Settings& with) {
  try {
    auto harness = Harness::of<Lookup>(with);
    harness.push({{"device", {"d-1"}}});
  } catch (const std::runtime_error& failure) {
    return failure.what();
  }
  return "";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Puts a file in the place of another one, at once.
void replace(const ScratchFolder& scratch, const std::string& name, std::string_view bytes) {
  std::filesystem::rename(scratch.write(name + ".new", bytes), scratch.path(name));
}

void run_sql(const std::string& path, const std::string& sql) {
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
      << sqlite3_errmsg(database);
  sqlite3_close(database);
}

TEST(Lookup, AddsTheColumnsOfACsvFile) {
  const ScratchFolder scratch;
  auto harness = Harness::of<Lookup>(settings(scratch.write("devices.csv", kDevices)));
  harness.push({{"device", {"d-1", "d-2", "d-3", nullptr}}, {"n", {1, 2, 3, 4}}});
  const Table table = harness.pull();
  EXPECT_EQ(table["site"], (Cells{"Hall, north", nullptr, nullptr, nullptr}));
  EXPECT_EQ(table["floor"], (Cells{"2", "3", nullptr, nullptr}));
  EXPECT_EQ(table["n"], (Cells{1, 2, 3, 4}));
  EXPECT_EQ(harness.metric("unmatched_rows"), 2);
}

TEST(Lookup, KeysOfAnyTypeAreComparedAsText) {
  const ScratchFolder scratch;
  const std::string path = scratch.write("devices.csv", kDevices);
  for (const auto& [type, cell] : std::vector<std::pair<Type, Cell>>{{Type::int64(), 7},
                                                                     {Type::category(), "7"},
                                                                     {Type::binary(), "7"},
                                                                     {Type::json(), "\"7\""},
                                                                     {Type::json(), "7"}}) {
    auto harness = Harness::of<Lookup>(settings(path));
    for (int round = 0; round < 2; ++round) {
      harness.push({{"device", type, {cell, nullptr, cell}}});
      EXPECT_EQ(harness.pull()["site"],
                (Cells{"a site with a long name", nullptr, "a site with a long name"}));
    }
  }
}

TEST(Lookup, InnerDropsWhatHasNoMatch) {
  const ScratchFolder scratch;
  auto harness =
      Harness::of<Lookup>(settings(scratch.write("devices.csv", kDevices), {{"join", "inner"}}));
  harness.push({{"device", {"x", "d-2", nullptr, "d-1"}}});
  const Table table = harness.pull();
  EXPECT_EQ(table["device"], (Cells{"d-2", "d-1"}));
  EXPECT_EQ(table["floor"], (Cells{"3", "2"}));
  EXPECT_EQ(harness.dropped("no_match"), 2);
  harness.push({{"device", {"x"}}});
  EXPECT_EQ(harness.pull().rows(), 0);
}

TEST(Lookup, FieldsAreChosenTypedAndPrefixed) {
  const ScratchFolder scratch;
  const std::string path = scratch.write(
      "t.csv", "id,when,site,n,extra\nd-1,2025-10-28T10:15:30Z,north,5,x\nd-2,,south,,y\n");
  auto harness = Harness::of<Lookup>(settings(
      path,
      {{"table_key", Names{"id"}},
       {"fields", Names{"n", "site", "when"}},
       {"prefix", "t_"},
       {"schema", Setting::table({{"n", "int"}, {"site", "category"}, {"when", "timestamp"}})}}));
  harness.push({{"device", {"d-2", "d-1"}}});
  const Table table = harness.pull();
  ASSERT_EQ(table.columns.size(), 4U);
  EXPECT_EQ(table["t_n"], (Cells{nullptr, 5}));
  EXPECT_EQ(table["t_site"], (Cells{"south", "north"}));
  EXPECT_EQ(table["t_when"], (Cells{nullptr, int64_t{1761646530000000000}}));
  EXPECT_EQ(table.columns[2].type, Type::category());
}

TEST(Lookup, KeyOfSeveralFieldsIsNoConcatenation) {
  const ScratchFolder scratch;
  const std::string path = scratch.write("t.csv", "a,b,v\nx,yz,1\nxy,z,2\n");
  auto harness = Harness::of<Lookup>({{"key", Names{"a", "b"}}, {"path", path}});
  harness.push({{"a", {"x", "xy", "xyz"}}, {"b", {"yz", "z", ""}}});
  EXPECT_EQ(harness.pull()["v"], (Cells{"1", "2", nullptr}));
}

TEST(Lookup, NdjsonIsATable) {
  const ScratchFolder scratch;
  const std::string path = scratch.write(
      "t.ndjson",
      "{\"device\":\"d-1\",\"site\":\"n\\u00f6rd\",\"n\":1.50 ,\"o\":{\"a\": [1]}}\r\n\n"
      "{\"n\":null,\"device\":7,\"o\":[true]}\n");
  auto harness = Harness::of<Lookup>(settings(path, {{"fields", Names{"site", "n", "o"}}}));
  harness.push({{"device", {"d-1", "7"}}});
  const Table table = harness.pull();
  EXPECT_EQ(table["site"], (Cells{"n\xC3\xB6rd", nullptr}));
  EXPECT_EQ(table["n"], (Cells{"1.5", nullptr}));
  EXPECT_EQ(table["o"], (Cells{"{\"a\":[1]}", "[true]"}));
}

TEST(Lookup, SqliteQueryIsATable) {
  const ScratchFolder scratch;
  const std::string path = scratch.path("t.db");
  run_sql(path,
          "create table devices (device text, site text, n integer, deleted integer);"
          "insert into devices values ('d-1', 'north', 5, 0), ('d-2', null, 6, 0), "
          "('d-3', 'x', 7, 1);");
  auto harness = Harness::of<Lookup>(
      settings(path, {{"query", "select device, site, n from devices where deleted = 0;"},
                      {"schema", Setting::table({{"n", "int"}})}}));
  harness.push({{"device", {"d-1", "d-2", "d-3"}}});
  const Table table = harness.pull();
  EXPECT_EQ(table["site"], (Cells{"north", nullptr, nullptr}));
  EXPECT_EQ(table["n"], (Cells{5, 6, nullptr}));
  EXPECT_TRUE(contains(refusal(settings(path, {{"query", "delete from devices"}})), "only read"));
  EXPECT_TRUE(
      contains(refusal(settings(path, {{"query", "select 1; select 2"}})), "more than one"));
  EXPECT_TRUE(contains(refusal(settings(path, {{"query", "select device, sight from devices"}})),
                       "no such column"));
  EXPECT_TRUE(contains(refusal(settings(path)), "needs a query"));
}

TEST(Lookup, FileThatIsReplacedIsReadAgain) {
  const ScratchFolder scratch;
  const std::string path = scratch.write("t.csv", "device,site\nd-1,old\n");
  auto harness = Harness::of<Lookup>(settings(path, {{"reload", "5s"}}));
  const auto site = [&](const Type& type) {
    harness.push({{"device", type, {"d-1", "d-2"}}});
    return harness.pull()["site"];
  };
  EXPECT_EQ(site(Type::category()), (Cells{"old", nullptr}));
  replace(scratch, "t.csv", "device,site\nd-1,new\nd-2,more\n");
  EXPECT_EQ(site(Type::category()), (Cells{"old", nullptr}));
  harness.set_clock(harness.host().clock + 5'000'000'000);
  EXPECT_EQ(site(Type::category()), (Cells{"new", "more"}));
  EXPECT_EQ(site(Type::text()), (Cells{"new", "more"}));
}

TEST(Lookup, CommitsInTheLogOfADatabaseAreRead) {
  const ScratchFolder scratch;
  const std::string path = scratch.path("d.db");
  sqlite3* writer = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &writer), SQLITE_OK);
  const std::unique_ptr<sqlite3, decltype(&sqlite3_close)> open_writer(writer, sqlite3_close);
  const auto write = [&](const char* sql) {
    ASSERT_EQ(sqlite3_exec(writer, sql, nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(writer);
  };
  write("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0");
  write("CREATE TABLE devices (device TEXT, site TEXT); INSERT INTO devices VALUES ('d-1', 'old')");
  auto harness =
      Harness::of<Lookup>(settings(path, {{"query", "select * from devices"}, {"reload", "1s"}}));
  const auto site = [&] {
    harness.push({{"device", {"d-1"}}});
    return harness.pull()["site"];
  };
  EXPECT_EQ(site(), Cells{"old"});
  // A transaction under way is not seen, and keeps nobody waiting.
  write("BEGIN IMMEDIATE; UPDATE devices SET site = 'new'");
  harness.set_clock(harness.host().clock + 2'000'000'000);
  EXPECT_EQ(site(), Cells{"old"});
  write("COMMIT");
  harness.set_clock(harness.host().clock + 2'000'000'000);
  EXPECT_EQ(site(), Cells{"new"});
  // The log is copied into the file and begun again.
  write("PRAGMA wal_checkpoint(TRUNCATE); UPDATE devices SET site = 'newer'");
  harness.set_clock(harness.host().clock + 2'000'000'000);
  EXPECT_EQ(site(), Cells{"newer"});
}

TEST(Lookup, TableThatCannotBeUsedLeavesTheOneBefore) {
  const ScratchFolder scratch;
  const std::string path = scratch.write("t.csv", "device,site\nd-1,old\n");
  auto harness = Harness::of<Lookup>(settings(path, {{"reload", "5s"}}));
  for (const char* bytes : {"device,site\nd-1\n", "", "device,other\nd-1,x\n", "\xFF\xFE\"\n"}) {
    replace(scratch, "t.csv", bytes);
    harness.set_clock(harness.host().clock + 5'000'000'000);
    const size_t before = harness.host().logs.size();
    harness.push({{"device", {"d-1"}}});
    EXPECT_EQ(harness.pull()["site"], (Cells{"old"})) << bytes;
    ASSERT_EQ(harness.host().logs.size(), before + 1) << bytes;
    EXPECT_TRUE(contains(harness.host().logs.back().second, "stays"));
  }
  std::filesystem::remove(path);
  harness.set_clock(harness.host().clock + 5'000'000'000);
  harness.push({{"device", {"d-1"}}});
  EXPECT_EQ(harness.pull()["site"], (Cells{"old"}));
}

TEST(Lookup, WithoutReloadTheTableStays) {
  const ScratchFolder scratch;
  const std::string path = scratch.write("t.csv", "device,site\nd-1,old\n");
  auto harness = Harness::of<Lookup>(settings(path, {{"reload", "0s"}}));
  replace(scratch, "t.csv", "device,site\nd-1,new\n");
  harness.set_clock(harness.host().clock + int64_t{3'600'000'000'000});
  harness.push({{"device", {"d-1"}}});
  EXPECT_EQ(harness.pull()["site"], (Cells{"old"}));
}

TEST(Lookup, LastOfSeveralRowsCountsAndIsTold) {
  const ScratchFolder scratch;
  auto harness =
      Harness::of<Lookup>(settings(scratch.write("t.csv", "device,v\na,1\na,2\n,3\na,4\n")));
  harness.push({{"device", {"a", "", nullptr}}});
  EXPECT_EQ(harness.pull()["v"], (Cells{"4", nullptr, nullptr}));
  ASSERT_FALSE(harness.host().logs.empty());
  EXPECT_TRUE(contains(harness.host().logs[0].second, "2 rows"));
}

TEST(Lookup, RowsWithoutTheKeysFieldHaveNoMatch) {
  const ScratchFolder scratch;
  auto harness = Harness::of<Lookup>(settings(scratch.write("devices.csv", kDevices)));
  harness.push({{"other", {1, 2}}});
  EXPECT_EQ(harness.pull()["site"], (Cells{nullptr, nullptr}));
}

TEST(Lookup, WhatCannotBeReadIsNamedWithItsPlace) {
  const ScratchFolder scratch;
  const auto csv = [&](std::string_view bytes) {
    return refusal(settings(scratch.write("t.csv", bytes)));
  };
  EXPECT_TRUE(contains(refusal(settings(scratch.path("none.csv"))), "cannot be opened"));
  EXPECT_TRUE(contains(csv(""), "is empty"));
  EXPECT_TRUE(contains(csv("device,v\na,1\nb\n"), "line 3"));
  EXPECT_TRUE(contains(csv("device,v\n\"a\nb\",1\nc,\"open\n"), "line 4"));
  EXPECT_TRUE(contains(csv("devise,v\na,1\n"), "did you mean 'devise'?"));
  EXPECT_TRUE(contains(refusal(settings(scratch.write("t.ndjson", "{\"device\":\"a\"}\n{oops\n"),
                                        {{"fields", Names{"v"}}})),
                       "line 2"));
  EXPECT_TRUE(contains(refusal(settings(scratch.write("s.csv", kDevices),
                                        {{"schema", Setting::table({{"floor", "bool"}})}})),
                       "'floor': '2' is no bool"));
  EXPECT_TRUE(contains(refusal(settings(scratch.write("s.csv", kDevices),
                                        {{"schema", Setting::table({{"flor", "int"}})}})),
                       "did you mean 'floor'?"));
  EXPECT_TRUE(contains(refusal(settings(scratch.write("t.txt", kDevices))), "format"));
  EXPECT_TRUE(contains(refusal(settings(scratch.write("noise.db", "\x01\x02no database at all"),
                                        {{"query", "select device from devices"}})),
                       "not a database"));
}

TEST(Lookup, TableThatIsTooLargeIsRefused) {
  const ScratchFolder scratch;
  std::string bytes = "device,v\n";
  for (int i = 0; i < 10'000; ++i) bytes.append(std::to_string(i)).append(",x\n");
  const std::string path = scratch.write("t.csv", bytes);
  EXPECT_EQ(refusal(settings(path)), "");
  EXPECT_TRUE(contains(refusal(settings(path, {{"max_size", 65'536}})), "max_size"));
  // The cells count too.
  EXPECT_TRUE(contains(refusal(settings(path, {{"max_size", 131'072}})), "max_size"));
}

TEST(Lookup, NoiseInATableIsRepairedOrRefused) {
  const ScratchFolder scratch;
  auto harness = Harness::of<Lookup>(settings(scratch.write("t.csv",
                                                            "\xEF\xBB\xBF"
                                                            "device,v\na,\xFF\xFE\n"
                                                            "b,x\n")));
  harness.push({{"device", {"a", "b"}}});
  EXPECT_EQ(harness.pull()["v"], (Cells{"\xEF\xBF\xBD\xEF\xBF\xBD", "x"}));
}

TEST(Lookup, MistakesInOptionsAreNamed) {
  EXPECT_NE(refusal({{"key", Names{}}, {"path", "t.csv"}}), "");
  EXPECT_NE(refusal({{"key", Names{"a"}}, {"path", "t.csv"}, {"table_key", Names{"a", "b"}}}), "");
  EXPECT_NE(refusal({{"key", Names{"a"}}, {"path", "t.ndjson"}}), "");
  EXPECT_NE(
      refusal({{"key", Names{"a"}}, {"path", "t.csv"}, {"query", "select 1"}, {"format", "csv"}}),
      "");
}

}  // namespace
}  // namespace flow::operators::lookup_test
