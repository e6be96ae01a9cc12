// What a source received that cannot ask for it again: an append-only log in segments.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace flowrun {

// The message names the file, and the offset where something is damaged.
struct JournalError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// The journal of one source: a folder of segments. Offsets count from the journal's first byte and
// never begin again; the offset behind a record is the position of whoever has read it. One process
// at a time, which the lock of the checkpoints' folder ensures. Thread-safe.
class Journal {
 public:
  struct Options {
    std::int64_t segment_bytes = std::int64_t{64} << 20;
    std::int64_t limit = std::int64_t{1} << 30;  // bytes of all segments
    std::chrono::milliseconds sync_within{10};   // after an append; a slow disk takes longer
  };
  // Every record that ends at or before the offset is on the disk. Called by the journal's thread,
  // once a group of records.
  using Durable = std::function<void(std::uint64_t offset)>;
  static constexpr std::size_t kLongestRecord = std::size_t{1} << 30;

  // Makes the folder if need be; reads and checks everything that is there. A torn end, which no
  // crash that was told durable leaves, is cut off: note() says so. Throws JournalError for damage
  // before it.
  Journal(std::filesystem::path folder, Options options, Durable durable);
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;
  // Makes durable what was appended; the callback is not called any more.
  ~Journal();

  // The offset behind the new record, when it has been handed to the system; durable a little
  // later. Nothing: full, truncate_before() makes room. Throws JournalError: it could not be
  // written (eg: the disk is full), and nothing was.
  std::optional<std::uint64_t> append(std::string_view bytes);
  // Waits until everything appended is durable. Throws JournalError.
  void sync();

  // Offsets of the first record there is, and behind the last.
  std::uint64_t begin() const;
  std::uint64_t end() const;
  std::int64_t bytes() const;  // of all segments
  // What was cut off when the journal was opened; empty: nothing.
  const std::string& note() const;

  // Removes segments all of whose records end at or before `offset`.
  void truncate_before(std::uint64_t offset);

  // Records one after the other, up to where the journal ended when the reader was made.
  class Reader {
   public:
    Reader(Reader&&) noexcept;
    Reader& operator=(Reader&&) noexcept;
    ~Reader();
    // False: that was the last. `bytes` stays until the next call; `offset` is behind the record.
    // Throws JournalError.
    bool next(std::string_view& bytes, std::uint64_t& offset);

   private:
    friend class Journal;
    struct State;
    explicit Reader(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
  };
  // From the record that begins at `offset`. Throws JournalError if the journal does not have it
  // any more, or not yet.
  Reader read(std::uint64_t offset) const;

 private:
  class Log;
  std::unique_ptr<Log> log_;
};

}  // namespace flowrun
