#include "core/graph/source_node.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <optional>
#include <stdexcept>
#include <utility>

#include "core/graph/batch_size.hpp"
#include "core/graph/message_columns.hpp"
#include "core/graph/node.hpp"
#include "core/graph/own_work.hpp"
#include "core/observe/log.hpp"
#include "flow/builder.hpp"
#include "flow/host/batch.hpp"
#include "flow/thread_name.hpp"

namespace flowrun {
namespace {

using Clock = std::chrono::steady_clock;

// How long a gated or idle source waits before it looks again.
constexpr std::chrono::milliseconds kLook{5};

}  // namespace

SourceNode::SourceNode(Runtime& runtime, const PlanNode& node, const SharedComponent& shared,
                       std::vector<std::unique_ptr<Channel>> channels)
    : runtime_(runtime),
      component_(*shared.runtime),
      codec_(shared.codec),
      sends_messages_((component_.bound->descriptor().traits & FLOW_MESSAGES) != 0),
      in_flight_(std::make_shared<InFlight>([&runtime](bool awaited) {
        if (awaited || runtime.waiting_for_room.load() > 0) runtime.signal.notify();
      })),
      open_(component_.id) {
  const std::vector<PlanTarget>& errors = node.steps.front().errors;
  for (std::size_t edge = 0; edge < channels.size(); ++edge) {
    if (channels[edge] == nullptr) continue;
    const bool reads_errors =
        std::any_of(errors.begin(), errors.end(),
                    [edge](const PlanTarget& target) { return target.index == edge; });
    outputs_.push_back({std::move(channels[edge]), reads_errors ? Port::kErrors : Port::kOut});
  }
  try {
    source_ = std::make_unique<OperatorInstance>(
        runtime, component_, shared.component, FLOW_ROLE_NONE,
        codec_ != nullptr ? Accounting::kDecoder : Accounting::kSource, 0, *this);
  } catch (const Refusal& refusal) {
    throw std::runtime_error(locate(*component_.specification, false, refusal).to_string());
  }
}

SourceNode::~SourceNode() {
  if (thread_.joinable()) thread_.join();
}

void SourceNode::start(std::function<void()> finished) {
  finished_ = std::move(finished);
  thread_ = std::thread([this] { run(); });
}

void SourceNode::request_barrier(std::uint64_t checkpoint) {
  {
    const std::lock_guard lock(mutex_);
    barriers_.push_back(checkpoint);
  }
  runtime_.signal.notify();
}

void SourceNode::acknowledge(std::uint64_t checkpoint) {
  {
    const std::lock_guard lock(mutex_);
    acknowledged_.push_back(checkpoint);
  }
  held_.store(false);
  runtime_.signal.notify();
}

void SourceNode::on_checkpoint(AtBarrier at_barrier, AtEnd at_end) {
  at_barrier_ = std::move(at_barrier);
  at_end_ = std::move(at_end);
}

void SourceNode::wait_while_held() {
  const auto over = [&] {
    return !held_.load() || runtime_.stopping.load() || runtime_.aborted.load();
  };
  while (!over()) {
    do_requests();
    runtime_.signal.wait_for(kLook, over);
  }
}

void SourceNode::wait_for_finish() {
  const auto over = [&] { return may_finish_.load() || runtime_.aborted.load(); };
  while (!over()) runtime_.signal.wait_for(kLook, over);
  if (runtime_.aborted.load()) return;
  if (journal_ != nullptr) {
    journal_->sync();
    acknowledge_written();
    forget_written(passed_on());
    return;
  }
  Positions positions;
  for (const auto& [name, partition] : partitions_) positions[name] = partition.position;
  acknowledge_all(positions);
}

void SourceNode::finish() {
  may_finish_.store(true);
  runtime_.signal.notify();
}

void SourceNode::wake() {
  if (source_->abi()->wake != nullptr) source_->abi()->wake(source_->abi());
}

void SourceNode::run() {
  flow::name_thread(component_.id);
  OwnWork own_work;
  SpareTime spare_time;
  Backoff backoff;
  bool has_ended = false;
  try {
    wait_while_held();
    replay();
    while (!runtime_.stopping.load() && !runtime_.aborted.load()) {
      if (!assign_offered()) break;
      if (!wait_for_room()) break;
      do_requests();
      emitted_in_call_ = 0;
      const auto polled = Clock::now();
      own_work.activate(spare_time.has(polled, std::exchange(was_held_up_, false)));
      const flow_status status = source_->poll();
      if (!send_failures()) break;
      has_ended = status == FLOW_END;
      if (has_ended) finish_partitions();
      source_->publish(epoch_);
      if (status == FLOW_IDLE) open_.waits();
      if (status != FLOW_END) send_open();
      own_work.run();
      own_work.activate(false);
      if (status == FLOW_END) break;
      if (status == FLOW_FAILED) {
        runtime_.fail(component_.id, source_->error());
        break;
      }
      if (status == FLOW_IDLE) {
        // One that waited itself is not made to wait twice: what came meanwhile would.
        const auto left = kLook - (Clock::now() - polled);
        if (left > Clock::duration::zero()) {
          runtime_.signal.wait_for(left, [&] { return runtime_.stopping.load(); });
        }
      } else if (status == FLOW_RETRY) {
        const auto pause = backoff.next();
        log::warning("A passing trouble is being retried.", {{"component", component_.id},
                                                             {"error", source_->error()},
                                                             {"attempt", backoff.attempts()},
                                                             {"pause_ms", pause.count()}});
        const auto until = Clock::now() + pause;
        while (Clock::now() < until && !runtime_.stopping.load() && !runtime_.aborted.load()) {
          runtime_.signal.wait_for(kLook, [&] { return runtime_.stopping.load(); });
          do_requests();
        }
      } else {
        backoff = Backoff();
      }
    }
    if (!runtime_.aborted.load()) {
      do_requests();
      // A source that was stopped may still have something to read.
      send_control(Control::kEnd, has_ended ? kEndComplete : kEndStopped);
      has_read_all_.store(has_ended);
      if (at_end_) {
        at_end_(saved().encode());
        wait_for_finish();
      }
    }
    for (auto& [name, partition] : partitions_) close_framer(partition);
    if (source_->close(!runtime_.aborted.load()) != FLOW_DONE) {
      log::warning("A source did not close.",
                   {{"component", component_.id}, {"error", source_->error()}});
    }
    source_->publish(epoch_);
  } catch (const std::exception& error) {
    runtime_.fail(component_.id, error.what());
  }
  ended_.store(true);
  finished_();
}

bool SourceNode::assign_offered() {
  std::vector<std::string> offered;
  {
    const std::lock_guard lock(mutex_);
    offered = std::exchange(offered_, {});
  }
  for (const std::string& name : offered) {
    const auto known = partitions_.find(name);
    const bool assigned = known != partitions_.end() && unassigned_.count(name) == 0;
    if (!(assigned && from_checkpoint_.count(name) != 0) && !assign(name)) return false;
  }
  // Of the checkpoint, and not offered again: what is to be said of them the source says.
  while (!unassigned_.empty()) {
    if (!assign(std::string(*unassigned_.begin()))) return false;
  }
  return true;
}

bool SourceNode::assign(const std::string& name) {
  open_.open(name);
  flow_operator* op = source_->abi();
  const bool saved = unassigned_.erase(name) != 0;
  const std::string position = saved ? partitions_[name].position : std::string();
  const bool from_start = !saved || position.empty();
  if (op->assign(op, name.c_str(), from_start ? nullptr : position.data(),
                 static_cast<std::uint32_t>(position.size())) == FLOW_DONE) {
    return true;
  }
  runtime_.fail(component_.id, source_->error());
  return false;
}

bool SourceNode::may_emit() const {
  return in_flight_->bytes() == 0 || (in_flight_->bytes() < runtime_.in_flight && is_memory_free());
}

bool SourceNode::is_memory_free() const {
  return static_cast<double>(runtime_.account.used()) <
         kSourceShare * static_cast<double>(runtime_.memory_limit);
}

bool SourceNode::is_held() const {
  return runtime_.drift != nullptr && runtime_.drift->holds(number_in_drift_);
}

bool SourceNode::wait_for_room() {
  const auto stop = [&] { return runtime_.stopping.load() || runtime_.aborted.load(); };
  // That it waits for another source makes nobody else wait: silence of others counts as such.
  while (is_held() && !stop()) {
    const auto since = Clock::now();
    runtime_.waiting_for_others.fetch_add(1);
    runtime_.signal.wait_for(kLook, [&] { return !is_held() || stop(); });
    runtime_.waiting_for_others.fetch_sub(1);
    do_requests();
    component_.metrics->drift_seconds.add(
        std::chrono::duration<double>(Clock::now() - since).count());
  }
  while (!may_emit()) {
    if (stop()) return false;
    runtime_.held_up.store(runtime_.now());
    was_held_up_ = true;
    const auto since = Clock::now();
    // Once it has to wait, until there is room for several batches: each wait costs a switch of
    // threads. What is in flight of its own need not be what takes the memory.
    const std::int64_t low = is_memory_free() ? runtime_.in_flight / 4 * 3 : INT64_MAX;
    in_flight_->await_below(low);
    runtime_.signal.wait_for(kLook,
                             [&] { return (may_emit() && in_flight_->bytes() < low) || stop(); });
    in_flight_->await_below(0);
    do_requests();  // barriers pass while the source waits
    blame(std::chrono::duration<double>(Clock::now() - since).count());
  }
  return !stop();
}

// The time a source waits is charged to the edge that holds the most rows: the one whose reader
// does not keep up.
void SourceNode::blame(double seconds) {
  const EdgeLedger* fullest = nullptr;
  std::uint64_t most = 0;
  for (const EdgeLedger* edge : runtime_.ledger.edges()) {
    const std::uint64_t queued = edge->counts().queued;
    if (queued > most) {
      most = queued;
      fullest = edge;
    }
  }
  if (fullest != nullptr) runtime_.metrics.edge(fullest->name()).blocked_seconds.add(seconds);
}

void SourceNode::do_requests() {
  std::vector<std::uint64_t> barriers;
  std::vector<std::uint64_t> acknowledged;
  {
    const std::lock_guard lock(mutex_);
    barriers = std::exchange(barriers_, {});
    acknowledged = std::exchange(acknowledged_, {});
  }
  for (const std::uint64_t checkpoint : barriers) {
    Positions& positions = positions_at_[checkpoint];
    for (const auto& [name, partition] : partitions_) positions[name] = partition.position;
    send_control(Control::kBarrier, static_cast<std::int64_t>(checkpoint));
    epoch_ = checkpoint;
    if (journal_ != nullptr) journal_at_[checkpoint] = passed_on();
    if (at_barrier_) at_barrier_(checkpoint, saved().encode());
  }
  for (const std::uint64_t checkpoint : acknowledged) {
    if (journal_ == nullptr) {
      acknowledge_all(positions_at_[checkpoint]);
    } else if (const auto at = journal_at_.find(checkpoint); at != journal_at_.end()) {
      forget_written(at->second);
      journal_at_.erase(journal_at_.begin(), std::next(at));
    }
    positions_at_.erase(positions_at_.begin(), positions_at_.upper_bound(checkpoint));
  }
  acknowledge_written();
}

void SourceNode::send_control(Control control, std::int64_t value) {
  const std::uint64_t number = number_++;
  if (control == Control::kEnd) open_.close_all();
  for (const Output& output : outputs_) {
    auto message = std::make_shared<Message>();
    message->number = number;
    message->control = control;
    message->value = value;
    if (control == Control::kEnd) message->open = open_.current();
    output.channel->send(message);
  }
}

void SourceNode::send_open() {
  if (!open_.changed()) return;
  const std::uint64_t number = number_++;
  for (const Output& output : outputs_) {
    auto message = std::make_shared<Message>();
    message->number = number;
    message->open = open_.current();
    output.channel->send(message);
  }
}

void SourceNode::send(const flow::Batch& batch, std::int64_t bytes, Port port) {
  const auto ticket = std::make_shared<InFlight::Ticket>(in_flight_, bytes, runtime_.now());
  const std::uint64_t number = number_++;
  for (const Output& output : outputs_) {
    auto message = std::make_shared<Message>();
    message->number = number;
    if (output.port == port) message->batches.push_back(batch);
    message->open = open_.current();
    message->ticket = ticket;
    output.channel->send(message);
  }
}

bool SourceNode::send_failures() {
  const flow::Batch letters = source_->take_failures();
  if (!letters) return true;
  const bool read = std::any_of(outputs_.begin(), outputs_.end(),
                                [](const Output& output) { return output.port == Port::kErrors; });
  if (read) {
    send(letters, held_bytes(*letters.get()), Port::kErrors);
    return true;
  }
  const OnError on_error = component_.bound->on_error;
  if (on_error == OnError::kDrop) return true;
  runtime_.fail(component_.id, failure_text(letters, on_error));
  return false;
}

// The source has nothing more: what was held back of streams that it did not end is whole now.
void SourceNode::finish_partitions() {
  for (auto& [name, partition] : partitions_) {
    const bool holds = partition.resume && !partition.resume->held.empty();
    if (partition.framing == nullptr && holds) begin_stream(nullptr, partition, name.c_str());
    if (partition.framing == nullptr) continue;
    const flow::Batch last = framed(nullptr, partition, name.c_str(), true);
    close_framer(partition);
    if (last) send(last, held_bytes(*last.get()));
  }
}

void SourceNode::close_framer(Partition& partition) {
  if (partition.framer == nullptr) return;
  if (partition.framer->close(!runtime_.aborted.load()) != FLOW_DONE) {
    log::warning("A codec did not close.",
                 {{"component", component_.id}, {"error", partition.framer->error()}});
  }
  partition.framer->publish(epoch_);
  partition.framing.reset();
  partition.framer.reset();
}

std::int64_t SourceNode::room(std::size_t, std::uint32_t) { return emitted_in_call_ == 0 ? 1 : 0; }

void SourceNode::emit(std::size_t, std::uint32_t, flow::Batch) {
  throw std::logic_error("a source emits with emit_from");
}

void SourceNode::offer(const std::string& partition) {
  {
    const std::lock_guard lock(mutex_);
    offered_.push_back(partition);
  }
  runtime_.signal.notify();
}

// A stream that a checkpoint was taken in goes on if the source does where that one stopped. If it
// does not, its file is another one by now, and what was held back of the old one is whole.
void SourceNode::begin_stream(const flow_batch* batch, Partition& partition, const char* name) {
  const auto begin = [&] {
    partition.framer = std::make_unique<OperatorInstance>(
        runtime_, component_, codec_, FLOW_ROLE_FRAME, Accounting::kDecoder, 0, *this);
    partition.framing = std::make_unique<Framing>(partition.framer->abi(), runtime_.account);
  };
  begin();
  if (!partition.resume) return;
  const SavedPartition::Stream stream = *std::exchange(partition.resume, std::nullopt);
  const bool has_rows = batch != nullptr && batch->rows > 0;
  const flow_column* position = has_rows ? batch->origin->position : nullptr;
  const bool goes_on = position == nullptr || flow::Int64View(*position)[0] == stream.next();
  if (!goes_on && stream.held.empty()) return;
  partition.framing->resume(stream);
  if (goes_on) return;
  const flow::Batch last = framed(nullptr, partition, name, true);
  close_framer(partition);
  if (last) send_in_parts(last);
  begin();
}

void SourceNode::emit_from(const flow_batch* batch, const std::string& name,
                           const std::string& position, std::uint32_t flags) {
  const bool end = (flags & FLOW_PARTITION_END) != 0;
  ++emitted_in_call_;
  open_.open(name);
  if (journal_ != nullptr && !replaying_) write_down(batch, name, position, flags);
  const auto found = partitions_.try_emplace(name).first;
  const char* lasting_name = found->first.c_str();
  Partition& at = found->second;
  if (at.framing == nullptr && codec_ != nullptr && !sends_messages_) {
    begin_stream(batch, at, lasting_name);
  }
  flow::Batch sent;
  if (at.framing != nullptr) {
    sent = framed(batch, at, lasting_name, end);
  } else if (batch != nullptr && batch->rows > 0) {
    sent = with_origin(*batch, lasting_name, at);
    if (codec_ == nullptr) source_->count_emission(*batch);
  }
  // Bytes that are held back are not downstream: where checkpoints do not keep them, a position
  // behind them must not be acknowledged.
  if (runtime_.stores_checkpoints || at.framing == nullptr || at.framing->empty()) {
    at.position = position;
  }
  at.ended = end;
  if (end) {
    if (at.framing != nullptr && (flags & FLOW_MAY_GO_ON) != 0) at.resume = at.framing->save();
    close_framer(at);
  }
  if (!sent && end) open_.close(name);
  if (sent) send_in_parts(sent, end ? &name : nullptr);
}

void SourceNode::send_in_parts(const flow::Batch& batch, const std::string* ending) {
  const std::int64_t most = codec_ != nullptr ? INT64_MAX : runtime_.batch_rows;
  for (std::int64_t first = 0; first < batch.rows(); first += most) {
    const flow::Batch part =
        batch.rows() <= most
            ? batch
            : source_->output().slice(batch, first, std::min(most, batch.rows() - first));
    // Behind its last rows the partition is not open any more.
    if (ending != nullptr && first >= batch.rows() - part.rows()) open_.close(*ending);
    send(part, held_bytes(*part.get()));
    if (part.rows() == batch.rows()) break;
  }
}

flow::Batch SourceNode::with_origin(const flow_batch& batch, const char* name,
                                    Partition& partition) {
  flow_origin origin = *batch.origin;
  origin.size = sizeof origin;
  origin.source = component_.id.c_str();
  origin.partition = name;
  flow::Column positions;
  // A source may have its own count, which lasts from run to run.
  if (sends_messages_ && origin.position == nullptr) {
    positions = MessageColumns::positions(batch, partition.bytes, source_->output());
    origin.position = positions.get();
  }
  return flow::Batch(flow::Reference<const flow_batch>::adopt(
      flow::host::Batch::make(runtime_.account, batch.schema, batch.rows, batch.columns, &origin)));
}

flow::Batch SourceNode::framed(const flow_batch* batch, Partition& partition, const char* name,
                               bool end) {
  std::vector<Framing::Run> runs;
  flow::Output& output = source_->output();
  const flow_column* pieces = batch != nullptr ? batch->columns[0] : nullptr;
  if (pieces != nullptr) {
    const flow::TextView texts(*pieces);
    const flow_column* positions = batch->origin->position;
    for (std::int64_t row = 0; row < batch->rows; ++row) {
      partition.framing->add(texts[row],
                             positions != nullptr ? flow::Int64View(*positions)[row] : 0, runs);
    }
  }
  if (end) partition.framing->finish(runs);
  if (runs.empty()) return {};

  const auto rows = static_cast<std::int64_t>(runs.size());
  flow::TextBuilder bytes(output, rows, FLOW_BINARY);
  flow::Int64Builder positions(output, rows);
  const std::int32_t shared = pieces != nullptr ? bytes.share(*pieces) : 0;
  for (const Framing::Run& run : runs) {
    positions.append(run.position);
    if (run.piece.empty()) {
      bytes.append(run.text);
      continue;
    }
    // The piece lies in one of the source's buffers.
    bool found = false;
    for (std::int64_t i = 0; i < pieces->n_data && !found; ++i) {
      const char* base = static_cast<const char*>(pieces->data[i]->data);
      found = run.piece.data() >= base && run.piece.data() < base + pieces->data[i]->capacity;
      if (found) bytes.append_shared(run.piece, shared + static_cast<std::int32_t>(i), base);
    }
    if (!found) bytes.append(run.piece);
  }
  std::vector<flow::NewColumn> columns = {{"bytes", {bytes.finish(), flow::Type::binary()}}};
  if (partition.framing->has_context()) {
    flow::TextBuilder contexts(output, rows, FLOW_BINARY);
    for (const Framing::Run& run : runs) contexts.append(run.context);
    columns.push_back({"context", {contexts.finish(), flow::Type::binary()}});
  }
  const flow::Column column = positions.finish();
  flow_origin origin{};
  origin.size = sizeof origin;
  origin.source = component_.id.c_str();
  origin.partition = name;
  origin.position = column.get();
  return output.make(rows, columns, &origin);
}

}  // namespace flowrun
