#include "core/cli/signals.hpp"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <system_error>
#include <utility>

#include "flow/thread_name.hpp"

namespace flowrun::cli {

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
  while (true) {
    if (poll(waiting, 2, -1) < 0) continue;  // interrupted
    if (waiting[1].revents != 0) return;
    signalfd_siginfo info{};
    if (read(signals_, &info, sizeof info) != sizeof info) continue;
    on_signal_(info.ssi_signo == SIGINT ? "SIGINT" : "SIGTERM", ++count);
  }
}

}  // namespace flowrun::cli
