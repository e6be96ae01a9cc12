// What is read out of a regular expression without compiling it: a text that the expression matches
// has a literal of each clause, and is matched by the relaxed expression. The expression and the
// text stand in two lines.
#include <re2/re2.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>

#include "operators/common/required_literals.hpp"
#include "operators/common/utf8_text.hpp"
#include "tests/fuzz/require.hpp"
#include "tests/fuzz/seeds.hpp"

extern "C" FuzzSeeds flow_fuzz_seeds() {
  static constexpr std::string_view kSeeds[] = {
      "; *(Nexus|Pixel) .{0,100} Build\nLinux; Pixel 7 x Build/1",
      "(?i)(iPhone|iPad)(?:.*OS (\\d+)_(\\d+)|)\nIPAD; CPU OS 17_1",
      "^Mozilla/[45]\\.0 [^()]+\\(([A-Za-z]{2,40});\nMozilla/5.0 x (abc; y",
      "\\bab+c?|d[ef]g{1,50}$\nxx abbbc", "a(?:b|)(?P<name>c+?)\\x41\\Q.*\\E\nabcA.*"};
  return {kSeeds, std::size(kSeeds)};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace flow::operators;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string_view pattern = input.substr(0, input.find('\n'));
  const std::string_view text = input.substr(std::min(pattern.size() + 1, size));
  const LiteralRequirement required = required_literals(pattern);
  require(required.clauses.size() <= kMaximumClauses);
  require(required.understood || required.clauses.empty());
  if (pattern.size() > 200) return 0;

  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(1 << 20);
  const re2::RE2 expression({pattern.data(), pattern.size()}, options);
  if (!expression.ok() || !re2::RE2::PartialMatch({text.data(), text.size()}, expression)) return 0;
  // As the search does it: a Kelvin sign is a k, too.
  std::string lower = fold_to_ascii_letters(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  for (const LiteralClause& clause : required.clauses) {
    require(std::any_of(clause.begin(), clause.end(), [&](const std::string& literal) {
      return lower.find(literal) != std::string::npos;
    }));
  }
  if (required.relaxed.empty()) return 0;
  const re2::RE2 relaxed(required.relaxed, options);
  require(!relaxed.ok() || re2::RE2::PartialMatch({text.data(), text.size()}, relaxed));
  return 0;
}
