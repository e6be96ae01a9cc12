#include "operators/transforms/cast.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "flow/output.hpp"
#include "flow/testing/harness.hpp"

namespace flow::operators::cast_test {
namespace {

using flow::testing::Cell;
using flow::testing::Harness;
using flow::testing::Setting;
using flow::testing::Table;

constexpr int64_t kSecond = 1'000'000'000;

// The column `x` cast to `type`; null where a value does not fit.
Table cast(const Type& from, std::vector<Cell> cells, const Setting& type) {
  auto harness =
      Harness::of<Cast>({{"fields", Setting::table({{"x", type}})}, {"on_unfit", "null"}});
  harness.push(Table{{"x", from, std::move(cells)}});
  return harness.pull();
}
std::vector<Cell> values(const Type& from, std::vector<Cell> cells, const Setting& type) {
  return cast(from, std::move(cells), type)["x"];
}

TEST(Cast, TextsAreReadAsTheSchemaOfACodecReadsThem) {
  EXPECT_EQ(values(Type::text(), {"7", "48.0", "x", nullptr}, "int"),
            (std::vector<Cell>{7, 48, nullptr, nullptr}));
  EXPECT_EQ(values(Type::text(), {"0.5", "nan"}, "float"), (std::vector<Cell>{0.5, nullptr}));
  EXPECT_EQ(values(Type::text(), {"true", "yes"}, "bool"), (std::vector<Cell>{true, nullptr}));
  EXPECT_EQ(values(Type::text(), {"1970-01-01T00:00:01Z", "1"}, "timestamp"),
            (std::vector<Cell>{kSecond, nullptr}));
  EXPECT_EQ(values(Type::text(), {"[1]", "[1"}, "json"), (std::vector<Cell>{"[1]", nullptr}));
  const Table category = cast(Type::text(), {"FR", "FR", nullptr}, "category");
  EXPECT_EQ(category["x"], (std::vector<Cell>{"FR", "FR", nullptr}));
  EXPECT_EQ(category.columns[0].type, Type::category());
}

TEST(Cast, JsonTokensSayWhatTheyMean) {
  EXPECT_EQ(values(Type::json(), {"\"7\"", "7", "null", "\"a\\\"b\""}, "text"),
            (std::vector<Cell>{"7", "7", nullptr, "a\"b"}));
  EXPECT_EQ(values(Type::json(), {"1.5", "\"1970-01-01T00:00:01Z\"", "\"1\"", "[1]"}, "timestamp"),
            (std::vector<Cell>{3 * kSecond / 2, kSecond, nullptr, nullptr}));
}

TEST(Cast, LongJsonTextsOutliveTheirTokens) {
  EXPECT_EQ(values(Type::json(),
                   {R"("a text of some length")", R"("one with an \"escape\" in it")"}, "text"),
            (std::vector<Cell>{"a text of some length", "one with an \"escape\" in it"}));
}

TEST(Cast, NumbersBecomeEachOther) {
  EXPECT_EQ(values(Type::int64(), {1, -7, nullptr}, "float"),
            (std::vector<Cell>{1.0, -7.0, nullptr}));
  EXPECT_EQ(values(Type::float64(), {48.0, 1.5, std::nan(""), -INFINITY}, "int"),
            (std::vector<Cell>{48, nullptr, nullptr, nullptr}));
  EXPECT_EQ(values(Type::int64(), {0, 1, 2}, "bool"), (std::vector<Cell>{false, true, nullptr}));
  EXPECT_EQ(values(Type::boolean(), {true, false}, "int"), (std::vector<Cell>{1, 0}));
  EXPECT_EQ(values(Type::int64(), {5}, "timestamp"), (std::vector<Cell>{5 * kSecond}));
  EXPECT_EQ(values(Type::float64(), {0.25}, "timestamp"), (std::vector<Cell>{kSecond / 4}));
  EXPECT_EQ(
      values(Type::int64(), {5}, Setting::table({{"type", "timestamp"}, {"format", "epoch_ms"}})),
      (std::vector<Cell>{int64_t{5'000'000}}));
}

TEST(Cast, ValuesBecomeText) {
  EXPECT_EQ(values(Type::int64(), {-5}, "text"), (std::vector<Cell>{"-5"}));
  EXPECT_EQ(values(Type::float64(), {0.1}, "text"), (std::vector<Cell>{"0.1"}));
  EXPECT_EQ(values(Type::boolean(), {true}, "text"), (std::vector<Cell>{"true"}));
  EXPECT_EQ(values(Type::timestamp(), {kSecond}, "text"),
            (std::vector<Cell>{"1970-01-01T00:00:01Z"}));
  EXPECT_EQ(values(Type::timestamp(), {kSecond}, "json"),
            (std::vector<Cell>{"\"1970-01-01T00:00:01Z\""}));
  EXPECT_EQ(values(Type::timestamp(), {3 * kSecond / 2, -kSecond / 2}, "int"),
            (std::vector<Cell>{1, -1}));
  EXPECT_EQ(values(Type::timestamp(), {3 * kSecond / 2}, "float"), (std::vector<Cell>{1.5}));
  EXPECT_EQ(values(Type::timestamp(), {kSecond}, "bool"), (std::vector<Cell>{nullptr}));
  EXPECT_EQ(values(Type::binary(), {"a text of some length", "\xFF"}, "text"),
            (std::vector<Cell>{"a text of some length", nullptr}));
}

TEST(Cast, RowWithAnUnfitValueFailsOnceAndNamesTheFirst) {
  auto harness = Harness::of<Cast>({{"fields", Setting::table({{"a", "int"}, {"b", "int"}})}});
  harness.push(Table{{"a", {"1", "x", "y"}}, {"b", {"1", "2", "z"}}, {"c", {"p", "q", "r"}}});
  EXPECT_EQ(harness.pull(), (Table{{"a", {1}}, {"b", {1}}, {"c", {"p"}}}));
  ASSERT_EQ(harness.failed().size(), 2U);
  EXPECT_EQ(harness.failed()[0].row, 1);
  EXPECT_EQ(harness.failed()[0].reason, "bad_type");
  EXPECT_EQ(harness.failed()[0].message, "field 'a': 'x' is no int64");
  EXPECT_EQ(harness.failed()[1].message, "field 'a': 'y' is no int64");
}

TEST(Cast, DottedNameReachesInsideAStruct) {
  auto harness = Harness::of<Cast>({{"fields", Setting::table({{"o.a", "int"}, {"o.b", "text"}})}});
  Output maker(harness.host().abi());
  const Host host = harness.host().host();
  TextBuilder a(host, 2);
  a.append("1");
  a.append_null();
  Int64Builder b(host, 2);
  b.append(7);
  b.append_null();
  StructBuilder object(host, 2);
  object.add(a.finish());
  object.add(b.finish());
  object.set_null(1);
  harness.push(maker.make(
      2, {{"o", {object.finish(), Type::structure({{"a", Type::text()}, {"b", Type::int64()}})}}},
      nullptr));
  const Batch batch = harness.pull_batches().at(0);
  EXPECT_EQ(Type::of(*batch.schema().fields[0]),
            Type::structure({{"a", Type::int64()}, {"b", Type::text()}}));
  EXPECT_EQ(Int64View(*batch.find("o.a"))[0], 1);
  EXPECT_EQ(TextView(*batch.find("o.b"))[0], "7");
  EXPECT_TRUE(Validity(*batch.find("o")).is_null(1));
  EXPECT_TRUE(Validity(*batch.find("o.b")).is_null(1));
}

TEST(Cast, ListsAndStructsBecomeJsonAndNothingElse) {
  const Type object =
      Type::structure({{"a", Type::int64()}, {"b\"", Type::text()}, {"c", Type::float64()}});
  const Type list = Type::list(object);
  const Cell first = Cell::structure({{"a", 1}, {"b\"", "x\ny"}, {"c", 0.25}});
  const Cell second = Cell::structure({{"a", nullptr}, {"b\"", ""}, {"c", nullptr}});
  EXPECT_EQ(values(object, {first, second, nullptr}, "json"),
            (std::vector<Cell>{R"({"a":1,"b\"":"x\ny","c":0.25})", R"({"b\"":""})", nullptr}));
  EXPECT_EQ(
      values(list, {Cell::list({first, second, nullptr}), Cell::list({}), nullptr}, "json"),
      (std::vector<Cell>{R"([{"a":1,"b\"":"x\ny","c":0.25},{"b\"":""},null])", "[]", nullptr}));
  const std::string long_text(5000, '"');
  std::string escaped = "[\"";
  for (size_t i = 0; i < long_text.size(); ++i) escaped += "\\\"";
  EXPECT_EQ(values(Type::list(Type::text()), {Cell::list({long_text})}, "json"),
            (std::vector<Cell>{escaped + "\"]"}));
  try {
    values(list, {Cell::list({first})}, "text");
    FAIL() << "a list became text";
  } catch (const std::runtime_error& refusal) {
    EXPECT_NE(std::string(refusal.what()).find("can be cast to json only"), std::string::npos)
        << refusal.what();
  }
}

TEST(Cast, ColumnOfTheTypeStaysAsItIs) {
  auto harness = Harness::of<Cast>({{"fields", Setting::table({{"x", "text"}})}});
  Output maker(harness.host().abi());
  TextBuilder builder(harness.host().host(), 1);
  builder.append("x");
  const Column column = builder.finish();
  harness.push(maker.make(1, {{"x", {column, Type::text()}}}, nullptr));
  EXPECT_EQ(&harness.pull_batches().at(0).column(0), column.get());
}

TEST(Cast, MissingFieldIsNamedOrIgnored) {
  auto strict = Harness::of<Cast>({{"fields", Setting::table({{"statsu", "int"}})}});
  EXPECT_THROW(strict.push(Table{{"status", {"1"}}}), std::runtime_error);
  auto lenient =
      Harness::of<Cast>({{"fields", Setting::table({{"statsu", "int"}})}, {"missing", "ignore"}});
  lenient.push(Table{{"status", {"1"}}});
  EXPECT_EQ(lenient.pull(), (Table{{"status", {"1"}}}));
}

}  // namespace
}  // namespace flow::operators::cast_test
