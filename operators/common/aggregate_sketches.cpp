#include "operators/common/aggregate_sketches.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <unordered_set>

#include "flow/host/key_hash.hpp"
#include "flow/utf8.hpp"
#include "operators/common/aggregate_blocks.hpp"
#include "operators/common/aggregate_numbers.hpp"
#include "operators/common/collected_column.hpp"

namespace flow::operators {
namespace {

// ---- distinct ----

uint32_t register_of(uint64_t value) {
  return static_cast<uint32_t>(value >> (64 - DistinctPart::kRegisterBits));
}
// One more than the zeros that the rest begins with.
uint8_t rank_of(uint64_t value) {
  const uint64_t rest =
      value << DistinctPart::kRegisterBits | uint64_t{1} << (DistinctPart::kRegisterBits - 1);
  return static_cast<uint8_t>(std::countl_zero(rest) + 1);
}
void note(uint8_t* registers, uint64_t value) {
  uint8_t& known = registers[register_of(value)];
  known = std::max(known, rank_of(value));
}
// False: it was there. `table` has room, and holds no zeros.
bool put_hash(uint64_t* table, uint32_t size, uint64_t value) {
  for (uint32_t at = static_cast<uint32_t>(value) & (size - 1);; at = (at + 1) & (size - 1)) {
    if (table[at] == value) return false;
    if (table[at] != 0) continue;
    table[at] = value;
    return true;
  }
}

// The sums of Ertl's estimator for registers of HyperLogLog, which needs no table of corrections.
double sigma(double x) {
  if (x == 1) return std::numeric_limits<double>::infinity();
  double weight = 1;
  double sum = x;
  for (double before = -1; sum != before;) {
    x *= x;
    before = sum;
    sum += x * weight;
    weight += weight;
  }
  return sum;
}
double tau(double x) {
  if (x == 0 || x == 1) return 0;
  double weight = 1;
  double sum = 1 - x;
  for (double before = -1; sum != before;) {
    x = std::sqrt(x);
    before = sum;
    weight *= 0.5;
    sum -= (1 - x) * (1 - x) * weight;
  }
  return sum / 3;
}
int64_t estimate(std::span<const uint8_t> registers) {
  constexpr int kRanks = 64 - static_cast<int>(DistinctPart::kRegisterBits);
  std::array<uint32_t, kRanks + 2> counts{};
  for (const uint8_t rank : registers) ++counts[std::min<size_t>(rank, kRanks + 1)];
  const auto m = static_cast<double>(registers.size());
  double sum = m * tau(1 - counts[kRanks + 1] / m);
  for (int rank = kRanks; rank >= 1; --rank) {
    sum = 0.5 * (sum + counts[static_cast<size_t>(rank)]);
  }
  sum += m * sigma(counts[0] / m);
  return std::llround(m * m / (2 * std::log(2.0) * sum));
}

class DistinctResult final : public CellResult {
 public:
  explicit DistinctResult(uint32_t at) : at_(at), values_(FLOW_INT64) {}
  void append(const KeyCells& key, CellMemory& memory) override {
    hashes_.clear();
    bool registers = false;
    for (const char* cell : key.cells) {
      const auto& words = part_at<DistinctPart::Words>(cell, at_);
      if (words.registers != 0) {
        if (!registers) start_registers();
        registers = true;
        const auto block = read_block<uint8_t>(words.block, key.hash, memory);
        for (size_t i = 0; i < block.size(); ++i) registers_[i] = std::max(registers_[i], block[i]);
        continue;
      }
      for (const uint64_t value : read_block<uint64_t>(words.block, key.hash, memory)) {
        if (value == 0) continue;
        if (registers) {
          note(registers_.data(), value);
        } else {
          hashes_.insert(value);
        }
      }
      if (!registers && hashes_.size() > DistinctPart::kExact) {
        start_registers();
        registers = true;
      }
    }
    values_.append(static_cast<uint64_t>(registers ? estimate(registers_)
                                                   : static_cast<int64_t>(hashes_.size())));
  }
  TypedColumn take(Host host) override { return values_.take(host); }

 private:
  // What was collected so far goes into them.
  void start_registers() {
    registers_.assign(DistinctPart::kRegisters, 0);
    for (const uint64_t value : hashes_) note(registers_.data(), value);
  }
  uint32_t at_;
  CollectedColumn values_;
  std::unordered_set<uint64_t> hashes_;
  std::vector<uint8_t> registers_;
};

// ---- quantile ----

uint32_t bucket_number(double value, uint32_t shift) {
  constexpr int kLowest = 46;
  const uint64_t bits = std::bit_cast<uint64_t>(value == 0 ? 0.0 : value);
  return static_cast<uint32_t>(bits >> (kLowest + shift)) + 1;
}
// The middle of a bucket.
double bucket_value(uint32_t number, uint32_t shift) {
  constexpr int kLowest = 46;
  constexpr uint64_t kSign = uint64_t{1} << 63;
  const uint64_t low = static_cast<uint64_t>(number - 1) << (kLowest + shift);
  if ((low & ~kSign) == 0) return 0;
  const double begin = std::bit_cast<double>(low);
  const double end = std::bit_cast<double>(low + (uint64_t{1} << (kLowest + shift)));
  return std::isfinite(end) ? begin + (end - begin) / 2 : begin;
}
void count_bucket(QuantilePart::Bucket& bucket, uint64_t count) {
  bucket.count = static_cast<uint32_t>(std::min<uint64_t>(bucket.count + count, UINT32_MAX));
}
QuantilePart::Bucket& find_bucket(Cells<QuantilePart::Bucket> table, uint32_t number) {
  uint32_t at = number & (table.size - 1);
  while (table.data[at].number != 0 && table.data[at].number != number) {
    at = (at + 1) & (table.size - 1);
  }
  return table.data[at];
}
uint32_t coarser(uint32_t number, uint32_t steps) { return ((number - 1) >> steps) + 1; }

class QuantileResult final : public CellResult {
 public:
  QuantileResult(uint32_t at, double fraction)
      : at_(at), fraction_(fraction), values_(FLOW_FLOAT64) {}
  void append(const KeyCells& key, CellMemory& memory) override {
    uint32_t shift = 0;
    for (const char* cell : key.cells) {
      shift = std::max(shift, part_at<QuantilePart::Words>(cell, at_).shift);
    }
    counts_.clear();
    uint64_t total = 0;
    for (const char* cell : key.cells) {
      const auto& words = part_at<QuantilePart::Words>(cell, at_);
      for (const auto& bucket : read_block<QuantilePart::Bucket>(words.block, key.hash, memory)) {
        if (bucket.number == 0) continue;
        counts_.push_back(
            {bucket_value(coarser(bucket.number, shift - words.shift), shift), bucket.count});
        total += bucket.count;
      }
    }
    if (total == 0) return values_.append_null();
    values_.append(std::bit_cast<uint64_t>(value_of(total)));
  }
  TypedColumn take(Host host) override { return values_.take(host); }

 private:
  struct Count {
    double value;
    uint32_t count;
  };
  // Sorts no more than it must: the half with the wanted value, again and again.
  double value_of(uint64_t total) {
    const double share = std::ceil(fraction_ * static_cast<double>(total));
    uint64_t wanted = std::clamp<uint64_t>(static_cast<uint64_t>(share), 1, total);
    auto begin = counts_.begin();
    auto end = counts_.end();
    while (end - begin > 1) {
      const auto middle = begin + (end - begin) / 2;
      std::nth_element(begin, middle, end,
                       [](const Count& a, const Count& b) { return a.value < b.value; });
      uint64_t below = 0;
      for (auto at = begin; at != middle; ++at) below += at->count;
      if (wanted <= below) {
        end = middle;
      } else {
        wanted -= below;
        begin = middle;
      }
    }
    return begin->value;
  }

  uint32_t at_;
  double fraction_;
  CollectedColumn values_;
  std::vector<Count> counts_;
};

// ---- first and last ----

class EdgeResult final : public CellResult {
 public:
  EdgeResult(uint32_t at, flow_type type, bool latest) : at_(at), latest_(latest), values_(type) {}
  void append(const KeyCells& key, CellMemory& memory) override {
    const EdgeWords* best = nullptr;
    for (const char* cell : key.cells) {
      const auto& words = part_at<EdgeWords>(cell, at_);
      if (words.has == 0) continue;
      if (best == nullptr || (latest_ ? words.time >= best->time : words.time < best->time)) {
        best = &words;
      }
    }
    if (best == nullptr) {
      values_.append_null();
    } else if (values_.is_text()) {
      values_.append_text(memory.load(key.hash, best->text));
    } else {
      values_.append(best->word);
    }
  }
  TypedColumn take(Host host) override { return values_.take(host); }

 private:
  uint32_t at_;
  bool latest_;
  CollectedColumn values_;
};

}  // namespace

std::unique_ptr<CellResult> make_distinct_result(uint32_t at) {
  return std::make_unique<DistinctResult>(at);
}
std::unique_ptr<CellResult> make_quantile_result(uint32_t at, double fraction) {
  return std::make_unique<QuantileResult>(at, fraction);
}
std::unique_ptr<CellResult> make_edge_result(uint32_t at, flow_type type, bool latest) {
  return std::make_unique<EdgeResult>(at, type, latest);
}

// ---- DistinctPart ----

void DistinctPart::bind(const Batch& in) {
  hashes_.assign(static_cast<size_t>(in.rows()), 0);
  host::hash_column(field().column(), hashes_);
}

void DistinctPart::insert(Words& words, uint64_t value, uint64_t hash, CellMemory& memory) {
  constexpr uint32_t kFirst = 8;
  constexpr uint32_t kWord = sizeof(uint64_t);
  value += value == 0 ? 1 : 0;
  if (words.registers != 0) {
    note(reinterpret_cast<uint8_t*>(memory.edit(hash, words.block)), value);
    return;
  }
  auto table = Cells<uint64_t>::edit(words.block, hash, memory);
  if (words.used * 4 >= table.size * 3) {
    if (table.size > 0 &&
        std::find(table.data, table.data + table.size, value) != table.data + table.size) {
      return;
    }
    const StoredBytes old = words.block;
    words.block = memory.allocate(hash, table.size == 0 ? kFirst * kWord : old.length * 2);
    const auto grown = Cells<uint64_t>::edit(words.block, hash, memory);
    for (const uint64_t known : read_block<uint64_t>(old, hash, memory)) {
      if (known != 0) put_hash(grown.data, grown.size, known);
    }
    memory.remove(hash, old);
    table = grown;
  }
  if (!put_hash(table.data, table.size, value)) return;
  if (++words.used <= kExact) return;
  const StoredBytes old = words.block;
  words.block = memory.allocate(hash, kRegisters);
  words.registers = 1;
  auto* registers = reinterpret_cast<uint8_t*>(memory.edit(hash, words.block));
  for (const uint64_t known : read_block<uint64_t>(old, hash, memory)) {
    if (known != 0) note(registers, known);
  }
  memory.remove(hash, old);
}

void DistinctPart::add(const CellRows& in, uint32_t at, CellMemory& memory) {
  for_values(in, [&](size_t i) {
    insert(part_at<Words>(in.cells[i], at), hashes_[static_cast<size_t>(in.rows[i])], in.hash(i),
           memory);
  });
}

void DistinctPart::release(char* part, uint64_t hash, CellMemory& memory) const {
  memory.remove(hash, part_at<Words>(part, 0).block);
}

// ---- QuantilePart ----

void QuantilePart::insert(Words& words, double value, uint64_t hash, CellMemory& memory) {
  constexpr uint32_t kFirst = 8;
  constexpr uint32_t kBucket = sizeof(Bucket);
  if (words.block.length == 0) words.block = memory.allocate(hash, kFirst * kBucket);
  auto table = Cells<Bucket>::edit(words.block, hash, memory);
  const uint32_t number = bucket_number(value, words.shift);
  Bucket& found = find_bucket(table, number);
  if (found.number == number) return count_bucket(found, 1);
  found = {number, 1};
  ++words.used;
  // Room for one more is left behind.
  while (words.used * 4 >= table.size * 3) {
    const StoredBytes old = words.block;
    const uint32_t steps = words.used >= kMost ? 1 : 0;
    words.block = memory.allocate(hash, steps != 0 ? old.length : old.length * 2);
    table = Cells<Bucket>::edit(words.block, hash, memory);
    words.shift += steps;
    words.used = 0;
    for (const Bucket& known : read_block<Bucket>(old, hash, memory)) {
      if (known.number == 0) continue;
      const uint32_t place = coarser(known.number, steps);
      Bucket& bucket = find_bucket(table, place);
      words.used += bucket.number == 0 ? 1 : 0;
      bucket.number = place;
      count_bucket(bucket, known.count);
    }
    memory.remove(hash, old);
  }
}

void QuantilePart::add(const CellRows& in, uint32_t at, CellMemory& memory) {
  if (field().type() == FLOW_FLOAT64) {
    const double* values = Float64View(field().column()).data();
    for_values(in, [&](size_t i) {
      insert(part_at<Words>(in.cells[i], at), values[in.rows[i]], in.hash(i), memory);
    });
  } else {
    const int64_t* values = Int64View(field().column()).data();
    for_values(in, [&](size_t i) {
      insert(part_at<Words>(in.cells[i], at), static_cast<double>(values[in.rows[i]]), in.hash(i),
             memory);
    });
  }
}

void QuantilePart::release(char* part, uint64_t hash, CellMemory& memory) const {
  memory.remove(hash, part_at<Words>(part, 0).block);
}

// ---- EdgePart ----

template <bool kLatest>
void EdgePart<kLatest>::add(const CellRows& in, uint32_t at, CellMemory& memory) {
  const bool text = reads_as_text(field().column().type);
  for_values(in, [&](size_t i) {
    auto& words = part_at<EdgeWords>(in.cells[i], at);
    const int32_t row = in.rows[i];
    const int64_t time = in.times[row];
    if (words.has != 0 && (kLatest ? time < words.time : time >= words.time)) return;
    words.time = time;
    words.has = 1;
    if (!text) {
      words.word = word_of(field().column(), row);
      return;
    }
    const std::string_view value = utf8_prefix(AnyTextView(field().column())[row], kLongestText);
    const uint64_t hash = in.hash(i);
    const auto room = [](size_t length) { return std::bit_ceil(std::max<size_t>(length, 16)); };
    if (words.text.length == 0 || value.empty() || room(words.text.length) != room(value.size())) {
      memory.remove(hash, words.text);
      words.text = {};
      if (!value.empty()) words.text = memory.allocate(hash, static_cast<uint32_t>(value.size()));
    }
    words.text.length = static_cast<uint32_t>(value.size());
    if (!value.empty()) std::memcpy(memory.edit(hash, words.text), value.data(), value.size());
  });
}

template <bool kLatest>
void EdgePart<kLatest>::release(char* part, uint64_t hash, CellMemory& memory) const {
  memory.remove(hash, part_at<EdgeWords>(part, 0).text);
}

template class EdgePart<false>;
template class EdgePart<true>;

}  // namespace flow::operators
