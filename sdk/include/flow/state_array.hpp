// Keyed state's pages as a plain array.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "flow/host.hpp"

namespace flow {

// Records by number, kept in the host's pages: for the large state of a serial operator, eg: what
// belongs to the slots of a KeyedTable (KeyedTable::insert_slot). A checkpoint takes only the pages
// that have changed. A record starts with all bytes zero. Reading costs two loads beside the
// record's, writing a comparison more.
//
// One per instance and name; not thread-safe. References to records are for the call under way
// only: a checkpoint may freeze their page between two calls.
template <class Record>
class StateArray {
  static_assert(std::is_trivially_copyable_v<Record>, "records live in pages that the host copies");
  static_assert(alignof(Record) <= 8, "pages give an alignment of 8");
  static_assert(std::has_single_bit(sizeof(Record)) && sizeof(Record) <= FLOW_PAGE_BYTES,
                "so that records fill pages, and numbers find them by a shift");

 public:
  // `version` is that of Record. Throws Failure if the host has kept the array with another.
  StateArray(Host host, const char* name, uint32_t version)
      : host_(host.get()), table_(host_->table(host_, name, version)) {
    if (table_ == nullptr) {
      throw Failure(std::string("the state array '") + name +
                    "' was kept with records of another version");
    }
    const uint32_t count = host_->page_count(host_, table_, kGroup, kArea);
    for (uint32_t index = 0; index < count; ++index) add(index);
  }

  // Records that there is room for.
  uint64_t size() const { return static_cast<uint64_t>(pages_.size()) << kShift; }
  // Room for at least `records`. False past the state limit.
  bool grow(uint64_t records) {
    while (size() < records) {
      if (!add(static_cast<uint32_t>(pages_.size()))) return false;
    }
    return true;
  }
  const Record& operator[](uint32_t number) const {
    return reinterpret_cast<const Record*>(data_[number >> kShift])[number & kMask];
  }
  Record& edit(uint32_t number) {
    const uint32_t index = number >> kShift;
    if (pages_[index]->frozen != 0) [[unlikely]] {
      host_->thaw(host_, table_, pages_[index]);
    }
    return reinterpret_cast<Record*>(data_[index])[number & kMask];
  }
  void prefetch(uint32_t number) const { __builtin_prefetch(&(*this)[number]); }

 private:
  static constexpr uint32_t kGroup = 0;
  static constexpr uint32_t kArea = 0;
  static constexpr uint32_t kShift = std::countr_zero(FLOW_PAGE_BYTES / sizeof(Record));
  static constexpr uint32_t kMask = (uint32_t{1} << kShift) - 1;

  bool add(uint32_t index) {
    flow_page* page = host_->page(host_, table_, kGroup, kArea, index);
    if (page == nullptr) return false;
    pages_.push_back(page);
    data_.push_back(static_cast<char*>(page->data));
    return true;
  }

  const flow_host* host_;
  flow_table* table_;
  std::vector<flow_page*> pages_;
  std::vector<char*> data_;
};

}  // namespace flow
