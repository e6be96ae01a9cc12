// JSON text, written fast: into memory that the caller has made large enough.
//
// Every function writes at `out` and returns the end of what it wrote. They write whole blocks: up
// to kWriteSlack bytes behind that end are overwritten too.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace flow::operators {

inline constexpr int64_t kWriteSlack = 32;
// The most bytes that escaping makes of one ("\u001f").
inline constexpr int64_t kEscapeExpansion = 6;
// The most bytes of one number.
inline constexpr int64_t kNumberBytes = 32;

// Copies `size` bytes; reads whole blocks of 16, so up to 15 bytes behind them must be readable.
inline char* copy_blocks(char* out, const char* from, size_t size) {
  size_t at = 0;
  do {
    std::memcpy(out + at, from + at, 16);
    at += 16;
  } while (at < size);
  return out + size;
}

// The inside of a JSON string: `"`, `\` and control characters escaped (\b \f \n \r \t, the others
// as \u00xx in lower case), everything else as it is. Reads nothing outside of `text`. About 1 ns
// for 16 bytes with nothing to escape.
char* write_escaped(char* out, std::string_view text);

// The same for up to 12 bytes that lie behind four others, as in an inline view.
char* write_escaped_inline(char* out, const void* view, int32_t length);

char* write_int64(char* out, int64_t value);
// The shortest text that reads back as the same number, as std::to_chars writes it; null for what
// JSON has no number for.
char* write_double(char* out, double value);
char* write_base64(char* out, std::string_view bytes);

// Numbers remembered as they were written: coordinates, prices and readings repeat.
class DoubleWriter {
 public:
  char* write(char* out, double value);

 private:
  struct Entry {
    uint64_t bits = 0;
    std::array<char, 23> text{};
    uint8_t length = 0;  // 0: nothing is here
  };
  static constexpr int kEntryBits = 12;
  std::vector<Entry> entries_;  // 128 KiB once needed
};

// `text` as a JSON string with its quotes.
std::string json_quoted(std::string_view text);

}  // namespace flow::operators
