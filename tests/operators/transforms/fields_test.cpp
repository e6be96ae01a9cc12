// keep, drop and rename.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "flow/testing/harness.hpp"
#include "operators/transforms/drop.hpp"
#include "operators/transforms/keep.hpp"
#include "operators/transforms/rename.hpp"

namespace flow::operators::fields_test {
namespace {

using flow::testing::Harness;
using flow::testing::Setting;
using flow::testing::Settings;
using flow::testing::Table;
using Names = std::vector<std::string>;

const Table kInput = {{"host", {"h"}}, {"agent", {"a"}}, {"bytes", {7}}};

template <class T>
Table run(const Settings& settings, const Table& input = kInput) {
  auto harness = Harness::of<T>(settings);
  harness.push(input);
  EXPECT_EQ(harness.host().passed, input.rows());
  EXPECT_EQ(harness.host().created, 0);
  return harness.pull();
}

template <class T>
std::string refusal(const Settings& settings) {
  try {
    run<T>(settings);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

TEST(Keep, FieldsComeOutInTheOrderNamed) {
  EXPECT_EQ(run<Keep>({{"fields", Names{"bytes", "host"}}}),
            (Table{{"bytes", {7}}, {"host", {"h"}}}));
}

TEST(Keep, FieldNamedTwiceIsKeptOnce) {
  EXPECT_EQ(run<Keep>({{"fields", Names{"host", "host"}}}), (Table{{"host", {"h"}}}));
}

TEST(Keep, UnknownFieldIsRefusedWithTheNearestName) {
  const std::string message = refusal<Keep>({{"fields", Names{"host", "agnet"}}});
  EXPECT_NE(message.find("'agnet'"), std::string::npos) << message;
  EXPECT_NE(message.find("did you mean 'agent'"), std::string::npos) << message;
}

TEST(Keep, UnknownFieldCanBeIgnored) {
  EXPECT_EQ(run<Keep>({{"fields", Names{"nowhere", "host"}}, {"missing", "ignore"}}),
            (Table{{"host", {"h"}}}));
}

TEST(Keep, FollowsSchemasThatChange) {
  auto harness = Harness::of<Keep>({{"fields", Names{"b"}}, {"missing", "ignore"}});
  harness.push({{"a", {1}}, {"b", {2}}});
  harness.push({{"b", {3}}, {"a", {4}}});
  EXPECT_EQ(harness.pull(), (Table{{"b", {2, 3}}}));
}

const Table kUser = {{"user.name", {"n"}},
                     {"user_id", {1}},
                     {"order_id", {2}},
                     {"user.mail.to", {"m"}},
                     {"a*", {3}}};

TEST(Keep, PatternStandsForItsFieldsInTheirOrder) {
  EXPECT_EQ(
      run<Keep>({{"fields", Names{"order_id", "user.*", "*_id"}}}, kUser),
      (Table{{"order_id", {2}}, {"user.name", {"n"}}, {"user.mail.to", {"m"}}, {"user_id", {1}}}));
  EXPECT_EQ(run<Keep>({{"fields", Names{"a\\*", "user?id"}}}, kUser),
            (Table{{"a*", {3}}, {"user_id", {1}}}));
}

TEST(Keep, PatternThatNothingMatchesIsRefusedOrIgnored) {
  EXPECT_NE(refusal<Keep>({{"fields", Names{"x*"}}}).find("no field matches 'x*'"),
            std::string::npos);
  EXPECT_EQ(run<Keep>({{"fields", Names{"x*", "host"}}, {"missing", "ignore"}}),
            (Table{{"host", {"h"}}}));
}

TEST(Drop, PatternDropsAllItStandsFor) {
  EXPECT_EQ(run<Drop>({{"fields", Names{"user*", "a\\*"}}}, kUser), (Table{{"order_id", {2}}}));
}

TEST(Drop, OtherFieldsKeepTheirOrder) {
  EXPECT_EQ(run<Drop>({{"fields", Names{"agent"}}}), (Table{{"host", {"h"}}, {"bytes", {7}}}));
}

TEST(Drop, UnknownFieldIsRefusedOrIgnored) {
  EXPECT_NE(refusal<Drop>({{"fields", Names{"hots"}}}).find("did you mean 'host'"),
            std::string::npos);
  EXPECT_EQ(run<Drop>({{"fields", Names{"hots"}}, {"missing", "ignore"}}), kInput);
}

TEST(Rename, FieldsKeepTheirPlaces) {
  EXPECT_EQ(run<Rename>({{"fields", Setting::table({{"agent", "user_agent"}})}}),
            (Table{{"host", {"h"}}, {"user_agent", {"a"}}, {"bytes", {7}}}));
}

TEST(Rename, TwoFieldsCanSwapNames) {
  EXPECT_EQ(run<Rename>({{"fields", Setting::table({{"agent", "host"}, {"host", "agent"}})}}),
            (Table{{"agent", {"h"}}, {"host", {"a"}}, {"bytes", {7}}}));
}

TEST(Rename, NameThatIsTakenIsRefused) {
  EXPECT_NE(
      refusal<Rename>({{"fields", Setting::table({{"agent", "host"}})}}).find("two fields 'host'"),
      std::string::npos);
  EXPECT_NE(refusal<Rename>({{"fields", Setting::table({{"agent", "x"}, {"host", "x"}})}})
                .find("cannot both become 'x'"),
            std::string::npos);
}

TEST(Rename, WildcardsOfTheNewNameAreFilledInOrder) {
  EXPECT_EQ(
      run<Rename>({{"fields", Setting::table({{"user.*", "*"}, {"*_id", "id_*"}})}}, kUser),
      (Table{
          {"name", {"n"}}, {"id_user", {1}}, {"id_order", {2}}, {"mail.to", {"m"}}, {"a*", {3}}}));
  EXPECT_EQ(run<Rename>({{"fields", Setting::table({{"*.?ail.*", "x_*"}})}}, kUser).has("x_user"),
            true);
}

TEST(Rename, NameOfItsOwnComesBeforePatterns) {
  EXPECT_EQ(run<Rename>({{"fields", Setting::table({{"*", "x_*"}, {"agent", "browser"}})}}),
            (Table{{"x_host", {"h"}}, {"browser", {"a"}}, {"x_bytes", {7}}}));
}

TEST(Rename, PatternsThatMakeNoNameAreRefused) {
  EXPECT_NE(refusal<Rename>({{"fields", Setting::table({{"a*", "*_*"}})}}).find("more wildcards"),
            std::string::npos);
  EXPECT_NE(refusal<Rename>({{"fields", Setting::table({{"host*", "*"}})}}).find("leaves nothing"),
            std::string::npos);
  EXPECT_NE(
      refusal<Rename>({{"fields", Setting::table({{"*", "same"}})}}).find("two fields 'same'"),
      std::string::npos);
}

TEST(Rename, NewNameMustBeAText) {
  EXPECT_NE(refusal<Rename>({{"fields", Setting::table({{"agent", 5}})}}).find("must be a text"),
            std::string::npos);
}

TEST(Rename, UnknownFieldIsRefusedOrIgnored) {
  EXPECT_NE(refusal<Rename>({{"fields", Setting::table({{"nowhere", "x"}})}}).find("'nowhere'"),
            std::string::npos);
  EXPECT_EQ(run<Rename>({{"fields", Setting::table({{"nowhere", "x"}})}, {"missing", "ignore"}}),
            kInput);
}

}  // namespace
}  // namespace flow::operators::fields_test
