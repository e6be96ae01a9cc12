#include "core/state/manifest.hpp"

#include <fmt/core.h>

#include <utility>

#include "core/state/byte_order.hpp"

namespace flowrun {
namespace {

constexpr std::string_view kMagic = "FLOWCKPT";
constexpr std::uint32_t kFormat = 1;
constexpr std::size_t kHeaderBytes = 40;
constexpr std::size_t kPageBytes = 28;

void require(bool holds, const char* what) {
  if (!holds) throw ManifestError(what);
}

// The payload of a manifest with a whole header and the right checksums.
std::string_view checked_payload(std::string_view bytes) {
  if (bytes.size() < kHeaderBytes) {
    throw ManifestError(fmt::format("has {} bytes, fewer than a header", bytes.size()));
  }
  ByteReader header(bytes.substr(0, kHeaderBytes));
  require(header.take(kMagic.size()) == kMagic, "is no checkpoint of flowrun");
  const auto format = header.get<std::uint32_t>();
  header.get<std::uint32_t>();
  const auto length = header.get<std::uint64_t>();
  const auto payload_checksum = header.get<std::uint64_t>();
  require(header.get<std::uint64_t>() == checksum_of(bytes.substr(0, kHeaderBytes - 8)),
          "has a header that does not match its checksum");
  if (format != kFormat) {
    throw ManifestError(
        fmt::format("is of format {}, and this flowrun knows format {}", format, kFormat));
  }
  const std::string_view payload = bytes.substr(kHeaderBytes);
  if (payload.size() != length) {
    throw ManifestError(fmt::format("has {} of {} bytes", bytes.size(), length + kHeaderBytes));
  }
  require(checksum_of(payload) == payload_checksum, "has content that does not match its checksum");
  return payload;
}

// Entries of at least `least` bytes each that can follow.
std::uint32_t read_count(ByteReader& in, std::size_t least) {
  const auto count = in.get<std::uint32_t>();
  require(in.good() && count <= in.left() / least, "announces more entries than it has bytes");
  return count;
}

// Names ascend, so that the same content has the same bytes.
template <class Map>
std::string read_name(ByteReader& in, const Map& before) {
  std::string name(in.text());
  require(in.good(), "ends inside a name");
  require(before.empty() || before.rbegin()->first < name, "has names out of order");
  return name;
}

Manifest::Area read_area(ByteReader& in) {
  Manifest::Area area;
  area.group = in.get<std::uint32_t>();
  area.area = in.get<std::uint32_t>();
  require(area.group < FLOW_KEY_GROUPS, "names a key group that does not exist");
  area.pages.resize(read_count(in, kPageBytes));
  for (Manifest::Page& page : area.pages) {
    page.file = in.get<std::uint64_t>();
    page.offset = in.get<std::uint64_t>();
    page.checksum = in.get<std::uint64_t>();
    page.length = in.get<std::uint32_t>();
    require(page.length <= FLOW_PAGE_BYTES, "names a page that is too long");
  }
  return area;
}

Manifest::Tables read_tables(ByteReader& in) {
  Manifest::Tables tables;
  for (std::uint32_t left = read_count(in, 12); left > 0; --left) {
    std::string name = read_name(in, tables);
    Manifest::Table table;
    table.version = in.get<std::uint32_t>();
    table.areas.resize(read_count(in, 12));
    for (std::size_t i = 0; i < table.areas.size(); ++i) {
      table.areas[i] = read_area(in);
      if (i == 0) continue;
      const Manifest::Area& before = table.areas[i - 1];
      require(std::pair(before.group, before.area) <
                  std::pair(table.areas[i].group, table.areas[i].area),
              "has areas out of order");
    }
    tables.emplace_hint(tables.end(), std::move(name), std::move(table));
  }
  return tables;
}

}  // namespace

Manifest Manifest::from_bytes(std::string_view bytes) {
  ByteReader in(checked_payload(bytes));
  Manifest manifest;
  manifest.id = in.get<std::uint64_t>();
  manifest.time = in.get<std::int64_t>();
  for (std::uint32_t left = read_count(in, 8); left > 0; --left) {
    std::string name = read_name(in, manifest.parts);
    manifest.parts.emplace_hint(manifest.parts.end(), std::move(name), in.text());
  }
  for (std::uint32_t left = read_count(in, 8); left > 0; --left) {
    std::string name = read_name(in, manifest.components);
    manifest.components.emplace_hint(manifest.components.end(), std::move(name), read_tables(in));
  }
  require(in.good() && in.left() == 0, "does not end where it should");
  return manifest;
}

std::string Manifest::to_bytes() const {
  std::string payload;
  put(payload, id);
  put(payload, time);
  put(payload, static_cast<std::uint32_t>(parts.size()));
  for (const auto& [name, value] : parts) {
    put_text(payload, name);
    put_text(payload, value);
  }
  put(payload, static_cast<std::uint32_t>(components.size()));
  for (const auto& [component, tables] : components) {
    put_text(payload, component);
    put(payload, static_cast<std::uint32_t>(tables.size()));
    for (const auto& [name, table] : tables) {
      put_text(payload, name);
      put(payload, table.version);
      put(payload, static_cast<std::uint32_t>(table.areas.size()));
      for (const Area& area : table.areas) {
        put(payload, area.group);
        put(payload, area.area);
        put(payload, static_cast<std::uint32_t>(area.pages.size()));
        for (const Page& page : area.pages) {
          put(payload, page.file);
          put(payload, page.offset);
          put(payload, page.checksum);
          put(payload, page.length);
        }
      }
    }
  }
  std::string bytes(kMagic);
  put(bytes, kFormat);
  put(bytes, std::uint32_t{0});
  put(bytes, static_cast<std::uint64_t>(payload.size()));
  put(bytes, checksum_of(payload));
  put(bytes, checksum_of(bytes));
  return bytes += payload;
}

}  // namespace flowrun
