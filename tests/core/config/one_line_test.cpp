#include "core/config/one_line.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "core/config/toml_document.hpp"

namespace flowrun::one_line_test {
namespace {

std::vector<OneLineStage> stages_of(const std::string& line) {
  std::vector<OneLineStage> stages = parse_one_line(line);
  stages.front().kind = FLOW_SOURCE;
  stages.back().kind = FLOW_SINK;
  return stages;
}

// "column: message" of the mistake in a line; "" if it has none.
std::string mistake(const std::string& line) {
  try {
    parse_one_line(line);
  } catch (const ConfigurationError& error) {
    const Diagnostic& found = error.diagnostics().front();
    return std::to_string(found.place.column) + ": " + found.message;
  }
  return "";
}

TEST(OneLine, SplitsStagesAndSettings) {
  const auto stages = parse_one_line("  file path=x.log  ! parse ! filter where=\"a ! b\" n=1 ");
  ASSERT_EQ(stages.size(), 3U);
  EXPECT_EQ(stages[0].type, "file");
  EXPECT_EQ(stages[0].at, 2U);
  EXPECT_EQ(stages[1].type, "parse");
  EXPECT_TRUE(stages[1].settings.empty());
  ASSERT_EQ(stages[2].settings.size(), 2U);
  EXPECT_EQ(stages[2].settings[0].toml, "\"a ! b\"");
  EXPECT_EQ(stages[2].settings[1].name, "n");
}

TEST(OneLine, KeepsTomlValuesAndQuotesWords) {
  const auto stages = parse_one_line(
      "a n=12 f=1.5 b=true d=5s s='x y' l=[\"a b\", 'c]'] t={ x = 1, y = \"}\" } w=q\"z\\ e=a!b");
  ASSERT_EQ(stages.size(), 1U);
  const auto toml = [&](const char* name) { return stages[0].find(name)->toml; };
  EXPECT_EQ(toml("n"), "12");
  EXPECT_EQ(toml("f"), "1.5");
  EXPECT_EQ(toml("b"), "true");
  EXPECT_EQ(toml("d"), "\"5s\"");
  EXPECT_EQ(toml("s"), "'x y'");
  EXPECT_EQ(toml("l"), "[\"a b\", 'c]']");
  EXPECT_EQ(toml("t"), "{ x = 1, y = \"}\" }");
  EXPECT_EQ(toml("w"), "\"q\\\"z\\\\\"");
  EXPECT_EQ(toml("e"), "\"a!b\"");
}

TEST(OneLine, PointsAtMistakes) {
  EXPECT_EQ(mistake("   "), "1: the line is empty");
  EXPECT_EQ(mistake("a !"), "4: an operator is missing behind the last '!'");
  EXPECT_EQ(mistake("a ! x=1 ! b").substr(0, 4), "5: a");
  EXPECT_EQ(mistake("a x"), "3: a setting NAME=VALUE is expected here");
  EXPECT_EQ(mistake("a x= y"), "5: the value of 'x' is missing");
  EXPECT_EQ(mistake("a x=\"y"), "5: the closing quote is missing");
  EXPECT_EQ(mistake("a x=[1, [2]"), "5: the closing ']' is missing");
  EXPECT_EQ(mistake("a x=1 x=2"), "7: 'x' is given twice");
  EXPECT_EQ(mistake("a inputs=b"), "3: 'inputs' follows from the line");
  EXPECT_EQ(mistake("a x='y'z"), "8: a space is missing here");
  EXPECT_EQ(mistake("a x=[1 2]").substr(0, 3), "8: ");
}

TEST(OneLineFile, IsAPipelineFile) {
  auto stages = stages_of("file path=x ! filter where=\"a == 1\" ! filter where=b ! file path=y");
  const OneLineFile file(stages, "name = \"p\"\n");
  EXPECT_EQ(file.toml(), R"([pipeline]
name = "p"

[sources.file]
type = "file"
path = "x"

[transforms.filter]
type = "filter"
inputs = ["file"]
where = "a == 1"

[transforms.filter_2]
type = "filter"
inputs = ["filter"]
where = "b"

[sinks.file_2]
type = "file"
inputs = ["filter_2"]
path = "y"
)");
}

TEST(OneLineFile, FindsTheWayBack) {
  const std::string line = "file path=xyz ! filter where=\"a == 1\" n=7 ! out";
  auto stages = stages_of(line);
  const OneLineFile file(stages, "");
  const Value::Table table = parse_toml(file.toml(), kOneLine);
  const auto at = [&](const Value& value, std::uint32_t inside) {
    Place place = value.place;
    place.column += inside;
    return file.position_of(place);
  };
  const Value::Table& source = *find(*find(table, "sources")->table(), "file")->table();
  EXPECT_EQ(line.substr(at(*find(source, "path"), 0), 3), "xyz");
  EXPECT_EQ(line.substr(at(*find(source, "path"), 2), 2), "yz");
  const Value::Table& filter = *find(*find(table, "transforms")->table(), "filter")->table();
  EXPECT_EQ(line.substr(at(*find(filter, "where"), 1), 6), "a == 1");
  EXPECT_EQ(line[at(*find(filter, "n"), 0)], '7');
  EXPECT_EQ(line.substr(at(*find(filter, "type"), 0), 6), "filter");
  EXPECT_EQ(line.substr(at(*find(filter, "inputs"), 0), 6), "filter");
}

TEST(OneLineFile, FindsTheWayBackIntoAWordWithQuotes) {
  const std::string line = "file path=x\"é\"z\\ name='éab' ! out";
  auto stages = stages_of(line);
  const OneLineFile file(stages, "");
  ASSERT_NE(file.toml().find(R"("x\"é\"z\\")"), std::string::npos) << file.toml();
  const Value::Table table = parse_toml(file.toml(), kOneLine);
  const Value::Table& source = *find(*find(table, "sources")->table(), "file")->table();
  const auto from = [&](const char* option, std::uint32_t characters) {
    Place place = find(source, option)->place;
    place.column += characters;
    return line.substr(file.position_of(place), 4);
  };
  EXPECT_EQ(from("path", 0), "x\"é");
  EXPECT_EQ(from("path", 2), "\"é\"");
  EXPECT_EQ(from("path", 4), "é\"z");
  EXPECT_EQ(from("path", 5), "\"z\\ ");
  EXPECT_EQ(from("path", 7), "z\\ n");
  EXPECT_EQ(from("path", 10), " nam");
  EXPECT_EQ(from("path", 11), " nam");
  EXPECT_EQ(from("name", 2), "ab' ");
}

TEST(OneLine, NeverCrashesOnNoise) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  constexpr std::string_view kCharacters = "ab= !\"'[]{}\\,1.\t\xC3\xA9#\n";
  int accepted = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string line = "a ";
    for (std::uint64_t n = random() % 24; n > 0; --n) {
      line += kCharacters[random() % kCharacters.size()];
    }
    try {
      std::vector<OneLineStage> stages = stages_of(line);
      const OneLineFile file(stages, "");
      parse_toml(file.toml(), kOneLine);
      ++accepted;
    } catch (const ConfigurationError& error) {
      for (const Diagnostic& found : error.diagnostics()) {
        EXPECT_LE(found.place.column, line.size() + 40) << line;
      }
    }
  }
  EXPECT_GT(accepted, 100);
}

TEST(WithCaret, CountsCharacters) {
  EXPECT_EQ(with_caret("\xC3\xA9x", 2), "  \xC3\xA9x\n   ^\n");
  EXPECT_EQ(with_caret("ab", 2), "  ab\n    ^\n");
}

}  // namespace
}  // namespace flowrun::one_line_test
