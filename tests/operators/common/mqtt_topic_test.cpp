#include "operators/common/mqtt_topic.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace flow::operators::mqtt_topic_test {
namespace {

using Levels = std::vector<std::string_view>;

TEST(MqttTopic, WildcardsAreForFilters) {
  EXPECT_TRUE(is_mqtt_topic("a/b//c"));
  EXPECT_TRUE(is_mqtt_topic("/"));
  for (const char* topic : {"", "a/+", "#", "\xFF"}) EXPECT_FALSE(is_mqtt_topic(topic)) << topic;
  EXPECT_FALSE(is_mqtt_topic(std::string_view("a\0b", 3)));
  EXPECT_FALSE(is_mqtt_topic(std::string(65'536, 'x')));
  for (const char* filter : {"#", "+", "a/+/b/#", "/", "$share/g/#", "$SYS/#"}) {
    EXPECT_NO_THROW(check_mqtt_filter(filter)) << filter;
  }
  for (const char* filter : {"", "a/#/b", "a#", "a/b+", "$share/g", "$share//a", "$share/g/"}) {
    EXPECT_THROW(check_mqtt_filter(filter), Failure) << filter;
  }
}

TEST(MqttTopic, APatternNamesLevels) {
  const MqttTopicPattern pattern("plant/{plant}/+/{device}/#");
  EXPECT_EQ(pattern.names(), (std::vector<std::string>{"plant", "device"}));
  Levels levels;
  EXPECT_TRUE(pattern.match("plant/a/b/c", levels));
  EXPECT_EQ(levels, (Levels{"a", "c"}));
  EXPECT_TRUE(pattern.match("plant/a/b/c/d/e", levels));
  EXPECT_TRUE(pattern.match("plant//b/", levels));
  EXPECT_EQ(levels, (Levels{"", ""}));
  EXPECT_FALSE(pattern.match("plant/a/b", levels));
  EXPECT_FALSE(pattern.match("other/a/b/c", levels));
  const MqttTopicPattern closed("{a}/x");
  EXPECT_TRUE(closed.match("1/x", levels));
  EXPECT_FALSE(closed.match("1/x/2", levels));
}

}  // namespace
}  // namespace flow::operators::mqtt_topic_test
