#include "core/config/variables.hpp"

#include <gtest/gtest.h>

#include "core/config/toml_document.hpp"

namespace flowrun::variables_test {
namespace {

class VariablesTest : public ::testing::Test {
 protected:
  std::string expand(const std::string& text) {
    Value value{{"p.toml", 3, 7}, text};
    found_ = Diagnostics();
    const VariableLookup lookup = [](std::string_view name) -> std::optional<std::string> {
      if (name == "HOME") return "/home/ada";
      if (name == "EMPTY") return "";
      if (name == "NESTED") return "${HOME}";
      return std::nullopt;
    };
    expand_variables(value, lookup, "sinks.x.path", found_);
    return *value.text();
  }

  std::string error(const std::string& text) {
    expand(text);
    EXPECT_EQ(found_.all().size(), 1u) << text;
    return found_.all().empty() ? "" : found_.all()[0].to_string();
  }

  Diagnostics found_;
};

TEST_F(VariablesTest, NamesAreReplacedByTheirValues) {
  EXPECT_EQ(expand("${HOME}/a${EMPTY}b"), "/home/ada/ab");
  EXPECT_EQ(expand("${NONE:-x y}"), "x y");
  EXPECT_EQ(expand("${EMPTY:-x}"), "x");
  EXPECT_EQ(expand("${HOME:-x}"), "/home/ada");
  EXPECT_EQ(expand("${NONE:-}"), "");
  EXPECT_FALSE(found_.has_errors());
}

TEST_F(VariablesTest, ValuesAreNotExpandedAgain) { EXPECT_EQ(expand("${NESTED}"), "${HOME}"); }

TEST_F(VariablesTest, DollarsOtherwiseStandForThemselves) {
  EXPECT_EQ(expand("^a$"), "^a$");
  EXPECT_EQ(expand("$5 $HOME"), "$5 $HOME");
  EXPECT_EQ(expand("$${HOME}"), "${HOME}");
  EXPECT_EQ(expand("$$$$"), "$$");
}

TEST_F(VariablesTest, WhatCannotBeExpandedIsAnError) {
  EXPECT_EQ(error("a${NONE}b"),
            "p.toml:3:7: sinks.x.path: the environment variable NONE is not set (set it, or give a "
            "default: ${NONE:-default})");
  EXPECT_EQ(error("${HOME"),
            "p.toml:3:7: sinks.x.path: '${' is not closed by '}' (write $${ for a literal ${)");
  EXPECT_EQ(error("${A-B}"),
            "p.toml:3:7: sinks.x.path: 'A-B' is not the name of a variable (write ${NAME} or "
            "${NAME:-default}, and $${ for a literal ${)");
  EXPECT_NE(error("${}").find("'' is not the name of a variable"), std::string::npos);
  EXPECT_EQ(error("${A:-${HOME}}"),
            "p.toml:3:7: sinks.x.path: the default of ${A} has a variable in it (defaults are "
            "taken as they are written)");
}

TEST_F(VariablesTest, ReachesEveryTextBelowAndNoKey) {
  Value document{{"p", 1, 1}, parse_toml("\"${K}\" = [\"${V}\", { x = \"${V}\" }]\nn = 1\n", "p")};
  expand_variables(
      document, [](std::string_view) { return std::optional<std::string>("v"); }, "", found_);
  const Member& member = (*document.table())[0];
  EXPECT_EQ(member.name, "${K}");
  EXPECT_EQ(*(*member.value.list())[0].text(), "v");
  EXPECT_EQ(*find(*(*member.value.list())[1].table(), "x")->text(), "v");
}

}  // namespace
}  // namespace flowrun::variables_test
