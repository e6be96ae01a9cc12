// Writes encoded rows to one file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "flow/operator.hpp"
#include "operators/common/byte_writer.hpp"
#include "operators/common/file_descriptor.hpp"

namespace flow::operators {

// Takes one binary column and writes its rows as they are. Cost: one write(2) a batch, without a
// copy where the rows lie one behind the other.
class FileSink final : public Sink {
 public:
  enum class Mode { kAppend, kReplace };
  struct Options {
    std::string path;
    Mode mode = Mode::kAppend;
  };
  static void describe(Description<Options>& description);

  explicit FileSink(const Options& options);

  // Opens the file and says what was there. Throws Failure if it cannot be written.
  void open(Output& out) override;
  void process(const Batch& in, Output& out) override;
  // Makes all that was written durable. The handle names the file and its length.
  std::string prepare(uint64_t checkpoint) override;
  // Nothing for an instance that wrote what the handle names: appended bytes are visible at once, a
  // replaced file at the end of the run. A new one goes on where the handle says, and cuts off what
  // is behind it. Throws Failure if the file is shorter already.
  void commit(std::string_view handle) override { go_on_at(handle); }
  // The same. What an instance wrote itself stays, as its run goes on behind it.
  void abort(std::string_view handle) override { go_on_at(handle); }
  void close(bool drained, Output& out) override;

 private:
  void open_file(Output& out);
  void tell_what_was_there(Output& out) const;
  bool connect(Output& out);
  void begin();
  void go_on_at(std::string_view handle);
  void sync() const;
  void rename_into_place() const;
  int64_t length() const;

  const Options& options_;
  std::string final_;   // the path, links followed
  std::string target_;  // what is written to: the same, or with ".part" behind it
  ByteWriter writer_;
  FileDescriptor file_;
  bool regular_ = true;  // false: a pipe or a device
  bool replaces_ = false;
  bool begun_ = false;    // what an unfinished run left is dealt with
  bool waiting_ = false;  // for a pipe's reader: said so
  Output* out_ = nullptr;
};

}  // namespace flow::operators
