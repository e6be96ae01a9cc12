// A small HTTP client that sends as much, or as often, as it is told, and checks every answer.
//
//   http_load --url http://127.0.0.1:8080/clicks --connections 32 --seconds 5
//   http_load --url http://127.0.0.1:8080/clicks --records 1000 --connections 2 --seconds 5
//   http_load --url http://127.0.0.1:8080/recommend --rate 5000 --seconds 10 --expect 200 --echo n
//
// Without --rate each connection sends its next request when it has an answer (closed loop). With
// it requests are due at fixed times, whether or not earlier ones have been answered (open loop),
// and a latency counts from the time at which the request was due: waiting for a free connection is
// part of it. Every answer must have the status --expect. The records that answers say were
// accepted are added up and compared with what was sent (--accepted off: not), and with --echo NAME
// an answer must hold `"NAME":<number of the request>`. Status 1: an answer was wrong, and no
// figure is printed. One thread, epoll.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

struct Settings {
  std::string host = "127.0.0.1", path = "/";
  uint16_t port = 80;
  size_t connections = 16;
  double rate = 0;  // requests a second; 0: closed loop
  double seconds = 5;
  int64_t requests = INT64_MAX;
  int64_t records = 1;  // of a body
  std::string record = R"({"n":{n},"session":"s{n}","item":12345,"event":"view"})";
  std::string method = "POST", token, echo;
  int expect = 202;
  bool counts_accepted = true;
  bool prints_json = false;
};

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error(what); }

// Requests with the numbers of their records.
class Requests {
 public:
  explicit Requests(const Settings& settings) : settings_(settings) {
    std::string_view rest = settings.record;
    for (size_t at = rest.find("{n}"); at != std::string_view::npos; at = rest.find("{n}")) {
      pieces_.emplace_back(rest.substr(0, at));
      rest.remove_prefix(at + 3);
    }
    pieces_.emplace_back(rest);
    head_ = settings.method + " " + settings.path + " HTTP/1.1\r\nHost: " + settings.host + "\r\n";
    if (!settings.token.empty()) head_ += "Authorization: Bearer " + settings.token + "\r\n";
    if (settings.method != "GET") head_ += "Content-Type: application/x-ndjson\r\n";
  }

  // The next one; its first record has the number that is returned.
  int64_t next(std::string& request) {
    const int64_t first = number_;
    if (settings_.method == "GET") {
      request = head_ + "\r\n";
      ++number_;
      return first;
    }
    if (pieces_.size() > 1 || body_.empty()) {
      body_.clear();
      for (int64_t i = 0; i < settings_.records; ++i) append(number_ + i);
    }
    number_ += settings_.records;
    request.clear();
    request.append(head_).append("Content-Length: ").append(std::to_string(body_.size()));
    request.append("\r\n\r\n").append(body_);
    return first;
  }

 private:
  void append(int64_t number) {
    std::array<char, 20> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    for (size_t i = 0; i < pieces_.size(); ++i) {
      if (i > 0) body_.append(digits.data(), static_cast<size_t>(end - digits.data()));
      body_.append(pieces_[i]);
    }
    body_ += '\n';
  }

  const Settings& settings_;
  std::vector<std::string> pieces_;
  std::string head_, body_;
  int64_t number_ = 0;
};

struct Connection {
  int socket = -1;
  std::string request, answer;
  size_t sent = 0;
  bool is_busy = false;
  bool wants_write = false;
  int64_t number = 0;
  Clock::time_point due;
};

int64_t number_behind(std::string_view text, std::string_view name) {
  const size_t at = text.find(name);
  int64_t value = -1;
  if (at != std::string_view::npos) {
    std::from_chars(text.data() + at + name.size(), text.data() + text.size(), value);
  }
  return value;
}

class Load {
 public:
  explicit Load(const Settings& settings)
      : settings_(settings), requests_(settings), epoll_(::epoll_create1(0)) {
    for (size_t i = 0; i < settings.connections; ++i) connect();
  }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;
  ~Load() {
    for (const auto& connection : connections_) ::close(connection->socket);
    ::close(epoll_);
  }

  void run() {
    begin_ = Clock::now();
    const auto end = begin_ + std::chrono::duration_cast<Clock::duration>(
                                  std::chrono::duration<double>(settings_.seconds));
    for (const auto& connection : connections_) free_.push_back(connection.get());
    bool is_over = false;
    while (!is_over || answered_ < sent_) {
      const auto now = Clock::now();
      is_over = is_over || now >= end || sent_ >= settings_.requests;
      if (!is_over) send_due(now);
      if (is_over && now > end + std::chrono::seconds(30)) fail("answers are missing after 30 s");
      wait(is_over);
    }
    seconds_ = std::chrono::duration<double>(last_answer_ - begin_).count();
  }

  void report() {
    for (const auto& [status, count] : statuses_) {
      if (status != settings_.expect) {
        fail(std::to_string(count) + " of " + std::to_string(answered_) +
             " answers had the status " + std::to_string(status) + ", eg: " + examples_[status]);
      }
    }
    const int64_t records = sent_ * settings_.records;
    if (settings_.counts_accepted && accepted_ != records) {
      fail(std::to_string(records) + " records were sent, " + std::to_string(accepted_) +
           " accepted");
    }
    if (wrong_echoes_ > 0) fail(std::to_string(wrong_echoes_) + " answers were of another request");
    std::sort(latencies_.begin(), latencies_.end());
    const auto at = [&](double share) {
      if (latencies_.empty()) return 0.0;
      const auto last = static_cast<double>(latencies_.size() - 1);
      return static_cast<double>(latencies_[static_cast<size_t>(share * last)]) / 1e6;
    };
    const double requests = static_cast<double>(answered_) / seconds_;
    const double rows = requests * static_cast<double>(settings_.records);
    const double megabytes = static_cast<double>(bytes_) / seconds_ / 1e6;
    const auto sent = static_cast<long long>(records);
    std::printf(settings_.prints_json
                    ? "{\"requests\":%lld,\"records\":%lld,\"requests_per_second\":%.0f,\"records_"
                      "per_second\":%.0f,"
                      "\"megabytes_per_second\":%.1f,\"p50_ms\":%.3f,\"p90_ms\":%.3f,"
                      "\"p99_ms\":%.3f,\"p999_ms\":%.3f,\"longest_ms\":%.3f}\n"
                    : "%lld requests with %lld records, all answered as expected: %.0f requests/s, "
                      "%.0f records/s, "
                      "%.1f MB/s; latency p50 %.3f ms, p90 %.3f, p99 %.3f, p99.9 %.3f, longest "
                      "%.3f\n",
                static_cast<long long>(answered_), sent, requests, rows, megabytes, at(0.5),
                at(0.9), at(0.99), at(0.999), at(1));
  }

 private:
  void connect() {
    auto connection = std::make_unique<Connection>();
    connection->socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(settings_.port);
    if (::inet_pton(AF_INET, settings_.host.c_str(), &address.sin_addr) != 1) {
      fail("the host must be an IPv4 address");
    }
    if (::connect(connection->socket, reinterpret_cast<const sockaddr*>(&address),
                  sizeof address) != 0) {
      fail(std::string("cannot connect: ") + std::strerror(errno));
    }
    const int one = 1;
    ::setsockopt(connection->socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = connection.get();
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, connection->socket, &event);
    connections_.push_back(std::move(connection));
  }

  Clock::time_point due_time(int64_t number) const {
    return begin_ + std::chrono::nanoseconds(
                        static_cast<int64_t>(1e9 * static_cast<double>(number) / settings_.rate));
  }

  void send_due(Clock::time_point now) {
    while (!free_.empty() && sent_ < settings_.requests) {
      const auto due = settings_.rate > 0 ? due_time(sent_) : now;
      if (due > now) return;
      Connection& connection = *free_.front();
      free_.pop_front();
      connection.number = requests_.next(connection.request);
      connection.due = due;
      connection.sent = 0;
      connection.is_busy = true;
      ++sent_;
      bytes_ += static_cast<int64_t>(connection.request.size());
      write(connection);
    }
  }

  void write(Connection& connection) {
    while (connection.sent < connection.request.size()) {
      const ssize_t n =
          ::send(connection.socket, connection.request.data() + connection.sent,
                 connection.request.size() - connection.sent, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (n < 0 && errno == EAGAIN) break;
      if (n < 0) fail(std::string("a connection broke: ") + std::strerror(errno));
      connection.sent += static_cast<size_t>(n);
    }
    const bool wants_write = connection.sent < connection.request.size();
    if (wants_write == connection.wants_write) return;
    connection.wants_write = wants_write;
    epoll_event event{};
    event.events = EPOLLIN | (wants_write ? EPOLLOUT : 0U);
    event.data.ptr = &connection;
    ::epoll_ctl(epoll_, EPOLL_CTL_MOD, connection.socket, &event);
  }

  void wait(bool is_over) {
    std::chrono::nanoseconds left = std::chrono::milliseconds(100);
    if (settings_.rate > 0 && !is_over && !free_.empty()) {
      left = std::clamp<std::chrono::nanoseconds>(due_time(sent_) - Clock::now(), {}, left);
    }
    // Sleeps, to the microsecond: one that looked again and again would take a core from the
    // server.
    const timespec timeout{0, left.count()};
    std::array<epoll_event, 128> events{};
    const int n =
        ::epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &timeout, nullptr);
    for (int i = 0; i < n; ++i) {
      Connection& connection = *static_cast<Connection*>(events[static_cast<size_t>(i)].data.ptr);
      if ((events[static_cast<size_t>(i)].events & EPOLLOUT) != 0) write(connection);
      if ((events[static_cast<size_t>(i)].events & ~static_cast<uint32_t>(EPOLLOUT)) != 0) {
        read(connection);
      }
    }
  }

  void read(Connection& connection) {
    std::array<char, 65536> bytes;
    const ssize_t n = ::recv(connection.socket, bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) fail("the server closed a connection; its last answer: " + connection.answer);
    connection.answer.append(bytes.data(), static_cast<size_t>(n));
    const std::string_view answer = connection.answer;
    const size_t head = answer.find("\r\n\r\n");
    if (head == std::string_view::npos) return;
    const int64_t length = number_behind(answer.substr(0, head), "Content-Length: ");
    if (length < 0) fail("an answer without a length: " + connection.answer);
    if (answer.size() < head + 4 + static_cast<size_t>(length)) return;
    if (!connection.is_busy) fail("an answer to no request: " + connection.answer);
    take(connection, answer, answer.substr(head + 4));
    connection.answer.clear();
    connection.is_busy = false;
    free_.push_back(&connection);
  }

  void take(const Connection& connection, std::string_view answer, std::string_view body) {
    last_answer_ = Clock::now();
    ++answered_;
    const int status = static_cast<int>(number_behind(answer, "HTTP/1.1 "));
    if (statuses_[status]++ == 0) examples_[status] = answer.substr(0, 500);
    latencies_.push_back((last_answer_ - connection.due) / std::chrono::nanoseconds(1));
    if (settings_.counts_accepted)
      accepted_ += std::max<int64_t>(number_behind(body, "\"accepted\":"), 0);
    if (!settings_.echo.empty() &&
        number_behind(body, "\"" + settings_.echo + "\":") != connection.number) {
      ++wrong_echoes_;
    }
  }

  const Settings& settings_;
  Requests requests_;
  int epoll_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::deque<Connection*> free_;
  std::map<int, int64_t> statuses_;
  std::map<int, std::string> examples_;
  std::vector<int64_t> latencies_;  // nanoseconds
  Clock::time_point begin_, last_answer_;
  double seconds_ = 0;
  int64_t sent_ = 0, answered_ = 0, bytes_ = 0, accepted_ = 0, wrong_echoes_ = 0;
};

Settings parse(int count, char** arguments) {
  Settings settings;
  for (int i = 1; i < count; ++i) {
    const std::string name = arguments[i];
    if (name == "--json") {
      settings.prints_json = true;
      continue;
    }
    if (i + 1 == count) fail(name + " needs a value");
    const std::string value = arguments[++i];
    if (name == "--url") {
      std::string rest = value.substr(value.rfind("http://", 0) == 0 ? 7 : 0);
      const size_t slash = std::min(rest.find('/'), rest.size());
      settings.path = slash < rest.size() ? rest.substr(slash) : "/";
      rest.resize(slash);
      const size_t colon = std::min(rest.find(':'), rest.size());
      settings.host = rest.substr(0, colon);
      if (colon < rest.size())
        settings.port = static_cast<uint16_t>(std::stoi(rest.substr(colon + 1)));
    } else if (name == "--connections") {
      settings.connections = std::stoul(value);
    } else if (name == "--rate") {
      settings.rate = std::stod(value);
    } else if (name == "--seconds") {
      settings.seconds = std::stod(value);
    } else if (name == "--requests") {
      settings.requests = std::stoll(value);
    } else if (name == "--records") {
      settings.records = std::stoll(value);
    } else if (name == "--record") {
      settings.record = value;
    } else if (name == "--method") {
      settings.method = value;
    } else if (name == "--token") {
      settings.token = value;
    } else if (name == "--expect") {
      settings.expect = std::stoi(value);
    } else if (name == "--echo") {
      settings.echo = value;
    } else if (name == "--accepted") {
      settings.counts_accepted = value != "off";
    } else {
      fail("there is no " + name + "; the head of bench/http_load.cpp says what there is");
    }
  }
  if (!settings.echo.empty() || settings.method == "GET") settings.counts_accepted = false;
  return settings;
}

}  // namespace

int main(int count, char** arguments) {
  try {
    const Settings settings = parse(count, arguments);
    ::prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    Load load(settings);
    load.run();
    load.report();
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "http_load: %s\n", error.what());
    return 1;
  }
}
