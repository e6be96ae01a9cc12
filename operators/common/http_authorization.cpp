#include "operators/common/http_authorization.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>

namespace flow::operators {
namespace {

std::string base64(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                   reinterpret_cast<const unsigned char*>(bytes.data()),
                                   static_cast<int>(bytes.size()));
  text.resize(static_cast<size_t>(size));
  return text;
}

bool is_equal(std::string_view given, std::string_view secret) {
  return given.size() == secret.size() &&
         CRYPTO_memcmp(given.data(), secret.data(), secret.size()) == 0;
}

bool is_scheme(std::string_view given, std::string_view lower_case) {
  if (given.size() != lower_case.size()) return false;
  for (size_t i = 0; i < given.size(); ++i) {
    if ((given[i] | 0x20) != lower_case[i]) return false;
  }
  return true;
}

}  // namespace

void HttpAuthorization::let_in_token(std::string_view token) { token_ = token; }

void HttpAuthorization::let_in_user(std::string_view name, std::string_view password) {
  credentials_ = base64(std::string(name) + ":" + std::string(password));
}

bool HttpAuthorization::allows(std::string_view header) const {
  if (token_.empty() && credentials_.empty()) return true;
  const size_t space = header.find(' ');
  if (space == std::string_view::npos) return false;
  const std::string_view scheme = header.substr(0, space);
  std::string_view given = header.substr(space);
  given.remove_prefix(std::min(given.find_first_not_of(' '), given.size()));
  if (!token_.empty() && is_scheme(scheme, "bearer")) return is_equal(given, token_);
  if (!credentials_.empty() && is_scheme(scheme, "basic")) return is_equal(given, credentials_);
  return false;
}

std::string HttpAuthorization::challenge() const {
  std::string text;
  if (!token_.empty()) text = "Bearer";
  if (!credentials_.empty())
    text += (text.empty() ? "" : ", ") + std::string("Basic realm=\"flowrun\"");
  return text;
}

}  // namespace flow::operators
