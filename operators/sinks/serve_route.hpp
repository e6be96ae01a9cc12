// GET /tables/NAME and GET /tables/NAME/KEY.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "operators/common/http_exchange.hpp"
#include "operators/sinks/serve_table.hpp"

namespace flow::operators {

class ServeRoute final : public HttpRoute {
 public:
  static constexpr int64_t kMostRows = 1000;
  static constexpr size_t kMostBytes = 1 << 20;

  // `path`: of the table, without a slash at its end.
  ServeRoute(std::string path, std::shared_ptr<ServeTable> table,
             const HttpAuthorization& authorization)
      : path_(std::move(path)), table_(std::move(table)), authorization_(authorization) {}

  std::string_view methods() const override { return "GET, HEAD"; }
  const HttpAuthorization& authorization() const override { return authorization_; }
  std::optional<HttpAnswer> handle(HttpRequest& request, const HttpReply& reply) override;

 private:
  HttpAnswer list(std::string_view query);

  const std::string path_;
  const std::shared_ptr<ServeTable> table_;
  const HttpAuthorization authorization_;
};

// The text that a part of a path stands for: %2F is a slash. None: a percent sign without two
// hexadecimal digits.
std::optional<std::string> decode_percent(std::string_view text);

}  // namespace flow::operators
