#include "operators/transforms/redact_detectors.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include "operators/common/address.hpp"

namespace flow::operators {
namespace {

bool beyond_ascii(char c) { return static_cast<unsigned char>(c) >= 0x80; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

bool ends_with_word(std::string_view text, std::string_view word) {
  if (text.size() < word.size()) return false;
  const size_t begin = text.size() - word.size();
  for (size_t i = 0; i < word.size(); ++i) {
    if (lower(text[begin + i]) != word[i]) return false;
  }
  return begin == 0 || !is_letter(text[begin - 1]);
}

// ---- e-mail ----

constexpr size_t kLongestLocal = 64;
constexpr size_t kLongestLabel = 63;
constexpr size_t kLongestDomain = 253;

bool is_local(char c) {
  return is_alnum(c) || beyond_ascii(c) || c == '.' || c == '_' || c == '+' || c == '-' ||
         c == '\'' || c == '&';
}
bool is_label(char c) { return is_alnum(c) || beyond_ascii(c) || c == '-'; }

// Behind the host name that begins at `begin`: labels of at least one character with dots between,
// the last one no number. `begin` itself: there is none.
size_t domain_end(std::string_view text, size_t begin) {
  size_t at = begin;
  size_t label = begin;
  size_t good = begin;
  while (at < text.size() && at - begin <= kLongestDomain) {
    while (at < text.size() && is_label(text[at])) ++at;
    // Dashes behind an address are not its own.
    const size_t stop = at;
    while (at > label && text[at - 1] == '-') --at;
    if (at == label || text[label] == '-' || at - label > kLongestLabel) break;
    const bool punycode = text.substr(label, 4) == "xn--";
    const std::string_view last = text.substr(label, at - label);
    const bool top = punycode || std::none_of(last.begin(), last.end(),
                                              [](char c) { return is_digit(c) || c == '-'; });
    if (label > begin && top && last.size() >= 2) good = at;
    if (at != stop || byte_at(text, at) != '.') break;
    label = ++at;
  }
  return good;
}

}  // namespace

std::optional<Extent> email_around(std::string_view text, size_t at) {
  const size_t sign = text[at] == '%' ? 3 : 1;
  size_t begin = at;
  while (begin > 0 && at - begin <= kLongestLocal && is_local(text[begin - 1])) --begin;
  if (at - begin > kLongestLocal) return std::nullopt;
  // Quotes and dashes around an address are not its own.
  while (begin < at &&
         (text[begin] == '\'' || text[begin] == '.' || text[begin] == '-' || text[begin] == '&')) {
    ++begin;
  }
  // What an ampersand separates in a query.
  if (const size_t joint = text.substr(begin, at - begin).rfind('&');
      joint != std::string_view::npos) {
    begin += joint + 1;
  }
  if (begin == at || text[at - 1] == '.') return std::nullopt;
  if (text.substr(begin, at - begin).find("..") != std::string_view::npos) return std::nullopt;
  const size_t domain = at + sign;
  const size_t end = domain_end(text, domain);
  if (end == domain) return std::nullopt;
  return Extent{begin, end};
}

// ---- addresses ----

std::optional<Extent> ipv4_at(std::string_view text, size_t at) {
  const char before = at > 0 ? text[at - 1] : '\0';
  if (before == '.' || before == '-' || before == '_') return std::nullopt;
  // Product/1.2.3.4 and "version 1.2.3.4"
  if (before == '/' && at > 1 && is_letter(text[at - 2])) return std::nullopt;
  if (before == ' ' && ends_with_word(text.substr(0, at - 1), "version")) return std::nullopt;
  size_t end = at;
  int dots = 0;
  while (end < text.size() && end - at < 16 && (is_digit(text[end]) || text[end] == '.')) {
    if (text[end] == '.') {
      if (dots == 3 || !is_digit(byte_at(text, end + 1))) break;
      ++dots;
    }
    ++end;
  }
  uint32_t address;
  if (dots != 3 || !parse_ipv4(text.substr(at, end - at), address)) return std::nullopt;
  const char behind = byte_at(text, end);
  if (is_alnum(behind) || behind == '_') return std::nullopt;
  if (behind == '.' && is_alnum(byte_at(text, end + 1))) return std::nullopt;
  if (behind == '-' && is_letter(byte_at(text, end + 1))) return std::nullopt;
  return Extent{at, end};
}

std::optional<Extent> ipv6_around(std::string_view text, size_t at) {
  constexpr size_t kLongest = 45;
  // Nearly every colon is refused here: an address has another one at most four digits on.
  size_t next = at + 1;
  while (next < at + 5 && is_hex(byte_at(text, next))) ++next;
  if (byte_at(text, next) != ':') return std::nullopt;
  size_t begin = at;
  while (begin > 0 && at - begin < 5 && is_hex(text[begin - 1])) --begin;
  const char before = begin > 0 ? text[begin - 1] : '\0';
  if (is_alnum(before) || before == ':' || before == '.' || before == '_') return std::nullopt;
  size_t end = at;
  while (end < text.size() && end - begin <= kLongest &&
         (is_hex(text[end]) || text[end] == ':' || text[end] == '.')) {
    ++end;
  }
  if (is_alnum(byte_at(text, end)) || byte_at(text, end) == '_') return std::nullopt;
  while (end > at && (text[end - 1] == '.' ||
                      (text[end - 1] == ':' && end - begin > 2 && text[end - 2] != ':'))) {
    --end;
  }
  const std::string_view address = text.substr(begin, end - begin);
  if (std::none_of(address.begin(), address.end(), is_digit)) return std::nullopt;
  // Eight pairs are a hardware address.
  if (address.size() == 23 && address.find("::") == std::string_view::npos &&
      address.find(':') == 2) {
    return std::nullopt;
  }
  if (!parse_ipv6(address)) return std::nullopt;
  return Extent{begin, end};
}

// ---- IBAN ----

namespace {

struct IbanCountry {
  std::array<char, 3> code;
  uint8_t length;
};
// By the registry of ISO 13616.
constexpr std::array<IbanCountry, 87> kIbanCountries = {
    {{{"AD"}, 24}, {{"AE"}, 23}, {{"AL"}, 28}, {{"AT"}, 20}, {{"AZ"}, 28}, {{"BA"}, 20},
     {{"BE"}, 16}, {{"BG"}, 22}, {{"BH"}, 22}, {{"BI"}, 27}, {{"BR"}, 29}, {{"BY"}, 28},
     {{"CH"}, 21}, {{"CR"}, 22}, {{"CY"}, 28}, {{"CZ"}, 24}, {{"DE"}, 22}, {{"DJ"}, 27},
     {{"DK"}, 18}, {{"DO"}, 28}, {{"EE"}, 20}, {{"EG"}, 29}, {{"ES"}, 24}, {{"FI"}, 18},
     {{"FK"}, 18}, {{"FO"}, 18}, {{"FR"}, 27}, {{"GB"}, 22}, {{"GE"}, 22}, {{"GI"}, 23},
     {{"GL"}, 18}, {{"GR"}, 27}, {{"GT"}, 28}, {{"HR"}, 21}, {{"HU"}, 28}, {{"IE"}, 22},
     {{"IL"}, 23}, {{"IQ"}, 23}, {{"IS"}, 26}, {{"IT"}, 27}, {{"JO"}, 30}, {{"KW"}, 30},
     {{"KZ"}, 20}, {{"LB"}, 28}, {{"LC"}, 32}, {{"LI"}, 21}, {{"LT"}, 20}, {{"LU"}, 20},
     {{"LV"}, 21}, {{"LY"}, 25}, {{"MC"}, 27}, {{"MD"}, 24}, {{"ME"}, 22}, {{"MK"}, 19},
     {{"MN"}, 20}, {{"MR"}, 27}, {{"MT"}, 31}, {{"MU"}, 30}, {{"NI"}, 28}, {{"NL"}, 18},
     {{"NO"}, 15}, {{"OM"}, 23}, {{"PK"}, 24}, {{"PL"}, 28}, {{"PS"}, 29}, {{"PT"}, 25},
     {{"QA"}, 29}, {{"RO"}, 24}, {{"RS"}, 22}, {{"RU"}, 33}, {{"SA"}, 24}, {{"SC"}, 31},
     {{"SD"}, 18}, {{"SE"}, 24}, {{"SI"}, 19}, {{"SK"}, 24}, {{"SM"}, 27}, {{"SO"}, 23},
     {{"ST"}, 25}, {{"SV"}, 28}, {{"TL"}, 23}, {{"TN"}, 24}, {{"TR"}, 26}, {{"UA"}, 29},
     {{"VA"}, 22}, {{"VG"}, 24}, {{"XK"}, 20}}};

size_t iban_length(char first, char second) {
  for (const IbanCountry& country : kIbanCountries) {
    if (country.code[0] == first && country.code[1] == second) return country.length;
  }
  return 0;
}

uint32_t append_mod97(uint32_t rest, char c) {
  if (is_digit(c)) return (rest * 10 + static_cast<uint32_t>(c - '0')) % 97;
  return (rest * 100 + static_cast<uint32_t>(lower(c) - 'a') + 10) % 97;
}

}  // namespace

std::optional<Extent> iban_around(std::string_view text, size_t at) {
  constexpr size_t kGroup = 4;
  if (at < 2 || !is_letter(text[at - 1]) || !is_letter(text[at - 2]) ||
      !is_digit(byte_at(text, at + 1))) {
    return std::nullopt;
  }
  const size_t begin = at - 2;
  if (begin > 0 && (is_alnum(text[begin - 1]) || text[begin - 1] == '_')) return std::nullopt;
  const auto upper = [](char c) { return static_cast<char>(lower(c) & ~0x20); };
  const size_t length = iban_length(upper(text[begin]), upper(text[begin + 1]));
  if (length == 0) return std::nullopt;
  // As one word, or in groups of four with one and the same separator.
  const char behind_group = byte_at(text, begin + kGroup);
  const char separator = behind_group == ' ' || behind_group == '-' ? behind_group : '\0';
  std::array<char, 34> characters;
  size_t end = begin;
  for (size_t i = 0; i < length; ++i) {
    if (separator != '\0' && i > 0 && i % kGroup == 0) {
      if (byte_at(text, end) != separator) return std::nullopt;
      ++end;
    }
    const char c = byte_at(text, end);
    if (!is_alnum(c)) return std::nullopt;
    characters[i] = c;
    ++end;
  }
  if (is_alnum(byte_at(text, end)) || byte_at(text, end) == '_') return std::nullopt;
  uint32_t rest = 0;
  for (size_t i = kGroup; i < length; ++i) rest = append_mod97(rest, characters[i]);
  for (size_t i = 0; i < kGroup; ++i) rest = append_mod97(rest, characters[i]);
  if (rest != 1) return std::nullopt;
  return Extent{begin, end};
}

}  // namespace flow::operators
