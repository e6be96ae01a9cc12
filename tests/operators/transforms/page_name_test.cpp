#include "operators/transforms/page_name.hpp"

#include <gtest/gtest.h>

#include <string>

#include "flow/testing/harness.hpp"

namespace flow::operators::page_name_test {
namespace {

using testing::Cell;
using testing::Harness;
using testing::Settings;
using testing::Table;

TEST(PageName, NamesThePageAndWhereItWasAskedFrom) {
  auto harness = Harness::of<PageName>();
  const Table in = {
      {"request", {"GET /product.php HTTP/1.1", "GET / HTTP/1.1", "-", nullptr, "GET /a"}},
      {"referer",
       {"http://example.com/search.php", nullptr, "", "/a-rather-long-name.html?q=1",
        "https://example.com"}}};
  harness.push(in);
  Table expected = in;
  expected.columns.emplace_back("webpage",
                                std::vector<Cell>{"product", "home", nullptr, nullptr, nullptr});
  expected.columns.emplace_back(
      "refering_page", std::vector<Cell>{"search", nullptr, nullptr, "a-rather-long-name", "home"});
  EXPECT_EQ(harness.pull(), expected);
}

TEST(PageName, ColumnsMayBeNamedOtherwiseAndTheRefererLeftOut) {
  auto harness = Harness::of<PageName>({{"request", "r"}, {"referer", ""}, {"page", "p"}});
  harness.push({{"r", {"GET /x.html HTTP/1.1"}}});
  EXPECT_EQ(harness.pull(), (Table{{"r", {"GET /x.html HTTP/1.1"}}, {"p", {"x"}}}));
}

TEST(PageName, LongNamesShareTheInputsBuffer) {
  auto harness = Harness::of<PageName>({{"referer", ""}});
  const Batch in =
      harness.batch({{"request", {"GET /a-name-of-more-than-twelve-bytes.html HTTP/1.1"}}});
  harness.push(in);
  const Batch out = harness.pull_batches().at(0);
  EXPECT_EQ(TextView(*out.find("webpage"))[0], "a-name-of-more-than-twelve-bytes");
  EXPECT_EQ(out.find("webpage")->data[0], in.find("request")->data[0]);
}

TEST(PageName, ReadsSlicesCategoriesBytesAndJson) {
  const std::vector<Cell> requests = {"GET /one.html HTTP/1.1",
                                      "GET /a-page-with-a-long-name HTTP/1.1", nullptr,
                                      "GET /one.html HTTP/1.1"};
  const std::vector<Cell> names = {"one", "a-page-with-a-long-name", nullptr, "one"};
  for (const Type& type : {Type::text(), Type::category(), Type::binary()}) {
    auto harness = Harness::of<PageName>({{"referer", ""}});
    const Batch in = harness.batch({{"request", type, requests}});
    harness.push(in);
    harness.push(harness.host().host().slice(in, 1, 3));
    const auto found = harness.pull()["webpage"];
    std::vector<Cell> expected = names;
    expected.insert(expected.end(), names.begin() + 1, names.end());
    EXPECT_EQ(found, expected);
  }
  auto harness = Harness::of<PageName>({{"referer", ""}});
  harness.push(
      {{"request",
        Type::json(),
        {R"("GET /one.html HTTP/1.1")", "null", R"("GET /a\u002db\"c-long-enough HTTP/1.1")"}}});
  EXPECT_EQ(harness.pull()["webpage"], (std::vector<Cell>{"one", nullptr, "a-b\"c-long-enough"}));
}

TEST(PageName, NamesThatAreNoUtf8AreNull) {
  auto harness = Harness::of<PageName>({{"referer", ""}});
  harness.push(
      {{"request", Type::binary(), {"GET /\xff.html HTTP/1.1", "GET /\xff/b.html HTTP/1.1"}}});
  EXPECT_EQ(harness.pull()["webpage"], (std::vector<Cell>{nullptr, "b"}));
}

TEST(PageName, MistakesAreNamed) {
  const auto refusal = [](const Settings& settings) -> std::string {
    try {
      auto harness = Harness::of<PageName>(settings);
      harness.push({{"request", {"GET / HTTP/1.1"}}, {"referrer", {"-"}}});
    } catch (const std::exception& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(refusal({}),
            "referer: column 'referer' is not in the input: it has request, referrer "
            "(did you mean 'referrer'?)");
  EXPECT_EQ(refusal({{"page", ""}}), "page: a column needs a name");
  EXPECT_EQ(refusal({{"page", "a"}, {"refering_page", "a"}}),
            "page and refering_page: both columns are called 'a'");
}

}  // namespace
}  // namespace flow::operators::page_name_test
