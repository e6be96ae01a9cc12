#include "operators/transforms/user_agent.hpp"

#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "flow/testing/harness.hpp"
#include "operators/common/text_hash.hpp"
#include "tests/operators/transforms/mmdb_writer.hpp"

namespace flow::operators::user_agent_test {
namespace {

using test::TemporaryFolder;
using testing::Cell;
using testing::Harness;
using testing::Settings;
using testing::Table;

constexpr const char* kRegexes = R"(
user_agent_parsers:
  - regex: '(Chrome|Firefox)/(\d+)\.(\d+)(?:\.(\d+))?'
  - regex: 'numbered(\d+)'
    family_replacement: 'Numbered $1'
os_parsers:
  - regex: '(Windows) NT 10'
  - regex: '(Mac OS X) (\d+)[_.](\d+)'
device_parsers:
  - regex: '(Pixel) (\d)'
    device_replacement: '$1 $2'
    brand_replacement: 'Google'
    model_replacement: '$1 $2'
)";
constexpr const char* kChrome = "Mozilla/5.0 (Windows NT 10.0; Win64) Chrome/120.0.1 Safari/537.36";
constexpr const char* kFirefox = "Mozilla/5.0 (Macintosh; Mac OS X 10_15) Firefox/119.0";

class UserAgentTest : public ::testing::Test {
 protected:
  Harness with(Settings settings = {}) {
    settings.emplace_back("regexes", path_);
    return Harness::of<IdentifyUserAgent>(settings);
  }
  std::string refusal(const Settings& settings) {
    try {
      Harness::of<IdentifyUserAgent>(settings);
    } catch (const std::exception& error) {
      return error.what();
    }
    return "";
  }
  TemporaryFolder folder_;
  std::string path_ = folder_.write("regexes.yaml", kRegexes);
};

Table agents(std::vector<Cell> cells) { return {{"agent", Type::text(), std::move(cells)}}; }

TEST_F(UserAgentTest, AddsSystemBrowserAndDeviceTypeInThisOrder) {
  auto harness = with();
  harness.push(agents({kChrome, kFirefox, "something else", nullptr, "", kChrome}));
  EXPECT_EQ(harness.pull(),
            (Table{{"agent", {kChrome, kFirefox, "something else", nullptr, "", kChrome}},
                   {"os", {"Windows", "Mac OS X", "Other", nullptr, "Other", "Windows"}},
                   {"browser", {"Chrome", "Firefox", "Other", nullptr, "Other", "Chrome"}},
                   {"device_type", {"desktop", "desktop", "other", nullptr, "other", "desktop"}}}));
}

TEST_F(UserAgentTest, FieldsChooseTheColumns) {
  auto harness =
      with({{"fields", std::vector<std::string>{"browser_version", "device_brand", "device",
                                                "device_model", "os_version"}}});
  harness.push(agents({kChrome, kFirefox, "Pixel 8"}));
  EXPECT_EQ(harness.pull(), (Table{{"agent", {kChrome, kFirefox, "Pixel 8"}},
                                   {"browser_version", {"120.0.1", "119.0", nullptr}},
                                   {"device_brand", {nullptr, nullptr, "Google"}},
                                   {"device", {"Other", "Other", "Pixel 8"}},
                                   {"device_model", {nullptr, nullptr, "Pixel 8"}},
                                   {"os_version", {nullptr, "10.15", nullptr}}}));
}

TEST_F(UserAgentTest, ColumnsAreCategories) {
  auto harness = with();
  harness.push(agents({kChrome}));
  const Batch batch = harness.pull_batches().at(0);
  for (const char* name : {"os", "browser", "device_type"}) {
    EXPECT_EQ(batch.find(name)->type, FLOW_CATEGORY) << name;
  }
}

TEST_F(UserAgentTest, AnAgentIsParsedOnceForAllInstances) {
  auto harness = with();
  for (int i = 0; i < 10; ++i) harness.push(agents({kChrome, kFirefox, kChrome}));
  EXPECT_EQ(harness.metric("user_agent_cache_misses"), 2);
}

TEST_F(UserAgentTest, ReadsCategoriesAndBytes) {
  for (const Type& type : {Type::category(), Type::binary()}) {
    auto harness = with();
    harness.push({{"agent", type, {kChrome, kFirefox, nullptr, kChrome, "\xff\xfe numbered7"}}});
    EXPECT_EQ(harness.pull()["browser"],
              (std::vector<Cell>{"Chrome", "Firefox", nullptr, "Chrome", "Numbered 7"}));
  }
}

TEST_F(UserAgentTest, MoreAgentsThanTheCacheHoldsAreReadAllTheSame) {
  auto harness = with({{"cache", 64}});
  for (int round = 0; round < 3; ++round) {
    std::vector<Cell> cells, browsers;
    for (int i = 0; i < 3000; ++i) {
      cells.emplace_back("a made-up agent, numbered" + std::to_string(i));
      browsers.emplace_back("Numbered " + std::to_string(i));
    }
    harness.push(agents(cells));
    EXPECT_EQ(harness.pull()["browser"], browsers);
  }
}

TEST_F(UserAgentTest, MoreValuesThanADictionaryHoldsBecomeText) {
  auto harness = with({{"fields", std::vector<std::string>{"browser"}}, {"cache", 1024}});
  const int beyond = SharedDictionary::kMaximum + 10;
  for (int first = 0; first < beyond; first += 10'000) {
    std::vector<Cell> cells;
    const int end = std::min(first + 10'000, beyond);
    for (int i = first; i < end; ++i) cells.emplace_back("numbered" + std::to_string(i));
    harness.push(agents(cells));
    const auto browsers = harness.pull()["browser"];
    ASSERT_EQ(browsers.back(), Cell("Numbered " + std::to_string(end - 1)));
    ASSERT_EQ(browsers.front(), Cell("Numbered " + std::to_string(first)));
  }
}

TEST_F(UserAgentTest, VeryLongAgentsAreReadByTheirBeginning) {
  auto harness = with();
  const std::string tail(100'000, 'x');
  harness.push(agents({kChrome + tail, kChrome + tail + tail}));
  EXPECT_EQ(harness.pull()["browser"], (std::vector<Cell>{"Chrome", "Chrome"}));
  EXPECT_EQ(harness.metric("user_agent_cache_misses"), 1);
}

TEST_F(UserAgentTest, InstancesShareOneCache) {
  IdentifyUserAgent::Options options;
  options.regexes = path_;
  testing::TestHost shared_host;
  IdentifyUserAgent::Shared shared(options, shared_host.host());
  std::vector<std::thread> threads;
  std::vector<int> wrong(4);
  threads.reserve(wrong.size());
  for (int& mine : wrong) {
    threads.emplace_back([&] {
      testing::TestHost host;
      Output out(host.abi());
      IdentifyUserAgent agent(options, shared);
      agent.open(out);
      for (int round = 0; round < 20; ++round) {
        flow::TextBuilder builder(out, 200);
        for (int i = 0; i < 200; ++i)
          builder.append("numbered" + std::to_string((i * 7 + round) % 300));
        agent.process(out.make(200, {{"agent", {builder.finish(), Type::text()}}}, nullptr), out);
        const CategoryView browser(*host.emitted[0].back().find("browser"));
        for (int i = 0; i < 200; ++i) {
          mine += browser[i] != "Numbered " + std::to_string((i * 7 + round) % 300) ? 1 : 0;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(4));
}

TEST_F(UserAgentTest, RefusesWhatItCannotUse) {
  EXPECT_NE(refusal({{"regexes", "/does/not/exist.yaml"}}).find("/does/not/exist.yaml"),
            std::string::npos);
  const std::string broken = folder_.write("broken.yaml",
                                           "user_agent_parsers:\n  - regex: '(a'\n"
                                           "os_parsers:\n  - regex: 'a'\n"
                                           "device_parsers:\n  - regex: 'a'\n");
  EXPECT_NE(refusal({{"regexes", broken}}).find("broken.yaml:2"), std::string::npos);
  EXPECT_NE(refusal({{"regexes", path_}, {"fields", std::vector<std::string>{"engine"}}})
                .find("there is no 'engine'; there are os, os_version"),
            std::string::npos);
  EXPECT_NE(
      refusal({{"regexes", path_}, {"fields", std::vector<std::string>{"os", "os"}}}).find("twice"),
      std::string::npos);
  EXPECT_NE(
      refusal({{"regexes", path_}, {"fields", std::vector<std::string>{}}}).find("at least one"),
      std::string::npos);
}

TEST(TextHash, DependsOnEachByteAndOnNothingElse) {
  std::string text = "0123456789abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ!?";
  for (size_t length = 0; length <= text.size(); ++length) {
    const uint64_t hash = text_hash({text.data(), length});
    for (size_t i = 0; i < text.size(); ++i) {
      text[i] ^= 1;
      EXPECT_EQ(text_hash({text.data(), length}) != hash, i < length) << length << " " << i;
      text[i] ^= 1;
    }
  }
}

}  // namespace
}  // namespace flow::operators::user_agent_test
