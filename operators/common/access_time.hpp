// The time of an access-log line, as in "28/Oct/2025:10:15:30 +0000".
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace flow::operators {

// Checks times and converts them. Neighbouring lines mostly share one, so the last good text is
// remembered and costs a comparison when it comes again. Not thread-safe.
class AccessTime {
 public:
  static constexpr size_t kLength = 26;

  // Whether the kLength bytes at `text` have the form, and name a day, a time and a zone that exist
  // (a leap second, 60, does).
  bool accept(const char* text) {
    uint64_t words[3];
    uint16_t rest;
    std::memcpy(words, text, sizeof words);
    std::memcpy(&rest, text + sizeof words, sizeof rest);
    if (words[0] == words_[0] && words[1] == words_[1] && words[2] == words_[2] && rest == rest_) {
      return true;
    }
    if (!convert(text, nanoseconds_)) return false;
    std::memcpy(words_.data(), words, sizeof words);
    rest_ = rest;
    return true;
  }
  // Of the text accepted last; since 1970, UTC.
  int64_t nanoseconds() const { return nanoseconds_; }

  // Without remembering anything. False leaves `nanoseconds` as it was.
  static bool convert(const char* text, int64_t& nanoseconds);

 private:
  std::array<uint64_t, 3> words_{};
  uint16_t rest_ = 0;
  int64_t nanoseconds_ = 0;
};

}  // namespace flow::operators
