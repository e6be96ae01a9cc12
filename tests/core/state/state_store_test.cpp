// Frozen epochs: what a writer takes is what the pages held at the barrier, whatever is written
// meanwhile.
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <map>
#include <random>
#include <thread>
#include <vector>

#include "flow/host/state.hpp"

namespace flow::host::state_store_test {
namespace {

using Which = StateStore::Which;
constexpr int64_t kMebibyte = int64_t{1} << 20;

class StateStoreTest : public ::testing::Test {
 protected:
  flow_page* add(uint32_t group, uint32_t index, char content) {
    flow_page* page = store_.page(table_, group, 0, index);
    store_.thaw(page);
    std::memset(page->data, content, FLOW_PAGE_BYTES);
    return page;
  }
  void fill(flow_page* page, char content) {
    store_.thaw(page);
    std::memset(page->data, content, FLOW_PAGE_BYTES);
  }
  // What a writer takes: the one byte that each page is full of, by group and index.
  std::map<std::pair<uint32_t, uint32_t>, char> taken(Which which = Which::kAny) {
    std::map<std::pair<uint32_t, uint32_t>, char> pages;
    std::vector<char> bytes(FLOW_PAGE_BYTES);
    PagePlace place{};
    while (store_.take(which, place, bytes.data())) {
      EXPECT_EQ(bytes, std::vector<char>(FLOW_PAGE_BYTES, bytes[0]));
      pages[{place.group, place.index}] = bytes[0];
    }
    return pages;
  }
  using Taken = std::map<std::pair<uint32_t, uint32_t>, char>;

  MemoryAccount account_;
  StateMemory memory_{account_, 64 * kMebibyte, 2 * FLOW_PAGE_BYTES};
  StateStore store_{memory_};
  flow_table* table_ = store_.table("table", 1);
};

TEST_F(StateStoreTest, GivesThePagesOfTheBarrier) {
  flow_page* first = add(0, 0, 'a');
  add(5, 0, 'b');
  store_.freeze(true);
  EXPECT_EQ(first->frozen, 1U);
  fill(first, 'x');
  add(5, 1, 'y');
  EXPECT_EQ(taken(), (Taken{{{0, 0}, 'a'}, {{5, 0}, 'b'}}));
  EXPECT_TRUE(store_.taken());
}

TEST_F(StateStoreTest, TakesOnlyWhatChangedSinceTheLastSafeEpoch) {
  flow_page* first = add(0, 0, 'a');
  flow_page* second = add(1, 0, 'b');
  store_.freeze(true);
  fill(first, 'c');  // behind the barrier: belongs to the next epoch
  taken();
  store_.end_epoch(true);
  store_.freeze(true);
  EXPECT_EQ(taken(), (Taken{{{0, 0}, 'c'}}));
  store_.end_epoch(true);
  fill(second, 'd');
  store_.freeze(true);
  EXPECT_EQ(taken(), (Taken{{{1, 0}, 'd'}}));
}

TEST_F(StateStoreTest, TakesAgainWhatAnEpochDidNotMakeSafe) {
  add(0, 0, 'a');
  flow_page* second = add(1, 0, 'b');
  store_.freeze(true);
  taken();
  store_.end_epoch(false);
  fill(second, 'c');
  store_.freeze(true);
  EXPECT_EQ(taken(), (Taken{{{0, 0}, 'a'}, {{1, 0}, 'c'}}));
}

TEST_F(StateStoreTest, AFrozenEpochThatIsFollowedByAnotherIsOver) {
  flow_page* page = add(0, 0, 'a');
  store_.freeze(true);
  fill(page, 'b');
  store_.freeze(true);
  EXPECT_EQ(taken(), (Taken{{{0, 0}, 'b'}}));
}

TEST_F(StateStoreTest, TellsAllPagesOfTheEpoch) {
  flow_page* first = add(0, 0, 'a');
  add(0, 1, 'b');
  store_.freeze(true);
  taken();
  store_.end_epoch(true);
  fill(first, 'c');
  store_.freeze(true);
  add(0, 2, 'd');
  std::vector<std::pair<uint32_t, bool>> pages;
  store_.for_each_frozen([&](const PagePlace& place, bool changed) {
    EXPECT_STREQ(place.table, "table");
    EXPECT_EQ(place.version, 1U);
    pages.emplace_back(place.index, changed);
  });
  EXPECT_EQ(pages, (std::vector<std::pair<uint32_t, bool>>{{0, true}, {1, false}}));
}

TEST_F(StateStoreTest, ForgettingMakesEveryPageCountAsChanged) {
  char* restored = store_.restore_page("table", 1, 3, 0, 0);
  std::memset(restored, 'r', FLOW_PAGE_BYTES);
  store_.freeze(true);
  EXPECT_TRUE(taken().empty());
  store_.end_epoch(true);
  store_.forget();
  store_.freeze(true);
  EXPECT_EQ(taken(), (Taken{{{3, 0}, 'r'}}));
}

TEST_F(StateStoreTest, RestoredPagesAreFrozenSoThatWritesAreSeen) {
  std::memset(store_.restore_page("table", 1, 3, 0, 0), 'r', FLOW_PAGE_BYTES);
  flow_page* page = store_.page(table_, 3, 0, 0);
  EXPECT_EQ(page->frozen, 1U);
  fill(page, 's');
  store_.freeze(true);
  EXPECT_EQ(taken(), (Taken{{{3, 0}, 's'}}));
}

TEST_F(StateStoreTest, RefusesAnotherVersionOfATable) {
  EXPECT_EQ(store_.table("table", 2), nullptr);
  EXPECT_NE(store_.problem().find("version 1"), std::string::npos) << store_.problem();
  EXPECT_THROW(store_.restore_page("table", 2, 0, 0, 0), std::invalid_argument);
  EXPECT_NE(store_.table("table", 1), nullptr);
}

TEST_F(StateStoreTest, RefusesPagesOutOfOrder) {
  EXPECT_THROW(store_.restore_page("table", 1, 0, 0, 1), std::invalid_argument);
  EXPECT_THROW(store_.restore_page("table", 1, FLOW_KEY_GROUPS, 0, 0), std::invalid_argument);
  EXPECT_EQ(store_.page(table_, 0, 0, 1), nullptr);
  EXPECT_EQ(store_.page(table_, FLOW_KEY_GROUPS, 0, 0), nullptr);
}

TEST_F(StateStoreTest, StoresShareOneLimit) {
  memory_.set_limit(3 * FLOW_PAGE_BYTES);
  StateStore other(memory_);
  flow_table* table = other.table("table", 1);
  add(0, 0, 'a');
  EXPECT_NE(other.page(table, 0, 0, 0), nullptr);
  EXPECT_NE(other.page(table, 0, 0, 1), nullptr);
  EXPECT_EQ(other.page(table, 0, 0, 2), nullptr);
  EXPECT_EQ(account_.used(), 3 * FLOW_PAGE_BYTES);
}

TEST_F(StateStoreTest, PreImagesAreChargedAndBounded) {
  std::vector<flow_page*> pages;
  for (uint32_t i = 0; i < 4; ++i) pages.push_back(add(0, i, 'a'));
  store_.freeze(true);
  fill(pages[0], 'x');
  fill(pages[1], 'x');
  EXPECT_EQ(account_.used(), 6 * FLOW_PAGE_BYTES);
  EXPECT_EQ(memory_.bytes(), 6 * FLOW_PAGE_BYTES);
  // Whoever has no memory for a third one waits until the writer has taken that very page.
  std::atomic<bool> written{false};
  std::thread worker([&] {
    fill(pages[2], 'x');
    written = true;
  });
  while (taken(Which::kUrgent).empty()) {
    ASSERT_FALSE(written) << "written without a pre-image";
    std::this_thread::yield();
  }
  worker.join();
  EXPECT_EQ(account_.used(), 6 * FLOW_PAGE_BYTES);
  EXPECT_EQ(taken(Which::kImaged), (Taken{{{0, 0}, 'a'}, {{0, 1}, 'a'}}));
  EXPECT_EQ(taken(), (Taken{{{0, 3}, 'a'}}));
}

TEST_F(StateStoreTest, TheEndOfAnEpochFreesThoseWhoWait) {
  std::vector<flow_page*> pages;
  for (uint32_t i = 0; i < 3; ++i) pages.push_back(add(0, i, 'a'));
  store_.freeze(true);
  fill(pages[0], 'x');
  fill(pages[1], 'x');
  std::thread worker([&] { fill(pages[2], 'x'); });
  std::this_thread::yield();
  store_.end_epoch(false);
  worker.join();
  EXPECT_TRUE(taken().empty());
  EXPECT_TRUE(store_.taken());
}

TEST_F(StateStoreTest, WithoutAWriterNobodyWaits) {
  std::vector<flow_page*> pages;
  for (uint32_t i = 0; i < 4; ++i) pages.push_back(add(0, i, 'a'));
  store_.freeze();
  for (flow_page* page : pages) fill(page, 'x');
  const StateStore::Copy copy = store_.frozen();
  ASSERT_EQ(copy.pages.size(), 4U);
  for (const auto& [place, bytes] : copy.pages) {
    EXPECT_EQ(bytes, std::string(FLOW_PAGE_BYTES, 'a'));
  }
  store_.end_epoch(false);
  EXPECT_LE(memory_.bytes(), 6 * FLOW_PAGE_BYTES);
}

// Pages carry the number of the epoch in all of their words. Whatever a writer takes must be whole
// and of before the barrier.
TEST_F(StateStoreTest, NothingTornIsTakenWhileAWorkerWrites) {
  constexpr uint32_t kPages = 48;
  constexpr int kEpochs = 30;
  std::vector<flow_page*> pages;
  for (uint32_t i = 0; i < kPages; ++i) pages.push_back(add(i % 7, i / 7, 0));
  const auto stamp = [&](flow_page* page, uint64_t number) {
    store_.thaw(page);
    auto* words = static_cast<uint64_t*>(page->data);
    for (size_t i = 0; i < FLOW_PAGE_BYTES / sizeof(uint64_t); ++i) words[i] = number;
  };
  std::atomic<int> frozen{0}, written{0};
  std::atomic<int> mistakes{0};
  std::thread writer([&] {
    std::vector<uint64_t> words(FLOW_PAGE_BYTES / sizeof(uint64_t));
    std::vector<std::pair<PagePlace, uint64_t>> previous;
    for (int epoch = 1; epoch <= kEpochs; ++epoch) {
      frozen.wait(epoch - 1);
      PagePlace place{};
      while (!store_.taken()) {
        if (!store_.take(Which::kAny, place, reinterpret_cast<char*>(words.data()))) {
          std::this_thread::yield();
          continue;
        }
        for (const uint64_t word : words) {
          if (word != words[0]) ++mistakes;
        }
        if (words[0] >= static_cast<uint64_t>(epoch)) ++mistakes;
      }
      store_.end_epoch(epoch % 3 != 0);
      written = epoch;
      written.notify_all();
    }
  });
  std::mt19937 random(7);
  for (int epoch = 1; epoch <= kEpochs; ++epoch) {
    store_.freeze(true);
    frozen = epoch;
    frozen.notify_all();
    while (written.load() < epoch) stamp(pages[random() % kPages], static_cast<uint64_t>(epoch));
  }
  writer.join();
  EXPECT_EQ(mistakes.load(), 0);
}

// An epoch may be given up at any moment, also while a page is being copied.
TEST_F(StateStoreTest, EpochsMayEndWhileTheirPagesAreTaken) {
  std::vector<flow_page*> pages;
  for (uint32_t i = 0; i < 16; ++i) pages.push_back(add(0, i, 'a'));
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    std::vector<char> bytes(FLOW_PAGE_BYTES);
    PagePlace place{};
    while (!stop) {
      for (int i = 0; i < 5; ++i) store_.take(Which::kAny, place, bytes.data());
      store_.end_epoch(false);
    }
  });
  for (int round = 0; round < 300; ++round) {
    store_.freeze(true);
    for (flow_page* page : pages) fill(page, static_cast<char>(round));
  }
  stop = true;
  writer.join();
  store_.freeze(true);
  EXPECT_EQ(taken().size(), pages.size());
}

}  // namespace
}  // namespace flow::host::state_store_test
