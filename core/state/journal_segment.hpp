// The segments of a journal: their names, records and damages. FORMAT.md says where each byte
// stands.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/state/file.hpp"

namespace flowrun {

// Offsets are the journal's.
struct Segment {
  std::filesystem::path path;
  std::uint64_t start = 0, end = 0;
};

inline constexpr std::size_t kSegmentHeaderBytes = 32;
inline constexpr std::size_t kRecordHeaderBytes = 24;

std::filesystem::path segment_path(const std::filesystem::path& folder, std::uint64_t start);
// By start; ends are not known yet. Throws std::filesystem::filesystem_error.
std::vector<Segment> find_segments(const std::filesystem::path& folder);

std::string segment_header(std::uint64_t start);
// `durable`: up to where the journal was known to be durable when the record was written.
std::string record_header(std::string_view bytes, std::uint64_t offset, std::uint64_t durable);

// What is wrong, or nothing and the record at the offset. Throws std::system_error.
std::string read_record(const File& file, const Segment& segment, std::uint64_t offset,
                        std::string& record);

struct SegmentCheck {
  std::uint64_t end = 0;      // behind the last good record
  std::uint64_t left = 0;     // bytes behind that
  std::uint64_t durable = 0;  // the highest that any record tells, those behind damage included
  bool has_header = false;
  std::string problem;  // empty: `end` is where the file ends
};
// Of bytes that begin as a segment file does.
SegmentCheck check_segment_bytes(std::string_view bytes, std::uint64_t start);
// Reads the whole file. Throws std::system_error.
SegmentCheck check_segment(const Segment& segment);

}  // namespace flowrun
