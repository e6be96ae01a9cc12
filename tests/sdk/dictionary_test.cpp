#include "flow/dictionary.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "flow/testing/host.hpp"

namespace flow::testing {
namespace {

std::string name(int i) { return "a value with the number " + std::to_string(i); }

TEST(SharedDictionary, GivesTheSameTextTheSameCode) {
  TestHost host;
  SharedDictionary dictionary;
  EXPECT_EQ(dictionary.intern(host.host(), "red"), 0);
  EXPECT_EQ(dictionary.intern(host.host(), "green"), 1);
  EXPECT_EQ(dictionary.intern(host.host(), "red"), 0);
  const Column published = dictionary.published(host.host());
  EXPECT_EQ(published.rows(), 2);
  EXPECT_EQ(TextView(*published)[1], "green");
}

TEST(SharedDictionary, PublishesTheSameColumnUntilItGrows) {
  TestHost host;
  SharedDictionary dictionary;
  dictionary.intern(host.host(), name(0));
  const Column first = dictionary.published(host.host());
  EXPECT_EQ(first.get(), dictionary.published(host.host()).get());
  dictionary.intern(host.host(), name(1));
  const Column second = dictionary.published(host.host());
  EXPECT_NE(first.get(), second.get());
  EXPECT_EQ(first.rows(), 1) << "what was published stays as it was";
  EXPECT_EQ(first->array->buffers[1], second->array->buffers[1]) << "growth shares the prefix";
  EXPECT_EQ(TextView(*second)[0], name(0));
}

TEST(SharedDictionary, KeepsWhatWasPublishedWhenItMovesToALargerBuffer) {
  TestHost host;
  SharedDictionary dictionary;
  for (int i = 0; i < 256; ++i) dictionary.intern(host.host(), name(i));
  const Column before = dictionary.published(host.host());
  for (int i = 256; i < 5000; ++i) dictionary.intern(host.host(), name(i));
  const Column after = dictionary.published(host.host());
  for (int i = 0; i < 256; ++i) EXPECT_EQ(TextView(*before)[i], name(i));
  for (int i = 0; i < 5000; ++i) EXPECT_EQ(TextView(*after)[i], name(i));
}

TEST(SharedDictionary, IsFullAt65536Texts) {
  TestHost host;
  SharedDictionary dictionary;
  for (int i = 0; i < SharedDictionary::kMaximum; ++i) {
    ASSERT_EQ(dictionary.intern(host.host(), std::to_string(i)), i);
  }
  EXPECT_EQ(dictionary.intern(host.host(), "one more"), SharedDictionary::kNone);
  EXPECT_EQ(dictionary.intern(host.host(), "65535"), 65535);
}

TEST(SharedDictionary, GivesItsMemoryBack) {
  TestHost host;
  {
    SharedDictionary dictionary;
    for (int i = 0; i < 2000; ++i) dictionary.intern(host.host(), name(i));
    const Column published = dictionary.published(host.host());
    EXPECT_GT(host.account.used(), 0);
  }
  EXPECT_EQ(host.account.used(), 0);
}

TEST(SharedDictionary, ServesSeveralThreads) {
  TestHost host;
  SharedDictionary dictionary;
  std::vector<std::thread> threads;
  std::array<bool, 4> right{};
  threads.reserve(right.size());
  for (bool& mine : right) {
    threads.emplace_back([&] {
      bool all = true;
      for (int i = 0; i < 2000; ++i) {
        const int32_t code = dictionary.intern(host.host(), name(i));
        if (i % 100 == 0) all &= TextView(*dictionary.published(host.host()))[code] == name(i);
      }
      mine = all;
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const bool one : right) EXPECT_TRUE(one);
  EXPECT_EQ(dictionary.published(host.host()).rows(), 2000);
}

TEST(DictionaryBuilder, MakesCodesAsLongAsEveryTextHasOne) {
  TestHost host;
  SharedDictionary dictionary;
  DictionaryBuilder builder(host.host(), 3, dictionary);
  builder.append(dictionary.intern(host.host(), "red"), "red");
  builder.append_null();
  builder.append(dictionary.intern(host.host(), "blue"), "blue");
  const TypedColumn made = builder.finish();
  EXPECT_EQ(made.type.id(), FLOW_CATEGORY);
  EXPECT_EQ(CategoryView(*made.column)[2], "blue");
  EXPECT_TRUE(Validity(*made.column).is_null(1));
}

TEST(DictionaryBuilder, FallsBackToPlainTextOnceTheDictionaryIsFull) {
  TestHost host;
  SharedDictionary dictionary;
  for (int i = 0; i < SharedDictionary::kMaximum; ++i) {
    dictionary.intern(host.host(), std::to_string(i));
  }
  DictionaryBuilder builder(host.host(), 4, dictionary);
  builder.append(dictionary.intern(host.host(), "7"), "7");
  builder.append_null();
  builder.append(dictionary.intern(host.host(), "a new one"), "a new one");
  builder.append(dictionary.intern(host.host(), "8"), "8");
  const TypedColumn made = builder.finish();
  EXPECT_EQ(made.type.id(), FLOW_TEXT);
  const TextView texts(*made.column);
  EXPECT_EQ(texts[0], "7");
  EXPECT_TRUE(texts.is_null(1));
  EXPECT_EQ(texts[2], "a new one");
  EXPECT_EQ(texts[3], "8");
}

}  // namespace
}  // namespace flow::testing
