#include "bench/weblogs_yardstick/geo_table.hpp"

#include <arpa/inet.h>
#include <emmintrin.h>
#include <maxminddb.h>
#include <sys/mman.h>

#include <array>
#include <atomic>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <vector>

#include "operators/common/address.hpp"

namespace yardstick {

namespace {

constexpr std::size_t kTextCapacity = std::size_t{1} << 30;  // address space, not memory
constexpr std::uint32_t kSlotBits = 20;                      // 8 MiB
constexpr std::size_t kProbes = 8;

void append_text(std::string& json, std::string_view key, const MMDB_entry_data_s& value) {
  if (!value.has_data || value.type != MMDB_DATA_TYPE_UTF8_STRING || value.data_size == 0) return;
  const std::string text(value.utf8_string, value.data_size);
  std::string escaped(text.size() * kMaximumExpansion + kSlack, '\0');
  std::string padded = text + std::string(kSlack, '\0');
  const char* end = escape(escaped.data(), {padded.data(), text.size()});
  escaped.resize(static_cast<std::size_t>(end - escaped.data()));
  json.append(",\"").append(key).append("\":\"").append(escaped).append("\"");
}

bool is_number(const MMDB_entry_data_s& value) {
  return value.has_data &&
         (value.type == MMDB_DATA_TYPE_DOUBLE || value.type == MMDB_DATA_TYPE_FLOAT);
}

// The shortest digits that stand for the number in its own width: a float is 50.7221, where the
// double of the same value is 50.72209930419922.
void append_number(std::string& json, std::string_view key, const MMDB_entry_data_s& value) {
  std::array<char, 64> digits{};
  char* const limit = digits.data() + digits.size();
  const auto [end, error] = value.type == MMDB_DATA_TYPE_FLOAT
                                ? std::to_chars(digits.data(), limit, value.float_value)
                                : std::to_chars(digits.data(), limit, value.double_value);
  if (json.back() != '{') json += ',';
  json.append("\"").append(key).append("\":");
  json.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
}

}  // namespace

/// A hash table with linear probing whose slots are (address << 32 | text id + 1), 0 when free.
struct GeoTable::Slots {
  using Slot = std::atomic<std::uint64_t>;

  Slots() {
    constexpr std::size_t kBytes = (std::size_t{1} << kSlotBits) * sizeof(Slot);
    constexpr std::size_t kHugePage = std::size_t{2} << 20;
    slots = static_cast<Slot*>(std::aligned_alloc(kHugePage, kBytes));
    if (slots == nullptr) throw std::bad_alloc();
    madvise(slots, kBytes, MADV_HUGEPAGE);
    std::memset(static_cast<void*>(slots), 0, kBytes);
  }
  ~Slots() { std::free(slots); }
  Slots(const Slots&) = delete;
  Slots& operator=(const Slots&) = delete;

  static std::size_t home(std::uint32_t ipv4) {
    return (ipv4 * std::uint64_t{0x9E3779B97F4A7C15}) >> (64 - kSlotBits);
  }
  Slot& at(std::size_t place) const { return slots[place & ((std::size_t{1} << kSlotBits) - 1)]; }

  Slot* slots = nullptr;
};

GeoTable::GeoTable(const std::string& path, Shape shape)
    : shape_(shape),
      database_(std::make_unique<MMDB_s>()),
      slots_(std::make_unique<Slots>()),
      texts_(kTextCapacity) {
  const int status = MMDB_open(path.c_str(), MMDB_MODE_MMAP, database_.get());
  if (status != MMDB_SUCCESS) {
    throw std::runtime_error(path + ": " + MMDB_strerror(status));
  }
  if (database_->metadata.ip_version == 6) {
    // 0.0.0.0/0 is ::/96. A tree may end above it, then libmaxminddb says at which depth.
    ipv4_root_ = database_->ipv4_start_node.node_value;
    if (database_->ipv4_start_node.netmask == 0) {
      MMDB_search_node_s node{};
      for (int depth = 0; depth < 96 && ipv4_root_ < database_->metadata.node_count; ++depth) {
        MMDB_read_node(database_.get(), ipv4_root_, &node);
        ipv4_root_ = static_cast<std::uint32_t>(node.left_record);
      }
    }
  }
  records_.reserve(std::size_t{1} << 17);
}

GeoTable::~GeoTable() { MMDB_close(database_.get()); }

std::optional<std::uint32_t> GeoTable::parse_ipv4(std::string_view host) {
  if (host.size() < 7 || host.size() > 15) return std::nullopt;
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(host.data()));
  auto dots =
      static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('.'))));
  dots = (dots & ((1u << host.size()) - 1)) | 1u << host.size();
  if (__builtin_popcount(dots) != 4) return std::nullopt;

  // Without branches on the lengths, which nobody could predict: the digits of a number are moved
  // to the upper end of a word of four bytes, zeros below them.
  constexpr std::array<std::uint32_t, 4> kLeast = {0, 0, 10, 100};
  std::uint32_t address = 0;
  std::uint32_t faults = 0;
  std::uint32_t begin = 0;
  for (int part = 0; part < 4; ++part) {
    const auto end = static_cast<std::uint32_t>(__builtin_ctz(dots));
    dots &= dots - 1;
    const std::uint32_t length = end - begin;
    if (length - 1 > 2) return std::nullopt;
    std::uint32_t digits = 0;
    std::memcpy(&digits, host.data() + begin, sizeof digits);
    const std::uint32_t shift = 32 - 8 * length;
    digits = (digits ^ 0x30303030u) << shift;
    faults |= ((digits & 0x7F7F7F7Fu) + 0x76767676u) & 0x80808080u;
    faults |= digits & 0x80808080u;
    const std::uint32_t value =
        (digits >> 8 & 255) * 100 + (digits >> 16 & 255) * 10 + (digits >> 24);
    faults |= static_cast<std::uint32_t>(value > 255) |
              static_cast<std::uint32_t>(value < kLeast[length]);
    address = address << 8 | (value & 255);
    begin = end + 1;
  }
  if (faults != 0) return std::nullopt;
  return address;
}

void GeoTable::prefetch(std::uint32_t ipv4) const {
  __builtin_prefetch(&slots_->at(Slots::home(ipv4)));
}

std::optional<std::uint32_t> GeoTable::find(std::uint32_t ipv4) const {
  const std::size_t home = Slots::home(ipv4);
  for (std::size_t probe = 0; probe < kProbes; ++probe) {
    const std::uint64_t slot = slots_->at(home + probe).load(std::memory_order_acquire);
    if (slot == 0) return std::nullopt;
    if (slot >> 32 == ipv4) return static_cast<std::uint32_t>(slot) - 1;
  }
  return std::nullopt;
}

void GeoTable::insert(std::uint32_t ipv4, std::uint32_t id) {
  const std::size_t home = Slots::home(ipv4);
  std::size_t place = home;
  for (std::size_t probe = 0; probe < kProbes; ++probe) {
    const std::uint64_t slot = slots_->at(home + probe).load(std::memory_order_relaxed);
    if (slot == 0 || slot >> 32 == ipv4) {
      place = home + probe;
      break;
    }
  }
  slots_->at(place).store(std::uint64_t{ipv4} << 32 | (id + 1), std::memory_order_release);
}

void GeoTable::look_up(const std::uint32_t* ipv4, std::uint32_t* ids, std::size_t count) {
  const MMDB_s& database = *database_;
  const std::uint32_t nodes = database.metadata.node_count;
  const std::size_t node_size = database.full_record_byte_size;
  std::array<std::uint32_t, kBatch> at{};
  std::array<std::uint8_t, kBatch> walking{};
  std::size_t left = 0;
  for (std::size_t i = 0; i < count; ++i) {
    at[i] = ipv4_root_;
    if (ipv4_root_ < nodes) walking[left++] = static_cast<std::uint8_t>(i);
  }
  for (int bit = 31; bit >= 0 && left > 0; --bit) {
    std::size_t still = 0;
    for (std::size_t k = 0; k < left; ++k) {
      const std::uint8_t i = walking[k];
      MMDB_search_node_s node;
      MMDB_read_node(&database, at[i], &node);
      const std::uint64_t next = (ipv4[i] >> bit & 1) != 0 ? node.right_record : node.left_record;
      at[i] = static_cast<std::uint32_t>(next);
      if (next < nodes) {
        __builtin_prefetch(database.file_content + next * node_size);
        walking[still++] = i;
      } else if (next > nodes) {
        __builtin_prefetch(database.data_section + (next - nodes - 16));
      }
    }
    left = still;
  }
  for (std::size_t i = 0; i < count; ++i) {
    ids[i] = at[i] > nodes ? text_of_record(at[i] - nodes - 16) : TextArena::kEmpty;
    insert(ipv4[i], ids[i]);
  }
}

std::uint32_t GeoTable::look_up(std::string_view host) {
  const auto ipv6 = flow::operators::parse_ipv6(host);
  if (!ipv6) return TextArena::kEmpty;
  if (const auto ipv4 = flow::operators::mapped_ipv4(*ipv6)) {
    std::uint32_t id = TextArena::kEmpty;
    look_up(&*ipv4, &id, 1);
    return id;
  }
  if (database_->metadata.ip_version != 6) return TextArena::kEmpty;
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  std::memcpy(&address.sin6_addr, ipv6->data(), ipv6->size());
  int error = MMDB_SUCCESS;
  const MMDB_lookup_result_s found =
      MMDB_lookup_sockaddr(database_.get(), reinterpret_cast<const sockaddr*>(&address), &error);
  if (error != MMDB_SUCCESS || !found.found_entry) return TextArena::kEmpty;
  return text_of_record(found.entry.offset);
}

std::uint32_t GeoTable::text_of_record(std::uint32_t offset) {
  {
    const std::lock_guard lock(records_lock_);
    const auto known = records_.find(offset);
    if (known != records_.end()) return known->second;
  }
  const MMDB_entry_s entry{database_.get(), offset};
  const std::string text = encode(entry);
  const std::lock_guard lock(records_lock_);
  const auto [place, fresh] = records_.try_emplace(offset, TextArena::kEmpty);
  if (fresh && !text.empty()) place->second = texts_.add(text);
  return place->second;
}

std::string GeoTable::encode(const MMDB_entry_s& entry) const {
  const auto value = [&entry](std::initializer_list<const char*> path) {
    std::vector<const char*> keys(path);
    keys.push_back(nullptr);
    MMDB_entry_s start = entry;
    MMDB_entry_data_s data{};
    if (MMDB_aget_value(&start, &data, keys.data()) != MMDB_SUCCESS) data.has_data = false;
    return data;
  };
  const bool flat = shape_ == Shape::kFlat;
  std::string json;
  append_text(json, "city", flat ? value({"city"}) : value({"city", "names", "en"}));
  append_text(json, "country", flat ? value({"country_code"}) : value({"country", "names", "en"}));
  const auto latitude = flat ? value({"latitude"}) : value({"location", "latitude"});
  const auto longitude = flat ? value({"longitude"}) : value({"location", "longitude"});
  if (is_number(latitude) || is_number(longitude)) {
    json += ",\"location\":{";
    if (is_number(latitude)) append_number(json, "lat", latitude);
    if (is_number(longitude)) append_number(json, "lon", longitude);
    json += '}';
  }
  return json;
}

}  // namespace yardstick
