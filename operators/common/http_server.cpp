#include "operators/common/http_server.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <ctime>
#include <map>

#include "flow/thread_name.hpp"

namespace flow::operators {
namespace {

using boost::asio::ip::tcp;
using Error = boost::system::error_code;

constexpr std::chrono::milliseconds kLook{250};
constexpr std::chrono::seconds kLastAnswers{1};
constexpr size_t kMostTurnedAway = 100;

std::string date_header() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[64];
  const size_t size =
      std::strftime(text, sizeof text, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &parts);
  return {text, size};
}

struct Registry {
  std::mutex mutex;
  std::map<std::string, std::weak_ptr<HttpServer>> servers;
};

Registry& registry() {
  static Registry registry;
  return registry;
}

// Leaves `tls` empty where there is no certificate. Throws OptionFailure.
void use_files(const HttpListenSettings& settings, std::optional<boost::asio::ssl::context>& tls) {
  if (settings.certificate_file.empty()) return;
  tls.emplace(boost::asio::ssl::context::tls_server);
  tls->set_options(boost::asio::ssl::context::default_workarounds |
                   boost::asio::ssl::context::no_sslv2 | boost::asio::ssl::context::no_sslv3 |
                   boost::asio::ssl::context::no_tlsv1 | boost::asio::ssl::context::no_tlsv1_1);
  Error error;
  tls->use_certificate_chain_file(settings.certificate_file, error);
  if (error) {
    throw OptionFailure("certificate_file",
                        "cannot use '" + settings.certificate_file + "': " + error.message());
  }
  tls->use_private_key_file(settings.key_file, boost::asio::ssl::context::pem, error);
  if (error) {
    throw OptionFailure("key_file", "cannot use '" + settings.key_file + "': " + error.message());
  }
}

}  // namespace

HttpWorker::HttpWorker(HttpServer& server)
    : server_(server),
      mailbox_(std::make_shared<HttpMailbox>(io_, [this] { deliver(); })),
      date_(date_header()) {}

uint64_t HttpWorker::next_ticket() {
  static std::atomic<uint64_t> tickets{0};
  return ++tickets;
}

void HttpWorker::start() {
  look_at_clock();
  thread_ = std::thread([this] {
    name_thread("http");
    run();
  });
}

// Where memory has run out for one connection the others go on; that one ends by its deadline.
void HttpWorker::run() {
  while (true) {
    try {
      io_.run();
      return;
    } catch (const std::exception&) {
      continue;
    }
  }
}

void HttpWorker::take(tcp::socket socket) {
  boost::asio::post(io_, [this, socket = std::move(socket)]() mutable {
    if (is_finishing_) return;
    const uint64_t number = ++numbers_;
    const bool has_place = server_.enter();
    if (!has_place) server_.leave();
    // Those that are told to go away are few, too.
    if (!has_place && connections_.size() > server_.settings().max_connections + kMostTurnedAway) {
      return;
    }
    const auto connection = HttpConnection::make(std::move(socket), server_.tls(), *this, number);
    connections_.emplace(number, connection);
    has_place ? connection->start() : connection->turn_away();
  });
}

void HttpWorker::forget(uint64_t connection) {
  const auto at = connections_.find(connection);
  if (at == connections_.end()) return;
  if (at->second->is_counted()) server_.leave();
  connections_.erase(at);
}

void HttpWorker::deliver() {
  for (const HttpMailbox::Item& item : mailbox_->take()) {
    const auto at = connections_.find(item.connection);
    if (at == connections_.end()) continue;
    const auto connection = at->second;  // it may be forgotten by this
    connection->answer(item.ticket, item.answer);
  }
}

void HttpWorker::look_at_clock() {
  date_ = date_header();
  const auto now = HttpConnection::Clock::now();
  std::vector<std::shared_ptr<HttpConnection>> all;
  all.reserve(connections_.size());
  for (const auto& [number, connection] : connections_) all.push_back(connection);
  for (const auto& connection : all) connection->look_at_clock(now);
  timer_.expires_after(kLook);
  timer_.async_wait([this](const Error& error) {
    if (!error) look_at_clock();
  });
}

void HttpWorker::stop() {
  if (!thread_.joinable()) return;
  boost::asio::post(io_, [this] { finish(); });
  thread_.join();
  mailbox_->close();
  connections_.clear();
}

void HttpWorker::finish() {
  is_finishing_ = true;
  deliver();
  std::vector<std::shared_ptr<HttpConnection>> all;
  for (const auto& [number, connection] : connections_) all.push_back(connection);
  for (const auto& connection : all) connection->finish();
  const auto until = HttpConnection::Clock::now() + kLastAnswers;
  timer_.cancel();
  wait_for_last(until);
}

void HttpWorker::wait_for_last(HttpConnection::Clock::time_point until) {
  if (connections_.empty() || HttpConnection::Clock::now() >= until) return io_.stop();
  timer_.expires_after(std::chrono::milliseconds(5));
  timer_.async_wait([this, until](const Error&) { wait_for_last(until); });
}

std::shared_ptr<HttpServer> HttpServer::listen(const HttpListenSettings& settings) {
  const std::lock_guard lock(registry().mutex);
  std::weak_ptr<HttpServer>& known = registry().servers[settings.address()];
  if (auto server = known.lock()) {
    const std::string difference = settings.difference(server->settings());
    if (difference.empty()) return server;
    throw OptionFailure(
        difference,
        "two components listen on " + settings.address() + " with another `" + difference + "`",
        "give them the same, or another `listen`");
  }
  auto server = std::make_shared<HttpServer>(settings);
  known = server;
  return server;
}

void HttpServer::check_files(const HttpListenSettings& settings) {
  std::optional<boost::asio::ssl::context> tls;
  use_files(settings, tls);
}

HttpServer::HttpServer(const HttpListenSettings& settings) : settings_(settings) {
  use_files(settings, tls_);
  for (int i = 0; i < settings.io_threads; ++i) {
    workers_.push_back(std::make_unique<HttpWorker>(*this));
  }
  const tcp::endpoint endpoint(boost::asio::ip::make_address(settings.host), settings.port);
  Error error;
  acceptor_.emplace(workers_.front()->io());
  acceptor_->open(endpoint.protocol(), error);
  if (!error) acceptor_->set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor_->bind(endpoint, error);
  if (!error) acceptor_->listen(4096, error);
  if (error) {
    const bool is_taken = error == boost::asio::error::address_in_use;
    throw OptionFailure(
        "listen", "cannot listen on " + settings.address() + ": " + error.message(),
        is_taken ? "end the program that has the port, or set another `listen`" : "");
  }
  pause_.emplace(workers_.front()->io());
  accept();
  for (const auto& worker : workers_) worker->start();
}

HttpServer::~HttpServer() {
  boost::asio::post(workers_.front()->io(), [this] {
    Error ignored;
    acceptor_->close(ignored);
    pause_->cancel();
  });
  for (const auto& worker : workers_) worker->stop();
}

void HttpServer::accept() {
  HttpWorker& worker = *workers_[next_worker_++ % workers_.size()];
  acceptor_->async_accept(worker.io(), [this, &worker](const Error& error, tcp::socket socket) {
    if (!acceptor_->is_open()) return;
    if (!error) {
      worker.take(std::move(socket));
      return accept();
    }
    // No descriptor is free, or the like.
    pause_->expires_after(std::chrono::milliseconds(100));
    pause_->async_wait([this](const Error& ended) {
      if (!ended && acceptor_->is_open()) accept();
    });
  });
}

void HttpServer::add(const char* option, const std::string& path,
                     std::shared_ptr<HttpRoute> route) {
  const std::lock_guard lock(mutex_);
  for (const auto& [known, other] : routes_) {
    if (known == path) {
      throw OptionFailure(option,
                          "another component has the path " + path + " on " + settings_.address(),
                          "give one of them another");
    }
  }
  routes_.emplace_back(path, std::move(route));
}

void HttpServer::remove(const std::string& path) {
  const std::lock_guard lock(mutex_);
  routes_.erase(std::remove_if(routes_.begin(), routes_.end(),
                               [&path](const auto& entry) { return entry.first == path; }),
                routes_.end());
}

std::shared_ptr<HttpRoute> HttpServer::find(std::string_view path) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [known, route] : routes_) {
    if (path == known || (known.back() == '/' && path.substr(0, known.size()) == known)) {
      return route;
    }
  }
  return nullptr;
}

}  // namespace flow::operators
