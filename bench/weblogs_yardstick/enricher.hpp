#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "bench/weblogs_yardstick/access_line.hpp"
#include "bench/weblogs_yardstick/agent_table.hpp"
#include "bench/weblogs_yardstick/geo_table.hpp"

namespace yardstick {

/// Where the time of a worker goes, in ticks of the time stamp counter.
struct Laps {
  enum Step { kIndex, kParse, kGeo, kAgent, kPage, kEncode, kSteps };
  static constexpr std::array<const char*, kSteps> kNames = {
      "find structure", "parse", "geo", "user agent", "page names", "encode JSON"};
  std::array<std::uint64_t, kSteps> ticks{};
};

/// A growing buffer that never clears what it hands out.
class Buffer {
 public:
  char* data() const { return bytes_.get(); }
  std::size_t capacity() const { return capacity_; }
  /// Room for `size` bytes and kSlack more; the first `keep` bytes stay.
  void reserve(std::size_t size, std::size_t keep);

 private:
  std::unique_ptr<char[]> bytes_;
  std::size_t capacity_ = 0;
};

/// A part of the input that ends with a line, and what became of it.
struct Chunk {
  Buffer input;
  std::size_t input_size = 0;
  Buffer output;
  std::size_t output_size = 0;
  std::string rejected;
  std::size_t rows = 0;
  std::size_t rejected_rows = 0;
};

/// One worker's share of the job: lines in, documents out. Works on kGroup lines at a time, one
/// step after the other, so that the steps can ask for the memory of the next ones ahead of time.
class Enricher {
 public:
  Enricher(GeoTable& geo, AgentTable& agents) : geo_(geo), agents_(agents) {}

  void process(Chunk& chunk);

  const Laps& laps() const { return laps_; }

 private:
  static constexpr std::size_t kGroup = GeoTable::kBatch;

  struct Row {
    AccessLine line;
    std::string_view webpage;
    std::string_view refering_page;
    std::uint64_t agent_hash;
    const Agent* agent;
    std::uint32_t ipv4;
    std::uint32_t geo;
    bool is_ipv4;
  };

  /// Takes the next lines apart until the group is full or the chunk ends.
  std::size_t parse_group(Chunk& chunk);
  const char* parse_with_escapes(Chunk& chunk, std::uint32_t& end, AccessLine& line);
  void locate(std::size_t count);
  void identify(std::size_t count);
  void name_pages(std::size_t count);
  void encode(Chunk& chunk, std::size_t count);

  GeoTable& geo_;
  AgentCache agents_;
  DatetimeCheck datetime_is_good_;
  Laps laps_;
  std::array<Row, kGroup> group_;

  std::unique_ptr<std::uint32_t[]> structure_;
  std::size_t structure_capacity_ = 0;
  const std::uint32_t* next_ = nullptr;  // in structure_
  const std::uint32_t* structure_end_ = nullptr;
  std::uint32_t line_begin_ = 0;
};

}  // namespace yardstick
