#include "operators/common/expression/syntax.hpp"

#include <array>
#include <charconv>
#include <utility>

#include "flow/inference.hpp"

namespace flow::operators {
namespace {

constexpr int kDeepest = 200;

bool is_name(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
         (byte >= '0' && byte <= '9') || c == '_' || c == '.' || c == '@' || byte >= 0x80;
}
bool is_digit(char c) { return c >= '0' && c <= '9'; }

enum class TokenKind : uint8_t { kEnd, kNumber, kText, kName, kQuotedName, kSign };

struct Token {
  TokenKind kind = TokenKind::kEnd;
  size_t offset = 0;
  std::string_view text;  // as written; of kText and kQuotedName without the quotes' meaning
  std::string value;      // of kText and kQuotedName
  std::variant<int64_t, double> number;
};

class Parser {
 public:
  Parser(std::string_view text, std::string_view place) : text_(text), place_(place) { next(); }

  SyntaxNode run() {
    if (token_.kind == TokenKind::kEnd) {
      fail(0, "an expression is missing, eg: status >= 400 and country == 'FR'");
    }
    SyntaxNode root = disjunction();
    if (token_.kind != TokenKind::kEnd) {
      if (token_.kind == TokenKind::kSign && token_.text == ")") {
        fail(token_.offset, "there is no opening bracket for this one");
      }
      fail(token_.offset, "an operator is missing before " + written(token_));
    }
    return root;
  }

 private:
  [[noreturn]] void fail(size_t offset, const std::string& what) const {
    throw_expression_error(place_, text_, offset, what);
  }
  static std::string written(const Token& token) {
    return token.kind == TokenKind::kEnd ? "the end" : "'" + std::string(token.text) + "'";
  }

  // ---- tokens ----

  void next() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) {
      ++at_;
    }
    token_ = Token{};
    token_.offset = at_;
    if (at_ == text_.size()) return;
    const char c = text_[at_];
    if (c == '\'' || c == '"' || c == '`') {
      token_.kind = c == '`' ? TokenKind::kQuotedName : TokenKind::kText;
      token_.value = quoted(c);
      if (c == '`' && token_.value.empty()) {
        fail(token_.offset, "a field name is missing between the backquotes");
      }
    } else if (is_digit(c) || (c == '.' && at_ + 1 < text_.size() && is_digit(text_[at_ + 1]))) {
      number();
    } else if (is_name(c)) {
      token_.kind = TokenKind::kName;
      while (at_ < text_.size() && is_name(text_[at_])) ++at_;
    } else {
      sign();
    }
    token_.text = text_.substr(token_.offset, at_ - token_.offset);
  }

  // A doubled quote stands for itself.
  std::string quoted(char quote) {
    const size_t begin = at_++;
    std::string result;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c != quote) {
        result += c;
      } else if (at_ < text_.size() && text_[at_] == quote) {
        result += text_[at_++];
      } else {
        return result;
      }
    }
    fail(begin, "the closing quote is missing");
  }

  void number() {
    const char* const begin = text_.data() + at_;
    const char* const end = text_.data() + text_.size();
    int64_t integer = 0;
    double real = 0;
    const auto as_integer = std::from_chars(begin, end, integer);
    const auto as_real = std::from_chars(begin, end, real);
    if (as_real.ec != std::errc()) fail(at_, "the number is beyond what a float holds");
    token_.kind = TokenKind::kNumber;
    token_.number = real;
    if (as_integer.ec == std::errc() && as_integer.ptr == as_real.ptr) token_.number = integer;
    at_ += static_cast<size_t>(as_real.ptr - begin);
    if (at_ < text_.size() && is_name(text_[at_])) fail(at_, "the number ends oddly");
  }

  void sign() {
    static constexpr std::array<std::string_view, 18> kSigns = {"==", "!=", "<=", ">=", "<>", "&&",
                                                                "||", "<",  ">",  "+",  "-",  "*",
                                                                "/",  "%",  "(",  ")",  ",",  "["};
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kForeign = {
        {{"<>", "write != for not equal"}, {"&&", "write and"}, {"||", "write or"}}};
    const std::string_view rest = text_.substr(at_);
    token_.kind = TokenKind::kSign;
    for (const auto& [foreign, hint] : kForeign) {
      if (rest.substr(0, foreign.size()) == foreign) fail(at_, std::string(hint));
    }
    for (const std::string_view sign : kSigns) {
      if (rest.substr(0, sign.size()) == sign) {
        at_ += sign.size();
        return;
      }
    }
    if (rest.front() == ']') {
      ++at_;
      return;
    }
    if (rest.front() == '=') fail(at_, "write == to compare");
    if (rest.front() == '!') fail(at_, "write not");
    fail(at_, "'" + std::string(rest.substr(0, 1)) + "' means nothing here");
  }

  bool at_sign(std::string_view sign) const {
    return token_.kind == TokenKind::kSign && token_.text == sign;
  }
  bool at_word(std::string_view word) const {
    return token_.kind == TokenKind::kName && token_.text == word;
  }
  bool take_sign(std::string_view sign) {
    if (!at_sign(sign)) return false;
    next();
    return true;
  }
  bool take_word(std::string_view word) {
    if (!at_word(word)) return false;
    next();
    return true;
  }

  // ---- the grammar, loosest binding first ----

  struct Depth {
    explicit Depth(Parser& at) : parser(at) {
      if (++parser.depth_ > kDeepest) {
        parser.fail(parser.token_.offset, "this is nested too deeply");
      }
    }
    Depth(const Depth&) = delete;
    Depth& operator=(const Depth&) = delete;
    ~Depth() { --parser.depth_; }
    Parser& parser;
  };

  static SyntaxNode call(size_t offset, std::string_view name, std::vector<SyntaxNode> children) {
    SyntaxNode node;
    node.kind = SyntaxKind::kCall;
    node.offset = offset;
    node.name = name;
    node.children = std::move(children);
    return node;
  }
  static SyntaxNode binary(size_t offset, std::string_view name, SyntaxNode left,
                           SyntaxNode right) {
    std::vector<SyntaxNode> children;
    children.push_back(std::move(left));
    children.push_back(std::move(right));
    return call(offset, name, std::move(children));
  }
  static SyntaxNode negated(size_t offset, SyntaxNode node) {
    std::vector<SyntaxNode> children;
    children.push_back(std::move(node));
    return call(offset, "not", std::move(children));
  }

  // A long chain of one operator is a tree as deep as it is long.
  void count_link(size_t offset, int& links) const {
    if (++links > kDeepest)
      fail(offset, "more operators in a row than " + std::to_string(kDeepest));
  }

  SyntaxNode disjunction() {
    const Depth depth(*this);
    SyntaxNode left = conjunction();
    int links = 0;
    while (at_word("or")) {
      const size_t offset = token_.offset;
      count_link(offset, links);
      next();
      left = binary(offset, "or", std::move(left), conjunction());
    }
    return left;
  }

  SyntaxNode conjunction() {
    SyntaxNode left = negation();
    int links = 0;
    while (at_word("and")) {
      const size_t offset = token_.offset;
      count_link(offset, links);
      next();
      left = binary(offset, "and", std::move(left), negation());
    }
    return left;
  }

  SyntaxNode negation() {
    if (!at_word("not")) return comparison();
    const Depth depth(*this);
    const size_t offset = token_.offset;
    next();
    return negated(offset, negation());
  }

  SyntaxNode comparison() {
    SyntaxNode left = sum();
    const size_t offset = token_.offset;
    for (const std::string_view sign : {"==", "!=", "<=", ">=", "<", ">"}) {
      if (!take_sign(sign)) continue;
      left = binary(offset, sign, std::move(left), sum());
      refuse_chain();
      return left;
    }
    if (take_word("is")) {
      const bool is_not = take_word("not");
      if (!take_word("null")) fail(token_.offset, "write: is null, or: is not null");
      SyntaxNode node;
      node.kind = SyntaxKind::kIsNull;
      node.offset = offset;
      node.children.push_back(std::move(left));
      return is_not ? negated(offset, std::move(node)) : node;
    }
    const bool is_not = at_word("not");
    if (is_not) next();
    if (take_word("in")) return maybe(is_not, offset, list(offset, std::move(left)));
    if (take_word("matches")) {
      SyntaxNode node;
      node.kind = SyntaxKind::kMatches;
      node.offset = offset;
      node.children.push_back(std::move(left));
      node.children.push_back(sum());
      return maybe(is_not, offset, std::move(node));
    }
    if (is_not) fail(token_.offset, "'in' or 'matches' is missing behind 'not'");
    return left;
  }

  static SyntaxNode maybe(bool is_not, size_t offset, SyntaxNode node) {
    return is_not ? negated(offset, std::move(node)) : std::move(node);
  }

  void refuse_chain() const {
    for (const std::string_view sign : {"==", "!=", "<=", ">=", "<", ">"}) {
      if (at_sign(sign)) {
        fail(token_.offset, "comparisons do not chain: join two of them with and");
      }
    }
  }

  SyntaxNode list(size_t offset, SyntaxNode value) {
    SyntaxNode node;
    node.kind = SyntaxKind::kIn;
    node.offset = offset;
    node.children.push_back(std::move(value));
    if (!take_sign("[")) fail(token_.offset, "a list is missing, eg: in ['a', 'b']");
    if (at_sign("]")) fail(token_.offset, "the list is empty");
    do {
      node.children.push_back(unary());
    } while (take_sign(","));
    if (!take_sign("]")) fail(token_.offset, "a comma or ] is missing");
    return node;
  }

  SyntaxNode sum() {
    SyntaxNode left = product();
    int links = 0;
    while (at_sign("+") || at_sign("-")) {
      const std::string_view sign = token_.text;
      const size_t offset = token_.offset;
      count_link(offset, links);
      next();
      left = binary(offset, sign, std::move(left), product());
    }
    return left;
  }

  SyntaxNode product() {
    SyntaxNode left = unary();
    int links = 0;
    while (at_sign("*") || at_sign("/") || at_sign("%")) {
      const std::string_view sign = token_.text;
      const size_t offset = token_.offset;
      count_link(offset, links);
      next();
      left = binary(offset, sign, std::move(left), unary());
    }
    return left;
  }

  SyntaxNode unary() {
    if (!at_sign("-")) return primary();
    const Depth depth(*this);
    const size_t offset = token_.offset;
    next();
    if (token_.kind == TokenKind::kNumber) {
      const bool whole = token_.text.find_first_of(".eE") == std::string_view::npos;
      SyntaxNode node = primary();
      node.offset = offset;
      if (auto* integer = std::get_if<int64_t>(&node.literal)) {
        *integer = -*integer;
      } else {
        const double real = -std::get<double>(node.literal);
        node.literal = real;
        // The one integer whose positive is none.
        if (whole && real == -9223372036854775808.0) node.literal = INT64_MIN;
      }
      return node;
    }
    std::vector<SyntaxNode> children;
    children.push_back(unary());
    return call(offset, "negate", std::move(children));
  }

  SyntaxNode primary() {
    const Depth depth(*this);
    SyntaxNode node;
    node.offset = token_.offset;
    switch (token_.kind) {
      case TokenKind::kNumber:
        if (const auto* integer = std::get_if<int64_t>(&token_.number)) {
          node.literal = *integer;
        } else {
          node.literal = std::get<double>(token_.number);
        }
        next();
        return node;
      case TokenKind::kText:
        node.literal = std::move(token_.value);
        next();
        return node;
      case TokenKind::kQuotedName:
        node.kind = SyntaxKind::kField;
        node.name = std::move(token_.value);
        next();
        return node;
      case TokenKind::kName:
        return named();
      default:
        break;
    }
    if (take_sign("(")) {
      SyntaxNode inside = disjunction();
      if (!take_sign(")")) fail(token_.offset, "a closing bracket is missing");
      return inside;
    }
    if (at_sign("[")) fail(token_.offset, "a list stands behind 'in' only");
    fail(token_.offset, token_.kind == TokenKind::kEnd
                            ? "a field, a number, a text in quotes or a function is missing"
                            : "a field, a number, a text in quotes or a function is missing "
                              "before " +
                                  written(token_));
  }

  SyntaxNode named() {
    SyntaxNode node;
    node.offset = token_.offset;
    const std::string_view word = token_.text;
    for (const std::string_view keyword : {"and", "or", "in", "is", "matches", "not"}) {
      if (word == keyword) {
        fail(token_.offset, "a value is missing before '" + std::string(word) +
                                "' (a field of that name stands in backquotes)");
      }
    }
    next();
    if (word == "true" || word == "false") {
      node.literal = word == "true";
      return node;
    }
    if (word == "null") return node;
    node.name = word;
    if (!take_sign("(")) {
      node.kind = SyntaxKind::kField;
      return node;
    }
    node.kind = SyntaxKind::kCall;
    if (take_sign(")")) return node;
    do {
      node.children.push_back(disjunction());
    } while (take_sign(","));
    if (!take_sign(")")) fail(token_.offset, "a comma or a closing bracket is missing");
    return node;
  }

  std::string_view text_;
  std::string_view place_;
  size_t at_ = 0;
  int depth_ = 0;
  Token token_;
};

}  // namespace

void throw_expression_error(std::string_view place, std::string_view text, size_t offset,
                            const std::string& what) {
  const std::string_view option = place.substr(0, place.find('.'));
  const std::string_view item =
      option.size() == place.size() ? std::string_view() : place.substr(option.size() + 1);
  throw OptionFailure(
      std::string(option),
      "column " + std::to_string(offset + 1) + ": " + what + " (in: " + std::string(text) + ")", {},
      static_cast<int64_t>(offset), std::string(item));
}

SyntaxNode parse_expression(std::string_view text, std::string_view place) {
  return Parser(text, place).run();
}

}  // namespace flow::operators
