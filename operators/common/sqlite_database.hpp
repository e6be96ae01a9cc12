// A connection to a SQLite database, with the errors of a stream engine: what passes is a Retry,
// what does not a Failure.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace flow::operators {

// A name as SQL text: "the ""name""".
std::string sqlite_name(std::string_view name);

// A prepared statement. Parameters are numbered from 1, columns of a result from 0.
class SqliteStatement {
 public:
  SqliteStatement() = default;
  SqliteStatement(class SqliteDatabase& database, sqlite3_stmt* statement)
      : database_(&database), statement_(statement) {}

  explicit operator bool() const { return statement_ != nullptr; }
  sqlite3_stmt* get() const { return statement_.get(); }

  // Borrowed until the next bind of the parameter or clear().
  void bind(int parameter, std::string_view text);
  void bind_bytes(int parameter, std::string_view bytes);
  void bind(int parameter, int64_t value);
  void bind(int parameter, double value);
  void clear() { sqlite3_clear_bindings(statement_.get()); }
  // True: a row. False: there is no further one, and it may be run again. Throws as
  // SqliteDatabase::fail.
  bool step();
  // Runs it to its end.
  void run() {
    while (step()) {
    }
  }
  // The same for a row that may be refused: false, with SqliteDatabase::error as the reason, where
  // a constraint of the table or the size of a value is against it.
  bool accepts();
  void reset() { sqlite3_reset(statement_.get()); }

  int64_t integer(int column) const { return sqlite3_column_int64(statement_.get(), column); }
  // "" for a null.
  std::string text(int column) const;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  void check(int code) const;

  SqliteDatabase* database_ = nullptr;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

// One thread at a time. Statements must go before it does.
class SqliteDatabase {
 public:
  // `flags`: SQLITE_OPEN_READONLY, or SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE. `place`: how
  // messages call it, eg: "sqlite: 'out/shop.db'". Throws Failure if it cannot be opened; that it
  // is no database shows with its first statement.
  SqliteDatabase(const std::string& path, int flags, std::string place);

  // How long a call waits for a lock that another connection holds.
  void wait_for_locks(int milliseconds) { sqlite3_busy_timeout(database_.get(), milliseconds); }
  SqliteStatement prepare(const std::string& sql);
  void execute(const std::string& sql) { prepare(sql).run(); }
  // Of a statement with one value: that value, or `otherwise` if it has no row.
  int64_t number(const std::string& sql, int64_t otherwise = 0);

  // Whether its path names the file that was opened, still. Where it does not, what is written goes
  // into a file that nobody finds, and SQLite does not say so.
  bool is_in_place() const;

  bool in_transaction() const { return sqlite3_get_autocommit(database_.get()) == 0; }
  // Undoes it, if there is one still: after some errors SQLite has done so itself.
  void roll_back() noexcept;

  sqlite3* get() const { return database_.get(); }
  const std::string& place() const { return place_; }
  // What the last call says.
  std::string error() const { return sqlite3_errmsg(database_.get()); }
  // Throws Retry: another connection writes, the disk is full, the system reports a passing error;
  // Failure for the rest, with the remedy where there is one.
  [[noreturn]] void fail(int code) const;

 private:
  struct Close {
    void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
  };
  struct Identity {
    uint64_t device = 0;
    uint64_t inode = 0;  // 0: there is no such file
    bool operator==(const Identity&) const = default;
  };
  static Identity identity_of(const std::string& path);

  std::string path_, place_;
  Identity identity_;  // of the file when it was opened
  std::unique_ptr<sqlite3, Close> database_;
};

// BEGIN IMMEDIATE, and ROLLBACK unless it was committed.
class SqliteTransaction {
 public:
  explicit SqliteTransaction(SqliteDatabase& database) : database_(database) {
    database.execute("BEGIN IMMEDIATE");
  }
  SqliteTransaction(const SqliteTransaction&) = delete;
  SqliteTransaction& operator=(const SqliteTransaction&) = delete;
  ~SqliteTransaction() {
    if (!committed_) database_.roll_back();
  }
  void commit() {
    database_.execute("COMMIT");
    committed_ = true;
  }

 private:
  SqliteDatabase& database_;
  bool committed_ = false;
};

}  // namespace flow::operators
