#include "operators/common/json_writer.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace flow::operators {
namespace {

// The escape of one byte that needs one.
char* write_escape(char* out, unsigned char byte) {
  *out++ = '\\';
  switch (byte) {
    case '"':
    case '\\':
      *out++ = static_cast<char>(byte);
      return out;
    case '\b':
      *out++ = 'b';
      return out;
    case '\f':
      *out++ = 'f';
      return out;
    case '\n':
      *out++ = 'n';
      return out;
    case '\r':
      *out++ = 'r';
      return out;
    case '\t':
      *out++ = 't';
      return out;
    default:
      std::copy_n("u00", 3, out);
      out[3] = "0123456789abcdef"[byte >> 4];
      out[4] = "0123456789abcdef"[byte & 15];
      return out + 5;
  }
}

char* write_bytewise(char* out, const char* text, size_t size) {
  for (size_t i = 0; i < size; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == '"' || byte == '\\') {
      out = write_escape(out, byte);
    } else {
      *out++ = text[i];
    }
  }
  return out;
}

#if defined(__SSSE3__)

// The first `size` < 16 of the bytes.
char* write_last(char* out, __m128i bytes, size_t size) {
  if ((SseCopy::marks(bytes) & ((1U << size) - 1)) == 0) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), bytes);
    return out + size;
  }
  char text[16];
  _mm_storeu_si128(reinterpret_cast<__m128i*>(text), bytes);
  return write_bytewise(out, text, size);
}

// Shuffles that move the bytes from `n` on to the front: load 16 at this table + n.
alignas(16) constexpr std::array<char, 32> kShiftDown = {
    0,    1,    2,    3,    4,    5,    6,    7,    8,    9,    10,   11,   12,   13,   14,   15,
    -128, -128, -128, -128, -128, -128, -128, -128, -128, -128, -128, -128, -128, -128, -128, -128};

#endif

// Decimals are taken as whole numbers of its inverse.
constexpr double kPower = 1e6;

// The numbers below a thousand, and how many digits each has.
struct Whole {
  std::array<char, 3> digits;
  uint8_t length;
};
constexpr auto kWholes = [] {
  std::array<Whole, 1000> wholes{};
  for (size_t i = 0; i < wholes.size(); ++i) {
    Whole& whole = wholes[i];
    if (i >= 100) whole.digits[whole.length++] = static_cast<char>('0' + i / 100);
    if (i >= 10) whole.digits[whole.length++] = static_cast<char>('0' + i / 10 % 10);
    whole.digits[whole.length++] = static_cast<char>('0' + i % 10);
  }
  return wholes;
}();

// Two decimals, and how many of them stay when trailing zeros go.
struct Pair {
  std::array<char, 2> digits;
  uint8_t kept;
};
constexpr auto kPairs = [] {
  std::array<Pair, 100> pairs{};
  for (size_t i = 0; i < pairs.size(); ++i) {
    pairs[i].digits = {static_cast<char>('0' + i / 10), static_cast<char>('0' + i % 10)};
    if (i > 0) pairs[i].kept = i % 10 != 0 ? 2 : 1;
  }
  return pairs;
}();

// Writes numbers of up to six decimals between 0.001 and 99999.999999 in magnitude; NULL: it is
// none.
//
// If the double nearest to n / 10^6 is `value`, then n * 10^-6 reads back as `value`. With n below
// 10^11 that is a decimal of at most 11 digits, and no two decimals of up to 15 digits share a
// double: without its trailing zeros it is the shortest. In this range plain notation is never
// longer than scientific, so it is also what std::to_chars writes.
char* write_short(char* out, double value) {
  const double magnitude = std::fabs(value);
  if (!(magnitude >= 1e-3 && magnitude < 1e5)) return nullptr;
  const double half_more = magnitude * kPower + 0.5;
  const auto scaled = static_cast<int64_t>(half_more);
  if (static_cast<double>(scaled) / kPower != magnitude) return nullptr;
  const auto number = static_cast<uint64_t>(scaled);
  const auto whole = static_cast<uint32_t>(number / 1'000'000);
  const auto fraction = static_cast<uint32_t>(number % 1'000'000);
  *out = '-';
  out += value < 0 ? 1 : 0;
  if (whole < kWholes.size()) {
    std::memcpy(out, kWholes[whole].digits.data(), 3);
    out += kWholes[whole].length;
  } else {
    out = std::to_chars(out, out + kNumberBytes, whole).ptr;
  }
  const Pair high = kPairs[fraction / 10'000];
  const Pair middle = kPairs[fraction / 100 % 100];
  const Pair low = kPairs[fraction % 100];
  *out = '.';
  std::memcpy(out + 1, high.digits.data(), 2);
  std::memcpy(out + 3, middle.digits.data(), 2);
  std::memcpy(out + 5, low.digits.data(), 2);
  int kept = high.kept > 0 ? 1 + high.kept : 0;
  kept = middle.kept > 0 ? 3 + middle.kept : kept;
  kept = low.kept > 0 ? 5 + low.kept : kept;
  return out + kept;
}

}  // namespace

char* write_escaped(char* out, std::string_view text) {
  const char* at = text.data();
  size_t left = text.size();
#if defined(__SSSE3__)
  const bool can_look_back = left >= 16;
  while (left >= 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), bytes);
    const uint64_t special = SseCopy::marks(bytes);
    if (special == 0) {
      out += 16;
      at += 16;
      left -= 16;
      continue;
    }
    const auto clean = static_cast<size_t>(__builtin_ctzll(special));
    out = write_escape(out + clean, static_cast<unsigned char>(at[clean]));
    at += clean + 1;
    left -= clean + 1;
  }
  if (left == 0) return out;
  if (can_look_back) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at + left - 16));
    const __m128i shift =
        _mm_loadu_si128(reinterpret_cast<const __m128i*>(kShiftDown.data() + 16 - left));
    return write_last(out, _mm_shuffle_epi8(bytes, shift), left);
  }
#endif
  return write_bytewise(out, at, left);
}

char* write_int64(char* out, int64_t value) {
  return std::to_chars(out, out + kNumberBytes, value).ptr;
}

char* write_double(char* out, double value) {
  if (char* end = write_short(out, value); end != nullptr) return end;
  if (!std::isfinite(value)) {
    std::copy_n("null", 4, out);
    return out + 4;
  }
  return std::to_chars(out, out + kNumberBytes, value).ptr;
}

char* write_base64(char* out, std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const auto byte = [&](size_t i) {
    return static_cast<uint32_t>(static_cast<unsigned char>(bytes[i]));
  };
  size_t at = 0;
  const auto put = [&](uint32_t group, int digits) {
    for (int i = 0; i < 4; ++i) {
      *out++ = i < digits ? kDigits[(group >> (18 - 6 * i)) & 63] : '=';
    }
  };
  for (; at + 3 <= bytes.size(); at += 3) {
    put(byte(at) << 16 | byte(at + 1) << 8 | byte(at + 2), 4);
  }
  if (bytes.size() - at == 1) put(byte(at) << 16, 2);
  if (bytes.size() - at == 2) put(byte(at) << 16 | byte(at + 1) << 8, 3);
  return out;
}

char* DoubleWriter::write(char* out, double value) {
  if (char* end = write_short(out, value); end != nullptr) return end;
  if (entries_.empty()) entries_.resize(size_t{1} << kEntryBits);
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  Entry& entry = entries_[(bits * 0x9E3779B97F4A7C15U) >> (64 - kEntryBits)];
  if (entry.bits != bits || entry.length == 0) {
    char text[kNumberBytes];
    const auto length = static_cast<size_t>(write_double(text, value) - text);
    if (length > entry.text.size()) {
      std::memcpy(out, text, length);
      return out + length;
    }
    entry.bits = bits;
    entry.length = static_cast<uint8_t>(length);
    std::memcpy(entry.text.data(), text, length);
  }
  std::memcpy(out, entry.text.data(), entry.text.size());
  return out + entry.length;
}

std::string json_quoted(std::string_view text) {
  std::string result(text.size() * kEscapeExpansion + kWriteSlack + 2, '\0');
  result[0] = '"';
  char* end = write_escaped(result.data() + 1, text);
  *end++ = '"';
  result.resize(static_cast<size_t>(end - result.data()));
  return result;
}

}  // namespace flow::operators
