#include "operators/sinks/sqlite_table.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "flow/host.hpp"

namespace flow::operators {
namespace {

constexpr const char* kRowColumn = "flowrun_row";
// Schemas seldom change: more remembered ones than this means that they do, and starts over.
constexpr size_t kRemembered = 64;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// SQLite's names do not tell ASCII capitals from small letters.
bool is_same_name(std::string_view one, std::string_view other) {
  return one.size() == other.size() &&
         std::equal(one.begin(), one.end(), other.begin(),
                    [](char a, char b) { return lower(a) == lower(b); });
}

// Or texts as long as of something nested.
bool has_nested(const flow_schema& schema) {
  return std::any_of(schema.fields, schema.fields + schema.n_fields, [](const flow_field* field) {
    return field->type == FLOW_LIST || field->type == FLOW_STRUCT || field->type == FLOW_JSON;
  });
}

std::string text_literal(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) quoted.append(c == '\'' ? 2 : 1, c);
  return quoted + '\'';
}

}  // namespace

SqliteTable::SqliteTable(SqliteDatabase& database, SqliteTablePlan plan)
    : database_(database),
      plan_(std::move(plan)),
      table_(sqlite_name(plan_.name)),
      search_(sqlite_name(plan_.name + "_search")) {
  make_own_tables();
  read_columns();
  if (exists_) check_mode();
}

std::string SqliteTable::place() const {
  return database_.place() + ": the table '" + plan_.name + "'";
}

void SqliteTable::make_own_tables() {
  const std::string name = text_literal(plan_.name);
  if (database_.number("SELECT count(*) FROM sqlite_schema WHERE name IN "
                       "('flowrun_sinks', 'flowrun_erasures')") < 2) {
    SqliteTransaction transaction(database_);
    database_.execute(
        "CREATE TABLE IF NOT EXISTS flowrun_sinks (table_name TEXT PRIMARY KEY, made INTEGER, "
        "checkpoint INTEGER, rows INTEGER, last_row INTEGER) WITHOUT ROWID");
    database_.execute(
        "CREATE TABLE IF NOT EXISTS flowrun_erasures (id INTEGER PRIMARY KEY, table_name TEXT, "
        "erased_at TEXT, key_digest TEXT, rows INTEGER)");
    transaction.commit();
  }
  if (database_.number("SELECT count(*) FROM flowrun_sinks WHERE table_name = " + name) == 0) {
    database_.execute("INSERT OR IGNORE INTO flowrun_sinks VALUES (" + name + ", 0, 0, 0, 0)");
  }
  SqliteStatement known = database_.prepare(
      "SELECT made, checkpoint, rows, last_row, (SELECT ifnull(max(id), 0) FROM flowrun_erasures) "
      "FROM flowrun_sinks WHERE table_name = " +
      name);
  if (!known.step()) throw Failure(place() + " is missing in flowrun_sinks");
  own_ = known.integer(0) != 0;
  mark_ = {known.integer(1), known.integer(2), known.integer(3), known.integer(4)};
}

void SqliteTable::read_columns() {
  const std::string name = text_literal(plan_.name);
  columns_.clear();
  row_column_.clear();
  SqliteStatement kind = database_.prepare(
      "SELECT type FROM sqlite_schema WHERE type IN ('table', 'view') AND "
      "name = " +
      name + " COLLATE NOCASE");
  exists_ = kind.step();
  if (!exists_) {
    own_ = true;
    mark_.rows = mark_.last_row = 0;  // of one that was dropped
    return;
  }
  if (kind.text(0) != "table") throw Failure(place() + " is a view, which rows are not written to");
  kind.reset();
  SqliteStatement info =
      database_.prepare("SELECT name, type, pk, hidden FROM pragma_table_xinfo(" + name + ")");
  int keys = 0;
  while (info.step()) {
    columns_.push_back(
        {info.text(0), info.text(1), affinity_of(info.text(1)), info.integer(3) != 0});
    if (info.integer(2) == 0) continue;
    ++keys;
    if (is_same_name(info.text(1), "INTEGER")) row_column_ = info.text(0);
  }
  const bool has_rowid =
      database_.number("SELECT wr FROM pragma_table_list(" + name + ") WHERE schema = 'main'") == 0;
  if (keys != 1 || !has_rowid) row_column_.clear();
  // Where a sink's table was dropped, another one may have been made by hand.
  own_ = own_ && (!has_rowid || row_column_ == kRowColumn);
}

void SqliteTable::check_mode() {
  numbered_ = !plan_.upserts && !row_column_.empty();
  if (row_column_.empty() && !plan_.full_text.empty()) {
    throw Failure(place() + " has no column INTEGER PRIMARY KEY, which full_text needs; move the " +
                  "table away, so that another one is made, or leave full_text out");
  }
  if (row_column_.empty() && !plan_.upserts && plan_.takes_back) {
    throw Failure(place() +
                  " has no column INTEGER PRIMARY KEY, by which rows behind a checkpoint " +
                  "are taken back; add one, or move the table away, so that another one is made");
  }
  for (const std::string& name : plan_.key) {
    if (!find(name)) {
      throw Failure(place() + " has no column '" + name + "', which `key` names");
    }
  }
  if (plan_.upserts && !has_unique_key()) {
    std::string names;
    for (const std::string& name : plan_.key) names += (names.empty() ? "" : ", ") + name;
    throw Failure(place() + " has no unique index on (" + names +
                  "), which `key` needs; make one, " +
                  "or move the table away, so that another one is made");
  }
}

bool SqliteTable::has_unique_key() {
  if (plan_.key.size() == 1 && is_same_name(plan_.key[0], row_column_)) return true;
  SqliteStatement indexes =
      database_.prepare("SELECT name FROM pragma_index_list(" + text_literal(plan_.name) +
                        ") WHERE \"unique\" = 1 AND partial = 0");
  while (indexes.step()) {
    SqliteStatement parts = database_.prepare("SELECT name FROM pragma_index_info(" +
                                              text_literal(indexes.text(0)) + ")");
    size_t width = 0;
    bool fits = true;
    while (parts.step()) {
      ++width;
      const std::string part = parts.text(0);
      fits &= names_key(part);
    }
    if (fits && width == plan_.key.size()) return true;
  }
  return false;
}

SqliteTable::Affinity SqliteTable::affinity_of(std::string_view declared) {
  std::string type(declared);
  std::transform(type.begin(), type.end(), type.begin(), lower);
  const auto has = [&](const char* part) { return type.find(part) != std::string::npos; };
  if (has("int")) return Affinity::kInteger;
  if (has("char") || has("clob") || has("text")) return Affinity::kText;
  if (type.empty() || has("blob") || type == "any") return Affinity::kAny;
  if (has("real") || has("floa") || has("doub")) return Affinity::kReal;
  return Affinity::kNumeric;
}

const char* SqliteTable::type_for(flow_type type) const {
  switch (type) {
    case FLOW_BOOL:
      return "BOOLEAN";
    case FLOW_INT64:
      return "INTEGER";
    case FLOW_FLOAT64:
      return "REAL";
    case FLOW_TIMESTAMP:
      return plan_.times_as_text ? "TEXT" : "INTEGER";
    case FLOW_BINARY:
      return "BLOB";
    default:
      return "TEXT";
  }
}

// Whether the column gives back what it was given.
void SqliteTable::check_type(const TableColumn& column, const flow_field& field) const {
  const Affinity found = column.affinity;
  bool fits = found == Affinity::kAny;
  switch (field.type) {
    case FLOW_BOOL:
    case FLOW_INT64:
      fits |= found == Affinity::kInteger || found == Affinity::kNumeric;
      break;
    case FLOW_FLOAT64:
      fits |= found == Affinity::kReal || found == Affinity::kNumeric;
      break;
    case FLOW_TIMESTAMP:
      fits |= found == Affinity::kNumeric ||
              found == (plan_.times_as_text ? Affinity::kText : Affinity::kInteger);
      break;
    case FLOW_BINARY:
      break;
    default:
      fits |= found == Affinity::kText;
  }
  if (column.generated || !fits) {
    throw Failure(place() + ": the column '" + column.name + "' is " +
                  (column.generated ? "a generated one" : column.type) +
                  ", and the rows have it as " + std::string(type_name(field.type)) +
                  "; rename the field, cast it, or leave it out");
  }
}

std::optional<size_t> SqliteTable::find(std::string_view name) const {
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (is_same_name(columns_[i].name, name)) return i;
  }
  return std::nullopt;
}

bool SqliteTable::names_key(std::string_view column) const {
  return std::any_of(plan_.key.begin(), plan_.key.end(),
                     [&](const std::string& name) { return is_same_name(name, column); });
}

std::string SqliteTable::list(const std::vector<std::string>& names,
                              std::string_view prefix) const {
  std::string text;
  for (const std::string& name : names) {
    text.append(text.empty() ? "" : ", ").append(prefix).append(sqlite_name(name));
  }
  return text;
}

size_t SqliteTable::most_columns() const {
  return static_cast<size_t>(sqlite3_limit(database_.get(), SQLITE_LIMIT_COLUMN, -1));
}

bool SqliteTable::is_asked_for(const std::string& name) const {
  const auto has = [&](const std::vector<std::string>& names) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  return has(plan_.key) || has(plan_.full_text);
}

std::vector<bool> SqliteTable::claimants(const flow_schema& schema) const {
  const auto is_in_table = [&](const std::string& name) {
    return std::any_of(columns_.begin(), columns_.end(),
                       [&](const TableColumn& column) { return column.name == name; });
  };
  struct Claim {
    uint32_t field;
    int rank;
  };
  std::unordered_map<std::string, Claim> claims;  // by the name in small letters
  std::vector<bool> result(schema.n_fields, false);
  for (uint32_t i = 0; i < schema.n_fields; ++i) {
    const std::string name = schema.fields[i]->name;
    // The number of a row is the sink's own, unless rows replace each other by it.
    if (is_same_name(name, kRowColumn) &&
        (!find(name) || (row_column_ == kRowColumn && !(plan_.upserts && names_key(name))))) {
      continue;
    }
    std::string key = name;
    std::transform(key.begin(), key.end(), key.begin(), lower);
    const auto [claim, is_first] = claims.try_emplace(std::move(key), Claim{i, 0});
    result[i] = is_first;
    if (is_first) continue;
    const auto rank = [&](const std::string& one) {
      return is_asked_for(one) ? 2 : is_in_table(one) ? 1 : 0;
    };
    Claim& held = claim->second;
    if (rank(name) <= rank(schema.fields[held.field]->name)) continue;
    result[held.field] = false;
    result[i] = true;
    held.field = i;
  }
  return result;
}

std::string SqliteTable::why(const SqliteLayout& layout,
                             const SqliteLayout::Unknown& unknown) const {
  const std::string name = layout.schema->fields[unknown.column]->name;
  if (unknown.namesake >= 0) {
    return "SQLite does not tell the column '" + name + "' from '" +
           columns_[static_cast<size_t>(unknown.namesake)].name + "' of the table '" + plan_.name +
           "'";
  }
  if (is_same_name(name, kRowColumn)) {
    return "the column '" + name + "' has the name of the row's number; rename it";
  }
  std::string text = "the table '" + plan_.name + "' has no column '" + name + "'";
  if (plan_.new_columns == SqliteNewColumns::kFail || columns_.size() < most_columns()) return text;
  return text + ", and no room for one: SQLite takes " + std::to_string(most_columns());
}

// What is left out for the reason that options give is no news.
void SqliteTable::warn_of(const SqliteLayout& layout) {
  if (warned_) return;
  for (const SqliteLayout::Unknown& unknown : layout.unknown) {
    const char* const name = layout.schema->fields[unknown.column]->name;
    const bool is_expected = plan_.new_columns != SqliteNewColumns::kAdd && unknown.namesake < 0 &&
                             !is_same_name(name, kRowColumn);
    if (is_expected) continue;
    warned_ = true;
    warning_ = database_.place() + ": " + why(layout, unknown) + "; " +
               (plan_.new_columns == SqliteNewColumns::kIgnore
                    ? "its values are left out"
                    : "rows with a value there go to `errors` as unknown_column");
    return;
  }
}

std::string SqliteTable::take_warning() { return std::exchange(warning_, {}); }

void SqliteTable::create(const flow_schema& schema, const std::vector<bool>& claims) {
  // A table without row numbers is a tree of its rows by key, which keeps only short rows in it.
  const bool rows_have_numbers = !plan_.upserts || !plan_.full_text.empty() || has_nested(schema);
  std::string columns;
  if (rows_have_numbers) columns = std::string(kRowColumn) + " INTEGER PRIMARY KEY";
  const auto add = [&](const std::string& name, const char* type) {
    columns += (columns.empty() ? "" : ", ") + sqlite_name(name) + " " + type;
    if (plan_.upserts && names_key(name)) columns += " NOT NULL";
  };
  std::vector<std::string> lacking;  // of those to search in
  for (const std::string& name : plan_.full_text) {
    if (find_column(schema, name).steps.empty()) lacking.push_back(name);
  }
  // Those that options name have room first.
  size_t taken = lacking.size() + (rows_have_numbers ? 1 : 0);
  for (uint32_t i = 0; i < schema.n_fields; ++i) {
    if (claims[i] && is_asked_for(schema.fields[i]->name)) ++taken;
  }
  for (uint32_t i = 0; i < schema.n_fields; ++i) {
    const flow_field& field = *schema.fields[i];
    if (!claims[i]) continue;
    if (!is_asked_for(field.name) && taken++ >= most_columns()) continue;
    add(field.name, type_for(field.type));
  }
  for (const std::string& name : lacking) add(name, "TEXT");
  if (plan_.upserts) {
    columns +=
        std::string(rows_have_numbers ? ", UNIQUE (" : ", PRIMARY KEY (") + list(plan_.key) + ")";
  }
  SqliteTransaction transaction(database_);
  database_.execute("CREATE TABLE " + table_ + " (" + columns + ")" +
                    (rows_have_numbers ? "" : " WITHOUT ROWID"));
  database_.execute("UPDATE flowrun_sinks SET made = 1 WHERE table_name = " +
                    text_literal(plan_.name));
  transaction.commit();
}

void SqliteTable::add_columns(const flow_schema& schema, const std::vector<bool>& claims) {
  std::vector<std::pair<std::string, const char*>> missing;
  for (uint32_t i = 0; i < schema.n_fields; ++i) {
    const flow_field& field = *schema.fields[i];
    if (columns_.size() + missing.size() >= most_columns()) break;
    if (claims[i] && !find(field.name)) missing.emplace_back(field.name, type_for(field.type));
  }
  if (missing.empty()) return;
  SqliteTransaction transaction(database_);
  for (const auto& [name, type] : missing) {
    database_.execute("ALTER TABLE " + table_ + " ADD COLUMN " + sqlite_name(name) + " " + type);
  }
  transaction.commit();
  read_columns();
  write_ = {};
}

void SqliteTable::make_indexes() {
  if (indexed_) return;
  if (plan_.erases && !plan_.upserts) {
    database_.execute("CREATE INDEX IF NOT EXISTS " + sqlite_name(plan_.name + "_key") + " ON " +
                      table_ + " (" + list(plan_.key) + ")");
  }
  if (!plan_.full_text.empty()) make_search();
  indexed_ = true;
}

// The index has no copy of the texts; triggers keep it in step whoever writes the table.
void SqliteTable::make_search() {
  for (const std::string& name : plan_.full_text) {
    if (!find(name)) {
      throw Failure(place() + " has no column '" + name + "', which full_text names");
    }
  }
  const std::string name = text_literal(plan_.name + "_search");
  if (database_.number("SELECT count(*) FROM sqlite_schema WHERE name = " + name) > 0) {
    SqliteStatement info = database_.prepare("SELECT name FROM pragma_table_info(" + name + ")");
    std::vector<std::string> found;
    while (info.step()) found.push_back(info.text(0));
    if (found != plan_.full_text) {
      throw Failure(place() + ": the index '" + plan_.name + "_search' is on other columns than " +
                    "full_text names; drop it, and it is made again");
    }
    return;
  }
  const std::string texts = list(plan_.full_text);
  const std::string row = sqlite_name(row_column_);
  const auto values = [&](const std::string& which) {
    return which + "." + row + ", " + list(plan_.full_text, which + ".");
  };
  const std::string forget = "INSERT INTO " + search_ + " (" + search_ + ", rowid, " + texts +
                             ") VALUES ('delete', " + values("old") + "); ";
  const std::string learn =
      "INSERT INTO " + search_ + " (rowid, " + texts + ") VALUES (" + values("new") + "); ";
  std::string changed;
  for (const std::string& column : plan_.full_text) {
    changed.append(changed.empty() ? "" : " OR ").append("old." + sqlite_name(column));
    changed.append(" IS NOT new." + sqlite_name(column));
  }
  const auto trigger = [&](const char* ending) {
    return "CREATE TRIGGER " + sqlite_name(plan_.name + "_search_" + ending) + " AFTER ";
  };
  SqliteTransaction transaction(database_);
  database_.execute("CREATE VIRTUAL TABLE " + search_ + " USING fts5(" + texts +
                    ", content = " + text_literal(plan_.name) +
                    ", content_rowid = " + text_literal(row_column_) + ")");
  // How much of a transaction is gathered in memory before it becomes a part of the index. With the
  // usual 1 MiB there are more parts to merge, which took a tenth more time.
  database_.execute("INSERT INTO " + search_ + " (" + search_ + ", rank) VALUES ('hashsize', " +
                    std::to_string(16 << 20) + ")");
  database_.execute(trigger("insert") + "INSERT ON " + table_ + " BEGIN " + learn + "END");
  database_.execute(trigger("delete") + "DELETE ON " + table_ + " BEGIN " + forget + "END");
  database_.execute(trigger("update") + "UPDATE OF " + texts + " ON " + table_ + " WHEN " +
                    changed + " BEGIN " + forget + learn + "END");
  database_.execute("INSERT INTO " + search_ + " (" + search_ + ") VALUES ('rebuild')");
  transaction.commit();
}

std::shared_ptr<const SqliteLayout> SqliteTable::lay_out(const flow_schema& schema) {
  for (const auto& known : layouts_) {
    if (known->schema.get() == &schema) return known;
  }
  const std::vector<bool> claims = claimants(schema);
  if (!exists_) {
    create(schema, claims);
    read_columns();
    check_mode();
  }
  SqliteLayout layout;
  if (plan_.new_columns == SqliteNewColumns::kAdd) add_columns(schema, claims);
  make_indexes();
  layout.schema = Reference<const flow_schema>::share(&schema);
  layout.columns.assign(columns_.size(), -1);
  for (uint32_t i = 0; i < schema.n_fields; ++i) {
    const flow_field& field = *schema.fields[i];
    const std::optional<size_t> place = find(field.name);
    if (!place || !claims[i]) {
      const bool has_namesake = place && !is_same_name(field.name, kRowColumn);
      layout.unknown.push_back({i, has_namesake ? static_cast<int32_t>(*place) : -1});
      continue;
    }
    check_type(columns_[*place], field);
    layout.columns[*place] = static_cast<int32_t>(i);
    if (is_same_name(field.name, row_column_) && !(plan_.upserts && names_key(field.name))) {
      throw Failure(this->place() + ": the column '" + row_column_ + "' numbers the rows; leave " +
                    "it out of them, or upsert by it");
    }
  }
  warn_of(layout);
  for (const std::string& name : plan_.key) {
    for (uint32_t i = 0; i < schema.n_fields; ++i) {
      if (name == schema.fields[i]->name) layout.key.push_back(i);
    }
  }
  if (layouts_.size() == kRemembered) layouts_.clear();
  layouts_.push_back(std::make_shared<const SqliteLayout>(std::move(layout)));
  return layouts_.back();
}

SqliteStatement& SqliteTable::write() {
  if (write_) return write_;
  std::string names, values, updates;
  int parameter = numbered_ ? 1 : 0;
  if (numbered_) {
    names = sqlite_name(row_column_);
    values = "?1";
  }
  for (const TableColumn& column : columns_) {
    ++parameter;  // one for each, written or not
    const bool is_number = !row_column_.empty() && is_same_name(column.name, row_column_);
    const bool in_key = plan_.upserts && names_key(column.name);
    if (column.generated || (is_number && !in_key)) continue;
    const std::string name = sqlite_name(column.name);
    names.append(names.empty() ? "" : ", ").append(name);
    values.append(values.empty() ? "?" : ", ?").append(std::to_string(parameter));
    if (in_key) continue;
    updates.append(updates.empty() ? "" : ", ").append(name).append(" = excluded.").append(name);
  }
  std::string sql = "INSERT INTO " + table_ + " (" + names + ") VALUES (" + values + ")";
  if (plan_.upserts) {
    sql += " ON CONFLICT (" + list(plan_.key) + ") DO " +
           (updates.empty() ? "NOTHING" : "UPDATE SET " + updates);
  }
  write_ = database_.prepare(sql);
  return write_;
}

SqliteStatement& SqliteTable::erase() {
  if (erase_) return erase_;
  std::string condition;
  int parameter = 0;
  for (const std::string& name : plan_.key) {
    condition.append(condition.empty() ? "" : " AND ").append(sqlite_name(name));
    condition.append(" = ?").append(std::to_string(++parameter));
  }
  erase_ = database_.prepare("DELETE FROM " + table_ + " WHERE " + condition);
  return erase_;
}

std::string SqliteTable::missing() {
  for (const std::string& name :
       {plan_.name, std::string("flowrun_sinks"), std::string("flowrun_erasures")}) {
    if (name == plan_.name && !exists_) continue;
    if (database_.number("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = " +
                         text_literal(name) + " COLLATE NOCASE") == 0) {
      return name;
    }
  }
  return "";
}

int64_t SqliteTable::highest_row() {
  if (!exists_ || row_column_.empty()) return mark_.last_row;
  if (!highest_) {
    highest_ = database_.prepare("SELECT max(" + sqlite_name(row_column_) + ") FROM " + table_);
  }
  const int64_t highest = highest_.step() ? highest_.integer(0) : 0;
  highest_.reset();
  return std::max(mark_.last_row, highest);
}

void SqliteTable::write_mark(const SqliteMark& mark) {
  if (!mark_statement_) {
    mark_statement_ = database_.prepare(
        "UPDATE flowrun_sinks SET checkpoint = ?1, rows = ?2, last_row = ?3 WHERE table_name = " +
        text_literal(plan_.name));
  }
  mark_statement_.bind(1, mark.checkpoint);
  mark_statement_.bind(2, mark.rows);
  mark_statement_.bind(3, mark.last_row);
  mark_statement_.run();
}

int64_t SqliteTable::record_erasure(const std::string& at, const std::string& digest,
                                    int64_t rows) {
  if (!erasure_) {
    erasure_ = database_.prepare(
        "INSERT INTO flowrun_erasures (table_name, erased_at, key_digest, rows) VALUES (" +
        text_literal(plan_.name) + ", ?1, ?2, ?3)");
  }
  erasure_.bind(1, std::string_view(at));
  erasure_.bind(2, std::string_view(digest));
  erasure_.bind(3, rows);
  erasure_.run();
  return sqlite3_last_insert_rowid(database_.get());
}

int64_t SqliteTable::take_back(const SqliteMark& after, const SqliteMark& up_to) {
  const auto behind = [&](int64_t SqliteMark::*member) {
    return " > " + std::to_string(after.*member) + " AND ";
  };
  int64_t rows = 0;
  if (exists_ && numbered_) {
    const std::string row = sqlite_name(row_column_);
    database_.execute("DELETE FROM " + table_ + " WHERE " + row + behind(&SqliteMark::last_row) +
                      row + " <= " + std::to_string(up_to.last_row));
    rows = sqlite3_changes64(database_.get());
  }
  database_.execute("DELETE FROM flowrun_erasures WHERE id" + behind(&SqliteMark::last_erasure) +
                    "id <= " + std::to_string(up_to.last_erasure) +
                    " AND table_name = " + text_literal(plan_.name));
  return rows;
}

void SqliteTable::purge_index() {
  if (plan_.full_text.empty() || !indexed_) return;
  database_.execute("INSERT INTO " + search_ + " (" + search_ + ") VALUES ('optimize')");
}

}  // namespace flow::operators
