// The receiver for tests of `webhook`.
#pragma once

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/operators/common/scratch_folder.hpp"

namespace flow::testing {

// webhook_server.py on a free port, as long as the scope.
class WebhookServer {
 public:
  explicit WebhookServer(bool encrypted = false) {
    ::setenv("no_proxy", "127.0.0.1,localhost", 1);
    std::string script = FLOWRUN_SOURCE_DIR "/tests/operators/sinks/webhook_server.py";
    std::vector<std::string> words = {"python3", script, folder_.path("log")};
    if (encrypted) {
      const std::string make =
          "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost "
          "-addext subjectAltName=IP:127.0.0.1 -keyout " +
          folder_.path("key.pem") + " -out " + folder_.path("cert.pem") + " 2>/dev/null";
      if (std::system(make.c_str()) != 0) throw std::runtime_error("openssl req");
      words.push_back(folder_.path("cert.pem"));
      words.push_back(folder_.path("key.pem"));
    }
    int pipe[2];
    if (::pipe(pipe) != 0) throw std::runtime_error("pipe");
    child_ = ::fork();
    if (child_ == 0) {
      ::dup2(pipe[1], STDOUT_FILENO);
      std::vector<char*> arguments;
      arguments.reserve(words.size() + 1);
      for (std::string& word : words) arguments.push_back(word.data());
      arguments.push_back(nullptr);
      ::execvp("python3", arguments.data());
      ::_exit(127);
    }
    ::close(pipe[1]);
    char byte = 0;
    while (::read(pipe[0], &byte, 1) == 1 && byte != '\n') port_ += byte;
    ::close(pipe[0]);
    if (port_.empty()) throw std::runtime_error("the server did not start");
    scheme_ = encrypted ? "https" : "http";
  }
  WebhookServer(const WebhookServer&) = delete;
  WebhookServer& operator=(const WebhookServer&) = delete;
  ~WebhookServer() {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }

  std::string url(const std::string& path) const {
    return scheme_ + "://127.0.0.1:" + port_ + path;
  }
  std::string certificate() const { return folder_.path("cert.pem"); }
  // The lines of the log, one a request.
  std::vector<std::string> requests() const {
    std::vector<std::string> lines;
    const std::string log = folder_.read("log");
    for (size_t at = 0; at < log.size();) {
      const size_t end = log.find('\n', at);
      lines.push_back(log.substr(at, end - at));
      at = end == std::string::npos ? log.size() : end + 1;
    }
    return lines;
  }

 private:
  ScratchFolder folder_;
  pid_t child_ = -1;
  std::string port_, scheme_;
};

}  // namespace flow::testing
