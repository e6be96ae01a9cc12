#include "core/state/journal_segment.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

#include "core/state/byte_order.hpp"
#include "core/state/journal.hpp"

namespace flowrun {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMagic = "FLOWJRNL";
constexpr std::uint32_t kFormat = 1;
constexpr std::string_view kMark = "RCRD";
constexpr std::string_view kPrefix = "journal-";
constexpr std::string_view kSuffix = ".log";

// A record belongs to its offset: what an earlier use of the disk left is no record.
std::uint64_t record_checksum(std::string_view bytes, std::uint64_t offset, std::uint64_t durable) {
  std::string place;
  put(place, offset);
  put(place, durable);
  put(place, static_cast<std::uint32_t>(bytes.size()));
  return checksum_of(bytes, checksum_of(place));
}

struct Header {
  std::uint32_t length = 0;
  std::uint64_t durable = 0;
  std::uint64_t checksum = 0;
};

// False: no record begins so.
bool parse_header(std::string_view bytes, Header& header) {
  ByteReader in(bytes);
  const bool marked = in.take(kMark.size()) == kMark;
  header.length = in.get<std::uint32_t>();
  header.durable = in.get<std::uint64_t>();
  header.checksum = in.get<std::uint64_t>();
  return in.good() && marked && header.length <= Journal::kLongestRecord;
}

// What is wrong with the record that the bytes begin with; else its header.
std::string check_record(std::string_view bytes, std::uint64_t offset, Header& header) {
  if (bytes.size() < kRecordHeaderBytes) return "the head of a record is incomplete";
  if (!parse_header(bytes, header)) return "no record begins there";
  bytes.remove_prefix(kRecordHeaderBytes);
  if (bytes.size() < header.length) {
    return fmt::format("a record has {} of {} bytes", bytes.size(), header.length);
  }
  if (record_checksum(bytes.substr(0, header.length), offset, header.durable) != header.checksum) {
    return "a record does not match its checksum";
  }
  return {};
}

// The highest `durable` of the good records after a damage.
std::uint64_t durable_behind(std::string_view bytes, std::uint64_t offset) {
  std::uint64_t durable = 0;
  for (std::size_t at = bytes.find(kMark); at != std::string_view::npos;
       at = bytes.find(kMark, at + 1)) {
    Header header;
    if (check_record(bytes.substr(at), offset + at, header).empty()) {
      durable = std::max(durable, header.durable);
    }
  }
  return durable;
}

}  // namespace

fs::path segment_path(const fs::path& folder, std::uint64_t start) {
  return folder / fmt::format("{}{:020}{}", kPrefix, start, kSuffix);
}

std::vector<Segment> find_segments(const fs::path& folder) {
  std::vector<Segment> segments;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) continue;
    const char* const first = name.data() + kPrefix.size();
    const char* const last = name.data() + name.size() - kSuffix.size();
    std::uint64_t start = 0;
    const auto [end, error] = std::from_chars(first, last, start);
    if (error == std::errc() && end == last) segments.push_back({entry.path(), start, start});
  }
  std::sort(segments.begin(), segments.end(),
            [](const Segment& a, const Segment& b) { return a.start < b.start; });
  return segments;
}

std::string segment_header(std::uint64_t start) {
  std::string bytes(kMagic);
  put(bytes, kFormat);
  put(bytes, std::uint32_t{0});
  put(bytes, start);
  put(bytes, checksum_of(bytes));
  return bytes;
}

std::string record_header(std::string_view bytes, std::uint64_t offset, std::uint64_t durable) {
  std::string header(kMark);
  put(header, static_cast<std::uint32_t>(bytes.size()));
  put(header, durable);
  put(header, record_checksum(bytes, offset, durable));
  return header;
}

std::string read_record(const File& file, const Segment& segment, std::uint64_t offset,
                        std::string& record) {
  const std::uint64_t at = kSegmentHeaderBytes + offset - segment.start;
  std::string head(kRecordHeaderBytes, '\0');
  head.resize(file.read_at(at, head.data(), head.size()));
  Header header;
  if (!parse_header(head, header)) return "no record begins there";
  if (header.length > segment.end - offset) return "a record is longer than its segment";
  record.resize(header.length);
  record.resize(file.read_at(at + kRecordHeaderBytes, record.data(), record.size()));
  if (record.size() < header.length) return "a record is incomplete";
  if (record_checksum(record, offset, header.durable) != header.checksum) {
    return "a record does not match its checksum";
  }
  return {};
}

SegmentCheck check_segment_bytes(std::string_view bytes, std::uint64_t start) {
  SegmentCheck check;
  check.end = start;
  check.has_header = bytes.starts_with(segment_header(start));
  if (!check.has_header) {
    check.left = bytes.size();
    check.problem = "it does not begin as a segment does";
    // The head is on the disk before the first record: a crash leaves no more than a part of it.
    if (bytes.size() > kSegmentHeaderBytes) check.durable = UINT64_MAX;
    return check;
  }
  bytes.remove_prefix(kSegmentHeaderBytes);
  while (!bytes.empty()) {
    Header header;
    check.problem = check_record(bytes, check.end, header);
    if (!check.problem.empty()) {
      check.left = bytes.size();
      check.durable = std::max(check.durable, durable_behind(bytes, check.end));
      break;
    }
    check.durable = std::max(check.durable, header.durable);
    check.end += kRecordHeaderBytes + header.length;
    bytes.remove_prefix(kRecordHeaderBytes + header.length);
  }
  return check;
}

SegmentCheck check_segment(const Segment& segment) {
  return check_segment_bytes(read_whole(segment.path), segment.start);
}

}  // namespace flowrun
