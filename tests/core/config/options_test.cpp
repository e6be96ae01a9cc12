#include "core/config/options.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>

#include "core/config/toml_document.hpp"

namespace flowrun::options_test {
namespace {

flow_option option(flow_option_type type, const char* name, const char* default_toml = nullptr) {
  return {sizeof(flow_option), type, name, "Something.", default_toml, 0, 0, 0, 0, nullptr};
}

flow_option with_range(flow_option ranged, double min, double max) {
  ranged.has_range = 1;
  ranged.min = min;
  ranged.max = max;
  return ranged;
}

// Binds the TOML text against options and keeps the messages.
class OptionsTest : public ::testing::Test {
 protected:
  BoundOptions bind(std::vector<flow_option> options, const std::string& toml) {
    bound_options_ = std::move(options);
    pointers_.clear();
    for (const flow_option& option : bound_options_) pointers_.push_back(&option);
    found_ = Diagnostics();
    OptionContext context{{"p.toml", 1, 1}, "sinks.x", "sink 'x'", {"type", "inputs"}};
    context.secrets = secrets_;
    BoundOptions bound = bind_options(pointers_, parse_toml(toml, "p.toml"), context, found_);
    EXPECT_EQ(bound.size(), bound_options_.size());
    return bound;
  }

  // The one message for an option called `v`.
  std::string error(flow_option option, const std::string& toml) {
    bind({option}, toml);
    EXPECT_EQ(found_.all().size(), 1u) << toml;
    return found_.all().empty() ? "" : found_.all()[0].to_string();
  }

  std::vector<flow_option> bound_options_;
  std::vector<const flow_option*> pointers_;
  Diagnostics found_;
  SecretReading secrets_ = SecretReading::kRead;
};

TEST_F(OptionsTest, ValuesStandInTheOrderOfTheDescriptor) {
  const BoundOptions bound =
      bind({option(FLOW_OPTION_TEXT, "first"), option(FLOW_OPTION_INT, "absent"),
            option(FLOW_OPTION_BOOL, "second")},
           "second = true\nfirst = \"x\"\n");
  ASSERT_FALSE(found_.has_errors());
  const flow_value* const* values = bound.values();
  EXPECT_STREQ(values[0]->text, "x");
  EXPECT_EQ(values[0]->type, FLOW_OPTION_TEXT);
  EXPECT_EQ(values[0]->size, sizeof(flow_value));
  EXPECT_STREQ(values[0]->place, "p.toml:2:9");
  EXPECT_EQ(values[1], nullptr);
  EXPECT_EQ(values[2]->integer, 1);
  EXPECT_EQ(values[2]->type, FLOW_OPTION_BOOL);
}

TEST_F(OptionsTest, EachTypeCrossesAsItsValueType) {
  const BoundOptions bound =
      bind({option(FLOW_OPTION_INT, "int"), option(FLOW_OPTION_FLOAT, "float"),
            option(FLOW_OPTION_FLOAT, "whole"), option(FLOW_OPTION_DURATION, "duration"),
            option(FLOW_OPTION_SIZE, "size"), option(FLOW_OPTION_FIELD, "field"),
            option(FLOW_OPTION_FIELDS, "fields"), option(FLOW_OPTION_EXPRESSION, "expression")},
           "int = 7\nfloat = 2.5\nwhole = 3\nduration = \"1h30m\"\nsize = \"256KiB\"\n"
           "field = \"a.b\"\nfields = [\"a\", \"b\"]\nexpression = \"a > 1\"\n");
  ASSERT_FALSE(found_.has_errors());
  EXPECT_EQ(bound.find("int")->type, FLOW_OPTION_INT);
  EXPECT_EQ(bound.find("int")->integer, 7);
  EXPECT_EQ(bound.find("int")->number, 7.0);
  EXPECT_EQ(bound.find("float")->type, FLOW_OPTION_FLOAT);
  EXPECT_EQ(bound.find("float")->number, 2.5);
  EXPECT_EQ(bound.find("whole")->number, 3.0);
  EXPECT_EQ(bound.find("duration")->type, FLOW_OPTION_INT);
  EXPECT_EQ(bound.find("duration")->integer, 5'400'000'000'000);
  EXPECT_EQ(bound.find("size")->integer, 262144);
  EXPECT_STREQ(bound.find("field")->text, "a.b");
  ASSERT_EQ(bound.find("fields")->n_items, 2u);
  EXPECT_EQ(bound.find("fields")->type, FLOW_OPTION_LIST);
  EXPECT_STREQ(bound.find("fields")->items[1]->text, "b");
  EXPECT_STREQ(bound.find("expression")->text, "a > 1");
}

TEST_F(OptionsTest, TablesKeepNamesTypesAndOrder) {
  const BoundOptions bound =
      bind({option(FLOW_OPTION_TABLE, "t")}, "t = { z = 1, a = { n = [true, 2.5] } }\n");
  const flow_value* table = bound.find("t");
  ASSERT_NE(table, nullptr);
  ASSERT_EQ(table->type, FLOW_OPTION_TABLE);
  ASSERT_EQ(table->n_items, 2u);
  EXPECT_STREQ(table->names[0], "z");
  EXPECT_STREQ(table->names[1], "a");
  const flow_value* list = table->items[1]->items[0];
  EXPECT_EQ(list->items[0]->type, FLOW_OPTION_BOOL);
  EXPECT_EQ(list->items[1]->number, 2.5);
}

TEST_F(OptionsTest, ValuesStayWhereTheyAreWhenMoved) {
  BoundOptions bound = bind({option(FLOW_OPTION_LIST, "l")}, "l = [\"a\"]");
  const flow_value* before = bound.find("l");
  const BoundOptions moved = std::move(bound);
  EXPECT_EQ(moved.find("l"), before);
  EXPECT_STREQ(moved.find("l")->items[0]->text, "a");
}

TEST_F(OptionsTest, AbsentOptionsTakeTheirDefault) {
  const BoundOptions bound = bind({option(FLOW_OPTION_SIZE, "v", "\"1MiB\"")}, "");
  ASSERT_FALSE(found_.has_errors());
  EXPECT_EQ(bound.integer("v"), 1 << 20);
  EXPECT_EQ(bound.find("v")->place, nullptr);
}

TEST_F(OptionsTest, AMissingRequiredOptionIsNamedWithItsType) {
  flow_option required = option(FLOW_OPTION_FIELD, "v");
  required.required = 1;
  EXPECT_EQ(error(required, ""),
            "p.toml:1:1: sinks.x.v: is required by the sink 'x', and missing (it is a field name)");
}

TEST_F(OptionsTest, AMisspeltRequiredOptionIsOneMistake) {
  flow_option required = option(FLOW_OPTION_TEXT, "where");
  required.required = 1;
  bind({required}, "wher = \"x\"\n");
  ASSERT_EQ(found_.all().size(), 1u);
  EXPECT_EQ(found_.all()[0].to_string(),
            "p.toml:1:1: sinks.x.wher: unknown option of the sink 'x' (did you mean 'where'?)");
  bind({required}, "other = \"x\"\n");
  EXPECT_EQ(found_.all().size(), 2u);
}

TEST_F(OptionsTest, AnUnknownOptionGetsTheNearestName) {
  const std::vector<flow_option> options = {option(FLOW_OPTION_INT, "min"),
                                            option(FLOW_OPTION_INT, "max")};
  bind(options, "mim = 1\ninptus = []\ncolour = 1\n");
  ASSERT_EQ(found_.all().size(), 3u);
  EXPECT_EQ(found_.all()[0].to_string(),
            "p.toml:1:1: sinks.x.mim: unknown option of the sink 'x' (did you mean 'min'?)");
  EXPECT_EQ(found_.all()[1].to_string(),
            "p.toml:2:1: sinks.x.inptus: unknown option of the sink 'x' (did you mean 'inputs'?)");
  EXPECT_EQ(
      found_.all()[2].to_string(),
      "p.toml:3:1: sinks.x.colour: unknown option of the sink 'x' (its options are min and max)");
}

TEST_F(OptionsTest, AWrongTypeSaysWhatIsExpectedAndFound) {
  EXPECT_EQ(error(option(FLOW_OPTION_INT, "v"), "v = \"7\""),
            "p.toml:1:5: sinks.x.v: must be a whole number, and is a text");
  EXPECT_EQ(error(option(FLOW_OPTION_INT, "v"), "v = 1.5"),
            "p.toml:1:5: sinks.x.v: must be a whole number, and is a floating-point number");
  EXPECT_EQ(error(option(FLOW_OPTION_BOOL, "v"), "v = \"yes\""),
            "p.toml:1:5: sinks.x.v: must be a boolean, and is a text (write true or false)");
  EXPECT_EQ(error(option(FLOW_OPTION_TEXT, "v"), "v = 1"),
            "p.toml:1:5: sinks.x.v: must be a text, and is an integer");
  EXPECT_EQ(error(option(FLOW_OPTION_FLOAT, "v"), "v = []"),
            "p.toml:1:5: sinks.x.v: must be a number, and is a list");
  EXPECT_EQ(error(option(FLOW_OPTION_TABLE, "v"), "v = 1"),
            "p.toml:1:5: sinks.x.v: must be a table, and is an integer");
  EXPECT_EQ(error(option(FLOW_OPTION_FIELDS, "v"), "v = 1"),
            "p.toml:1:5: sinks.x.v: must be a list of field names, and is an integer");
  EXPECT_EQ(error(option(FLOW_OPTION_LIST, "v"), "v = [\"a\", 1]"),
            "p.toml:1:11: sinks.x.v: must be a list of text, and has an integer in it");
  EXPECT_EQ(error(option(FLOW_OPTION_DURATION, "v"), "v = true"),
            "p.toml:1:5: sinks.x.v: must be a duration, and is a boolean (write for example "
            "\"10s\")");
}

TEST_F(OptionsTest, OneTextStandsForAListOfOne) {
  const BoundOptions bound = bind({option(FLOW_OPTION_FIELDS, "v")}, "v = \"host\"");
  ASSERT_FALSE(found_.has_errors());
  ASSERT_EQ(bound.find("v")->type, FLOW_OPTION_LIST);
  ASSERT_EQ(bound.find("v")->n_items, 1u);
  EXPECT_STREQ(bound.find("v")->items[0]->text, "host");
}

TEST_F(OptionsTest, EmptyFieldNamesAreErrors) {
  EXPECT_EQ(error(option(FLOW_OPTION_FIELD, "v"), "v = \"\""),
            "p.toml:1:5: sinks.x.v: must not be empty");
  EXPECT_EQ(error(option(FLOW_OPTION_FIELDS, "v"), "v = [\"\"]"),
            "p.toml:1:6: sinks.x.v: has an empty name of a field in it");
}

TEST_F(OptionsTest, ADefaultMayBeAnEmptyFieldName) {
  const BoundOptions bound = bind({option(FLOW_OPTION_FIELD, "v", "\"\"")}, "");
  ASSERT_FALSE(found_.has_errors());
  EXPECT_STREQ(bound.find("v")->text, "");
}

TEST_F(OptionsTest, DurationsAndSizesNeedUnits) {
  EXPECT_EQ(error(option(FLOW_OPTION_DURATION, "v"), "v = 10"),
            "p.toml:1:5: sinks.x.v: '10' has no unit (write for example \"10s\")");
  EXPECT_EQ(error(option(FLOW_OPTION_SIZE, "v"), "v = \"10\""),
            "p.toml:1:5: sinks.x.v: '10' has no unit (write for example \"10B\")");
  EXPECT_EQ(bind({option(FLOW_OPTION_SIZE, "v")}, "v = 4096").integer("v"), 4096);
  EXPECT_EQ(bind({option(FLOW_OPTION_DURATION, "v")}, "v = 0").integer("v"), 0);
}

TEST_F(OptionsTest, RangesAreInclusiveAndShownInTheUnitOfTheValue) {
  const flow_option count = with_range(option(FLOW_OPTION_INT, "v"), 1, 1000000);
  bind({count}, "v = 1");
  bind({count}, "v = 1000000");
  EXPECT_FALSE(found_.has_errors());
  EXPECT_EQ(error(count, "v = 0"),
            "p.toml:1:5: sinks.x.v: must be between 1 and 1000000, and is 0");
  const double unbounded = std::numeric_limits<double>::infinity();
  EXPECT_EQ(error(with_range(option(FLOW_OPTION_FLOAT, "v"), 0.5, unbounded), "v = 0.25"),
            "p.toml:1:5: sinks.x.v: must be at least 0.5, and is 0.25");
  EXPECT_EQ(error(with_range(option(FLOW_OPTION_FLOAT, "v"), -unbounded, 1), "v = nan"),
            "p.toml:1:5: sinks.x.v: must be at most 1, and is nan");
  EXPECT_EQ(error(with_range(option(FLOW_OPTION_DURATION, "v"), 1e6, 60e9), "v = \"2m\""),
            "p.toml:1:5: sinks.x.v: must be between 1ms and 1m, and is '2m'");
  EXPECT_EQ(error(with_range(option(FLOW_OPTION_SIZE, "v"), 4096, 1 << 30), "v = \"1KiB\""),
            "p.toml:1:5: sinks.x.v: must be between 4KiB and 1GiB, and is '1KiB'");
}

TEST_F(OptionsTest, AChoiceGetsTheNearestOne) {
  const char* const choices[] = {"append", "replace", nullptr};
  flow_option choice = option(FLOW_OPTION_CHOICE, "v");
  choice.choices = choices;
  EXPECT_STREQ(bind({choice}, "v = \"append\"").find("v")->text, "append");
  EXPECT_EQ(error(choice, "v = \"apend\""),
            "p.toml:1:5: sinks.x.v: 'apend' is not one of \"append\" or \"replace\" (did you mean "
            "'append'?)");
}

TEST_F(OptionsTest, ATextWithANulCannotCross) {
  EXPECT_EQ(error(option(FLOW_OPTION_TEXT, "v"), "v = \"a\\u0000b\""),
            "p.toml:1:5: sinks.x.v: has a NUL character in it, which no option can take");
  EXPECT_EQ(error(option(FLOW_OPTION_TABLE, "v"), "v = { a = [\"\\u0000\"] }"),
            "p.toml:1:5: sinks.x.v: has a NUL character in it, which no option can take");
}

TEST_F(OptionsTest, SecretsComeFromTextEnvironmentOrFile) {
  const flow_option secret = option(FLOW_OPTION_SECRET, "v");
  EXPECT_STREQ(bind({secret}, "v = \"plain\"").find("v")->text, "plain");
  ::setenv("FLOWRUN_TEST_SECRET", "from environment", 1);
  EXPECT_STREQ(bind({secret}, "v = { env = \"FLOWRUN_TEST_SECRET\" }").find("v")->text,
               "from environment");
  const auto file = std::filesystem::path(::testing::TempDir()) / "flowrun_secret.txt";
  std::ofstream(file) << "from file\n";
  EXPECT_STREQ(bind({secret}, "v = { file = '" + file.string() + "' }").find("v")->text,
               "from file");
  EXPECT_EQ(bind({secret}, "v = { file = '" + file.string() + "' }").find("v")->type,
            FLOW_OPTION_TEXT);
  std::filesystem::remove(file);
}

TEST_F(OptionsTest, ASecretThatCannotBeReadIsAnError) {
  const flow_option secret = option(FLOW_OPTION_SECRET, "v");
  ::unsetenv("FLOWRUN_TEST_NO_SECRET");
  EXPECT_EQ(error(secret, "v = { env = \"FLOWRUN_TEST_NO_SECRET\" }"),
            "p.toml:1:5: sinks.x.v: the environment variable FLOWRUN_TEST_NO_SECRET is not set");
  EXPECT_EQ(error(secret, "v = { file = \"/nowhere/secret\" }"),
            "p.toml:1:5: sinks.x.v: the secret's file '/nowhere/secret' cannot be opened: No such "
            "file or directory (relative paths begin in the working directory)");
  EXPECT_NE(error(secret, "v = { file = \"/\" }").find("is a directory"), std::string::npos);
  for (const char* wrong : {"v = 1", "v = {}", "v = { env = 1 }", "v = { vault = \"x\" }",
                            "v = { env = \"X\", file = \"y\" }"}) {
    EXPECT_NE(error(secret, wrong).find("write a text, { env = \"NAME\" } or { file = \"path\" }"),
              std::string::npos);
  }
}

TEST_F(OptionsTest, SecretsCanBeLeftUnread) {
  secrets_ = SecretReading::kLeaveOut;
  const BoundOptions bound =
      bind({option(FLOW_OPTION_SECRET, "v")}, "v = { file = \"/nowhere/secret\" }");
  EXPECT_FALSE(found_.has_errors());
  EXPECT_STREQ(bound.find("v")->text, "");
}

TEST_F(OptionsTest, PrintsEverythingButSecrets) {
  const BoundOptions bound =
      bind({option(FLOW_OPTION_TEXT, "path"), option(FLOW_OPTION_SECRET, "password"),
            option(FLOW_OPTION_SECRET, "token"), option(FLOW_OPTION_SIZE, "size", "\"1MiB\""),
            option(FLOW_OPTION_DURATION, "every"), option(FLOW_OPTION_TABLE, "map"),
            option(FLOW_OPTION_BOOL, "on"), option(FLOW_OPTION_INT, "absent"),
            option(FLOW_OPTION_LIST, "empty"), option(FLOW_OPTION_TABLE, "none", "{}")},
           "path = \"a\\\"b\\n\"\npassword = \"hunter2\"\nevery = \"90s\"\n"
           "map = { a = [1, 2.5], \"b c\" = 'x' }\non = true\nempty = []\n");
  ASSERT_FALSE(found_.has_errors());
  EXPECT_EQ(bound.to_string(),
            "path = \"a\\\"b\\u000a\", password = \"***\", size = \"1MiB\", every = \"1m30s\", "
            "map = { a = [1, 2.5], \"b c\" = \"x\" }, on = true, empty = [], none = {}");
}

TEST_F(OptionsTest, MessagesNeverShowASecret) {
  const std::string message = error(option(FLOW_OPTION_SECRET, "v"), "v = [\"hunter2\"]");
  EXPECT_EQ(message.find("hunter2"), std::string::npos) << message;
}

}  // namespace
}  // namespace flowrun::options_test
