#include "core/graph/source_journal.hpp"

#include "core/graph/saved_bytes.hpp"
#include "core/observe/log.hpp"
#include "core/state/batch_bytes.hpp"

namespace flowrun {
namespace {

constexpr std::uint64_t kHasBatch = std::uint64_t{1} << 32;  // beside the flags

// What is not needed any more goes a segment at a time.
Journal::Options options(std::int64_t limit) {
  return {.segment_bytes = limit / 16, .limit = limit};
}

}  // namespace

SourceJournal::SourceJournal(Runtime& runtime, const std::string& component,
                             const std::string& folder, std::int64_t limit)
    : runtime_(runtime), journal_(folder, options(limit), [this](std::uint64_t offset) {
        durable_.store(offset);
        runtime_.signal.notify();
      }) {
  if (!journal_.note().empty()) {
    log::info("The end of a journal was cut off.",
              {{"component", component}, {"journal", folder}, {"what", journal_.note()}});
  }
}

// Partition, position, flags, and the batch if there is one.
bool SourceJournal::append(const flow_batch* batch, const std::string& partition,
                           const std::string& position, std::uint32_t flags) {
  SavedWriter head;
  head.text(partition);
  head.text(position);
  head.number(flags | (batch != nullptr ? kHasBatch : 0));
  record_ = head.take();
  if (batch != nullptr) append_batch(*batch, record_);
  const auto offset = journal_.append(record_);
  if (!offset) return false;
  pending_.push_back({*offset, partition, position});
  return true;
}

void SourceJournal::tell_durable(const Durable& durable) {
  const std::uint64_t offset = durable_.load();
  for (; !pending_.empty() && pending_.front().offset <= offset; pending_.pop_front()) {
    durable(pending_.front().partition, pending_.front().position);
  }
}

bool SourceJournal::replay(std::uint64_t offset, const std::function<bool()>& before,
                           const Emission& emission) {
  Journal::Reader reader = journal_.read(offset);
  std::string_view bytes;
  while (before()) {
    if (!reader.next(bytes, offset)) return true;
    SavedReader in(bytes);
    const std::string partition = in.text();
    const std::string position = in.text();
    const std::uint64_t flags = in.number();
    flow::Batch batch;
    if ((flags & kHasBatch) != 0) batch = read_batch(runtime_.account, in.rest());
    emission(batch ? batch.get() : nullptr, partition, position, static_cast<std::uint32_t>(flags),
             offset);
  }
  return false;
}

}  // namespace flowrun
