#include "operators/common/device_type.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "operators/common/user_agent_parser.hpp"

namespace flow::operators::device_type_test {
namespace {

struct DeviceTypeCase {
  const char* agent;
  DeviceType expected;
};

const DeviceTypeCase kDeviceTypes[] = {
    {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/120.0.0.0 Safari/537.36",
     DeviceType::kDesktop},
    {"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
     "Version/16.1 Safari/605.1.15",
     DeviceType::kDesktop},
    {"Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0",
     DeviceType::kDesktop},
    {"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/114.0.0.0 Safari/537.36",
     DeviceType::kDesktop},
    {"Mozilla/5.0 (X11; FreeBSD amd64; rv:52.0) Gecko/20100101 Firefox/52.0", DeviceType::kDesktop},
    {"Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0; Tablet PC 2.0)",
     DeviceType::kDesktop},
    {"Mozilla/5.0 (iPhone; CPU iPhone OS 16_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
     "Gecko) Version/16.5 "
     "Mobile/15E148 Safari/604.1",
     DeviceType::kMobile},
    {"Mozilla/5.0 (Linux; Android 13; Pixel 7) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/114.0.0.0 Mobile Safari/537.36",
     DeviceType::kMobile},
    {"Mozilla/5.0 (Linux; Android 10; CUBOT X30) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/90.0.0.0 Mobile Safari/537.36",
     DeviceType::kMobile},
    {"Dalvik/2.1.0 (Linux; U; Android 9; SM-G960F Build/PPR1.180610.011)", DeviceType::kMobile},
    {"Mozilla/5.0 (compatible; MSIE 10.0; Windows Phone 8.0; Trident/6.0; IEMobile/10.0; ARM; "
     "Touch; NOKIA; Lumia 920)",
     DeviceType::kMobile},
    {"NOKIA7510SUPERNOVA", DeviceType::kMobile},
    {"Mozilla/5.0 (Mobile; rv:32.0) Gecko/32.0 Firefox/32.0", DeviceType::kMobile},
    {"Opera/9.80 (J2ME/MIDP; Opera Mini/7.1.32052/29.3709; U; en) Presto/2.8.119 Version/11.10",
     DeviceType::kMobile},
    {"Mozilla/5.0 (iPad; CPU OS 12_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
     "Version/12.1 Mobile/15E148 "
     "Safari/604.1",
     DeviceType::kTablet},
    {"Mozilla/5.0 (Linux; Android 12; SM-X906C) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/80.0.3987.119 Safari/537.36",
     DeviceType::kTablet},
    {"Mozilla/5.0 (Android 9; Tablet; rv:68.0) Gecko/68.0 Firefox/68.0", DeviceType::kTablet},
    {"Mozilla/5.0 (X11; U; Linux armv7l like Android; en-us) AppleWebKit/531.2+ (KHTML, like "
     "Gecko) Version/5.0 "
     "Safari/533.2+ Kindle/3.0+",
     DeviceType::kTablet},
    {"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", DeviceType::kBot},
    {"Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like "
     "Gecko) Chrome/41.0.2272.96 "
     "Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
     DeviceType::kBot},
    {"Mozilla/5.0 (compatible; Yahoo! Slurp; http://help.yahoo.com/help/us/ysearch/slurp)",
     DeviceType::kBot},
    {"NeverHeardOfBot/0.1", DeviceType::kBot},
    {"Mozilla/5.0 (PlayStation 4 5.00) AppleWebKit/601.2 (KHTML, like Gecko)", DeviceType::kOther},
    {"HbbTV/1.1.1 (;Samsung;SmartTV2013;T-FXPDEUC-1102.2;;) WebKit", DeviceType::kOther},
    {"curl/7.88.1", DeviceType::kOther},
    {"", DeviceType::kOther},
    {"-", DeviceType::kOther},
};

TEST(DeviceTypeOf, FollowsTheDocumentedRules) {
  const std::filesystem::path expressions = "/usr/share/uap-core/regexes.yaml";
  if (!std::filesystem::exists(expressions)) {
    GTEST_SKIP() << "uap-core is not installed (Debian: package uap-core)";
  }
  const auto parser = UserAgentParser::load(expressions);
  for (const auto& [agent, expected] : kDeviceTypes) {
    EXPECT_EQ(to_string(parser->parse(agent).device_type), to_string(expected)) << agent;
  }
}

TEST(DeviceTypeOf, NamesAreStable) {
  EXPECT_EQ(to_string(DeviceType::kDesktop), "desktop");
  EXPECT_EQ(to_string(DeviceType::kMobile), "mobile");
  EXPECT_EQ(to_string(DeviceType::kTablet), "tablet");
  EXPECT_EQ(to_string(DeviceType::kBot), "bot");
  EXPECT_EQ(to_string(DeviceType::kOther), "other");
}

}  // namespace
}  // namespace flow::operators::device_type_test
