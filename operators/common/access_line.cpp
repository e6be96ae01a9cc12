#include "operators/common/access_line.hpp"

#include <cstring>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "operators/common/address.hpp"
#include "operators/common/byte_places.hpp"

namespace flow::operators {
namespace {

constexpr std::string_view kAbsent = "-";
constexpr size_t kQuotes = 6;  // of a line in combined format

// The positions of the quotes that count, one more than a good line has at most.
struct Quotes {
  const char* at[kQuotes + 1];
  size_t count = 0;
};

// Whether an odd number of backslashes stands before `quote`.
bool is_escaped(const char* begin, const char* quote) {
  const char* at = quote;
  while (at != begin && at[-1] == '\\') --at;
  return ((quote - at) & 1) != 0;
}

inline bool add_quote(const char* begin, const char* quote, Quotes& quotes) {
  if (quote != begin && quote[-1] == '\\' && is_escaped(begin, quote)) return true;
  quotes.at[quotes.count++] = quote;
  return quotes.count <= kQuotes;
}

// A backslash has a meaning inside quotes only; before the first quote stands none in a good line.
void find_quotes(const char* begin, const char* end, Quotes& quotes) {
  const char* at = begin;
#if defined(__SSE2__)
  const __m128i wanted = _mm_set1_epi8('"');
  while (end - at >= 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    auto hits = static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, wanted)));
    for (; hits != 0; hits &= hits - 1) {
      if (!add_quote(begin, at + __builtin_ctz(hits), quotes)) return;
    }
    at += 16;
  }
#endif
  for (; at != end; ++at) {
    if (*at == '"' && !add_quote(begin, at, quotes)) return;
  }
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool all_digits(std::string_view text) {
  for (const char c : text) {
    if (!is_digit(c)) return false;
  }
  return !text.empty();
}

// "name:port": one colon that digits follow; an IPv6 address in brackets may stand for the name.
bool is_virtual_host(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0 || !all_digits(text.substr(colon + 1))) {
    return false;
  }
  const std::string_view name = text.substr(0, colon);
  return name.find(':') == std::string_view::npos ||
         (name.front() == '[' && name.back() == ']' && parse_ipv6(name));
}

bool has_vhost(AccessFormat format) {
  return format == AccessFormat::kVhostCommon || format == AccessFormat::kVhostCombined;
}

// The next word of `rest`, which it is cut off with the space behind it.
std::string_view take_word(std::string_view& rest) {
  const size_t space = rest.find(' ');
  const std::string_view word = rest.substr(0, space);
  rest.remove_prefix(space == std::string_view::npos ? rest.size() : space + 1);
  return word;
}

bool check_host(std::string_view line, std::string_view host, AccessFault& fault) {
  const auto position = static_cast<size_t>(host.data() - line.data());
  switch (host_kind(host)) {
    case HostKind::kIpv4:
    case HostKind::kIpv6:
      return true;
    case HostKind::kImpossible:
      fault = {"bad_address", "the host looks like an address, but is none", position};
      return false;
    case HostKind::kName:
      for (const char c : host) {
        if (static_cast<unsigned char>(c) <= ' ' || c == '"' || c == '\x7f') {
          fault = {"bad_host", "the host holds a character that no host name has", position};
          return false;
        }
      }
      return true;
  }
  return true;
}

}  // namespace

namespace {

// Most blocks have no more quotes.
constexpr int kUsualQuotes = 4;

// Each: a bit for each quote and backslash among 64 bytes, and whether there was a backslash.
#if defined(__SSE2__)
struct Sse2Find {
  bool* backslashes;
  uint64_t operator()(const char* at) const {
    uint64_t quotes = 0;
    uint64_t slashes = 0;
    for (unsigned part = 0; part < 4; ++part) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at) + part);
      const auto mask = [bytes](char c) {
        return uint64_t{
            static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(c))))};
      };
      quotes |= mask('"') << (16 * part);
      slashes |= mask('\\') << (16 * part);
    }
    *backslashes |= slashes != 0;
    return quotes | slashes;
  }
};

#define FLOW_AVX2 [[gnu::target("avx2,bmi,popcnt")]]
struct Avx2Find {
  bool* backslashes;
  FLOW_AVX2 uint64_t operator()(const char* at) const {
    const auto* const bytes = reinterpret_cast<const __m256i*>(at);
    const __m256i low = _mm256_loadu_si256(bytes);
    const __m256i high = _mm256_loadu_si256(bytes + 1);
    const __m256i quote = _mm256_set1_epi8('"');
    const __m256i slash = _mm256_set1_epi8('\\');
    const __m256i low_slashes = _mm256_cmpeq_epi8(low, slash);
    const __m256i high_slashes = _mm256_cmpeq_epi8(high, slash);
    const __m256i slashes = _mm256_or_si256(low_slashes, high_slashes);
    *backslashes |= _mm256_testz_si256(slashes, slashes) == 0;
    const __m256i low_hits = _mm256_or_si256(_mm256_cmpeq_epi8(low, quote), low_slashes);
    const __m256i high_hits = _mm256_or_si256(_mm256_cmpeq_epi8(high, quote), high_slashes);
    return uint64_t{static_cast<uint32_t>(_mm256_movemask_epi8(low_hits))} |
           uint64_t{static_cast<uint32_t>(_mm256_movemask_epi8(high_hits))} << 32;
  }
};
FLOW_AVX2 uint32_t* index_avx2(std::string_view text, uint32_t* out, bool& backslashes) {
  bool found = false;
  out =
      find_places<kUsualQuotes>(text, 0, static_cast<uint32_t>(text.size()), out, Avx2Find{&found});
  backslashes |= found;
  return out;
}
#undef FLOW_AVX2
#else
struct PlainFind {
  bool* backslashes;
  uint64_t operator()(const char* at) const {
    uint64_t bits = 0;
    for (unsigned i = 0; i < 64; ++i) {
      *backslashes |= at[i] == '\\';
      bits |= uint64_t{at[i] == '"' || at[i] == '\\'} << i;
    }
    return bits;
  }
};
#endif

}  // namespace

uint32_t* index_quotes(std::string_view text, uint32_t* out, bool& backslashes) {
  const auto size = static_cast<uint32_t>(text.size());
#if defined(__SSE2__)
  static const bool kAvx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
                            __builtin_cpu_supports("popcnt");
  if (kAvx2) return index_avx2(text, out, backslashes);
  return find_places<kUsualQuotes>(text, 0, size, out, Sse2Find{&backslashes});
#else
  return find_places<kUsualQuotes>(text, 0, size, out, PlainFind{&backslashes});
#endif
}

bool split_request(std::string_view request, RequestParts& parts) {
  parts = {kAbsent, kAbsent, kAbsent};
  const size_t method_end = request.find(' ');
  if (method_end == std::string_view::npos || method_end == 0) return false;
  for (const char c : request.substr(0, method_end)) {
    if ((c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && c != '-' && c != '_') return false;
  }
  const size_t last_space = request.rfind(' ');
  const bool has_protocol =
      last_space > method_end && request.substr(last_space + 1).starts_with("HTTP/");
  const size_t path_end = has_protocol ? last_space : request.size();
  if (path_end <= method_end + 1) return false;
  parts.method = request.substr(0, method_end);
  parts.path = request.substr(method_end + 1, path_end - method_end - 1);
  if (has_protocol) parts.protocol = request.substr(last_space + 1);
  return true;
}

// What stands before the request. Returns the place behind the time's closing bracket; null:
// `fault`.
const char* AccessLineParser::parse_front(std::string_view line, AccessFields& fields,
                                          AccessFault& fault) {
  // Nearly every line begins with a host, nobody, and nobody.
  constexpr std::string_view kNobody = " - - [";
  const size_t space = line.find(' ');
  if (space == std::string_view::npos || has_vhost(format_) ||
      line.size() < space + kNobody.size() + AccessTime::kLength + 1 ||
      std::memcmp(line.data() + space, kNobody.data(), kNobody.size()) != 0) {
    return parse_front_in_full(line, fields, fault);
  }
  const char* const time = line.data() + space + kNobody.size();
  if (space == 0 || time[AccessTime::kLength] != ']' || !time_.accept(time)) {
    return parse_front_in_full(line, fields, fault);
  }
  fields.vhost = kAbsent;
  fields.host = line.substr(0, space);
  fields.ident = line.substr(space + 1, 1);
  fields.user = line.substr(space + 3, 1);
  fields.datetime = {time, AccessTime::kLength};
  if (!check_host(line, fields.host, fault)) return nullptr;
  return time + AccessTime::kLength + 1;
}

const char* AccessLineParser::parse_front_in_full(std::string_view line, AccessFields& fields,
                                                  AccessFault& fault) {
  // A request may hold " [" as well: look before the first quote only.
  const std::string_view front = line.substr(0, line.find('"'));
  const size_t bracket = front.find(" [");
  if (bracket == std::string_view::npos) {
    fault = {"too_few_fields", "there is no time in brackets before the request", front.size()};
    return nullptr;
  }
  std::string_view words = line.substr(0, bracket);
  fields.vhost = kAbsent;
  if (has_vhost(format_)) {
    fields.vhost = take_word(words);
  } else if (format_ == AccessFormat::kAuto) {
    std::string_view rest = words;
    const std::string_view first = take_word(rest);
    // Host, ident and user have to be left, or else it is a host that looks like one.
    size_t spaces = 0;
    for (const char c : rest) spaces += c == ' ' ? 1 : 0;
    if (spaces >= 2 && is_virtual_host(first)) {
      fields.vhost = first;
      words = rest;
    }
  }
  fields.host = take_word(words);
  fields.ident = take_word(words);
  fields.user = words;
  if (fields.vhost.empty() || fields.host.empty() || fields.ident.empty() || fields.user.empty()) {
    fault = {"too_few_fields", "before the time there have to be a host, an ident and a user", 0};
    return nullptr;
  }
  const size_t begin = bracket + 2;
  if (line.size() < begin + AccessTime::kLength + 1 || line[begin + AccessTime::kLength] != ']') {
    fault = {"bad_datetime", "the time has another form than [28/Oct/2025:10:15:30 +0000]",
             bracket + 1};
    return nullptr;
  }
  if (!time_.accept(line.data() + begin)) {
    fault = {"bad_datetime", "there is no such time; the form is [28/Oct/2025:10:15:30 +0000]",
             bracket + 1};
    return nullptr;
  }
  fields.datetime = line.substr(begin, AccessTime::kLength);
  if (!check_host(line, fields.host, fault)) return nullptr;
  return line.data() + begin + AccessTime::kLength + 1;
}

bool AccessLineParser::parse(std::string_view line, AccessFields& fields, AccessFault& fault) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  const char* const begin = line.data();
  const char* const end = begin + line.size();
  const auto position = [begin](const char* at) { return static_cast<size_t>(at - begin); };
  const auto fail = [&](const char* reason, const char* what, const char* at) {
    fault = {reason, what, position(at)};
    return false;
  };

  const char* const behind_time = parse_front(line, fields, fault);
  if (behind_time == nullptr) return false;

  Quotes quotes;
  find_quotes(behind_time, end, quotes);
  if (quotes.count > kQuotes) {
    return fail("unbalanced_quotes", "there are more quotes than the format has",
                quotes.at[kQuotes]);
  }
  if (quotes.count % 2 != 0) {
    return fail("unbalanced_quotes", "the last quote is never closed", quotes.at[quotes.count - 1]);
  }
  if (quotes.count == 0) return fail("too_few_fields", "there is no request in quotes", end);
  if (quotes.at[0] != behind_time + 1 || *behind_time != ' ') {
    return fail("bad_separator", "between the time and the request belongs one space", behind_time);
  }
  const char* at = quotes.at[1];
  fields.request = {quotes.at[0] + 1, static_cast<size_t>(at - quotes.at[0] - 1)};
  ++at;

  // Status and size, up to the next quote or the end.
  const char* const numbers_end = quotes.count > 2 ? quotes.at[2] : end;
  if (numbers_end - at >= 6 && at[0] == ' ' && is_digit(at[1]) && is_digit(at[2]) &&
      is_digit(at[3]) && at[4] == ' ') {
    fields.response = {at + 1, 3};
    at += 5;
  } else {
    if (at == end || numbers_end - at < 2) {
      return fail("too_few_fields", "behind the request belong a status and a size", at);
    }
    if (at[0] != ' ') {
      return fail("bad_separator", "between the request and the status belongs one space", at);
    }
    std::string_view rest(at + 1, static_cast<size_t>(numbers_end - at - 1));
    fields.response = take_word(rest);
    if (!is_absent(fields.response)) {
      return fail("bad_response", "the status is not a number of three digits", at + 1);
    }
    if (rest.empty()) return fail("too_few_fields", "there is no size behind the status", at + 1);
    at = rest.data();
  }
  const char* const bytes = at;
  while (at != numbers_end && is_digit(*at)) ++at;
  if (at == bytes && at != numbers_end && *at == '-') ++at;
  fields.bytes = {bytes, static_cast<size_t>(at - bytes)};
  constexpr size_t kMostDigits = 18;  // fit 64 bits
  if (fields.bytes.empty() || fields.bytes.size() > kMostDigits ||
      (at != numbers_end && *at != ' ')) {
    return fail("bad_bytes", "the size is not a number", bytes);
  }

  const bool has_agent = quotes.count == kQuotes;
  if (quotes.count == 2) {
    if (at != end) return fail("trailing_text", "behind the size belongs nothing more", at);
    if (format_ == AccessFormat::kCombined || format_ == AccessFormat::kVhostCombined) {
      return fail("too_few_fields", "behind the size belong a referer and an agent", end);
    }
    fields.referer = kAbsent;
    fields.agent = kAbsent;
    return true;
  }
  if (format_ == AccessFormat::kCommon || format_ == AccessFormat::kVhostCommon) {
    return fail("trailing_text", "behind the size belongs nothing more", at);
  }
  if (!has_agent) return fail("too_few_fields", "there is no agent behind the referer", end);
  if (at + 1 != quotes.at[2]) {
    return fail("bad_separator", "between the size and the referer belongs one space", at);
  }
  if (quotes.at[4] != quotes.at[3] + 2 || quotes.at[3][1] != ' ') {
    return fail("bad_separator", "between the referer and the agent belongs one space",
                quotes.at[3] + 1);
  }
  if (quotes.at[5] + 1 != end) {
    return fail("trailing_text", "behind the agent belongs nothing more", quotes.at[5] + 1);
  }
  fields.referer = {quotes.at[2] + 1, static_cast<size_t>(quotes.at[3] - quotes.at[2] - 1)};
  fields.agent = {quotes.at[4] + 1, static_cast<size_t>(quotes.at[5] - quotes.at[4] - 1)};
  return true;
}

}  // namespace flow::operators
