#include "operators/common/http_request_parser.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>

namespace flow::operators {

namespace http = boost::beast::http;

namespace {

// "/a?b" of "http://host/a?b", which proxies send and servers must take (RFC 9112, 3.2.2). The path
// may be missing there.
std::string_view origin_form(std::string_view target) {
  if (target.substr(0, 1) == "/") return target;
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!is_same_name(target.substr(0, scheme.size()), scheme)) continue;
    const size_t end = target.find_first_of("/?", scheme.size());
    if (end == std::string_view::npos) return "/";
    return target.substr(end);
  }
  return target;
}

}  // namespace

HttpRequestParser::HttpRequestParser(HttpBody& body, uint32_t max_header) : body_(body) {
  header_limit(max_header);
  body_limit(boost::none);  // the body has its own
}

std::size_t HttpRequestParser::parse(std::string_view bytes, Error& error) {
  constexpr std::size_t kLastChunk = 5;
  error = {};
  if (bytes.empty() ||
      (is_header_done() && chunked() && bytes.front() == '0' && bytes.size() < kLastChunk)) {
    error = http::error::need_more;
    return 0;
  }
  return put(boost::asio::buffer(bytes), error);
}

HttpRequest HttpRequestParser::request() const {
  HttpRequest request;
  request.method = method();
  request.path = origin_form(target());
  if (const size_t mark = request.path.find('?'); mark != std::string_view::npos) {
    request.query = request.path.substr(mark + 1);
    request.path = request.path.substr(0, mark);
    if (request.path.empty()) request.path = "/";
  }
  request.fields.reserve(fields_.size());
  for (const auto& [name, value] : fields_) request.fields.emplace_back(text(name), text(value));
  request.body = &body_;
  return request;
}

HttpRequestParser::Piece HttpRequestParser::keep(Text text) {
  const Piece piece{static_cast<uint32_t>(header_.size()), static_cast<uint32_t>(text.size())};
  header_.append(text.data(), text.size());
  return piece;
}

std::size_t HttpRequestParser::take(Text bytes, Error& error) {
  outcome_ = body_.append({bytes.data(), bytes.size()});
  if (outcome_ != HttpBody::Outcome::kDone) error = http::error::body_limit;
  return bytes.size();
}

void HttpRequestParser::on_request_impl(Verb, Text method, Text target, int, Error&) {
  header_.reserve(512);
  method_ = keep(method);
  target_ = keep(target);
}

void HttpRequestParser::on_field_impl(Field, Text name, Text value, Error&) {
  const Piece kept = keep(name);
  fields_.emplace_back(kept, keep(value));
}

std::size_t HttpRequestParser::on_body_impl(Text bytes, Error& error) { return take(bytes, error); }

std::size_t HttpRequestParser::on_chunk_body_impl(std::uint64_t, Text bytes, Error& error) {
  return take(bytes, error);
}

void HttpRequestParser::on_response_impl(int, Text, int, Error&) {}
void HttpRequestParser::on_header_impl(Error&) {}
void HttpRequestParser::on_body_init_impl(const boost::optional<std::uint64_t>&, Error&) {}
void HttpRequestParser::on_chunk_header_impl(std::uint64_t, Text, Error&) {}
void HttpRequestParser::on_finish_impl(Error&) {}

}  // namespace flow::operators
