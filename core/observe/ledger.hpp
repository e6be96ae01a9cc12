// The ledger: where every row that entered a pipeline has gone.
//
// Rules, which hold whenever they are read
// - component:  in = passed + dropped + failed + late + absorbed
//   `passed` are rows of the input that went on to another port than `errors` and `late`; for a
//   sink, rows delivered. `created` are rows that the component made itself: they are outputs
//   beside the sum. A source has in = 0 and created = emitted.
// - edge:  sent = received + queued
//   `queued` is not derived from the other two: each message in flight carries a token that counts
//   its rows, so a message that is destroyed unread leaves a difference.
//
// A worker gathers one step (the whole treatment of one input) in a LedgerDelta of its own and
// publishes it when the input is finished; so a reader sees whole steps only. Touched per batch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <iosfwd>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace flowrun {

// Values of flow_kind.
enum class ComponentKind { kSource = 1, kTransform = 2, kWindow = 3, kSink = 4, kCodec = 5 };

// Who a component is; the labels of its metrics.
struct ComponentInfo {
  std::string id;    // as in the pipeline file
  std::string type;  // operator name
  ComponentKind kind = ComponentKind::kTransform;
  std::vector<std::string> ports;  // outputs, in the order of the descriptor
};

struct RowCounts {
  std::uint64_t in = 0;
  std::uint64_t passed = 0;
  std::uint64_t created = 0;
  std::uint64_t absorbed = 0;
  std::uint64_t failed = 0;
  std::uint64_t late = 0;
  std::uint64_t dropped = 0;

  // in - (passed + dropped + failed + late + absorbed): positive when rows are missing, negative
  // when more rows were accounted for than came in.
  std::int64_t difference() const noexcept;
  RowCounts& operator+=(const RowCounts& other) noexcept {
    in += other.in;
    passed += other.passed;
    created += other.created;
    absorbed += other.absorbed;
    failed += other.failed;
    late += other.late;
    dropped += other.dropped;
    return *this;
  }
  bool operator==(const RowCounts&) const = default;
};

struct FlowCounts {
  std::uint64_t rows = 0;
  std::uint64_t batches = 0;
  std::uint64_t bytes = 0;

  FlowCounts& operator+=(const FlowCounts& other) noexcept {
    rows += other.rows;
    batches += other.batches;
    bytes += other.bytes;
    return *this;
  }
  bool operator==(const FlowCounts&) const = default;
};

// The reason under which everything beyond kMaxReasons is counted.
inline constexpr std::string_view kOtherReason = "other";
inline constexpr std::size_t kMaxReasons = 64;  // a component, errors and drops each

// The one copy of `reason` in this process, so that reasons compare by address; never freed. A
// reason is cut at 64 bytes and repaired to UTF-8, an empty one becomes "unspecified"; the pool
// holds 4,096, what comes later is kOtherReason. [any thread]
const std::string* intern_reason(std::string_view reason);

// Rows by reason. At most kMaxReasons different ones and kOtherReason. Not synchronised.
class ReasonCounts {
 public:
  using Entry = std::pair<const std::string*, std::uint64_t>;

  void add(std::string_view reason, std::uint64_t rows);
  void add(const ReasonCounts& other);
  // Zeroes the counts but keeps the reasons, so that the next add() finds them without a lock.
  void reset() noexcept;

  std::uint64_t operator[](std::string_view reason) const noexcept;
  const std::vector<Entry>& entries() const noexcept { return entries_; }

 private:
  void add_interned(const std::string* reason, std::uint64_t rows);

  std::vector<Entry> entries_;
};

// What one step did, or, summed up, what a component has done. Not synchronised.
struct LedgerDelta {
  RowCounts rows;
  FlowCounts input;
  std::vector<FlowCounts> ports;  // by index of output port
  ReasonCounts errors;            // sums up to rows.failed
  ReasonCounts drops;             // sums up to rows.dropped

  void input_taken(std::uint64_t n_rows, std::uint64_t bytes);
  // A batch left through `port`; `created` of its rows, at most all, are new. How the others count:
  // kPassed, or kNothing where fail() or late() has counted them already.
  enum class Outcome { kPassed, kNothing };
  void emitted(std::size_t port, std::uint64_t n_rows, std::uint64_t bytes, std::uint64_t created,
               Outcome outcome = Outcome::kPassed);
  void delivered(std::uint64_t n_rows) { rows.passed += n_rows; }  // sinks
  void failed(std::string_view reason, std::uint64_t n_rows = 1);
  void dropped(std::string_view reason, std::uint64_t n_rows);
  void absorbed(std::uint64_t n_rows) { rows.absorbed += n_rows; }
  void late(std::uint64_t n_rows) { rows.late += n_rows; }

  void add(const LedgerDelta& other);
  void reset() noexcept;  // keeps its memory
};

// Totals of one component. [any thread]
class ComponentLedger {
 public:
  explicit ComponentLedger(ComponentInfo info);
  ComponentLedger(const ComponentLedger&) = delete;
  ComponentLedger& operator=(const ComponentLedger&) = delete;

  const ComponentInfo& info() const noexcept { return info_; }

  // Adds a finished step: the input it took and all that came of it. `epoch`: the checkpoint whose
  // barrier was the last before that input.
  void publish(const LedgerDelta& step, std::uint64_t epoch = 0);
  // All that was published. `ports` has an entry for each port of info().
  LedgerDelta totals() const;
  std::int64_t difference() const;
  // What was published of inputs before the barrier of `checkpoint`. REQUIRES: all of them have
  // been published, and this is asked of rising numbers.
  LedgerDelta totals_before(std::uint64_t checkpoint);

 private:
  const ComponentInfo info_;
  mutable std::mutex mutex_;  // guards what follows
  LedgerDelta settled_;       // of the epochs before those that follow
  std::map<std::uint64_t, LedgerDelta> epochs_;
};

class EdgeLedger;

// The rows of one message on its way along an edge. Travels inside the message (one token, however
// often a handle to the message is copied); whichever way the message goes, the token's end takes
// its rows out of `queued`. Must not outlive the edge's ledger.
class [[nodiscard]] QueuedRows {
 public:
  QueuedRows() noexcept = default;
  QueuedRows(QueuedRows&& other) noexcept
      : edge_(std::exchange(other.edge_, nullptr)), rows_(std::exchange(other.rows_, 0)) {}
  QueuedRows& operator=(QueuedRows&& other) noexcept;
  ~QueuedRows();

  // The consumer has the message: in one step `rows`, which is what the consumer really found in
  // it, count as received, and the rows that were sent leave the queue. Once; the token is empty
  // afterwards.
  void receive(std::uint64_t rows, std::uint64_t bytes) noexcept;

  std::uint64_t rows() const noexcept { return rows_; }

 private:
  friend class EdgeLedger;
  QueuedRows(EdgeLedger* edge, std::uint64_t rows) noexcept : edge_(edge), rows_(rows) {}

  EdgeLedger* edge_ = nullptr;
  std::uint64_t rows_ = 0;
};

struct EdgeCounts {
  FlowCounts sent;
  FlowCounts received;
  std::uint64_t queued = 0;  // rows

  // sent - received - queued: positive when rows vanished on the way.
  std::int64_t difference() const noexcept;
};

// Totals of one edge. [any thread]
class EdgeLedger {
 public:
  explicit EdgeLedger(std::string name) : name_(std::move(name)) {}
  EdgeLedger(const EdgeLedger&) = delete;
  EdgeLedger& operator=(const EdgeLedger&) = delete;

  const std::string& name() const noexcept { return name_; }  // eg: "parsed -> located"

  // The producer hands a message of `rows` to the edge, and the token to the message.
  QueuedRows send(std::uint64_t rows, std::uint64_t bytes);
  EdgeCounts counts() const;

 private:
  friend class QueuedRows;
  void received(std::uint64_t queued, std::uint64_t rows, std::uint64_t bytes) noexcept;
  void destroyed(std::uint64_t queued) noexcept;

  const std::string name_;
  mutable std::mutex mutex_;
  EdgeCounts counts_;  // guarded by mutex_
};

// The ledgers of a pipeline. Owns them; they stay where they are as long as it lives. [any thread]
class PipelineLedger {
 public:
  // Throws std::invalid_argument when the id or name is taken.
  ComponentLedger& add_component(ComponentInfo info);
  EdgeLedger& add_edge(std::string name);

  // In the order they were added; nullptr where there is none.
  std::vector<const ComponentLedger*> components() const;
  std::vector<const EdgeLedger*> edges() const;
  ComponentLedger* find_component(std::string_view id) const;
  EdgeLedger* find_edge(std::string_view name) const;

  // The sum of the absolute differences of all components and edges. 0 at any time, or rows are
  // lost or counted twice.
  std::uint64_t unaccounted() const;
  // Rows in messages that nobody has received.
  std::uint64_t queued() const;

  // For people, at exit: a table of the components, edges with rows left behind or missing, and
  // last "unaccounted rows: N".
  void print(std::ostream& out) const;

 private:
  mutable std::mutex mutex_;  // of the two lists
  std::deque<ComponentLedger> components_;
  std::deque<EdgeLedger> edges_;
};

}  // namespace flowrun
