// The source `exec`: what a command writes to its standard output.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "flow/operator.hpp"
#include "operators/common/wake_event.hpp"
#include "operators/sources/exec_process.hpp"

namespace flow::operators {

// One partition, `exec`; each run of the command is a stream of it.
class ExecSource final : public Source {
 public:
  enum class Restart { kAlways, kOnFailure, kNever };
  struct Options {
    std::vector<std::string> command;
    std::optional<std::string> shell;
    Restart restart = Restart::kOnFailure;
    std::optional<Duration> interval;
    Duration restart_delay{1'000'000'000};
    Duration max_restart_delay{60'000'000'000};
    Duration stop_timeout{2'000'000'000};
    Size read_size{64 * 1024};
  };
  static void describe(Description<Options>& d);

  explicit ExecSource(const Options& options) : options_(options) {}

  // Throws Failure where the options name no command, or two.
  void open(Output& out) override;
  // Throws Failure where the command cannot be started at the first time.
  Status poll(SourceOutput& out) override;
  void assign(const std::string& partition, std::optional<std::string_view> position) override;
  void revoke(const std::string& partition) override;
  void wake() override { wake_.wake(); }
  void close(bool drained, Output& out) override;

 private:
  // Lines of the command's standard error, logged while they are few.
  class ErrorLog {
   public:
    void take(std::string_view bytes, const std::string& command, const Host& host);
    // The command has ended: what is held is a line.
    void finish(const std::string& command, const Host& host);

   private:
    void say(const std::string& command, const Host& host);
    std::string line_;
    bool cut_ = false;
    int64_t minute_ = 0;
    int64_t said_ = 0;      // in this minute
    int64_t withheld_ = 0;  // in this minute
  };

  void start();
  bool read_output(SourceOutput& out);
  void read_errors();
  void end_run(SourceOutput& out);
  void plan_next(bool success, const std::string& what);
  int64_t delay();

  const Options& options_;
  std::vector<std::string> words_;
  std::string name_;  // of the command, for messages
  WakeEvent wake_;
  std::optional<Host> host_;
  ExecProcess process_;
  ErrorLog error_log_;
  std::minstd_rand random_{std::random_device{}()};
  bool assigned_ = false;
  bool over_ = false;  // it is not started again
  bool was_started_ = false;
  int64_t next_start_ = 0;  // by the host's clock
  int64_t started_ = 0;
  int restarts_ = 0;  // since a run lasted
  int64_t offset_ = 0;
  Metric runs_, failures_, exit_code_;
};

}  // namespace flow::operators
