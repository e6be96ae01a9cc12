#include "operators/common/http_listen_options.hpp"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <charconv>

namespace flow::operators {
namespace {

boost::asio::ip::address parse_address(const std::string& text) {
  boost::system::error_code error;
  auto address = boost::asio::ip::make_address(text == "localhost" ? "127.0.0.1" : text, error);
  if (error) {
    throw OptionFailure("listen", "'" + text + "' is no IP address",
                        "write eg 127.0.0.1:8080, or 0.0.0.0:8080 for all addresses");
  }
  return address;
}

}  // namespace

std::string HttpListenSettings::address() const {
  const bool is_v6 = host.find(':') != std::string::npos;
  return (is_v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::string HttpListenSettings::difference(const HttpListenSettings& other) const {
  if (certificate_file != other.certificate_file) return "certificate_file";
  if (key_file != other.key_file) return "key_file";
  if (io_threads != other.io_threads) return "io_threads";
  if (max_connections != other.max_connections) return "max_connections";
  if (max_header != other.max_header) return "max_header";
  if (header_timeout != other.header_timeout) return "header_timeout";
  if (body_timeout != other.body_timeout) return "body_timeout";
  if (idle_timeout != other.idle_timeout) return "idle_timeout";
  return {};
}

HttpListenSettings check_http_listen(const HttpListenOptions& options) {
  HttpListenSettings settings;
  const size_t colon = options.listen.rfind(':');
  std::string host = options.listen.substr(0, colon);
  const std::string port = colon == std::string::npos ? "" : options.listen.substr(colon + 1);
  const auto parsed = std::from_chars(port.data(), port.data() + port.size(), settings.port);
  if (parsed.ec != std::errc() || parsed.ptr != port.data() + port.size() || settings.port == 0) {
    throw OptionFailure("listen", "it ends with no port from 1 to 65535",
                        "write eg 127.0.0.1:8080");
  }
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  const auto address = parse_address(host);
  settings.host = address.to_string();
  const bool has_authorization = options.token || options.username;
  if (!address.is_loopback() && !has_authorization && !options.allow_anonymous) {
    throw OptionFailure(
        "listen", "others can reach '" + options.listen + "', and everybody would be let in",
        "set `token`, or `username` and `password`; or `allow_anonymous = true` if that is meant");
  }
  if (options.username.has_value() != options.password.has_value()) {
    throw OptionFailure(options.username ? "username" : "password",
                        "`username` and `password` go together", "give both or neither");
  }
  if (options.username && options.username->find(':') != std::string::npos) {
    throw OptionFailure("username", "has a colon in it, which basic authorization cannot carry");
  }
  if (options.token && options.token->value.empty()) throw OptionFailure("token", "is empty");
  if (options.certificate_file.has_value() != options.key_file.has_value()) {
    throw OptionFailure(options.key_file ? "key_file" : "certificate_file",
                        "`certificate_file` and `key_file` go together", "give both or neither");
  }
  settings.certificate_file = options.certificate_file.value_or("");
  settings.key_file = options.key_file.value_or("");
  settings.io_threads = static_cast<int>(options.io_threads);
  settings.max_connections = static_cast<size_t>(options.max_connections);
  settings.max_header = static_cast<uint32_t>(options.max_header.bytes);
  settings.header_timeout = std::chrono::nanoseconds(options.header_timeout.nanoseconds);
  settings.body_timeout = std::chrono::nanoseconds(options.body_timeout.nanoseconds);
  settings.idle_timeout = std::chrono::nanoseconds(options.idle_timeout.nanoseconds);
  return settings;
}

HttpAuthorization http_authorization(const HttpListenOptions& options) {
  HttpAuthorization authorization;
  if (options.token) authorization.let_in_token(options.token->value);
  if (options.username && options.password) {
    authorization.let_in_user(*options.username, options.password->value);
  }
  return authorization;
}

void check_http_path(const char* option, const std::string& path) {
  const bool is_plain = std::all_of(path.begin(), path.end(), [](char c) {
    return c > ' ' && c < 0x7F && c != '?' && c != '#' && c != '%';
  });
  if (path.empty() || path.front() != '/' || !is_plain) {
    throw OptionFailure(option, "'" + path + "' is no path",
                        "write eg /events: a slash, then letters, digits and signs other than ?#%");
  }
}

}  // namespace flow::operators
