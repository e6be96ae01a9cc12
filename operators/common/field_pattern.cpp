#include "operators/common/field_pattern.hpp"

namespace flow::operators {

FieldPattern::FieldPattern(std::string_view text) : text_(text) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '*' || text[i] == '?') {
      tokens_.push_back({text[i] == '*' ? Kind::kAny : Kind::kOne, '\0'});
      ++wildcards_;
      continue;
    }
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    tokens_.push_back({Kind::kLiteral, text[i]});
  }
}

std::string FieldPattern::name() const { return filled({}); }

std::optional<std::vector<std::string_view>> FieldPattern::captures(std::string_view name) const {
  std::vector<std::string_view> captured;
  captured.reserve(wildcards_);
  // Only the last star before a mismatch is worth growing: what the earlier ones took fits as well
  // as anything longer would.
  size_t token = 0;
  size_t at = 0;
  std::optional<size_t> star;  // its token
  size_t star_begin = 0;       // in `name`
  size_t star_end = 0;         // what it has taken so far
  size_t captured_before_star = 0;
  while (at < name.size() || token < tokens_.size()) {
    if (token < tokens_.size()) {
      const Token& wanted = tokens_[token];
      if (wanted.kind == Kind::kAny) {
        star = token++;
        star_begin = star_end = at;
        captured_before_star = captured.size();
        captured.push_back(name.substr(at, 0));
        continue;
      }
      if (at < name.size() && (wanted.kind == Kind::kOne || wanted.literal == name[at])) {
        if (wanted.kind == Kind::kOne) captured.push_back(name.substr(at, 1));
        ++token;
        ++at;
        continue;
      }
    }
    if (!star || star_end == name.size()) return std::nullopt;
    at = ++star_end;
    token = *star + 1;
    captured.resize(captured_before_star);
    captured.push_back(name.substr(star_begin, star_end - star_begin));
  }
  return captured;
}

std::string FieldPattern::filled(const std::vector<std::string_view>& values) const {
  std::string result;
  size_t value = 0;
  for (const Token& token : tokens_) {
    if (token.kind == Kind::kLiteral) {
      result += token.literal;
    } else if (value < values.size()) {
      result += values[value++];
    }
  }
  return result;
}

}  // namespace flow::operators
