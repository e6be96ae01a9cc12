#include <gtest/gtest.h>

#include <array>
#include <map>
#include <random>
#include <set>

#include "flow/output.hpp"
#include "flow/state.hpp"
#include "flow/testing/host.hpp"

namespace flow::testing {
namespace {

struct Counted {
  int64_t count = 1;
  StoredBytes last;
};
using CountTable = KeyedTable<Counted>;

uint64_t hash_of(std::string_view key) { return host::hash_bytes(key); }

// A host whose state outlives the tables opened on it.
class KeyedTableTest : public ::testing::Test {
 protected:
  CountTable open(TestHost& host) { return CountTable(host.host(), "counts", 1); }
  static Counted* insert(CountTable& table, const std::string& key) {
    return table.insert(hash_of(key), key);
  }
  static const Counted* find(CountTable& table, const std::string& key) {
    return table.find(hash_of(key), key);
  }
  TestHost host_;
};

TEST_F(KeyedTableTest, FindsWhatWasInsertedAndNothingElse) {
  CountTable table = open(host_);
  EXPECT_EQ(find(table, "a"), nullptr);
  Counted* record = insert(table, "a");
  ASSERT_NE(record, nullptr);
  EXPECT_EQ(record->count, 1) << "a new record is Record{}";
  record->count = 5;
  EXPECT_EQ(insert(table, "a")->count, 5) << "an existing one is kept";
  EXPECT_EQ(find(table, "a")->count, 5);
  EXPECT_EQ(find(table, "b"), nullptr);
  EXPECT_EQ(table.size(), 1U);
}

TEST_F(KeyedTableTest, TellsKeysWithTheSameHashApart) {
  CountTable table = open(host_);
  table.insert(42, "one")->count = 1;
  table.insert(42, "two")->count = 2;
  table.insert(42, "")->count = 3;
  EXPECT_EQ(table.find(42, "one")->count, 1);
  EXPECT_EQ(table.find(42, "two")->count, 2);
  EXPECT_EQ(table.find(42, "")->count, 3);
  EXPECT_TRUE(table.erase(42, "two"));
  EXPECT_EQ(table.find(42, "two"), nullptr);
  EXPECT_EQ(table.find(42, "one")->count, 1);
}

TEST_F(KeyedTableTest, UsesThePagesOfTheKeysGroupOnly) {
  CountTable table = open(host_);
  const uint64_t group_five = uint64_t{5} << 57;
  table.insert(group_five, "key");
  flow_table* pages = host_.abi()->table(host_.abi(), "counts", 1);
  for (uint32_t group = 0; group < FLOW_KEY_GROUPS; ++group) {
    EXPECT_EQ(host_.abi()->page_count(host_.abi(), pages, group, 0), group == 5 ? 1U : 0U);
  }
  EXPECT_EQ(table.size(5), 1U);
  EXPECT_EQ(table.size(6), 0U);
}

TEST_F(KeyedTableTest, GrowsOverManyPages) {
  CountTable table = open(host_);
  for (int i = 0; i < 200'000; ++i) insert(table, "key number " + std::to_string(i))->count = i;
  EXPECT_EQ(table.size(), 200'000U);
  for (int i = 0; i < 200'000; ++i) {
    const Counted* record = find(table, "key number " + std::to_string(i));
    ASSERT_NE(record, nullptr) << i;
    ASSERT_EQ(record->count, i);
  }
}

TEST_F(KeyedTableTest, GrowsInsideOneGroup) {
  CountTable table = open(host_);
  for (uint64_t i = 0; i < 50'000; ++i) table.insert(i * 0x9e3779b1, std::to_string(i));
  for (uint64_t i = 0; i < 50'000; ++i) {
    ASSERT_NE(table.find(i * 0x9e3779b1, std::to_string(i)), nullptr) << i;
  }
}

// What a group of few keys takes: 1 page, not one for each of buckets, records and keys.
TEST_F(KeyedTableTest, PastTheLimitAKeyThatGoesMakesRoomForAnother) {
  CountTable table = open(host_);
  ASSERT_NE(table.insert(0, ""), nullptr);
  host_.state_limit = 1;
  uint64_t newest = 1;  // keys of no bytes: nothing but records and buckets
  while (table.insert(newest, "") != nullptr) ++newest;
  EXPECT_GT(newest, 500U) << "the rest of the first page is used";
  for (uint64_t oldest = 0; oldest < 20'000; ++oldest, ++newest) {
    ASSERT_TRUE(table.erase(oldest, ""));
    ASSERT_NE(table.insert(newest, ""), nullptr) << oldest;
    ASSERT_EQ(table.find(oldest, ""), nullptr);
  }
  EXPECT_EQ(host_.state().bytes(), FLOW_PAGE_BYTES);
}

TEST_F(KeyedTableTest, BeginsInOnePageAGroup) {
  CountTable table = open(host_);
  for (uint64_t i = 0; i < 150; ++i) table.insert(i, "16 bytes of a key");
  EXPECT_EQ(host_.state().bytes(), 2 * FLOW_PAGE_BYTES) << "keys above 16 bytes take 32";
  CountTable other(host_.host(), "others", 1);
  for (uint64_t i = 0; i < 150; ++i) other.insert(i, std::to_string(i));
  EXPECT_EQ(host_.state().bytes(), 3 * FLOW_PAGE_BYTES);
  for (uint64_t i = 0; i < 150; ++i) ASSERT_NE(other.find(i, std::to_string(i)), nullptr) << i;
}

TEST_F(KeyedTableTest, FrozenFirstPageIsKeptWhateverPartOfItIsWritten) {
  CountTable table = open(host_);
  insert(table, "a")->last = *table.store(hash_of("a"), "before");
  host_.state().freeze();
  std::memcpy(table.edit(hash_of("a"), find(table, "a")->last), "behind", 6);
  TestHost other;
  other.state().restore(host_.state().frozen());
  CountTable then = open(other);
  EXPECT_EQ(then.load(hash_of("a"), find(then, "a")->last), "before");
}

TEST_F(KeyedTableTest, TakesRecordsOfUpToAPage) {
  struct Large {
    std::array<char, FLOW_PAGE_BYTES - 24> bytes;
  };
  KeyedTable<Large> table(host_.host(), "large", 1);
  for (uint64_t i = 0; i < 3; ++i) table.insert(i, "k")->bytes.fill(static_cast<char>('a' + i));
  for (uint64_t i = 0; i < 3; ++i) {
    const Large& found = *table.find(i, "k");
    EXPECT_EQ(std::set<char>(found.bytes.begin(), found.bytes.end()),
              std::set<char>{static_cast<char>('a' + i)});
  }
  EXPECT_EQ(host_.state().bytes(), 4 * FLOW_PAGE_BYTES);
}

TEST_F(KeyedTableTest, IsReopenedFromItsPagesAlone) {
  std::map<std::string, std::string> expected;
  host::StateStore::Copy pages;
  {
    CountTable table = open(host_);
    for (int i = 0; i < 5000; ++i) {
      const std::string key = "k" + std::to_string(i);
      const std::string value(static_cast<size_t>(i % 300), static_cast<char>('a' + i % 26));
      insert(table, key)->last = *table.store(hash_of(key), value);
      expected[key] = value;
    }
    host_.state().freeze();
    pages = host_.state().frozen();
  }
  TestHost other;
  other.state().restore(pages);
  CountTable table = open(other);
  EXPECT_EQ(table.size(), expected.size());
  for (const auto& [key, value] : expected) {
    const Counted* record = find(table, key);
    ASSERT_NE(record, nullptr) << key;
    EXPECT_EQ(table.load(hash_of(key), record->last), value);
  }
  insert(table, "one more");
  EXPECT_EQ(table.size(), expected.size() + 1);
}

TEST_F(KeyedTableTest, NothingOfWhatWasErasedOrRemovedStaysInThePages) {
  CountTable table = open(host_);
  const auto has = [&](const std::string& bytes) {
    host_.state().freeze();
    for (const auto& [place, page] : host_.state().frozen().pages) {
      if (page.find(bytes) != std::string::npos) return true;
    }
    return false;
  };
  const std::string key = "the key of somebody";
  Counted* record = insert(table, key);
  std::memcpy(&record->count, "numbers.", sizeof record->count);
  record->last = *table.store(hash_of(key), "a text beside the record");
  insert(table, "another key");
  EXPECT_TRUE(has(key) && has("numbers.") && has("a text beside"));
  table.remove(hash_of(key), find(table, key)->last);
  table.erase(hash_of(key), key);
  EXPECT_FALSE(has("somebody") || has("numbers.") || has("a text") || has("beside the record"));
  EXPECT_TRUE(has("another key"));
}

TEST_F(KeyedTableTest, LikelyRecordIsThatOfTheHash) {
  CountTable table = open(host_);
  EXPECT_EQ(table.likely(hash_of("a")), nullptr);
  for (int i = 0; i < 1000; ++i) insert(table, std::to_string(i))->count = i;
  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(table.likely(hash_of(std::to_string(i))), find(table, std::to_string(i)));
  }
  EXPECT_EQ(table.likely(hash_of("a")), nullptr);
}

TEST_F(KeyedTableTest, KeepsTheFrozenContentForTheCheckpoint) {
  CountTable table = open(host_);
  insert(table, "a")->count = 1;
  insert(table, "b")->count = 2;
  host_.state().freeze();
  table.modify(hash_of("a"), "a")->count = 100;
  table.erase(hash_of("b"), "b");
  for (int i = 0; i < 1000; ++i) insert(table, "new " + std::to_string(i));
  TestHost other;
  other.state().restore(host_.state().frozen());
  CountTable then = open(other);
  EXPECT_EQ(then.size(), 2U);
  EXPECT_EQ(find(then, "a")->count, 1);
  EXPECT_EQ(find(then, "b")->count, 2);
  EXPECT_EQ(find(table, "a")->count, 100);
}

TEST_F(KeyedTableTest, ReadingThawsNothing) {
  CountTable table = open(host_);
  insert(table, "a");
  host_.state().freeze();
  find(table, "a");
  table.for_each(host::key_group(hash_of("a")), [](uint64_t, std::string_view, const Counted&) {});
  flow_table* pages = host_.abi()->table(host_.abi(), "counts", 1);
  const uint32_t group = host::key_group(hash_of("a"));
  EXPECT_EQ(host_.abi()->page(host_.abi(), pages, group, 0, 0)->frozen, 1U);
}

TEST_F(KeyedTableTest, ReusesWhatWasErased) {
  CountTable table = open(host_);
  const auto fill = [&](int from) {
    for (int i = from; i < from + 20'000; ++i)
      insert(table, "some longer key " + std::to_string(i));
  };
  fill(0);
  const int64_t bytes = host_.state().bytes();
  for (int round = 1; round <= 5; ++round) {
    for (int i = 0; i < 20'000; ++i) {
      const std::string key = "some longer key " + std::to_string((round - 1) * 20'000 + i);
      ASSERT_TRUE(table.erase(hash_of(key), key));
    }
    EXPECT_EQ(table.size(), 0U);
    fill(round * 20'000);
  }
  EXPECT_LT(host_.state().bytes(), bytes * 3 / 2);
}

TEST_F(KeyedTableTest, SaysNoAtTheStateLimitAndKeepsWhatItHas) {
  host_.state_limit = 40 * FLOW_PAGE_BYTES;
  CountTable table = open(host_);
  int kept = 0;
  while (insert(table, std::to_string(kept)) != nullptr) ++kept;
  EXPECT_GT(kept, 10);
  for (int i = 0; i < kept; ++i) EXPECT_NE(find(table, std::to_string(i)), nullptr) << i;
  EXPECT_EQ(find(table, std::to_string(kept)), nullptr);
  EXPECT_EQ(table.size(), static_cast<uint64_t>(kept));
  EXPECT_LE(host_.state().bytes(), host_.state_limit);
}

TEST_F(KeyedTableTest, TakesPiecesOfUpToAPage) {
  CountTable table = open(host_);
  const std::string largest(CountTable::kLongestBytes, 'x');
  const StoredBytes stored = *table.store(7, largest);
  EXPECT_EQ(table.load(7, stored), largest);
  EXPECT_THROW(table.store(7, largest + "x"), std::length_error);
  EXPECT_THROW(table.insert(7, largest + "x"), std::length_error);
  EXPECT_EQ(table.load(7, *table.store(7, "")), "");
}

TEST_F(KeyedTableTest, RefusesPagesOfAnotherRecord) {
  open(host_).insert(1, "a");
  KeyedTable<int64_t> other(host_.host(), "counts", 1);
  EXPECT_THROW(other.find(1, "a"), Failure);
}

TEST_F(KeyedTableTest, RefusesPagesThatAreLaidOutDifferently) {
  open(host_).insert(1, "a");
  flow_table* pages = host_.abi()->table(host_.abi(), "counts", 1);
  void* first = host_.abi()->page(host_.abi(), pages, 0, 0, 0)->data;
  static_cast<detail::StateHeader*>(first)->magic = 0x31656c6261746b66;
  CountTable table = open(host_);
  EXPECT_THROW(table.find(1, "a"), Failure);
  EXPECT_THROW(table.find(1, "a"), Failure) << "not only once";
}

TEST_F(KeyedTableTest, RefusesPagesOfAnotherVersion) {
  open(host_).insert(1, "a");
  EXPECT_THROW(KeyedTable<Counted>(host_.host(), "counts", 2), Failure);
  EXPECT_NE(host_.error.find("version 1"), std::string::npos) << host_.error;
}

TEST_F(KeyedTableTest, ListsEveryKeyOfAGroupOnce) {
  CountTable table = open(host_);
  std::multiset<std::string> expected;
  for (uint64_t i = 0; i < 3000; ++i) {
    table.insert(i, std::to_string(i))->count = static_cast<int64_t>(i);
    expected.insert(std::to_string(i));
  }
  std::multiset<std::string> listed;
  table.for_each(0, [&](uint64_t hash, std::string_view key, const Counted& record) {
    EXPECT_EQ(std::to_string(hash), key);
    EXPECT_EQ(record.count, static_cast<int64_t>(hash));
    listed.emplace(key);
  });
  EXPECT_EQ(listed, expected);
}

// Any sequence of calls, with checkpoints and reopening in between, does what a std::map does.
TEST_F(KeyedTableTest, BehavesLikeAMapUnderRandomCalls) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  std::map<std::string, std::pair<int64_t, std::string>> model;
  auto host = std::make_unique<TestHost>();
  auto table = std::make_unique<CountTable>(host->host(), "counts", 1);
  for (int step = 0; step < 60'000; ++step) {
    const std::string key = std::string(random() % 40, 'k') + std::to_string(random() % 700);
    const uint64_t hash = hash_of(key) % 4 == 0 ? 1 : hash_of(key);
    switch (random() % 8) {
      case 0:
      case 1:
      case 2: {
        Counted* record = table->insert(hash, key);
        const bool fresh = model.count(key) == 0;
        ASSERT_EQ(record->count, fresh ? 1 : model[key].first);
        table->remove(hash, record->last);
        const std::string value(random() % 200, static_cast<char>('a' + step % 26));
        const StoredBytes stored = *table->store(hash, value);
        record = table->modify(hash, key);
        record->count = step;
        record->last = stored;
        model[key] = {step, value};
        break;
      }
      case 3: {
        const Counted* record = table->find(hash, key);
        if (record != nullptr) table->remove(hash, record->last);
        ASSERT_EQ(table->erase(hash, key), model.erase(key) == 1);
        break;
      }
      case 4:
        if (random() % 500 == 0) {
          host->state().freeze();
          auto next = std::make_unique<TestHost>();
          next->state().restore(host->state().frozen());
          table = std::make_unique<CountTable>(next->host(), "counts", 1);
          host = std::move(next);
        } else if (random() % 100 == 0) {
          host->state().freeze();
        }
        break;
      default: {
        const Counted* record = table->find(hash, key);
        const auto known = model.find(key);
        ASSERT_EQ(record != nullptr, known != model.end());
        if (record != nullptr) {
          ASSERT_EQ(record->count, known->second.first);
          ASSERT_EQ(table->load(hash, record->last), known->second.second);
        }
      }
    }
  }
  EXPECT_EQ(table->size(), model.size());
}

TEST(KeyReader, MakesEqualBytesOfEqualValuesWhateverTheirColumnIs) {
  TestHost host;
  Output out(host.abi());
  const auto batch = [&](const Type& type, const std::vector<Cell>& cells) {
    return out.make(static_cast<int64_t>(cells.size()),
                    {{"k", {make_column(host.host(), type, cells), type}}}, nullptr);
  };
  const Batch text = batch(Type::text(), {"a", nullptr, ""});
  const Batch category = batch(Type::category(), {"a", nullptr, ""});
  KeyReader reader({"k"});
  for (int64_t row = 0; row < 3; ++row) {
    reader.read(text);
    const std::string as_text(reader.key(row));
    reader.read(category);
    EXPECT_EQ(reader.key(row), as_text);
  }
  const Batch numbers = batch(Type::float64(), {0.0, -0.0, nullptr});
  reader.read(numbers);
  const std::string zero(reader.key(0));
  EXPECT_EQ(reader.key(1), zero);
  EXPECT_NE(reader.key(2), zero);
}

TEST(KeyReader, KeepsTheBordersBetweenColumns) {
  TestHost host;
  Output out(host.abi());
  const Batch batch =
      out.make(2,
               {{"a", {make_column(host.host(), Type::text(), {"x", "xy"}), Type::text()}},
                {"b", {make_column(host.host(), Type::text(), {"yz", "z"}), Type::text()}}},
               nullptr);
  KeyReader reader({"a", "b", "missing"});
  reader.read(batch);
  const std::string first(reader.key(0));
  EXPECT_NE(reader.key(1), first);
}

}  // namespace
}  // namespace flow::testing
