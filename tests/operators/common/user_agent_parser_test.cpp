#include "operators/common/user_agent_parser.hpp"

#include <gtest/gtest.h>
#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace flow::operators::user_agent_parser_test {
namespace {

const std::filesystem::path kUapCore = "/usr/share/uap-core";

#define FLOW_REQUIRE_UAP_CORE()                                             \
  if (!std::filesystem::exists(kUapCore / "regexes.yaml")) {                \
    GTEST_SKIP() << "uap-core is not installed (Debian: package uap-core)"; \
  }

std::shared_ptr<const UserAgentParser> installed_parser() {
  static const auto kParser = UserAgentParser::load(kUapCore / "regexes.yaml");
  return kParser;
}

/// A regexes.yaml of our own, removed at the end of the test.
class ExpressionsFile {
 public:
  explicit ExpressionsFile(std::string_view content) {
    static std::atomic<int> counter{0};
    path_ =
        std::filesystem::temp_directory_path() / ("flow_user_agent_" + std::to_string(::getpid()) +
                                                  "_" + std::to_string(counter++) + ".yaml");
    std::ofstream(path_, std::ios::binary) << content;
  }
  ~ExpressionsFile() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  ExpressionsFile(const ExpressionsFile&) = delete;
  ExpressionsFile& operator=(const ExpressionsFile&) = delete;

  const std::filesystem::path& path() const { return path_; }

  /// The message load() fails with; "" if it does not fail.
  std::string error() const {
    try {
      UserAgentParser::load(path_);
    } catch (const std::runtime_error& fault) {
      return fault.what();
    }
    return "";
  }

 private:
  std::filesystem::path path_;
};

/// A file of three sections with `browsers` as the entries of the first.
std::string with_browsers(const std::string& browsers) {
  return "user_agent_parsers:\n" + browsers +
         "os_parsers:\n  - regex: '(Plan 9) ?(\\d*)'\n"
         "device_parsers:\n  - regex: 'Phone ([a-z]+)'\n";
}

// ---------------------------------------------------------------- uap-core's own cases

/// Cases that cannot pass: the agent and why. Empty for uap-core 0.16.
const std::map<std::string, std::string> kWaivers = {};

using FieldGetter = std::string UserAgent::*;
using NamedFields = std::vector<std::pair<const char*, FieldGetter>>;

const NamedFields kBrowserFields = {{"family", &UserAgent::browser},
                                    {"major", &UserAgent::browser_major},
                                    {"minor", &UserAgent::browser_minor},
                                    {"patch", &UserAgent::browser_patch}};
const NamedFields kSystemFields = {{"family", &UserAgent::os_family},
                                   {"major", &UserAgent::os_major},
                                   {"minor", &UserAgent::os_minor},
                                   {"patch", &UserAgent::os_patch},
                                   {"patch_minor", &UserAgent::os_patch_minor}};
const NamedFields kDeviceFields = {{"family", &UserAgent::device_family},
                                   {"brand", &UserAgent::device_brand},
                                   {"model", &UserAgent::device_model}};

struct UapCoreFile {
  const char* name;
  std::size_t minimum_cases;  // so that a file read wrongly does not pass as an empty one
  const NamedFields* fields;
};

void PrintTo(const UapCoreFile& file, std::ostream* out) { *out << file.name; }

class UapCoreCases : public ::testing::TestWithParam<UapCoreFile> {};

TEST_P(UapCoreCases, AllPass) {
  FLOW_REQUIRE_UAP_CORE();
  const UapCoreFile& file = GetParam();
  const auto path = kUapCore / file.name;
  if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is not part of this uap-core";
  const YAML::Node document = YAML::LoadFile(path);
  const auto parser = installed_parser();
  std::size_t cases = 0;
  std::size_t failures = 0;
  for (const YAML::Node& test : document["test_cases"]) {
    ++cases;
    const auto agent = test["user_agent_string"].as<std::string>();
    const UserAgent result = parser->parse(agent);
    for (const auto& [key, field] : *file.fields) {
      const YAML::Node& value = test[key];
      const std::string expected =
          value.IsDefined() && !value.IsNull() ? value.as<std::string>() : "";
      if (result.*field == expected) continue;
      if (kWaivers.contains(agent)) continue;
      if (++failures <= 20) {
        ADD_FAILURE() << file.name << ":" << test.Mark().line + 1 << " " << key << " of '" << agent
                      << "': expected '" << expected << "', got '" << result.*field << "'";
      }
    }
  }
  EXPECT_EQ(failures, 0U);
  EXPECT_GE(cases, file.minimum_cases);
}

INSTANTIATE_TEST_SUITE_P(
    UserAgent, UapCoreCases,
    ::testing::Values(
        UapCoreFile{"tests/test_ua.yaml", 1000, &kBrowserFields},
        UapCoreFile{"tests/test_os.yaml", 300, &kSystemFields},
        UapCoreFile{"tests/test_device.yaml", 10000, &kDeviceFields},
        UapCoreFile{"test_resources/firefox_user_agent_strings.yaml", 100, &kBrowserFields},
        UapCoreFile{"test_resources/opera_mini_user_agent_strings.yaml", 100, &kBrowserFields},
        UapCoreFile{"test_resources/podcasting_user_agent_strings.yaml", 50, &kBrowserFields},
        UapCoreFile{"test_resources/pgts_browser_list.yaml", 5000, &kBrowserFields},
        UapCoreFile{"test_resources/additional_os_tests.yaml", 10, &kSystemFields}),
    [](const auto& info) { return std::filesystem::path(info.param.name).stem().string(); });

TEST(UserAgentParser, ShortCutsChangeNoResult) {
  FLOW_REQUIRE_UAP_CORE();
  const auto parser = installed_parser();
  std::size_t compared = 0;
  for (const char* const name : {"test_ua", "test_os", "test_device"}) {
    const YAML::Node document = YAML::LoadFile(kUapCore / "tests" / (std::string(name) + ".yaml"));
    const YAML::Node& cases = document["test_cases"];
    for (std::size_t i = 0; i < cases.size(); i += 17) {
      const auto agent = cases[i]["user_agent_string"].as<std::string>();
      const UserAgent filtered = parser->parse(agent);
      const UserAgent exhaustive = parser->parse_exhaustively(agent);
      for (const NamedFields* fields : {&kBrowserFields, &kSystemFields, &kDeviceFields}) {
        for (const auto& [key, field] : *fields)
          EXPECT_EQ(filtered.*field, exhaustive.*field) << key << " of " << agent;
      }
      ++compared;
    }
  }
  EXPECT_GT(compared, 500U);
}

TEST(UserAgentParser, RefusesNoExpressionOfTheInstalledFile) {
  FLOW_REQUIRE_UAP_CORE();
  const auto parser = UserAgentParser::load(kUapCore / "regexes.yaml");
  EXPECT_GT(parser->expression_count(), 1000U);
  EXPECT_EQ(parser->compile_all(), std::vector<std::string>{});
}

// ---------------------------------------------------------------- what an expression makes of an
// agent

TEST(UserAgentParser, ReadsBrowserSystemAndDeviceOfAnAgent) {
  FLOW_REQUIRE_UAP_CORE();
  const UserAgent agent = installed_parser()->parse(
      "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
      "Chrome/120.0.0.0 Safari/537.36");
  EXPECT_EQ(agent.browser, "Chrome");
  EXPECT_EQ(agent.browser_major, "120");
  EXPECT_EQ(agent.browser_minor, "0");
  EXPECT_EQ(agent.os_family, "Windows");
  EXPECT_EQ(agent.os_major, "10");
  EXPECT_EQ(agent.os_minor, "");
  EXPECT_EQ(agent.device_family, "Other");
  EXPECT_EQ(agent.device_brand, "");
  EXPECT_EQ(agent.device_type, DeviceType::kDesktop);
}

TEST(UserAgentParser, FirstMatchingExpressionOfTheFileDecides) {
  const ExpressionsFile file(
      with_browsers("  - regex: '(Fire)/(\\d+)'\n"
                    "  - regex: '(Fi)(re)'\n"
                    "  - regex: '(Water)/(\\d+)'\n"));
  const auto parser = UserAgentParser::load(file.path());
  EXPECT_EQ(parser->parse("Water/2 Fire/1").browser, "Fire");
  const UserAgent second = parser->parse("Water/2 Fire");
  EXPECT_EQ(second.browser, "Fi");
  EXPECT_EQ(second.browser_major, "re");
}

TEST(UserAgentParser, UnknownAgentIsOtherWithoutVersions) {
  const ExpressionsFile file(with_browsers("  - regex: '(Fire)/(\\d+)'\n"));
  const UserAgent agent = UserAgentParser::load(file.path())->parse("something else");
  EXPECT_EQ(agent.browser, "Other");
  EXPECT_EQ(agent.browser_major, "");
  EXPECT_EQ(agent.os_family, "Other");
  EXPECT_EQ(agent.device_family, "Other");
  EXPECT_EQ(agent.device_brand, "");
  EXPECT_EQ(agent.device_model, "");
}

TEST(UserAgentParser, ReplacementsTakeGroupsAndAreTrimmed) {
  const ExpressionsFile file(
      "user_agent_parsers:\n"
      "  - regex: 'x(\\d)(?:y(\\d)|) (z)'\n    family_replacement: ' $3 of $1$2 '\n    "
      "v1_replacement: '$2'\n"
      "    v2_replacement: '7'\n"
      "os_parsers:\n  - regex: 'x(\\d)'\n    os_replacement: '$1.5$'\n    os_v1_replacement: '$9'\n"
      "device_parsers:\n  - regex: 'x(\\d)'\n    brand_replacement: 'B$1'\n"
      "  - regex: '(q)(.*)$'\n    device_replacement: '$1 $2'\n    model_replacement: '$2'\n");
  const auto parser = UserAgentParser::load(file.path());
  const UserAgent agent = parser->parse("x1 z");
  EXPECT_EQ(agent.browser, "z of 1");
  EXPECT_EQ(agent.browser_major, "");
  EXPECT_EQ(agent.browser_minor, "7");
  EXPECT_EQ(agent.browser_patch, "");
  EXPECT_EQ(agent.os_family, "1.5$");
  EXPECT_EQ(agent.os_major, "");
  EXPECT_EQ(agent.device_family, "1");
  EXPECT_EQ(agent.device_brand, "B1");
  EXPECT_EQ(agent.device_model, "1");
  const UserAgent device = parser->parse("q  ");
  EXPECT_EQ(device.device_family, "q");
  EXPECT_EQ(device.device_model, "");
}

TEST(UserAgentParser, CaseCountsUnlessTheFlagSaysOtherwise) {
  const ExpressionsFile file(
      with_browsers("  - regex: '(strict)'\n  - regex: '(loose)'\n    regex_flag: 'i'\n"));
  const auto parser = UserAgentParser::load(file.path());
  EXPECT_EQ(parser->parse("STRICT").browser, "Other");
  EXPECT_EQ(parser->parse("strict").browser, "strict");
  EXPECT_EQ(parser->parse("LOOSE").browser, "LOOSE");
  // Case folding beyond ASCII: the long s is an s to a case-insensitive expression, with or without
  // the prefilter.
  EXPECT_EQ(parser
                ->parse("loo\xC5\xBF"
                        "e")
                .browser,
            parser
                ->parse_exhaustively("loo\xC5\xBF"
                                     "e")
                .browser);
}

TEST(UserAgentParser, DotIsACharacterNotAByte) {
  const ExpressionsFile file(with_browsers("  - regex: '^<(.)>'\n"));
  const auto parser = UserAgentParser::load(file.path());
  EXPECT_EQ(parser->parse("<\xC3\xA9>").browser, "\xC3\xA9");
  EXPECT_EQ(parser->parse("<ab>").browser, "Other");
}

TEST(UserAgentParser, ExpressionsMayHoldTextBeyondAscii) {
  const ExpressionsFile file(with_browsers("  - regex: '(prohl\xC3\xAD?z)'\n"));
  const auto parser = UserAgentParser::load(file.path());
  EXPECT_EQ(parser->parse("a prohlz").browser, "prohlz");
  EXPECT_EQ(parser->parse("a prohl\xC3\xADz").browser, "prohl\xC3\xADz");
}

TEST(UserAgentParser, CountedRepetitionsHoldToTheCharacter) {
  const ExpressionsFile file(
      with_browsers("  - regex: '^(.{0,30}?)x([^;]{1,40})y'\n  - regex: 'x(b{1,35})(y|)'\n"));
  const auto parser = UserAgentParser::load(file.path());
  std::set<std::string> families;
  for (std::size_t head = 0; head < 60; ++head) {
    for (std::size_t tail = 0; tail < 60; ++tail) {
      const std::string agent = std::string(head, 'a') + "x" + std::string(tail, 'b') + "y";
      const UserAgent result = parser->parse(agent);
      const UserAgent expected = parser->parse_exhaustively(agent);
      EXPECT_EQ(result.browser, expected.browser) << agent;
      EXPECT_EQ(result.browser_major, expected.browser_major) << agent;
      families.insert(result.browser);
    }
  }
  EXPECT_EQ(parser->parse(std::string(30, 'a') + "x" + std::string(40, 'b') + "y").browser,
            std::string(30, 'a'));
  EXPECT_EQ(parser->parse(std::string(31, 'a') + "x" + std::string(40, 'b') + "y").browser,
            std::string(35, 'b'));
  EXPECT_GT(families.size(), 60U);
}

// ---------------------------------------------------------------- hostile agents

TEST(UserAgentParser, BytesThatAreNoUtf8BecomeReplacementCharacters) {
  const ExpressionsFile file(with_browsers("  - regex: '^(.*)/(\\d+)'\n"));
  const UserAgent agent = UserAgentParser::load(file.path())->parse("a\xFF\xC3/7");
  EXPECT_EQ(agent.browser, "a\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(agent.browser_major, "7");
}

TEST(UserAgentParser, SurvivesEveryByteAndHugeAgents) {
  FLOW_REQUIRE_UAP_CORE();
  const auto parser = installed_parser();
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) bytes += static_cast<char>(byte);
  EXPECT_EQ(parser->parse(bytes).browser, "Other");
  EXPECT_EQ(parser->parse(std::string(1U << 20U, 'x')).browser, "Other");
  const std::string long_agent = "Mozilla/5.0 (Windows NT 10.0) Firefox/99.0" +
                                 std::string(UserAgentParser::kMaximumAgentLength, ' ') +
                                 "Googlebot/1";
  EXPECT_EQ(parser->parse(long_agent).browser, "Firefox");
}

TEST(UserAgentParser, RepeatedPrefixesCostLinearTime) {
  FLOW_REQUIRE_UAP_CORE();
  const auto parser = installed_parser();
  const std::pair<const char*, const char*> parts[] = {{"SmartWatch", " "},
                                                       {";A Build HuaweiA", "4"},
                                                       {"HbbTV/0.0.0 (;LGE;", " "},
                                                       {"AppleWebKit/1.1", " Safari"},
                                                       {"Mozilla", "Mobile"},
                                                       {"Opera/", "Opera Mobi"},
                                                       {"iPod;CPU", "OS 1_1"},
                                                       {"; SAMSUNG Galaxy Note II ", " "},
                                                       {"CFNetwork/", " Darwin/17.1"},
                                                       {"Windows Phone  ; ", "IEMobile/"},
                                                       {"; ", " "},
                                                       {"/0", "0"}};
  for (const auto& [start, repeated] : parts) {
    std::string agent = start;
    while (agent.size() < 100000) agent += repeated;
    const auto begin = std::chrono::steady_clock::now();
    parser->parse(agent + "!");
    // Milliseconds are usual; a backtracking engine would need hours.
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5)) << start;
  }
}

TEST(UserAgentParser, ThreadsThatStartColdAgree) {
  FLOW_REQUIRE_UAP_CORE();
  const auto parser = UserAgentParser::load(kUapCore / "regexes.yaml");
  const YAML::Node document = YAML::LoadFile(kUapCore / "tests/test_os.yaml");
  std::vector<std::string> agents;
  for (const YAML::Node& test : document["test_cases"])
    agents.push_back(test["user_agent_string"].as<std::string>());
  std::vector<std::vector<UserAgent>> results(4);
  {
    std::vector<std::jthread> threads;
    threads.reserve(results.size());
    for (auto& result : results) {
      threads.emplace_back([&] {
        for (const std::string& agent : agents) result.push_back(parser->parse(agent));
      });
    }
  }
  for (std::size_t i = 0; i < agents.size(); ++i) {
    for (const auto& result : results) {
      EXPECT_EQ(result[i].browser, results[0][i].browser);
      EXPECT_EQ(result[i].os_family, results[0][i].os_family);
      EXPECT_EQ(result[i].device_model, results[0][i].device_model);
    }
  }
}

// ---------------------------------------------------------------- broken expression files

TEST(UserAgentExpressionsFile, MissingFileIsNamedWithTheRemedy) {
  try {
    UserAgentParser::load("/nonexistent/regexes.yaml");
    FAIL() << "loaded a file that does not exist";
  } catch (const std::runtime_error& fault) {
    const std::string message = fault.what();
    EXPECT_NE(message.find("/nonexistent/regexes.yaml"), std::string::npos) << message;
    EXPECT_NE(message.find("package uap-core"), std::string::npos) << message;
  }
}

TEST(UserAgentExpressionsFile, DirectoryIsRefused) {
  EXPECT_THROW(UserAgentParser::load(std::filesystem::temp_directory_path()), std::runtime_error);
}

struct BrokenFile {
  const char* name;
  std::string content;
  std::vector<const char*> expected;  // parts of the message
};

TEST(UserAgentExpressionsFile, EveryFaultIsNamedWithItsLine) {
  const BrokenFile files[] = {
      {"empty", "", {":1: ", "expected a map"}},
      {"list instead of a map", "- a\n- b\n", {":1: ", "expected a map"}},
      {"unfinished quote", "user_agent_parsers:\n  - regex: 'abc\n", {"os_parsers is missing"}},
      {"unfinished list", "user_agent_parsers:\n  - regex: [abc\n", {":3: not valid YAML"}},
      {"wrong indentation",
       "user_agent_parsers:\n  - regex: 'a'\n family: 'b'\n",
       {":3: not valid YAML"}},
      {"endless nesting", std::string(100000, '['), {"not valid YAML"}},
      {"binary noise", std::string("\x00\x01\xFE\xFFgarbage: [", 14), {".yaml"}},
      {"missing section",
       "user_agent_parsers:\n  - regex: 'a'\nos_parsers:\n  - regex: 'a'\n",
       {"device_parsers is missing"}},
      {"section of the wrong kind", with_browsers("  key: value\n"), {":2: ", "must be a list"}},
      {"entry of the wrong kind", with_browsers("  - just text\n"), {":2: ", "expected an entry"}},
      {"entry without expression",
       with_browsers("  - family_replacement: 'x'\n"),
       {":2: ", "without regex"}},
      {"empty expression", with_browsers("  - regex: ''\n"), {":2: ", "empty regex"}},
      {"expression of the wrong kind",
       with_browsers("  - regex: [a, b]\n"),
       {":2: ", "must be text"}},
      {"replacement in another encoding",
       with_browsers("  - regex: 'a'\n    family_replacement: 'caf\xE9'\n"),
       {":3: ", "family_replacement must be text in UTF-8"}},
      {"unknown flag",
       with_browsers("  - regex: 'a'\n    regex_flag: 'x'\n"),
       {":2: ", "unknown regex_flag 'x'"}},
      {"look-ahead",
       with_browsers("  - regex: 'ok'\n  - regex: 'a(?!b)'\n"),
       {":3: ", "look-around", "a(?!b)"}},
      {"back-reference", with_browsers("  - regex: '(a)\\1'\n"), {":2: ", "back-reference"}},
      {"unbalanced bracket", with_browsers("  - regex: 'a(b'\n"), {":2: ", "missing ')'"}},
      {"two faults", with_browsers("  - regex: '(a'\n  - regex: 'b)'\n"), {":2: ", ":3: "}},
  };
  for (const auto& [name, content, expected] : files) {
    const std::string message = ExpressionsFile(content).error();
    for (const char* const part : expected)
      EXPECT_NE(message.find(part), std::string::npos) << name << ": " << message;
    EXPECT_NE(message.find("package uap-core"), std::string::npos) << name << ": " << message;
  }
}

TEST(UserAgentExpressionsFile, ExpressionTooLargeForRe2NeverMatchesAndIsReported) {
  const ExpressionsFile file(
      with_browsers("  - regex: '(big(?:[a-z]{1,900}x){900})'\n  - regex: '(big)'\n"));
  const auto parser = UserAgentParser::load(file.path());
  EXPECT_EQ(parser->parse("big").browser, "big");
  const auto refused = parser->compile_all();
  ASSERT_EQ(refused.size(), 1U);
  EXPECT_NE(refused[0].find(":2: "), std::string::npos) << refused[0];
}

TEST(UserAgentExpressionsFile, SyntaxBeyondThePrefilterStillWorks) {
  const ExpressionsFile file(with_browsers("  - regex: '(\\p{Greek}+) (\\x41)'\n"));
  const UserAgent agent = UserAgentParser::load(file.path())->parse("\xCE\xB1\xCE\xB2 A");
  EXPECT_EQ(agent.browser, "\xCE\xB1\xCE\xB2");
  EXPECT_EQ(agent.browser_major, "A");
}

}  // namespace
}  // namespace flow::operators::user_agent_parser_test
