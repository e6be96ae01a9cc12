#include "operators/codecs/syslog.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "operators/common/rfc3339.hpp"
#include "tests/operators/codecs/codec_stream.hpp"

namespace flow::operators::syslog_test {
namespace {

using flow::testing::Cell;
using flow::testing::CodecStream;
using flow::testing::Table;
using Cells = std::vector<Cell>;

Syslog::Options in_2025() {
  Syslog::Options options;
  options.year = 2025;
  return options;
}

Cell at(const char* time) { return Cell(*parse_rfc3339(time)); }

TEST(Syslog, Rfc5424) {
  CodecStream<Syslog> stream;
  stream.read(
      "<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 ID47 "
      "[a@1 x=\"y \\\"\\]\" z=\"\"][b] \xEF\xBB\xBFthe message itself\n"
      "<0>1 - - - - - -\n");
  const Table table = stream.pull();
  EXPECT_EQ(table["timestamp"], (Cells{at("2003-08-24T12:14:15.000003Z"), nullptr}));
  EXPECT_EQ(table["facility"], (Cells{"local4", "kern"}));
  EXPECT_EQ(table["severity"], (Cells{"notice", "emerg"}));
  EXPECT_EQ(table["hostname"], (Cells{"192.0.2.1", nullptr}));
  EXPECT_EQ(table["appname"], (Cells{"myproc", nullptr}));
  EXPECT_EQ(table["procid"], (Cells{"8710", nullptr}));
  EXPECT_EQ(table["msgid"], (Cells{"ID47", nullptr}));
  EXPECT_EQ(table["structured_data"],
            (Cells{"{\"a@1\":{\"x\":\"y \\\"]\",\"z\":\"\"},\"b\":{}}", nullptr}));
  EXPECT_EQ(table["message"], (Cells{"the message itself", nullptr}));
  EXPECT_TRUE(stream.host.failed.empty());
}

TEST(Syslog, Rfc3164InItsManyForms) {
  CodecStream<Syslog> stream(in_2025());
  stream.read(
      "<34>Oct 11 22:14:15 mymachine su: 'su root' failed\n"
      "Oct  1 00:00:00 host cron[123]: a job\n"
      "<13>Oct 11 22:14:15 su[7]: no host\n"
      "<13>2025-10-28T10:15:30Z host no tag here\n");
  const Table table = stream.pull();
  EXPECT_EQ(table["timestamp"], (Cells{at("2025-10-11T22:14:15Z"), at("2025-10-01T00:00:00Z"),
                                       at("2025-10-11T22:14:15Z"), at("2025-10-28T10:15:30Z")}));
  EXPECT_EQ(table["facility"], (Cells{"auth", nullptr, "user", "user"}));
  EXPECT_EQ(table["hostname"], (Cells{"mymachine", "host", nullptr, "host"}));
  EXPECT_EQ(table["appname"], (Cells{"su", "cron", "su", nullptr}));
  EXPECT_EQ(table["procid"], (Cells{nullptr, "123", "7", nullptr}));
  EXPECT_EQ(table["message"], (Cells{"'su root' failed", "a job", "no host", "no tag here"}));
}

TEST(Syslog, YearIsTheNearestAndZonesCount) {
  Syslog::Options options;
  options.zone = "Europe/Berlin";
  CodecStream<Syslog> stream(options);
  stream.host.clock = *parse_rfc3339("2026-01-02T00:00:00Z");
  stream.read("<13>Dec 31 12:00:00 h t: x\n<13>Jan  3 12:00:00 h t: x\n");
  EXPECT_EQ(stream.pull()["timestamp"],
            (Cells{at("2025-12-31T11:00:00Z"), at("2026-01-03T11:00:00Z")}));
}

TEST(Syslog, FaultsHaveAReasonAndAPlace) {
  CodecStream<Syslog> stream;
  stream.read(
      "<192>1 - - - - - -\n<1>1 yesterday - - - - -\n<1>1 - a b\n<1>1 - - - - - x\n<1>1 - - - - - "
      "[a b]\nnoise\n");
  std::vector<std::string> reasons;
  for (const auto& failure : stream.host.failed) reasons.push_back(failure.reason);
  EXPECT_EQ(reasons, (std::vector<std::string>{"bad_priority", "bad_timestamp", "bad_header",
                                               "bad_structured_data", "bad_structured_data",
                                               "bad_timestamp"}));
  EXPECT_EQ(stream.host.failed[1].message, "column 6: this is no time like 2025-10-28T10:15:30.5Z");
  EXPECT_TRUE(stream.balanced());
}

TEST(Syslog, CountedMessagesHoldLineEnds) {
  CodecStream<Syslog> stream;
  stream.read_in_pieces("23 <1>1 - - - - - - a\nb c\n<1>1 - - - - - - d\n21 <1>1 - - - - - - e\nf",
                        1);
  EXPECT_EQ(stream.pull()["message"], (Cells{"a\nb c", "d", "e\nf"}));
  EXPECT_TRUE(stream.host.failed.empty());
}

TEST(Syslog, CutsDoNotMatter) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const std::vector<std::string> parts = {"<1>1 - - - - - - abc",
                                          "\n",
                                          "20 ",
                                          "5 ",
                                          "<13>Oct 11 22:14:15 h t: x",
                                          "\r\n",
                                          "x",
                                          "<",
                                          "999999 ",
                                          "\xFF",
                                          "1234567890123 "};
  for (int round = 0; round < 1000; ++round) {
    Syslog::Options options = in_2025();
    options.max_line = {random() % 2 == 0 ? 12 : 200};
    options.framing = static_cast<SyslogFraming>(random() % 3);
    std::string text;
    for (uint64_t n = random() % 15; n > 0; --n) text += parts[random() % parts.size()];
    CodecStream<Syslog> whole(options);
    whole.read(text, true);
    CodecStream<Syslog> cut(options);
    for (std::string_view rest = text; !rest.empty();) {
      const size_t size = std::min<size_t>(1 + random() % 9, rest.size());
      cut.read(rest.substr(0, size));
      rest.remove_prefix(size);
      if (random() % 2 == 0) cut.restart();
    }
    cut.finish();
    const auto failures = [](const CodecStream<Syslog>& stream) {
      std::vector<std::string> list;
      for (const auto& failure : stream.host.failed) {
        list.push_back(failure.reason + failure.record);
      }
      return list;
    };
    ASSERT_EQ(failures(cut), failures(whole)) << text;
    const Table expected = whole.pull();
    const Table found = cut.pull();
    ASSERT_EQ(found.columns.size(), expected.columns.size()) << text;
    if (!expected.columns.empty()) {
      ASSERT_EQ(found["message"], expected["message"]) << text;
    }
    ASSERT_EQ(cut.host.dropped, whole.host.dropped) << text;
  }
}

}  // namespace
}  // namespace flow::operators::syslog_test
