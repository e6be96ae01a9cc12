#include "operators/sources/exec.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

#include "flow/utf8.hpp"
#include "operators/common/byte_piece.hpp"
#include "operators/common/stream_position.hpp"

namespace flow::operators {
namespace {

constexpr const char* kPartition = "exec";
constexpr int64_t kMinute = 60'000'000'000;
constexpr int64_t kLinesAMinute = 100;
constexpr size_t kLongestLine = 1024;
constexpr int kErrorReads = 16;  // of standard error in one poll

std::string seconds(int64_t nanoseconds) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f s", static_cast<double>(nanoseconds) * 1e-9);
  return text.data();
}

}  // namespace

void ExecSource::describe(Description<Options>& d) {
  d.name("exec");
  d.summary("Runs a command and reads what it writes to its standard output.");
  d.doc(
      "The command runs with the rights, the environment and the working directory of this "
      "program, "
      "with nothing as its standard input. Its output is a stream for the codec named by "
      "`decoding`; each run is a stream of its own, so that a half line at its end is a record. "
      "What it writes to its standard error is logged, at most 100 lines a minute of at most 1,024 "
      "bytes each; how many were withheld is logged too.\n\n"
      "When it ends it is started again as `restart` says, after a pause that doubles from "
      "`restart_delay` to `max_restart_delay`, up to a half of it left out at random so that many "
      "do not start at once. A run that lasted longer than `max_restart_delay` makes the pause "
      "short again. With `interval` it is started periodically instead, and never twice at a time. "
      "The exit code is logged if it is not 0; `exec_runs`, `exec_failures` and `exec_exit_code` "
      "(128 + the signal's number where one killed it) count. A command that cannot be started the "
      "first time stops the pipeline; later that counts as a failure.\n\n"
      "When the run is stopped, the command's process group gets SIGTERM and, after "
      "`stop_timeout`, SIGKILL; what it wrote and was not read yet is lost. What a command leaves "
      "running in its group when it ends is killed. A command that moves to another group looks "
      "after itself.\n\n"
      "**The output cannot be read again.** After a crash, what was read and had not reached its "
      "sinks is lost, unless the command writes it again: with this source a pipeline delivers at "
      "most once across a crash. There is one partition, `exec`; positions count bytes over all "
      "runs.");
  d.example(
      "type = \"exec\"\ncommand = [\"journalctl\", \"--follow\", \"--output=json\"]\n"
      "restart = \"always\"\ndecoding = \"json\"\n");
  d.traits(FLOW_BYTES | FLOW_CLOCK_DEPENDENT);
  d.output("out", "Pieces of the output, as the column `bytes`.");
  d.option("command", &Options::command,
           "The program, looked for in PATH, and its arguments, each as it is: no shell sees them. "
           "Either this or `shell`.");
  d.option("shell", &Options::shell,
           "A line for `/bin/sh -c`, where pipes, variables and patterns are wanted; `$$` stands "
           "for one `$` in a pipeline file. Never put in what others wrote.");
  d.choice("restart", &Options::restart,
           {{"always", Restart::kAlways},
            {"on_failure", Restart::kOnFailure},
            {"never", Restart::kNever}},
           "Whether a command that ended is started again: `on_failure`, the default, unless it "
           "exited with 0. When it is not, the source ends. Not used with `interval`.");
  d.option("interval", &Options::interval,
           "Starts the command at the beginning and then so often, counted from start to start; "
           "one that still runs then is not disturbed, and the next one follows at once.")
      .range(1e7, 366 * 86'400e9);
  d.option("restart_delay", &Options::restart_delay, "The first pause before it is started again.")
      .range(1e6, 3600e9);
  d.option("max_restart_delay", &Options::max_restart_delay, "The longest pause.")
      .range(1e6, 86'400e9);
  d.option("stop_timeout", &Options::stop_timeout,
           "How long it may take to end when the run is stopped. Stopping takes as long.")
      .range(0, 60e9);
  d.option("read_size", &Options::read_size,
           "The most bytes that one read takes; default 64 KiB, what a pipe holds.")
      .range(4096, 64.0 * 1024 * 1024);
}

void ExecSource::open(Output& out) {
  host_ = out;
  const bool has_command = !options_.command.empty() && !options_.command.front().empty();
  if (has_command == options_.shell.has_value()) {
    throw Failure(
        "exec source: give either `command`, eg: [\"journalctl\", \"--follow\"], or `shell`");
  }
  words_ =
      has_command ? options_.command : std::vector<std::string>{"/bin/sh", "-c", *options_.shell};
  name_ = quote(has_command ? options_.command.front() : *options_.shell);
  runs_ = out.counter("exec_runs", "Times that the command was started.");
  failures_ = out.counter("exec_failures", "Runs that failed, or could not begin.");
  exit_code_ = out.gauge("exec_exit_code", "Of the last run.");
  SourceOutput(out).offer(kPartition);
}

void ExecSource::assign(const std::string& partition, std::optional<std::string_view> position) {
  if (partition != kPartition) {
    throw Failure("exec has the partition 'exec' only, not " + quote(partition));
  }
  if (position) {
    const auto bytes = decode_stream_position(*position);
    if (!bytes) throw Failure("exec: a position that was written by something else; start afresh");
    offset_ = *bytes;
    host_->warn("exec source: the output of " + name_ + " cannot be read again: going on with " +
                "what comes now, counted from byte " + std::to_string(offset_));
  }
  assigned_ = true;
}

void ExecSource::revoke(const std::string&) {
  assigned_ = false;
  process_.stop(options_.stop_timeout.nanoseconds);
}

void ExecSource::close(bool, Output&) {
  if (process_.stop(options_.stop_timeout.nanoseconds)) {
    read_errors();
    error_log_.finish(name_, *host_);
  }
}

Status ExecSource::poll(SourceOutput& out) {
  if (!assigned_) return Status::kIdle;
  if (over_) return Status::kEnd;
  if (!process_.is_running()) {
    if (host_->now() < next_start_) {
      wake_.wait({});
      return Status::kIdle;
    }
    start();
    if (!process_.is_running()) return Status::kIdle;
  }
  read_errors();
  if (read_output(out)) return Status::kDone;
  if (process_.has_ended()) {
    // What it wrote before it ended was there when it ended.
    if (!read_output(out)) end_run(out);
    return Status::kDone;
  }
  wake_.wait({process_.output(), process_.errors()});
  return read_output(out) ? Status::kDone : Status::kIdle;
}

void ExecSource::start() {
  started_ = host_->now();
  const int error = process_.start(words_);
  if (error == 0) {
    was_started_ = true;
    runs_.record(1);
    return;
  }
  const std::string trouble = "cannot be started: " + error_text(error);
  if (!was_started_) throw Failure("exec source: " + name_ + " " + trouble);
  plan_next(false, trouble);
}

bool ExecSource::read_output(SourceOutput& out) {
  if (process_.output() < 0 || !is_readable(process_.output())) return false;
  BytePiece piece;
  piece.buffer = host_->allocate(options_.read_size.bytes);
  const ssize_t n =
      ::read(process_.output(), piece.buffer->data, static_cast<size_t>(options_.read_size.bytes));
  if (n < 0 && (errno == EINTR || errno == EAGAIN)) return false;
  if (n <= 0) {
    process_.close_output();
    return false;
  }
  piece.bytes = n;
  piece.offset = offset_;
  trim(*host_, piece);
  offset_ += n;
  out.emit(byte_batch(out.out(), piece, kPartition), kPartition, encode_stream_position(offset_));
  return true;
}

void ExecSource::read_errors() {
  std::array<char, 4096> bytes{};
  for (int i = 0; i < kErrorReads && process_.errors() >= 0; ++i) {
    const ssize_t n = ::read(process_.errors(), bytes.data(), bytes.size());
    if (n < 0) return;
    if (n == 0) {
      process_.close_errors();
      return;
    }
    error_log_.take({bytes.data(), static_cast<size_t>(n)}, name_, *host_);
  }
}

void ExecSource::end_run(SourceOutput& out) {
  const ExecProcess::Exit exit = process_.finish();
  read_errors();
  error_log_.finish(name_, *host_);
  process_.close_output();
  process_.close_errors();
  exit_code_.record(exit.signal != 0 ? 128 + exit.signal : exit.code);
  plan_next(exit.is_success(), exit.text());
  out.end(kPartition, encode_stream_position(offset_));
}

void ExecSource::plan_next(bool success, const std::string& what) {
  const int64_t now = host_->now();
  if (!success) failures_.record(1);
  std::string next;
  if (options_.interval) {
    next_start_ = std::max(now, started_ + options_.interval->nanoseconds);
    next = "the next run is due in " + seconds(next_start_ - now);
  } else if (options_.restart == Restart::kNever ||
             (options_.restart == Restart::kOnFailure && success)) {
    over_ = true;
    next = "it is not started again";
  } else {
    if (now - started_ >= options_.max_restart_delay.nanoseconds) restarts_ = 0;
    next_start_ = now + delay();
    next = "it is started again in " + seconds(next_start_ - now);
  }
  const std::string message = "exec source: " + name_ + " " + what + "; " + next;
  if (success) {
    host_->info(message);
  } else {
    host_->warn(message);
  }
}

int64_t ExecSource::delay() {
  const int64_t most = options_.max_restart_delay.nanoseconds;
  int64_t pause = std::min(options_.restart_delay.nanoseconds, most);
  for (int i = 0; i < restarts_ && pause < most; ++i) pause = std::min(2 * pause, most);
  ++restarts_;
  return std::uniform_int_distribution<int64_t>(pause / 2, pause)(random_);
}

// ---- standard error ----

void ExecSource::ErrorLog::take(std::string_view bytes, const std::string& command,
                                const Host& host) {
  while (!bytes.empty()) {
    const size_t end = std::min(bytes.find('\n'), bytes.size());
    const size_t room = kLongestLine - line_.size();
    line_ += bytes.substr(0, std::min(end, room));
    cut_ |= end > room;
    if (end == bytes.size()) return;
    say(command, host);
    bytes.remove_prefix(end + 1);
  }
}

void ExecSource::ErrorLog::finish(const std::string& command, const Host& host) {
  if (!line_.empty()) say(command, host);
  if (withheld_ > 0) {
    host.warn("exec source: " + command + " wrote " + std::to_string(withheld_) +
              " more lines to its standard error");
    withheld_ = 0;
  }
}

void ExecSource::ErrorLog::say(const std::string& command, const Host& host) {
  const int64_t minute = host.now() / kMinute;
  if (minute != minute_) {
    const std::string line = std::exchange(line_, {});
    finish(command, host);
    line_ = line;
    minute_ = minute;
    said_ = 0;
  }
  if (said_ < kLinesAMinute) {
    ++said_;
    std::string text;
    append_repaired_utf8(line_, text);
    host.warn("exec source: " + command + " says: " + text + (cut_ ? " ..." : ""));
  } else {
    ++withheld_;
  }
  line_.clear();
  cut_ = false;
}

}  // namespace flow::operators
