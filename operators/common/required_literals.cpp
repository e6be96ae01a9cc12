#include "required_literals.hpp"

#include <algorithm>
#include <bitset>
#include <cctype>
#include <optional>
#include <stdexcept>
#include <utility>

#include "flow/utf8.hpp"

namespace flow::operators {
namespace {

// Sets of exact strings beyond this size are given up: a clause of many short literals filters
// nothing.
constexpr std::size_t kMaximumExactStrings = 64;
constexpr std::size_t kMaximumClassMembers = 4;
constexpr std::size_t kMaximumLiteralLength = 40;
constexpr int kMaximumNesting = 200;

/// Internal signal: the pattern is outside the subset. Caught in required_literals().
struct NotUnderstood : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// What is known of one part of a pattern. Exact: it matches just `strings` (assertions match "").
/// Otherwise `strings` is unused and `clauses` are what its matches must contain.
struct Part {
  bool exact = true;
  std::vector<std::string> strings;
  std::vector<LiteralClause> clauses;

  static Part empty() { return {true, {""}, {}}; }
  static Part anything() { return {false, {}, {}}; }
};

char lower(char byte) {
  return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte - 'A' + 'a') : byte;
}

std::size_t shortest(const LiteralClause& clause) {
  std::size_t length = clause.front().size();
  for (const std::string& literal : clause) length = std::min(length, literal.size());
  return length;
}

bool more_selective(const LiteralClause& left, const LiteralClause& right) {
  const std::size_t left_length = shortest(left);
  const std::size_t right_length = shortest(right);
  return left_length != right_length ? left_length > right_length : left.size() < right.size();
}

void sort_unique(std::vector<std::string>& strings) {
  std::sort(strings.begin(), strings.end());
  strings.erase(std::unique(strings.begin(), strings.end()), strings.end());
}

/// Turns a set of alternatives into a clause, or nothing if one of them is too short to be looked
/// for. An alternative that contains another one is implied by it and dropped.
std::optional<LiteralClause> clause_of(std::vector<std::string> strings) {
  if (strings.empty() || shortest(strings) < kMinimumLiteralLength) return std::nullopt;
  std::sort(strings.begin(), strings.end(), [](const std::string& left, const std::string& right) {
    return left.size() != right.size() ? left.size() < right.size() : left < right;
  });
  LiteralClause clause;
  for (std::string& candidate : strings) {
    const bool implied = std::any_of(clause.begin(), clause.end(), [&](const std::string& kept) {
      return candidate.find(kept) != std::string::npos;
    });
    if (!implied) clause.push_back(std::move(candidate));
  }
  return clause;
}

void add_clause(std::vector<LiteralClause>& clauses, std::vector<std::string> strings) {
  if (auto clause = clause_of(std::move(strings))) clauses.push_back(std::move(*clause));
}

/// Joins parts that follow each other.
class Sequence {
 public:
  void append(Part part) {
    if (!part.exact) {
      flush();
      exact_ = false;
      std::move(part.clauses.begin(), part.clauses.end(), std::back_inserter(clauses_));
      return;
    }
    if (run_.size() * part.strings.size() > kMaximumExactStrings || too_long(part)) {
      flush();
      exact_ = false;
      run_ = std::move(part.strings);
      return;
    }
    std::vector<std::string> product;
    product.reserve(run_.size() * part.strings.size());
    for (const std::string& head : run_) {
      for (const std::string& tail : part.strings) product.push_back(head + tail);
    }
    if (product.size() > 1) sort_unique(product);
    run_ = std::move(product);
  }

  Part take() {
    if (exact_) return {true, std::move(run_), {}};
    flush();
    return {false, {}, std::move(clauses_)};
  }

 private:
  bool too_long(const Part& part) const {
    return run_.front().size() + part.strings.front().size() > kMaximumLiteralLength;
  }

  void flush() {
    add_clause(clauses_, std::move(run_));
    run_ = {""};
  }

  bool exact_ = true;
  std::vector<std::string> run_ = {""};  // what the exact parts since the last gap spell
  std::vector<LiteralClause> clauses_;
};

Part alternatives(std::vector<Part> branches) {
  if (branches.size() == 1) return std::move(branches.front());
  const bool exact =
      std::all_of(branches.begin(), branches.end(), [](const Part& part) { return part.exact; });
  std::vector<std::string> strings;
  if (exact) {
    for (Part& branch : branches) {
      std::move(branch.strings.begin(), branch.strings.end(), std::back_inserter(strings));
    }
    sort_unique(strings);
    if (strings.size() <= kMaximumExactStrings) return {true, std::move(strings), {}};
    Part part = Part::anything();
    add_clause(part.clauses, std::move(strings));
    return part;
  }
  // (A and B) or (C and D) implies (A or C) and (B or D): one clause of each branch makes a clause
  // of the whole.
  Part part = Part::anything();
  std::size_t count = 0;
  for (Part& branch : branches) {
    if (branch.exact) add_clause(branch.clauses, std::move(branch.strings));
    if (branch.clauses.empty()) return part;
    std::sort(branch.clauses.begin(), branch.clauses.end(), more_selective);
    count = std::max(count, branch.clauses.size());
  }
  for (std::size_t i = 0; i < std::min(count, kMaximumClauses); ++i) {
    strings.clear();
    for (const Part& branch : branches) {
      const LiteralClause& clause = branch.clauses[std::min(i, branch.clauses.size() - 1)];
      strings.insert(strings.end(), clause.begin(), clause.end());
    }
    add_clause(part.clauses, strings);
  }
  return part;
}

/// Recursive descent over the pattern.
class PatternReader {
 public:
  explicit PatternReader(std::string_view pattern) : pattern_(pattern) {}

  Part read() {
    Part part = read_alternatives(0);
    if (!at_end()) throw NotUnderstood("unmatched ')'");
    return part;
  }

  /// See LiteralRequirement::relaxed; after read().
  std::string relaxed() const {
    if (relaxed_counts_.empty()) return {};
    std::string text;
    std::size_t copied = 0;
    for (const auto& [begin, end, minimum] : relaxed_counts_) {
      text += pattern_.substr(copied, begin - copied);
      text += minimum == 0 ? "*" : minimum == 1 ? "+" : "{" + std::to_string(minimum) + ",}";
      copied = end;
    }
    return text += pattern_.substr(copied);
  }
  std::size_t relaxed_limit() const { return static_cast<std::size_t>(relaxed_limit_); }

 private:
  bool at_end() const { return position_ >= pattern_.size(); }
  char peek() const { return pattern_[position_]; }
  bool next_is(std::string_view text) const {
    return pattern_.substr(position_, text.size()) == text;
  }

  Part read_alternatives(int depth) {
    if (depth > kMaximumNesting) throw NotUnderstood("groups nested too deeply");
    std::vector<Part> branches;
    branches.push_back(read_sequence(depth));
    while (!at_end() && peek() == '|') {
      ++position_;
      branches.push_back(read_sequence(depth));
    }
    return alternatives(std::move(branches));
  }

  Part read_sequence(int depth) {
    Sequence sequence;
    while (!at_end() && peek() != '|' && peek() != ')') {
      const bool group = peek() == '(';
      Part atom = read_atom(depth);
      sequence.append(read_repetition(std::move(atom), !group));
    }
    return sequence.take();
  }

  Part read_atom(int depth) {
    const char byte = pattern_[position_++];
    switch (byte) {
      case '(':
        return read_group(depth);
      case '[':
        return read_class();
      case '\\':
        return read_escape();
      case '.':
        return Part::anything();
      case '^':
      case '$':
        return Part::empty();
      case '*':
      case '+':
      case '?':
        throw NotUnderstood("a repetition without an operand");
      default:
        break;
    }
    if (static_cast<unsigned char>(byte) < 0x80) return {true, {std::string(1, lower(byte))}, {}};
    // One character of several bytes: case folding beyond ASCII is not followed.
    while (!at_end() && is_utf8_continuation(peek())) ++position_;
    return Part::anything();
  }

  Part read_group(int depth) {
    if (next_is("?")) {
      for (const std::string_view look : {"?=", "?!", "?<=", "?<!"}) {
        if (next_is(look)) throw NotUnderstood("look-around (" + std::string(look) + "...)");
      }
      ++position_;
      if (next_is("P<")) {
        const auto end = pattern_.find('>', position_);
        if (end == std::string_view::npos) throw NotUnderstood("an unfinished group name");
        position_ = end + 1;
      } else {
        while (!at_end() && peek() != ':' && peek() != ')') {
          if (std::string_view("imsU-").find(peek()) == std::string_view::npos) {
            throw NotUnderstood("an unknown group flag");
          }
          ++position_;
        }
        if (at_end()) throw NotUnderstood("an unfinished group");
        if (pattern_[position_++] == ')') return Part::empty();  // flags for what follows
      }
    }
    Part part = read_alternatives(depth + 1);
    if (at_end()) throw NotUnderstood("missing ')'");
    ++position_;
    return part;
  }

  Part read_escape() {
    if (at_end()) throw NotUnderstood("a backslash at the end");
    const char byte = pattern_[position_++];
    switch (byte) {
      case 'd':
      case 'D':
      case 's':
      case 'S':
      case 'w':
      case 'W':
      case 't':
      case 'n':
      case 'r':
      case 'f':
      case 'v':
      case 'a':
        return Part::anything();
      case 'b':
      case 'B':
      case 'A':
      case 'z':
        return Part::empty();
      default:
        break;
    }
    if (byte >= '1' && byte <= '9') throw NotUnderstood("a back-reference");
    if (static_cast<unsigned char>(byte) >= 0x80 ||
        std::isalnum(static_cast<unsigned char>(byte))) {
      throw NotUnderstood(std::string("the escape \\") + byte);
    }
    return {true, {std::string(1, byte)}, {}};
  }

  Part read_class() {
    bool any = false;
    std::bitset<128> members;
    if (next_is("^")) {
      any = true;
      ++position_;
    }
    for (bool first = true;; first = false) {
      if (at_end()) throw NotUnderstood("missing ']'");
      if (peek() == ']' && !first) break;
      if (next_is("[:")) {
        const auto end = pattern_.find(":]", position_);
        if (end == std::string_view::npos) throw NotUnderstood("missing ':]'");
        position_ = end + 2;
        any = true;
        continue;
      }
      const int low = read_class_member(any);
      int high = low;
      if (next_is("-") && position_ + 1 < pattern_.size() && pattern_[position_ + 1] != ']') {
        ++position_;
        high = read_class_member(any);
        if (low < 0 || high < 0) any = true;
      }
      for (int byte = low; byte >= 0 && byte <= high; ++byte) {
        members.set(static_cast<std::size_t>(lower(static_cast<char>(byte))));
      }
    }
    ++position_;
    if (any || members.count() > kMaximumClassMembers || members.none()) return Part::anything();
    Part part{true, {}, {}};
    for (std::size_t byte = 0; byte < members.size(); ++byte) {
      if (members.test(byte)) part.strings.emplace_back(1, static_cast<char>(byte));
    }
    return part;
  }

  /// The ASCII code of one member, or -1 and `any` set for what is not a single ASCII character.
  int read_class_member(bool& any) {
    if (at_end()) throw NotUnderstood("missing ']'");
    char byte = pattern_[position_++];
    if (byte == '\\') {
      if (at_end()) throw NotUnderstood("a backslash at the end");
      byte = pattern_[position_++];
      if (std::string_view("dDsSwWtnrfva").find(byte) != std::string_view::npos) {
        any = true;
        return -1;
      }
      if (std::isalnum(static_cast<unsigned char>(byte))) {
        throw NotUnderstood(std::string("the escape \\") + byte);
      }
    }
    if (static_cast<unsigned char>(byte) >= 0x80) {
      any = true;
      return -1;
    }
    return byte;
  }

  Part read_repetition(Part part, bool single_character) {
    if (at_end()) return part;
    const std::size_t begin = position_;
    int minimum = 1;
    bool once = false;  // at most one time
    if (peek() == '*') {
      minimum = 0;
      ++position_;
    } else if (peek() == '+') {
      ++position_;
    } else if (peek() == '?') {
      minimum = 0;
      once = true;
      ++position_;
    } else if (const auto counts = read_counts()) {
      minimum = counts->first;
      once = counts->second == 1;
      if (single_character && counts->second >= kMinimumRelaxedCount && counts->second > minimum) {
        relaxed_counts_.push_back({begin, position_, minimum});
        relaxed_limit_ =
            relaxed_limit_ == 0 ? counts->second : std::min(relaxed_limit_, counts->second);
      }
    } else {
      return part;
    }
    if (next_is("?")) ++position_;  // lazy or greedy: the same texts
    if (next_is("*") || next_is("+") || next_is("?")) throw NotUnderstood("a repetition repeated");
    if (minimum > 0 && once) return part;
    if (minimum == 0) {
      if (!once || !part.exact) return Part::anything();
      part.strings.emplace_back();
      sort_unique(part.strings);
      return part;
    }
    Part repeated = Part::anything();
    if (part.exact) {
      add_clause(repeated.clauses, std::move(part.strings));
    } else {
      repeated.clauses = std::move(part.clauses);
    }
    return repeated;
  }

  /// `{n}`, `{n,}` or `{n,m}` (-1: no upper bound); anything else after a brace is literal text, as
  /// in RE2.
  std::optional<std::pair<int, int>> read_counts() {
    std::size_t position = position_;
    const auto number = [&]() -> std::optional<int> {
      int value = 0;
      const std::size_t start = position;
      while (position < pattern_.size() && pattern_[position] >= '0' && pattern_[position] <= '9') {
        value = value * 10 + (pattern_[position++] - '0');
        if (value > 1000) throw NotUnderstood("a repetition count above 1000");
      }
      if (position == start) return std::nullopt;
      return value;
    };
    if (position >= pattern_.size() || pattern_[position++] != '{') return std::nullopt;
    const auto minimum = number();
    if (!minimum) return std::nullopt;
    int maximum = *minimum;
    if (position < pattern_.size() && pattern_[position] == ',') {
      ++position;
      maximum = number().value_or(-1);
    }
    if (position >= pattern_.size() || pattern_[position] != '}') return std::nullopt;
    if (maximum >= 0 && maximum < *minimum) throw NotUnderstood("a repetition {n,m} with m < n");
    position_ = position + 1;
    return std::pair{*minimum, maximum};
  }

  /// A `{minimum,maximum}` at [begin, end) of the pattern.
  struct Count {
    std::size_t begin;
    std::size_t end;
    int minimum;
  };

  std::string_view pattern_;
  std::size_t position_ = 0;
  std::vector<Count> relaxed_counts_;
  int relaxed_limit_ = 0;
};

}  // namespace

LiteralRequirement required_literals(std::string_view pattern) {
  LiteralRequirement requirement;
  try {
    PatternReader reader(pattern);
    Part part = reader.read();
    requirement.relaxed = reader.relaxed();
    requirement.relaxed_limit = reader.relaxed_limit();
    if (part.exact) {
      add_clause(requirement.clauses, std::move(part.strings));
    } else {
      requirement.clauses = std::move(part.clauses);
    }
  } catch (const NotUnderstood& reason) {
    requirement.understood = false;
    requirement.reason = reason.what();
  }
  auto& clauses = requirement.clauses;
  std::stable_sort(clauses.begin(), clauses.end(), more_selective);
  clauses.erase(std::unique(clauses.begin(), clauses.end()), clauses.end());
  if (clauses.size() > kMaximumClauses) clauses.resize(kMaximumClauses);
  return requirement;
}

}  // namespace flow::operators
