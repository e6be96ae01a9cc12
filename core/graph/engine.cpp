#include "core/graph/engine.hpp"

#include <oneapi/tbb/info.h>

#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <utility>

#include "core/graph/chain_node.hpp"
#include "core/graph/known_schemas.hpp"
#include "core/observe/log.hpp"
#include "flow/thread_name.hpp"

namespace flowrun {
namespace {

using Clock = std::chrono::steady_clock;

// How often the conductor looks when nobody calls it.
constexpr std::chrono::milliseconds kLook{5};

std::int64_t system_now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string hexadecimal(std::uint64_t value) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(value));
  return text;
}

bool is_in_order(NodeKind kind) { return kind != NodeKind::kChain && kind != NodeKind::kSource; }

}  // namespace

// What a plugin made for one component, and what the engine keeps beside it.
struct Pipeline::Engine::OwnedComponent {
  OwnedComponent() = default;
  OwnedComponent(const OwnedComponent&) = delete;
  OwnedComponent& operator=(const OwnedComponent&) = delete;
  ~OwnedComponent() {
    if (codec != nullptr) codec->destroy(codec);
    if (component != nullptr) component->destroy(component);
  }
  ComponentRuntime runtime;
  std::unique_ptr<OperatorHost> host;
  std::unique_ptr<OperatorHost> codec_host;  // empty: it has no codec
  flow_component* component = nullptr;
  flow_component* codec = nullptr;
};

Pipeline::Engine::Engine(const BoundPipeline& bound, MetricsRegistry& metrics, Health& health,
                         RunSettings settings)
    : runtime(metrics, health, ledger),
      bound_(bound),
      settings_(std::move(settings)),
      health_(health),
      plan_(make_plan(bound)) {
  const PipelineSpecification& specification = bound.specification;
  runtime.memory_limit = specification.memory_limit.value;
  runtime.in_flight = specification.in_flight.value;
  runtime.state_memory.set_limit(specification.state_limit.value);
  runtime.batch_rows = specification.batch_rows.value;
  runtime.configuration = hexadecimal(specification.content_hash);
  runtime.now = settings_.now ? settings_.now : system_now;
  runtime.account.on_falling_below(runtime.memory_limit, [this] { runtime.signal.notify(); });
  parallelism = settings_.parallelism > 0 ? settings_.parallelism
                                          : static_cast<int>(specification.parallelism.value);
  if (parallelism <= 0) parallelism = oneapi::tbb::info::default_concurrency();
  registrations_.push_back(metrics.provide(
      "memory_bytes", "", [this] { return static_cast<double>(runtime.account.used()); }));
  registrations_.push_back(metrics.provide(
      "memory_limit_bytes", "", [this] { return static_cast<double>(runtime.memory_limit); }));
  registrations_.push_back(metrics.provide(
      "state_bytes", "", [this] { return static_cast<double>(runtime.state_memory.bytes()); }));
  registrations_.push_back(metrics.watch(ledger));
  open_store();
  create_components();
  check_components();
  if (parallelism > oneapi::tbb::info::default_concurrency()) {
    more_workers_ = std::make_unique<oneapi::tbb::global_control>(
        oneapi::tbb::global_control::max_allowed_parallelism,
        static_cast<std::size_t>(parallelism));
  }
  arena_.initialize(parallelism);
  arena_.execute([&] { graph_ = std::make_unique<oneapi::tbb::flow::graph>(); });
  lay_inboxes();
  make_nodes();
  connect_time();
  restore();
}

Pipeline::Engine::~Engine() {
  runtime.aborted.store(true);
  stop_looking_.store(true);
  runtime.signal.notify();
  if (conductor_.joinable()) conductor_.join();
  if (store_ != nullptr) store_->abandon();
  for (Unit& unit : units_) {
    if (unit.thread != nullptr) unit.thread->wake();
  }
  sources_.clear();
  units_.clear();
  graph_.reset();
}

void Pipeline::Engine::create_components() {
  for (std::size_t i = 0; i < bound_.components.size(); ++i) {
    const BoundComponent& bound = bound_.components[i];
    const ComponentSpecification& specification = bound_.specification.components[i];
    auto owned = std::make_unique<OwnedComponent>();
    ComponentInfo info;
    info.id = specification.id;
    info.type = specification.type.value;
    info.kind = static_cast<ComponentKind>(bound.descriptor().kind);
    for (std::uint32_t port = 0; port < bound.descriptor().n_outputs; ++port) {
      info.ports.emplace_back(bound.descriptor().outputs[port]->name);
    }
    ComponentRuntime& component = owned->runtime;
    component.id = info.id;
    component.type = info.type;
    component.specification = &specification;
    component.bound = &bound;
    component.metrics = &runtime.metrics.component(info);
    component.ledger = &ledger.add_component(info);
    component.is_dead_letter = info.id == kDeadLetterId;
    health_.expect(info.id);
    const auto create = [&](std::unique_ptr<OperatorHost>& host, const OfferedOperator& offered,
                            const BoundOptions& options) {
      host = std::make_unique<OperatorHost>(runtime, component);
      return offered.library->plugin().create(host->abi(), offered.descriptor, options.values());
    };
    owned->component = create(owned->host, bound.offered, bound.options);
    if (bound.codec) {
      owned->codec = create(owned->codec_host, bound.codec->codec, bound.codec->options);
    }
    shared_.push_back({&component, owned->component, owned->codec});
    components_.push_back(std::move(owned));
  }
}

void Pipeline::Engine::check_components() const {
  Diagnostics found;
  infer_schemas(bound_, *this, found);
  found.throw_if_errors();
  for (const auto& owned : components_) {
    const bool codec_refused = owned->codec_host != nullptr && owned->codec == nullptr;
    if (owned->component != nullptr && !codec_refused) continue;
    const OperatorHost& refused = owned->component == nullptr ? *owned->host : *owned->codec_host;
    throw std::runtime_error(
        locate(*owned->runtime.specification, owned->component != nullptr, refused.refusal())
            .to_string());
  }
}

MadeComponent Pipeline::Engine::operator_of(std::size_t component) const {
  const OwnedComponent& owned = *components_[component];
  return {owned.component, owned.host.get()};
}

std::optional<MadeComponent> Pipeline::Engine::codec_of(std::size_t component) const {
  const OwnedComponent& owned = *components_[component];
  if (owned.codec_host == nullptr) return std::nullopt;
  return MadeComponent{owned.codec, owned.codec_host.get()};
}

void Pipeline::Engine::lay_inboxes() {
  for (const PlanEdge& edge : plan_.edges) edge_ledgers_.push_back(&ledger.add_edge(edge.name));
  units_of_node_.resize(plan_.nodes.size());
  for (std::size_t i = 0; i < plan_.nodes.size(); ++i) {
    const PlanNode& node = plan_.nodes[i];
    if (node.kind == NodeKind::kSource) continue;
    const std::size_t instances =
        node.kind == NodeKind::kKeyed
            ? static_cast<std::size_t>(node.instances > 0 ? node.instances : parallelism)
            : 1;
    for (std::size_t instance = 0; instance < instances; ++instance) {
      units_of_node_[i].push_back(units_.size());
      units_.emplace_back().plan_node = i;
      units_.back().instance = instance;
    }
  }
  for (Unit& unit : units_) {
    // Each instance of a keyed producer is an input of its own.
    std::size_t inputs = 0;
    for (const std::size_t edge : plan_.nodes[unit.plan_node].inputs) {
      inputs += std::max<std::size_t>(1, units_of_node_[plan_.edges[edge].from].size());
    }
    // The list of units is complete: none moves any more.
    unit.inbox = std::make_unique<Inbox>(
        inputs, [&unit](MessagePointer message) { unit.node->accept(std::move(message)); });
  }
}

std::vector<std::unique_ptr<Channel>> Pipeline::Engine::channels_from(std::size_t plan_node,
                                                                      std::size_t instance) {
  std::vector<std::unique_ptr<Channel>> channels(plan_.edges.size());
  for (std::size_t i = 0; i < plan_.edges.size(); ++i) {
    const PlanEdge& edge = plan_.edges[i];
    if (edge.from != plan_node) continue;
    std::size_t input = instance;
    for (const std::size_t other : plan_.nodes[edge.to].inputs) {
      if (other == i) break;
      input += std::max<std::size_t>(1, units_of_node_[plan_.edges[other].from].size());
    }
    std::vector<Channel::Target> targets;
    for (const std::size_t unit : units_of_node_[edge.to]) {
      targets.push_back({units_[unit].inbox.get(), input});
    }
    channels[i] = std::make_unique<Channel>(*edge_ledgers_[i], std::move(targets), edge.to_step,
                                            edge.to_port, edge.key_fields, skew_of(edge.to));
  }
  return channels;
}

void Pipeline::Engine::make_nodes() {
  for (std::size_t i = 0; i < units_.size(); ++i) {
    if (is_in_order(plan_.nodes[units_[i].plan_node].kind)) {
      units_[i].participant = participant_unit_.size();
      participant_unit_.push_back(i);
    }
  }
  make_checkpoints();
  // Against the stream, so that what a node sends to is there before the node.
  for (std::size_t i = 0; i < units_.size(); ++i) {
    make_unit(i, plan_.nodes[units_[i].plan_node]);
  }
  for (std::size_t i = 0; i < plan_.nodes.size(); ++i) {
    if (plan_.nodes[i].kind == NodeKind::kSource) make_source(i);
  }
}

std::unique_ptr<StepGroup> Pipeline::Engine::make_group(std::size_t unit, Numbering numbering,
                                                        std::shared_ptr<Receipts> receipts,
                                                        std::function<void()> settled) {
  const std::size_t plan_node = units_[unit].plan_node;
  ComponentRuntime& component = *shared_[plan_.nodes[plan_node].steps.front().component].runtime;
  if (numbering == Numbering::kOwn) fill_state(units_[unit], component);
  auto group = std::make_unique<StepGroup>(runtime, plan_.nodes[plan_node], shared_,
                                           channels_from(plan_node, units_[unit].instance),
                                           numbering, std::move(receipts), std::move(settled));
  component.fill_state = {};
  Watermarks* const watermarks = group->step(0).watermarks();
  if (watermarks != nullptr && numbering != Numbering::kOwn) {
    throw std::runtime_error(component.id + ": makes watermarks, but is not serial");
  }
  units_[unit].watermarks = watermarks;
  if (numbering == Numbering::kOwn) follow_checkpoints(units_[unit], *group);
  return group;
}

void Pipeline::Engine::make_unit(std::size_t index, const PlanNode& node) {
  Unit& unit = units_[index];
  const std::string name = shared_[node.steps.front().component].runtime->id;
  if (node.kind == NodeKind::kThread) {
    const flow_descriptor& descriptor =
        shared_[node.steps.front().component].runtime->bound->descriptor();
    const bool is_sink = descriptor.kind == FLOW_SINK;
    // A database: its transactions are long, and no row waits for them to get anywhere. A file is
    // written to as rows come.
    constexpr auto kKinds = FLOW_BLOCKING | FLOW_TWO_PHASE | FLOW_BYTES;
    const bool stands_back =
        is_sink && (descriptor.traits & kKinds) == (FLOW_BLOCKING | FLOW_TWO_PHASE);
    auto thread = std::make_unique<ThreadNode>(runtime, name, is_sink, stands_back,
                                               [this] { one_finished(); });
    unit.thread = thread.get();
    unit.node = std::move(thread);
    unit.group = make_group(index, Numbering::kOwn, std::make_shared<Receipts>(),
                            [node = unit.thread] { node->wake(); });
    ++unfinished_;
    return;
  }
  const auto instances = node.kind == NodeKind::kChain ? parallelism : 1;
  const Numbering numbering = node.kind == NodeKind::kChain ? Numbering::kOfInput : Numbering::kOwn;
  const auto receipts = std::make_shared<Receipts>();
  std::vector<std::unique_ptr<StepGroup>> groups;
  groups.reserve(static_cast<std::size_t>(instances));
  for (int i = 0; i < instances; ++i) groups.push_back(make_group(index, numbering, receipts, {}));
  unit.node = std::make_unique<ChainNode>(runtime, *graph_, name, std::move(groups));
}

void Pipeline::Engine::make_source(std::size_t plan_node) {
  const PlanNode& node = plan_.nodes[plan_node];
  const SharedComponent& shared = shared_[node.steps.front().component];
  sources_.push_back(
      std::make_unique<SourceNode>(runtime, node, shared, channels_from(plan_node, 0)));
  ++unfinished_;
  source_ids_.push_back(shared.runtime->id);
  if (store_ != nullptr && (shared.runtime->bound->descriptor().traits & FLOW_ONCE) != 0) {
    sources_.back()->use_journal((store_->folder() / "journal" / shared.runtime->id).string(),
                                 settings_.journal_limit, settings_.checkpoints_kept);
  }
  if (runtime.checkpointing) {
    const std::size_t participant = participant_unit_.size() + sources_.size() - 1;
    sources_.back()->on_checkpoint(
        [this, participant](std::uint64_t checkpoint, std::string state) {
          checkpoints->answer(participant, checkpoint, Checkpoints::Answer{std::move(state), {}});
        },
        [this, participant](std::string state) {
          checkpoints->ended(participant, Checkpoints::Answer{std::move(state), {}});
        });
  }
  const ComponentRuntime* component = shared.runtime;
  registrations_.push_back(runtime.metrics.provide("source_lag_bytes", component->id, [component] {
    return std::max(0.0, component->bytes_total.load() - component->bytes_read.load());
  }));
}

RunResult Pipeline::Engine::run() {
  started_ = Clock::now();
  RunResult result;
  // A thread may be done before the graph is waited for.
  for (std::size_t i = 0; i < unfinished_.load(); ++i) graph_->reserve_wait();
  for (Unit& unit : units_) {
    if (unit.thread != nullptr) unit.thread->start(std::move(unit.group));
  }
  for (const SharedComponent& shared : shared_) health_.opened(shared.runtime->id);
  if (begins_at_once_) {
    for (const auto& source : sources_) source->hold();
    checkpoints->begin_at_once();
  }
  conductor_ = std::thread([this] {
    flow::name_thread("conductor");
    look_after();
  });
  arena_.execute([&] {
    for (const auto& source : sources_) source->start([this] { one_finished(); });
    health_.running();
    graph_->wait_for_all();
  });
  stop_looking_.store(true);
  runtime.signal.notify();
  conductor_.join();
  arena_.execute([&] { graph_->wait_for_all(); });  // a tick may have been the last to start
  result.rows_left = ledger.queued();
  for (Unit& unit : units_) {
    unit.node->close_remaining();
    result.rows_left += unit.node->rows_held();
  }
  if (runtime.has_failed()) {
    result.outcome = Outcome::kFailed;
    result.message = runtime.failure();
  } else if (runtime.aborted.load()) {
    result.outcome = Outcome::kAborted;
    result.message =
        overdue_.load() ? "the drain took longer than the drain timeout" : "stopped at once";
  }
  return result;
}

void Pipeline::Engine::one_finished() { graph_->release_wait(); }

void Pipeline::Engine::stop(const std::string& reason) {
  health_.draining(reason);
  drain_deadline_.store(
      (Clock::now().time_since_epoch() + std::chrono::nanoseconds(settings_.drain_timeout))
          .count());
  runtime.stopping.store(true);
  for (const auto& source : sources_) source->wake();
  runtime.signal.notify();
}

void Pipeline::Engine::abort() {
  runtime.aborted.store(true);
  for (const auto& source : sources_) source->wake();
  runtime.signal.notify();
}

// The conductor's thread: whatever has to happen without anybody asking for it.
void Pipeline::Engine::look_after() {
  bool waiting = false;
  bool has_told = !settings_.input_read;
  while (!stop_looking_.load()) {
    const auto pause =
        waiting || runtime.checkpointing || runtime.aborted.load() ? kLook : 10 * kLook;
    runtime.signal.wait_for(pause, [&] { return stop_looking_.load(); });
    waiting = false;
    for (Unit& unit : units_) waiting |= unit.node->tend();
    if (runtime.aborted.load()) {
      for (const auto& source : sources_) source->wake();
    }
    if (!has_told && input_is_read()) {
      has_told = true;
      settings_.input_read();
    }
    const auto now = Clock::now();
    checkpoints->tick(now, runtime.now());
    if (now.time_since_epoch().count() > drain_deadline_.load() && !runtime.aborted.load()) {
      overdue_.store(true);
      abort();
    }
  }
}

bool Pipeline::Engine::input_is_read() const {
  return !runtime.stopping.load() &&
         std::any_of(sources_.begin(), sources_.end(),
                     [](const auto& source) { return source->has_read_all(); }) &&
         ledger.queued() == 0;
}

// On the sink's own thread; again and again while the trouble is a passing one. What else went
// wrong, or nothing.
std::string Pipeline::Engine::commit(StepGroup& group, const std::vector<std::string>& handles) {
  OperatorInstance& sink = group.step(0);
  flow_operator* op = sink.abi();
  if (op->commit == nullptr ||
      (sink.component().bound->descriptor().traits & FLOW_TWO_PHASE) == 0) {
    return {};
  }
  for (const std::string& handle : handles) {
    Backoff backoff;
    flow_status status = FLOW_RETRY;
    while (status == FLOW_RETRY && !runtime.aborted.load()) {
      status = op->commit(op, handle.data(), static_cast<std::int64_t>(handle.size()));
      const auto until = Clock::now() + (status == FLOW_RETRY ? backoff.next() : kLook * 0);
      while (Clock::now() < until && !runtime.aborted.load()) std::this_thread::sleep_for(kLook);
    }
    if (status != FLOW_DONE) return "a prepared checkpoint cannot be committed: " + sink.error();
  }
  return {};
}

ProgressSnapshot Pipeline::Engine::progress() const {
  ProgressSnapshot snapshot;
  for (const SharedComponent& shared : shared_) {
    if (shared.runtime->bound->descriptor().kind != FLOW_SOURCE) continue;
    const LedgerDelta totals = shared.runtime->ledger->totals();
    snapshot.rows +=
        totals.rows.passed + totals.rows.created + totals.rows.failed + totals.rows.dropped;
    snapshot.read_bytes += static_cast<std::uint64_t>(shared.runtime->bytes_read.load());
    snapshot.total_bytes += static_cast<std::uint64_t>(shared.runtime->bytes_total.load());
    for (const FlowCounts& port : totals.ports) snapshot.bytes += port.bytes;
  }
  snapshot.rows -= std::min(snapshot.rows, restored_rows_);
  snapshot.bytes -= std::min(snapshot.bytes, restored_bytes_);
  if (snapshot.read_bytes > 0) snapshot.bytes = snapshot.read_bytes;
  snapshot.memory_used =
      static_cast<std::uint64_t>(std::max<std::int64_t>(0, runtime.account.used()));
  snapshot.memory_limit = static_cast<std::uint64_t>(runtime.memory_limit);
  snapshot.elapsed = Clock::now() - started_;
  return snapshot;
}

Pipeline::Pipeline(const BoundPipeline& bound, MetricsRegistry& metrics, Health& health,
                   RunSettings settings)
    : engine_(std::make_unique<Engine>(bound, metrics, health, std::move(settings))) {}
Pipeline::~Pipeline() = default;
RunResult Pipeline::run() { return engine_->run(); }
void Pipeline::stop(const std::string& reason) { engine_->stop(reason); }
void Pipeline::abort() { engine_->abort(); }
const PipelineLedger& Pipeline::ledger() const { return engine_->ledger; }
ProgressSnapshot Pipeline::progress() const { return engine_->progress(); }
std::int64_t Pipeline::memory_used() const { return engine_->runtime.account.used(); }
std::int64_t Pipeline::memory_peak() const { return engine_->runtime.account.peak(); }
std::uint64_t Pipeline::checkpoints() const { return engine_->checkpoints->completed(); }
int Pipeline::parallelism() const { return engine_->parallelism; }

}  // namespace flowrun
