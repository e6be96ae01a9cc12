#include "core/graph/refusal.hpp"

#include <gtest/gtest.h>

#include <string>

#include "core/config/specification.hpp"

namespace flowrun {
namespace {

// [sources.log]
// path = ["a", "b"]
// decoding = { type = "csv", fields = "id" }
ComponentSpecification source() {
  ComponentSpecification log;
  log.kind = FLOW_SOURCE;
  log.id = "log";
  log.place = {"p.toml", 1, 10};
  const auto text = [](const char* words, std::uint32_t line, std::uint32_t column) {
    return Value{{"p.toml", line, column}, std::string(words)};
  };
  Value path{{"p.toml", 2, 8}, Value::List{text("a", 2, 9), text("b", 2, 14)}};
  log.options.push_back({"path", {"p.toml", 2, 1}, path});
  log.decoding = CodecSpecification{{"csv", {"p.toml", 3, 21}}, {"p.toml", 3, 12}, {}};
  log.decoding->options.push_back({"fields", {"p.toml", 3, 28}, text("id", 3, 37)});
  return log;
}

OptionProblem problem(const std::string& option, const std::string& item = {}) {
  return {option, item, "is wrong", "mend it", -1};
}

TEST(RefusalTest, WordsAreToldAtTheComponent) {
  EXPECT_EQ(locate(source(), false, Refusal("file source: no")).to_string(),
            "p.toml:1:10: sources.log: file source: no");
}

TEST(RefusalTest, OptionIsToldAtItsValue) {
  EXPECT_EQ(locate(source(), false, Refusal("path: is wrong", problem("path"))).to_string(),
            "p.toml:2:8: sources.log.path: is wrong (mend it)");
  EXPECT_EQ(locate(source(), false, problem("path", "1")).to_string(),
            "p.toml:2:14: sources.log.path.1: is wrong (mend it)");
  EXPECT_EQ(locate(source(), true, problem("fields")).to_string(),
            "p.toml:3:37: sources.log.decoding.fields: is wrong (mend it)");
}

TEST(RefusalTest, OptionThatWasNotGivenIsToldAtWhatLacksIt) {
  EXPECT_EQ(locate(source(), false, problem("follow")).to_string(),
            "p.toml:1:10: sources.log.follow: is wrong (mend it)");
  EXPECT_EQ(locate(source(), false, problem("path", "7")).to_string(),
            "p.toml:2:8: sources.log.path.7: is wrong (mend it)");
  EXPECT_EQ(locate(source(), true, problem("quote")).to_string(),
            "p.toml:3:12: sources.log.decoding.quote: is wrong (mend it)");
}

TEST(RefusalTest, PlaceInsideAValueNeedsTheFile) {
  ComponentSpecification log = source();
  log.options.push_back(
      {"where", {"p.toml", 4, 1}, Value{{"p.toml", 4, 9}, std::string("stats > 1")}});
  OptionProblem inside = problem("where");
  inside.offset = 8;
  const auto at = [&](const std::string& text) {
    return locate(log, false, inside, [&](const std::string&) { return text; }).place.to_string();
  };
  EXPECT_EQ(at("\n\n\nwhere = \"stats > 1\"\n"), "p.toml:4:18");
  EXPECT_EQ(at(""), "p.toml:4:9");
}

}  // namespace
}  // namespace flowrun
