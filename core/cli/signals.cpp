#include "core/cli/signals.hpp"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <system_error>
#include <utility>

#include "flow/thread_name.hpp"

namespace flowrun::cli {
namespace {

// Signals this close together are one. timeout(1) sends its signal to the process and to its group,
// and whatever passes on a Ctrl-C does so beside the terminal.
constexpr std::chrono::milliseconds kSameSignal{200};

}  // namespace

SignalThread::SignalThread(Action on_signal) : on_signal_(std::move(on_signal)) {
  // Writes tell by their errors what these would end the process for.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signals_ = signalfd(-1, &signals, SFD_CLOEXEC);
  ended_ = eventfd(0, EFD_CLOEXEC);
  if (signals_ < 0 || ended_ < 0) {
    throw std::system_error(errno, std::generic_category(), "cannot listen for signals");
  }
  thread_ = std::thread([this] {
    flow::name_thread("signals");
    listen();
  });
}

SignalThread::~SignalThread() {
  eventfd_write(ended_, 1);
  thread_.join();
  close(signals_);
  close(ended_);
}

void SignalThread::listen() {
  pollfd waiting[] = {{signals_, POLLIN, 0}, {ended_, POLLIN, 0}};
  int count = 0;
  std::chrono::steady_clock::time_point counted;
  while (true) {
    if (poll(waiting, 2, -1) < 0) continue;  // interrupted
    if (waiting[1].revents != 0) return;
    signalfd_siginfo info{};
    if (read(signals_, &info, sizeof info) != sizeof info) continue;
    const auto now = std::chrono::steady_clock::now();
    if (count > 0 && now - counted < kSameSignal) continue;
    counted = now;
    on_signal_(info.ssi_signo == SIGINT ? "SIGINT" : "SIGTERM", ++count);
  }
}

}  // namespace flowrun::cli
