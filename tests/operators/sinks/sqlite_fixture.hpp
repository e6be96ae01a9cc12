// What tests of the sink `sqlite` have in common.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "flow/testing/harness.hpp"
#include "operators/sinks/sqlite.hpp"
#include "tests/operators/common/scratch_folder.hpp"
#include "tests/operators/sinks/sqlite_reader.hpp"

namespace flow::operators::sqlite_test {

using flow::testing::Cell;
using flow::testing::Harness;
using flow::testing::ScratchFolder;
using flow::testing::Settings;
using flow::testing::SqliteReader;
using flow::testing::Table;
using Names = std::vector<std::string>;
using Rows = std::vector<std::string>;

class Sqlite : public ::testing::Test {
 protected:
  Settings settings(const Settings& extra = {}) const {
    Settings result = {{"database", path()}, {"table", "t"}, {"commit_every", "0s"}};
    for (const auto& [name, value] : extra) {
      const auto known = std::find_if(result.begin(), result.end(), [&, wanted = name](auto& one) {
        return one.first == wanted;
      });
      if (known != result.end()) {
        known->second = value;
      } else {
        result.emplace_back(name, value);
      }
    }
    return result;
  }
  Harness sink(const Settings& extra = {}) const {
    return Harness::of<SqliteSink>(settings(extra));
  }
  Harness upsert(Settings extra = {}) const {
    extra.emplace_back("mode", "upsert");
    extra.emplace_back("key", Names{"k"});
    return sink(extra);
  }
  // What it says when it is made, opened and given rows.
  std::string refusal(const Settings& extra, const Table& rows = {{"k", {"a"}}}) const {
    try {
      Harness harness = sink(extra);
      harness.push(rows);
    } catch (const std::runtime_error& failure) {
      return failure.what();
    }
    return "";
  }
  std::string path() const { return scratch_.path("t.db"); }
  SqliteReader reader() const { return SqliteReader(path()); }

  ScratchFolder scratch_;
};

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

inline std::vector<std::string> reasons(const Harness& harness) {
  std::vector<std::string> result;
  for (const auto& failed : harness.failed()) {
    result.push_back(std::to_string(failed.row) + " " + failed.reason);
  }
  return result;
}

inline std::vector<std::string> warnings(Harness& harness) {
  std::vector<std::string> result;
  for (const auto& [level, message] : harness.host().logs) {
    if (level == FLOW_LOG_WARNING) result.push_back(message);
  }
  return result;
}

}  // namespace flow::operators::sqlite_test
