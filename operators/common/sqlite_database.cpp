#include "operators/common/sqlite_database.hpp"

#include <sys/stat.h>

#include "flow/host.hpp"
#include "operators/common/file_descriptor.hpp"

namespace flow::operators {

std::string sqlite_name(std::string_view name) {
  std::string quoted = "\"";
  for (const char c : name) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + '"';
}

// ---- statements ----

namespace {

// SQLite takes an address of nothing for a null.
const char* address_of(std::string_view text) { return text.data() == nullptr ? "" : text.data(); }

}  // namespace

void SqliteStatement::check(int code) const {
  if (code != SQLITE_OK) database_->fail(code);
}

void SqliteStatement::bind(int parameter, std::string_view text) {
  check(sqlite3_bind_text64(get(), parameter, address_of(text), text.size(), SQLITE_STATIC,
                            SQLITE_UTF8));
}

void SqliteStatement::bind_bytes(int parameter, std::string_view bytes) {
  check(sqlite3_bind_blob64(get(), parameter, address_of(bytes), bytes.size(), SQLITE_STATIC));
}

void SqliteStatement::bind(int parameter, int64_t value) {
  check(sqlite3_bind_int64(get(), parameter, value));
}

void SqliteStatement::bind(int parameter, double value) {
  check(sqlite3_bind_double(get(), parameter, value));
}

bool SqliteStatement::step() {
  const int code = sqlite3_step(get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) {
    reset();
    return false;
  }
  reset();  // which repeats the error
  database_->fail(code);
}

bool SqliteStatement::accepts() {
  const int code = sqlite3_step(get());
  reset();  // which repeats the error
  if (code == SQLITE_DONE) return true;
  const int kind = code & 0xff;
  if (kind == SQLITE_CONSTRAINT || kind == SQLITE_TOOBIG || kind == SQLITE_MISMATCH) return false;
  database_->fail(code);
}

std::string SqliteStatement::text(int column) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(get(), column));
  const int length = sqlite3_column_bytes(get(), column);
  return bytes == nullptr ? std::string() : std::string(bytes, static_cast<size_t>(length));
}

// ---- connections ----

SqliteDatabase::SqliteDatabase(const std::string& path, int flags, std::string place)
    : path_(path), place_(std::move(place)) {
  sqlite3* opened = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &opened, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  database_.reset(opened);
  if (opened == nullptr) throw std::bad_alloc();
  sqlite3_extended_result_codes(opened, 1);
  identity_ = identity_of(path_);
  if (code == SQLITE_OK) return;
  const int system = sqlite3_system_errno(opened);
  throw Failure(place_ + " cannot be opened: " + (system != 0 ? error_text(system) : error()));
}

SqliteDatabase::Identity SqliteDatabase::identity_of(const std::string& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) return {};
  return {found.st_dev, found.st_ino};
}

bool SqliteDatabase::is_in_place() const {
  return identity_.inode != 0 && identity_of(path_) == identity_;
}

SqliteStatement SqliteDatabase::prepare(const std::string& sql) {
  sqlite3_stmt* prepared = nullptr;
  const int code = sqlite3_prepare_v3(get(), sql.c_str(), static_cast<int>(sql.size()) + 1,
                                      SQLITE_PREPARE_PERSISTENT, &prepared, nullptr);
  if (code != SQLITE_OK) fail(code);
  return {*this, prepared};
}

int64_t SqliteDatabase::number(const std::string& sql, int64_t otherwise) {
  SqliteStatement statement = prepare(sql);
  const int64_t result = statement.step() ? statement.integer(0) : otherwise;
  statement.reset();
  return result;
}

void SqliteDatabase::roll_back() noexcept {
  if (in_transaction()) sqlite3_exec(get(), "ROLLBACK", nullptr, nullptr, nullptr);
}

void SqliteDatabase::fail(int code) const {
  const int system = sqlite3_system_errno(get());
  const std::string words = place_ + ": " + error();
  switch (code) {
    case SQLITE_READONLY_DBMOVED:
      throw Failure(words + ": the file was moved or removed while it was written to");
    case SQLITE_IOERR_FSYNC:
    case SQLITE_IOERR_DIR_FSYNC:
      // After a failed one the system forgets which pages were not written.
      throw Failure(
          words + ": cannot be made durable; what was written lately may be lost: " + "run again");
    default:
      break;
  }
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
      throw Retry(words + ": another connection is writing; waited for");
    case SQLITE_FULL:
      throw Retry(words + ": free some space, the run goes on then");
    case SQLITE_NOMEM:
    case SQLITE_IOERR:
      throw Retry(words + (system != 0 ? " (" + error_text(system) + ")" : ""));
    case SQLITE_NOTADB:
      throw Failure(place_ + " is no SQLite database; name another file, or move this one away");
    case SQLITE_READONLY:
      throw Failure(words + "; give this user write permission for the file and its folder");
    case SQLITE_CANTOPEN:
      throw Failure(words + (system != 0 ? " (" + error_text(system) + ")" : "") +
                    "; SQLite writes into the file's folder, too");
    default:
      throw Failure(words);
  }
}

}  // namespace flow::operators
