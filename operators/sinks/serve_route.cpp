#include "operators/sinks/serve_route.hpp"

#include <charconv>

namespace flow::operators {
namespace {

constexpr int64_t kUsualRows = 100;

}  // namespace

std::optional<std::string> decode_percent(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    unsigned value = 0;
    const char* const begin = text.data() + i + 1;
    if (text.size() - i < 3) return std::nullopt;
    const auto parsed = std::from_chars(begin, begin + 2, value, 16);
    if (parsed.ec != std::errc() || parsed.ptr != begin + 2) return std::nullopt;
    decoded += static_cast<char>(value);
    i += 2;
  }
  return decoded;
}

std::optional<HttpAnswer> ServeRoute::handle(HttpRequest& request, const HttpReply&) {
  if (table_->is_closed()) return HttpAnswer::later(503, "stopping");
  if (request.path.size() <= path_.size()) return list(request.query);
  const auto key = decode_percent(request.path.substr(path_.size() + 1));
  if (!key)
    return HttpAnswer::error(400, "a percent sign stands in front of two hexadecimal digits");
  auto row = table_->find(*key);
  if (!row) return HttpAnswer::error(404, "there is no such key");
  HttpAnswer answer;
  answer.body = std::move(*row);
  answer.body += '\n';
  return answer;
}

HttpAnswer ServeRoute::list(std::string_view query) {
  int64_t limit = kUsualRows;
  constexpr std::string_view kLimit = "limit=";
  while (!query.empty()) {
    const std::string_view part = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(part.size() + 1, query.size()));
    if (part.substr(0, kLimit.size()) != kLimit) continue;
    const char* const end = part.data() + part.size();
    const auto parsed = std::from_chars(part.data() + kLimit.size(), end, limit);
    if (parsed.ec != std::errc() || parsed.ptr != end || limit < 1 || limit > kMostRows) {
      return HttpAnswer::error(400, "limit is a number from 1 to " + std::to_string(kMostRows));
    }
  }
  HttpAnswer answer;
  answer.body = "[";
  table_->append_newest(limit, kMostBytes, answer.body);
  answer.body += "]\n";
  return answer;
}

}  // namespace flow::operators
