// A command that runs beside this program, with pipes from its outputs.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "operators/common/file_descriptor.hpp"

namespace flow::operators {

// The leader of a process group of its own; its standard input is /dev/null. Killed, with its
// group, when this object goes. Not thread-safe.
class ExecProcess {
 public:
  struct Exit {
    int code = 0;    // of a process that exited
    int signal = 0;  // that killed it; 0: none
    bool is_success() const { return code == 0 && signal == 0; }
    std::string text() const;  // "exited with code 3"
  };

  ExecProcess() = default;
  ExecProcess(const ExecProcess&) = delete;
  ExecProcess& operator=(const ExecProcess&) = delete;
  ~ExecProcess();

  // The command is looked for in PATH. Returns 0 or the system's error. None may be running.
  int start(const std::vector<std::string>& command);
  bool is_running() const { return pid_ > 0; }

  int output() const { return output_.get(); }
  int errors() const { return errors_.get(); }
  void close_output() { output_.reset(); }
  void close_errors() { errors_.reset(); }

  // Whether the leader has ended; it stays known, so that its group can still be signalled.
  bool has_ended() const;
  // To every process of the group.
  void signal(int number) const;
  // Kills what is left of the group of a leader that has ended, and forgets it.
  Exit finish();
  // Asks the group to end, kills it after `patience` nanoseconds. Waits meanwhile.
  std::optional<Exit> stop(int64_t patience);

 private:
  pid_t pid_ = -1;
  FileDescriptor output_;
  FileDescriptor errors_;
};

}  // namespace flow::operators
