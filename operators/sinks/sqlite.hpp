// The sink `sqlite`: rows into a table of a SQLite database.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flow/operator.hpp"
#include "operators/common/expression/compiled_expression.hpp"
#include "operators/sinks/sqlite_batch.hpp"
#include "operators/sinks/sqlite_table.hpp"

namespace flow::operators {

// Gathers rows, and writes them in transactions that begin and end within one call: no lock is held
// between calls, so that several sinks may write to one database.
class SqliteSink final : public Sink {
 public:
  enum class Mode : uint8_t { kInsert, kUpsert };
  enum class Times : uint8_t { kText, kInteger };
  struct Options {
    std::string database;
    std::string table;
    Mode mode = Mode::kInsert;
    std::vector<std::string> key;
    std::vector<std::string> full_text;
    std::optional<Expression> erase;
    SqliteNewColumns new_columns = SqliteNewColumns::kAdd;
    Times timestamps = Times::kText;
    int64_t commit_rows = 65536;
    Duration commit_every{200'000'000};
    Size cache{int64_t{64} << 20};
  };
  struct Shared {
    // Throws OptionFailure.
    Shared(const Options& options, Host);
    std::optional<CompiledExpression> erase;
  };
  static void describe(Description<Options>& d);
  static void infer(const Options& options, Shared& shared, Inference& inference);

  SqliteSink(const Options& options, Shared& shared);
  SqliteSink(const SqliteSink&) = delete;
  SqliteSink& operator=(const SqliteSink&) = delete;
  ~SqliteSink() override;

  void open(Output& out) override;
  void process(const Batch& in, Output& out) override;
  Status timer(flow_time kind, int64_t nanoseconds, std::span<const flow_key* const> keys,
               Output& out) override;
  std::string prepare(uint64_t checkpoint) override;
  void restore(uint32_t version, std::string_view handle) override;
  void commit(std::string_view handle) override;
  void abort(std::string_view handle) override;
  void close(bool drained, Output& out) override;

 private:
  // A row that the sink or the table refuses.
  struct Refusal {
    int64_t row;
    const char* reason;
    std::string message;
  };

  void connect(Output& out);
  void claim(bool numbers);
  // Which rows of `in` are to be written or erased; the others are among `refusals`.
  SqliteBatch take(const Batch& in, Output& out, std::vector<Refusal>& refusals);
  // Writes what was gathered; in a guarded table, row by row, with the refused ones in `refusals`.
  void flush(std::optional<uint64_t> checkpoint, std::vector<Refusal>* refusals);
  void write_in_order(SqliteMark& mark, std::vector<Refusal>* refusals);
  int64_t write_by_key(SqliteMark& mark);
  void erase_row(SqliteBatch& batch, int64_t row, SqliteMark& mark);
  // Throws Failure where the database's file is another one now, or gone.
  void check_place() const;
  // The same before a transaction ends: what it wrote would be nowhere.
  void finish(SqliteTransaction& transaction) const;
  // Does work with the table; where another tool has dropped it, the Failure says so.
  template <class Work>
  auto with_table(Work work);
  // What to do where the database or the table is gone.
  std::string remedy() const;
  void go_on(std::string_view handle);
  void purge();
  // A transaction that is on disk when this returns.
  template <class Work>
  void durably(Work work);

  const Options options_;
  const std::string place_;  // "sqlite: 'out/shop.db'"
  Output* out_ = nullptr;
  std::optional<ExpressionEvaluator> erase_;
  std::string claimed_;
  std::unique_ptr<SqliteDatabase> database_;
  std::optional<SqliteTable> table_;

  // What is gathered.
  std::vector<SqliteBatch> gathered_;
  int64_t gathered_rows_ = 0;
  int64_t gathered_bytes_ = 0;
  SqliteKeyOrder order_;

  bool begun_ = false;               // rows have come, or a checkpoint was gone back to
  SqliteMark prepared_;              // as of the newest prepare, or what was gone back to
  std::string handle_;               // of the newest prepare
  std::optional<int64_t> purge_at_;  // erased bytes are still in the log or the index
  int64_t erased_in_flush_ = 0;
  int64_t erasures_in_flush_ = 0;
  Metric transactions_, superseded_, erased_rows_, erasures_;
};

}  // namespace flow::operators
