#include "operators/common/path_template.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "flow/testing/host.hpp"
#include "flow/testing/table.hpp"

namespace flow::operators::path_template_test {
namespace {

using flow::testing::Cell;
using flow::testing::make_column;
using flow::testing::TestHost;

struct Field {
  std::string name;
  Type type;
  Cell value;
};

// The path of one row with these fields, or the reason for none.
std::string path_of(const std::string& text, const std::vector<Field>& fields) {
  TestHost host;
  const PathTemplate path(text, "test");
  std::vector<TypedColumn> columns;
  columns.push_back({make_column(host.host(), Type::binary(), {"row"}), Type::binary()});
  std::vector<NewColumn> named = {{"bytes", columns.back()}};
  for (const std::string& wanted : path.fields()) {
    for (const Field& field : fields) {
      if (field.name != wanted) continue;
      named.push_back(
          {field.name, {make_column(host.host(), field.type, {field.value}), field.type}});
    }
  }
  Output out(host.abi());
  const Batch batch = out.make(1, named, nullptr);
  PathMaker maker(path);
  maker.bind(batch, 1, host.host());
  std::string result;
  switch (maker.make(0, result)) {
    case PathMaker::Outcome::kDone:
      return result;
    case PathMaker::Outcome::kNoValue:
      return "no value: " + maker.field();
    case PathMaker::Outcome::kTooLong:
      return "too long";
  }
  return "";
}

std::string of_text(const std::string& text, const std::string& value) {
  return path_of(text, {{"f", Type::text(), value}});
}

std::string refusal(const std::string& text) {
  try {
    const PathTemplate path(text, "test");
  } catch (const Failure& refused) {
    return refused.what();
  }
  return "";
}

#define EXPECT_HAS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

TEST(PathTemplateTest, ValuesStandWhereTheirFieldsAre) {
  EXPECT_EQ(of_text("out/{f}.ndjson", "FR"), "out/FR.ndjson");
  EXPECT_EQ(of_text("out/{f}/{f}-x", "FR"), "out/FR/FR-x");
  EXPECT_EQ(of_text("out/{{{f}}}", "FR"), "out/{FR}");
  EXPECT_EQ(of_text("/{f}", "FR"), "/FR");
}

TEST(PathTemplateTest, EveryPlainTypeIsWritten) {
  EXPECT_EQ(path_of("o/{a}-{b}-{c}-{d}", {{"a", Type::int64(), -7},
                                          {"b", Type::float64(), 2.5},
                                          {"c", Type::boolean(), true},
                                          {"d", Type::category(), "red"}}),
            "o/-7-2.5-true-red");
  EXPECT_EQ(path_of("o/{a}-{b}", {{"a", Type::json(), "\"x\\ty\""}, {"b", Type::json(), "12"}}),
            "o/x%09y-12");
}

TEST(PathTemplateTest, TimestampsAreWrittenAsThePatternSays) {
  const int64_t time = 1'761'646'530'500'000'000;  // 2025-10-28T10:15:30.5Z
  EXPECT_EQ(path_of("o/{t:%Y-%m-%d}/{t:%H}", {{"t", Type::timestamp(), time}}), "o/2025-10-28/10");
  EXPECT_EQ(path_of("o/{t}", {{"t", Type::timestamp(), time}}), "o/2025-10-28T10:15:30.5Z");
  EXPECT_EQ(path_of("o/{t:%S.%3f}", {{"t", Type::timestamp(), time}}), "o/30.500");
  EXPECT_EQ(path_of("o/{t:%Y}", {{"t", Type::text(), "2025-10-28T10:15:30Z"}}), "o/2025");
  EXPECT_EQ(path_of("o/{t:%Y}", {{"t", Type::text(), "yesterday"}}), "no value: t");
  EXPECT_EQ(path_of("o/{t:%Y-%S}", {{"t", Type::timestamp(), int64_t{-1}}}), "o/1969-59");
}

TEST(PathTemplateTest, NoValueLeavesTheFolder) {
  EXPECT_EQ(of_text("out/{f}", "../../etc/passwd"), "out/..%2F..%2Fetc%2Fpasswd");
  EXPECT_EQ(of_text("out/{f}/x", ".."), "out/%2E./x");
  EXPECT_EQ(of_text("out/{f}/x", "."), "out/%2E/x");
  EXPECT_EQ(of_text("out/{f}{f}/x", "."), "out/%2E./x");
  EXPECT_EQ(of_text("out/.{f}/x", "."), "out/%2E./x");
  EXPECT_EQ(of_text("out/{f}", "/etc/passwd"), "out/%2Fetc%2Fpasswd");
  EXPECT_EQ(of_text("out/{f}", std::string("a\nb\x7f", 4)), "out/a%0Ab%7F");
  EXPECT_EQ(path_of("out/{f}", {{"f", Type::binary(), std::string("a\0b", 3)}}), "out/a%00b");
}

TEST(PathTemplateTest, DifferentValuesNeverMeet) {
  EXPECT_EQ(of_text("out/{f}", "a%2Fb"), "out/a%252Fb");
  EXPECT_NE(of_text("out/{f}", "a%2Fb"), of_text("out/{f}", "a/b"));
  // The file of "x" is called "x.part" while it is written.
  EXPECT_EQ(of_text("out/{f}", "x.part"), "out/x%2Epart");
  EXPECT_EQ(of_text("out/x.{f}", "part"), "out/x%2Epart");
  EXPECT_EQ(of_text("out/{f}/x", "x.part"), "out/x.part/x");
}

TEST(PathTemplateTest, RowsWithoutAPathAreToldApart) {
  EXPECT_EQ(of_text("out/{f}", ""), "no value: f");
  EXPECT_EQ(path_of("out/{f}", {{"f", Type::text(), nullptr}}), "no value: f");
  EXPECT_EQ(of_text("out/{f}", std::string(231, 'x')), "too long");
  EXPECT_EQ(of_text("out/{f}", std::string(230, 'x')), "out/" + std::string(230, 'x'));
  EXPECT_EQ(of_text("out/{f}", std::string(77, '/')), "too long");
  EXPECT_EQ(of_text("out/{f}" + std::string(200, 'y'), std::string(31, 'x')), "too long");
}

TEST(PathTemplateTest, TemplatesThatCannotBeSafeAreRefused) {
  EXPECT_HAS(refusal("{f}/x"), "begin with a folder that no row can leave, eg: './{f}/x'");
  EXPECT_HAS(refusal("x{f}"), "begin with a folder");
  EXPECT_HAS(refusal("out/{f}/../x"), "has a folder '..' behind its first field");
  EXPECT_HAS(refusal("out/{f}//x"), "has a folder ''");
  EXPECT_HAS(refusal("out/{f}/"), "has a folder ''");
  EXPECT_EQ(refusal("../{f}"), "");
  EXPECT_EQ(refusal("./{f}..x"), "");
}

TEST(PathTemplateTest, MistakesAreNamed) {
  EXPECT_HAS(refusal("out/{f"), "'{f' is not closed");
  EXPECT_HAS(refusal("out/{}"), "names no field");
  EXPECT_HAS(refusal("out/{ f }"), "names no field");
  EXPECT_HAS(refusal("out/{f:%Q}"), "test: {f:%Q}: ");
}

TEST(PathTemplateTest, TheFolderIsWhatStandsBeforeTheFirstField) {
  EXPECT_EQ(PathTemplate("out/a/x-{f}", "test").folder(), "out/a");
  EXPECT_EQ(PathTemplate("/{f}", "test").folder(), "/");
  EXPECT_EQ(PathTemplate("x.ndjson", "test").folder(), ".");
}

TEST(PathTemplateTest, StructsAreNoPartOfAPath) {
  const Type type = Type::structure({{"lat", Type::float64()}});
  EXPECT_THROW(path_of("out/{f}", {{"f", type, Cell::structure({{"lat", 1.0}})}}), Failure);
}

}  // namespace
}  // namespace flow::operators::path_template_test
