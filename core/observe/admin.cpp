#include "core/observe/admin.hpp"

#include <CivetServer.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "core/observe/health.hpp"
#include "core/observe/log.hpp"
#include "core/observe/metrics.hpp"

namespace flowrun {
namespace {

constexpr char kMetricsType[] = "text/plain; version=0.0.4; charset=utf-8";
constexpr char kJsonType[] = "application/json";
constexpr char kRemedy[] = "; give another address with --admin HOST:PORT, or --admin off";

struct Address {
  std::string host;
  std::string port;
};

// Nothing but an address goes on to the library, whose own syntax also knows lists and flags.
Address parse_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  const std::string_view host = text.substr(0, colon == std::string_view::npos ? 0 : colon);
  const std::string_view port = colon == std::string_view::npos ? "" : text.substr(colon + 1);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  const std::string_view inner = bracketed ? host.substr(1, host.size() - 2) : host;
  constexpr std::string_view kDigits = "0123456789";
  constexpr std::string_view kAddress6 = "0123456789abcdefABCDEF:.";
  constexpr std::string_view kName =
      "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-_";
  const bool good_host = !inner.empty() && inner.find_first_not_of(bracketed ? kAddress6 : kName) ==
                                               std::string_view::npos;
  const bool good_port = !port.empty() && port.size() <= 5 &&
                         port.find_first_not_of(kDigits) == std::string_view::npos &&
                         std::atoi(std::string(port).c_str()) <= 65535;
  if (!good_host || !good_port) {
    throw std::runtime_error("admin listener: '" + std::string(text) +
                             "' is not an address of the form HOST:PORT" + kRemedy);
  }
  if (bracketed && mg_check_feature(MG_FEATURES_IPV6) == 0) {
    throw std::runtime_error("admin listener: '" + std::string(text) +
                             "' cannot be used: the installed HTTP library knows no IPv6" +
                             kRemedy);
  }
  return {std::string(host), std::string(port)};
}

const char* reason_phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 503:
      return "Service Unavailable";
    default:
      return "Internal Server Error";
  }
}

// What the library says while the constructor of the listener runs, in that thread.
thread_local std::string* startup_messages = nullptr;

int take_library_message(const mg_connection*, const char* message) {
  try {
    if (startup_messages != nullptr) {
      if (!startup_messages->empty()) *startup_messages += "; ";
      *startup_messages += message;
    } else {
      log::debug("The admin listener's HTTP library reports.", {{"text", message}});
    }
  } catch (...) {  // an exception must not cross the C library
  }
  return 1;  // taken: the library prints nothing
}

// Signals belong to the main program: threads that are started meanwhile inherit the empty set.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

// Connects to a listener and hangs up, so that the thread that waits for clients looks around.
void knock(const std::string& host, int port) {
  const bool bracketed = host.starts_with('[');
  const std::string name = bracketed ? host.substr(1, host.size() - 2) : host;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(name.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) return;
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    const int peer = ::socket(entry->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (peer < 0) continue;
    // Not blocking: whether it succeeds does not matter, it is tried again.
    (void)::connect(peer, entry->ai_addr, entry->ai_addrlen);
    ::close(peer);
  }
  ::freeaddrinfo(found);
}

}  // namespace

AdminRoutes standard_routes(MetricsRegistry& metrics, const Health& health) {
  const auto answer = [](const Health::Answer& found) {
    return AdminResponse{found.good ? 200 : 503, kJsonType, found.json};
  };
  AdminRoutes routes;
  routes["/metrics"] = [&metrics] { return AdminResponse{200, kMetricsType, metrics.text()}; };
  routes["/healthz"] = [&health, answer] { return answer(health.alive()); };
  routes["/readyz"] = [&health, answer] { return answer(health.ready()); };
  return routes;
}

class AdminListener::Server final : public CivetHandler {
 public:
  Server(const Address& address, AdminRoutes routes) : routes_(std::move(routes)) {
    const std::vector<std::string> options = {
        // Connections are not kept: two idle clients would hold both threads.
        "listening_ports",    address.host + ":" + address.port,
        "num_threads",        "2",
        "enable_keep_alive",  "no",
        "request_timeout_ms", "5000"};
    CivetCallbacks callbacks;
    callbacks.log_message = take_library_message;
    std::string messages;
    startup_messages = &messages;
    try {
      const SignalsBlocked blocked;
      server_ = std::make_unique<CivetServer>(options, &callbacks);
      startup_messages = nullptr;
    } catch (const CivetException&) {
      startup_messages = nullptr;
      throw std::runtime_error("admin listener: cannot listen on " + address.host + ":" +
                               address.port + (messages.empty() ? "" : " (" + messages + ")") +
                               kRemedy);
    } catch (...) {
      startup_messages = nullptr;
      throw;
    }
    host_ = address.host;
    const std::vector<int> ports = server_->getListeningPorts();
    port_ = ports.empty() ? 0 : ports.front();
    address_ = address.host + ":" + std::to_string(port_);
    server_->addHandler("/", this);
  }

  // The library's accepting thread looks only every two seconds whether it shall stop, unless a
  // client comes: a run of a second must not take three.
  ~Server() override {
    std::atomic<bool> closed{false};
    std::thread knocking;
    try {
      const SignalsBlocked blocked;
      knocking = std::thread([this, &closed] {
        while (!closed) {
          knock(host_, port_);
          std::this_thread::sleep_for(std::chrono::milliseconds(2));
        }
      });
    } catch (...) {  // no thread to be had: it takes the two seconds
    }
    server_->close();
    closed = true;
    if (knocking.joinable()) knocking.join();
  }

  int port() const noexcept { return port_; }
  const std::string& address() const noexcept { return address_; }

  bool handleGet(CivetServer*, mg_connection* connection) override {
    return respond(connection, true);
  }
  bool handleHead(CivetServer*, mg_connection* connection) override {
    return respond(connection, false);
  }
  bool handlePost(CivetServer*, mg_connection* connection) override { return refuse(connection); }
  bool handlePut(CivetServer*, mg_connection* connection) override { return refuse(connection); }
  bool handleDelete(CivetServer*, mg_connection* connection) override { return refuse(connection); }
  bool handleOptions(CivetServer*, mg_connection* connection) override {
    return refuse(connection);
  }
  bool handlePatch(CivetServer*, mg_connection* connection) override { return refuse(connection); }

 private:
  bool respond(mg_connection* connection, bool with_body) const {
    AdminResponse response;
    try {
      const char* path = mg_get_request_info(connection)->local_uri;
      const auto route = routes_.find(std::string_view(path == nullptr ? "" : path));
      response = route == routes_.end() ? not_found() : route->second();
    } catch (const std::exception& failure) {
      response = {500, "text/plain; charset=utf-8", std::string(failure.what()) + "\n"};
    } catch (...) {
      response = {500, "text/plain; charset=utf-8", "unknown failure\n"};
    }
    send(connection, response, "", with_body);
    return true;
  }

  AdminResponse not_found() const {
    AdminResponse response;
    response.status = 404;
    response.body = "No such page. There are:\n";
    for (const auto& [path, handler] : routes_) response.body += path + "\n";
    return response;
  }

  static bool refuse(mg_connection* connection) {
    AdminResponse response;
    response.status = 405;
    response.body = "Only GET and HEAD are answered here.\n";
    send(connection, response, "Allow: GET, HEAD\r\n", true);
    return true;
  }

  static void send(mg_connection* connection, const AdminResponse& response, const char* headers,
                   bool with_body) {
    mg_printf(connection,
              "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
              "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n%s"
              "Connection: close\r\n\r\n",
              response.status, reason_phrase(response.status), response.content_type.c_str(),
              response.body.size(), headers);
    if (with_body) mg_write(connection, response.body.data(), response.body.size());
  }

  const AdminRoutes routes_;
  std::string host_;
  int port_ = 0;
  std::string address_;
  std::unique_ptr<CivetServer> server_;
};

AdminListener::AdminListener(std::string_view address, AdminRoutes routes)
    : server_(std::make_unique<Server>(parse_address(address), std::move(routes))) {}

AdminListener::~AdminListener() = default;

int AdminListener::port() const noexcept { return server_->port(); }

const std::string& AdminListener::address() const noexcept { return server_->address(); }

}  // namespace flowrun
