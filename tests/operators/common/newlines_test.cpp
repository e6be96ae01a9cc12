#include "operators/common/newlines.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

namespace flow::operators::newlines_test {
namespace {

std::vector<size_t> found(std::string_view text) {
  const auto newlines = std::make_unique<Newlines>();
  std::vector<size_t> places;
  newlines->for_each(text, [&places](size_t place) { places.push_back(place); });
  return places;
}

std::vector<size_t> expected(std::string_view text) {
  std::vector<size_t> places;
  for (size_t at = 0; (at = text.find('\n', at)) != std::string_view::npos; ++at) {
    places.push_back(at);
  }
  return places;
}

TEST(NewlinesTest, FindsNoneInNothing) { EXPECT_TRUE(found("").empty()); }

TEST(NewlinesTest, FindsEachOfATextOfNothingElse) {
  const std::string text(Newlines::kWindow * 2 + 7, '\n');
  EXPECT_EQ(found(text), expected(text));
}

TEST(NewlinesTest, FindsThoseBesideTheEdgesOfBlocksAndWindows) {
  std::string text(Newlines::kWindow * 2 + 100, 'x');
  for (const size_t edge : {size_t{64}, size_t{Newlines::kWindow}, text.size() - 1}) {
    text[edge - 1] = text[edge] = '\n';
  }
  EXPECT_EQ(found(text), expected(text));
}

// The text is as long as its memory, so a sanitizer sees a read behind it.
TEST(NewlinesTest, FindsWhatASearchByteByByteFinds) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int run = 0; run < 500; ++run) {
    const size_t length = 1 + random() % (random() % 8 == 0 ? 400 : 5);
    const size_t size = random() % (random() % 10 == 0 ? 50'000 : 300);
    const auto text = std::make_unique<char[]>(size);
    for (size_t i = 0; i < size; ++i) {
      text[i] = random() % length == 0 ? '\n' : static_cast<char>(random());
    }
    const std::string_view view(text.get(), size);
    ASSERT_EQ(found(view), expected(view));
  }
}

}  // namespace
}  // namespace flow::operators::newlines_test
