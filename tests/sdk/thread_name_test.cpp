#include "flow/thread_name.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <thread>

namespace flow {
namespace {

std::string name_given(std::string_view name) {
  std::array<char, 64> kept{};
  std::thread([&] {
    name_thread(name);
    ::pthread_getname_np(::pthread_self(), kept.data(), kept.size());
  }).join();
  return kept.data();
}

TEST(ThreadNameTest, SystemKeepsFifteenBytes) {
  EXPECT_EQ(name_given("mqtt"), "mqtt");
  EXPECT_EQ(name_given("recommendations"), "recommendations");
  EXPECT_EQ(name_given("recommendation_table"), "recommendation_");
}

}  // namespace
}  // namespace flow
