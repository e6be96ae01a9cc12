// Where an HTTP component listens, and whom it lets in: the options that all of them have.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "flow/operator.hpp"
#include "operators/common/http_authorization.hpp"

namespace flow::operators {

struct HttpListenOptions {
  std::string listen = "127.0.0.1:8080";
  std::optional<Secret> token;
  std::optional<std::string> username;
  std::optional<Secret> password;
  bool allow_anonymous = false;
  std::optional<std::string> certificate_file;
  std::optional<std::string> key_file;
  int64_t io_threads = 1;
  int64_t max_connections = 10'000;
  Size max_header{16 << 10};
  Duration header_timeout{10'000'000'000};
  Duration body_timeout{30'000'000'000};
  Duration idle_timeout{75'000'000'000};
};

// What the components on one address share, and must agree on.
struct HttpListenSettings {
  std::string host;  // an address, without brackets
  uint16_t port = 0;
  std::string certificate_file, key_file;  // "": no TLS
  int io_threads = 1;
  size_t max_connections = 0;
  uint32_t max_header = 0;
  std::chrono::nanoseconds header_timeout{}, body_timeout{}, idle_timeout{};

  // "127.0.0.1:8080", "[::1]:8080"
  std::string address() const;
  // The option in which the two differ; "": in none.
  std::string difference(const HttpListenSettings& other) const;
};

// Throws OptionFailure.
HttpListenSettings check_http_listen(const HttpListenOptions& options);
HttpAuthorization http_authorization(const HttpListenOptions& options);
// "/path": begins with a slash, and has neither a query nor blanks. Throws OptionFailure.
void check_http_path(const char* option, const std::string& path);

// A member of HttpListenOptions as one of the operator's Options.
template <class Options, class T>
T Options::*http_member(T HttpListenOptions::*member) {
  return member;
}

template <class Options>
void describe_http_listen(Description<Options>& d) {
  d.option(
      "listen", http_member<Options>(&HttpListenOptions::listen),
      "The address and port to listen on: 127.0.0.1:8080, [::1]:8080, 0.0.0.0:8080. Components "
      "with the same address share it, and must agree on the options from `certificate_file` "
      "on. One that others can reach needs `token` or `username`, or `allow_anonymous`.");
  d.option("token", http_member<Options>(&HttpListenOptions::token),
           "Lets in requests with `Authorization: Bearer <token>`. Never logged.");
  d.option("username", http_member<Options>(&HttpListenOptions::username),
           "Lets in requests with this name and `password` (basic authorization).");
  d.option("password", http_member<Options>(&HttpListenOptions::password),
           "Goes with `username`. Without TLS it crosses the network as it is. Never logged.");
  d.option(
      "allow_anonymous", http_member<Options>(&HttpListenOptions::allow_anonymous),
      "Lets everybody in on an address that others can reach, without `token` and `username`.");
  d.option("certificate_file", http_member<Options>(&HttpListenOptions::certificate_file),
           "Makes it HTTPS (TLS 1.2 and up): the server's certificate, and those that lead from it "
           "to one that clients trust, a PEM file.");
  d.option("key_file", http_member<Options>(&HttpListenOptions::key_file),
           "The private key of `certificate_file`, a PEM file without a passphrase.");
  d.option("io_threads", http_member<Options>(&HttpListenOptions::io_threads),
           "How many threads read requests and write answers. One checks some 500 MB of JSON a "
           "second, or handles some 40,000 small requests.")
      .range(1, 64);
  d.option("max_connections", http_member<Options>(&HttpListenOptions::max_connections),
           "How many connections may be open; one more is told 503 and closed. An idle one costs "
           "some 4 KiB and a file descriptor.")
      .range(1, 1'000'000);
  d.option("max_header", http_member<Options>(&HttpListenOptions::max_header),
           "The longest header of a request; a longer one is told 431.")
      .range(1024, 1 << 20);
  d.option("header_timeout", http_member<Options>(&HttpListenOptions::header_timeout),
           "How long a client may take for the TLS handshake, and for the header of a request from "
           "its first byte on. Looked at four times a second.")
      .range(1e8, 3600e9);
  d.option("body_timeout", http_member<Options>(&HttpListenOptions::body_timeout),
           "How long a client may take to send a body, and to take an answer.")
      .range(1e8, 3600e9);
  d.option("idle_timeout", http_member<Options>(&HttpListenOptions::idle_timeout),
           "How long a connection may be open without a request.")
      .range(1e8, 86'400e9);
}

}  // namespace flow::operators
