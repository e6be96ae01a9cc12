// The table that the sink `sqlite` writes to: made from the rows' columns or checked against them,
// and the statements that write it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flow/batch.hpp"
#include "operators/common/sqlite_database.hpp"

namespace flow::operators {

// What becomes of columns of the rows that the table does not have.
enum class SqliteNewColumns : uint8_t { kAdd, kFail, kIgnore };

struct SqliteTablePlan {
  std::string name;
  bool upserts = false;
  bool erases = false;
  bool times_as_text = true;
  bool takes_back = false;  // there are checkpoints, behind which rows are taken back
  std::vector<std::string> key;
  std::vector<std::string> full_text;
  SqliteNewColumns new_columns = SqliteNewColumns::kAdd;
};

// Where the columns of the rows of one schema go.
struct SqliteLayout {
  Reference<const flow_schema> schema;
  // For each column of the table that was there, in its order: its number in the rows, or -1.
  std::vector<int32_t> columns;
  std::vector<uint32_t> key;  // their numbers in the rows
  // A column of the rows that the table does not have.
  struct Unknown {
    uint32_t column;
    // The table's column that takes its name from it: they differ in case only. -1: there is none.
    int32_t namesake;
  };
  std::vector<Unknown> unknown;
};

// What the table `flowrun_sinks` keeps of it, in the same transaction as its rows.
struct SqliteMark {
  int64_t checkpoint = 0;    // the newest one that was prepared
  int64_t rows = 0;          // delivered
  int64_t last_row = 0;      // of a numbered table: the highest number given to a row
  int64_t last_erasure = 0;  // in flowrun_erasures
};

// Whatever it does to the database is one transaction of its own, unless one is under way. All
// members throw as SqliteDatabase::fail; Failure, naming the column, where table and rows do not
// fit each other.
class SqliteTable {
 public:
  // Reads what is there, and makes the sinks' own tables.
  SqliteTable(SqliteDatabase& database, SqliteTablePlan plan);

  // Makes the table, or what it lacks.
  std::shared_ptr<const SqliteLayout> lay_out(const flow_schema& schema);

  // Why rows with a value in that column are not written.
  std::string why(const SqliteLayout& layout, const SqliteLayout::Unknown& unknown) const;
  // For the log: that rows have columns which no table can have. Once, empty from then on.
  std::string take_warning();

  bool exists() const { return exists_; }
  // The name of a table that another connection has dropped; empty: all are there.
  std::string missing();
  // Made by a sink: nothing but its key is unique, and nothing refuses a row.
  bool is_own() const { return own_; }
  // Rows get numbers, in their order, from write()'s first parameter.
  bool is_numbered() const { return numbered_; }
  // Parameters: the number of a numbered row, then the columns in their order.
  SqliteStatement& write();
  // Deletes the rows of a key; parameters: its columns.
  SqliteStatement& erase();

  const SqliteMark& mark() const { return mark_; }
  // The highest number in the table and in its mark.
  int64_t highest_row();
  // Within a transaction; `mark()` is this one once the caller says so by settle().
  void write_mark(const SqliteMark& mark);
  void settle(const SqliteMark& mark) { mark_ = mark; }
  // Within a transaction: records that the rows of a key were erased. Returns the record's id.
  int64_t record_erasure(const std::string& at, const std::string& digest, int64_t rows);
  // Within a transaction: deletes rows with numbers in (`after`, `up_to`], and erasures likewise.
  // Returns the rows.
  int64_t take_back(const SqliteMark& after, const SqliteMark& up_to);
  // Merges the index's parts, so that words of erased rows go from the file.
  void purge_index();

 private:
  enum class Affinity : uint8_t { kInteger, kText, kAny, kReal, kNumeric };
  struct TableColumn {
    std::string name;
    std::string type;  // as declared
    Affinity affinity;
    bool generated;
  };

  std::string place() const;
  void make_own_tables();
  void read_columns();
  void check_mode();
  bool has_unique_key();
  // Which fields of the rows may have a column: of several whose names are one in SQLite, the one
  // that an option names, else the one that the table has, else the first.
  std::vector<bool> claimants(const flow_schema& schema) const;
  void create(const flow_schema& schema, const std::vector<bool>& claims);
  void add_columns(const flow_schema& schema, const std::vector<bool>& claims);
  size_t most_columns() const;
  void warn_of(const SqliteLayout& layout);
  void make_indexes();
  void make_search();
  void check_type(const TableColumn& column, const flow_field& field) const;
  static Affinity affinity_of(std::string_view declared);
  const char* type_for(flow_type type) const;
  std::optional<size_t> find(std::string_view name) const;
  bool names_key(std::string_view column) const;
  // Whether `key` or `full_text` has exactly this name.
  bool is_asked_for(const std::string& name) const;
  std::string list(const std::vector<std::string>& names, std::string_view prefix = "") const;

  SqliteDatabase& database_;
  const SqliteTablePlan plan_;
  const std::string table_, search_;  // quoted
  bool exists_ = false;
  bool own_ = false;
  bool numbered_ = false;
  bool indexed_ = false;    // make_indexes was done
  std::string row_column_;  // INTEGER PRIMARY KEY; empty: there is none
  std::vector<TableColumn> columns_;
  std::vector<std::shared_ptr<const SqliteLayout>> layouts_;
  std::string warning_;
  bool warned_ = false;
  SqliteMark mark_;
  SqliteStatement write_, erase_, mark_statement_, erasure_, highest_;
};

}  // namespace flow::operators
