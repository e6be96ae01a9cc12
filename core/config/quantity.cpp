#include "core/config/quantity.hpp"

#include <array>
#include <cmath>
#include <limits>
#include <span>

#include "core/config/names.hpp"

namespace flowrun {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t factor;
};

// Largest first. Both spellings of a minute and a microsecond; formatting takes the first.
constexpr std::array<Unit, 9> kDurationUnits = {{{"d", 86'400'000'000'000},
                                                 {"h", 3'600'000'000'000},
                                                 {"m", 60'000'000'000},
                                                 {"min", 60'000'000'000},
                                                 {"s", 1'000'000'000},
                                                 {"ms", 1'000'000},
                                                 {"us", 1'000},
                                                 {"\u00B5s", 1'000},
                                                 {"ns", 1}}};

constexpr std::array<Unit, 9> kSizeUnits = {{{"TiB", std::int64_t{1} << 40},
                                             {"TB", 1'000'000'000'000},
                                             {"GiB", std::int64_t{1} << 30},
                                             {"GB", 1'000'000'000},
                                             {"MiB", std::int64_t{1} << 20},
                                             {"MB", 1'000'000},
                                             {"KiB", std::int64_t{1} << 10},
                                             {"kB", 1'000},
                                             {"B", 1}}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool same_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

struct Grammar {
  std::span<const Unit> units;
  std::string_view noun;      // "duration"
  std::string_view examples;  // for remedies
  std::string_view default_unit;
  bool several_parts;
  bool ignore_case;
};

constexpr Grammar kDuration = {
    kDurationUnits, "duration", R"(write for example "10s", "5ms" or "1h30m")", "s", true, false};
constexpr Grammar kSize = {kSizeUnits, "size", R"(write for example "256KiB" or "1MB")",
                           "B",        false,  true};

Quantity refused(std::string problem, std::string remedy) {
  return {std::nullopt, std::move(problem), std::move(remedy)};
}

const Unit* find_unit(const Grammar& grammar, std::string_view name) {
  for (const Unit& unit : grammar.units) {
    if (name == unit.name || (grammar.ignore_case && same_ignoring_case(name, unit.name))) {
      return &unit;
    }
  }
  return nullptr;
}

Quantity parse(std::string_view whole, const Grammar& grammar) {
  const std::string examples(grammar.examples);
  const std::string noun(grammar.noun);
  std::string_view rest = trimmed(whole);
  if (rest == "0") return {0, {}, {}};
  if (rest.empty()) return refused("is empty, not a " + noun, examples);
  if (rest.front() == '-') return refused(quote(whole) + " is negative", examples);

  std::int64_t total = 0;
  std::int64_t previous_factor = std::numeric_limits<std::int64_t>::max();
  bool first = true;
  while (!rest.empty()) {
    std::size_t end = 0;
    std::int64_t count = 0;
    bool overflow = false;
    for (; end < rest.size() && is_digit(rest[end]); ++end) {
      overflow |= __builtin_mul_overflow(count, std::int64_t{10}, &count);
      overflow |= __builtin_add_overflow(count, std::int64_t{rest[end] - '0'}, &count);
    }
    if (end == 0) return refused(quote(whole) + " is not a " + noun, examples);
    double fraction = 0;
    if (end + 1 < rest.size() && rest[end] == '.' && is_digit(rest[end + 1])) {
      double place = 0.1;
      for (++end; end < rest.size() && is_digit(rest[end]); ++end, place /= 10) {
        fraction += place * (rest[end] - '0');
      }
    }
    const std::string_view number = rest.substr(0, end);
    rest = trimmed(rest.substr(end));
    std::size_t unit_end = 0;
    while (unit_end < rest.size() && !is_digit(rest[unit_end]) && rest[unit_end] != ' ') ++unit_end;
    const std::string_view unit_name = rest.substr(0, unit_end);
    rest = trimmed(rest.substr(unit_end));
    if (unit_name.empty()) {
      if (!first) return refused(quote(whole) + " is not a " + noun, examples);
      return refused(quote(whole) + " has no unit", "write for example \"" + std::string(number) +
                                                        std::string(grammar.default_unit) + '"');
    }
    const Unit* unit = find_unit(grammar, unit_name);
    if (unit == nullptr) {
      std::vector<std::string> names;
      for (const Unit& known : grammar.units) names.emplace_back(known.name);
      return refused(quote(whole) + " has the unknown unit " + quote(unit_name),
                     "units are " + enumerate(names));
    }
    if (!first && (!grammar.several_parts || unit->factor >= previous_factor)) {
      return refused(quote(whole) + " is not a " + noun, examples);
    }
    previous_factor = unit->factor;
    first = false;
    overflow |= __builtin_mul_overflow(count, unit->factor, &count);
    overflow |= __builtin_add_overflow(total, count, &total);
    const auto rounded =
        static_cast<std::int64_t>(std::llround(fraction * static_cast<double>(unit->factor)));
    overflow |= __builtin_add_overflow(total, rounded, &total);
    if (overflow) return refused(quote(whole) + " is too large for a " + noun, examples);
  }
  return {total, {}, {}};
}

}  // namespace

Quantity parse_duration(std::string_view text) { return parse(text, kDuration); }

Quantity parse_size(std::string_view text) { return parse(text, kSize); }

std::string format_duration(std::int64_t nanoseconds) {
  if (nanoseconds == 0) return "0s";
  // The smallest value has no positive twin, so the rest stays negative if it begins so.
  std::string text = nanoseconds < 0 ? "-" : "";
  std::int64_t rest = nanoseconds;
  for (const Unit& unit : kDurationUnits) {
    const std::int64_t count = rest / unit.factor;
    if (count == 0) continue;
    text += std::to_string(count).substr(count < 0 ? 1 : 0);
    text += unit.name;
    rest %= unit.factor;
  }
  return text;
}

std::string format_size(std::int64_t bytes) {
  std::string shortest = std::to_string(bytes) + 'B';
  for (const Unit& unit : kSizeUnits) {
    if (bytes == 0 || bytes % unit.factor != 0) continue;
    const std::string text = std::to_string(bytes / unit.factor) + std::string(unit.name);
    if (text.size() < shortest.size()) shortest = text;
  }
  return shortest;
}

}  // namespace flowrun
