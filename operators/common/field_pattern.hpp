// Names of fields with wildcards: `user.*`, `*_id`, `log_?`.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flow::operators {

// `*` stands for any characters (none too, dots too), `?` for one byte, and a backslash takes the
// character behind it as it is. Without wildcards the pattern is a name. Meant for schemas, not for
// rows: matching takes time in proportion to the product of both lengths at worst.
class FieldPattern {
 public:
  // Any text is a pattern; a backslash at its end stands for itself.
  explicit FieldPattern(std::string_view text);

  // False: the text is the name of one field, which name() gives without its backslashes.
  bool has_wildcards() const { return wildcards_ > 0; }
  size_t wildcards() const { return wildcards_; }
  std::string name() const;
  // As it was written.
  const std::string& text() const { return text_; }

  bool matches(std::string_view name) const { return captures(name).has_value(); }
  // What each wildcard stands for in `name`, every one as short as the ones before it allow; none:
  // it does not match.
  std::optional<std::vector<std::string_view>> captures(std::string_view name) const;
  // This pattern with its wildcards filled in, in order. REQUIRES: no more wildcards than values.
  std::string filled(const std::vector<std::string_view>& values) const;

 private:
  enum class Kind : unsigned char { kLiteral, kOne, kAny };
  struct Token {
    Kind kind;
    char literal;
  };

  std::string text_;
  std::vector<Token> tokens_;
  size_t wildcards_ = 0;
};

}  // namespace flow::operators
