#include "core/graph/timers.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "flow/host/key_hash.hpp"

namespace flowrun {
namespace {

// Of save(): time, hash, kind and length stand before the key.
constexpr std::uint64_t kSavedHead = 21;

template <class T>
void put(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

template <class T>
T take(std::string_view& bytes) {
  if (bytes.size() < sizeof(T)) throw std::runtime_error("saved timers are cut off");
  T value;
  std::memcpy(&value, bytes.data(), sizeof value);
  bytes.remove_prefix(sizeof value);
  return value;
}

}  // namespace

Timers::~Timers() {
  for (std::uint32_t i = 0; i < taken_; ++i) {
    if (at(i).kind != kFree && at(i).length > kInline) delete[] at(i).longer;
  }
  account_.release(charged_);
}

void Timers::charge() {
  std::int64_t bytes = longer_bytes_;
  bytes += static_cast<std::int64_t>(chunks_.size() * kChunk * sizeof(Entry));
  bytes += static_cast<std::int64_t>((table_.capacity() + free_.capacity()) * sizeof(table_[0]));
  for (const auto& heap : heaps_) {
    bytes += static_cast<std::int64_t>(heap.capacity() * sizeof(Pending));
  }
  if (bytes > charged_) {
    account_.charge(bytes - charged_);
  } else {
    account_.release(charged_ - bytes);
  }
  charged_ = bytes;
}

std::uint64_t Timers::place_of(std::uint8_t kind, std::int64_t time, std::uint64_t hash) {
  std::uint64_t mixed = hash ^ (static_cast<std::uint64_t>(time) + kind) * 0x9e3779b97f4a7c15;
  mixed ^= mixed >> 32;
  return mixed * 0xd6e8feb86659fd93 >> 16;
}

std::uint64_t Timers::place_of(std::uint32_t index) const {
  const Entry& entry = at(index);
  return place_of(entry.kind, entry.time, entry.hash);
}

std::uint32_t Timers::take_entry() {
  if (!free_.empty()) {
    const std::uint32_t index = free_.back();
    free_.pop_back();
    return index;
  }
  if (taken_ == chunks_.size() * kChunk) {
    chunks_.push_back(std::make_unique<Entry[]>(kChunk));
    charge();
  }
  return taken_++;
}

void Timers::grow_table() {
  std::vector<std::uint32_t> larger(std::max<std::size_t>(64, table_.size() * 2), 0);
  const std::uint64_t mask = larger.size() - 1;
  for (const std::uint32_t known : table_) {
    if (known == 0) continue;
    std::uint64_t place = place_of(known - 1) & mask;
    while (larger[place] != 0) place = (place + 1) & mask;
    larger[place] = known;
  }
  table_.swap(larger);
  charge();
}

void Timers::set(flow_time kind, std::int64_t nanoseconds, const flow_key* key) {
  const std::uint64_t hash = key != nullptr ? key->hash : 0;
  const std::string_view bytes =
      key != nullptr ? std::string_view(static_cast<const char*>(key->bytes), key->length)
                     : std::string_view();
  const auto number = static_cast<std::uint8_t>(kind);
  // Three quarters full at most; what fires is still in the table.
  if ((size_ + 1) * 4 > table_.size() * 3) grow_table();
  const std::uint64_t mask = table_.size() - 1;
  std::uint64_t place = place_of(number, nanoseconds, hash) & mask;
  for (; table_[place] != 0; place = (place + 1) & mask) {
    const Entry& known = at(table_[place] - 1);
    if (known.time == nanoseconds && known.hash == hash && known.kind == number &&
        known.key() == bytes) {
      return;
    }
  }
  std::uint8_t round = 0;
  if (ending_ && firing()) {
    round = static_cast<std::uint8_t>(round_behind(hash, bytes) + 1);
    if (round > kMostRounds) {
      ++discarded_;
      return;
    }
  }
  const std::uint32_t index = take_entry();
  table_[place] = index + 1;
  Entry& entry = at(index);
  entry.time = nanoseconds;
  entry.hash = hash;
  entry.length = static_cast<std::uint32_t>(bytes.size());
  entry.kind = number;
  entry.round = round;
  char* to = entry.bytes;
  if (bytes.size() > kInline) {
    to = entry.longer = new char[bytes.size()];
    longer_bytes_ += entry.length;
  }
  if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
  saved_bytes_[flow::host::key_group(hash)] += kSavedHead + bytes.size();
  std::vector<Pending>& heap = heaps_[number];
  const bool grows = heap.size() == heap.capacity();
  heap.push_back({nanoseconds, index});
  std::push_heap(heap.begin(), heap.end(), Later());
  ++size_;
  if (grows || bytes.size() > kInline) charge();
}

// The round of the timer of this key that fires now; of another key's, the latest of all that do.
std::uint8_t Timers::round_behind(std::uint64_t hash, std::string_view key) const {
  auto same = std::lower_bound(
      firing_.begin(), firing_.end(), key,
      [this](std::uint32_t index, std::string_view bytes) { return at(index).key() < bytes; });
  for (; same != firing_.end() && at(*same).key() == key; ++same) {
    if (at(*same).hash == hash) return at(*same).round;
  }
  return round_;
}

std::int64_t Timers::next(flow_time kind) const {
  const std::vector<Pending>& heap = heaps_[static_cast<std::size_t>(kind)];
  return heap.empty() ? INT64_MAX : heap.front().time;
}

bool Timers::begin(flow_time kind, std::int64_t until) {
  if (firing()) return true;
  if (same_time_.empty()) {
    std::vector<Pending>& heap = heaps_[static_cast<std::size_t>(kind)];
    if (heap.empty() || heap.front().time > until) return false;
    due_.nanoseconds = heap.front().time;
    while (!heap.empty() && heap.front().time == due_.nanoseconds) {
      same_time_.push_back(heap.front().index);
      std::pop_heap(heap.begin(), heap.end(), Later());
      heap.pop_back();
    }
    std::sort(same_time_.begin(), same_time_.end(),
              [this](std::uint32_t a, std::uint32_t b) { return at(a).key() > at(b).key(); });
  }
  const std::size_t n = std::min(kMostKeys, same_time_.size());
  round_ = 0;
  key_of_.clear();
  key_of_.reserve(n);
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint32_t index = same_time_.back();
    same_time_.pop_back();
    firing_.push_back(index);
    const Entry& entry = at(index);
    round_ = std::max(round_, entry.round);
    key_of_.push_back({.size = sizeof(flow_key),
                       .length = entry.length,
                       .hash = entry.hash,
                       .bytes = entry.key().data()});
    keys_.push_back(&key_of_.back());
  }
  due_.keys = keys_;
  return true;
}

void Timers::done() {
  keys_.clear();
  for (const std::uint32_t index : firing_) forget(index);
  firing_.clear();
}

void Timers::forget(std::uint32_t index) {
  const std::uint64_t mask = table_.size() - 1;
  std::uint64_t place = place_of(index) & mask;
  while (table_[place] != index + 1) place = (place + 1) & mask;
  // What stands behind and belongs before moves up, so that no search ends too early.
  std::uint64_t hole = place;
  for (std::uint64_t i = (hole + 1) & mask; table_[i] != 0; i = (i + 1) & mask) {
    const std::uint64_t home = place_of(table_[i] - 1) & mask;
    if (((i - home) & mask) >= ((i - hole) & mask)) {
      table_[hole] = table_[i];
      hole = i;
    }
  }
  table_[hole] = 0;
  Entry& entry = at(index);
  saved_bytes_[flow::host::key_group(entry.hash)] -= kSavedHead + entry.length;
  if (entry.length > kInline) {
    delete[] entry.longer;
    longer_bytes_ -= entry.length;
  }
  entry.kind = kFree;
  free_.push_back(index);
  --size_;
}

std::array<std::string, FLOW_KEY_GROUPS> Timers::save() const {
  std::array<std::string, FLOW_KEY_GROUPS> groups;
  for (std::size_t group = 0; group < groups.size(); ++group) {
    groups[group].reserve(saved_bytes_[group]);
  }
  for (std::uint32_t i = 0; i < taken_; ++i) {
    const Entry& entry = at(i);
    if (entry.kind == kFree) continue;
    std::string& bytes = groups[flow::host::key_group(entry.hash)];
    put(bytes, entry.time);
    put(bytes, entry.hash);
    put(bytes, entry.kind);
    put(bytes, entry.length);
    bytes.append(entry.key());
  }
  return groups;
}

void Timers::load(std::string_view group) {
  while (!group.empty()) {
    const auto time = take<std::int64_t>(group);
    const auto hash = take<std::uint64_t>(group);
    const auto kind = take<std::uint8_t>(group);
    const auto length = take<std::uint32_t>(group);
    if (length > group.size()) throw std::runtime_error("saved timers are cut off");
    if (kind >= heaps_.size()) throw std::runtime_error("saved timers are of an unknown kind");
    const flow_key key{
        .size = sizeof(flow_key), .length = length, .hash = hash, .bytes = group.data()};
    set(kind, time, &key);
    group.remove_prefix(length);
  }
}

}  // namespace flowrun
