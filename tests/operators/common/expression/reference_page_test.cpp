// docs/expressions.md is made from the table of functions; written anew with
//   FLOWRUN_WRITE_DOCS=1 build/tests/operators_tests --gtest_filter='ExpressionsPage.*'
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "operators/common/expression/functions.hpp"
#include "operators/common/time_format.hpp"

namespace flow::operators::reference_page_test {
namespace {

constexpr std::string_view kIntroduction = R"(# Expressions

One small, typed language for conditions and new fields: `where` of `filter`, `routes` of `route`,
`fields` of `compute`. An expression is worked out a column at a time; constant parts once, equal
parts once, and what depends on one category alone once a dictionary entry instead of once a row.

    status >= 500 and country in ['FR', 'DE'] and not contains(agent, 'bot')

## Values

| written | is |
|---|---|
| `status`, `location.lat`, `` `odd name` `` | a field; dots reach inside structs; in backquotes any name (a backquote doubled) |
| `404`, `-1`, `2.5`, `1e3` | an int (64 bits), a float |
| `'GET'`, `"it's"`, `'it''s'` | a text; the quote inside it doubled |
| `true`, `false`, `null` | a bool, nothing |

A field that the rows do not have is null; `flowrun validate` names it, and so does a warning while running (not where
only `is null` asks for it, unless its name is close to another one). Categories are texts. Binary fields can be
compared, searched, matched and hashed. Of structs and lists only `is null` can be asked.

## Operators

From the loosest to the tightest binding; brackets group.

| operator | is |
|---|---|
| `or`, `and`, `not` | three-valued as in SQL: `null and false` is false, `null or true` is true, else null stays null |
| `==` `!=` `<` `<=` `>` `>=` | comparison; of texts byte by byte, of bools equality alone; null beside null is null |
| `in ['a', 'b']`, `not in [1, 2]` | whether it equals one of the literals |
| `matches 'regex'`, `not matches` | whether an RE2 expression is found anywhere in the text (`^` and `$` bind it to the ends) |
| `is null`, `is not null` | never null itself |
| `+` `-` | of numbers; `time - time` in seconds, `time + seconds`, `time - seconds` |
| `*` `/` `%` | `/` is always a float; `%` has the sign of its left side |
| `-` | before a number |

Two ints make an int, but for `/`; an int beside a float counts as a float. What has no result is null, and no row
fails: a division by zero, an int beyond 64 bits, the root of a negative number.

## Conversions without a word

* A text, category or JSON field beside a number counts as the number that it spells, in a comparison exactly, in
  arithmetic as a float; if it spells none, as null. A text literal beside a number is a mistake.
* A timestamp beside a text counts as the text's RFC 3339 time: `at >= '2025-10-28T00:00:00Z'`.
* A JSON string counts as its text, a JSON number as its number, JSON true and false as bools, JSON null as null. Two
  JSON fields are compared by the text of their strings, numbers and bools.
* Everything else is a type error, with its column: found by `flowrun validate` where the types are known, and at the
  first rows otherwise.

Text is UTF-8: `length` and `substring` count code points.

## Functions
)";

std::string page() {
  std::string text(kIntroduction);
  std::string_view group;
  for (const Function& function : functions()) {
    if (function.group != group) {
      group = function.group;
      text.append("\n### ").append(group).append("\n\n");
    }
    text.append("* `").append(function.signature).append("`  \n  ").append(function.doc);
    text.append("  \n  `").append(function.example).append("` is `");
    text.append(function.expected).append("`\n");
  }
  text.append("\n## Time formats\n\n").append(kTimeFormatDoc).append(".\n\n");
  text.append(
      "Zones are names of the IANA database (`Europe/Paris`), `UTC`, or an offset (`+02:00`). "
      "Their "
      "rules are\nknown up to 2037. A time that clocks show twice counts as the first; one that "
      "they leap over as if\nthey had not yet.\n");
  return text;
}

TEST(ExpressionsPage, IsWhatTheTableOfFunctionsSays) {
  const std::string path = FLOWRUN_SOURCE_DIR "/docs/expressions.md";
  if (std::getenv("FLOWRUN_WRITE_DOCS") != nullptr) std::ofstream(path) << page();
  std::ifstream file(path);
  std::ostringstream written;
  written << file.rdbuf();
  EXPECT_EQ(written.str(), page()) << "write it anew: see the top of this test";
}

}  // namespace
}  // namespace flow::operators::reference_page_test
