// One file that is written to as it is: what the sink `file` does with a fixed path, and with pipes
// and devices.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "operators/common/byte_writer.hpp"
#include "operators/common/file_descriptor.hpp"
#include "operators/sinks/file_target.hpp"

namespace flow::operators {

// Takes one binary column and writes its rows as they are. Cost: one write(2) a batch, without a
// copy where the rows lie one behind the other.
class SingleFile final : public FileTarget {
 public:
  // `replaces`: what is there stays until all input is processed.
  SingleFile(std::string path, bool replaces);
  // Of a run that was refused before it began no new, empty file stays behind.
  ~SingleFile() override;

  // Opens the file and says what was there. Throws Failure if it cannot be written.
  void open(Output& out) override;
  void process(const Batch& in, Output& out) override;
  // The handle names the file and its length.
  std::string prepare() override;
  // Nothing for an instance that wrote what the handle names: appended bytes are visible at once, a
  // replaced file at the end of the run. A new one goes on where the handle says, and cuts off what
  // is behind it. Throws Failure if the file is shorter already.
  void settle(std::string_view handle, bool commits) override;
  void close(bool drained, Output& out) override;

 private:
  void open_file(Output& out);
  void attach();
  void take_back(int64_t length);
  void tell_what_was_there(Output& out) const;
  bool connect(Output& out);
  void begin();
  void sync() const;
  int64_t length() const;

  std::string path_;
  bool mode_replaces_;
  std::string final_;   // the path, links followed
  std::string target_;  // what is written to: the same, or with ".part" behind it
  ByteWriter writer_;
  FileDescriptor file_;
  bool regular_ = true;  // false: a pipe or a device
  bool replaces_ = false;
  bool begun_ = false;  // what an unfinished run left is dealt with
  bool taken_away_ = false;
  bool made_ = false;     // the target was not there before
  bool waiting_ = false;  // for a pipe's reader: said so
  Output* out_ = nullptr;
};

}  // namespace flow::operators
