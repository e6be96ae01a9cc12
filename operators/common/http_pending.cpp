#include "operators/common/http_pending.hpp"

#include <array>
#include <charconv>
#include <cinttypes>
#include <cstdio>

#include "operators/common/json_writer.hpp"

namespace flow::operators {
namespace {

constexpr size_t kHalf = 16;  // digits of half a secret

std::string id_of(SecretBits secret, uint64_t ticket) {
  std::array<char, 64> text{};
  const int size = std::snprintf(text.data(), text.size(), "%016" PRIx64 "%016" PRIx64 "-%" PRIx64,
                                 secret.high, secret.low, ticket);
  return {text.data(), static_cast<size_t>(size)};
}

std::optional<uint64_t> number(std::string_view digits) {
  uint64_t value = 0;
  const char* const end = digits.data() + digits.size();
  const auto parsed = std::from_chars(digits.data(), end, value, 16);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return value;
}

}  // namespace

HttpPending& HttpPending::instance() {
  static HttpPending pending;
  return pending;
}

std::string HttpPending::id(uint64_t ticket) {
  SecretBits secret;
  {
    const std::lock_guard lock(mutex_);
    const auto at = requests_.find(ticket);
    secret = at == requests_.end() ? secrets_.next() : at->second.secret;
  }
  return id_of(secret, ticket);
}

void HttpPending::add(const HttpReply& reply, int64_t rows, const std::string& partition) {
  const std::lock_guard lock(mutex_);
  Waiting& waiting = requests_[reply.ticket()];
  waiting.reply = reply;
  waiting.secret = secrets_.next();
  waiting.rows = rows;
  waiting.partition = partition;
}

void HttpPending::place(uint64_t ticket, int64_t begin, int64_t end) {
  const std::lock_guard lock(mutex_);
  const auto at = requests_.find(ticket);
  if (at == requests_.end()) return;
  at->second.begin = begin;
  at->second.end = end;
  places_[at->second.partition][begin] = ticket;
}

void HttpPending::end(std::string_view partition) {
  const std::lock_guard lock(mutex_);
  for (auto at = requests_.begin(); at != requests_.end();) {
    if (at->second.partition == partition) {
      at->second.reply.send(HttpAnswer::later(503, "stopping"));
      at = requests_.erase(at);
    } else {
      ++at;
    }
  }
  if (const auto places = places_.find(partition); places != places_.end()) places_.erase(places);
}

void HttpPending::forget(Requests::iterator at) {
  const auto places = places_.find(at->second.partition);
  if (places != places_.end() && at->second.end > 0) places->second.erase(at->second.begin);
  requests_.erase(at);
}

bool HttpPending::remove(uint64_t ticket) {
  const std::lock_guard lock(mutex_);
  const auto at = requests_.find(ticket);
  if (at == requests_.end()) return false;
  forget(at);
  return true;
}

std::optional<uint64_t> HttpPending::find(std::string_view id) const {
  if (id.size() <= 2 * kHalf || id[2 * kHalf] != '-') return std::nullopt;
  const auto high = number(id.substr(0, kHalf));
  const auto low = number(id.substr(kHalf, kHalf));
  const auto ticket = number(id.substr(2 * kHalf + 1));
  if (!high || !low || !ticket) return std::nullopt;
  const std::lock_guard lock(mutex_);
  const auto at = requests_.find(*ticket);
  if (at == requests_.end() || !(at->second.secret == SecretBits{*high, *low})) return std::nullopt;
  return ticket;
}

std::optional<uint64_t> HttpPending::find(std::string_view partition, int64_t position) const {
  const std::lock_guard lock(mutex_);
  const auto places = places_.find(partition);
  if (places == places_.end()) return std::nullopt;
  auto behind = places->second.upper_bound(position);
  if (behind == places->second.begin()) return std::nullopt;
  const uint64_t ticket = std::prev(behind)->second;
  const auto at = requests_.find(ticket);
  if (at == requests_.end() || position >= at->second.end) return std::nullopt;
  return ticket;
}

void HttpPending::add_row(uint64_t ticket, std::string_view json) { add_text(ticket, json, false); }

void HttpPending::add_failure(uint64_t ticket, std::string_view reason, std::string_view message) {
  add_text(ticket,
           "{\"error\":" + json_quoted(reason) + ",\"message\":" + json_quoted(message) + "}",
           true);
}

void HttpPending::add_text(uint64_t ticket, std::string_view json, bool is_failure) {
  HttpReply reply;
  HttpAnswer answer;
  SecretBits secret;
  {
    const std::lock_guard lock(mutex_);
    const auto at = requests_.find(ticket);
    if (at == requests_.end()) return;
    Waiting& waiting = at->second;
    if (waiting.rows > 1) waiting.body += waiting.came == 0 ? "[" : ",";
    waiting.body += json;
    waiting.failed += is_failure ? 1 : 0;
    if (++waiting.came < waiting.rows) return;
    if (waiting.rows > 1) waiting.body += "]";
    waiting.body += "\n";
    answer.status = waiting.failed == waiting.rows ? 422 : 200;
    answer.body = std::move(waiting.body);
    reply = waiting.reply;
    secret = waiting.secret;
    forget(at);
  }
  answer.headers = "X-Request-Id: " + id_of(secret, ticket) + "\r\n";
  reply.send(std::move(answer));
}

}  // namespace flow::operators
