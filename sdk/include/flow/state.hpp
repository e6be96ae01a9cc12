// Keyed state on the host's pages.
#pragma once

#include <array>
#include <bit>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "flow/host.hpp"

namespace flow {

// A text in a key group's arena, as a record keeps it. All zero: "".
struct StoredBytes {
  uint32_t at = 0;  // in units of 16 bytes from the arena's start
  uint32_t length = 0;
};

namespace detail {

// Pages of one key group, found once and remembered. An area is an array of pages that only grows.
class StatePages {
 public:
  StatePages(const flow_host* host, flow_table* table, uint32_t group, uint32_t area)
      : host_(host), table_(table), group_(group), area_(area) {
    const uint32_t count = host->page_count(host, table, group, area);
    for (uint32_t i = 0; i < count; ++i) pages_.push_back(get(i));
  }

  // Puts the first page of another area before all of its own.
  void begin_with(const StatePages& other) {
    pages_.insert(pages_.begin(), other.pages_.front());
    borrowed_ = 1;
  }
  uint32_t size() const { return static_cast<uint32_t>(pages_.size()); }
  // False past the state limit.
  bool grow() {
    flow_page* page = get(size() - borrowed_);
    if (page == nullptr) return false;
    pages_.push_back(page);
    return true;
  }
  const char* read(uint32_t index) const { return static_cast<const char*>(pages_[index]->data); }
  char* write(uint32_t index) {
    flow_page* page = pages_[index];
    if (page->frozen != 0) host_->thaw(host_, table_, page);
    return static_cast<char*>(page->data);
  }
  const flow_page* page(uint32_t index) const { return pages_[index]; }

 private:
  flow_page* get(uint32_t index) { return host_->page(host_, table_, group_, area_, index); }

  const flow_host* host_;
  flow_table* table_;
  uint32_t group_, area_;
  uint32_t borrowed_ = 0;
  std::vector<flow_page*> pages_;
};

// What stands at the start of a key group's first page.
struct StateHeader {
  static constexpr uint64_t kMagic = 0x32656c6261746b66;  // "fktable2"
  static constexpr uint32_t kClasses = 13;                // free blocks of 16, 32, ... 65536 bytes

  uint64_t magic;
  uint32_t slot_bytes;
  uint32_t level;                 // 2^level buckets before the split under way
  uint32_t split;                 // buckets below this one have been split already
  uint32_t slots;                 // ever taken
  uint32_t used;                  // slots that hold a key
  uint32_t free_slot;             // 1 + the first of a chain; 0: none
  uint32_t arena;                 // units of 16 bytes ever taken
  uint32_t free_block[kClasses];  // 1 + unit; 0: none
};

}  // namespace detail

// Records by key, kept in the host's pages and nowhere else: a table opened on the pages of another
// holds the same. One per instance and name; not thread-safe. `Record` is trivially copyable and
// starts as Record{}; parts of variable size are kept beside it with store().
//
// Each of the 128 key groups is a linear hash table of its own: area 0 has the header and the
// buckets (chains of slots, one more bucket at a time, so no insert ever rehashes a group), area 1
// the slots, area 2 the bytes of keys and variable parts in blocks of a power of two. All three
// begin in the first page of area 0, so that a group of few keys takes one page. A record costs its
// size plus 24 bytes, 4 for its bucket, and its key's length rounded up; find costs one or two
// cache misses.
//
// Pointers to records stay good until their key is erased, but are for the call under way only: a
// checkpoint may freeze their page between two calls.
template <class Record>
class KeyedTable {
  static_assert(std::is_trivially_copyable_v<Record>, "records live in pages that the host copies");
  static_assert(alignof(Record) <= 8, "pages give an alignment of 8");

 public:
  static constexpr uint32_t kLongestBytes = FLOW_PAGE_BYTES;

  // Cheap; pages are looked at when a key of their group is. `version` is that of Record. Throws
  // Failure if the host has kept the table with another.
  KeyedTable(Host host, const char* name, uint32_t version)
      : host_(host.get()), name_(name), table_(host_->table(host_, name, version)) {
    if (table_ == nullptr) {
      throw Failure("the state table '" + name_ + "' was kept with records of another version");
    }
  }

  // NULL: there is no such key. `hash` as flow_keys has it, or a timer's key.
  const Record* find(uint64_t hash, std::string_view key) {
    Group& group = open(hash);
    const uint32_t slot = group.exists() ? locate(group, hash, key) : 0;
    return slot != 0 ? &read_slot(group, slot)->record : nullptr;
  }
  // For looking ahead over many keys, before find() or the like: the record that is the key's most
  // likely, since the key itself is not compared. NULL: there is none. What it looks at is in the
  // cache afterwards.
  const Record* likely(uint64_t hash) {
    const Group& group = open(hash);
    if (!group.exists()) return nullptr;
    uint32_t number = read_bucket(group, bucket_of(group.peek(), hash));
    while (number != 0) {
      const Slot& slot = *read_slot(group, number);
      if (slot.hash == hash) return &slot.record;
      number = slot.next;
    }
    return nullptr;
  }
  // Has the first record of the key's bucket, which is the key's more often than not, on its way
  // into the cache. Waits for nothing: to be called for some keys before likely() or find() is.
  void prefetch(uint64_t hash) {
    const Group& group = open(hash);
    if (!group.exists()) return;
    const uint32_t number = read_bucket(group, bucket_of(group.peek(), hash));
    if (number != 0) __builtin_prefetch(read_slot(group, number));
  }
  // The same to be written to.
  Record* modify(uint64_t hash, std::string_view key) {
    Group& group = open(hash);
    const uint32_t slot = group.exists() ? locate(group, hash, key) : 0;
    return slot != 0 ? &write_slot(group, slot)->record : nullptr;
  }
  // The key's record, made if need be. NULL past state_limit: nothing was changed. Throws
  // std::length_error for a key of more than kLongestBytes.
  Record* insert(uint64_t hash, std::string_view key) {
    const uint32_t number = insert_slot(hash, key);
    return number != 0 ? &write_slot(open(hash), number)->record : nullptr;
  }

  // The same, but answers which slot of its group the key has: 1 and up, 0 past state_limit. A key
  // keeps its slot until it is erased; then another key may have it. So arrays by slot, one a
  // group, are dense.
  uint32_t insert_slot(uint64_t hash, std::string_view key) {
    Group& group = open(hash);
    if (!group.exists() && !create(group)) return 0;
    if (const uint32_t known = locate(group, hash, key); known != 0) return known;
    if (!reserve_slot(group)) return 0;
    const std::optional<StoredBytes> bytes = put(group, key);
    if (!bytes) return 0;

    const uint32_t number = take_slot(group);
    Slot& slot = *write_slot(group, number);
    slot.hash = hash;
    slot.key = *bytes;
    slot.record = Record{};
    link(group, number, hash);
    ++group.header().used;
    split_one(group);
    return number;
  }
  // What a taken slot holds. The key is good until it is erased.
  std::string_view key_at(uint32_t group, uint32_t slot) {
    return bytes_of(at(group), read_slot(at(group), slot)->key);
  }
  const Record& record_at(uint32_t group, uint32_t slot) {
    return read_slot(at(group), slot)->record;
  }
  Record& modify_at(uint32_t group, uint32_t slot) { return write_slot(at(group), slot)->record; }
  uint64_t hash_at(uint32_t group, uint32_t slot) { return read_slot(at(group), slot)->hash; }
  // No slot of the group has ever had a number above this.
  uint32_t highest_slot(uint32_t group) { return at(group).exists() ? at(group).peek().slots : 0; }
  // False: there was no such key. Its variable parts are the caller's to remove before. Nothing of
  // what is erased or removed stays in the pages, nor in a checkpoint that is begun afterwards.
  bool erase(uint64_t hash, std::string_view key) {
    Group& group = open(hash);
    const uint32_t number = group.exists() ? locate(group, hash, key) : 0;
    if (number == 0) return false;
    const Slot& slot = *read_slot(group, number);
    const uint32_t next = slot.next;
    const uint32_t bucket = bucket_of(group.peek(), hash);
    uint32_t before = read_bucket(group, bucket);
    if (before == number) {
      write_bucket(group, bucket, next);
    } else {
      while (read_slot(group, before)->next != number) before = read_slot(group, before)->next;
      write_slot(group, before)->next = next;
    }
    free_bytes(group, slot.key);
    Slot& freed = *write_slot(group, number);
    detail::StateHeader& header = group.header();
    freed.key = {};
    freed.next = header.free_slot;
    freed.hash = 0;
    freed.record = Record{};
    header.free_slot = number;
    --header.used;
    return true;
  }

  // Keeps a copy of `bytes` in the key group of `hash`. Nothing past state_limit. Throws
  // std::length_error for more than kLongestBytes.
  std::optional<StoredBytes> store(uint64_t hash, std::string_view bytes) {
    Group& group = open(hash);
    if (!group.exists() && !create(group)) return std::nullopt;
    return put(group, bytes);
  }
  // Room for `length` bytes, all zero, in the key group of `hash`. Nothing past state_limit. Throws
  // std::length_error for more than kLongestBytes.
  std::optional<StoredBytes> allocate(uint64_t hash, uint32_t length) {
    Group& group = open(hash);
    if (length > kLongestBytes) throw too_long();
    if (length == 0) return StoredBytes{};
    if (!group.exists() && !create(group)) return std::nullopt;
    const std::optional<uint32_t> unit = take_block(group, class_of(length));
    if (!unit) return std::nullopt;
    std::memset(write_unit(group, *unit), 0, length);
    return StoredBytes{*unit, length};
  }
  // What was stored, to be written to: for the call under way only, as a pointer to a record. 16
  // bytes are the least alignment. NULL for a length of 0.
  char* edit(uint64_t hash, StoredBytes stored) {
    return stored.length != 0 ? write_unit(open(hash), stored.at) : nullptr;
  }
  // The page that holds what was stored, for writing to it often: as long as its `frozen` is 0 that
  // needs no edit(), whose pointer stays good until what was stored is removed.
  const flow_page* page_of(uint64_t hash, StoredBytes stored) {
    return open(hash).arena.page(stored.at / kUnitsPerPage);
  }
  // What was stored; good until it is removed.
  std::string_view load(uint64_t hash, StoredBytes stored) { return bytes_of(open(hash), stored); }
  void remove(uint64_t hash, StoredBytes stored) {
    Group& group = open(hash);
    if (group.exists()) free_bytes(group, stored);
  }

  // Keys in one group, or in all.
  uint32_t size(uint32_t group) { return at(group).exists() ? at(group).peek().used : 0; }
  uint64_t size() {
    uint64_t sum = 0;
    for (uint32_t group = 0; group < FLOW_KEY_GROUPS; ++group) sum += size(group);
    return sum;
  }
  // Calls visit(hash, key, const Record&) for every key of a group, in no particular order. Nothing
  // may be inserted or erased meanwhile.
  template <class Visit>
  void for_each(uint32_t group_number, Visit visit) {
    for_each_slot(group_number, [&](uint32_t number, uint64_t hash, std::string_view key) {
      visit(hash, key, read_slot(at(group_number), number)->record);
    });
  }
  // Calls visit(slot, hash, key) likewise.
  template <class Visit>
  void for_each_slot(uint32_t group_number, Visit visit) {
    Group& group = at(group_number);
    if (!group.exists()) return;
    const detail::StateHeader& header = group.peek();
    const uint32_t buckets = (uint32_t{1} << header.level) + header.split;
    for (uint32_t bucket = 0; bucket < buckets; ++bucket) {
      for (uint32_t number = read_bucket(group, bucket); number != 0;) {
        const Slot& slot = *read_slot(group, number);
        visit(number, slot.hash, bytes_of(group, slot.key));
        number = slot.next;
      }
    }
  }

 private:
  struct Slot {
    uint64_t hash;
    StoredBytes key;
    uint32_t next;  // in its bucket or among the free; 1 + number, 0: the last
    uint32_t reserved;
    Record record;
  };
  static_assert(sizeof(Slot) <= FLOW_PAGE_BYTES, "a record must fit a page");
  static constexpr uint32_t kSlotsPerPage = FLOW_PAGE_BYTES / sizeof(Slot);
  static constexpr uint32_t kUnit = 16;
  static constexpr uint32_t kUnitsPerPage = FLOW_PAGE_BYTES / kUnit;
  static constexpr uint32_t kFirstLevel = 3;

  // The first page: the header, 192 buckets, 3 KiB of bytes, then slots. What takes little stands
  // first, as a checkpoint leaves out the zeros at a page's end.
  static constexpr uint32_t kHeaderBytes = 256;
  static constexpr uint32_t kFirstBytesAt = 1024;
  static constexpr uint32_t kFirstSlotsAt = 4096;
  static_assert(sizeof(detail::StateHeader) <= kHeaderBytes);
  // Slots that there would be room for before; a page has none if there is one to a page.
  static constexpr uint32_t kNoSlots = (kFirstSlotsAt + sizeof(Slot) - 1) / sizeof(Slot);

  // Page caches of one key group.
  struct Group {
    Group(const flow_host* host, flow_table* table, uint32_t number)
        : index(host, table, number, 0),
          slots(host, table, number, 1),
          arena(host, table, number, 2) {
      if (index.size() > 0) share_first_page();
    }
    void share_first_page() {
      slots.begin_with(index);
      arena.begin_with(index);
    }
    bool exists() const { return index.size() > 0 && peek().magic != 0; }
    const detail::StateHeader& peek() const {
      return *reinterpret_cast<const detail::StateHeader*>(index.read(0));
    }
    detail::StateHeader& header() {
      return *reinterpret_cast<detail::StateHeader*>(index.write(0));
    }
    detail::StatePages index, slots, arena;
  };

  Group& open(uint64_t hash) { return at(static_cast<uint32_t>(hash >> 57)); }
  Group& at(uint32_t number) {
    std::unique_ptr<Group>& group = groups_[number];
    if (!group) {
      auto opened = std::make_unique<Group>(host_, table_, number);
      if (opened->exists()) check(opened->peek());
      group = std::move(opened);
    }
    return *group;
  }
  void check(const detail::StateHeader& header) const {
    if (header.magic != detail::StateHeader::kMagic) {
      throw Failure("the state table '" + name_ +
                    "' was laid out by another version of the SDK: start without its state");
    }
    if (header.slot_bytes != sizeof(Slot)) {
      throw Failure("the state table '" + name_ +
                    "' was written with records of another size: raise its version");
    }
  }
  static bool create(Group& group) {
    if (group.index.size() == 0) {
      if (!group.index.grow()) return false;
      group.share_first_page();
    }
    detail::StateHeader& header = group.header();
    header.magic = detail::StateHeader::kMagic;
    header.slot_bytes = sizeof(Slot);
    header.level = kFirstLevel;
    for (uint32_t at = kFirstBytesAt; at < kFirstSlotsAt; at *= 2) {
      give_block(group, at / kUnit, class_of(at));
    }
    return true;
  }

  // ---- buckets: uint32 behind the header, then page after page of area 0 ----

  // The lowest bits choose the bucket; the group took the topmost ones.
  static uint32_t bucket_of(const detail::StateHeader& header, uint64_t hash) {
    const uint64_t mask = (uint64_t{1} << header.level) - 1;
    const auto bucket = static_cast<uint32_t>(hash & mask);
    return bucket < header.split ? static_cast<uint32_t>(hash & (mask << 1 | 1)) : bucket;
  }
  static uint64_t bucket_at(uint32_t bucket) {
    const uint64_t at = kHeaderBytes + bucket * uint64_t{4};
    return at < kFirstBytesAt ? at : at + (FLOW_PAGE_BYTES - kFirstBytesAt);
  }
  static uint32_t bucket_page(uint32_t bucket) { return bucket_at(bucket) / FLOW_PAGE_BYTES; }
  static uint32_t bucket_offset(uint32_t bucket) { return bucket_at(bucket) % FLOW_PAGE_BYTES; }
  static uint32_t read_bucket(const Group& group, uint32_t bucket) {
    uint32_t head;
    std::memcpy(&head, group.index.read(bucket_page(bucket)) + bucket_offset(bucket), sizeof head);
    return head;
  }
  static void write_bucket(Group& group, uint32_t bucket, uint32_t head) {
    std::memcpy(group.index.write(bucket_page(bucket)) + bucket_offset(bucket), &head, sizeof head);
  }
  static uint32_t bucket_count(const detail::StateHeader& header) {
    return (uint32_t{1} << header.level) + header.split;
  }
  static bool reserve_bucket(Group& group) {
    return bucket_page(bucket_count(group.peek())) < group.index.size() || group.index.grow();
  }
  static void link(Group& group, uint32_t number, uint64_t hash) {
    const uint32_t bucket = bucket_of(group.peek(), hash);
    write_slot(group, number)->next = read_bucket(group, bucket);
    write_bucket(group, bucket, number);
  }
  // One more bucket when there are fewer than keys. Past the state limit chains grow longer.
  static void split_one(Group& group) {
    if (group.peek().used <= bucket_count(group.peek()) || !reserve_bucket(group)) return;
    detail::StateHeader& header = group.header();
    const uint32_t old = header.split;
    uint32_t chain = read_bucket(group, old);
    write_bucket(group, old, 0);
    write_bucket(group, bucket_count(header), 0);
    if (++header.split == uint32_t{1} << header.level) {
      ++header.level;
      header.split = 0;
    }
    while (chain != 0) {
      const Slot& slot = *read_slot(group, chain);
      const uint32_t next = slot.next;
      link(group, chain, slot.hash);
      chain = next;
    }
  }
  static uint32_t locate(const Group& group, uint64_t hash, std::string_view key) {
    uint32_t number = read_bucket(group, bucket_of(group.peek(), hash));
    while (number != 0) {
      const Slot& slot = *read_slot(group, number);
      if (slot.hash == hash && bytes_of(group, slot.key) == key) break;
      number = slot.next;
    }
    return number;
  }

  // ---- slots, numbered from 1 ----

  static const Slot* read_slot(const Group& group, uint32_t number) {
    const uint32_t at = number - 1 + kNoSlots;
    return reinterpret_cast<const Slot*>(group.slots.read(at / kSlotsPerPage)) + at % kSlotsPerPage;
  }
  static Slot* write_slot(Group& group, uint32_t number) {
    const uint32_t at = number - 1 + kNoSlots;
    return reinterpret_cast<Slot*>(group.slots.write(at / kSlotsPerPage)) + at % kSlotsPerPage;
  }
  static bool reserve_slot(Group& group) {
    const detail::StateHeader& header = group.peek();
    return header.free_slot != 0 ||
           (header.slots + kNoSlots) / kSlotsPerPage < group.slots.size() || group.slots.grow();
  }
  static uint32_t take_slot(Group& group) {
    detail::StateHeader& header = group.header();
    if (header.free_slot == 0) return ++header.slots;
    const uint32_t number = header.free_slot;
    header.free_slot = read_slot(group, number)->next;
    return number;
  }

  // ---- bytes ----

  // Which power of two: blocks of class c have 16 << c bytes and never cross a page.
  static uint32_t class_of(size_t bytes) {
    const size_t units = (bytes + kUnit - 1) / kUnit;
    return static_cast<uint32_t>(std::bit_width(units - 1));
  }
  static std::string_view bytes_of(const Group& group, StoredBytes stored) {
    if (stored.length == 0) return {};
    return {group.arena.read(stored.at / kUnitsPerPage) + stored.at % kUnitsPerPage * kUnit,
            stored.length};
  }
  static std::length_error too_long() {
    return std::length_error("more than 64 KiB in one piece of keyed state");
  }
  static char* write_unit(Group& group, uint32_t unit) {
    return group.arena.write(unit / kUnitsPerPage) + unit % kUnitsPerPage * kUnit;
  }
  static std::optional<StoredBytes> put(Group& group, std::string_view bytes) {
    if (bytes.size() > kLongestBytes) throw too_long();
    if (bytes.empty()) return StoredBytes{};
    const std::optional<uint32_t> unit = take_block(group, class_of(bytes.size()));
    if (!unit) return std::nullopt;
    std::memcpy(write_unit(group, *unit), bytes.data(), bytes.size());
    return StoredBytes{*unit, static_cast<uint32_t>(bytes.size())};
  }
  static std::optional<uint32_t> take_block(Group& group, uint32_t wanted) {
    uint32_t found = wanted;
    while (found < detail::StateHeader::kClasses && group.peek().free_block[found] == 0) ++found;
    uint32_t unit = 0;
    if (found < detail::StateHeader::kClasses) {
      unit = group.peek().free_block[found] - 1;
      uint32_t next;
      std::memcpy(&next, group.arena.read(unit / kUnitsPerPage) + unit % kUnitsPerPage * kUnit,
                  sizeof next);
      group.header().free_block[found] = next;
    } else {
      // A page is the largest block; what is left of it goes to the free ones.
      const uint32_t pages = group.arena.size();
      if (!group.arena.grow()) return std::nullopt;
      unit = pages * kUnitsPerPage;
      found = detail::StateHeader::kClasses - 1;
      group.header().arena = (pages + 1) * kUnitsPerPage;
    }
    while (found > wanted) {
      --found;
      give_block(group, unit + (uint32_t{1} << found), found);
    }
    return unit;
  }
  static void give_block(Group& group, uint32_t unit, uint32_t size_class) {
    uint32_t& head = group.header().free_block[size_class];
    std::memcpy(write_unit(group, unit), &head, sizeof head);
    head = unit + 1;
  }
  static void free_bytes(Group& group, StoredBytes stored) {
    if (stored.length == 0) return;
    std::memset(write_unit(group, stored.at), 0, stored.length);
    give_block(group, stored.at, class_of(stored.length));
  }

  const flow_host* host_;
  std::string name_;
  flow_table* table_;
  std::array<std::unique_ptr<Group>, FLOW_KEY_GROUPS> groups_;
};

// The bytes of a row's key over several columns: equal exactly if the values are, so what
// KeyedTable and timers compare beside the hash. Text, JSON tokens and categories with the same
// bytes are equal.
class KeyReader {
 public:
  explicit KeyReader(std::vector<std::string> fields) {
    for (std::string& field : fields) finders_.emplace_back(std::move(field));
  }

  // Before the rows of a batch. A column that the batch does not have is null in every row. Throws
  // std::invalid_argument for a struct or list.
  void read(const Batch& batch) {
    columns_.clear();
    for (ColumnFinder& finder : finders_) {
      const flow_column* column = finder.find(batch);
      if (column != nullptr && (column->type == FLOW_STRUCT || column->type == FLOW_LIST)) {
        throw std::invalid_argument("'" + finder.name() + "' is a " +
                                    std::string(type_name(column->type)) + ", which is no key");
      }
      columns_.push_back(column);
    }
  }
  // Good until the next call.
  std::string_view key(int64_t row) {
    bytes_.clear();
    for (const flow_column* column : columns_) append(column, row);
    return bytes_;
  }

 private:
  void append(const flow_column* column, int64_t row) {
    if (column == nullptr || Validity(*column).is_null(row)) {
      bytes_ += '\0';
      return;
    }
    bytes_ += '\1';
    if (AnyTextView::accepts(column->type)) {
      const std::string_view text = AnyTextView(*column)[row];
      const auto length = static_cast<uint32_t>(text.size());
      bytes_.append(reinterpret_cast<const char*>(&length), sizeof length);
      bytes_ += text;
    } else if (column->type == FLOW_BOOL) {
      bytes_ += BoolView(*column)[row] ? '\1' : '\0';
    } else {
      int64_t value = Int64View(*column)[row];
      if (column->type == FLOW_FLOAT64 && value == INT64_MIN) value = 0;  // -0.0 is 0.0
      bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
    }
  }

  std::vector<ColumnFinder> finders_;
  std::vector<const flow_column*> columns_;
  std::string bytes_;
};

}  // namespace flow
