// What a source saves and goes on from: the positions of its partitions, and its journal.
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "core/graph/own_work.hpp"
#include "core/graph/source_node.hpp"
#include "core/observe/log.hpp"
#include "flow/host/batch.hpp"

namespace flowrun {
namespace {

// How long a full journal waits for a checkpoint, or a full disk for room, before it looks again.
constexpr std::chrono::milliseconds kPause{50};

}  // namespace

void SourceNode::restore(SavedSource&& saved) {
  replay_from_ = saved.journal;
  for (auto& [name, partition] : saved.partitions) {
    Partition& restored = partitions_[name];
    restored.position = std::move(partition.position);
    restored.ended = partition.ended;
    restored.resume = std::move(partition.stream);
    unassigned_.insert(name);
    from_checkpoint_.insert(name);
  }
}

SavedSource SourceNode::saved() const {
  SavedSource saved;
  if (journal_ != nullptr) saved.journal = passed_on();
  for (const auto& [name, partition] : partitions_) {
    SavedPartition& kept = saved.partitions[name];
    kept.position = partition.position;
    kept.ended = partition.ended;
    kept.stream = partition.framing != nullptr
                      ? std::optional<SavedPartition::Stream>(partition.framing->save())
                      : partition.resume;
  }
  return saved;
}

// How far the journal's emissions are downstream, which a checkpoint says that it has: not all of
// them while what an earlier run wrote down is being replayed.
std::uint64_t SourceNode::passed_on() const {
  return has_replayed_ ? journal_->end() : replay_from_;
}

// A checkpoint is complete that goes on from there.
void SourceNode::forget_written(std::uint64_t offset) {
  journal_kept_.push_back(offset);
  if (journal_kept_.size() <= most_kept_) return;
  journal_kept_.pop_front();
  journal_->forget(journal_kept_.front());
}

void SourceNode::use_journal(const std::string& folder, std::int64_t limit, std::size_t kept) {
  most_kept_ = kept;
  journal_ = std::make_unique<SourceJournal>(runtime_, component_.id, folder, limit);
  replay_from_ = journal_->end();  // unless restore() says otherwise
}

// What was written down behind the checkpoint, as if the source emitted it again.
void SourceNode::replay() {
  if (journal_ == nullptr) return;
  replaying_ = true;
  std::uint64_t emissions = 0;
  has_replayed_ = journal_->replay(
      replay_from_, [this] { return wait_for_room(); },
      [&](const flow_batch* batch, const std::string& partition, const std::string& position,
          std::uint32_t flags, std::uint64_t offset) {
        do_requests();
        emit_from(batch, partition, position, flags);
        replay_from_ = offset;
        source_->publish(epoch_);
        from_checkpoint_.insert(partition);
        unassigned_.insert(partition);
        ++emissions;
      });
  replaying_ = false;
  if (emissions > 0) {
    log::info("A source goes on with what its journal has.",
              {{"component", component_.id}, {"emissions", emissions}});
  }
}

// Before it goes on. A full journal waits for the next checkpoint, a full disk for room.
void SourceNode::write_down(const flow_batch* batch, const std::string& partition,
                            const std::string& position, std::uint32_t flags) {
  static log::Every every(std::chrono::seconds(10));
  while (!runtime_.aborted.load()) {
    std::string trouble = "it is full until the next checkpoint";
    try {
      if (journal_->append(batch, partition, position, flags)) return;
    } catch (const JournalError& error) {
      trouble = error.what();
    }
    every.write(log::Level::kWarning, "A source waits for its journal.",
                {{"component", component_.id}, {"why", trouble}});
    // The checkpoint needs what this thread has emitted and not worked on yet.
    if (OwnWork* const own_work = OwnWork::active()) own_work->hand_over();
    do_requests();
    runtime_.signal.wait_for(kPause, [] { return false; });
  }
}

void SourceNode::acknowledge_written() {
  if (journal_ == nullptr) return;
  flow_operator* op = source_->abi();
  journal_->tell_durable([&](const std::string& partition, const std::string& position) {
    if (op->acknowledge == nullptr) return;
    op->acknowledge(op, partition.c_str(), position.data(),
                    static_cast<std::uint32_t>(position.size()));
  });
}

void SourceNode::acknowledge_all(const Positions& positions) {
  flow_operator* op = source_->abi();
  if (op->acknowledge == nullptr) return;
  for (const auto& [name, position] : positions) {
    op->acknowledge(op, name.c_str(), position.data(), static_cast<std::uint32_t>(position.size()));
  }
}

}  // namespace flowrun
