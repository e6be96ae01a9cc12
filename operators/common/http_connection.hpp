// One connection of a client to a listener.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "operators/common/http_exchange.hpp"
#include "operators/common/http_listen_options.hpp"
#include "operators/common/http_request_parser.hpp"

namespace flow::operators {

class HttpWorker;

// Reads a request, has it answered, and reads the next one. Everything runs on the thread of its
// worker.
class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
 public:
  using Clock = std::chrono::steady_clock;
  using Error = boost::system::error_code;

  // `tls` NULL: none. `worker` outlives the connection.
  static std::shared_ptr<HttpConnection> make(boost::asio::ip::tcp::socket socket,
                                              boost::asio::ssl::context* tls, HttpWorker& worker,
                                              uint64_t number);
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;
  virtual ~HttpConnection() = default;

  void start();
  // There are too many connections already: says so, and closes.
  void turn_away();
  // Whether it was started, so that it is one of those that are counted.
  bool is_counted() const { return is_counted_; }
  // The answer to the request of that number, if that is the one under way.
  void answer(uint64_t ticket, const HttpAnswer& answer);
  // Ends what takes too long.
  void look_at_clock(Clock::time_point now);
  // Ends as soon as an answer under way is written. Whether that is now.
  bool finish();
  // At once.
  void close();

 protected:
  HttpConnection(HttpWorker& worker, uint64_t number);

  virtual boost::asio::ip::tcp::socket& socket() = 0;
  // Each calls its handler below once.
  virtual void begin_handshake() = 0;
  virtual void begin_read(char* into, size_t capacity) = 0;
  virtual void begin_write() = 0;  // of output_
  void on_handshake(const Error& error);
  void on_read(const Error& error, size_t bytes);
  void on_written(const Error& error);

  std::string output_;

 private:
  enum class State : uint8_t {
    kHandshake,
    kIdle,    // between requests
    kHeader,  // of a request that has begun
    kBody,
    kWaiting,  // for whoever answers the request
    kWriting,
    kLeaving,  // the last answer is written; what still comes is thrown away
    kClosed
  };

  void read();
  void parse();
  bool on_header();
  void on_request();
  void refuse(const HttpAnswer& answer);
  void refuse_broken(const Error& error);
  void write(const HttpAnswer& answer, bool keeps_open);
  void begin_to_leave();
  void enter(State state, std::chrono::nanoseconds patience);

  HttpWorker& worker_;
  const uint64_t number_;
  State state_ = State::kHandshake;
  Clock::time_point deadline_{};
  uint64_t ticket_ = 0;
  std::optional<HttpRequestParser> parser_;
  std::shared_ptr<HttpRoute> route_;
  HttpBody body_;
  std::string remote_address_;
  std::string input_;  // bytes [begin_, end_) are not parsed yet
  size_t begin_ = 0;
  size_t end_ = 0;
  size_t thrown_away_ = 0;
  bool keeps_open_ = false;
  bool is_zipped_ = false;
  bool is_counted_ = false;
  bool is_finishing_ = false;
  bool is_writing_go_on_ = false;  // "100 Continue"
};

}  // namespace flow::operators
