// A client that sends what a test writes, byte by byte, and reads answers.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace flow::testing {

inline sockaddr_in loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

// A port that nobody listens on at this moment.
inline uint16_t free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  if (::bind(socket, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw std::runtime_error("no free port");
  }
  ::close(socket);
  return ntohs(address.sin_port);
}

struct HttpResponse {
  int status = 0;  // 0: the connection was closed without one
  std::string head, body;

  bool has(std::string_view text) const {
    return head.find(text) != std::string::npos || body.find(text) != std::string::npos;
  }
};

class HttpClient {
 public:
  explicit HttpClient(uint16_t port, int seconds = 10)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval patience{seconds, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    const sockaddr_in address = loopback(port);
    if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      ::close(socket_);
      throw std::runtime_error("cannot connect");
    }
  }
  HttpClient(HttpClient&& other) noexcept : socket_(other.socket_), rest_(std::move(other.rest_)) {
    other.socket_ = -1;
  }
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  ~HttpClient() { close(); }

  void close() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
  }
  // No more is sent; answers can still be read.
  void end() const { ::shutdown(socket_, SHUT_WR); }
  // False: the server has closed the connection.
  bool write(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t n = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(n));
    }
    return true;
  }
  // The next answer. Throws when none comes in time.
  HttpResponse read() {
    HttpResponse response;
    while (rest_.find("\r\n\r\n") == std::string::npos) {
      if (!receive()) return response;
    }
    const size_t end = rest_.find("\r\n\r\n") + 4;
    response.head = rest_.substr(0, end);
    rest_.erase(0, end);
    response.status = std::atoi(response.head.c_str() + 9);
    const size_t length_at = response.head.find("Content-Length: ");
    const size_t length = length_at == std::string::npos
                              ? 0
                              : std::strtoul(response.head.c_str() + length_at + 16, nullptr, 10);
    while (rest_.size() < length) {
      if (!receive()) return response;
    }
    response.body = rest_.substr(0, length);
    rest_.erase(0, length);
    return response;
  }
  // Whether the server closes the connection, sending nothing more.
  bool is_closed() { return rest_.empty() && !receive(); }

  HttpResponse post(const std::string& path, std::string_view body,
                    const std::string& headers = "") {
    write("POST " + path + " HTTP/1.1\r\nHost: test\r\n" + headers +
          "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n");
    write(body);
    return read();
  }
  HttpResponse get(const std::string& path, const std::string& headers = "") {
    write("GET " + path + " HTTP/1.1\r\nHost: test\r\n" + headers + "\r\n");
    return read();
  }

 private:
  bool receive() {
    char bytes[65536];
    const ssize_t n = ::recv(socket_, bytes, sizeof bytes, 0);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      throw std::runtime_error("no answer in time");
    }
    if (n <= 0) return false;
    rest_.append(bytes, static_cast<size_t>(n));
    return true;
  }

  int socket_;
  std::string rest_;
};

}  // namespace flow::testing
