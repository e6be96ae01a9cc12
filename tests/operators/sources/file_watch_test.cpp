#include "operators/sources/file_watch.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/operators/common/scratch_folder.hpp"

namespace flow::operators::file_watch_test {
namespace {

using flow::testing::ScratchFolder;
using Kind = NameChange::Kind;

std::string shown(const std::vector<NameChange>& changes) {
  std::string text;
  for (const NameChange& change : changes) {
    switch (change.kind) {
      case Kind::kAppeared:
        text += "+" + change.path + " ";
        break;
      case Kind::kGone:
        text += "-" + change.path + " ";
        break;
      case Kind::kMoved:
        text += change.path + ">" + change.to + " ";
    }
  }
  return text;
}

class NameChangesTest : public ::testing::Test {
 protected:
  std::string taken() { return shown(std::exchange(told_, {})); }
  NameChanges::Clock::time_point after(int milliseconds) const {
    return begin_ + std::chrono::milliseconds(milliseconds);
  }

  const NameChanges::Clock::time_point begin_ = NameChanges::Clock::now();
  NameChanges changes_;
  std::vector<NameChange> told_;
};

TEST_F(NameChangesTest, HalvesOfAMoveFindEachOtherHoweverOftenOneLooksInBetween) {
  changes_.left(1, 7, "a", begin_, told_);
  for (const int milliseconds : {0, 1, 10, 100, 999}) {
    changes_.settle(after(milliseconds), told_);
    EXPECT_EQ(taken(), "");
    EXPECT_TRUE(changes_.is_moving("a"));
  }
  changes_.arrived(2, 7, "b", told_);
  EXPECT_EQ(taken(), "a>b ");
  EXPECT_FALSE(changes_.is_moving("a"));
}

TEST_F(NameChangesTest, WhatLeftIsGoneOnceItsFolderTellsOfSomethingElse) {
  changes_.left(1, 7, "a", begin_, told_);
  changes_.appeared(2, "elsewhere", told_);
  EXPECT_EQ(taken(), "+elsewhere ");
  changes_.appeared(1, "a", told_);
  EXPECT_EQ(taken(), "-a +a ");
  changes_.left(1, 8, "a", begin_, told_);
  changes_.left(1, 9, "b", begin_, told_);
  EXPECT_EQ(taken(), "-a ");
  changes_.gone(1, "c", told_);
  EXPECT_EQ(taken(), "-b -c ");
  changes_.left(1, 10, "d", begin_, told_);
  changes_.arrived(1, 11, "e", told_);
  EXPECT_EQ(taken(), "-d +e ");
}

TEST_F(NameChangesTest, WhatLeftIsGoneAfterASecond) {
  changes_.left(1, 7, "a", begin_, told_);
  changes_.left(2, 8, "b", after(500), told_);
  changes_.settle(after(1000), told_);
  EXPECT_EQ(taken(), "-a ");
  changes_.settle(after(1500), told_);
  EXPECT_EQ(taken(), "-b ");
}

TEST(FolderWatch, TellsWhatBecameOfNames) {
  const ScratchFolder scratch;
  const ScratchFolder unseen;
  const auto write = [](const std::string& path) { std::ofstream(path) << "x"; };
  FolderWatch watch;
  ASSERT_TRUE(watch.watch(scratch.path("")));
  write(scratch.path("a"));
  std::filesystem::rename(scratch.path("a"), scratch.path("b"));
  write(scratch.path("c"));
  std::filesystem::remove(scratch.path("b"));
  std::filesystem::rename(scratch.path("c"), unseen.path("c"));
  write(scratch.path("d"));
  std::vector<NameChange> changes;
  EXPECT_TRUE(watch.drain(changes));
  std::string text = shown(changes);
  for (size_t at; (at = text.find(scratch.path(""))) != std::string::npos;) {
    text.erase(at, scratch.path("").size());
  }
  EXPECT_EQ(text, "+a a>b +c -b -c +d ");
}

}  // namespace
}  // namespace flow::operators::file_watch_test
