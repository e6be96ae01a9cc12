// A request as the components behind a listener see it, and how they answer.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "flow/host.hpp"
#include "operators/common/http_authorization.hpp"

namespace boost::asio {
class io_context;
}

namespace flow::operators {

// Names of headers, and their tokens, in any case.
bool is_same_name(std::string_view a, std::string_view b);

struct HttpAnswer {
  int status = 200;
  std::string body;
  std::string headers;  // further ones, each line with its end
  const char* content_type = "application/json";

  // {"error": "..."}
  static HttpAnswer error(int status, std::string_view message);
  // 429 or 503: come again in a second.
  static HttpAnswer later(int status, std::string_view message);
};

// Bytes that may be held at a time. [any]
class HttpBudget {
 public:
  explicit HttpBudget(int64_t most) : most_(most) {}
  bool take(int64_t bytes) {
    if (used_.fetch_add(bytes) + bytes <= most_) return true;
    used_.fetch_sub(bytes);
    return false;
  }
  void give_back(int64_t bytes) { used_.fetch_sub(bytes); }
  int64_t used() const { return used_.load(); }
  int64_t most() const { return most_; }

 private:
  const int64_t most_;
  std::atomic<int64_t> used_{0};
};

// Where the bytes of large bodies come from, until it is closed. [any]
class HttpMemory {
 public:
  HttpMemory(const Host& host, int64_t most) : budget_(most), host_(host) {}
  HttpBudget& budget() { return budget_; }
  // NULL: it is closed.
  Buffer allocate(int64_t bytes);
  // The host is used no more.
  void close();

 private:
  HttpBudget budget_;
  std::mutex mutex_;  // guards what follows
  Host host_;
  bool is_closed_ = false;
};

// The bytes of a body. Small ones are held as they are, others in a buffer of the host's, charged
// to a budget for as long as this lives. kJsonPadding bytes behind the last can be read.
class HttpBody {
 public:
  enum class Outcome : uint8_t { kDone, kTooLarge, kNoRoom };

  HttpBody() = default;
  HttpBody(HttpBody&& other) noexcept { *this = std::move(other); }
  HttpBody& operator=(HttpBody&& other) noexcept;
  HttpBody(const HttpBody&) = delete;
  HttpBody& operator=(const HttpBody&) = delete;
  ~HttpBody() { clear(); }

  // `memory` NULL: no byte is taken.
  void start(std::shared_ptr<HttpMemory> memory, int64_t most);
  // Announces how many bytes are to come.
  Outcome reserve(int64_t bytes);
  Outcome append(std::string_view bytes);
  void clear();

  char* data() { return buffer_ ? static_cast<char*>(buffer_->data) : small_.data(); }
  const char* data() const { return const_cast<HttpBody*>(this)->data(); }
  int64_t size() const { return size_; }
  // NULL: a small one.
  const Buffer& buffer() const { return buffer_; }

  // Replaces a body by what it comes to without gzip. "": done; else what is wrong.
  Outcome unzip(std::string& error);

 private:
  static constexpr int64_t kSmall = 16 << 10;
  Outcome grow(int64_t capacity);

  std::shared_ptr<HttpMemory> memory_;
  int64_t most_ = 0;
  int64_t charged_ = 0;
  int64_t charged_beside_ = 0;  // for what this one is made from
  int64_t size_ = 0;
  std::string small_;
  Buffer buffer_;
};

// Valid as long as the connection does nothing else.
struct HttpRequest {
  std::string_view method;
  std::string_view path;   // as it came
  std::string_view query;  // without the question mark
  std::string_view remote_address;
  std::vector<std::pair<std::string_view, std::string_view>> fields;
  HttpBody* body = nullptr;

  // The first field of that name, in any case; "": there is none.
  std::string_view field(std::string_view name) const;
};

// Carries answers to the thread of their connections. [any]
class HttpMailbox {
 public:
  struct Item {
    uint64_t connection, ticket;
    HttpAnswer answer;
  };
  explicit HttpMailbox(boost::asio::io_context& io, std::function<void()> deliver);
  void post(Item item);
  std::vector<Item> take();
  // Nothing is delivered any more.
  void close();

 private:
  boost::asio::io_context* io_;
  std::function<void()> deliver_;
  bool is_posted_ = false;
  std::vector<Item> items_;
  std::mutex mutex_;
};

// Answers one request, once, from any thread; what comes too late is thrown away.
class HttpReply {
 public:
  HttpReply() = default;
  HttpReply(std::shared_ptr<HttpMailbox> mailbox, uint64_t connection, uint64_t ticket)
      : mailbox_(std::move(mailbox)), connection_(connection), ticket_(ticket) {}
  void send(HttpAnswer answer) const {
    if (mailbox_) mailbox_->post({connection_, ticket_, std::move(answer)});
  }
  uint64_t ticket() const { return ticket_; }

 private:
  std::shared_ptr<HttpMailbox> mailbox_;
  uint64_t connection_ = 0, ticket_ = 0;
};

// What is done with the requests of a path. Members are called from the listener's threads, several
// at a time, also for a moment after the route was removed.
class HttpRoute {
 public:
  HttpRoute() = default;
  HttpRoute(const HttpRoute&) = delete;
  HttpRoute& operator=(const HttpRoute&) = delete;
  virtual ~HttpRoute() = default;

  virtual std::string_view methods() const = 0;  // "POST", "GET, HEAD"
  virtual const HttpAuthorization& authorization() const = 0;
  virtual int64_t most_body() const { return 0; }
  virtual std::shared_ptr<HttpMemory> memory() const { return nullptr; }
  // How long an answer may take; then `timed_out` says it instead.
  virtual std::chrono::nanoseconds timeout() const { return std::chrono::seconds(10); }
  // Nothing: the answer comes by `reply`.
  virtual std::optional<HttpAnswer> handle(HttpRequest& request, const HttpReply& reply) = 0;
  virtual HttpAnswer timed_out(uint64_t /*ticket*/) { return HttpAnswer::error(504, "no answer"); }
};

}  // namespace flow::operators
