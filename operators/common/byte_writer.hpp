// Writes batches of encoded rows to a file descriptor.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "flow/host.hpp"

namespace flow::operators {

// Each byte goes out exactly once and in order, whatever interrupts: write() may be called again
// with the same batch after it threw Retry, and goes on behind the last byte that the system took.
//
// Rows that lie one behind the other in memory, as encoders leave them, are written from there;
// others are collected in a buffer of 64 KiB first. A reader that is slow is waited for; a full
// disk, a reader that has gone and other passing trouble throw Retry; SIGPIPE and SIGXFSZ stay away
// from the process. Not thread-safe.
class ByteWriter {
 public:
  // `name` is how messages call the target, eg: "file sink: 'out/x.log'".
  explicit ByteWriter(std::string name) : name_(std::move(name)) {}

  // Borrows `fd`. `broken_pipe_is_final`: no other reader can come where one has gone.
  // Throws Failure if it cannot be written to.
  void attach(int fd, bool broken_pipe_is_final = false);

  // Whether these rows may be written here: their prologue (see prologue_of) is that of the rows
  // before, or there were none, and what is in a file that is added to begins with it. Where
  // nothing is in the target, write() begins with the prologue of the first rows.
  bool accepts(const Batch& rows);

  // Rows that were accepted. Throws Retry; or Failure when the host is stopping, or the trouble
  // will not pass.
  void write(const Batch& batch, const Host& host);

  // Bytes that the system took since attach.
  int64_t written() const { return written_; }
  // Forgets that a batch was half written, and what the target begins with.
  void reset();

 private:
  // How far it may be written without waiting inside the system.
  enum class Target : uint8_t {
    kFile,         // never waits for a reader
    kNonBlocking,  // refuses what it has no room for
    kBlocking      // waits, unless polled before and given little
  };

  bool adds_to_content() const;
  void write_rows(const flow_column& column, const Host& host);
  void put(std::string_view bytes, const Host& host);
  void write_all(std::string_view bytes, const Host& host);
  void wait(const Host& host) const;
  [[noreturn]] void fail(int error, int64_t left) const;

  std::string name_;
  int fd_ = -1;
  Target target_ = Target::kFile;
  bool broken_pipe_is_final_ = false;
  bool appends_ = false;                 // O_APPEND
  std::optional<std::string> prologue_;  // of all rows; none: no row has come yet
  std::string_view due_;                 // of prologue_: to be written with the first rows
  int64_t written_ = 0;
  int64_t done_ = 0;              // bytes of the batch under way that the system took
  int64_t skip_ = 0;              // of done_, still to be passed over in this call
  const Batch* batch_ = nullptr;  // in write() only: for messages
};

}  // namespace flow::operators
