// What the engine keeps of a pipeline in the parts of a checkpoint, and what becomes of it when the
// pipeline file has changed.
//
// Parts: "pipeline" (who the components are), "end" (the run had come to its end), and by component
// id "ledger/ID" (its totals), "source/ID", "serial/ID", "sink/ID", "timing/ID/INSTANCE". Keyed
// tables stand beside the parts.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/binding.hpp"
#include "core/observe/ledger.hpp"
#include "core/state/manifest.hpp"

namespace flowrun {

// What of a stream was not passed on yet.
struct SavedStream {
  std::string held;                // bytes of a record that is not whole
  std::int64_t held_position = 0;  // of its first byte
  std::string context;             // see flow_stream_context
  // Of the first byte that has not been read.
  std::int64_t next() const { return held_position + static_cast<std::int64_t>(held.size()); }
};

// A partition of a source, and where it goes on.
struct SavedPartition {
  using Stream = SavedStream;
  std::string position;
  bool ended = false;
  std::optional<Stream> stream;  // absent: none that goes on
};

struct SavedSource {
  std::map<std::string, SavedPartition> partitions;
  std::uint64_t journal = 0;  // offset in its journal, if it has one

  std::string encode() const;
  // Throws SavedStateError.
  static SavedSource decode(std::string_view bytes);
};

// Of a serial operator: one state; of a sink: its handles, oldest first.
struct SavedOperator {
  std::uint32_t version = 0;  // flow_descriptor.version
  std::vector<std::string> states;

  std::string encode() const;
  static SavedOperator decode(std::string_view bytes);
};

// Totals of a component, for the ledger to go on with.
std::string encode_totals(const LedgerDelta& totals, const std::vector<std::string>& ports);
LedgerDelta decode_totals(std::string_view bytes, const std::vector<std::string>& ports);

// Who a component is, as far as its state depends on it.
struct SavedComponent {
  std::string id;
  std::string kind;  // "source"
  std::string type;
  std::uint32_t version = 0;
  std::vector<std::string> keys;  // fields, of a keyed one
  std::string holds;              // for people: "positions of 3 partitions"; empty: no state
};

std::string encode_components(const std::vector<SavedComponent>& components);
std::vector<SavedComponent> decode_components(std::string_view bytes);

// The components of a pipeline, without what they hold.
std::vector<SavedComponent> components_of(const BoundPipeline& pipeline);

// Names of parts.
inline constexpr const char* kPipelinePart = "pipeline";
inline constexpr const char* kCleanPart = "end";  // nothing was under way: nothing follows it
inline constexpr const char* kLedgerPart = "ledger/";
inline constexpr const char* kSourcePart = "source/";
inline constexpr const char* kSerialPart = "serial/";
inline constexpr const char* kSinkPart = "sink/";
inline constexpr const char* kTimingPart = "timing/";

// The part of that name and id, or nothing.
const std::string* find_part(const Manifest& checkpoint, std::string_view name,
                             std::string_view id);

// What a component of a checkpoint holds, in words; empty: nothing.
std::string held_by(const Manifest& checkpoint, const SavedComponent& component);

// What a start from a checkpoint would do to the state of one component.
struct StateChange {
  enum class Fate { kKept, kMigrated, kNew, kLost };
  Fate fate = Fate::kKept;
  std::string id;
  std::string what;  // "positions of 3 partitions"
  std::string why;   // of migrated and lost: "its type was 'a' and is 'b' now"
};

// One a component that has state, or would have had.
std::vector<StateChange> compare_state(const Manifest& checkpoint, const BoundPipeline& pipeline);

// Gives components that say what they were called before (`renamed_from`) the state of that name,
// where the checkpoint has it and nothing under the new one. What was renamed: new name and old.
std::vector<std::pair<std::string, std::string>> rename_state(
    Manifest& checkpoint, const PipelineSpecification& pipeline);

// What would be lost, one line each; empty: nothing.
std::string lost_state(const std::vector<StateChange>& changes);

}  // namespace flowrun
