// The most frequent values of a cell.
#include <algorithm>
#include <bit>
#include <cstring>
#include <unordered_map>
#include <vector>

#include "flow/host/key_hash.hpp"
#include "flow/utf8.hpp"
#include "operators/common/aggregate_blocks.hpp"
#include "operators/common/aggregate_numbers.hpp"
#include "operators/common/aggregate_sketches.hpp"
#include "operators/common/collected_column.hpp"

namespace flow::operators {
namespace {

class TopResult final : public CellResult {
 public:
  TopResult(uint32_t at, flow_type type, int64_t values)
      : at_(at), most_(static_cast<size_t>(values)), values_(type), counts_(FLOW_INT64) {}
  void append(const KeyCells& key, CellMemory& memory) override {
    found_.clear();
    places_.clear();
    for (const char* cell : key.cells) {
      const auto& words = part_at<TopPart::Words>(cell, at_);
      for (const auto& entry : read_block<TopPart::Entry>(words.block, key.hash, memory)) {
        if (entry.count == 0) continue;
        const auto [place, added] = places_.emplace(entry.hash, found_.size());
        if (added) {
          found_.push_back(entry);
        } else {
          found_[place->second].count += entry.count;
        }
      }
    }
    const size_t n = std::min(most_, found_.size());
    std::partial_sort(found_.begin(), found_.begin() + static_cast<int64_t>(n), found_.end(),
                      [&](const TopPart::Entry& a, const TopPart::Entry& b) {
                        if (a.count != b.count) return a.count > b.count;
                        return smaller(a, b, key.hash, memory);
                      });
    for (size_t i = 0; i < n; ++i) {
      if (values_.is_text()) {
        values_.append_text(memory.load(key.hash, std::bit_cast<StoredBytes>(found_[i].value)));
      } else {
        values_.append(found_[i].value);
      }
      counts_.append(static_cast<uint64_t>(found_[i].count));
    }
    ends_.push_back(values_.size());
  }
  TypedColumn take(Host host) override {
    const int64_t elements = values_.size();
    const TypedColumn value = values_.take(host);
    const TypedColumn count = counts_.take(host);
    StructBuilder entries(host, elements);
    entries.add(value.column);
    entries.add(count.column);
    ListBuilder lists(host, static_cast<int64_t>(ends_.size()));
    for (const int64_t end : ends_) lists.append(end);
    ends_.clear();
    return {lists.finish(entries.finish()),
            Type::list(Type::structure({{"value", value.type}, {"count", Type::int64()}}))};
  }

 private:
  bool smaller(const TopPart::Entry& a, const TopPart::Entry& b, uint64_t hash,
               CellMemory& memory) const {
    if (values_.is_text()) {
      return memory.load(hash, std::bit_cast<StoredBytes>(a.value)) <
             memory.load(hash, std::bit_cast<StoredBytes>(b.value));
    }
    if (values_.type() == FLOW_FLOAT64) {
      return std::bit_cast<double>(a.value) < std::bit_cast<double>(b.value);
    }
    return static_cast<int64_t>(a.value) < static_cast<int64_t>(b.value);
  }

  uint32_t at_;
  size_t most_;
  CollectedColumn values_;
  CollectedColumn counts_;
  std::vector<int64_t> ends_;
  std::vector<TopPart::Entry> found_;
  std::unordered_map<uint64_t, size_t> places_;
};

}  // namespace

std::unique_ptr<CellResult> make_top_result(uint32_t at, flow_type type, int64_t values) {
  return std::make_unique<TopResult>(at, type, values);
}

bool TopPart::is_text() const { return reads_as_text(field().type()); }

void TopPart::bind(const Batch& in) {
  hashes_.assign(static_cast<size_t>(in.rows()), 0);
  host::hash_column(field().column(), hashes_);
}

// The value's entry, or the empty one where it belongs.
TopPart::Entry& TopPart::entry(Words& words, uint64_t value, uint64_t hash,
                               CellMemory& memory) const {
  const auto table = Cells<Entry>::edit(words.block, hash, memory);
  uint32_t at = static_cast<uint32_t>(value) & (table.size - 1);
  while (table.data[at].count != 0 && table.data[at].hash != value)
    at = (at + 1) & (table.size - 1);
  return table.data[at];
}

void TopPart::rebuild(Words& words, uint64_t hash, CellMemory& memory, uint32_t capacity) const {
  const StoredBytes old = words.block;
  words.block = memory.allocate(hash, capacity * static_cast<uint32_t>(sizeof(Entry)));
  for (const Entry& known : read_block<Entry>(old, hash, memory)) {
    if (known.count != 0) entry(words, known.hash, hash, memory) = known;
  }
  memory.remove(hash, old);
}

// Takes the median from every count, so that at least half of the entries go.
void TopPart::let_go(Words& words, uint64_t hash, CellMemory& memory) const {
  const auto table = Cells<Entry>::edit(words.block, hash, memory);
  std::vector<int64_t> counts;
  for (uint32_t i = 0; i < table.size; ++i) {
    if (table.data[i].count != 0) counts.push_back(table.data[i].count);
  }
  const auto middle = counts.begin() + static_cast<int64_t>(counts.size() / 2);
  std::nth_element(counts.begin(), middle, counts.end());
  const int64_t median = *middle;
  words.used = 0;
  for (uint32_t i = 0; i < table.size; ++i) {
    Entry& known = table.data[i];
    if (known.count == 0) continue;
    if (known.count <= median) {
      if (is_text()) memory.remove(hash, std::bit_cast<StoredBytes>(known.value));
      known = {};
      continue;
    }
    known.count -= median;
    ++words.used;
  }
  rebuild(words, hash, memory, table.size);
}

void TopPart::add(const CellRows& in, uint32_t at, CellMemory& memory) {
  constexpr uint32_t kFirst = 8;
  const flow_column& column = field().column();
  const bool is_texts = is_text();
  for_values(in, [&](size_t i) {
    auto& words = part_at<Words>(in.cells[i], at);
    const int32_t row = in.rows[i];
    const uint64_t hash = in.hash(i);
    const uint64_t value = hashes_[static_cast<size_t>(row)];
    if (words.block.length == 0) rebuild(words, hash, memory, kFirst);
    Entry* known = &entry(words, value, hash, memory);
    if (known->count == 0) {
      uint64_t word = 0;
      if (is_texts) {
        const std::string_view text = utf8_prefix(AnyTextView(column)[row], kLongestText);
        const StoredBytes stored = memory.allocate(hash, static_cast<uint32_t>(text.size()));
        if (!text.empty()) std::memcpy(memory.edit(hash, stored), text.data(), text.size());
        word = std::bit_cast<uint64_t>(stored);
      } else {
        word = word_of(column, row);
      }
      *known = {value, 0, word};
      ++words.used;
    }
    ++known->count;
    const auto capacity = static_cast<uint32_t>(words.block.length / sizeof(Entry));
    if (words.used > kMost) {
      let_go(words, hash, memory);
    } else if (words.used * 2 > capacity) {
      rebuild(words, hash, memory, capacity * 2);
    }
  });
}

void TopPart::release(char* part, uint64_t hash, CellMemory& memory) const {
  const auto& words = part_at<Words>(part, 0);
  if (is_text()) {
    for (const Entry& known : read_block<Entry>(words.block, hash, memory)) {
      if (known.count != 0) memory.remove(hash, std::bit_cast<StoredBytes>(known.value));
    }
  }
  memory.remove(hash, words.block);
}

}  // namespace flow::operators
