#include "operators/common/declared_schema.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "flow/host.hpp"
#include "flow/testing/settings.hpp"
#include "operators/common/nearest_name.hpp"

namespace flow::operators::declared_schema_test {
namespace {

using flow::testing::Setting;

using Items = std::vector<std::pair<std::string, Setting>>;

DeclaredSchema schema(const Items& items) {
  return {Table{Setting::table(items).value().items}, "json: schema"};
}

std::string refusal(const Items& items) {
  try {
    schema(items);
  } catch (const Failure& failure) {
    return failure.what();
  }
  return "";
}

TEST(DeclaredSchema, FieldsHaveTheirOrderAndTypes) {
  const DeclaredSchema declared = schema({{"t", "text"},
                                          {"c", "category"},
                                          {"i", "int"},
                                          {"f", "float"},
                                          {"b", "bool"},
                                          {"at", "timestamp"},
                                          {"j", "json"}});
  std::vector<std::pair<std::string, Type>> found;
  for (const DeclaredField& field : declared.fields()) {
    found.emplace_back(field.name, field.logical_type());
  }
  EXPECT_EQ(found, (std::vector<std::pair<std::string, Type>>{{"t", Type::text()},
                                                              {"c", Type::category()},
                                                              {"i", Type::int64()},
                                                              {"f", Type::float64()},
                                                              {"b", Type::boolean()},
                                                              {"at", Type::timestamp()},
                                                              {"j", Type::json()}}));
  EXPECT_TRUE(declared.fields()[1].categories);
  EXPECT_EQ(declared.find("i")->type, FLOW_INT64);
  EXPECT_EQ(declared.find("x"), nullptr);
}

TEST(DeclaredSchema, TablesDeclareObjectsAsDotsDo) {
  const DeclaredSchema declared =
      schema({{"a.b", "int"},
              {"location",
               Setting::table({{"lat", "float"}, {"place", Setting::table({{"name", "text"}})}})},
              {"event", Setting::table({{"type", "text"}, {"id", "int"}})}});
  std::vector<std::string> names;
  for (const DeclaredField& field : declared.fields()) names.push_back(field.name);
  EXPECT_EQ(names, (std::vector<std::string>{"a.b", "location.lat", "location.place.name",
                                             "event.type", "event.id"}));
}

TEST(DeclaredSchema, TimestampMayHaveAFormatAndAZone) {
  const DeclaredSchema declared = schema(
      {{"plain", Setting::table({{"type", "timestamp"}})},
       {"when", Setting::table({{"type", "timestamp"}, {"format", "rfc3339"}, {"zone", "UTC"}})}});
  EXPECT_FALSE(declared.fields()[0].format);
  ASSERT_TRUE(declared.fields()[1].format);
  EXPECT_EQ(declared.fields()[1].format->parse("1970-01-01T00:00:01Z"), 1'000'000'000);
}

TEST(DeclaredSchema, WhatIsWrongIsNamedWithItsRemedy) {
  EXPECT_EQ(refusal({{"a", "txet"}}),
            "json: schema.a: the type must be one of text, category, int, float, bool, timestamp, "
            "json; 'txet' is none (did you mean 'text'?)");
  EXPECT_NE(refusal({{"a", "string"}}).find("(did you mean 'text'?)"), std::string::npos);
  EXPECT_NE(refusal({{"a", 7}}).find("json: schema.a: the type must be one of"), std::string::npos);
  EXPECT_EQ(refusal({{"a", Setting::table({{"type", "int"}, {"format", "%Y"}})}}),
            "json: schema.a: only a timestamp has a format or a zone");
  EXPECT_EQ(refusal({{"a", Setting::table({{"type", "timestamp"}, {"zone", "UTC"}})}}),
            "json: schema.a: a zone needs a format");
  EXPECT_NE(refusal({{"a", Setting::table({{"type", "timestamp"}, {"format", "%Q"}})}}).find("%Q"),
            std::string::npos);
  EXPECT_EQ(refusal({{"a", Setting::table({})}}), "json: schema.a: the object declares no field");
  EXPECT_EQ(refusal({{"a.b", "int"}, {"a", Setting::table({{"b", "int"}})}}),
            "json: schema.a.b: declared twice");
  EXPECT_EQ(refusal({{"", "int"}}), "json: schema: a field needs a name");
}

TEST(NearestName, IsFoundForSlipsOnly) {
  EXPECT_EQ(nearest_name({"time", "status"}, "statsu"), "status");
  EXPECT_EQ(nearest_name({"time", "status"}, "something"), "");
  EXPECT_EQ(nearest_name({}, "x"), "");
}

}  // namespace
}  // namespace flow::operators::declared_schema_test
