#include "core/config/parameters.hpp"

#include <gtest/gtest.h>

#include <map>

#include "core/config/loader.hpp"

namespace flowrun::parameters_test {
namespace {

class ParametersTest : public ::testing::Test {
 protected:
  // The options of the source `a`, whose table goes on with `options`.
  Value::Table load(const std::string& parameters, const std::string& options) {
    found_ = Diagnostics();
    LoadSettings settings;
    settings.variables = [](std::string_view name) -> std::optional<std::string> {
      if (name == "HOME") return "/home/${parameters.n}";
      return std::nullopt;
    };
    settings.parameters = set_;
    settings.read = [this](const std::filesystem::path& file, std::size_t) {
      return FileText{files_[file.string()], ""};
    };
    const std::string text = parameters + "\n[sinks.z]\ntype = \"file\"\ninputs = [\"a\"]\n" +
                             "[sources.a]\ntype = \"file\"\n" + options;
    return parse_pipeline(text, "p.toml", found_, settings).find("a")->options;
  }

  // The messages, one a line; parameters from line 1.
  std::string messages(const std::string& parameters, const std::string& options = "") {
    std::string lines;
    try {
      load(parameters, options);
      for (const Diagnostic& problem : found_.sorted()) lines += problem.to_string() + '\n';
    } catch (const ConfigurationError& error) {
      for (const Diagnostic& problem : error.diagnostics()) lines += problem.to_string() + '\n';
    }
    return lines;
  }

  std::vector<ParameterSetting> set_;
  std::map<std::string, std::string> files_;
  Diagnostics found_;
};

TEST_F(ParametersTest, ATextThatIsOneReferenceTakesTheTypeOfTheParameter) {
  const Value::Table options = load(
      "[parameters]\nn = 5\nf = 2.5\nok = true\nt = \"x\"\nl = [\"p\", \"q\"]\n",
      "n = \"${parameters.n}\"\nf = \"${parameters.f}\"\nok = \"${parameters.ok}\"\n"
      "t = \"${parameters.t}\"\nl = \"${parameters.l}\"\nin = { deep = [\"${parameters.n}\"] }\n");
  ASSERT_TRUE(found_.all().empty()) << found_.all()[0].to_string();
  EXPECT_EQ(*find(options, "n")->integer(), 5);
  EXPECT_EQ(*find(options, "f")->number(), 2.5);
  EXPECT_TRUE(*find(options, "ok")->boolean());
  EXPECT_EQ(*find(options, "t")->text(), "x");
  EXPECT_EQ(find(options, "l")->list()->size(), 2u);
  EXPECT_EQ(*find(*find(options, "in")->table(), "deep")->list()->front().integer(), 5);
  // What is wrong with it is told where it is used.
  EXPECT_EQ(find(options, "n")->place.to_string(), "p.toml:13:5");
}

TEST_F(ParametersTest, InsideATextValuesAreWrittenOut) {
  const Value::Table options = load("[parameters]\nn = 5\nf = 2.5\nok = true\nt = \"${HOME}\"\n",
                                    "path = \"$${parameters.n}/${parameters.n}-${parameters.f}-"
                                    "${parameters.ok}-${parameters.t}\"\n");
  ASSERT_TRUE(found_.all().empty()) << found_.all()[0].to_string();
  // What was put in is not expanded again.
  EXPECT_EQ(*find(options, "path")->text(), "${parameters.n}/5-2.5-true-/home/${parameters.n}");
}

TEST_F(ParametersTest, SetIsReadAsTheTypeWants) {
  set_ = {{"n", "7"},       {"ok", "false"}, {"t", "${HOME}=1"},
          {"l", "[\"p\"]"}, {"f", "3"},      {"d", "2m"}};
  const Value::Table options = load(
      "[parameters]\nn = 5\nok = true\nt = \"\"\nl = []\nf = 1.5\n"
      "d = { type = \"duration\", min = \"1s\" }\n",
      "n = \"${parameters.n}\"\nok = \"${parameters.ok}\"\nt = \"${parameters.t}\"\n"
      "l = \"${parameters.l}\"\nf = \"${parameters.f}\"\nd = \"${parameters.d}\"\n");
  ASSERT_TRUE(found_.all().empty()) << found_.all()[0].to_string();
  EXPECT_EQ(*find(options, "n")->integer(), 7);
  EXPECT_FALSE(*find(options, "ok")->boolean());
  EXPECT_EQ(*find(options, "t")->text(), "${HOME}=1");
  EXPECT_EQ(find(options, "l")->list()->size(), 1u);
  EXPECT_EQ(*find(options, "d")->text(), "2m");
}

TEST_F(ParametersTest, TheLastSetWins) {
  set_ = {{"n", "7"}, {"n", "8"}};
  EXPECT_EQ(*find(load("parameters.n = 5\n", "n = \"${parameters.n}\"\n"), "n")->integer(), 8);
}

TEST_F(ParametersTest, ValuesAreCheckedWhereTheyAreGiven) {
  const std::string declared =
      "[parameters]\nrows = { type = \"int\", default = 5, min = 1, max = 10 }\n"
      "mode = { default = \"fast\", choices = [\"fast\", \"safe\"] }\n"
      "wait = { type = \"duration\", default = \"1s\", max = \"1m\" }\n";
  set_ = {{"rows", "11"}, {"mode", "saf"}, {"wait", "1h"}};
  EXPECT_EQ(messages(declared),
            "--set mode=saf: parameters.mode: 'saf' is not one of \"fast\" or \"safe\" (did you "
            "mean 'safe'?)\n"
            "--set rows=11: parameters.rows: must be between 1 and 10, and is 11\n"
            "--set wait=1h: parameters.wait: must be at most 1m, and is '1h'\n");
  set_ = {{"rows", "x"}};
  EXPECT_EQ(messages(declared),
            "--set rows=x: parameters.rows: must be a whole number, and is a text\n");
  set_ = {{"rows", "5\nx = 6"}};
  EXPECT_NE(messages(declared).find("must be a whole number"), std::string::npos);
  set_.clear();
  EXPECT_EQ(messages("[parameters]\nrows = { type = \"int\", default = \"5\" }\n"),
            "p.toml:2:34: parameters.rows: must be a whole number, and is a text\n");
}

TEST_F(ParametersTest, MalformedDeclarationsAreAllTold) {
  EXPECT_EQ(messages("[parameters]\na = { typ = \"int\" }\nb = { type = \"number\" }\n"
                     "c = { type = \"int\", choices = [\"1\"] }\nd = { type = \"text\", min = 1 }\n"
                     "e = { type = \"size\", max = 5 }\n\"f g\" = 1\n"),
            "p.toml:2:7: parameters.a.typ: unknown option of the parameter (did you mean "
            "'type'?)\n"
            "p.toml:3:14: parameters.b.type: 'number' is not one of \"bool\", \"int\", \"float\", "
            "\"text\", \"duration\", \"size\" or \"list\"\n"
            "p.toml:4:31: parameters.c.choices: only texts have choices (limit it with min and "
            "max)\n"
            "p.toml:5:28: parameters.d.min: only numbers, durations and sizes have limits (leave "
            "it out)\n"
            "p.toml:6:28: parameters.e.max: must be a size, and is 5\n"
            "p.toml:7:1: parameters.\"f g\": 'f g' is not a well-formed name (begin with a letter "
            "or '_', go on with letters, digits, '_' and '-')\n");
  EXPECT_EQ(messages("parameters = 5\n"),
            "p.toml:1:14: parameters: must be a table, and is an integer (write [parameters])\n");
}

TEST_F(ParametersTest, AllThatHaveNoValueAreToldAtOnce) {
  EXPECT_EQ(messages("[parameters]\ninput = { type = \"text\", doc = \"the log\" }\nn = { type = "
                     "\"int\" }\nm = 1\n"),
            "p.toml:2:1: parameters: nothing gives a value to 'input' (the log) and 'n', which "
            "have no default (write --set input=VALUE --set n=VALUE)\n");
}

TEST_F(ParametersTest, UnknownNamesGetTheNearestOne) {
  set_ = {{"row", "1"}};
  EXPECT_EQ(messages("parameters.rows = 5\n"),
            "--set row=1: there is no parameter 'row' (did you mean 'rows'?)\n");
  set_ = {{"q", "1"}};
  EXPECT_EQ(messages("parameters.rows = 5\n"),
            "--set q=1: there is no parameter 'q' (there is rows)\n");
  EXPECT_EQ(messages(""),
            "--set q=1: there is no parameter 'q' (the file declares none, as [parameters] "
            "would)\n");
  set_.clear();
  EXPECT_EQ(messages("parameters.rows = 5\n", "n = \"${parameters.rwos}${parameters.rows}\"\n"),
            "p.toml:8:5: sources.a.n: there is no parameter 'rwos' (did you mean 'rows'?)\n");
}

TEST_F(ParametersTest, ReferencesThatCannotBeAreTold) {
  EXPECT_EQ(messages("parameters.l = []\n",
                     "a = \"x${parameters.l}\"\nb = \"${parameters.l:-5}\"\nc = \"${l}\"\n"),
            "p.toml:8:5: sources.a.a: the parameter 'l' is a list, and cannot be part of a text "
            "(write it alone: \"${parameters.l}\")\n"
            "p.toml:9:5: sources.a.b: 'l:-5' is not the name of a parameter (its default stands "
            "where it is declared, in [parameters])\n"
            "p.toml:10:5: sources.a.c: the environment variable l is not set (the parameter is "
            "written ${parameters.l})\n");
  EXPECT_EQ(messages("[parameters]\na = 1\nb = \"${parameters.a}\"\n"),
            "p.toml:3:5: parameters.b: parameters cannot be referred to here (${NAME}, a variable "
            "of the environment, can)\n");
}

TEST_F(ParametersTest, WhatNothingUsesIsAWarning) {
  EXPECT_EQ(messages("parameters.rows = 5\n"),
            "p.toml:1:12: warning: parameters.rows: nothing refers to it (it is written "
            "\"${parameters.rows}\")\n");
}

TEST_F(ParametersTest, AnIncludingFileMayGiveAValueButNotDeclareAgain) {
  files_["common.toml"] = "[parameters]\nrows = { type = \"int\", default = 5, max = 10 }\n";
  const std::string use = "n = \"${parameters.rows}\"\n";
  EXPECT_EQ(*find(load("include = [\"common.toml\"]\nparameters.rows = 6\n", use), "n")->integer(),
            6);
  EXPECT_EQ(messages("include = [\"common.toml\"]\nparameters.rows = 60\n", use),
            "p.toml:2:19: parameters.rows: must be at most 10, and is 60\n");
  EXPECT_EQ(messages("include = [\"common.toml\"]\nparameters.rows = { default = 6 }\n", use),
            "p.toml:2:12: parameters.rows: is declared at common.toml:2:1 already (to give it "
            "another value here, write rows = VALUE)\n");
  files_["other.toml"] = "parameters.rows = 7\n";
  EXPECT_EQ(messages("include = [\"common.toml\", \"other.toml\"]\n", use),
            "other.toml:1:12: parameters.rows: has a value at common.toml:2:34 already, and "
            "neither file includes the other\n");
}

TEST_F(ParametersTest, SettingsNeedANameAndAnEqualsSign) {
  EXPECT_FALSE(parse_parameter_setting("rows"));
  EXPECT_FALSE(parse_parameter_setting("=5"));
  EXPECT_EQ(parse_parameter_setting("a=b=c")->value, "b=c");
  EXPECT_EQ(parse_parameter_setting("a=")->value, "");
}

TEST_F(ParametersTest, TheirKeysDocumentThemselves) {
  for (const flow_option* option : parameter_keys()) {
    EXPECT_GT(std::string(option->doc).size(), 10u) << option->name;
  }
}

}  // namespace
}  // namespace flowrun::parameters_test
