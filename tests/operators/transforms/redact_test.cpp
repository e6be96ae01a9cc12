#include "operators/transforms/redact.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "flow/testing/harness.hpp"

namespace flow::operators::redact_test {
namespace {

using flow::testing::Cell;
using flow::testing::Harness;
using flow::testing::Setting;
using flow::testing::Settings;
using flow::testing::Table;
using Names = std::vector<std::string>;

Table redacted(const Table& input, const Settings& settings = {}) {
  auto harness = Harness::of<Redact>(settings);
  harness.push(input);
  EXPECT_EQ(harness.host().passed, input.rows());
  return harness.pull();
}
std::string redacted(const std::string& text, const Settings& settings = {}) {
  return redacted(Table{{"t", {Cell(text)}}}, settings)["t"].front().text();
}
std::string redacted_json(const std::string& token, const Settings& settings = {}) {
  return redacted(Table{{"t", Type::json(), {Cell(token)}}}, settings)["t"].front().text();
}

TEST(Redact, MaskKeepsTheShape) {
  EXPECT_EQ(redacted("mail anna@example.com or +49 (0)30 1234567!"),
            "mail ****@*******.*** or +** (*)** *******!");
  EXPECT_EQ(redacted("4111-1111-1111-1111, 2001:db8::1"), "****-****-****-****, ****:***::*");
  EXPECT_EQ(redacted("m\u00fcller@example.com"), "******@*******.***");
}

TEST(Redact, MaskCanKeepTheLastCharactersButNoMoreThanHalf) {
  EXPECT_EQ(redacted("4111-1111-1111-1111", {{"keep_last", 4}}), "****-****-****-1111");
  EXPECT_EQ(redacted("192.0.2.1", {{"keep_last", 16}}), "***.0.2.1");
}

TEST(Redact, RemovePutsTheReplacement) {
  EXPECT_EQ(redacted("from 192.0.2.1 to 192.0.2.2", {{"action", "remove"}}),
            "from [redacted] to [redacted]");
  EXPECT_EQ(redacted("anna@example.com", {{"action", "remove"}, {"replacement", ""}}), "");
}

TEST(Redact, WaysToWriteTheSameHaveTheSameHash) {
  const Settings settings = {{"action", "hash"}, {"secret", "key"}, {"hash_bytes", 32}};
  const std::string hash = redacted("anna@example.com", settings);
  EXPECT_EQ(hash.size(), 64U);
  EXPECT_EQ(redacted("Anna@Example.COM", settings), hash);
  EXPECT_EQ(redacted("anna%40example.com", settings), hash);
  EXPECT_EQ(redacted("4111-1111-1111-1111", settings), redacted("4111111111111111", settings));
  EXPECT_EQ(redacted("de89 3704 0044 0532 0130 00", settings),
            redacted("DE89370400440532013000", settings));
  EXPECT_NE(redacted("bob@example.com", settings), hash);
  EXPECT_NE(
      redacted("anna@example.com", {{"action", "hash"}, {"secret", "other"}, {"hash_bytes", 32}}),
      hash);
  EXPECT_EQ(redacted("anna@example.com", {{"action", "hash"}, {"secret", "key"}}),
            hash.substr(0, 32));
}

TEST(Redact, HashIsThatOfRfc4231) {
  KeyedHash hex("Jefe", 32, HashEncoding::kHex);
  for (int i = 0; i < 2; ++i) {
    std::string out;
    hex.append("what do ya want for nothing?", out);
    EXPECT_EQ(out, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  }
  KeyedHash base32("Jefe", 10, HashEncoding::kBase32);
  std::string out;
  base32.append("what do ya want for nothing?", out);
  EXPECT_EQ(out, "lpomcrv7mb2u42qe");
}

TEST(Redact, HashNeedsASecret) {
  EXPECT_THROW(redacted("x", {{"action", "hash"}}), std::runtime_error);
}

TEST(Redact, UntouchedColumnsAndBatchesAreShared) {
  auto harness = Harness::of<Redact>();
  const Batch batch = harness.batch({{"a", {"nothing here", "10:15:30"}}, {"b", {1, 2}}});
  harness.push(batch);
  EXPECT_EQ(harness.pull_batches().at(0).get(), batch.get());
  const Batch mixed = harness.batch({{"a", {"nothing"}}, {"b", {"192.0.2.1"}}});
  harness.push(mixed);
  const Batch out = harness.pull_batches().at(0);
  EXPECT_EQ(&out.column(0), &mixed.column(0));
  EXPECT_EQ(&out.schema(), &mixed.schema());
}

TEST(Redact, NullsAndTextsBesideAFindStay) {
  EXPECT_EQ(
      redacted({{"t", {nullptr, "a longer text without any", "192.0.2.1", nullptr, "short"}}}),
      (Table{{"t", {nullptr, "a longer text without any", "***.*.*.*", nullptr, "short"}}}));
}

TEST(Redact, CategoriesAreRedactedByValueAndCountedByRow) {
  auto harness = Harness::of<Redact>();
  const Table table = {{"t", Type::category(), {"192.0.2.1", "x", nullptr, "192.0.2.1"}}};
  harness.push(table);
  harness.push(table);
  EXPECT_EQ(harness.pull()["t"], (std::vector<Cell>{"***.*.*.*", "x", nullptr, "***.*.*.*",
                                                    "***.*.*.*", "x", nullptr, "***.*.*.*"}));
  EXPECT_EQ(harness.metric("redacted_ip"), 4);
}

TEST(Redact, ManyDictionariesAreForgottenAgain) {
  auto harness = Harness::of<Redact>();
  for (int i = 0; i < 50; ++i) {
    harness.push({{"t", Type::category(), {"192.0.2." + std::to_string(i)}}});
  }
  EXPECT_EQ(harness.pull().rows(), 50);
  EXPECT_EQ(harness.metric("redacted_ip"), 50);
}

TEST(Redact, StructsAndListsAreLookedInto) {
  const auto user = [](const char* mail, Cell hosts) {
    return Cell::structure({{"mail", mail}, {"n", 1}, {"hosts", std::move(hosts)}});
  };
  EXPECT_EQ(redacted({{"user",
                       {user("a@example.com", Cell::list({"192.0.2.1", "x"})), nullptr,
                        user("none", Cell::list({nullptr, "::1"}))}}}),
            (Table{{"user",
                    {user("*@*******.***", Cell::list({"***.*.*.*", "x"})), nullptr,
                     user("none", Cell::list({nullptr, "::*"}))}}}));
}

TEST(Redact, SlicesOfListsAreReadFromTheirOffset) {
  auto harness = Harness::of<Redact>();
  const Batch batch = harness.batch({{"t",
                                      {Cell::list({"192.0.2.1"}), Cell::list({"a", "192.0.2.22"}),
                                       nullptr, Cell::list({"b"}), Cell::list({"::1"})}}});
  harness.push(harness.host().host().slice(batch, 1, 3));
  EXPECT_EQ(harness.pull(),
            (Table{{"t", {Cell::list({"a", "***.*.*.**"}), nullptr, Cell::list({"b"})}}}));
  EXPECT_EQ(harness.metric("redacted_ip"), 1);
}

TEST(Redact, JsonStringsKeysAndNumbersAreLookedInto) {
  EXPECT_EQ(redacted_json(R"({"to":"a@example.com","x":[1,{"b@example.com":"192.0.2.1"}]})"),
            R"({"to":"*@*******.***","x":[1,{"*@*******.***":"***.*.*.*"}]})");
  EXPECT_EQ(redacted_json(R"({"pan":4111111111111111,"n":12.5})"),
            R"({"pan":"****************","n":12.5})");
  EXPECT_EQ(redacted_json(R"("just a text")"), R"("just a text")");
}

TEST(Redact, JsonEscapesHideNothingAndStayValid) {
  EXPECT_EQ(redacted_json("\"a\\u0040example.com\""), "\"*@*******.***\"");
  EXPECT_EQ(redacted_json("\"x\\nbob@example.com \\\"q\\\"\""),
            "\"x\\n***@*******.*** \\\"q\\\"\"");
  EXPECT_EQ(redacted_json("[\"\\u00e9\\/\", \"192.0.2.1\"]"), "[\"\\u00e9\\/\", \"***.*.*.*\"]");
  EXPECT_EQ(redacted_json("\"192.0.2.1\"", {{"action", "remove"}, {"replacement", "\"\\"}}),
            R"("\"\\")");
}

TEST(Redact, OnlyChosenFieldsAreLookedAt) {
  const Table table = {{"a_note", {"192.0.2.1"}},
                       {"b", {"192.0.2.1"}},
                       {"s", {Cell::structure({{"x", "192.0.2.1"}, {"y", "192.0.2.1"}})}}};
  EXPECT_EQ(redacted(table, {{"fields", Names{"*_note", "s.y"}}}),
            (Table{{"a_note", {"***.*.*.*"}},
                   {"b", {"192.0.2.1"}},
                   {"s", {Cell::structure({{"x", "192.0.2.1"}, {"y", "***.*.*.*"}})}}}));
  EXPECT_EQ(redacted(table, {{"fields", Names{"s"}}})["s"].front(),
            Cell::structure({{"x", "***.*.*.*"}, {"y", "***.*.*.*"}}));
}

TEST(Redact, MissingFieldIsRefusedOrIgnored) {
  EXPECT_THROW(redacted("x", {{"fields", Names{"tt"}}}), std::runtime_error);
  EXPECT_THROW(redacted("x", {{"fields", Names{"t", "x*"}}}), std::runtime_error);
  EXPECT_EQ(redacted("192.0.2.1", {{"fields", Names{"t", "x*"}}, {"missing", "ignore"}}),
            "***.*.*.*");
}

TEST(Redact, BinaryIsLookedAtOnlyByName) {
  const Table table = {{"t", Type::binary(), {"\xFF 192.0.2.1"}}};
  EXPECT_EQ(redacted(table), table);
  EXPECT_EQ(redacted(table, {{"fields", Names{"t"}}}),
            (Table{{"t", Type::binary(), {"\xFF ***.*.*.*"}}}));
}

TEST(Redact, KindsAndOwnPatternsAreCounted) {
  auto harness = Harness::of<Redact>(
      {{"kinds", Names{"email"}}, {"patterns", Setting::table({{"customer", "C-[0-9]+"}})}});
  harness.push({{"t", {"C-12 a@example.com C-3 192.0.2.1"}}});
  EXPECT_EQ(harness.pull(), (Table{{"t", {"*-** *@*******.*** *-* 192.0.2.1"}}}));
  EXPECT_EQ(harness.metric("redacted_email"), 1);
  EXPECT_EQ(harness.metric("redacted_customer"), 2);
  EXPECT_EQ(harness.metric("redacted_ip"), 0);
}

TEST(Redact, KindsAndPatternsThatAreNoneAreRefused) {
  EXPECT_THROW(redacted("x", {{"kinds", Names{"name"}}}), std::runtime_error);
  EXPECT_THROW(redacted("x", {{"patterns", Setting::table({{"a", "("}})}}), std::runtime_error);
  EXPECT_THROW(redacted("x", {{"patterns", Setting::table({{"A b", "x"}})}}), std::runtime_error);
  EXPECT_THROW(redacted("x", {{"patterns", Setting::table({{"a", 5}})}}), std::runtime_error);
}

TEST(Redact, RecordsAreTakenAwayUnlessTheyAreToBeKept) {
  for (const bool keep : {false, true}) {
    auto harness = Harness::of<Redact>({{"keep_record", keep}});
    harness.push(harness.batch({{"t", {"x"}}}, {"192.0.2.1 x"}));
    const Batch out = harness.pull_batches().at(0);
    EXPECT_EQ(out.origin().record != nullptr, keep);
    EXPECT_STREQ(out.origin().source, "test");
  }
}

}  // namespace
}  // namespace flow::operators::redact_test
