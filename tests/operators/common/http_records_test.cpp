#include "operators/common/http_records.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "operators/common/json_walk.hpp"

namespace flow::operators::http_records_test {
namespace {

struct Found {
  std::vector<std::string> runs;
  std::vector<std::string> rejected;  // "record/line/offset what"
  int64_t accepted = 0;
};

Found find(std::string body, size_t most = SIZE_MAX) {
  const size_t size = body.size();
  body.append(kJsonPadding, '"');
  HttpRecords records;
  records.find(body.data(), size, most);
  Found found;
  for (const auto& run : records.runs())
    found.runs.push_back(body.substr(run.begin, run.end - run.begin));
  for (const auto& one : records.rejected()) {
    found.rejected.push_back(std::to_string(one.record) + "/" + std::to_string(one.line) + "/" +
                             std::to_string(one.offset) + " " + one.what);
  }
  found.accepted = records.accepted();
  return found;
}

using Texts = std::vector<std::string>;

TEST(HttpRecords, OneObjectIsOneRecordWhateverItsLines) {
  EXPECT_EQ(find(R"({"a":1})").runs, Texts{R"({"a":1})"});
  EXPECT_EQ(find("  {\"a\":\r\n 1,\n\"b\":[\n]}\n\n").runs, Texts{"{\"a\":   1, \"b\":[ ]}"});
}

TEST(HttpRecords, LinesAreOneRunWithoutWhatIsEmptyBetween) {
  EXPECT_EQ(find("{}\n{\"a\":1}\n").runs, Texts{"{}\n{\"a\":1}"});
  EXPECT_EQ(find("{}\r\n\r\n  {\"a\":1}\r\n").runs, Texts{"{}\n     {\"a\":1}"});
  EXPECT_EQ(find("{} {\"a\":1}").runs, Texts{"{}\n{\"a\":1}"});
  EXPECT_EQ(find("{}{\"a\":1}").runs, (Texts{"{}", "{\"a\":1}"}));
  EXPECT_EQ(find("{}\n{}\n{}").accepted, 3);
  EXPECT_EQ(find("\xEF\xBB\xBF{}").runs, Texts{"{}"});
}

TEST(HttpRecords, AnArrayBecomesLinesInItsPlace) {
  EXPECT_EQ(find(R"([{"a":1},{"a":[1,2]}])").runs, Texts{"{\"a\":1}\n{\"a\":[1,2]}"});
  EXPECT_EQ(find("[\n  {\"a\":1},\n  {\"a\":\n2}\n]\n").runs, Texts{"{\"a\":1}\n   {\"a\": 2}"});
  EXPECT_EQ(find("[]").accepted, 0);
  EXPECT_TRUE(find("[]").rejected.empty());
}

TEST(HttpRecords, WhatIsTooLongIsNamedAndTheOthersKept) {
  const Texts why = {"2/2/10 the record has 11 bytes; most is 10"};
  const Found lines = find("{\"a\":1}\n  {\"a\":12345}\n{\"a\":3}", 10);
  EXPECT_EQ(lines.runs, (Texts{"{\"a\":1}", "{\"a\":3}"}));
  EXPECT_EQ(lines.rejected, why);
  EXPECT_EQ(lines.accepted, 2);
  const Found elements = find("[{\"a\":1},\n{\"a\":12345},{\"a\":\n3}]", 10);
  EXPECT_EQ(elements.runs, (Texts{"{\"a\":1}", "{\"a\": 3}"}));
  EXPECT_EQ(elements.rejected, why);
  EXPECT_EQ(find("{\"a\":\n12345}\nx", 10).rejected.back().substr(0, 4), "2/3/");
  // Blanks count in a line, so they begin no line that would be too long by them.
  EXPECT_EQ(find("[{\"a\":1},     {\"a\":2}]", 10).runs, (Texts{"{\"a\":1}", "{\"a\":2}"}));
}

TEST(HttpRecords, BadLinesAreNamedAndTheOthersKept) {
  const Found found = find("{\"a\":1}\n{\"a\":}\n{\"a\":3}\n[1]\n\"x\"\n{\"a\":6} x\n{\"a\":7}");
  EXPECT_EQ(found.runs, (Texts{"{\"a\":1}", "{\"a\":3}", "{\"a\":7}"}));
  EXPECT_EQ(found.rejected,
            (Texts{"2/2/13 a value is missing", "4/4/23 a record is an object",
                   "5/5/27 a record is an object", "6/6/39 something follows the object"}));
  EXPECT_EQ(found.accepted, 3);
}

TEST(HttpRecords, AnArrayIsReadUpToItsFirstMistake) {
  Found found = find(R"([{"a":1}, 7, {"a":2}, {"a":x}, {"a":3}])");
  EXPECT_EQ(found.runs, (Texts{R"({"a":1})", R"({"a":2})"}));
  ASSERT_EQ(found.rejected.size(), 2U);
  EXPECT_EQ(found.rejected[0], "2/1/10 a record is an object");
  EXPECT_EQ(found.rejected[1].substr(0, 7), "4/1/27 ");
  found = find(R"([{"a":1})");
  EXPECT_EQ(found.runs, Texts{R"({"a":1})"});
  EXPECT_EQ(found.rejected, Texts{"2/1/8 a comma or ']' is missing"});
  EXPECT_EQ(find(R"([{}] x)").rejected, Texts{"2/1/5 something follows the array"});
  EXPECT_EQ(find("[{},]").rejected.size(), 1U);
}

TEST(HttpRecords, BodiesThatAreCutOffKeepTheirWholeRecords) {
  EXPECT_EQ(find("{\"a\":1}\n{\"a\":\"xy").runs, Texts{"{\"a\":1}"});
  EXPECT_EQ(find("{\"a\":1}\n{\"a\":\"xy").rejected.size(), 1U);
  EXPECT_EQ(find("[{\"a\":1},{\"a\"").runs, Texts{"{\"a\":1}"});
  EXPECT_EQ(find("[{\"a\":1},{\"a\"").rejected.size(), 1U);
  EXPECT_TRUE(find(" \n\t").runs.empty());
  EXPECT_TRUE(find("").runs.empty());
}

TEST(HttpRecords, DeepNestingIsRefused) {
  std::string deep = "{\"a\":";
  deep.append(10'000, '[').append(10'000, ']').append("}");
  EXPECT_EQ(find(deep).accepted, 0);
  EXPECT_NE(find(deep).rejected.at(0).find("nested too deeply"), std::string::npos);
  EXPECT_EQ(find("{}\n" + deep + "\n{}").accepted, 2);
}

TEST(HttpRecords, BehindManyMistakesABodyIsNotLookedAt) {
  std::string body;
  for (int i = 0; i < 1000; ++i) body += "x\n";
  EXPECT_EQ(find(body + "{}").rejected.size(), HttpRecords::kMostRejected + 1);
  EXPECT_EQ(find(body + "{}").accepted, 0);
}

}  // namespace
}  // namespace flow::operators::http_records_test
