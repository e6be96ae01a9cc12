// A mosquitto of the test's own, on a loopback port that was free.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <thread>

#include "tests/operators/common/scratch_folder.hpp"

namespace flow::testing {

inline sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// A socket that listens on a free loopback port.
class LoopbackListener {
 public:
  LoopbackListener() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    if (::bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(socket_, 8) != 0 ||
        ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      throw std::runtime_error("no free port");
    }
    port_ = ntohs(address.sin_port);
  }
  LoopbackListener(const LoopbackListener&) = delete;
  LoopbackListener& operator=(const LoopbackListener&) = delete;
  ~LoopbackListener() { close(); }

  int port() const { return port_; }
  // The next connection's socket, which is the caller's to close; negative: closed meanwhile.
  int accept() const { return ::accept(socket_, nullptr, nullptr); }
  void close() {
    if (socket_ >= 0) {
      ::shutdown(socket_, SHUT_RDWR);
      ::close(socket_);
    }
    socket_ = -1;
  }

 private:
  int socket_;
  int port_ = 0;
};

class MqttBroker {
 public:
  static constexpr const char* kProgram = "/usr/sbin/mosquitto";
  static bool is_installed() { return std::filesystem::exists(kProgram); }

  // `settings`: more lines of its configuration; "" for one that lets everybody in.
  explicit MqttBroker(const std::string& settings = "allow_anonymous true\n", bool has_tls = false)
      : has_tls_(has_tls), port_(LoopbackListener().port()) {
    std::string text = "listener " + std::to_string(port_) + " 127.0.0.1\n";
    text.append(settings);
    text.append("user root\npersistence true\npersistence_location ").append(folder_.path(""));
    text.append("\nmax_queued_messages 0\nlog_dest none\n");
    configuration_ = folder_.write("mosquitto.conf", text);
    start();
  }
  MqttBroker(const MqttBroker&) = delete;
  MqttBroker& operator=(const MqttBroker&) = delete;
  ~MqttBroker() { stop(); }

  std::string url(const std::string& host = "127.0.0.1") const {
    return (has_tls_ ? "mqtts://" : "mqtt://") + host + ":" + std::to_string(port_);
  }
  void start() {
    process_ = ::fork();
    if (process_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that dies leaves no broker behind
      const char* const arguments[] = {kProgram, "-c", configuration_.c_str(), nullptr};
      ::execv(kProgram, const_cast<char* const*>(arguments));
      ::_exit(127);
    }
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!answers()) {
      if (std::chrono::steady_clock::now() > until) throw std::runtime_error("no broker came up");
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }
  // It writes down what it has, and ends.
  void stop() { end(SIGTERM); }
  void kill() { end(SIGKILL); }

 private:
  bool answers() const {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(port_);
    const bool connected =
        ::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    ::close(socket);
    return connected;
  }
  void end(int signal) {
    if (process_ <= 0) return;
    ::kill(process_, signal);
    ::waitpid(process_, nullptr, 0);
    process_ = -1;
  }

  ScratchFolder folder_;
  bool has_tls_;
  int port_;
  std::string configuration_;
  pid_t process_ = -1;
};

}  // namespace flow::testing

#define FLOW_NEEDS_BROKER()                                                                    \
  if (!flow::testing::MqttBroker::is_installed()) {                                            \
    GTEST_SKIP() << flow::testing::MqttBroker::kProgram << " is not there: install mosquitto"; \
  }                                                                                            \
  static_assert(true, "a semicolon follows")
