// Pages of keyed state in memory, by table, key group and area.
#pragma once

#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "flow/host/memory.hpp"

namespace flow::host {

// One instance's tables. Not thread-safe. Pages stay where they are until the store goes.
class StateStore {
 public:
  // Where a page stands: table, key group, area, number.
  using Place = std::tuple<std::string, uint32_t, uint32_t, uint32_t>;
  // The content of every page at one moment.
  using Copy = std::map<Place, std::string>;

  // `limit` bytes of pages at most; they are charged to `account`.
  StateStore(MemoryAccount& account, int64_t limit) : account_(account), limit_(limit) {}
  StateStore(const StateStore&) = delete;
  StateStore& operator=(const StateStore&) = delete;
  ~StateStore() { account_.release(bytes_); }

  // The same name gives the same table.
  flow_table* table(const std::string& name, uint32_t version) {
    Table& table = tables_[name];
    table.version = version;
    return reinterpret_cast<flow_table*>(&table);
  }
  static uint32_t page_count(flow_table* table, uint32_t group, uint32_t area) {
    return static_cast<uint32_t>(pages_of(table, group, area).size());
  }
  // NULL past the limit.
  flow_page* page(flow_table* table, uint32_t group, uint32_t area, uint32_t index) {
    auto& pages = pages_of(table, group, area);
    if (index == pages.size()) {
      if (bytes_ + FLOW_PAGE_BYTES > limit_) return nullptr;
      pages.push_back(std::make_unique<Page>());
      bytes_ += FLOW_PAGE_BYTES;
      account_.charge(FLOW_PAGE_BYTES);
    }
    return index < pages.size() ? &pages[index]->page : nullptr;
  }
  int64_t bytes() const { return bytes_; }
  void set_limit(int64_t bytes) { limit_ = bytes; }

  // Marks every page frozen: whoever writes calls thaw first.
  void freeze() {
    for_each([](const Place&, Page& page) {
      page.page.frozen = 1;
      page.image.clear();
    });
  }
  // What the pages held when they were frozen. Pages made since are not part of it.
  Copy frozen() {
    Copy copy;
    for_each([&](const Place& place, Page& page) {
      if (page.page.frozen != 0) {
        copy.emplace(place, std::string(page.memory.get(), FLOW_PAGE_BYTES));
      } else if (!page.image.empty()) {
        copy.emplace(place, page.image);
      }
    });
    return copy;
  }
  // Keeps the frozen content and lets the page be written.
  static void thaw(flow_page* page) {
    if (page->frozen == 0) return;
    reinterpret_cast<Page*>(page)->image.assign(static_cast<const char*>(page->data),
                                                FLOW_PAGE_BYTES);
    page->frozen = 0;
  }
  // Fills an empty store with the pages of another.
  void restore(const Copy& copy) {
    for (const auto& [place, bytes] : copy) {
      const auto& [name, group, area, index] = place;
      flow_page* added = page(table(name, 0), group, area, index);
      if (added == nullptr) throw std::bad_alloc();
      std::memcpy(added->data, bytes.data(), bytes.size());
    }
  }

 private:
  struct Page {
    Page() : memory(new (std::align_val_t{kAlignment}) char[FLOW_PAGE_BYTES]()) {
      page = {.size = sizeof(flow_page), .frozen = 0, .data = memory.get()};
    }
    static constexpr size_t kAlignment = 64;
    struct Free {
      void operator()(char* bytes) const {
        ::operator delete[](bytes, std::align_val_t{kAlignment});
      }
    };
    flow_page page;  // first: thaw finds the Page by it
    std::unique_ptr<char[], Free> memory;
    std::string image;  // before the first write since freeze
  };
  using Pages = std::vector<std::unique_ptr<Page>>;
  struct Table {
    uint32_t version = 0;
    std::array<std::map<uint32_t, Pages>, FLOW_KEY_GROUPS> groups;
  };
  static Pages& pages_of(flow_table* table, uint32_t group, uint32_t area) {
    return reinterpret_cast<Table*>(table)->groups[group][area];
  }
  template <class Visit>
  void for_each(Visit visit) {
    for (auto& [name, table] : tables_) {
      for (uint32_t group = 0; group < FLOW_KEY_GROUPS; ++group) {
        for (auto& [area, pages] : table.groups[group]) {
          for (uint32_t i = 0; i < pages.size(); ++i) visit({name, group, area, i}, *pages[i]);
        }
      }
    }
  }

  MemoryAccount& account_;
  int64_t limit_;
  int64_t bytes_ = 0;
  std::map<std::string, Table> tables_;
};

}  // namespace flow::host
