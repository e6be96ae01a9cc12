#include "operators/transforms/geoip_index.hpp"

#include <algorithm>
#include <bit>

namespace flow::operators {
namespace {

constexpr size_t kMaximumLeaves = 63;

}  // namespace

size_t GeoIndex::PlacesHash::operator()(const Places& places) const {
  uint64_t hash = 0;
  for (const uint32_t place : places) hash = (hash ^ place) * 0x9e3779b97f4a7c15U;
  return static_cast<size_t>(hash ^ hash >> 32);
}

GeoIndex::GeoIndex(GeoDatabases databases, GeoFields fields, GeoDictionaries& dictionaries,
                   size_t addresses)
    : databases_(std::move(databases)),
      fields_(std::move(fields)),
      paths_(fields_.paths()),
      dictionaries_(dictionaries),
      stride_(fields_.leaves.size() + 1),
      slot_mask_(std::bit_ceil(std::max<size_t>(addresses * 2, 64)) - 1),
      slot_shift_(static_cast<unsigned>(std::countl_zero(uint64_t{slot_mask_}))),
      slots_(slot_mask_ + 1),
      chunks_(kMaximumChunks) {
  if (databases_.size() > kMaximumDatabases) {
    throw Failure("database: there are " + std::to_string(databases_.size()) +
                  ", but there is room for " + std::to_string(kMaximumDatabases));
  }
  if (fields_.leaves.size() > kMaximumLeaves) {
    throw Failure("fields: there are " + std::to_string(fields_.leaves.size()) +
                  " values, but there is room for " + std::to_string(kMaximumLeaves));
  }
  if (databases_.size() == 1) known_places_ = std::make_unique<HugeArray<Slot>>(kKnownPlaces);
  chunks_[0] = new uint64_t[kRecordsInChunk * stride_]();
  record_count_ = 1;  // kUnknown
}

GeoIndex::~GeoIndex() {
  for (auto& chunk : chunks_) delete[] chunk.load();
}

void GeoIndex::remember(uint32_t ipv4, uint32_t record) {
  const size_t at = home(ipv4);
  Slot* place = &slots_[at];
  for (size_t probe = 0; probe < kProbes; ++probe) {
    Slot& slot = slots_[(at + probe) & slot_mask_];
    const uint64_t held = slot.load(std::memory_order_relaxed);
    if (held == 0 || held >> 32 == ipv4) {
      place = &slot;
      break;
    }
  }
  place->store(uint64_t{ipv4} << 32 | (uint64_t{record} + 1), std::memory_order_release);
}

int64_t GeoIndex::look_up(Host host, const uint32_t* ipv4, uint32_t* records, size_t n) {
  std::array<Places, MmdbReader::kGroup> places;
  std::array<uint32_t, MmdbReader::kGroup> found;
  for (Places& of_address : places) of_address.fill(MmdbReader::kNone);
  for (size_t i = 0; i < databases_.size(); ++i) {
    databases_[i]->find(ipv4, found.data(), n);
    for (size_t k = 0; k < n; ++k) places[k][i] = found[k];
    if (known_places_) {
      for (size_t k = 0; k < n; ++k) __builtin_prefetch(&known_place(found[k]));
    }
  }
  int64_t damaged = 0;
  for (size_t k = 0; k < n; ++k) {
    records[k] = record_at(host, places[k], damaged);
    remember(ipv4[k], records[k]);
  }
  return damaged;
}

int64_t GeoIndex::look_up(Host host, const Ipv6Address& address, uint32_t& record) {
  Places places;
  places.fill(MmdbReader::kNone);
  for (size_t i = 0; i < databases_.size(); ++i) places[i] = databases_[i]->find(address);
  int64_t damaged = 0;
  record = record_at(host, places, damaged);
  return damaged;
}

uint32_t GeoIndex::record_at(Host host, const Places& places, int64_t& damaged) {
  bool known = false;
  for (const uint32_t place : places) known |= place != MmdbReader::kNone;
  if (!known) return kUnknown;
  if (!known_places_) return read_record(host, places, damaged);
  Slot& slot = known_place(places[0]);
  const uint64_t held = slot.load(std::memory_order_acquire);
  if (held != 0 && held >> 32 == places[0]) return static_cast<uint32_t>(held) - 1;
  const uint32_t record = read_record(host, places, damaged);
  slot.store(uint64_t{places[0]} << 32 | (uint64_t{record} + 1), std::memory_order_release);
  return record;
}

// Reads first and asks afterwards whether the record was known: a record is mostly met again by its
// addresses, without coming here, and a look would cost every new one a second turn at the lock.
uint32_t GeoIndex::read_record(Host host, const Places& places, int64_t& damaged) {
  std::vector<MmdbValue> values(fields_.leaves.size());
  if (!read(places, values)) ++damaged;
  return add_record(host, places, values);
}

// For each leaf the first database that has it. False: some record is damaged.
bool GeoIndex::read(const Places& places, std::vector<MmdbValue>& values) const {
  bool good = true;
  std::vector<MmdbValue> own(values.size());
  for (size_t i = 0; i < databases_.size(); ++i) {
    if (places[i] == MmdbReader::kNone) continue;
    if (places[i] == MmdbReader::kCorrupt || !databases_[i]->read(places[i], paths_, own.data())) {
      good = false;
      continue;
    }
    for (size_t leaf = 0; leaf < values.size(); ++leaf) {
      if (values[leaf].kind == MmdbValue::Kind::kNone) values[leaf] = own[leaf];
    }
  }
  return good;
}

uint32_t GeoIndex::add_record(Host host, const Places& places,
                              const std::vector<MmdbValue>& values) {
  std::vector<uint64_t> cells(stride_);
  std::vector<size_t> without_code;
  for (size_t leaf = 0; leaf < values.size(); ++leaf) {
    const MmdbValue& value = values[leaf];
    uint64_t& cell = cells[leaf + 1];
    bool present = false;
    switch (fields_.leaves[leaf].type) {
      case FLOW_TEXT:
        present = value.kind == MmdbValue::Kind::kText && !value.text.empty();
        if (present) {
          const int32_t code = dictionaries_[leaf]->intern(host, value.text);
          if (code == SharedDictionary::kNone) without_code.push_back(leaf);
          cell = static_cast<uint32_t>(code);
        }
        break;
      case FLOW_INT64:
        present = value.kind == MmdbValue::Kind::kInteger;
        cell = static_cast<uint64_t>(value.integer);
        break;
      case FLOW_BOOL:
        present = value.kind == MmdbValue::Kind::kBoolean;
        cell = static_cast<uint64_t>(value.integer);
        break;
      default: {
        const bool integer = value.kind == MmdbValue::Kind::kInteger;
        present = integer || value.kind == MmdbValue::Kind::kNumber;
        cell = std::bit_cast<uint64_t>(integer ? static_cast<double>(value.integer) : value.number);
      }
    }
    if (present) cells[0] |= uint64_t{1} << leaf;
  }
  if (cells[0] == 0) {
    const std::lock_guard lock(mutex_);
    records_.emplace(places, kUnknown);
    return kUnknown;
  }

  const std::lock_guard lock(mutex_);
  const auto [at, fresh] = records_.try_emplace(places, record_count_);
  if (!fresh) return at->second;
  const size_t chunk = record_count_ / kRecordsInChunk;
  if (chunk == kMaximumChunks) {
    records_.erase(at);
    return kUnknown;
  }
  uint64_t* memory = chunks_[chunk].load(std::memory_order_relaxed);
  if (memory == nullptr) {
    memory = new uint64_t[kRecordsInChunk * stride_];
    chunks_[chunk].store(memory, std::memory_order_release);
  }
  std::copy(cells.begin(), cells.end(), memory + record_count_ % kRecordsInChunk * stride_);
  for (const size_t leaf : without_code) {
    texts_.emplace(uint64_t{record_count_} << 6 | leaf, values[leaf].text);
  }
  return record_count_++;
}

std::string_view GeoIndex::text(uint32_t record, size_t leaf) const {
  const std::lock_guard lock(mutex_);
  const auto found = texts_.find(uint64_t{record} << 6 | leaf);
  return found != texts_.end() ? found->second : std::string_view();
}

}  // namespace flow::operators
