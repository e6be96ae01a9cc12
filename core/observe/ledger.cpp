#include "core/observe/ledger.hpp"

#include <algorithm>
#include <array>
#include <ostream>
#include <set>
#include <stdexcept>

#include "core/observe/text.hpp"
#include "flow/utf8.hpp"

namespace flowrun {
namespace {

constexpr std::size_t kMaxReasonBytes = 64;
constexpr std::size_t kMaxPooledReasons = 4096;

std::int64_t signed_difference(std::uint64_t left, std::uint64_t right) noexcept {
  return static_cast<std::int64_t>(left - right);  // two's complement: right in both directions
}

std::uint64_t magnitude(std::int64_t value) noexcept {
  return value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
}

std::string tidy_reason(std::string_view reason) {
  std::string tidy;
  while (!reason.empty()) {
    const flow::Utf8Step step = flow::utf8_step(reason);
    if (tidy.size() + step.length > kMaxReasonBytes) break;
    flow::append_repaired_utf8(reason.substr(0, step.length), tidy);
    reason.remove_prefix(step.length);
  }
  return tidy.empty() ? "unspecified" : tidy;
}

// "12 (bad_time 9, bad_line 3)", the most frequent first
std::string with_reasons(std::uint64_t rows, const ReasonCounts& reasons) {
  std::string text = with_thousands(rows);
  std::vector<ReasonCounts::Entry> entries = reasons.entries();
  std::erase_if(entries, [](const auto& entry) { return entry.second == 0; });
  std::stable_sort(entries.begin(), entries.end(),
                   [](const auto& left, const auto& right) { return left.second > right.second; });
  std::string_view separator = " (";
  for (const auto& [reason, count] : entries) {
    text += separator;
    append_printable(text, *reason);
    text += ' ';
    text += with_thousands(count);
    separator = ", ";
  }
  if (!entries.empty()) text += ')';
  return text;
}

constexpr std::size_t kColumns = 9;
using TableRow = std::array<std::string, kColumns>;

// Columns 0, 1 and the last two are text (left-aligned), the others numbers.
void print_table(std::ostream& out, const std::vector<TableRow>& table) {
  std::array<std::size_t, kColumns> width{};
  for (const TableRow& row : table) {
    for (std::size_t column = 0; column < kColumns; ++column) {
      width[column] = std::max(width[column], row[column].size());
    }
  }
  for (const TableRow& row : table) {
    std::string line;
    for (std::size_t column = 0; column < kColumns; ++column) {
      const std::string padding(width[column] - row[column].size(), ' ');
      if (column > 0) line += "  ";
      const bool text = column < 2 || column >= kColumns - 2;
      line += text ? row[column] + padding : padding + row[column];
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out << line << '\n';
  }
}

}  // namespace

std::int64_t RowCounts::difference() const noexcept {
  return signed_difference(in, passed + dropped + failed + late + absorbed);
}

const std::string* intern_reason(std::string_view reason) {
  struct Pool {
    std::mutex mutex;
    std::set<std::string, std::less<>> reasons;  // a node's address is stable
    const std::string* other = &*reasons.emplace(kOtherReason).first;
  };
  static Pool* const kPool = new Pool;  // never destroyed: counts may be printed by statics
  const std::string tidy = tidy_reason(reason);
  const std::lock_guard lock(kPool->mutex);
  const auto found = kPool->reasons.find(tidy);
  if (found != kPool->reasons.end()) return &*found;
  if (kPool->reasons.size() >= kMaxPooledReasons) return kPool->other;
  return &*kPool->reasons.insert(tidy).first;
}

void ReasonCounts::add(std::string_view reason, std::uint64_t rows) {
  for (auto& [known, count] : entries_) {
    if (*known == reason) {
      count += rows;
      return;
    }
  }
  add_interned(intern_reason(reason), rows);
}

void ReasonCounts::add(const ReasonCounts& other) {
  for (const auto& [reason, count] : other.entries_) {
    if (count > 0) add_interned(reason, count);
  }
}

void ReasonCounts::add_interned(const std::string* reason, std::uint64_t rows) {
  static const std::string* const kOther = intern_reason(kOtherReason);
  const auto find = [this](const std::string* wanted) {
    return std::find_if(entries_.begin(), entries_.end(),
                        [wanted](const Entry& entry) { return entry.first == wanted; });
  };
  auto found = find(reason);
  if (found == entries_.end() && reason != kOther) {
    const bool has_other = find(kOther) != entries_.end();
    if (entries_.size() - (has_other ? 1 : 0) >= kMaxReasons) {
      reason = kOther;
      found = find(kOther);
    }
  }
  if (found == entries_.end()) found = entries_.insert(entries_.end(), {reason, 0});
  found->second += rows;
}

void ReasonCounts::reset() noexcept {
  for (Entry& entry : entries_) entry.second = 0;
}

std::uint64_t ReasonCounts::operator[](std::string_view reason) const noexcept {
  for (const auto& [known, count] : entries_) {
    if (*known == reason) return count;
  }
  return 0;
}

void LedgerDelta::input_taken(std::uint64_t n_rows, std::uint64_t bytes) {
  rows.in += n_rows;
  input += FlowCounts{n_rows, 1, bytes};
}

void LedgerDelta::emitted(std::size_t port, std::uint64_t n_rows, std::uint64_t bytes,
                          std::uint64_t created, Outcome outcome) {
  if (port >= ports.size()) ports.resize(port + 1);
  ports[port] += FlowCounts{n_rows, 1, bytes};
  rows.created += created;
  if (outcome == Outcome::kPassed) rows.passed += n_rows - created;
}

void LedgerDelta::failed(std::string_view reason, std::uint64_t n_rows) {
  rows.failed += n_rows;
  errors.add(reason, n_rows);
}

void LedgerDelta::dropped(std::string_view reason, std::uint64_t n_rows) {
  rows.dropped += n_rows;
  drops.add(reason, n_rows);
}

void LedgerDelta::add(const LedgerDelta& other) {
  rows += other.rows;
  input += other.input;
  if (ports.size() < other.ports.size()) ports.resize(other.ports.size());
  for (std::size_t port = 0; port < other.ports.size(); ++port) ports[port] += other.ports[port];
  errors.add(other.errors);
  drops.add(other.drops);
}

void LedgerDelta::reset() noexcept {
  rows = {};
  input = {};
  std::fill(ports.begin(), ports.end(), FlowCounts{});
  errors.reset();
  drops.reset();
}

ComponentLedger::ComponentLedger(ComponentInfo info) : info_(std::move(info)) {
  settled_.ports.resize(info_.ports.size());
}

void ComponentLedger::publish(const LedgerDelta& step, std::uint64_t epoch) {
  const std::lock_guard lock(mutex_);
  // Nearly always the last one.
  if (epochs_.empty() || epochs_.rbegin()->first != epoch) {
    epochs_[epoch].add(step);
  } else {
    epochs_.rbegin()->second.add(step);
  }
}

LedgerDelta ComponentLedger::totals_before(std::uint64_t checkpoint) {
  const std::lock_guard lock(mutex_);
  while (!epochs_.empty() && epochs_.begin()->first < checkpoint) {
    settled_.add(epochs_.begin()->second);
    epochs_.erase(epochs_.begin());
  }
  return settled_;
}

LedgerDelta ComponentLedger::totals() const {
  const std::lock_guard lock(mutex_);
  LedgerDelta totals = settled_;
  for (const auto& [epoch, delta] : epochs_) totals.add(delta);
  return totals;
}

std::int64_t ComponentLedger::difference() const { return totals().rows.difference(); }

QueuedRows& QueuedRows::operator=(QueuedRows&& other) noexcept {
  if (this != &other) {
    if (edge_ != nullptr) edge_->destroyed(rows_);
    edge_ = std::exchange(other.edge_, nullptr);
    rows_ = std::exchange(other.rows_, 0);
  }
  return *this;
}

QueuedRows::~QueuedRows() {
  if (edge_ != nullptr) edge_->destroyed(rows_);
}

void QueuedRows::receive(std::uint64_t rows, std::uint64_t bytes) noexcept {
  EdgeLedger* const edge = std::exchange(edge_, nullptr);
  if (edge != nullptr) edge->received(std::exchange(rows_, 0), rows, bytes);
}

std::int64_t EdgeCounts::difference() const noexcept {
  return signed_difference(sent.rows, received.rows + queued);
}

QueuedRows EdgeLedger::send(std::uint64_t rows, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  counts_.sent += FlowCounts{rows, 1, bytes};
  counts_.queued += rows;
  return QueuedRows(this, rows);
}

EdgeCounts EdgeLedger::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

void EdgeLedger::received(std::uint64_t queued, std::uint64_t rows, std::uint64_t bytes) noexcept {
  const std::lock_guard lock(mutex_);
  counts_.queued -= queued;
  counts_.received += FlowCounts{rows, 1, bytes};
}

void EdgeLedger::destroyed(std::uint64_t queued) noexcept {
  const std::lock_guard lock(mutex_);
  counts_.queued -= queued;
}

ComponentLedger& PipelineLedger::add_component(ComponentInfo info) {
  const std::lock_guard lock(mutex_);
  for (const ComponentLedger& component : components_) {
    if (component.info().id == info.id) {
      throw std::invalid_argument("ledger: component '" + info.id + "' is there already");
    }
  }
  return components_.emplace_back(std::move(info));
}

EdgeLedger& PipelineLedger::add_edge(std::string name) {
  const std::lock_guard lock(mutex_);
  for (const EdgeLedger& edge : edges_) {
    if (edge.name() == name) {
      throw std::invalid_argument("ledger: edge '" + name + "' is there already");
    }
  }
  return edges_.emplace_back(std::move(name));
}

std::vector<const ComponentLedger*> PipelineLedger::components() const {
  const std::lock_guard lock(mutex_);
  std::vector<const ComponentLedger*> all;
  for (const ComponentLedger& component : components_) all.push_back(&component);
  return all;
}

std::vector<const EdgeLedger*> PipelineLedger::edges() const {
  const std::lock_guard lock(mutex_);
  std::vector<const EdgeLedger*> all;
  for (const EdgeLedger& edge : edges_) all.push_back(&edge);
  return all;
}

ComponentLedger* PipelineLedger::find_component(std::string_view id) const {
  for (const ComponentLedger* component : components()) {
    if (component->info().id == id) return const_cast<ComponentLedger*>(component);
  }
  return nullptr;
}

EdgeLedger* PipelineLedger::find_edge(std::string_view name) const {
  for (const EdgeLedger* edge : edges()) {
    if (edge->name() == name) return const_cast<EdgeLedger*>(edge);
  }
  return nullptr;
}

std::uint64_t PipelineLedger::unaccounted() const {
  std::uint64_t sum = 0;
  for (const ComponentLedger* component : components()) sum += magnitude(component->difference());
  for (const EdgeLedger* edge : edges()) sum += magnitude(edge->counts().difference());
  return sum;
}

std::uint64_t PipelineLedger::queued() const {
  std::uint64_t sum = 0;
  for (const EdgeLedger* edge : edges()) sum += edge->counts().queued;
  return sum;
}

void PipelineLedger::print(std::ostream& out) const {
  std::vector<TableRow> table = {{"component", "type", "in", "out", "created", "absorbed", "late",
                                  "dropped (reason)", "failed (reason)"}};
  std::string trouble;
  for (const ComponentLedger* component : components()) {
    const LedgerDelta totals = component->totals();
    const RowCounts& rows = totals.rows;
    table.push_back({component->info().id, component->info().type, with_thousands(rows.in),
                     with_thousands(rows.passed + rows.created), with_thousands(rows.created),
                     with_thousands(rows.absorbed), with_thousands(rows.late),
                     with_reasons(rows.dropped, totals.drops),
                     with_reasons(rows.failed, totals.errors)});
    if (const std::int64_t difference = rows.difference(); difference != 0) {
      trouble += "component " + component->info().id + ": " +
                 with_thousands(magnitude(difference)) +
                 (difference > 0 ? " rows came in and have no outcome\n"
                                 : " more rows accounted for than came in\n");
    }
  }
  for (const EdgeLedger* edge : edges()) {
    const EdgeCounts counts = edge->counts();
    if (counts.queued != 0) {
      trouble += "edge " + edge->name() + ": " + with_thousands(counts.queued) +
                 " rows left queued (sent " + with_thousands(counts.sent.rows) + ", received " +
                 with_thousands(counts.received.rows) + ")\n";
    }
    if (const std::int64_t difference = counts.difference(); difference != 0) {
      trouble +=
          "edge " + edge->name() + ": " + with_thousands(magnitude(difference)) +
          (difference > 0 ? " rows vanished on the way\n" : " more rows received than sent\n");
    }
  }
  print_table(out, table);
  out << trouble << "unaccounted rows: " << unaccounted() << '\n';
}

}  // namespace flowrun
