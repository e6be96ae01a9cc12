// A regular expression that is compiled when it is first needed.
#pragma once

#include <re2/re2.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <string>
#include <string_view>

namespace flow::operators {

/// How the text to be matched is encoded: it chooses the program.
enum class TextEncoding : unsigned char { kAscii, kUtf8 };

/// An RE2 compiled on first use: once for ASCII texts (a program of less than half the size) and
/// once for others; and of a pattern with long counted repetitions first the relaxed form, which
/// nearly always settles the matter.
///
/// Thread safety: all methods from any thread, without a lock. Threads that need the same program
/// at the same first moment each compile it, and one result is kept: nobody waits for anybody.
/// Cost: some 20-100 us for the first use of an expression of ordinary length, then a load.
class LazyExpression {
 public:
  /// `relaxed` and `relaxed_limit` as in LiteralRequirement.
  LazyExpression(std::string pattern, bool ignore_case, std::string relaxed = {},
                 std::size_t relaxed_limit = 0);
  ~LazyExpression();
  LazyExpression(const LazyExpression&) = delete;
  LazyExpression& operator=(const LazyExpression&) = delete;

  /// Finds the leftmost match in `text` and sets groups[0..count) to the whole match and its
  /// groups; groups that took no part are empty. `groups` holds at least one element even if
  /// `count` is 0. Never matches if RE2 refuses the pattern.
  bool match(std::string_view text, TextEncoding encoding, re2::StringPiece* groups,
             int count) const;

  /// match() without the relaxed form: the same answer, slower, for tests.
  bool match_directly(std::string_view text, TextEncoding encoding, re2::StringPiece* groups,
                      int count) const;

  /// Compiles every program that match() may need. Returns RE2's reason for refusing the pattern,
  /// "" if it does not.
  std::string compile_all() const;

  const std::string& pattern() const { return pattern_; }

 private:
  enum class Form : unsigned char { kExact, kRelaxed };

  const RE2& program(TextEncoding encoding, Form form) const;
  const RE2& compile(TextEncoding encoding, Form form, std::atomic<const RE2*>& slot) const;

  std::string pattern_;
  std::string relaxed_;
  std::size_t relaxed_limit_;  // 0: there is no relaxed form
  bool ignore_case_;
  bool ascii_pattern_;
  mutable std::array<std::atomic<const RE2*>, 4> programs_{};  // owned
};

}  // namespace flow::operators
