// Who may make a request: a token, or a name and password.
#pragma once

#include <string>
#include <string_view>

namespace flow::operators {

// Immutable once it is made; safe for use from several threads.
class HttpAuthorization {
 public:
  void let_in_token(std::string_view token);
  void let_in_user(std::string_view name, std::string_view password);

  // Whether a request with this header Authorization ("": it has none) is let in. Takes the same
  // time whatever is wrong with it: what can be learned of a secret by measuring is its length.
  bool allows(std::string_view header) const;
  // For the header WWW-Authenticate of an answer 401.
  std::string challenge() const;

 private:
  std::string token_;        // "": none
  std::string credentials_;  // as in a header: base64 of name:password
};

}  // namespace flow::operators
