// A source on a thread of its own: polls while there is room, frames what it reads, sends it on.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "core/graph/channel.hpp"
#include "core/graph/framing.hpp"
#include "core/graph/operator_instance.hpp"
#include "core/graph/plan.hpp"
#include "core/graph/source_journal.hpp"
#include "core/graph/step_group.hpp"

namespace flowrun {

class SourceNode final : public Outlet {
 public:
  // Opens the source; throws std::runtime_error naming the component. `channels` by plan edge.
  SourceNode(Runtime& runtime, const PlanNode& node, const SharedComponent& shared,
             std::vector<std::unique_ptr<Channel>> channels);
  ~SourceNode() override;

  // `finished`: on the source's thread, after its end was sent or it gave up.
  void start(std::function<void()> finished);
  // Called at each barrier and at the end with what a checkpoint keeps of the source. Before start.
  using AtBarrier = std::function<void(std::uint64_t checkpoint, std::string state)>;
  using AtEnd = std::function<void(std::string state)>;
  void on_checkpoint(AtBarrier at_barrier, AtEnd at_end);
  // Goes on where a checkpoint was taken. Before start.
  void restore(SavedSource&& saved);
  // Of a source that cannot be asked again. What the newest `kept` checkpoints go on from stays in
  // it. Throws JournalError. Before start.
  void use_journal(const std::string& folder, std::int64_t limit, std::size_t kept);
  // Which source it is in runtime.drift. Before start.
  void set_number(std::size_t number) { number_in_drift_ = number; }
  // Nothing is read until the next checkpoint is complete. Before start.
  void hold() { held_.store(true); }
  // Sends a barrier behind what was emitted so far, soon. [any]
  void request_barrier(std::uint64_t checkpoint);
  // The checkpoint is durable: the positions at its barrier are acknowledged, soon. [any]
  void acknowledge(std::uint64_t checkpoint);
  // The checkpoint behind its end is durable: all positions are acknowledged, and it is closed.
  // [any]
  void finish();
  // Makes a waiting poll return. [any]
  void wake();
  bool ended() const { return ended_.load(); }
  // Its source said that nothing comes any more.
  bool has_read_all() const { return has_read_all_.load(); }
  const ComponentRuntime& component() const { return component_; }

  std::int64_t room(std::size_t step, std::uint32_t port) override;
  void emit(std::size_t step, std::uint32_t port, flow::Batch batch) override;
  void emit_from(const flow_batch* batch, const std::string& partition, const std::string& position,
                 std::uint32_t flags) override;
  void offer(const std::string& partition) override;

 private:
  // A stream lasts from a partition's first bytes to its end; a partition may begin another one.
  struct Partition {
    std::unique_ptr<OperatorInstance> framer;  // of the stream; none between streams
    std::unique_ptr<Framing> framing;
    std::string position;
    bool ended = false;
    std::optional<SavedPartition::Stream> resume;  // of the next stream, if it goes on there
    std::int64_t bytes = 0;  // of messages so far, as their positions count them
  };
  using Positions = std::map<std::string, std::string>;

  void run();
  bool assign_offered();
  // Waits until the source may emit. False: it is to stop.
  bool wait_for_room();
  bool may_emit() const;
  bool is_memory_free() const;
  // It is so far ahead of another source that it waits for that one.
  bool is_held() const;
  void blame(double seconds);
  void do_requests();
  void send_control(Control control, std::int64_t value);
  // Says which partitions are open, if rows did not say so already.
  void send_open();
  // Sends on the rows that failed in the last call. False: the pipeline has failed.
  bool send_failures();
  void finish_partitions();
  bool assign(const std::string& name);
  // Waits until the first checkpoint is complete, or the run is to stop.
  void wait_while_held();
  void wait_for_finish();
  SavedSource saved() const;
  std::uint64_t passed_on() const;
  // The parts of the above that a source with a journal has.
  void replay();
  void write_down(const flow_batch* batch, const std::string& partition,
                  const std::string& position, std::uint32_t flags);
  void acknowledge_written();
  void forget_written(std::uint64_t offset);
  void acknowledge_all(const Positions& positions);
  // A stream of the partition begins, or goes on, with the batch.
  void begin_stream(const flow_batch* batch, Partition& partition, const char* name);
  // `ending`: the partition that these are the last rows of.
  void send_in_parts(const flow::Batch& batch, const std::string* ending = nullptr);
  // The partition's stream is over; nothing is held back any more.
  void close_framer(Partition& partition);
  enum class Port : std::uint8_t { kOut, kErrors };
  void send(const flow::Batch& batch, std::int64_t bytes, Port port = Port::kOut);
  flow::Batch with_origin(const flow_batch& batch, const char* name, Partition& partition);
  flow::Batch framed(const flow_batch* batch, Partition& partition, const char* name, bool end);

  Runtime& runtime_;
  ComponentRuntime& component_;
  flow_component* codec_;
  const bool sends_messages_;  // FLOW_MESSAGES: nothing to frame
  struct Output {
    std::unique_ptr<Channel> channel;
    Port port;
  };
  std::vector<Output> outputs_;
  std::shared_ptr<InFlight> in_flight_;
  SourcePartitions open_;
  std::unique_ptr<OperatorInstance> source_;
  std::map<std::string, Partition> partitions_;
  std::uint64_t number_ = 0;
  std::size_t number_in_drift_ = 0;
  std::int64_t emitted_in_call_ = 0;
  bool was_held_up_ = false;  // by the flow, since the last call
  std::function<void()> finished_;
  AtBarrier at_barrier_;
  AtEnd at_end_;
  std::uint64_t epoch_ = 0;                // the last barrier sent
  std::set<std::string> from_checkpoint_;  // partitions
  std::set<std::string> unassigned_;       // of these
  std::unique_ptr<SourceJournal> journal_;
  std::map<std::uint64_t, std::uint64_t> journal_at_;  // offsets by checkpoint under way
  std::deque<std::uint64_t> journal_kept_;             // of complete ones
  std::size_t most_kept_ = 1;
  std::uint64_t replay_from_ = 0;
  bool replaying_ = false;
  bool has_replayed_ = false;  // to the end
  std::atomic<bool> held_{false};
  std::atomic<bool> may_finish_{false};
  std::atomic<bool> has_read_all_{false};
  std::atomic<bool> ended_{false};

  std::mutex mutex_;  // guards what follows
  std::vector<std::string> offered_;
  std::vector<std::uint64_t> barriers_;
  std::vector<std::uint64_t> acknowledged_;
  std::map<std::uint64_t, Positions> positions_at_;  // source's thread only
  std::thread thread_;
};

}  // namespace flowrun
