// Which texts can a regular expression match at all? A cheap answer, without compiling it.
//
// An expression such as `; *(Nexus|Pixel) .{0,100} Build` can only match a text that contains
// "nexus" or "pixel", and " build". required_literals() reads that out of the pattern in some
// microseconds, which is what lets a thousand expressions be loaded without compiling one of them:
// see literal_prefilter.hpp for the use.
//
// The idea (an AND of ORs of literals; exact sets of strings grown by concatenation) is the one of
// Russ Cox, "Regular Expression Matching with a Trigram Index".
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace flow::operators {

/// Literals of which at least one occurs in every matching text. Lower case, ASCII, distinct.
using LiteralClause = std::vector<std::string>;

/// What required_literals() found out about a pattern.
struct LiteralRequirement {
  /// Every clause must hold. No clause: nothing is known, any text may match.
  std::vector<LiteralClause> clauses;

  /// False if the pattern uses syntax outside the subset read here (or is no valid pattern).
  /// `clauses` is then empty, and the caller should ask the regular-expression engine for its
  /// verdict.
  bool understood = true;

  /// Why it was not understood: one phrase, without place.
  std::string reason;

  /// The pattern with the counts of its long repetitions of single characters opened: `.{1,200}`
  /// made `.+`. An automaton needs a state for each count, so this one is many times smaller and
  /// faster. It matches all that the pattern does, and more. Empty if nothing was opened.
  std::string relaxed;
  /// The smallest upper count that was opened. A match of `relaxed` no longer than this, in bytes,
  /// is the pattern's own match, groups included: no repetition within it can have passed its
  /// count, so it is among the pattern's ways to match, and the ways are tried in the same order.
  std::size_t relaxed_limit = 0;
};

/// Shorter literals are not worth looking for: they occur nearly everywhere.
inline constexpr std::size_t kMinimumLiteralLength = 2;

/// Repetitions with a smaller upper count are left as they are in LiteralRequirement::relaxed.
inline constexpr int kMinimumRelaxedCount = 30;

/// A pattern's clauses are cut to the most selective ones, so that a bit mask of one byte can count
/// them.
inline constexpr std::size_t kMaximumClauses = 8;

/// Literals that every text matched by `pattern` (RE2 syntax) must contain when the text is
/// compared in lower case. Sound for case-sensitive and case-insensitive use alike: it may ask for
/// too little, never for too much. Never throws but for memory.
LiteralRequirement required_literals(std::string_view pattern);

}  // namespace flow::operators
