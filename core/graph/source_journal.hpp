// What a source emitted that cannot be asked again, written down before it goes on.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>

#include "core/graph/runtime.hpp"
#include "core/state/journal.hpp"

namespace flowrun {

// Of one source, on its thread.
class SourceJournal {
 public:
  // Called with each emission that is read back, and the offset behind it.
  using Emission =
      std::function<void(const flow_batch* batch, const std::string& partition,
                         const std::string& position, std::uint32_t flags, std::uint64_t offset)>;
  // Called for what may be acknowledged.
  using Durable = std::function<void(const std::string& partition, const std::string& position)>;

  // `limit`: bytes of all segments. Throws JournalError.
  SourceJournal(Runtime& runtime, const std::string& component, const std::string& folder,
                std::int64_t limit);

  // False: it is full, and has room again after the next checkpoint. Throws JournalError where it
  // cannot be written; nothing was then.
  bool append(const flow_batch* batch, const std::string& partition, const std::string& position,
              std::uint32_t flags);
  // Tells what has become durable since the last call.
  void tell_durable(const Durable& durable);
  // Waits until all of it is. Throws JournalError.
  void sync() { journal_.sync(); }
  // Behind the last emission.
  std::uint64_t end() const { return journal_.end(); }
  // Reads what stands behind `offset`; `before` each is asked whether to go on. False: it was not
  // to. Throws JournalError.
  bool replay(std::uint64_t offset, const std::function<bool()>& before, const Emission& emission);
  // Everything before the offset is in a checkpoint.
  void forget(std::uint64_t offset) { journal_.truncate_before(offset); }

 private:
  struct Pending {
    std::uint64_t offset;
    std::string partition, position;
  };

  Runtime& runtime_;
  std::atomic<std::uint64_t> durable_{0};
  std::deque<Pending> pending_;
  std::string record_;
  Journal journal_;  // last: its thread tells durable_
};

}  // namespace flowrun
