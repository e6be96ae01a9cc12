#include "core/graph/source_node.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <stdexcept>
#include <utility>

#include "core/graph/message_columns.hpp"
#include "core/graph/node.hpp"
#include "core/observe/log.hpp"
#include "flow/builder.hpp"
#include "flow/host/batch.hpp"

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
      in_flight_(std::make_shared<InFlight>([&runtime] { runtime.signal.notify(); })) {
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
  } catch (const std::runtime_error& refusal) {
    throw std::runtime_error(component_.id + ": " + refusal.what());
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
  const std::lock_guard lock(mutex_);
  acknowledged_.push_back(checkpoint);
}

void SourceNode::wake() {
  if (source_->abi()->wake != nullptr) source_->abi()->wake(source_->abi());
}

void SourceNode::run() {
  Backoff backoff;
  try {
    while (!runtime_.stopping.load() && !runtime_.aborted.load()) {
      if (!assign_offered()) break;
      if (!wait_for_room()) break;
      do_requests();
      emitted_in_call_ = 0;
      const flow_status status = source_->poll();
      if (!send_failures()) break;
      if (status == FLOW_END) finish_partitions();
      source_->publish();
      if (status == FLOW_END) break;
      if (status == FLOW_FAILED) {
        runtime_.fail(component_.id, source_->error());
        break;
      }
      if (status == FLOW_IDLE) {
        runtime_.signal.wait_for(kLook, [&] { return runtime_.stopping.load(); });
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
      send_control(Control::kEnd, 0);
    }
    for (auto& [name, partition] : partitions_) close_framer(partition);
    if (source_->close(!runtime_.aborted.load()) != FLOW_DONE) {
      log::warning("A source did not close.",
                   {{"component", component_.id}, {"error", source_->error()}});
    }
    source_->publish();
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
  flow_operator* op = source_->abi();
  for (const std::string& name : offered) {
    if (op->assign(op, name.c_str(), nullptr, 0) != FLOW_DONE) {
      runtime_.fail(component_.id, source_->error());
      return false;
    }
  }
  return true;
}

bool SourceNode::may_emit() const {
  const std::int64_t in_flight = in_flight_->bytes();
  if (in_flight == 0) return true;
  return in_flight < runtime_.in_flight &&
         static_cast<double>(runtime_.account.used()) <
             kSourceShare * static_cast<double>(runtime_.memory_limit);
}

bool SourceNode::wait_for_room() {
  const auto stop = [&] { return runtime_.stopping.load() || runtime_.aborted.load(); };
  while (!may_emit()) {
    if (stop()) return false;
    const auto since = Clock::now();
    runtime_.signal.wait_for(kLook, [&] { return may_emit() || stop(); });
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
  }
  for (const std::uint64_t checkpoint : acknowledged) {
    flow_operator* op = source_->abi();
    for (const auto& [name, position] : positions_at_[checkpoint]) {
      if (op->acknowledge != nullptr) {
        op->acknowledge(op, name.c_str(), position.data(),
                        static_cast<std::uint32_t>(position.size()));
      }
    }
    positions_at_.erase(positions_at_.begin(), positions_at_.upper_bound(checkpoint));
  }
}

void SourceNode::send_control(Control control, std::int64_t value) {
  const std::uint64_t number = number_++;
  for (const Output& output : outputs_) {
    auto message = std::make_shared<Message>();
    message->number = number;
    message->control = control;
    message->value = value;
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
    send(letters, batch_bytes(*letters.get()), Port::kErrors);
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
    if (partition.framing == nullptr) continue;
    const flow::Batch last = framed(nullptr, partition, name.c_str(), true);
    close_framer(partition);
    if (last) send(last, batch_bytes(*last.get()));
  }
}

void SourceNode::close_framer(Partition& partition) {
  if (partition.framer == nullptr) return;
  if (partition.framer->close(!runtime_.aborted.load()) != FLOW_DONE) {
    log::warning("A codec did not close.",
                 {{"component", component_.id}, {"error", partition.framer->error()}});
  }
  partition.framer->publish();
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

SourceNode::Partition& SourceNode::partition(const std::string& name, const char** lasting_name) {
  const auto found = partitions_.try_emplace(name).first;
  *lasting_name = found->first.c_str();
  Partition& partition = found->second;
  if (partition.framing == nullptr && codec_ != nullptr && !sends_messages_) {
    partition.framer = std::make_unique<OperatorInstance>(
        runtime_, component_, codec_, FLOW_ROLE_FRAME, Accounting::kDecoder, 0, *this);
    partition.framing = std::make_unique<Framing>(partition.framer->abi(), runtime_.account);
  }
  return partition;
}

void SourceNode::emit_from(const flow_batch* batch, const std::string& name,
                           const std::string& position, bool end) {
  ++emitted_in_call_;
  const char* lasting_name = nullptr;
  Partition& at = partition(name, &lasting_name);
  flow::Batch sent;
  if (at.framing != nullptr) {
    sent = framed(batch, at, lasting_name, end);
  } else if (batch != nullptr && batch->rows > 0) {
    sent = with_origin(*batch, lasting_name, at);
    if (codec_ == nullptr) source_->count_emission(*batch);
  }
  // Bytes that are held back are not downstream: a position behind them must not be acknowledged.
  if (at.framing == nullptr || at.framing->empty()) at.position = position;
  if (end) close_framer(at);
  if (!sent) return;
  const std::int64_t most = codec_ != nullptr ? INT64_MAX : runtime_.batch_rows;
  for (std::int64_t first = 0; first < sent.rows(); first += most) {
    const flow::Batch part =
        sent.rows() <= most
            ? sent
            : source_->output().slice(sent, first, std::min(most, sent.rows() - first));
    send(part, batch_bytes(*part.get()));
    if (part.rows() == sent.rows()) break;
  }
}

flow::Batch SourceNode::with_origin(const flow_batch& batch, const char* name,
                                    Partition& partition) {
  flow_origin origin = *batch.origin;
  origin.size = sizeof origin;
  origin.source = component_.id.c_str();
  origin.partition = name;
  flow::Column positions;
  if (sends_messages_) {
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
