// The parts of a request, by Boost.Beast's parser.
#pragma once

#include <boost/beast/http/basic_parser.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "operators/common/http_exchange.hpp"

namespace flow::operators {

// Of one request. The header's texts are copied, as what is parsed may move meanwhile.
class HttpRequestParser final : public boost::beast::http::basic_parser<true> {
 public:
  // `body`: where the body goes.
  HttpRequestParser(HttpBody& body, uint32_t max_header);

  // As put() of the base, of `bytes` that begin with what the last call left: how many were taken,
  // or the error need_more. Beast expects a last chunk to come behind another and asserts that five
  // bytes of it are there. The shortest, "0\r\n\r\n", is as long, so the rest of it is waited for.
  std::size_t parse(std::string_view bytes, boost::beast::error_code& error);

  std::string_view method() const { return text(method_); }
  std::string_view target() const { return text(target_); }
  std::string_view field(std::string_view name) const { return request().field(name); }
  HttpRequest request() const;
  // Why put() stopped with an error in the body.
  HttpBody::Outcome outcome() const { return outcome_; }

 private:
  using Error = boost::beast::error_code;
  using Text = boost::beast::string_view;
  using Verb = boost::beast::http::verb;
  using Field = boost::beast::http::field;
  struct Piece {
    uint32_t begin = 0, size = 0;
  };
  std::string_view text(Piece piece) const {
    return std::string_view(header_).substr(piece.begin, piece.size);
  }
  Piece keep(Text text);
  std::size_t take(Text bytes, Error& error);

  void on_request_impl(Verb verb, Text method, Text target, int version, Error& error) override;
  void on_response_impl(int code, Text reason, int version, Error& error) override;
  void on_field_impl(Field field, Text name, Text value, Error& error) override;
  void on_header_impl(Error& error) override;
  void on_body_init_impl(const boost::optional<std::uint64_t>& length, Error& error) override;
  std::size_t on_body_impl(Text bytes, Error& error) override;
  void on_chunk_header_impl(std::uint64_t size, Text extensions, Error& error) override;
  std::size_t on_chunk_body_impl(std::uint64_t left, Text bytes, Error& error) override;
  void on_finish_impl(Error& error) override;

  HttpBody& body_;
  HttpBody::Outcome outcome_ = HttpBody::Outcome::kDone;
  std::string header_;
  Piece method_, target_;
  std::vector<std::pair<Piece, Piece>> fields_;
};

}  // namespace flow::operators
