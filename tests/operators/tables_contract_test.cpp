// Every operator of plugins/tables, as the library exports it.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "flow/testing/check_contract.hpp"
#include "tests/operators/common/scratch_folder.hpp"
#include "tests/operators/sinks/sqlite_reader.hpp"

namespace flow::operators::tables_contract_test {
namespace {

using flow::testing::ContractSubject;
using flow::testing::ScratchFolder;
using flow::testing::Setting;
using flow::testing::SqliteReader;
using Names = std::vector<std::string>;

constexpr const char* kLibrary = FLOWRUN_PLUGIN_DIR "/tables.so";

TEST(TablesContract, Lookup) {
  const ScratchFolder scratch;
  const std::string path = scratch.write(
      "devices.csv",
      "device,site,installed\nd-1,a site with a long name,2025-10-28T10:15:30Z\nd-2,b,\n");
  ContractSubject subject;
  subject.inputs = {
      {{"device", {"d-1", "d-2", nullptr, "d-1", "another device"}}, {"value", {1, 2, 3, 4, 5}}}};
  subject.settings = {
      {"path", path},
      {"fields", Names{"site", "installed"}},
      {"schema", Setting::table({{"site", "category"}, {"installed", "timestamp"}})}};
  EXPECT_CONTRACT(kLibrary, "lookup", subject);
  subject.settings = {
      {"path", path},        {"fields", Names{"site"}}, {"schema", Setting::table({})},
      {"prefix", "device_"}, {"join", "inner"},         {"reload", "0s"}};
  EXPECT_CONTRACT(kLibrary, "lookup", subject);
}

// A database with a table of three columns; all of it in `observe`.
ContractSubject sink_subject(const ScratchFolder& scratch) {
  ContractSubject subject;
  subject.settings = {{"database", scratch.path("t.db")}, {"table", "t"}, {"commit_every", "0s"}};
  subject.inputs = {{{"k", {"a", "b", "c", "d", "e"}},
                     {"n", {1, 2, 3, 4, 5}},
                     {"q", {"red shoes", "blue shoes", nullptr, "'); DROP TABLE t; --", ""}}}};
  subject.reset = [&scratch] {
    for (const char* name : {"t.db", "t.db-wal", "t.db-shm"}) {
      std::filesystem::remove(scratch.path(name));
    }
  };
  subject.observe = [&scratch] {
    if (!scratch.has("t.db")) return std::string();
    const SqliteReader database(scratch.path("t.db"));
    if (database.value("SELECT count(*) FROM sqlite_schema WHERE name = 't'") == "0") {
      return std::string();
    }
    // Generated rows may begin the table with other columns.
    std::string all;
    for (const std::string& row : database.rows("SELECT * FROM t")) all += row + "\n";
    return all;
  };
  return subject;
}

constexpr const char* kSeenAtOnce = "rows are seen before their checkpoint, and taken back";

TEST(TablesContract, SqliteThatInserts) {
  const ScratchFolder scratch;
  ContractSubject subject = sink_subject(scratch);
  subject.settings.insert(subject.settings.end(), {{"mode", "insert"}, {"key", Names{}}});
  subject.waived = {{"prepare", kSeenAtOnce}};
  EXPECT_CONTRACT(kLibrary, "sqlite", subject);
  subject.settings.emplace_back("full_text", Names{"q"});
  EXPECT_CONTRACT(kLibrary, "sqlite", subject);
}

TEST(TablesContract, SqliteThatReplaces) {
  const ScratchFolder scratch;
  ContractSubject subject = sink_subject(scratch);
  subject.settings.insert(subject.settings.end(),
                          {{"mode", "upsert"}, {"key", Names{"k"}}, {"erase", "n == 3"}});
  constexpr const char* kComeAgain = "rows that replaced others come again: the same table";
  subject.waived = {{"prepare", kSeenAtOnce}, {"abort", kComeAgain}, {"commit", kComeAgain}};
  EXPECT_CONTRACT(kLibrary, "sqlite", subject);
}

}  // namespace
}  // namespace flow::operators::tables_contract_test
