#include "operators/transforms/redact_finder.hpp"

#include <algorithm>
#include <array>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "flow/inference.hpp"
#include "operators/transforms/redact_detectors.hpp"

namespace flow::operators {
namespace {

constexpr size_t kBlock = 64;
constexpr size_t kLongestNumber = 20;  // more digits than anything has

// Bits for 64 bytes: digits, and the other characters that something begins with.
struct Marks {
  uint64_t digits = 0;
  uint64_t signs = 0;
};

#if defined(__SSE2__)
Marks marks_of(const char* at) {
  Marks marks;
  for (unsigned part = 0; part < kBlock / 16; ++part) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at) + part);
    const auto equal = [&](char c) { return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(c)); };
    // '0' to '9' become -128 to -119, everything else more.
    const __m128i shifted = _mm_add_epi8(bytes, _mm_set1_epi8(static_cast<char>(0x80 - '0')));
    const __m128i digits = _mm_cmplt_epi8(shifted, _mm_set1_epi8(-118));
    const __m128i signs = _mm_or_si128(_mm_or_si128(equal('@'), equal(':')), equal('%'));
    const auto bits = [](__m128i mask) {
      return uint64_t{static_cast<uint32_t>(_mm_movemask_epi8(mask))};
    };
    marks.digits |= bits(digits) << (part * 16);
    marks.signs |= bits(signs) << (part * 16);
  }
  return marks;
}
#else
Marks marks_of(const char* at) {
  Marks marks;
  for (size_t i = 0; i < kBlock; ++i) {
    const char c = at[i];
    marks.digits |= uint64_t{is_digit(c)} << i;
    marks.signs |= uint64_t{c == '@' || c == ':' || c == '%'} << i;
  }
  return marks;
}
#endif

void add(std::vector<PiiSpan>& spans, Extent extent, uint32_t kind) {
  PiiSpan span{extent.first, extent.second, kind};
  while (!spans.empty() && spans.back().end > span.begin) {
    span.begin = std::min(span.begin, spans.back().begin);
    span.end = std::max(span.end, spans.back().end);
    span.kind = spans.back().kind;
    spans.pop_back();
  }
  spans.push_back(span);
}

}  // namespace

PiiFinder::PiiFinder(uint32_t kinds, const std::vector<std::pair<std::string, std::string>>& own)
    : kinds_(kinds) {
  for (const auto& [name, pattern] : own) {
    re2::RE2::Options options;
    options.set_log_errors(false);
    own_.push_back(std::make_unique<const re2::RE2>(pattern, options));
    if (!own_.back()->ok()) {
      throw OptionFailure("patterns", "no RE2 pattern: " + own_.back()->error(), {}, -1, name);
    }
  }
}

size_t PiiFinder::look_at_number(std::string_view text, size_t at,
                                 std::vector<PiiSpan>& spans) const {
  const char before = at > 0 ? text[at - 1] : '\0';
  const auto found = [&](const std::optional<Extent>& extent, PiiKind kind) {
    if (extent) add(spans, *extent, kind);
    return extent.has_value();
  };
  if (is_letter(before)) {
    if (wants(kIban)) found(iban_around(text, at), kIban);
    return spans.empty() ? at : std::max(at, spans.back().end);
  }
  size_t end = at;
  while (is_digit(byte_at(text, end)) && end - at < kLongestNumber) ++end;
  const size_t length = end - at;
  // Most numbers end here: too short for what stands alone, and nothing joins them to another one.
  const char behind = byte_at(text, end);
  const char next = byte_at(text, end + 1);
  const bool joined =
      (behind == ' ' || behind == '-' || behind == '.' || behind == '/' || behind == ')') &&
      (is_digit(next) || next == '(' || behind == ')');
  if (!joined && length < 8) return at;
  if (behind == '.' && length <= 3 && wants(kIpAddress) && found(ipv4_at(text, at), kIpAddress)) {
    return spans.back().end;
  }
  if (wants(kCard) && found(card_at(text, at), kCard)) return spans.back().end;
  if (wants(kPhone) && found(phone_at(text, at), kPhone)) return spans.back().end;
  return at;
}

size_t PiiFinder::look(std::string_view text, size_t at, std::vector<PiiSpan>& spans) const {
  std::optional<Extent> extent;
  PiiKind kind = kEmail;
  switch (text[at]) {
    case '%':
      if (text.substr(at, 3) != "%40") return at;
      [[fallthrough]];
    case '@':
      if (wants(kEmail)) extent = email_around(text, at);
      break;
    case ':':
      kind = kIpAddress;
      if (wants(kIpAddress)) extent = ipv6_around(text, at);
      break;
    default:
      return look_at_number(text, at, spans);
  }
  if (!extent) return at;
  add(spans, *extent, kind);
  return spans.back().end;
}

void PiiFinder::find_own(std::string_view text, std::vector<PiiSpan>& spans) const {
  const size_t known = spans.size();
  for (size_t i = 0; i < own_.size(); ++i) {
    size_t at = 0;
    re2::StringPiece match;
    while (at <= text.size() && own_[i]->Match({text.data(), text.size()}, at, text.size(),
                                               re2::RE2::UNANCHORED, &match, 1)) {
      const auto begin = static_cast<size_t>(match.data() - text.data());
      if (match.empty()) {
        at = begin + 1;  // nothing to hide
        continue;
      }
      at = begin + match.size();
      spans.push_back({begin, at, kOwnPii + static_cast<uint32_t>(i)});
    }
  }
  if (spans.size() == known) return;
  std::stable_sort(spans.begin(), spans.end(),
                   [](const PiiSpan& a, const PiiSpan& b) { return a.begin < b.begin; });
  std::vector<PiiSpan> merged;
  for (const PiiSpan& span : spans) add(merged, {span.begin, span.end}, span.kind);
  spans = std::move(merged);
}

void PiiFinder::find(std::string_view text, std::vector<PiiSpan>& spans) const {
  spans.clear();
  size_t done = 0;            // nothing begins before it any more
  uint64_t digit_before = 0;  // the last bit of the block before
  for (size_t block = 0; block < text.size() && kinds_ != 0; block += kBlock) {
    Marks marks;
    if (text.size() - block >= kBlock) {
      marks = marks_of(text.data() + block);
    } else if (text.size() >= kBlock) {
      // The last block again, from where this one begins.
      const size_t known = kBlock - (text.size() - block);
      marks = marks_of(text.data() + text.size() - kBlock);
      marks.digits >>= known;
      marks.signs >>= known;
    } else {
      std::array<char, kBlock> rest{};
      std::copy(text.begin() + static_cast<int64_t>(block), text.end(), rest.begin());
      marks = marks_of(rest.data());
    }
    // Where digits begin, and the signs.
    uint64_t places = (marks.digits & ~(marks.digits << 1 | digit_before)) | marks.signs;
    digit_before = marks.digits >> (kBlock - 1);
    for (; places != 0; places &= places - 1) {
      const size_t at = block + static_cast<size_t>(__builtin_ctzll(places));
      if (at >= done) done = look(text, at, spans);
    }
  }
  if (!own_.empty()) find_own(text, spans);
}

}  // namespace flow::operators
