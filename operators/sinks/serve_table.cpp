#include "operators/sinks/serve_table.hpp"

#include <algorithm>
#include <utility>

namespace flow::operators {
namespace {

// Part of the state, so the same for ever and everywhere: FNV-1a, with all bits mixed into the
// topmost, which choose the key group.
uint64_t hash_of(std::string_view key) {
  uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : key) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  hash ^= hash >> 32;
  hash *= 0xd6e8feb86659fd93U;
  return hash ^ hash >> 32;
}

}  // namespace

ServeTable::ServeTable(Host host, int64_t most_rows, int64_t most_bytes)
    : most_rows_(most_rows), most_bytes_(most_bytes), table_(host, "rows", 1) {
  rebuild();
}

// Touches every key group, so that readers find them without the host.
void ServeTable::rebuild() {
  std::vector<std::pair<uint64_t, Place>> known;
  for (uint32_t group = 0; group < FLOW_KEY_GROUPS; ++group) {
    table_.for_each_slot(group, [&](uint32_t slot, uint64_t, std::string_view key) {
      const Served& served = table_.record_at(group, slot);
      known.emplace_back(served.stamp, Place::of(group, slot));
      bytes_ += weight(key.size(), served.row.length);
    });
  }
  std::sort(known.begin(), known.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [stamp, place] : known) join(place);
  rows_ = static_cast<int64_t>(known.size());
  if (!known.empty()) stamp_ = known.back().first;
}

ServeTable::Link& ServeTable::link(Place place) {
  std::vector<Link>& links = links_[place.group()];
  if (links.size() <= place.slot()) links.resize(place.slot() + 1);
  return links[place.slot()];
}

void ServeTable::join(Place place) {
  link(place) = {Place(), newest_};
  if (newest_) link(newest_).newer = place;
  newest_ = place;
  if (!oldest_) oldest_ = place;
}

void ServeTable::leave(Place place) {
  const Link gone = link(place);
  (gone.newer ? link(gone.newer).older : newest_) = gone.older;
  (gone.older ? link(gone.older).newer : oldest_) = gone.newer;
}

void ServeTable::drop(Place place) {
  const uint64_t hash = table_.hash_at(place.group(), place.slot());
  const std::string key(table_.key_at(place.group(), place.slot()));
  const StoredBytes row = table_.record_at(place.group(), place.slot()).row;
  leave(place);
  table_.remove(hash, row);
  table_.erase(hash, key);
  bytes_ -= weight(key.size(), row.length);
  --rows_;
}

void ServeTable::evict() {
  drop(oldest_);
  ++evicted_;
}

void ServeTable::erase(std::string_view key) {
  const std::lock_guard lock(mutex_);
  const uint64_t hash = hash_of(key);
  if (table_.find(hash, key) == nullptr) return;
  drop(Place::of(static_cast<uint32_t>(hash >> 57), table_.insert_slot(hash, key)));
}

bool ServeTable::put(std::string_view key, std::string_view row) {
  const std::lock_guard lock(mutex_);
  const uint64_t hash = hash_of(key);
  // Not the key's own row: that one goes when the new one is kept.
  if (const uint32_t slot = table_.find(hash, key) != nullptr ? table_.insert_slot(hash, key) : 0;
      slot != 0) {
    const Place place = Place::of(static_cast<uint32_t>(hash >> 57), slot);
    leave(place);
    join(place);
  }
  while (!keep(hash, key, row)) {
    const bool is_own = rows_ == 1 && table_.find(hash, key) != nullptr;
    if (rows_ == 0 || is_own) return false;
    evict();
  }
  while ((rows_ > most_rows_ || bytes_ > most_bytes_) && rows_ > 1) evict();
  return true;
}

// False: the state has no room.
bool ServeTable::keep(uint64_t hash, std::string_view key, std::string_view row) {
  const auto stored = table_.store(hash, row);
  if (!stored) return false;
  const Served* known = table_.find(hash, key);
  const bool is_new = known == nullptr;
  const uint32_t slot = table_.insert_slot(hash, key);
  if (slot == 0) {
    table_.remove(hash, *stored);
    return false;
  }
  const Place place = Place::of(static_cast<uint32_t>(hash >> 57), slot);
  Served& served = table_.modify_at(place.group(), slot);
  if (is_new) {
    join(place);
    ++rows_;
    bytes_ += weight(key.size(), row.size());
  } else {
    bytes_ += static_cast<int64_t>(row.size()) - static_cast<int64_t>(served.row.length);
    table_.remove(hash, served.row);
  }
  served = {*stored, ++stamp_};
  return true;
}

std::optional<std::string> ServeTable::find(std::string_view key) {
  const uint64_t hash = hash_of(key);
  const std::lock_guard lock(mutex_);
  if (is_closed_) return std::nullopt;
  const Served* served = table_.find(hash, key);
  if (served == nullptr) return std::nullopt;
  return std::string(table_.load(hash, served->row));
}

void ServeTable::append_newest(int64_t most_rows, size_t most_bytes, std::string& out) {
  const std::lock_guard lock(mutex_);
  if (is_closed_) return;
  const size_t begin = out.size();
  for (Place at = newest_; at && most_rows-- > 0; at = link(at).older) {
    const Served& served = table_.record_at(at.group(), at.slot());
    if (out.size() - begin + served.row.length > most_bytes && out.size() > begin) return;
    if (out.size() > begin) out += ',';
    out.append(table_.load(table_.hash_at(at.group(), at.slot()), served.row));
  }
}

void ServeTable::close() {
  const std::lock_guard lock(mutex_);
  is_closed_ = true;
}

bool ServeTable::is_closed() {
  const std::lock_guard lock(mutex_);
  return is_closed_;
}

int64_t ServeTable::rows() {
  const std::lock_guard lock(mutex_);
  return rows_;
}

int64_t ServeTable::bytes() {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

int64_t ServeTable::evicted() {
  const std::lock_guard lock(mutex_);
  return evicted_;
}

}  // namespace flow::operators
