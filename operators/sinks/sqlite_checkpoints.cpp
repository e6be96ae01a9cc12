// What the sink `sqlite` tells checkpoints, and how it goes on behind one. See
// core/decisions/0018-rows-of-a-database-are-taken-back-to-the-checkpoint.md.
#include <array>
#include <charconv>

#include "operators/common/file_descriptor.hpp"
#include "operators/sinks/sqlite.hpp"

namespace flow::operators {
namespace {

constexpr std::string_view kVersion = "1";

// The table as of a checkpoint, and as of the one before.
struct Handle {
  SqliteMark mark, before;
  std::string_view table;
};

void append(const SqliteMark& mark, std::string& text) {
  for (const int64_t number : {mark.checkpoint, mark.rows, mark.last_row, mark.last_erasure}) {
    text.append(" ").append(std::to_string(number));
  }
}

std::string encode(const SqliteMark& mark, const SqliteMark& before, const std::string& table) {
  std::string text(kVersion);
  append(mark, text);
  append(before, text);
  return text + ' ' + table;
}

Handle decode(std::string_view text) {
  std::array<int64_t, 8> numbers{};
  const char* at = text.data() + kVersion.size();
  const char* const end = text.data() + text.size();
  bool sound = text.starts_with(kVersion);
  for (int64_t& number : numbers) {
    sound = sound && at != end && *at == ' ';
    if (!sound) break;
    const auto [rest, error] = std::from_chars(at + 1, end, number);
    sound = error == std::errc();
    at = rest;
  }
  if (!sound || at == end || *at != ' ') {
    throw Failure("sqlite: the checkpoint's handle was written by something else");
  }
  return {{numbers[0], numbers[1], numbers[2], numbers[3]},
          {numbers[4], numbers[5], numbers[6], numbers[7]},
          {at + 1, static_cast<size_t>(end - at - 1)}};
}

}  // namespace

template <class Work>
void SqliteSink::durably(Work work) {
  // Syncs the log at each commit, and so what earlier transactions wrote to it.
  database_->execute("PRAGMA synchronous = FULL");
  work();
  database_->execute("PRAGMA synchronous = NORMAL");
}

std::string SqliteSink::prepare(uint64_t checkpoint) {
  begun_ = true;
  check_place();
  const SqliteMark before = prepared_;
  // Nothing has come since: what the last one said still holds.
  if (!handle_.empty() && gathered_.empty() && table_->mark().rows == before.rows) return handle_;
  durably([&] { flush(checkpoint, nullptr); });
  handle_ = encode(table_->mark(), before, options_.table);
  prepared_ = table_->mark();
  return handle_;
}

void SqliteSink::restore(uint32_t, std::string_view handle) { go_on(handle); }

// What prepare wrote is there; after a restart, what was written behind it goes.
void SqliteSink::commit(std::string_view handle) { go_on(handle); }

void SqliteSink::go_on(std::string_view text) {
  if (begun_ || text.empty()) return;
  const Handle handle = decode(text);
  const std::string table = place_ + ": the table '" + options_.table + "'";
  if (handle.table != options_.table) {
    throw Failure(place_ + ": the checkpoint was taken with the table '" +
                  std::string(handle.table) + "', and it is '" + options_.table +
                  "' now; give it the old name back, or start afresh");
  }
  const SqliteMark found = table_->mark();
  if (found.checkpoint < handle.mark.checkpoint || (!table_->exists() && handle.mark.rows > 0)) {
    throw Failure(table + " is older than the checkpoint: the database was replaced, or the " +
                  "table taken away; bring it back, or start afresh");
  }
  int64_t rows = 0;
  durably([&] {
    SqliteTransaction transaction(*database_);
    rows = table_->take_back(handle.mark, {0, 0, found.last_row, INT64_MAX});
    table_->write_mark(handle.mark);
    finish(transaction);
  });
  table_->settle(handle.mark);
  prepared_ = handle.mark;
  begun_ = true;
  out_->info(table + " goes on behind checkpoint " + std::to_string(handle.mark.checkpoint) + ", " +
             std::to_string(handle.mark.rows) + " rows delivered; " + std::to_string(rows) +
             " written after it are taken back" +
             (options_.mode == Mode::kUpsert ? ", others come again and are the same" : ""));
}

void SqliteSink::abort(std::string_view text) {
  const Handle handle = decode(text);
  SqliteMark mark = table_->mark();
  durably([&] {
    SqliteTransaction transaction(*database_);
    table_->take_back(handle.before, handle.mark);
    mark.rows -= handle.mark.rows - handle.before.rows;
    table_->write_mark(mark);
    finish(transaction);
  });
  table_->settle(mark);
  prepared_ = mark;
  handle_.clear();
}

}  // namespace flow::operators
