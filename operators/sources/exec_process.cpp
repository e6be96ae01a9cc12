#include "operators/sources/exec_process.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <thread>
#include <utility>

namespace flow::operators {
namespace {

struct Pipe {
  FileDescriptor read, write;
  static std::optional<Pipe> make() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return std::nullopt;
    return Pipe{FileDescriptor(ends[0]), FileDescriptor(ends[1])};
  }
};

// What a new process is given instead of what this one has: signals as they are by default, a group
// of its own, no standard input.
class SpawnSetup {
 public:
  SpawnSetup(int output, int errors) {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions_, errors, STDERR_FILENO);
    ::posix_spawnattr_init(&attributes_);
    sigset_t signals;
    sigfillset(&signals);
    ::posix_spawnattr_setsigdefault(&attributes_, &signals);
    sigemptyset(&signals);
    ::posix_spawnattr_setsigmask(&attributes_, &signals);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    ::posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  }
  SpawnSetup(const SpawnSetup&) = delete;
  SpawnSetup& operator=(const SpawnSetup&) = delete;
  ~SpawnSetup() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  const posix_spawn_file_actions_t* actions() const { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

}  // namespace

std::string ExecProcess::Exit::text() const {
  if (signal == 0) return "exited with code " + std::to_string(code);
  const char* const name = ::sigabbrev_np(signal);
  return "was killed by SIG" + std::string(name != nullptr ? name : "?");
}

ExecProcess::~ExecProcess() {
  if (!is_running()) return;
  signal(SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

int ExecProcess::start(const std::vector<std::string>& command) {
  auto output = Pipe::make();
  auto errors = output ? Pipe::make() : std::nullopt;
  if (!errors) return errno;
  std::vector<std::string> words = command;
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const SpawnSetup setup(output->write.get(), errors->write.get());
  pid_t pid = -1;
  const int error = ::posix_spawnp(&pid, arguments[0], setup.actions(), setup.attributes(),
                                   arguments.data(), environ);
  if (error != 0) return error;
  pid_ = pid;
  output_ = std::move(output->read);
  errors_ = std::move(errors->read);
  for (const int end : {output_.get(), errors_.get()}) ::fcntl(end, F_SETFL, O_NONBLOCK);
  return 0;
}

bool ExecProcess::has_ended() const {
  siginfo_t info{};
  return is_running() &&
         ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         info.si_pid == pid_;
}

void ExecProcess::signal(int number) const {
  if (is_running()) ::kill(-pid_, number);
}

ExecProcess::Exit ExecProcess::finish() {
  signal(SIGKILL);
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  if (WIFSIGNALED(status)) return {0, WTERMSIG(status)};
  return {WEXITSTATUS(status), 0};
}

std::optional<ExecProcess::Exit> ExecProcess::stop(int64_t patience) {
  if (!is_running()) return std::nullopt;
  signal(SIGTERM);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::nanoseconds(patience);
  while (!has_ended() && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return finish();
}

}  // namespace flow::operators
