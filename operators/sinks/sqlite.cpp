#include "operators/sinks/sqlite.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <mutex>
#include <set>

#include "operators/common/file_descriptor.hpp"

namespace flow::operators {
namespace {

// More texts than this are not gathered.
constexpr int64_t kMostBytes = int64_t{16} << 20;
constexpr int kOpenWait = 10'000;  // milliseconds
constexpr int kLockWait = 500;
// Until erased bytes are looked for in the log and the index.
constexpr int64_t kPurgeAfter = 10'000'000'000;

// Tables that sinks of this process number the rows of.
class Claims {
 public:
  static Claims& all() {
    static Claims claims;
    return claims;
  }
  bool add(const std::string& name) {
    const std::lock_guard lock(mutex_);
    return names_.insert(name).second;
  }
  void remove(const std::string& name) {
    const std::lock_guard lock(mutex_);
    names_.erase(name);
  }

 private:
  std::mutex mutex_;
  std::set<std::string> names_;
};

SqliteTablePlan plan_of(const SqliteSink::Options& options, bool takes_back) {
  SqliteTablePlan plan;
  plan.name = options.table;
  plan.upserts = options.mode == SqliteSink::Mode::kUpsert;
  plan.erases = options.erase.has_value();
  plan.times_as_text = options.timestamps == SqliteSink::Times::kText;
  plan.takes_back = takes_back;
  plan.key = options.key;
  plan.full_text = options.full_text;
  plan.new_columns = options.new_columns;
  return plan;
}

}  // namespace

// ---- opening ----

SqliteSink::SqliteSink(const Options& options, Shared& shared)
    : options_(options), place_("sqlite: " + quote(options.database)) {
  if (shared.erase) erase_.emplace(*shared.erase);
}

SqliteSink::~SqliteSink() {
  if (!claimed_.empty()) Claims::all().remove(claimed_);
}

void SqliteSink::open(Output& out) {
  out_ = &out;
  transactions_ = out.counter("sqlite_transactions", "Transactions that were committed.");
  superseded_ = out.counter("sqlite_superseded_rows",
                            "Rows that a later one of the same transaction replaced.");
  erased_rows_ = out.counter("sqlite_erased_rows", "Rows of the table that were erased.");
  erasures_ = out.counter("sqlite_erasures", "Rows that asked for an erasure.");
  const std::filesystem::path folder = std::filesystem::path(options_.database).parent_path();
  std::error_code error;
  if (!folder.empty()) std::filesystem::create_directories(folder, error);
  if (error) {
    throw Failure(place_ + ": cannot make the folder " + quote(folder.string()) + ": " +
                  error.message());
  }
  const std::string place = folder.empty() ? "." : folder.string();
  if (::faccessat(AT_FDCWD, place.c_str(), W_OK | X_OK, AT_EACCESS) != 0) {
    throw Failure(place_ + ": cannot write into the folder " + quote(place) + ": " +
                  error_text(errno) + "; SQLite keeps its log there, beside the file");
  }
  try {
    connect(out);
  } catch (const Retry& trouble) {
    throw Failure(trouble.what());
  }
}

void SqliteSink::connect(Output& out) {
  const bool inserts = options_.mode == Mode::kInsert;
  claim(inserts);
  database_ = std::make_unique<SqliteDatabase>(options_.database,
                                               SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, place_);
  database_->wait_for_locks(kOpenWait);
  SqliteStatement mode = database_->prepare("PRAGMA journal_mode = WAL");
  if (!mode.step() || mode.text(0) != "wal") {
    throw Failure(place_ + " cannot be put into WAL mode, which needs shared memory beside the " +
                  "file; keep it on a local disk");
  }
  mode.reset();
  database_->execute("PRAGMA synchronous = NORMAL");
  database_->execute("PRAGMA temp_store = MEMORY");
  database_->execute("PRAGMA cache_size = -" + std::to_string(options_.cache.bytes / 1024));
  // The log is copied into the database once it has 64 MiB: pages that are written again and again
  // are copied once.
  database_->execute("PRAGMA wal_autocheckpoint = 16384");
  database_->execute("PRAGMA journal_size_limit = 134217728");
  if (options_.erase) database_->execute("PRAGMA secure_delete = ON");
  table_.emplace(*database_, plan_of(options_, inserts && out.has_checkpoints()));
  database_->wait_for_locks(kLockWait);
  prepared_ = table_->mark();
  prepared_.last_row = table_->highest_row();
  out.info(place_ + ": the table '" + options_.table + "' " +
           (table_->exists() ? "exists: " : "is made with the first rows: ") +
           (options_.mode == Mode::kUpsert ? "rows replace those of their key"
                                           : "rows are added to it"));
}

// Two sinks that number the rows of one table would take back each other's.
void SqliteSink::claim(bool numbers) {
  if (!numbers || !claimed_.empty()) return;
  std::error_code error;
  const std::string name =
      std::filesystem::weakly_canonical(options_.database, error).string() + '\n' + options_.table;
  if (!Claims::all().add(name)) {
    throw Failure(place_ + ": the table '" + options_.table + "' is being inserted into by " +
                  "another sink; name another table, or bring the rows together before one sink");
  }
  claimed_ = name;
}

// ---- rows ----

template <class Work>
auto SqliteSink::with_table(Work work) {
  try {
    return work();
  } catch (const Failure&) {
    const std::string missing = table_->missing();
    if (missing.empty()) throw;
    throw Failure(place_ + ": the table '" + missing + "' was dropped while the run went on; " +
                  remedy());
  }
}

SqliteBatch SqliteSink::take(const Batch& in, Output& out, std::vector<Refusal>& refusals) {
  SqliteBatch taken(in, with_table([&] { return table_->lay_out(in.schema()); }),
                    options_.timestamps == Times::kText);
  if (const std::string warning = table_->take_warning(); !warning.empty()) out.warn(warning);
  const SqliteLayout& layout = taken.layout();
  std::vector<const char*> refused(static_cast<size_t>(in.rows()), nullptr);
  const auto refuse = [&](int64_t row, const char* reason, std::string message) {
    if (refused[static_cast<size_t>(row)] != nullptr) return;
    refused[static_cast<size_t>(row)] = reason;
    refusals.push_back({row, reason, std::move(message)});
  };
  for (const uint32_t column : layout.key) {
    const SqliteValues& values = taken.values(column);
    for (int64_t row = 0; row < in.rows(); ++row) {
      if (!values.is_null(row)) continue;
      refuse(row, "null_key",
             "the key's field '" + std::string(in.schema().fields[column]->name) + "' is null");
    }
  }
  if (options_.new_columns != SqliteNewColumns::kIgnore) {
    for (const SqliteLayout::Unknown& unknown : layout.unknown) {
      const SqliteValues& values = taken.values(unknown.column);
      for (int64_t row = 0; row < in.rows(); ++row) {
        if (!values.is_null(row)) refuse(row, "unknown_column", table_->why(layout, unknown));
      }
    }
  }
  std::vector<bool> erases(static_cast<size_t>(in.rows()), false);
  if (erase_) {
    for (const int32_t row : erase_->select(in, out).rows) erases[static_cast<size_t>(row)] = true;
    for (const std::string& message : erase_->take_missing()) out.warn(message);
  }
  for (int32_t row = 0; row < in.rows(); ++row) {
    const auto at = static_cast<size_t>(row);
    if (refused[at] == nullptr) taken.rows.push_back(erases[at] ? ~row : row);
  }
  return taken;
}

void SqliteSink::process(const Batch& in, Output& out) {
  if (gathered_rows_ >= options_.commit_rows || gathered_bytes_ >= kMostBytes) {
    flush(std::nullopt, nullptr);
  }
  begun_ = true;
  std::vector<Refusal> refusals;
  // Rows without a column of the key have none: nothing is made of them.
  bool has_key = true;
  for (const std::string& name : options_.key) {
    const bool found = find_column(in.schema(), name).steps.size() == 1;
    for (int64_t row = 0; !found && has_key && row < in.rows(); ++row) {
      refusals.push_back({row, "null_key", "the rows have no field '" + name + "' of the key"});
    }
    has_key &= found;
  }
  if (has_key && in.rows() > 0) {
    SqliteBatch taken = take(in, out, refusals);
    if (gathered_.empty() && options_.commit_every.nanoseconds > 0) {
      out.get()->timer(out.get(), FLOW_PROCESSING_TIME,
                       out.now() + options_.commit_every.nanoseconds, nullptr);
    }
    gathered_rows_ += static_cast<int64_t>(taken.rows.size());
    gathered_bytes_ += taken.bytes();
    gathered_.push_back(std::move(taken));
    if (!table_->is_own() || options_.commit_every.nanoseconds == 0) {
      try {
        flush(std::nullopt, &refusals);
      } catch (const Retry&) {
        // The batch comes again.
        gathered_.clear();
        gathered_rows_ = gathered_bytes_ = 0;
        throw;
      }
    }
  }
  for (const Refusal& refusal : refusals) {
    out.fail(in, refusal.row, refusal.reason, refusal.message);
  }
}

Status SqliteSink::timer(flow_time, int64_t, std::span<const flow_key* const>, Output& out) {
  flush(std::nullopt, nullptr);
  if (purge_at_ && out.now() >= *purge_at_) purge();
  return Status::kDone;
}

// ---- transactions ----

std::string SqliteSink::remedy() const {
  return out_->has_checkpoints()
             ? "put it back and run again, or start again with --fresh"
             : "put it back and run again, or start again, which makes another one";
}

void SqliteSink::check_place() const {
  if (database_->is_in_place()) return;
  throw Failure(place_ +
                ": the database's file was replaced or taken away while the run went on; " +
                (gathered_rows_ > 0
                     ? "rows gathered and not written: " + std::to_string(gathered_rows_) + "; "
                     : "") +
                remedy());
}

void SqliteSink::finish(SqliteTransaction& transaction) const {
  check_place();
  transaction.commit();
}

void SqliteSink::flush(std::optional<uint64_t> checkpoint, std::vector<Refusal>* refusals) {
  if (gathered_.empty() && !checkpoint) return;
  SqliteMark mark = table_->mark();
  erased_in_flush_ = erasures_in_flush_ = 0;
  if (checkpoint) mark.checkpoint = static_cast<int64_t>(*checkpoint);
  int64_t superseded = 0;
  with_table([&] {
    SqliteTransaction transaction(*database_);
    mark.last_row = table_->highest_row();
    if (options_.mode == Mode::kUpsert && table_->is_own()) {
      superseded = write_by_key(mark);
    } else {
      write_in_order(mark, refusals);
    }
    table_->write_mark(mark);
    finish(transaction);
  });
  table_->settle(mark);
  gathered_.clear();
  gathered_rows_ = gathered_bytes_ = 0;
  transactions_.record(1);
  if (superseded > 0) superseded_.record(static_cast<double>(superseded));
  if (erasures_in_flush_ == 0) return;
  erasures_.record(static_cast<double>(erasures_in_flush_));
  erased_rows_.record(static_cast<double>(erased_in_flush_));
  if (purge_at_) return;
  purge_at_ = out_->now() + kPurgeAfter;
  out_->get()->timer(out_->get(), FLOW_PROCESSING_TIME, *purge_at_, nullptr);
}

void SqliteSink::write_in_order(SqliteMark& mark, std::vector<Refusal>* refusals) {
  if (gathered_.empty()) return;
  SqliteStatement& write = table_->write();
  const bool numbered = table_->is_numbered();
  for (SqliteBatch& batch : gathered_) {
    for (const int32_t row : batch.rows) {
      if (row < 0) {
        erase_row(batch, ~row, mark);
        continue;
      }
      batch.bind(write, numbered ? 2 : 1, row);
      if (numbered) write.bind(1, mark.last_row + 1);
      if (refusals == nullptr) {
        write.run();
      } else if (!write.accepts()) {
        refusals->push_back({row, "refused", database_->error()});
        continue;
      }
      ++mark.rows;
      if (numbered) ++mark.last_row;
    }
  }
}

// Of a key only the last row counts between two erasures. Returns the others.
int64_t SqliteSink::write_by_key(SqliteMark& mark) {
  if (gathered_.empty()) return 0;
  int64_t added = 0, written = 0;
  const auto write_ordered = [&] {
    SqliteStatement& write = table_->write();
    for (const SqliteKeyOrder::Row& row : order_.sort()) {
      gathered_[row.batch].bind(write, 1, row.row);
      write.run();
      ++written;
    }
    order_.clear();
  };
  order_.clear();
  for (uint32_t number = 0; number < gathered_.size(); ++number) {
    SqliteBatch& batch = gathered_[number];
    for (const int32_t row : batch.rows) {
      if (row >= 0) {
        order_.add(batch, number, row);
        ++added;
        continue;
      }
      write_ordered();
      erase_row(batch, ~row, mark);
    }
  }
  write_ordered();
  mark.rows += added;
  return added - written;
}

void SqliteSink::erase_row(SqliteBatch& batch, int64_t row, SqliteMark& mark) {
  SqliteStatement& erase = table_->erase();
  batch.bind_key(erase, row);
  erase.run();
  const int64_t rows = sqlite3_changes64(database_->get());
  mark.last_erasure = table_->record_erasure(sqlite_time(out_->now()), batch.key_digest(row), rows);
  ++mark.rows;
  ++erasures_in_flush_;
  erased_in_flush_ += rows;
}

// Takes erased words out of the index, and erased pages out of the log; later, where a reader is in
// the way.
void SqliteSink::purge() {
  purge_at_.reset();
  try {
    table_->purge_index();
    SqliteStatement truncate = database_->prepare("PRAGMA wal_checkpoint(TRUNCATE)");
    if (truncate.step() && truncate.integer(0) == 0) return;
  } catch (const Retry&) {  // the same
  }
  purge_at_ = out_->now() + kPurgeAfter;
  out_->get()->timer(out_->get(), FLOW_PROCESSING_TIME, *purge_at_, nullptr);
}

void SqliteSink::close(bool, Output&) {
  try {
    flush(std::nullopt, nullptr);
  } catch (const Retry& trouble) {
    // A run that is stopped at once does not come again.
    throw Retry(std::string(trouble.what()) +
                "; rows gathered and not written: " + std::to_string(gathered_rows_));
  }
  check_place();
  if (purge_at_) purge();
}

}  // namespace flow::operators
