// Card and telephone numbers: digits in groups.
#include <algorithm>
#include <array>
#include <cstdint>

#include "operators/transforms/redact_detectors.hpp"

namespace flow::operators {
namespace {

// ---- groups of digits ----

struct DigitGroup {
  size_t begin;
  size_t length;
  bool bracketed;
};

// At most kMost groups, each with what stands between it and the one before.
struct DigitGroups {
  static constexpr size_t kMost = 8;
  static constexpr size_t kMostDigits = 19;

  std::array<DigitGroup, kMost> groups;
  std::array<std::string_view, kMost> separators;
  size_t count = 0;

  size_t digits(size_t groups_taken) const {
    size_t sum = 0;
    for (size_t i = 0; i < groups_taken; ++i) sum += groups[i].length;
    return sum;
  }
  size_t length(size_t index) const { return index < count ? groups[index].length : 0; }
  size_t end(size_t groups_taken) const {
    const DigitGroup& last = groups[groups_taken - 1];
    return last.begin + last.length + (last.bracketed ? 1 : 0);
  }
};

bool is_separator(char c) { return c == ' ' || c == '-' || c == '.' || c == '/'; }

// The groups from the digit at `at` on, which a bracket may stand before.
DigitGroups groups_from(std::string_view text, size_t at, bool bracketed) {
  DigitGroups result;
  size_t digits = 0;
  while (result.count < DigitGroups::kMost) {
    size_t end = at;
    while (is_digit(byte_at(text, end)) && end - at <= DigitGroups::kMostDigits) ++end;
    if (end == at) break;
    digits += end - at;
    if (bracketed && byte_at(text, end) != ')') break;
    result.groups[result.count] = {at, end - at, bracketed};
    ++result.count;
    if (digits > DigitGroups::kMostDigits) break;
    if (bracketed) ++end;
    // One separator, a bracket, or a separator and a bracket.
    size_t next = end;
    if (is_separator(byte_at(text, next))) ++next;
    const bool opens = byte_at(text, next) == '(';
    if (opens) ++next;
    if (next == end && !bracketed) break;
    if (result.count < DigitGroups::kMost) {
      result.separators[result.count] = text.substr(end, next - end - (opens ? 1 : 0));
    }
    bracketed = opens;
    at = next;
  }
  return result;
}

// Whether a number may stand between these: not a part of something longer.
bool may_begin(std::string_view text, size_t begin) {
  if (begin == 0) return true;
  const char before = text[begin - 1];
  if (is_alnum(before) || before == '-' || before == '.' || before == '_' || before == '/') {
    return false;
  }
  return before != ':' || begin < 2 || !is_digit(text[begin - 2]);
}
bool may_end(std::string_view text, size_t end) {
  const char behind = byte_at(text, end);
  if (is_alnum(behind) || behind == '_') return false;
  const char next = byte_at(text, end + 1);
  if (behind == '-') return !is_alnum(next);
  return (behind != '.' && behind != '/' && behind != ':') || !is_digit(next);
}

// ---- cards ----

bool luhn(const std::array<uint8_t, 20>& digits, size_t count) {
  uint32_t sum = 0;
  for (size_t i = 0; i < count; ++i) {
    uint32_t digit = digits[count - 1 - i];
    if (i % 2 == 1) {
      digit *= 2;
      if (digit > 9) digit -= 9;
    }
    sum += digit;
  }
  return sum % 10 == 0;
}

// The lengths that numbers with these first six digits have, a bit each; 0: of no known issuer.
uint32_t card_lengths(uint32_t first_six) {
  const auto within = [&](uint32_t low, uint32_t high, uint32_t digits) {
    uint32_t head = first_six;
    for (uint32_t i = digits; i < 6; ++i) head /= 10;
    return head >= low && head <= high;
  };
  const auto bits = [](uint32_t low, uint32_t high) {
    return (~uint32_t{0} << low) & ~(~uint32_t{0} << (high + 1));
  };
  if (within(4, 4, 1)) return 1U << 13 | 1U << 16 | 1U << 19;           // Visa
  if (within(51, 55, 2) || within(2221, 2720, 4)) return 1U << 16;      // Mastercard
  if (within(34, 34, 2) || within(37, 37, 2)) return 1U << 15;          // American Express
  if (within(300, 305, 3) || within(36, 36, 2) || within(38, 39, 2)) {  // Diners Club
    return 1U << 14 | 1U << 16;
  }
  if (within(6011, 6011, 4) || within(644, 659, 3)) return bits(16, 19);  // Discover
  if (within(3528, 3589, 4)) return bits(16, 19);                         // JCB
  if (within(62, 62, 2)) return bits(16, 19);                             // UnionPay
  if (within(5018, 5018, 4) || within(5020, 5020, 4) || within(5038, 5038, 4) ||
      within(5893, 5893, 4) || within(6304, 6304, 4) || within(6759, 6763, 4)) {
    return bits(12, 19);  // Maestro
  }
  return 0;
}

// How the digits of a card are printed: whole, in fours, or 4-6-5 and 4-6-4.
bool printed_as_card(const DigitGroups& found, size_t groups) {
  if (groups == 1) return true;
  for (size_t i = 1; i < groups; ++i) {
    if (found.separators[i] != found.separators[1]) return false;
  }
  if (found.separators[1] != " " && found.separators[1] != "-") return false;
  if (groups == 3) {
    return found.length(0) == 4 && found.length(1) == 6 &&
           (found.length(2) == 5 || found.length(2) == 4);
  }
  for (size_t i = 0; i + 1 < groups; ++i) {
    if (found.length(i) != 4) return false;
  }
  return groups >= 4 && groups <= 5 && found.length(groups - 1) <= 4;
}

bool is_card(std::string_view text, const DigitGroups& found, size_t groups) {
  const size_t count = found.digits(groups);
  if (count < 12 || count > 19 || !printed_as_card(found, groups)) return false;
  std::array<uint8_t, 20> digits{};
  size_t n = 0;
  uint32_t first_six = 0;
  for (size_t i = 0; i < groups; ++i) {
    for (size_t at = 0; at < found.groups[i].length; ++at) {
      digits[n] = static_cast<uint8_t>(text[found.groups[i].begin + at] - '0');
      if (n < 6) first_six = first_six * 10 + digits[n];
      ++n;
    }
  }
  return (card_lengths(first_six) >> count & 1) != 0 && luhn(digits, count);
}

// ---- telephones ----

bool joined_by(const DigitGroups& found, size_t index, std::string_view any_of) {
  const std::string_view separator = found.separators[index];
  return separator.size() == 1 && any_of.find(separator.front()) != std::string_view::npos;
}

// +49 30 1234567: 8 to 15 digits, the country's first. The most groups that fit.
size_t international(std::string_view text, const DigitGroups& found) {
  if (text[found.groups[0].begin] == '0' || found.groups[0].bracketed) return 0;
  for (size_t groups = found.count; groups > 0; --groups) {
    const size_t digits = found.digits(groups);
    if (digits >= 8 && digits <= 15 && may_end(text, found.end(groups))) return groups;
  }
  return 0;
}

// 212-555-0123, (212) 555-0123, 1 212 555 0123. Area and exchange begin with 2 to 9, and no area
// is 211 to 911.
size_t north_american(std::string_view text, const DigitGroups& found) {
  const size_t first =
      found.count > 3 && found.length(0) == 1 && text[found.groups[0].begin] == '1' ? 1 : 0;
  if (found.count < first + 3 || found.length(first) != 3 || found.length(first + 1) != 3 ||
      found.length(first + 2) != 4) {
    return 0;
  }
  const char* const area = text.data() + found.groups[first].begin;
  const char exchange = text[found.groups[first + 1].begin];
  if (area[0] < '2' || exchange < '2' || (area[1] == '1' && area[2] == '1')) return 0;
  if (!joined_by(found, first + 2, " -.")) return 0;
  if (!found.groups[first].bracketed) {
    if (!joined_by(found, first + 1, " -./")) return 0;
    const bool same = found.separators[first + 1] == found.separators[first + 2];
    const bool spaced = found.separators[first + 1] == " " && found.separators[first + 2] == "-";
    const bool sloped = found.separators[first + 1] == "/" && found.separators[first + 2] == "-";
    if (!same && !spaced && !sloped) return 0;
  }
  if (found.groups[first + 1].bracketed || found.groups[first + 2].bracketed) return 0;
  return may_end(text, found.end(first + 3)) ? first + 3 : 0;
}

// 020 7946 0958, 030/1234567, (01632) 960123, and 00 49 30 1234567.
size_t with_trunk_zero(std::string_view text, const DigitGroups& found) {
  const DigitGroup& area = found.groups[0];
  // The zero is the first digit of all: in a row of groups it begins nothing.
  if (area.begin > 1 && text[area.begin - 1] == ' ' && is_digit(text[area.begin - 2])) return 0;
  if (text[area.begin] != '0' || area.length < 2 || area.length > 5) return 0;
  const bool abroad = text[area.begin + 1] == '0';
  for (size_t groups = found.count; groups > 1; --groups) {
    const size_t digits = found.digits(groups);
    if (digits < 10 || digits > (abroad ? 17U : 12U)) continue;
    if (!may_end(text, found.end(groups))) continue;
    bool regular = true;
    for (size_t i = 1; i < groups; ++i) {
      regular &= found.length(i) >= 2 && !found.groups[i].bracketed;
      if (i == 1) {
        regular &= area.bracketed || joined_by(found, i, " -./");
      } else {
        regular &= joined_by(found, i, " -.") && found.separators[i] == found.separators[2];
      }
    }
    if (regular) return groups;
  }
  return 0;
}

}  // namespace

std::optional<Extent> card_at(std::string_view text, size_t at) {
  if (!may_begin(text, at)) return std::nullopt;
  const DigitGroups found = groups_from(text, at, false);
  for (size_t groups = found.count; groups > 0; --groups) {
    const size_t end = found.end(groups);
    if (is_card(text, found, groups) && may_end(text, end)) return Extent{at, end};
  }
  return std::nullopt;
}

std::optional<Extent> phone_at(std::string_view text, size_t at) {
  const bool bracketed = at > 0 && text[at - 1] == '(';
  size_t begin = bracketed ? at - 1 : at;
  const bool plus = begin > 0 && text[begin - 1] == '+';
  if (plus) --begin;
  if (!may_begin(text, begin)) return std::nullopt;
  DigitGroups found = groups_from(text, at, bracketed);
  if (found.count == 0 && bracketed && !plus) {
    // The bracket closes further on: it is not the number's.
    ++begin;
    found = groups_from(text, at, false);
  }
  if (found.count == 0) return std::nullopt;
  size_t groups = 0;
  if (plus) {
    groups = international(text, found);
  } else {
    groups = north_american(text, found);
    if (groups == 0) groups = with_trunk_zero(text, found);
  }
  if (groups == 0) return std::nullopt;
  return Extent{begin, found.end(groups)};
}

}  // namespace flow::operators
