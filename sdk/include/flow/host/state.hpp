// Pages of keyed state in memory, by table, key group and area, and their frozen epochs.
#pragma once

#include <array>
#include <atomic>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "flow/host/state_memory.hpp"

namespace flow::host {

// Where a page stands. `table` lives as long as the store.
struct PagePlace {
  const char* table;
  uint32_t version;  // of the table's records
  uint32_t group, area, index;
};

// One instance's tables. Pages stay where they are until the store goes.
//
// The worker is whoever runs the instance; it makes, writes and thaws pages, and freezes them at a
// barrier. freeze() costs some nanoseconds a page: nothing is copied. From then on the frozen
// content of the pages that changed since the last kept epoch is to be taken by a writer on another
// thread, while the worker goes on: a page that it writes before the writer came is copied into a
// pre-image first. Once these are used up the worker waits for the writer to take that very page,
// which is then the next that it takes. Each page is taken by one side at a time, so that nothing
// torn is ever written.
//
// An epoch ends by end_epoch(), which says whether its content is safe; if not, the pages count as
// changed still. Functions are the worker's [worker] unless they say [writer] or [any].
class StateStore {
 public:
  // Content of pages by place, for tests: what frozen() gives and restore() takes.
  using Place = std::tuple<std::string, uint32_t, uint32_t, uint32_t>;
  struct Copy {
    std::map<std::string, uint32_t> versions;  // by table
    std::map<Place, std::string> pages;        // table, key group, area, index
  };

  // With a limit of its own.
  StateStore(MemoryAccount& account, int64_t limit)
      : own_(std::make_unique<StateMemory>(account, limit)), memory_(*own_) {}
  // Shares the limit and the pre-images of `memory`.
  explicit StateStore(StateMemory& memory) : memory_(memory) {}
  StateStore(const StateStore&) = delete;
  StateStore& operator=(const StateStore&) = delete;
  // Nobody may be writing its epoch.
  ~StateStore() {
    end_epoch(false);
    memory_.release_pages(bytes_);
  }

  // The same name gives the same table. NULL: its pages were restored from, or it was asked for
  // with, another version; problem() says so.
  flow_table* table(const std::string& name, uint32_t version) {
    const auto [at, added] = tables_.try_emplace(name);
    Table& table = at->second;
    if (added) {
      table.name = name;
      table.version = version;
    } else if (table.version != version) {
      problem_ = "the state table '" + name + "' has records of version " +
                 std::to_string(table.version) + ", and the operator knows version " +
                 std::to_string(version) +
                 ": run the version of the plugin that wrote it, or start without its state";
      return nullptr;
    }
    return reinterpret_cast<flow_table*>(&table);
  }
  const std::string& problem() const { return problem_; }

  static uint32_t page_count(flow_table* table, uint32_t group, uint32_t area) {
    if (group >= FLOW_KEY_GROUPS) return 0;
    return static_cast<uint32_t>(pages_of(table, group, area).size());
  }
  // NULL past the limit, or for an index past the next one.
  flow_page* page(flow_table* table, uint32_t group, uint32_t area, uint32_t index) {
    if (group >= FLOW_KEY_GROUPS) return nullptr;
    Pages& pages = pages_of(table, group, area);
    if (index > pages.size()) return nullptr;
    if (index == pages.size()) {
      Page* added = add_page(*reinterpret_cast<Table*>(table), group, area, index);
      if (added == nullptr) return nullptr;
      std::memset(added->page.data, 0, FLOW_PAGE_BYTES);
      added->changed = epoch_ + 1;
      pages.push_back(added);
    }
    return &pages[index]->page;
  }
  int64_t bytes() const { return bytes_; }
  const StateMemory& memory() const { return memory_; }
  void set_limit(int64_t bytes) { memory_.set_limit(bytes); }

  // Begins an epoch; one that has not ended ends without being safe. `writer`: somebody is going to
  // take the pages or to end the epoch, so that a worker without memory for a pre-image may wait.
  void freeze(bool writer = false);
  // Lets a page be written, and keeps its frozen content if that is still wanted. A page that is
  // not frozen costs a comparison.
  void thaw(flow_page* page);

  // ---- the writer's side, one thread at a time ----

  enum class Which {
    kUrgent,  // a worker waits for it
    kImaged,  // it holds memory that workers need
    kAny
  };
  // Copies the frozen content of one page that nobody has taken to `to` (FLOW_PAGE_BYTES). False:
  // there is none of this kind now. [writer]
  bool take(Which which, PagePlace& place, char* to);
  // No page is left to be taken. [writer]
  bool taken() const { return left_.load(std::memory_order_acquire) == 0; }
  // Calls visit(place, changed) for each page of the epoch, in the order in which they were made:
  // so the indexes of an area ascend. `changed`: it was, or is, to be taken. [writer]
  template <class Visit>
  void for_each_frozen(Visit visit) const;
  // Pages of the epoch.
  size_t frozen_pages() const { return frozen_count_; }
  // The epoch is over; waiting workers go on. `safe`: what was taken will be found again, so that
  // the next epoch needs only what changed since this one was frozen. [any]
  void end_epoch(bool safe);
  // All pages count as changed: the next epoch takes everything. [any]
  void forget() { safe_.store(-1, std::memory_order_relaxed); }

  // ---- restoring, before the operator sees the tables ----

  // A page with the next index of its area, and what its content is to be written to; all of
  // FLOW_PAGE_BYTES must be. NULL past the limit. `safe`: the next epoch need not take it. Throws
  // std::invalid_argument for another index, a group that does not exist, or a second version.
  char* restore_page(const std::string& table, uint32_t version, uint32_t group, uint32_t area,
                     uint32_t index, bool safe = true);
  // Throws std::bad_alloc past the limit.
  void restore(const Copy& copy);
  // What all pages held when they were frozen; takes nothing. Only without a writer.
  Copy frozen() const;

 private:
  // Where the frozen content of a page is, and who may touch it.
  enum State : uint32_t {
    kFree,    // nobody wants it
    kWanted,  // it is in the page, and to be taken
    kBusy,    // somebody is copying it
    kImaged   // it is in the pre-image, and to be taken
  };
  struct Table;
  struct alignas(64) Page {
    flow_page page;  // first: thaw finds the Page by it
    std::atomic<uint32_t> state{kFree};
    bool wanted = false;  // in this epoch
    uint32_t group = 0, area = 0, index = 0;
    const Table* table = nullptr;
    int64_t changed = 0;  // the first epoch that a change belongs to
    char* image = nullptr;
  };
  using Pages = std::vector<Page*>;
  struct Table {
    std::string name;
    uint32_t version = 0;
    std::array<std::map<uint32_t, Pages>, FLOW_KEY_GROUPS> groups;
  };
  // Pages in the order in which they were made.
  struct Chunk {
    static constexpr size_t kPages = 256;
    ~Chunk() {
      for (Page& page : pages) PageBytes()(static_cast<char*>(page.page.data));
    }
    std::array<Page, kPages> pages{};
  };

  static Pages& pages_of(flow_table* table, uint32_t group, uint32_t area) {
    return reinterpret_cast<Table*>(table)->groups[group][area];
  }
  static PagePlace place_of(const Page& page) {
    return {page.table->name.c_str(), page.table->version, page.group, page.area, page.index};
  }
  // Its content is whatever it is. NULL past the limit.
  Page* add_page(const Table& table, uint32_t group, uint32_t area, uint32_t index) {
    if (!memory_.charge_page()) return nullptr;
    bytes_ += FLOW_PAGE_BYTES;
    if (count_ % Chunk::kPages == 0) chunks_.push_back(std::make_unique<Chunk>());
    Page& page = chunks_.back()->pages[count_ % Chunk::kPages];
    page.page = {.size = sizeof(flow_page), .frozen = 0, .data = PageBytes::allocate()};
    page.table = &table;
    page.group = group;
    page.area = area;
    page.index = index;
    ++count_;
    return &page;
  }
  // Calls visit(Page&) for the first `count` pages of the chunks.
  template <class Chunks, class Visit>
  static void for_each(const Chunks& chunks, size_t count, Visit visit) {
    for (size_t i = 0; i < count; ++i) visit(chunks[i / Chunk::kPages]->pages[i % Chunk::kPages]);
  }
  void keep_image(Page& page);
  // The next page of this kind, which is the caller's to copy. Under the lock.
  Page* pick(Which which);
  Page* pick_from(std::vector<Page*>& pages, uint32_t state);

  std::unique_ptr<StateMemory> own_;
  StateMemory& memory_;
  // The worker's.
  int64_t bytes_ = 0;
  std::map<std::string, Table> tables_;
  std::string problem_;
  std::vector<std::unique_ptr<Chunk>> chunks_;
  size_t count_ = 0;
  int64_t epoch_ = 0;

  std::atomic<int64_t> safe_{0};  // what changed up to this epoch need not be taken
  std::atomic<size_t> left_{0};   // pages to be taken
  mutable std::mutex mutex_;      // guards what follows
  bool active_ = false;
  bool writer_ = false;
  std::vector<Chunk*> frozen_chunks_;
  size_t frozen_count_ = 0;
  size_t cursor_ = 0;  // pages before it are not in the state kWanted
  std::vector<Page*> urgent_, imaged_;
};

inline void StateStore::freeze(bool writer) {
  end_epoch(false);
  ++epoch_;
  const int64_t safe = safe_.load(std::memory_order_relaxed);
  size_t wanted = 0;
  for_each(chunks_, count_, [&](Page& page) {
    // A writer that has not noticed yet that the last epoch is over.
    while (page.state.load(std::memory_order_acquire) == kBusy) {
      page.state.wait(kBusy, std::memory_order_acquire);
    }
    page.page.frozen = 1;
    page.wanted = page.changed > safe;
    if (!page.wanted) return;
    page.state.store(kWanted, std::memory_order_relaxed);
    ++wanted;
  });
  const std::lock_guard lock(mutex_);
  active_ = true;
  writer_ = writer;
  frozen_chunks_.clear();
  for (const auto& chunk : chunks_) frozen_chunks_.push_back(chunk.get());
  frozen_count_ = count_;
  cursor_ = 0;
  urgent_.clear();
  imaged_.clear();
  left_.store(wanted, std::memory_order_release);
}

inline void StateStore::thaw(flow_page* abi_page) {
  if (abi_page->frozen == 0) return;
  Page& page = *reinterpret_cast<Page*>(abi_page);
  keep_image(page);
  page.changed = epoch_ + 1;
  page.page.frozen = 0;
}

inline void StateStore::keep_image(Page& page) {
  for (;;) {
    uint32_t state = page.state.load(std::memory_order_acquire);
    if (state == kBusy) {
      page.state.wait(kBusy, std::memory_order_acquire);
      continue;
    }
    if (state != kWanted) return;
    bool writer = false;
    {
      const std::lock_guard lock(mutex_);
      writer = active_ && writer_;
    }
    char* image = memory_.take_image(!writer);
    if (image == nullptr) {
      {
        const std::lock_guard lock(mutex_);
        if (active_) urgent_.push_back(&page);
      }
      page.state.wait(kWanted, std::memory_order_acquire);
      continue;
    }
    if (!page.state.compare_exchange_strong(state, kBusy, std::memory_order_acquire)) {
      memory_.give_back_image(image);
      continue;
    }
    std::memcpy(image, page.page.data, FLOW_PAGE_BYTES);
    const std::lock_guard lock(mutex_);
    if (active_) {
      page.image = image;
      imaged_.push_back(&page);
      page.state.store(kImaged, std::memory_order_release);
    } else {
      memory_.give_back_image(image);
      page.state.store(kFree, std::memory_order_release);
    }
    return;
  }
}

inline StateStore::Page* StateStore::pick_from(std::vector<Page*>& pages, uint32_t state) {
  while (!pages.empty()) {
    Page* page = pages.back();
    pages.pop_back();
    uint32_t expected = state;
    if (page->state.compare_exchange_strong(expected, kBusy, std::memory_order_acquire)) {
      return page;
    }
  }
  return nullptr;
}

inline StateStore::Page* StateStore::pick(Which which) {
  if (!active_) return nullptr;
  Page* page = pick_from(urgent_, kWanted);
  if (page == nullptr && which != Which::kUrgent) page = pick_from(imaged_, kImaged);
  if (which != Which::kAny) return page;
  for (; page == nullptr && cursor_ < frozen_count_; ++cursor_) {
    Page& next = frozen_chunks_[cursor_ / Chunk::kPages]->pages[cursor_ % Chunk::kPages];
    uint32_t expected = kWanted;
    if (next.wanted &&
        next.state.compare_exchange_strong(expected, kBusy, std::memory_order_acquire)) {
      page = &next;
    }
  }
  return page;
}

inline bool StateStore::take(Which which, PagePlace& place, char* to) {
  Page* page = nullptr;
  char* image = nullptr;
  {
    const std::lock_guard lock(mutex_);
    page = pick(which);
    if (page == nullptr) return false;
    image = std::exchange(page->image, nullptr);
  }
  place = place_of(*page);
  std::memcpy(to, image != nullptr ? image : page->page.data, FLOW_PAGE_BYTES);
  if (image != nullptr) memory_.give_back_image(image);
  {
    // Not before the page is free: the next epoch counts anew.
    const std::lock_guard lock(mutex_);
    if (active_) left_.fetch_sub(1, std::memory_order_release);
    page->state.store(kFree, std::memory_order_release);
  }
  page->state.notify_all();
  return true;
}

template <class Visit>
void StateStore::for_each_frozen(Visit visit) const {
  std::vector<Chunk*> chunks;
  size_t count = 0;
  {
    const std::lock_guard lock(mutex_);
    chunks = frozen_chunks_;
    count = frozen_count_;
  }
  for_each(chunks, count, [&](const Page& page) { visit(place_of(page), page.wanted); });
}

inline void StateStore::end_epoch(bool safe) {
  const std::lock_guard lock(mutex_);
  if (!active_) return;
  active_ = false;
  if (safe) safe_.store(epoch_, std::memory_order_relaxed);
  if (left_.exchange(0, std::memory_order_acq_rel) == 0) return;
  for_each(frozen_chunks_, frozen_count_, [&](Page& page) {
    uint32_t expected = kWanted;
    if (page.state.compare_exchange_strong(expected, kFree, std::memory_order_acq_rel)) {
      page.state.notify_all();
    } else if (expected == kImaged) {
      memory_.give_back_image(std::exchange(page.image, nullptr));
      page.state.store(kFree, std::memory_order_release);
    }
  });
}

inline char* StateStore::restore_page(const std::string& name, uint32_t version, uint32_t group,
                                      uint32_t area, uint32_t index, bool safe) {
  flow_table* opened = table(name, version);
  if (opened == nullptr) throw std::invalid_argument(problem_);
  if (group >= FLOW_KEY_GROUPS) throw std::invalid_argument("there is no such key group");
  Pages& pages = pages_of(opened, group, area);
  if (index != pages.size()) throw std::invalid_argument("a page out of order");
  Page* added = add_page(*reinterpret_cast<Table*>(opened), group, area, index);
  if (added == nullptr) return nullptr;
  pages.push_back(added);
  added->changed = safe ? 0 : epoch_ + 1;
  added->page.frozen = 1;
  return static_cast<char*>(added->page.data);
}

inline void StateStore::restore(const Copy& copy) {
  for (const auto& [place, bytes] : copy.pages) {
    const auto& [name, group, area, index] = place;
    char* to = restore_page(name, copy.versions.at(name), group, area, index, false);
    if (to == nullptr) throw std::bad_alloc();
    std::memcpy(to, bytes.data(), FLOW_PAGE_BYTES);
  }
}

inline StateStore::Copy StateStore::frozen() const {
  Copy copy;
  for_each(frozen_chunks_, frozen_count_, [&](const Page& page) {
    const PagePlace place = place_of(page);
    copy.versions[place.table] = place.version;
    const void* bytes = page.image != nullptr ? page.image : page.page.data;
    copy.pages.emplace(Place(place.table, place.group, place.area, place.index),
                       std::string(static_cast<const char*>(bytes), FLOW_PAGE_BYTES));
  });
  return copy;
}

}  // namespace flow::host
