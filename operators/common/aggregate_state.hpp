// What aggregates keep while rows come in, and what they make of it.
//
// A *cell* is the state of all aggregates of one key and window (or pane): so many bytes that lie
// wherever their owner puts them, plain enough to be copied by a checkpoint. Parts of variable size
// stand beside it in keyed state.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "flow/output.hpp"
#include "flow/state.hpp"
#include "operators/common/aggregate.hpp"

namespace flow::operators {

// Blocks of keyed state beside cells. `hash`: any of the key group.
class CellMemory {
 public:
  CellMemory() = default;
  CellMemory(const CellMemory&) = delete;
  CellMemory& operator=(const CellMemory&) = delete;
  virtual ~CellMemory() = default;

  // All zero. Throws Failure past state_limit.
  virtual StoredBytes allocate(uint64_t hash, uint32_t length) = 0;
  virtual char* edit(uint64_t hash, StoredBytes stored) = 0;
  virtual std::string_view load(uint64_t hash, StoredBytes stored) = 0;
  virtual void remove(uint64_t hash, StoredBytes stored) = 0;
};

// CellMemory in the pages of a table.
template <class Record>
class TableMemory final : public CellMemory {
 public:
  explicit TableMemory(KeyedTable<Record>& table) : table_(table) {}
  StoredBytes allocate(uint64_t hash, uint32_t length) override {
    const std::optional<StoredBytes> stored = table_.allocate(hash, length);
    if (!stored) {
      throw Failure(
          "no room is left for what aggregates keep: raise state_limit, or use shorter "
          "windows or fewer keys");
    }
    return *stored;
  }
  char* edit(uint64_t hash, StoredBytes stored) override { return table_.edit(hash, stored); }
  std::string_view load(uint64_t hash, StoredBytes stored) override {
    return table_.load(hash, stored);
  }
  void remove(uint64_t hash, StoredBytes stored) override { table_.remove(hash, stored); }

 private:
  KeyedTable<Record>& table_;
};

// Rows of the bound batch, and for each the cell that it goes to, which may be written to.
struct CellRows {
  std::span<const int32_t> rows;
  char* const* cells;      // one each
  const uint64_t* hashes;  // one a row of the batch; NULL: all 0
  const int64_t* times;    // one a row of the batch
  uint64_t hash(size_t i) const { return hashes == nullptr ? 0 : hashes[rows[i]]; }
};

// Cells of one key whose sum is wanted, in the order in which they are added: the panes of a
// window. Those without rows may be among them.
struct KeyCells {
  std::span<const char* const> cells;
  const char* merged;  // the sum of their fixed parts
  uint64_t hash;
};

// A field that aggregates read.
class FieldInput {
 public:
  explicit FieldInput(std::string name) : finder_(std::move(name)) {}

  const std::string& name() const { return finder_.name(); }
  // 0: not known yet. Of a category that of a text.
  flow_type type() const { return type_; }
  void set_type(flow_type type) { type_ = type; }
  // NULL: the batch has no such column.
  const flow_column* bind(const Batch& in);
  const flow_column& column() const { return *column_; }
  // Whether rows of the bound batch are null or NaN at all, and whether one is.
  bool has_gaps() const { return nulls_ || nans_; }
  bool is_gap(int64_t row) const {
    if (nulls_ && validity_.is_null(row)) return true;
    return nans_ && numbers_[row] != numbers_[row];
  }

 private:
  ColumnFinder finder_;
  const flow_column* column_ = nullptr;
  const double* numbers_ = nullptr;
  Validity validity_;
  bool nulls_ = false;
  bool nans_ = false;
  flow_type type_ = 0;
};

// One part of a cell that rows go into.
class CellPart {
 public:
  explicit CellPart(const FieldInput& field) : field_(field) {}
  CellPart(const CellPart&) = delete;
  CellPart& operator=(const CellPart&) = delete;
  virtual ~CellPart() = default;

  virtual uint32_t bytes() const = 0;
  // Before rows of a batch.
  virtual void bind(const Batch& /*in*/) {}
  // A cell begins all zero; whether init() makes something else of it.
  virtual bool has_init() const { return false; }
  virtual void init(char* /*part*/) const {}
  // `at`: where in the cells the part stands.
  virtual void add(const CellRows& in, uint32_t at, CellMemory& memory) = 0;
  // How two of them are added up: words of int64, of float64, or by merge().
  enum class Words : uint8_t { kIntegers, kFloats, kOther };
  virtual Words words() const { return Words::kOther; }
  // Adds `n` cells, `stride` bytes apart, to as many others; of the parts of fixed size.
  virtual void merge(char* /*into*/, const char* /*from*/, size_t /*stride*/, size_t /*n*/) const {}
  // Whether it keeps blocks beside the cell: then it merges when results are made.
  virtual bool has_blocks() const { return false; }
  // Lets go of what stands beside the cell.
  virtual void release(char* /*part*/, uint64_t /*hash*/, CellMemory& /*memory*/) const {}

 protected:
  const FieldInput& field() const { return field_; }
  // Calls visit(i) for every row that has a value.
  template <class Visit>
  void for_values(const CellRows& in, Visit visit) const {
    const size_t n = in.rows.size();
    if (!field_.has_gaps()) {
      for (size_t i = 0; i < n; ++i) visit(i);
      return;
    }
    for (size_t i = 0; i < n; ++i) {
      if (!field_.is_gap(in.rows[i])) visit(i);
    }
  }

 private:
  const FieldInput& field_;
};

// Values of one output column, collected.
class CellResult {
 public:
  CellResult() = default;
  CellResult(const CellResult&) = delete;
  CellResult& operator=(const CellResult&) = delete;
  virtual ~CellResult() = default;
  virtual void append(const KeyCells& key, CellMemory& memory) = 0;
  // The column of what was appended, which is forgotten.
  virtual TypedColumn take(Host host) = 0;
};

// The aggregates of one operator. Not thread-safe: one an instance.
class CellSet {
 public:
  // `option`: the name of the option that the calls come from, for messages.
  CellSet(std::vector<AggregateCall> calls, std::string option);

  // Of a cell; a multiple of 8. The first eight are its rows: 0 in one that nothing went into.
  uint32_t cell_bytes() const { return cell_bytes_; }
  static int64_t rows(const char* cell) {
    int64_t count;
    std::memcpy(&count, cell, sizeof count);
    return count;
  }
  // Makes all-zero bytes an empty cell.
  void init(char* cell) const {
    for (const auto& [part, at] : inits_) part->init(cell + at);
  }
  // The types that the fields have now, 0 where that is not known: what must be kept with the
  // cells, and given back before they are used again.
  std::vector<flow_type> types() const;
  void set_types(const std::vector<flow_type>& types);
  // Before rows of a batch are added. True: types that were not known are known now. Throws Failure
  // where a field is missing, has another type than before, or one that a function does not take.
  bool bind(const Batch& in);
  // Everything but the count of rows, which is the caller's.
  void add(const CellRows& in, CellMemory& memory) {
    for (const auto& part : parts_) part.part->add(in, part.at, memory);
  }
  // The fixed parts and the rows of `n` cells, `stride` bytes apart.
  void merge(char* into, const char* from, size_t stride, size_t n) const;
  // Whether anything stands beside the cells.
  bool has_blocks() const;
  void release(char* cell, uint64_t hash, CellMemory& memory) const;

  // Collects the results of one key.
  void append(const KeyCells& key, CellMemory& memory) {
    for (const auto& result : results_) result->append(key, memory);
  }
  // The collected ones as columns, behind `columns`.
  void take(Host host, std::vector<NewColumn>& columns);

 private:
  struct PlacedPart {
    std::unique_ptr<CellPart> part;
    uint32_t at;
    std::string identity;  // parts that would keep the same are one
  };
  // Neighbouring words of cells that are added up in the same way.
  struct Sum {
    CellPart::Words words;
    uint32_t at;
    uint32_t count;
    const CellPart* part;  // of kOther
  };
  void make_sums();
  FieldInput& field_of(const std::string& name);
  template <class Part>
  uint32_t place(const std::string& identity, const FieldInput& field);
  void place_parts(const AggregateCall& call);
  std::unique_ptr<CellResult> make(const AggregateCall& call);
  void make_results();
  bool bind_types(const Batch& in);

  std::vector<AggregateCall> calls_;
  std::string option_;
  std::vector<std::pair<const CellPart*, uint32_t>> inits_;  // those with init(), and where
  std::vector<std::unique_ptr<FieldInput>> fields_;
  std::vector<PlacedPart> parts_;
  std::vector<Sum> sums_;
  std::vector<std::unique_ptr<CellResult>> results_;
  Reference<const flow_schema> known_;
  uint32_t cell_bytes_ = sizeof(int64_t);
};

}  // namespace flow::operators
