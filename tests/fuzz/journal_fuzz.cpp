// Any bytes behind the head of a journal's segment, and good records around them: what is whole up
// to the first damage is found, nothing else, and nothing is read beyond the end.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/state/journal_segment.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view noise(reinterpret_cast<const char*>(data), size);
  flowrun::check_segment_bytes(noise, 0);

  constexpr std::uint64_t kStart = 1000;
  const std::string head = flowrun::segment_header(kStart);
  const std::string record = flowrun::record_header(noise, kStart, 0).append(noise);
  const std::uint64_t behind = kStart + record.size();

  flowrun::SegmentCheck check = flowrun::check_segment_bytes(head + record, kStart);
  if (check.end != behind || !check.problem.empty()) std::abort();

  check = flowrun::check_segment_bytes(std::string(head).append(record).append(noise), kStart);
  if (check.end < behind || check.left > size) std::abort();
  if (check.problem.empty() != (check.left == 0)) std::abort();

  if (size > 0) {
    std::string damaged = record;
    const std::size_t at = data[0] % damaged.size();
    damaged[at] = static_cast<char>(static_cast<unsigned char>(damaged[at]) ^ 0x10);
    const std::string next = flowrun::record_header(noise, behind, behind).append(noise);
    check = flowrun::check_segment_bytes(std::string(head).append(damaged).append(next), kStart);
    // The record behind the damage says that what is damaged was durable.
    if (check.problem.empty() || check.end != kStart || check.durable < behind) std::abort();
  }
  return 0;
}
