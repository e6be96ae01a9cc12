// Listeners, one an address, shared by the components of a process that name it.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "operators/common/http_connection.hpp"
#include "operators/common/http_exchange.hpp"
#include "operators/common/http_listen_options.hpp"

namespace flow::operators {

class HttpServer;

// A thread with the connections that are its own.
class HttpWorker {
 public:
  explicit HttpWorker(HttpServer& server);
  HttpWorker(const HttpWorker&) = delete;
  HttpWorker& operator=(const HttpWorker&) = delete;

  HttpServer& server() { return server_; }
  boost::asio::io_context& io() { return io_; }
  const std::shared_ptr<HttpMailbox>& mailbox() const { return mailbox_; }
  // The header Date of now.
  const std::string& date() const { return date_; }
  // The number of a request in this process.
  static uint64_t next_ticket();

  void start();
  // A new connection. [any]
  void take(boost::asio::ip::tcp::socket socket);
  void forget(uint64_t connection);
  // Lets answers under way be written, for a second at most, and ends the thread.
  void stop();

 private:
  void run();
  void deliver();
  void look_at_clock();
  void finish();
  void wait_for_last(HttpConnection::Clock::time_point until);

  HttpServer& server_;
  boost::asio::io_context io_{1};
  std::shared_ptr<HttpMailbox> mailbox_;
  std::unordered_map<uint64_t, std::shared_ptr<HttpConnection>> connections_;
  boost::asio::steady_timer timer_{io_};
  uint64_t numbers_ = 0;
  std::string date_;
  bool is_finishing_ = false;
  std::thread thread_;
};

class HttpServer {
 public:
  // The listener on that address: the one that is there, or a new one. Throws OptionFailure where
  // the address or a file cannot be had, or settings differ.
  static std::shared_ptr<HttpServer> listen(const HttpListenSettings& settings);
  // Throws OptionFailure where certificate and key are of no use; takes no address.
  static void check_files(const HttpListenSettings& settings);
  explicit HttpServer(const HttpListenSettings& settings);
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  ~HttpServer();

  // Requests for `path`, or, if it ends with a slash, for all that begins with it, go to the route.
  // Throws OptionFailure, of the option that names the path, where it is taken.
  void add(const char* option, const std::string& path, std::shared_ptr<HttpRoute> route);
  void remove(const std::string& path);
  // NULL: there is none.
  std::shared_ptr<HttpRoute> find(std::string_view path) const;

  const HttpListenSettings& settings() const { return settings_; }
  boost::asio::ssl::context* tls() { return tls_ ? &*tls_ : nullptr; }
  // Counts a connection, or says that there are too many.
  bool enter() { return open_.fetch_add(1) < settings_.max_connections; }
  void leave() { open_.fetch_sub(1); }
  // Components that share it may still be about to add their paths.
  bool is_young() const { return std::chrono::steady_clock::now() < grown_up_; }

 private:
  void accept();

  const HttpListenSettings settings_;
  std::optional<boost::asio::ssl::context> tls_;
  const std::chrono::steady_clock::time_point grown_up_ =
      std::chrono::steady_clock::now() + std::chrono::seconds(2);
  std::atomic<size_t> open_{0};
  std::vector<std::unique_ptr<HttpWorker>> workers_;
  size_t next_worker_ = 0;
  std::optional<boost::asio::ip::tcp::acceptor> acceptor_;
  std::optional<boost::asio::steady_timer> pause_;
  mutable std::mutex mutex_;  // guards what follows
  std::vector<std::pair<std::string, std::shared_ptr<HttpRoute>>> routes_;
};

}  // namespace flow::operators
