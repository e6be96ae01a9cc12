// How far event time is: which partitions of the sources are open, and what was told of each.
//
// Sources say with their messages, in band, which of their partitions are open as of that message.
// An operator that makes watermarks (FLOW_EXTENSION_WATERMARKS) gathers these, tells the watermark
// of each partition, and its node sends on the lowest.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace flowrun {

// The partitions of one source that are open behind a message. Names are interned
// (flow::host::interned). Immutable once sent.
struct OpenPartitions {
  const char* source = nullptr;
  std::vector<const char*> names;  // distinct
  // The source had nothing to read at a time when all of these were open already: one that has not
  // begun is not waiting for its turn.
  bool waited = false;
};
using OpenPartitionsPointer = std::shared_ptr<const OpenPartitions>;

// What a source has open. Not thread-safe.
class SourcePartitions {
 public:
  explicit SourcePartitions(const std::string& source);

  // From its offer until its end; a partition that ended may begin again.
  void open(const std::string& partition);
  void close(const std::string& partition);
  void close_all();
  // The source has nothing to read now.
  void waits();
  // Something has changed since the last call of current().
  bool changed() const { return changed_; }
  // Never null.
  const OpenPartitionsPointer& current();

 private:
  OpenPartitions open_;
  bool changed_ = true;
  OpenPartitionsPointer current_;
};

// What several inputs together have open of each source. Not thread-safe.
class OpenPartitionsMerge {
 public:
  // These sources will be heard of by an input; until then nothing of theirs is closed.
  void expect(std::size_t input, const std::vector<std::string>& sources);
  // What is open, now that an input has this. `ended`: the last that comes by the input.
  OpenPartitionsPointer merged(std::size_t input, const OpenPartitionsPointer& open, bool ended);

 private:
  struct Source {
    std::map<std::size_t, OpenPartitionsPointer> by_input;  // null: not heard of yet
    OpenPartitionsPointer merged;
  };
  std::map<const char*, Source> sources_;
};

// Combines the watermarks of partitions. Not thread-safe.
class Watermarks {
 public:
  // `idle` as FLOW_EXTENSION_WATERMARKS has it; `now` in nanoseconds since 1970, here and
  // everywhere.
  Watermarks(std::int64_t idle, std::int64_t now) : idle_(idle), began_(now) {}

  // What stands upstream of the node. Until it has been heard of, each of these sources holds the
  // rest back. `unnamed`: rows without an origin come, too.
  void expect(const std::vector<std::string>& sources, bool unnamed);
  // From now on advance() tells of a source how far it is, whenever that has changed: the lowest
  // watermark of its partitions that were told of and are not silent; nothing: it has none.
  using Told = std::function<void(std::optional<std::int64_t> watermark)>;
  void follow(const std::string& source, Told told);

  // A message with this has been dealt with; null: nothing has changed.
  void note(const OpenPartitionsPointer& open);
  // As flow_watermarks.tell, with a partition NULL for all of a source.
  void tell(const char* source, const char* partition, std::int64_t watermark, std::int64_t now);

  struct Step {
    bool idle = false;  // else the watermark
    std::int64_t watermark = INT64_MIN;
    bool operator==(const Step&) const = default;
  };
  // What is to be sent on, if anything: a watermark that has risen or that ends a silence, or that
  // all partitions are silent. Before that, the highest watermark of any of them is sent: where all
  // are silent or have ended, those further back hold nobody back. `held_up`: when sources were
  // last made to wait; that is no silence.
  std::optional<Step> advance(std::int64_t now, std::int64_t held_up);
  // Nothing comes any more: whoever follows a source is told that it has none.
  void end();
  std::int64_t watermark() const { return watermark_; }
  // When time alone may change the answer; INT64_MAX: it does not.
  std::int64_t next_look() const { return next_look_; }

  // The watermark that was sent last. What was told of partitions is the operator's to tell again.
  std::string save() const;
  // Throws std::runtime_error if the bytes are damaged.
  void load(std::string_view saved);

 private:
  using Place = std::pair<const char*, const char*>;
  struct Partition {
    bool told = false;
    std::int64_t watermark = INT64_MIN;
    std::int64_t seen = 0;  // when the last row came, or it was first heard of
  };
  // A source that somebody follows.
  struct Followed {
    const char* source = nullptr;
    Told told;
    std::optional<std::int64_t> last, lowest;
  };
  // A partition that counts, or a source that is not heard of.
  struct Open {
    const Partition* partition = nullptr;
    const Partition* whole = nullptr;  // what was told of all of its source
    bool waits = false;                // for its turn, if it has not begun
    Followed* followed = nullptr;      // its source, if somebody does
  };

  void gather(std::int64_t now);

  const std::int64_t idle_;
  const std::int64_t began_;
  std::vector<const char*> missing_;  // sources not heard of yet
  std::map<const char*, OpenPartitionsPointer> heard_;
  bool unnamed_ = false;
  std::map<Place, Partition> partitions_;
  std::vector<Open> open_;
  std::vector<Followed> followed_;
  bool gathered_ = false;
  std::int64_t watermark_ = INT64_MIN;
  std::int64_t highest_ = INT64_MIN;  // told of any partition
  std::int64_t next_look_ = INT64_MAX;
  std::optional<Step> sent_;
};

}  // namespace flowrun
