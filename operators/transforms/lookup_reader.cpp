#include "operators/transforms/lookup_reader.hpp"

#include <simdjson.h>
#include <sqlite3.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <optional>

#include "flow/host.hpp"
#include "flow/utf8.hpp"
#include "operators/common/csv_dialect.hpp"
#include "operators/common/csv_reader.hpp"
#include "operators/common/nearest_name.hpp"

namespace flow::operators {
namespace {

constexpr uint32_t kMostColumns = 1000;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

[[noreturn]] void fail(const std::string& path, const std::string& what) {
  throw Failure("'" + path + "': " + what);
}
[[noreturn]] void fail(const std::string& path, int64_t line, const std::string& what) {
  throw Failure("'" + path + "', line " + std::to_string(line) + ": " + what);
}

// For each wanted column its number among those that are there.
std::vector<size_t> places(const std::string& path, const std::vector<std::string>& there,
                           TextTable& table) {
  if (table.names.empty()) table.names = there;
  std::vector<size_t> result;
  for (const std::string& name : table.names) {
    const auto found = std::find(there.begin(), there.end(), name);
    if (found == there.end()) {
      const std::string nearest = nearest_name(there, name);
      fail(path, "has no column '" + name + "'" +
                     (nearest.empty() ? "" : " (did you mean '" + nearest + "'?)"));
    }
    result.push_back(static_cast<size_t>(found - there.begin()));
  }
  return result;
}

}  // namespace

void TextTable::check() const {
  const size_t used = bytes_.size() + cells_.size() * sizeof(Cell);
  if (static_cast<int64_t>(used) > max_bytes_) {
    throw Failure("the table takes more than max_size (" + std::to_string(max_bytes_) + " bytes)");
  }
}

void TextTable::add(std::string_view text) {
  cells_.push_back({bytes_.size(), static_cast<int64_t>(text.size())});
  bytes_.append(text);
  check();
}

void TextTable::add_null() {
  cells_.push_back({bytes_.size(), -1});
  check();
}

std::string read_table_file(const std::string& path, int64_t max_bytes) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) fail(path, std::string("cannot be opened: ") + std::strerror(errno));
  const auto size = static_cast<int64_t>(file.tellg());
  if (size < 0) fail(path, "is no file that can be read");
  if (size > max_bytes) {
    fail(path, "has " + std::to_string(size) + " bytes, more than max_size");
  }
  std::string bytes(static_cast<size_t>(size), '\0');
  file.seekg(0);
  file.read(bytes.data(), size);
  if (file.gcount() != size) fail(path, "has become shorter while it was read");
  if (is_valid_utf8(bytes)) return bytes;
  std::string repaired;
  append_repaired_utf8(bytes, repaired);
  return repaired;
}

void read_csv_table(const std::string& path, std::string_view text, TextTable& table) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  CsvReader reader(CsvDialect{}, INT32_MAX);
  reader.start(text);
  std::vector<CsvCell> cells(kMostColumns + 1);
  const auto value = [&](const CsvCell& cell) {
    const auto length = static_cast<size_t>(cell.length);
    return cell.is_own() ? std::string_view(reader.own())
                               .substr(static_cast<size_t>(cell.own_begin()), length)
                         : text.substr(static_cast<size_t>(cell.begin), length);
  };
  std::vector<size_t> wanted;
  uint32_t width = 0;
  int64_t line = 1;
  while (!reader.done()) {
    reader.clear_own();
    const CsvRecord record = reader.read(cells.data(), kMostColumns);
    const int64_t at_line = line;
    line += std::count(text.begin() + record.begin, text.begin() + record.next, '\n');
    if (record.fault != CsvFault::kNone) {
      fail(path, at_line, csv_fault_message(record, INT32_MAX, true));
    }
    if (record.begin == record.end) continue;
    if (width == 0) {
      if (record.fields > kMostColumns) fail(path, at_line, "has more than 1,000 columns");
      width = record.fields;
      std::vector<std::string> names;
      for (uint32_t i = 0; i < width; ++i) names.emplace_back(value(cells[i]));
      wanted = places(path, csv_column_names(names), table);
      continue;
    }
    if (record.fields != width) fail(path, at_line, csv_width_message(record.fields, width));
    for (const size_t column : wanted) {
      const std::string_view cell = value(cells[column]);
      if (cell.empty() && !cells[column].is_own()) {
        table.add_null();
      } else {
        table.add(cell);
      }
    }
  }
  if (width == 0) fail(path, "is empty; its first line must name the columns");
}

void read_ndjson_table(const std::string& path, std::string_view bytes, TextTable& table) {
  if (table.names.empty()) throw Failure("of NDJSON, `fields` must name the columns to add");
  simdjson::dom::parser parser;
  std::vector<std::optional<std::string>> row(table.width());
  int64_t line = 0;
  for (size_t at = 0; at < bytes.size();) {
    const size_t end = std::min(bytes.find('\n', at), bytes.size());
    const std::string_view text = bytes.substr(at, end - at);
    at = end + 1;
    ++line;
    if (text.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    std::fill(row.begin(), row.end(), std::nullopt);
    try {
      const simdjson::dom::object object = parser.parse(text.data(), text.size()).get_object();
      for (const auto& field : object) {
        const auto found = std::find(table.names.begin(), table.names.end(), field.key);
        if (found == table.names.end()) continue;
        std::optional<std::string>& cell = row[static_cast<size_t>(found - table.names.begin())];
        if (field.value.is_null()) {
          cell.reset();
        } else if (field.value.is_string()) {
          cell = std::string(std::string_view(field.value.get_string()));
        } else {
          cell = simdjson::minify(field.value);
        }
      }
    } catch (const simdjson::simdjson_error& error) {
      fail(path, line, std::string("is no JSON object: ") + error.what());
    }
    for (const auto& cell : row) {
      if (cell) {
        table.add(*cell);
      } else {
        table.add_null();
      }
    }
  }
}

void read_sqlite_table(const std::string& path, const std::string& query, TextTable& table) {
  sqlite3* opened = nullptr;
  const int status = sqlite3_open_v2(path.c_str(), &opened, SQLITE_OPEN_READONLY, nullptr);
  const std::unique_ptr<sqlite3, decltype(&sqlite3_close)> database(opened, sqlite3_close);
  const auto words = [&] { return std::string(sqlite3_errmsg(database.get())); };
  if (status != SQLITE_OK) fail(path, "cannot be opened: " + words());
  sqlite3_busy_timeout(database.get(), 2000);
  sqlite3_stmt* prepared = nullptr;
  const char* rest = nullptr;
  if (sqlite3_prepare_v2(database.get(), query.c_str(), -1, &prepared, &rest) != SQLITE_OK) {
    fail(path, "query: " + words());
  }
  const std::unique_ptr<sqlite3_stmt, decltype(&sqlite3_finalize)> statement(prepared,
                                                                             sqlite3_finalize);
  if (!statement) fail(path, "query: is empty");
  if (std::string_view(rest).find_first_not_of(" \t\r\n;") != std::string_view::npos) {
    fail(path, "query: is more than one statement");
  }
  if (sqlite3_stmt_readonly(statement.get()) == 0) fail(path, "query: does not only read");
  const int n_columns = sqlite3_column_count(statement.get());
  std::vector<std::string> there;
  there.reserve(static_cast<size_t>(n_columns));
  for (int i = 0; i < n_columns; ++i) {
    there.emplace_back(sqlite3_column_name(statement.get(), i));
  }
  const std::vector<size_t> wanted = places(path, there, table);
  std::string repaired;
  int step = SQLITE_ROW;
  while ((step = sqlite3_step(statement.get())) == SQLITE_ROW) {
    for (const size_t place : wanted) {
      const int column = static_cast<int>(place);
      if (sqlite3_column_type(statement.get(), column) == SQLITE_NULL) {
        table.add_null();
        continue;
      }
      const auto* bytes =
          reinterpret_cast<const char*>(sqlite3_column_text(statement.get(), column));
      const auto length = static_cast<size_t>(sqlite3_column_bytes(statement.get(), column));
      const std::string_view text(bytes == nullptr ? "" : bytes, bytes == nullptr ? 0 : length);
      if (is_valid_utf8(text)) {
        table.add(text);
      } else {
        repaired.clear();
        append_repaired_utf8(text, repaired);
        table.add(repaired);
      }
    }
  }
  if (step != SQLITE_DONE) fail(path, "query: " + words());
}

}  // namespace flow::operators
