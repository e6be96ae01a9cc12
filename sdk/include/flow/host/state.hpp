// Pages of keyed state in memory, by table, key group and area.
#pragma once

#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "flow/host/memory.hpp"

namespace flow::host {

// One instance's tables. Not thread-safe. Pages stay where they are until the store goes.
class StateStore {
 public:
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

 private:
  struct Page {
    Page() : memory(new char[FLOW_PAGE_BYTES]()) {
      page = {.size = sizeof(flow_page), .frozen = 0, .data = memory.get()};
    }
    std::unique_ptr<char[]> memory;
    flow_page page;
  };
  using Pages = std::vector<std::unique_ptr<Page>>;
  struct Table {
    uint32_t version = 0;
    std::array<std::map<uint32_t, Pages>, FLOW_KEY_GROUPS> groups;
  };
  static Pages& pages_of(flow_table* table, uint32_t group, uint32_t area) {
    return reinterpret_cast<Table*>(table)->groups[group][area];
  }

  MemoryAccount& account_;
  int64_t limit_;
  int64_t bytes_ = 0;
  std::map<std::string, Table> tables_;
};

}  // namespace flow::host
