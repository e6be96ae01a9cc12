// What stands in a SQLite database, for tests.
#pragma once

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace flow::testing {

// A second connection to a database.
class SqliteReader {
 public:
  explicit SqliteReader(const std::string& path) {
    sqlite3* opened = nullptr;
    const int code = sqlite3_open(path.c_str(), &opened);
    database_.reset(opened);
    if (code != SQLITE_OK) throw std::runtime_error(sqlite3_errmsg(opened));
  }

  // The rows of a query, values parted by "|", nulls as "null"; texts with their NULs.
  std::vector<std::string> rows(const std::string& sql) const {
    sqlite3_stmt* prepared = nullptr;
    if (sqlite3_prepare_v2(database_.get(), sql.c_str(), -1, &prepared, nullptr) != SQLITE_OK) {
      throw std::runtime_error(sql + ": " + sqlite3_errmsg(database_.get()));
    }
    const std::unique_ptr<sqlite3_stmt, decltype(&sqlite3_finalize)> statement(prepared,
                                                                               sqlite3_finalize);
    std::vector<std::string> result;
    int code = SQLITE_ROW;
    while ((code = sqlite3_step(prepared)) == SQLITE_ROW) {
      std::string& row = result.emplace_back();
      for (int i = 0; i < sqlite3_column_count(prepared); ++i) {
        if (i > 0) row += '|';
        const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(prepared, i));
        row += text == nullptr
                   ? "null"
                   : std::string(text, static_cast<size_t>(sqlite3_column_bytes(prepared, i)));
      }
    }
    if (code != SQLITE_DONE) throw std::runtime_error(sql + ": " + sqlite3_errmsg(database_.get()));
    return result;
  }
  // Of a query with one value.
  std::string value(const std::string& sql) const {
    const std::vector<std::string> all = rows(sql);
    return all.size() == 1 ? all[0] : std::to_string(all.size()) + " rows";
  }
  void run(const std::string& sql) const {
    ASSERT_EQ(sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
        << sql << ": " << sqlite3_errmsg(database_.get());
  }

 private:
  struct Close {
    void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
  };
  std::unique_ptr<sqlite3, Close> database_;
};

}  // namespace flow::testing
