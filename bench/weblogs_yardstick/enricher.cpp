#include "bench/weblogs_yardstick/enricher.hpp"

#include <x86intrin.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "bench/weblogs_yardstick/json_text.hpp"
#include "bench/weblogs_yardstick/line_index.hpp"
#include "operators/common/page_path.hpp"

namespace yardstick {

namespace {

/// A page name whose memory may be read in whole blocks: that of "home" is not in the line.
std::string_view padded(std::string_view page) {
  static constexpr char kHome[4 + kSlack] = "home";
  return page == "home" ? std::string_view(kHome, 4) : page;
}

}  // namespace

void Buffer::reserve(std::size_t size, std::size_t keep) {
  if (size <= capacity_) return;
  const std::size_t capacity = std::max(size, capacity_ + capacity_ / 2);
  auto bytes = std::make_unique_for_overwrite<char[]>(capacity + kSlack);
  if (keep != 0) std::memcpy(bytes.get(), bytes_.get(), keep);
  bytes_ = std::move(bytes);
  capacity_ = capacity;
}

void Enricher::process(Chunk& chunk) {
  std::uint64_t then = __rdtsc();
  const auto lap = [this, &then](Laps::Step step) {
    const std::uint64_t now = __rdtsc();
    laps_.ticks[step] += now - then;
    then = now;
  };
  chunk.output_size = 0;
  chunk.rejected.clear();
  chunk.rows = 0;
  chunk.rejected_rows = 0;

  std::memset(chunk.input.data() + chunk.input_size, 0, kSlack);
  if (structure_capacity_ < chunk.input_size + 2) {
    structure_capacity_ = chunk.input_size + 2;
    structure_ = std::make_unique_for_overwrite<std::uint32_t[]>(structure_capacity_);
  }
  structure_end_ = index_structure(chunk.input.data(), chunk.input_size, structure_.get());
  next_ = structure_.get();
  line_begin_ = 0;
  lap(Laps::kIndex);

  while (next_ != structure_end_) {
    const std::size_t count = parse_group(chunk);
    lap(Laps::kParse);
    locate(count);
    lap(Laps::kGeo);
    identify(count);
    lap(Laps::kAgent);
    name_pages(count);
    lap(Laps::kPage);
    encode(chunk, count);
    lap(Laps::kEncode);
  }
}

std::size_t Enricher::parse_group(Chunk& chunk) {
  const char* const base = chunk.input.data();
  std::size_t count = 0;
  while (count < kGroup && next_ != structure_end_) {
    Row& row = group_[count];
    const char* fault = nullptr;
    std::uint32_t end = 0;
    const bool usual = structure_end_ - next_ >= 7 && base[next_[0]] == '"' &&
                       base[next_[1]] == '"' && base[next_[2]] == '"' && base[next_[3]] == '"' &&
                       base[next_[4]] == '"' && base[next_[5]] == '"' && base[next_[6]] == '\n';
    if (usual) {
      end = next_[6];
      fault = parse_line(base, line_begin_, end, next_, datetime_is_good_, row.line);
      next_ += 7;
    } else {
      fault = parse_with_escapes(chunk, end, row.line);
    }
    std::optional<std::uint32_t> ipv4;
    if (fault == nullptr) {
      ipv4 = GeoTable::parse_ipv4(row.line.host);
      if (!ipv4 && !is_possible_host(row.line.host)) fault = "impossible host";
    }
    if (fault != nullptr) {
      chunk.rejected.append(base + line_begin_, end + 1 - line_begin_);
      ++chunk.rejected_rows;
    } else {
      ++count;
      row.is_ipv4 = ipv4.has_value();
      row.ipv4 = ipv4.value_or(0);
      if (ipv4) geo_.prefetch(*ipv4);
      row.agent = nullptr;
      if (present(row.line.agent)) {
        row.agent_hash = AgentCache::hash(row.line.agent);
        agents_.prefetch(row.agent_hash);
      }
    }
    line_begin_ = end + 1;
  }
  chunk.rows += count;
  return count;
}

const char* Enricher::parse_with_escapes(Chunk& chunk, std::uint32_t& end, AccessLine& line) {
  const char* const base = chunk.input.data();
  std::array<std::uint32_t, 7> quotes{};
  std::size_t found = 0;
  for (; base[*next_] != '\n'; ++next_) {
    if (base[*next_] == '\\') {
      // Inside quotes it takes the next character's meaning away.
      if (found % 2 == 1 && next_[1] == *next_ + 1 && base[next_[1]] != '\n') ++next_;
    } else if (found < quotes.size()) {
      quotes[found++] = *next_;
    }
  }
  end = *next_++;
  if (found != 6) return "not six quotes";
  return parse_line(base, line_begin_, end, quotes.data(), datetime_is_good_, line);
}

void Enricher::locate(std::size_t count) {
  std::array<std::uint32_t, kGroup> addresses;
  std::array<std::uint32_t, kGroup> ids;
  std::array<std::uint8_t, kGroup> rows;
  std::size_t missing = 0;
  for (std::size_t i = 0; i < count; ++i) {
    Row& row = group_[i];
    if (!row.is_ipv4) {
      row.geo = geo_.look_up(row.line.host);
    } else if (const auto known = geo_.find(row.ipv4)) {
      row.geo = *known;
      geo_.prefetch_text(*known);
    } else {
      addresses[missing] = row.ipv4;
      rows[missing++] = static_cast<std::uint8_t>(i);
    }
  }
  if (missing == 0) return;
  geo_.look_up(addresses.data(), ids.data(), missing);
  for (std::size_t k = 0; k < missing; ++k) group_[rows[k]].geo = ids[k];
}

void Enricher::identify(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    Row& row = group_[i];
    if (present(row.line.agent)) row.agent = agents_.get(row.line.agent, row.agent_hash);
  }
}

void Enricher::name_pages(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    Row& row = group_[i];
    row.webpage = padded(flow::operators::page_of_request(row.line.request));
    row.refering_page = padded(flow::operators::page_of_referer(row.line.referer));
  }
}

void Enricher::encode(Chunk& chunk, std::size_t count) {
  constexpr std::size_t kKeys = 256;  // more than all keys and their punctuation
  char* out = chunk.output.data() + chunk.output_size;
  for (std::size_t i = 0; i < count; ++i) {
    const Row& row = group_[i];
    const AccessLine& line = row.line;
    const std::string_view geo = geo_.text(row.geo);
    const std::size_t escaped = line.host.size() + line.request.size() + line.bytes.size() +
                                line.referer.size() + row.webpage.size() + row.refering_page.size();
    const std::size_t fixed =
        kKeys + geo.size() +
        (row.agent != nullptr ? row.agent->field.size() + row.agent->families.size() : 0);
    const auto used = static_cast<std::size_t>(out - chunk.output.data());
    const std::size_t need = used + escaped * kMaximumExpansion + fixed;
    if (need > chunk.output.capacity()) {
      chunk.output.reserve(need, used);
      out = chunk.output.data() + used;
    }

    // Every member brings its comma; the first one becomes the brace.
    char* const begin = out;
    if (present(line.host)) {
      out = literal(out, ",\"host\":\"");
      out = escape(out, line.host);
      *out++ = '"';
    }
    out = literal(out, ",\"datetime\":\"");
    std::memcpy(out, line.datetime.data(), DatetimeCheck::kSize);
    out += DatetimeCheck::kSize;
    *out++ = '"';
    if (present(line.request)) {
      out = literal(out, ",\"request\":\"");
      out = escape(out, line.request);
      *out++ = '"';
    }
    if (present(line.response)) {
      out = literal(out, ",\"response\":\"");
      std::memcpy(out, line.response.data(), 3);
      out += 3;
      *out++ = '"';
    }
    if (present(line.bytes)) {
      out = literal(out, ",\"bytes\":\"");
      out = copy(out, line.bytes.data(), line.bytes.size());
      *out++ = '"';
    }
    if (present(line.referer)) {
      out = literal(out, ",\"referer\":\"");
      out = escape(out, line.referer);
      *out++ = '"';
    }
    if (row.agent != nullptr) {
      out = copy(out, row.agent->field.data(), row.agent->field.size());
    }
    out = copy(out, geo.data(), geo.size());
    if (row.agent != nullptr) {
      out = copy(out, row.agent->families.data(), row.agent->families.size());
    }
    if (!row.webpage.empty()) {
      out = literal(out, ",\"webpage\":\"");
      out = escape(out, row.webpage);
      *out++ = '"';
    }
    if (!row.refering_page.empty()) {
      out = literal(out, ",\"refering_page\":\"");
      out = escape(out, row.refering_page);
      *out++ = '"';
    }
    out = literal(out, "}\n");
    *begin = '{';
  }
  chunk.output_size = static_cast<std::size_t>(out - chunk.output.data());
}

}  // namespace yardstick
