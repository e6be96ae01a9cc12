// The inside of a Pipeline: builds the nodes of a plan and looks after them while they run.
#pragma once

#include <oneapi/tbb/flow_graph.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "core/graph/checkpoints.hpp"
#include "core/graph/made_components.hpp"
#include "core/graph/node.hpp"
#include "core/graph/pipeline.hpp"
#include "core/graph/source_node.hpp"
#include "core/graph/thread_node.hpp"
#include "core/state/checkpoint_store.hpp"

namespace flowrun {

class Pipeline::Engine : private MadeComponents {
 public:
  Engine(const BoundPipeline& bound, MetricsRegistry& metrics, Health& health,
         RunSettings settings);
  ~Engine() override;

  RunResult run();
  void stop(const std::string& reason);
  void abort();

  PipelineLedger ledger;
  Runtime runtime;
  int parallelism = 1;
  std::unique_ptr<Checkpoints> checkpoints;
  ProgressSnapshot progress() const;

 private:
  struct OwnedComponent;
  // A running node, or one instance of a keyed one, with where its messages arrive.
  struct Unit {
    std::size_t plan_node = 0;
    std::unique_ptr<Inbox> inbox;
    std::unique_ptr<Node> node;
    ThreadNode* thread = nullptr;        // the node, if it is one
    std::unique_ptr<StepGroup> group;    // a thread node's, until it starts
    std::size_t participant = SIZE_MAX;  // in checkpoints
    StepGroup* only = nullptr;           // the group of one that is in checkpoints
    std::size_t instance = 0;            // of the plan node
    Watermarks* watermarks = nullptr;    // that its operator makes; NULL: none
  };

  void create_components();
  // Throws a ConfigurationError with every mistake in options that shows before a row comes, or
  // what a component was refused for.
  void check_components() const;
  MadeComponent operator_of(std::size_t component) const override;
  std::optional<MadeComponent> codec_of(std::size_t component) const override;
  void lay_inboxes();
  void make_nodes();
  void make_unit(std::size_t unit, const PlanNode& node);
  void make_source(std::size_t plan_node);
  void connect_time();
  using SourcesOfUnits = std::vector<std::vector<std::string>>;
  void connect_drift(const SourcesOfUnits& sources);
  KeySkew& skew_of(std::size_t plan_node);
  std::unique_ptr<StepGroup> make_group(std::size_t unit, Numbering numbering,
                                        std::shared_ptr<Receipts> receipts,
                                        std::function<void()> settled);
  std::vector<std::unique_ptr<Channel>> channels_from(std::size_t plan_node, std::size_t instance);
  void one_finished();
  void look_after();
  bool input_is_read() const;
  std::string commit(StepGroup& group, const std::vector<std::string>& handles);

  // Checkpoints: engine_checkpoints.cpp. Participants are the units that are in order, by their
  // number, then the sources.
  void open_store();
  void make_checkpoints();
  std::uint32_t instances_of(const Unit& unit) const;
  void fill_state(const Unit& unit, ComponentRuntime& component);
  void restore();
  void restore_unit(Unit& unit, const ComponentRuntime& component);
  void write_checkpoint(const Checkpoints::Gathered& gathered);
  std::map<std::string, std::string> parts_of(const Checkpoints::Gathered& gathered);
  void complete_checkpoint(const Checkpoints::Gathered& gathered);
  void follow_checkpoints(Unit& unit, StepGroup& group);
  // The component goes on without its state, if that is allowed.
  void lose(const std::string& component, const std::string& why);

  const BoundPipeline& bound_;
  const RunSettings settings_;
  Health& health_;
  Plan plan_;
  std::vector<std::unique_ptr<OwnedComponent>> components_;
  std::vector<SharedComponent> shared_;
  std::vector<EdgeLedger*> edge_ledgers_;
  std::unique_ptr<oneapi::tbb::global_control> more_workers_;
  oneapi::tbb::task_arena arena_;
  std::unique_ptr<oneapi::tbb::flow::graph> graph_;
  std::vector<Unit> units_;
  std::vector<std::vector<std::size_t>> units_of_node_;  // by plan node
  std::vector<std::unique_ptr<SourceNode>> sources_;
  std::vector<std::size_t> participant_unit_;
  std::vector<std::string> source_ids_;
  std::unique_ptr<CheckpointStore> store_;
  std::optional<Manifest> saved_;  // what the run goes on from
  std::set<std::string> lost_;     // components that go on without their state
  bool begins_at_once_ = false;    // nothing is read before a first checkpoint
  std::uint64_t restored_rows_ = 0, restored_bytes_ = 0;
  std::atomic<std::size_t> unfinished_{0};
  std::atomic<std::int64_t> drain_deadline_{INT64_MAX};  // steady clock, nanoseconds
  std::atomic<bool> overdue_{false};
  std::atomic<bool> stop_looking_{false};
  std::chrono::steady_clock::time_point started_;
  std::vector<MetricsRegistry::Registration> registrations_;
  std::thread conductor_;
};

}  // namespace flowrun
