#include "operators/common/http_connection.hpp"

#include <algorithm>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/status.hpp>
#include <cstring>

#include "operators/common/http_server.hpp"

namespace flow::operators {
namespace {

using boost::asio::ip::tcp;
namespace http = boost::beast::http;

constexpr size_t kIdleInput = 2048;
constexpr size_t kBodyInput = 64 << 10;
// How long, and how much, a client may go on sending after it has been told to go away.
constexpr std::chrono::seconds kLeavingPatience{2};
constexpr size_t kMostThrownAway = 8 << 20;
constexpr std::string_view kGoOn = "HTTP/1.1 100 Continue\r\n\r\n";

// Whether "GET, HEAD" names the method.
bool is_listed(std::string_view methods, std::string_view method) {
  while (!methods.empty()) {
    const size_t comma = std::min(methods.find(", "), methods.size());
    if (methods.substr(0, comma) == method) return true;
    methods.remove_prefix(std::min(comma + 2, methods.size()));
  }
  return false;
}

template <class Stream>
class StreamConnection final : public HttpConnection {
 public:
  template <class... Arguments>
  StreamConnection(HttpWorker& worker, uint64_t number, Arguments&&... arguments)
      : HttpConnection(worker, number), stream_(std::forward<Arguments>(arguments)...) {}

 private:
  static constexpr bool kHasTls = !std::is_same_v<Stream, tcp::socket>;

  tcp::socket& socket() override {
    if constexpr (kHasTls) {
      return stream_.next_layer();
    } else {
      return stream_;
    }
  }
  void begin_handshake() override {
    if constexpr (kHasTls) {
      stream_.async_handshake(
          boost::asio::ssl::stream_base::server,
          [self = shared_from_this(), this](const Error& error) { on_handshake(error); });
    } else {
      on_handshake({});
    }
  }
  void begin_read(char* into, size_t capacity) override {
    stream_.async_read_some(boost::asio::buffer(into, capacity),
                            [self = shared_from_this(), this](const Error& error, size_t bytes) {
                              on_read(error, bytes);
                            });
  }
  void begin_write() override {
    boost::asio::async_write(
        stream_, boost::asio::buffer(output_),
        [self = shared_from_this(), this](const Error& error, size_t) { on_written(error); });
  }

  Stream stream_;
};

}  // namespace

std::shared_ptr<HttpConnection> HttpConnection::make(tcp::socket socket,
                                                     boost::asio::ssl::context* tls,
                                                     HttpWorker& worker, uint64_t number) {
  if (tls == nullptr) {
    return std::make_shared<StreamConnection<tcp::socket>>(worker, number, std::move(socket));
  }
  return std::make_shared<StreamConnection<boost::asio::ssl::stream<tcp::socket>>>(
      worker, number, std::move(socket), *tls);
}

HttpConnection::HttpConnection(HttpWorker& worker, uint64_t number)
    : worker_(worker), number_(number) {}

void HttpConnection::start() {
  is_counted_ = true;
  Error ignored;
  socket().set_option(tcp::no_delay(true), ignored);
  const auto remote = socket().remote_endpoint(ignored);
  if (!ignored) remote_address_ = remote.address().to_string();
  enter(State::kHandshake, worker_.server().settings().header_timeout);
  begin_handshake();
}

void HttpConnection::turn_away() {
  // In TLS it would take a handshake to say so.
  if (worker_.server().tls() != nullptr) return close();
  write(HttpAnswer::later(503, "too many connections"), false);
}

void HttpConnection::enter(State state, std::chrono::nanoseconds patience) {
  state_ = state;
  deadline_ = Clock::now() + patience;
}

void HttpConnection::on_handshake(const Error& error) {
  if (error || is_finishing_) return close();
  enter(State::kIdle, worker_.server().settings().idle_timeout);
  read();
}

void HttpConnection::read() {
  if (begin_ > 0) {
    std::memmove(input_.data(), input_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  // Idle connections hold little.
  if (state_ == State::kIdle && end_ == 0 && input_.size() > kIdleInput) std::string().swap(input_);
  size_t wanted = end_ + kIdleInput;
  if (state_ == State::kHeader) wanted = std::max(wanted, 2 * end_);
  if (state_ == State::kBody) wanted = std::max(wanted, kBodyInput);
  if (input_.size() < wanted) input_.resize(wanted);
  begin_read(input_.data() + end_, input_.size() - end_);
}

void HttpConnection::on_read(const Error& error, size_t bytes) {
  if (state_ == State::kClosed) return;
  if (error) return close();
  if (state_ == State::kLeaving) {
    thrown_away_ += bytes;
    if (thrown_away_ > kMostThrownAway) return close();
    begin_ = end_ = 0;
    return read();
  }
  end_ += bytes;
  parse();
}

void HttpConnection::parse() {
  while (begin_ < end_) {
    if (state_ == State::kIdle) {
      enter(State::kHeader, worker_.server().settings().header_timeout);
      parser_.emplace(body_, worker_.server().settings().max_header);
    }
    Error error;
    begin_ += parser_->parse({input_.data() + begin_, end_ - begin_}, error);
    if (error == http::error::need_more) break;
    if (error) return refuse_broken(error);
    if (state_ == State::kHeader && parser_->is_header_done() && !on_header()) return;
    if (parser_->is_done()) return on_request();
  }
  // A chunk's extensions, and trailers, have no end that a parser could wait for.
  if (end_ - begin_ > kBodyInput + worker_.server().settings().max_header) {
    return write(HttpAnswer::error(400, "a chunk without an end"), false);
  }
  if (!is_writing_go_on_) read();
}

// False: the request has been answered.
bool HttpConnection::on_header() {
  enter(State::kBody, worker_.server().settings().body_timeout);
  const HttpRequest request = parser_->request();
  route_ = worker_.server().find(request.path);
  if (!route_) {
    refuse(worker_.server().is_young() ? HttpAnswer::later(503, "starting")
                                       : HttpAnswer::error(404, "nothing is here"));
    return false;
  }
  const std::string_view methods = route_->methods();
  if (!is_listed(methods, request.method)) {
    HttpAnswer answer = HttpAnswer::error(405, "takes " + std::string(methods));
    answer.headers = "Allow: " + std::string(methods) + "\r\n";
    refuse(answer);
    return false;
  }
  if (!route_->authorization().allows(request.field("Authorization"))) {
    HttpAnswer answer = HttpAnswer::error(401, "not authorized");
    answer.headers = "WWW-Authenticate: " + route_->authorization().challenge() + "\r\n";
    refuse(answer);
    return false;
  }
  // What two readers could take for bodies of two lengths is no request.
  const std::string_view transfer = request.field("Transfer-Encoding");
  if (!transfer.empty() && (!is_same_name(transfer, "chunked") || parser_->content_length() ||
                            !request.field("Content-Length").empty())) {
    write(
        HttpAnswer::error(400, "takes Transfer-Encoding: chunked and no other, or Content-Length"),
        false);
    return false;
  }
  const std::string_view coding = request.field("Content-Encoding");
  is_zipped_ = coding == "gzip" || coding == "x-gzip";
  if (!coding.empty() && coding != "identity" && !is_zipped_) {
    refuse(HttpAnswer::error(415, "takes gzip, or no Content-Encoding"));
    return false;
  }
  body_.start(route_->memory(), route_->most_body());
  const auto length = parser_->content_length();
  const auto outcome =
      length ? body_.reserve(static_cast<int64_t>(std::min<uint64_t>(*length, INT64_MAX / 2)))
             : HttpBody::Outcome::kDone;
  if (outcome != HttpBody::Outcome::kDone) {
    refuse(outcome == HttpBody::Outcome::kTooLarge
               ? HttpAnswer::error(413, "the body is too large; most is " +
                                            std::to_string(route_->most_body()) + " bytes")
               : HttpAnswer::later(429, "no room now"));
    return false;
  }
  if (!parser_->is_done() && begin_ == end_ && request.field("Expect") == "100-continue") {
    output_ = kGoOn;
    is_writing_go_on_ = true;
    begin_write();
  }
  return true;
}

void HttpConnection::on_request() {
  keeps_open_ = parser_->keep_alive() && !is_finishing_;
  if (is_zipped_) {
    std::string error;
    const HttpBody::Outcome outcome = body_.unzip(error);
    if (outcome == HttpBody::Outcome::kTooLarge) {
      return write(
          HttpAnswer::error(413, "the body is too large; most is " +
                                     std::to_string(route_->most_body()) + " bytes without gzip"),
          keeps_open_);
    }
    if (outcome == HttpBody::Outcome::kNoRoom) {
      return write(HttpAnswer::later(429, "no room now"), keeps_open_);
    }
    if (!error.empty()) {
      return write(HttpAnswer::error(400, "the body is no gzip: " + error), keeps_open_);
    }
  }
  HttpRequest request = parser_->request();
  request.remote_address = remote_address_;
  ticket_ = HttpWorker::next_ticket();
  enter(State::kWaiting, route_->timeout());
  auto answer = route_->handle(request, HttpReply(worker_.mailbox(), number_, ticket_));
  if (answer) write(*answer, keeps_open_);
}

void HttpConnection::answer(uint64_t ticket, const HttpAnswer& answer) {
  if (state_ != State::kWaiting || ticket != ticket_) return;
  write(answer, keeps_open_);
}

// Of a request whose body is not read: what follows on the connection is no request.
void HttpConnection::refuse(const HttpAnswer& answer) {
  const bool is_whole = parser_->is_done();
  write(answer, is_whole && parser_->keep_alive());
}

void HttpConnection::refuse_broken(const Error& error) {
  if (error == http::error::header_limit) {
    return write(HttpAnswer::error(431, "the header is too large"), false);
  }
  if (error == http::error::body_limit && parser_->outcome() == HttpBody::Outcome::kTooLarge) {
    return write(HttpAnswer::error(413, "the body is too large; most is " +
                                            std::to_string(route_->most_body()) + " bytes"),
                 false);
  }
  if (error == http::error::body_limit) {
    return write(HttpAnswer::later(429, "no room now"), false);
  }
  write(HttpAnswer::error(400, error.message()), false);
}

void HttpConnection::write(const HttpAnswer& answer, bool keeps_open) {
  const bool is_head = parser_ && parser_->method() == "HEAD";
  keeps_open_ = keeps_open && !is_finishing_;
  body_.clear();
  const auto reason = http::obsolete_reason(static_cast<http::status>(answer.status));
  output_.clear();
  output_.reserve(256 + answer.headers.size() + answer.body.size());
  output_.append("HTTP/1.1 ").append(std::to_string(answer.status)).append(" ");
  output_.append(reason.data(), reason.size()).append("\r\n").append(worker_.date());
  output_.append("Content-Type: ").append(answer.content_type);
  output_.append("\r\nContent-Length: ").append(std::to_string(answer.body.size()));
  output_.append("\r\n").append(answer.headers);
  if (!keeps_open_) output_.append("Connection: close\r\n");
  output_.append("\r\n");
  if (!is_head) output_.append(answer.body);
  enter(State::kWriting, worker_.server().settings().body_timeout);
  begin_write();
}

void HttpConnection::on_written(const Error& error) {
  if (state_ == State::kClosed) return;
  if (error) return close();
  if (is_writing_go_on_) {
    is_writing_go_on_ = false;
    return read();
  }
  if (!keeps_open_) return begin_to_leave();
  route_.reset();
  if (output_.capacity() > kBodyInput) std::string().swap(output_);
  enter(State::kIdle, worker_.server().settings().idle_timeout);
  parse();
}

// A connection that is closed while bytes of the client are unread is reset, and the client might
// never see the answer.
void HttpConnection::begin_to_leave() {
  enter(State::kLeaving, kLeavingPatience);
  Error ignored;
  socket().shutdown(tcp::socket::shutdown_send, ignored);
  begin_ = end_ = 0;
  read();
}

void HttpConnection::look_at_clock(Clock::time_point now) {
  if (now < deadline_) return;
  if (is_writing_go_on_) return close();
  switch (state_) {
    case State::kWaiting:
      write(route_->timed_out(ticket_), keeps_open_);
      break;
    case State::kHeader:
    case State::kBody:
      write(HttpAnswer::error(408, "the request took too long to come"), false);
      break;
    default:
      close();
  }
}

bool HttpConnection::finish() {
  is_finishing_ = true;
  if (state_ == State::kWaiting) write(HttpAnswer::later(503, "stopping"), false);
  if (state_ != State::kWriting && state_ != State::kLeaving) close();
  return state_ == State::kClosed;
}

void HttpConnection::close() {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  body_.clear();
  route_.reset();
  Error ignored;
  socket().close(ignored);
  worker_.forget(number_);
}

}  // namespace flow::operators
