#include "core/config/toml_format.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <random>

#include "core/config/diagnostic.hpp"
#include "core/config/file_text.hpp"

namespace flowrun::toml_format_test {
namespace {

// The result, which formatting again leaves as it is.
std::string formatted(std::string_view text) {
  std::string once = format_toml(text, "p.toml");
  EXPECT_EQ(format_toml(once, "p.toml"), once);
  return once;
}

TEST(TomlFormatTest, SpacesAreTheSameEverywhere) {
  EXPECT_EQ(formatted("  [ sources . a ]  \n  type=\"file\"\npath   =  'x'\nb . c\t=\t1"),
            "[sources.a]\ntype = \"file\"\npath = 'x'\nb.c = 1\n");
  EXPECT_EQ(formatted("[[ a . \"b c\" ]]\n\"d.e\"  . f=1\n"), "[[a.\"b c\"]]\n\"d.e\".f = 1\n");
  EXPECT_EQ(formatted("a={b=1,c={  }, d =[ ]}"), "a = { b = 1, c = {}, d = [] }\n");
}

TEST(TomlFormatTest, NothingStaysNothing) {
  EXPECT_EQ(formatted(""), "");
  EXPECT_EQ(formatted("\n \r\n\t\n"), "");
  EXPECT_EQ(formatted("\xEF\xBB\xBF"
                      "a = 1"),
            "a = 1\n");
}

TEST(TomlFormatTest, TablesAreSetApartByOneBlankLine) {
  EXPECT_EQ(formatted("\n\na=1\n[b]\n\n\nc=1\n\n\n\nd=1\n[e]\n[f]\n\n\n"),
            "a = 1\n\n[b]\nc = 1\n\nd = 1\n\n[e]\n\n[f]\n");
}

TEST(TomlFormatTest, CommentsInFrontOfATableGoWithIt) {
  EXPECT_EQ(
      formatted("# the file\n\n[a]\nb = 1\n# about c\n# and more\n[c]\n\n# in c\nd = 1\n# end"),
      "# the file\n\n[a]\nb = 1\n\n# about c\n# and more\n[c]\n# in c\nd = 1\n# end\n");
  EXPECT_EQ(formatted("a = 1\n# behind a\n\n# about b\n[b]\n"),
            "a = 1\n# behind a\n\n# about b\n[b]\n");
}

TEST(TomlFormatTest, CommentsBehindValuesAreAlignedInABlock) {
  EXPECT_EQ(formatted("[a]   # head\nb = 1 # one\nlonger = 'ab'# two\nc = 3\n\nd = 4    # four\n"),
            "[a]  # head\nb = 1          # one\nlonger = 'ab'  # two\nc = 3\n\nd = 4  # four\n");
  // A long line does not push the others out.
  const std::string text(80, 'x');
  EXPECT_EQ(formatted("a = 1 # one\nb = '" + text + "' # two\n"),
            "a = 1  # one\nb = '" + text + "'  # two\n");
  // Characters count, not bytes.
  EXPECT_EQ(formatted("a = '\xC3\xA9' # one\nbb = 'e' # two\n"),
            "a = '\xC3\xA9'   # one\nbb = 'e'  # two\n");
}

TEST(TomlFormatTest, AListStaysOnOneLineUnlessItsFirstElementBeganOne) {
  EXPECT_EQ(formatted("a = [1,2 ,\n 3,\n]\n"), "a = [1, 2, 3]\n");
  EXPECT_EQ(formatted("a = [\n1,2]\nb = [\n]\n"), "a = [\n  1,\n  2,\n]\nb = []\n");
  EXPECT_EQ(formatted("a = [[\n1]]\n"), "a = [\n  [\n    1,\n  ],\n]\n");
  EXPECT_EQ(formatted("a = { b = [\n1, 2], c = 3 }\n"), "a = { b = [\n  1,\n  2,\n], c = 3 }\n");
}

TEST(TomlFormatTest, AListThatIsTooWideGetsALineForEachElement) {
  const std::string word = '"' + std::string(40, 'x') + '"';
  EXPECT_EQ(formatted("a = [" + word + "," + word + "]\n"), "a = [" + word + ", " + word + "]\n");
  EXPECT_EQ(formatted("a = [" + word + "," + word + "," + word + "]\n"),
            "a = [\n  " + word + ",\n  " + word + ",\n  " + word + ",\n]\n");
}

TEST(TomlFormatTest, CommentsInListsKeepTheirElement) {
  EXPECT_EQ(formatted("a = [ # head\n1, # one\n# about 22\n22 # two\n,\n\n3\n# end\n] # behind\n"),
            "a = [\n  # head\n  1,  # one\n  # about 22\n  22,  # two\n\n  3,\n  # end\n]  # "
            "behind\n");
  EXPECT_EQ(formatted("a = [\n# nothing\n]\n"), "a = [\n  # nothing\n]\n");
}

TEST(TomlFormatTest, ScalarsAreLeftAsTheyAreWritten) {
  const std::string text =
      "a = 0xDEAD_beef\nb = 1979-05-27 07:32:00Z\nc = +1e3\nd = \"\"\"\n  x # no "
      "comment\n\n\n\\\"\n"
      "  y\"\"\"\"\"\ne = '''\nz\n'''\nf = \"\\u00e9 = [\"\ng = -inf\n";
  EXPECT_EQ(formatted(text), text);
}

TEST(TomlFormatTest, LineEndsBecomePlain) {
  EXPECT_EQ(formatted("a = 1 # x\r\n\r\n\r\n[b]\r\nc = [\r\n1]\r\n"),
            "a = 1  # x\n\n[b]\nc = [\n  1,\n]\n");
}

TEST(TomlFormatTest, SyntaxErrorsAreToldWithTheirPlace) {
  try {
    format_toml("a = 1\nb = \n", "p.toml");
    FAIL() << "no error";
  } catch (const ConfigurationError& error) {
    EXPECT_EQ(error.diagnostics().front().place.line, 2u);
  }
}

// Documents of random shape: any mixture of spaces, breaks and comments that TOML allows.
class RandomDocument {
 public:
  explicit RandomDocument(std::uint32_t seed) : random_(seed) {}

  std::string text() {
    std::string out = gap();
    for (int i = below(12); i > 0; --i) {
      if (below(4) == 0) {
        out.append("[t").append(std::to_string(++names_)).append(spaces() + "]");
      } else {
        out.append("k").append(std::to_string(++names_)).append(spaces() + "=" + spaces());
        out += value(3);
      }
      out += end_of_line();
      out += gap();
    }
    return out;
  }

 private:
  int below(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }
  std::string spaces() { return std::string(static_cast<std::size_t>(below(3)), ' '); }
  std::string end_of_line() { return spaces() + (below(3) == 0 ? "# c" + spaces() : "") + "\n"; }

  std::string gap() {
    std::string out;
    for (int i = below(4); i > 0; --i) out += end_of_line();
    return out;
  }

  std::string list_gap() { return below(3) == 0 ? end_of_line() + gap() : spaces(); }

  std::string value(int depth) {
    static constexpr const char* kScalars[] = {
        "1",          "-2.5e3",
        "true",       "\"a # \\\" b\"",
        "'c]'",       "\"\"\"\nm\n\n  n\"\"\"",
        "2020-01-01", "\"a text that is long enough to make some lists too wide for a line\""};
    const int kind = below(depth > 0 ? 6 : 4);
    if (kind < 4) return kScalars[below(8)];
    std::string out = kind == 4 ? "[" : "{";
    const int n = below(4);
    for (int i = 0; i < n; ++i) {
      const std::string before = kind == 4 ? list_gap() : spaces();
      out += before;
      if (kind == 5) out.append("k").append(std::to_string(i)).append(spaces() + "=");
      out += value(depth - 1);
      out += kind == 4 ? list_gap() : spaces();
      if (i + 1 < n || (kind == 4 && below(2) == 0)) out += ',';
    }
    out += kind == 4 ? list_gap() : spaces();
    out += kind == 4 ? ']' : '}';
    return out;
  }

  std::mt19937 random_;
  int names_ = 0;
};

TEST(TomlFormatTest, WhateverIsWrittenKeepsItsMeaningAndCommentsAndIsFormattedOnce) {
  const char* given = std::getenv("FLOWRUN_TEST_SEED");
  const auto seed = static_cast<std::uint32_t>(given != nullptr ? std::strtoul(given, nullptr, 10)
                                                                : std::random_device()());
  std::printf("toml_format: FLOWRUN_TEST_SEED=%u\n", seed);
  std::mt19937 seeds(seed);
  for (int i = 0; i < 3000; ++i) {
    const std::string text = RandomDocument(seeds()).text();
    SCOPED_TRACE(text);
    std::string once;
    ASSERT_NO_THROW(once = formatted(text));  // a changed meaning throws
    // No comment is lost.
    const auto comments = [](const std::string& in) {
      std::size_t n = 0;
      for (std::size_t at = in.find("# c"); at != std::string::npos; at = in.find("# c", at + 1))
        ++n;
      return n;
    };
    ASSERT_EQ(comments(once), comments(text)) << once;
    if (HasFailure()) return;
  }
}

TEST(TomlFormatTest, TheFilesOfThisRepositoryAreFormatted) {
  int n_files = 0;
  for (const char* folder : {"pipelines", "bench/cases"}) {
    const std::filesystem::path root = std::filesystem::path(FLOWRUN_SOURCE_DIR) / folder;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
      if (entry.path().extension() != ".toml") continue;
      ++n_files;
      const std::string text = read_file_text(entry.path(), 1 << 20).text;
      EXPECT_EQ(format_toml(text, entry.path().string()), text)
          << "flowrun fmt " << entry.path().string();
    }
  }
  EXPECT_GT(n_files, 0);
}

}  // namespace
}  // namespace flowrun::toml_format_test
