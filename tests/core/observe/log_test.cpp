#include "core/observe/log.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace flowrun::log_test {
namespace {

using namespace std::chrono_literals;

class LogTest : public testing::Test {
 protected:
  LogTest() {
    log::configure({log::Format::kJson, log::Level::kInfo});
    log::redirect([this](std::string_view line) { lines_.emplace_back(line); });
  }
  ~LogTest() override {
    log::status_line("");
    log::redirect(nullptr);
    log::configure({});
  }

  // The last line without its time, which must be there and be well formed.
  std::string last() {
    if (lines_.empty()) return "";
    const std::string& line = lines_.back();
    const bool json = line.starts_with("{\"time\":\"");
    const std::size_t start = json ? 9 : 0;
    std::string time = line.substr(start, json ? 26 : 25);
    for (char& character : time) {
      if (character >= '0' && character <= '9') character = '0';
    }
    const std::string shape = "0000-00-00T00:00:00.000Z";
    if (time != shape + (json ? "\"," : " ")) return "no time in " + line;
    return json ? "{" + line.substr(start + time.size()) : line.substr(time.size());
  }

  std::vector<std::string> lines_;
};

TEST_F(LogTest, JsonLineHasLevelMessageAndKeysInOrder) {
  const std::string id = "index";
  log::warning("Sink waits.", {{"component", id}, {"rows", 3}, {"share", 0.5}, {"open", true}});
  EXPECT_EQ(last(), R"({"level":"warning","message":"Sink waits.","component":"index","rows":3,)"
                    R"("share":0.5,"open":true})"
                    "\n");
}

TEST_F(LogTest, EveryTypeOfValueKeepsItsMeaning) {
  const char* missing = nullptr;
  log::info("Values.", {{"small", INT64_MIN},
                        {"big", UINT64_MAX},
                        {"none", nullptr},
                        {"missing", missing},
                        {"infinite", std::numeric_limits<double>::infinity()},
                        {"not_a_number", std::nan("")},
                        {"view", std::string_view("v")}});
  EXPECT_EQ(last(), R"({"level":"info","message":"Values.","small":-9223372036854775808,)"
                    R"("big":18446744073709551615,"none":null,"missing":null,"infinite":null,)"
                    R"("not_a_number":null,"view":"v"})"
                    "\n");
}

TEST_F(LogTest, HostileTextStaysOneLineOfValidJson) {
  log::error("Two\nlines \xFF", {{"pa\"th", "a\"b\\c\x01"}, {"time", "now"}});
  EXPECT_EQ(last(),
            "{\"level\":\"error\",\"message\":\"Two\\nlines \xEF\xBF\xBD\","
            "\"pa\\\"th\":\"a\\\"b\\\\c\\u0001\",\"time_\":\"now\"}\n");
}

TEST_F(LogTest, TextFormatQuotesOnlyWhatNeedsIt) {
  log::configure({log::Format::kText, log::Level::kInfo});
  log::info("Started.", {{"pipeline", "weblogs"},
                         {"path", "two words"},
                         {"rule", "a=\"b\"\n"},
                         {"empty", ""},
                         {"rows", 7}});
  EXPECT_EQ(last(),
            "info    Started. pipeline=weblogs path=\"two words\" rule=\"a=\\\"b\\\"\\n\" "
            "empty=\"\" rows=7\n");
}

TEST_F(LogTest, LessImportantLinesAreNotWritten) {
  log::configure({log::Format::kJson, log::Level::kWarning});
  EXPECT_FALSE(log::enabled(log::Level::kInfo));
  log::info("Quiet.");
  EXPECT_TRUE(lines_.empty());
  EXPECT_TRUE(log::enabled(log::Level::kWarning));
  log::warning("Loud.");
  EXPECT_EQ(lines_.size(), 1u);
}

TEST_F(LogTest, LogLinesClearAndRedrawTheStatusLine) {
  log::configure({log::Format::kText, log::Level::kInfo});
  log::status_line("12 rows");
  EXPECT_EQ(lines_.back(), "\r\x1b[K12 rows");
  log::status_line("12 rows");
  EXPECT_EQ(lines_.size(), 1u) << "an unchanged line is not drawn again";
  log::info("Message.");
  EXPECT_TRUE(lines_.back().starts_with("\r\x1b[K"));
  EXPECT_TRUE(lines_.back().ends_with("Message.\n12 rows"));
  log::status_line("");
  EXPECT_EQ(lines_.back(), "\r\x1b[K");
  log::info("Message.");
  EXPECT_TRUE(lines_.back().ends_with("Message.\n"));
}

TEST_F(LogTest, WriterThatThrowsDoesNotReachTheCaller) {
  log::redirect([](std::string_view) { throw std::runtime_error("disk full"); });
  log::info("Lost.");
  log::redirect([this](std::string_view line) { lines_.emplace_back(line); });
  log::info("Written.");
  EXPECT_EQ(last(), "{\"level\":\"info\",\"message\":\"Written.\"}\n");
}

TEST_F(LogTest, LinesOfManyThreadsDoNotMix) {
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([] {
      for (int line = 0; line < 200; ++line) log::info("Message.", {{"line", line}});
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(lines_.size(), 800u);
  for (const std::string& line : lines_) {
    EXPECT_TRUE(line.starts_with("{\"time\"") && line.ends_with("}\n")) << line;
    EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1) << line;
  }
}

TEST_F(LogTest, RepeatedMessageIsWrittenOncePerIntervalWithACount) {
  log::Every every(10s);
  const std::chrono::steady_clock::time_point start(1h);
  EXPECT_EQ(every.admit(start), 0u);
  EXPECT_EQ(every.admit(start + 1s), std::nullopt);
  EXPECT_EQ(every.admit(start + 9s), std::nullopt);
  EXPECT_EQ(every.admit(start + 10s), 2u);
  EXPECT_EQ(every.admit(start + 11s), std::nullopt);
  EXPECT_EQ(every.admit(start + 30s), 1u);
}

TEST_F(LogTest, SuppressedMessagesAreReportedWithTheNextOne) {
  log::Every every(0ns);
  every.write(log::Level::kInfo, "Late rows.", {{"rows", 1}});
  EXPECT_EQ(last(), "{\"level\":\"info\",\"message\":\"Late rows.\",\"rows\":1}\n");
  log::Every held_back(20ms);
  for (int time = 0; time < 3; ++time) held_back.write(log::Level::kInfo, "Late rows.");
  ASSERT_EQ(lines_.size(), 2u);
  std::this_thread::sleep_for(25ms);
  held_back.write(log::Level::kInfo, "Late rows.", {{"rows", 2}});
  EXPECT_EQ(last(),
            "{\"level\":\"info\",\"message\":\"Late rows.\",\"rows\":2,\"suppressed\":2}\n");
}

TEST_F(LogTest, OptionValuesAreTheDocumentedWords) {
  EXPECT_EQ(log::parse_level("debug"), log::Level::kDebug);
  EXPECT_EQ(log::parse_level("error"), log::Level::kError);
  EXPECT_EQ(log::parse_level("loud"), std::nullopt);
  EXPECT_EQ(log::parse_format("json"), log::Format::kJson);
  EXPECT_EQ(log::parse_format("auto"), log::Format::kAuto);
  EXPECT_EQ(log::parse_format("xml"), std::nullopt);
}

}  // namespace
}  // namespace flowrun::log_test
