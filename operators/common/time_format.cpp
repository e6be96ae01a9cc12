#include "operators/common/time_format.hpp"

#include <array>
#include <charconv>
#include <chrono>

#include "flow/host.hpp"
#include "operators/common/digits.hpp"
#include "operators/common/rfc3339.hpp"

namespace flow::operators {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kDay = 86'400;
constexpr std::string_view kKnown = "YymbhBdejaAHIpMSfzZsFTRDnt%L";
constexpr std::array<std::string_view, 12> kMonths = {
    "January", "February", "March",     "April",   "May",      "June",
    "July",    "August",   "September", "October", "November", "December"};
constexpr std::array<std::string_view, 7> kWeekdays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                       "Thursday", "Friday", "Saturday"};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool starts_with_word(std::string_view text, std::string_view word) {
  if (text.size() < word.size()) return false;
  for (size_t i = 0; i < word.size(); ++i) {
    if (lower(text[i]) != lower(word[i])) return false;
  }
  return true;
}

// The number of the name that `text` begins with, whole or its first three letters, which are
// removed; -1: none.
template <size_t kCount>
int take_name(std::string_view& text, const std::array<std::string_view, kCount>& names) {
  for (size_t i = 0; i < kCount; ++i) {
    for (const std::string_view name : {names[i], names[i].substr(0, 3)}) {
      if (!starts_with_word(text, name)) continue;
      text.remove_prefix(name.size());
      return static_cast<int>(i);
    }
  }
  return -1;
}

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

bool take_blanks(std::string_view& text) {
  size_t n = 0;
  while (n < text.size() && is_blank(text[n])) ++n;
  text.remove_prefix(n);
  return n > 0;
}

// One or two digits; with a blank in front where two are usual.
int take_one_or_two(std::string_view& text) {
  if (text.size() >= 2 && text[0] == ' ') text.remove_prefix(1);
  const int two = take_digits(text, 2);
  return two >= 0 ? two : take_digits(text, 1);
}

// Nanoseconds of a fraction with `digits` digits (0: as many as there are, those behind the ninth
// cut off); -1: no digit.
int64_t take_fraction(std::string_view& text, size_t digits) {
  int64_t value = 0;
  int64_t unit = kSecond / 10;
  size_t n = 0;
  while (n < text.size() && text[n] >= '0' && text[n] <= '9' && (digits == 0 || n < digits)) {
    value += (text[n] - '0') * unit;
    unit /= 10;
    ++n;
  }
  text.remove_prefix(n);
  return n == 0 || (digits != 0 && n != digits) ? -1 : value;
}

// Seconds east of Greenwich.
std::optional<int32_t> take_offset(std::string_view& text) {
  if (text.empty()) return std::nullopt;
  const char sign = text.front();
  text.remove_prefix(1);
  if (sign == 'Z' || sign == 'z') return 0;
  if (sign != '+' && sign != '-') return std::nullopt;
  const int hours = take_digits(text, 2);
  if (hours < 0 || hours > 23) return std::nullopt;
  const bool colon = !text.empty() && text.front() == ':';
  if (colon) text.remove_prefix(1);
  int minutes = take_digits(text, 2);
  if (minutes < 0 && !colon) minutes = 0;
  if (minutes < 0 || minutes > 59) return std::nullopt;
  const int32_t seconds = hours * 3600 + minutes * 60;
  return sign == '-' ? -seconds : seconds;
}

void append_padded(std::string& out, int64_t value, int digits, char pad = '0') {
  std::array<char, 24> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  for (auto missing = digits - (end - text.data()); missing > 0; --missing) out += pad;
  out.append(text.data(), end);
}

std::optional<int64_t> parse_epoch(std::string_view text, int64_t unit) {
  const bool negative = !text.empty() && text.front() == '-';
  const char* const end = text.data() + text.size();
  int64_t whole = 0;
  const auto read = std::from_chars(text.data(), end, whole);
  if (read.ec != std::errc()) return std::nullopt;
  int64_t fraction = 0;
  if (read.ptr != end) {
    if (*read.ptr != '.') return std::nullopt;
    std::string_view rest(read.ptr + 1, static_cast<size_t>(end - read.ptr) - 1);
    fraction = take_fraction(rest, 0);
    if (fraction < 0 || !rest.empty()) return std::nullopt;
    fraction /= kSecond / unit;
  }
  int64_t result = 0;
  if (__builtin_mul_overflow(whole, unit, &result) ||
      __builtin_add_overflow(result, negative ? -fraction : fraction, &result)) {
    return std::nullopt;
  }
  return result;
}

}  // namespace

struct TimeFormat::Fields {
  int year = 1970;
  int month = 1;
  int day = 1;
  int day_of_year = 0;  // 0: month and day count
  int hour = 0;
  int minute = 0;
  int second = 0;
  bool twelve = false;
  bool afternoon = false;
  unsigned weekday = 0;
  int64_t fraction = 0;
  std::optional<int32_t> offset;
  std::optional<int64_t> epoch;
  std::string_view abbreviation;
};

TimeFormat TimeFormat::compile(std::string_view format, std::string_view zone) {
  TimeFormat result;
  result.zone_ = TimeZone::find(zone);
  for (const auto& [name, unit] : {std::pair<std::string_view, int64_t>{"epoch_s", kSecond},
                                   {"epoch_ms", 1'000'000},
                                   {"epoch_us", 1'000},
                                   {"epoch_ns", 1}}) {
    if (format != name) continue;
    result.word_ = Word::kEpoch;
    result.epoch_unit_ = unit;
    return result;
  }
  if (format == "rfc3339") {
    result.word_ = Word::kRfc3339;
    return result;
  }
  if (format.find('%') == std::string_view::npos) {
    throw Failure("time format '" + std::string(format) +
                  "': there is no directive in it: write eg %Y-%m-%d %H:%M:%S, or one of rfc3339, "
                  "epoch_s, epoch_ms, epoch_us, epoch_ns");
  }
  for (size_t at = 0; at < format.size();) result.add(format, at, 0);
  result.has_year_ = false;
  for (const Step& step : result.steps_) {
    const char d = step.directive;
    result.has_year_ = result.has_year_ || d == 'Y' || d == 'y' || d == 's';
  }
  return result;
}

void TimeFormat::add(std::string_view format, size_t& at, size_t column_offset) {
  const char c = format[at];
  if (c != '%') {
    ++at;
    if (!is_blank(c)) {
      steps_.push_back({'\0', c});
    } else if (steps_.empty() || steps_.back().directive != ' ') {
      steps_.push_back({' '});
    }
    return;
  }
  const size_t begin = at++;
  const auto fail = [&](const std::string& what) {
    throw Failure("time format '" + std::string(format) + "': column " +
                  std::to_string(column_offset + begin + 1) + ": " + what);
  };
  uint8_t digits = 0;
  bool colon = false;
  if (at < format.size() && (format[at] == '3' || format[at] == '6' || format[at] == '9')) {
    digits = static_cast<uint8_t>(format[at++] - '0');
  } else if (at < format.size() && format[at] == ':') {
    colon = true;
    ++at;
  }
  const char directive = at < format.size() ? format[at++] : '\0';
  if (directive == '\0') fail("a directive ends here: write %% for a percent sign");
  if (kKnown.find(directive) == std::string_view::npos || (digits != 0 && directive != 'f') ||
      (colon && directive != 'z')) {
    fail("there is no directive " + std::string(format.substr(begin, at - begin)) +
         " (known: %Y %y %m %b %B %d %e %j %a %A %H %I %p %M %S %f %3f %6f %9f %L %z %:z %Z %s %F "
         "%T %R %D %n %t %%)");
  }
  const auto expand = [&](std::string_view meaning) {
    for (size_t i = 0; i < meaning.size();) add(meaning, i, begin);
  };
  switch (directive) {
    case 'F':
      return expand("%Y-%m-%d");
    case 'T':
      return expand("%H:%M:%S");
    case 'R':
      return expand("%H:%M");
    case 'D':
      return expand("%m/%d/%y");
    case 'L':
      return expand("%3f");
    case 'n':
    case 't':
      return expand(" ");
    case '%':
      steps_.push_back({'\0', '%'});
      return;
    default:
      steps_.push_back({directive, colon ? ':' : '\0', digits});
  }
}

bool TimeFormat::read(const Step& step, std::string_view& text, Fields& fields) {
  const auto within = [](int value, int least, int most) {
    return value >= least && value <= most;
  };
  switch (step.directive) {
    case '\0':
      if (text.empty() || text.front() != step.literal) return false;
      text.remove_prefix(1);
      return true;
    case ' ':
      return take_blanks(text);
    case 'Y':
      return within(fields.year = take_digits(text, 4), 1, 9999);
    case 'y':
      fields.year = take_digits(text, 2);
      if (fields.year < 0) return false;
      fields.year += fields.year < 69 ? 2000 : 1900;
      return true;
    case 'm':
      return within(fields.month = take_one_or_two(text), 1, 12);
    case 'b':
    case 'h':
    case 'B':
      return (fields.month = take_name(text, kMonths) + 1) > 0;
    case 'd':
    case 'e':
      return within(fields.day = take_one_or_two(text), 1, 31);
    case 'j':
      return within(fields.day_of_year = take_digits(text, 3), 1, 366);
    case 'a':
    case 'A':
      return take_name(text, kWeekdays) >= 0;
    case 'H':
      return within(fields.hour = take_one_or_two(text), 0, 23);
    case 'I':
      fields.twelve = true;
      return within(fields.hour = take_one_or_two(text), 1, 12);
    case 'p':
      fields.twelve = true;
      fields.afternoon = starts_with_word(text, "pm");
      if (!fields.afternoon && !starts_with_word(text, "am")) return false;
      text.remove_prefix(2);
      return true;
    case 'M':
      return within(fields.minute = take_digits(text, 2), 0, 59);
    case 'S':
      return within(fields.second = take_digits(text, 2), 0, 60);
    case 'f':
      return (fields.fraction = take_fraction(text, step.digits)) >= 0;
    case 'z':
      return (fields.offset = take_offset(text)).has_value();
    case 'Z':
      for (const std::string_view word : {"UTC", "GMT", "Z"}) {
        if (!starts_with_word(text, word)) continue;
        fields.offset = 0;
        text.remove_prefix(word.size());
        return true;
      }
      return false;
    default: {  // %s
      int64_t seconds = 0;
      const auto end = std::from_chars(text.data(), text.data() + text.size(), seconds);
      if (end.ec != std::errc()) return false;
      fields.epoch = seconds;
      text.remove_prefix(static_cast<size_t>(end.ptr - text.data()));
      return true;
    }
  }
}

std::optional<int64_t> TimeFormat::moment(const Fields& fields, std::optional<int64_t> now) const {
  int64_t seconds = 0;
  if (fields.epoch) {
    seconds = *fields.epoch;
  } else {
    int64_t days = 0;
    const std::chrono::year year(fields.year);
    if (fields.day_of_year > 0) {
      if (fields.day_of_year == 366 && !year.is_leap()) return std::nullopt;
      days =
          std::chrono::sys_days(year / 1 / 1).time_since_epoch().count() + fields.day_of_year - 1;
    } else {
      const std::chrono::year_month_day date(
          year, std::chrono::month(static_cast<unsigned>(fields.month)),
          std::chrono::day(static_cast<unsigned>(fields.day)));
      if (!date.ok()) return std::nullopt;
      days = std::chrono::sys_days(date).time_since_epoch().count();
    }
    int hour = fields.hour;
    if (fields.twelve) hour = hour % 12 + (fields.afternoon ? 12 : 0);
    const int64_t local = days * kDay + hour * 3600 + fields.minute * 60 + fields.second;
    seconds = fields.offset ? local - *fields.offset : zone_.to_utc(local);
  }
  const std::optional<int64_t> result = time_at(seconds, fields.fraction);
  if (!result || !now || has_year_) return result;
  // The year is not said: of the three around `now`, the one that comes nearest.
  const std::chrono::sys_days today{std::chrono::days(static_cast<int>(*now / kSecond / kDay))};
  const int this_year = static_cast<int>(std::chrono::year_month_day(today).year());
  std::optional<int64_t> nearest;
  uint64_t best = UINT64_MAX;
  for (int year = this_year - 1; year <= this_year + 1; ++year) {
    Fields dated = fields;
    dated.year = year;
    const std::optional<int64_t> candidate = moment(dated, std::nullopt);
    if (!candidate) continue;
    const uint64_t distance = *candidate > *now
                                  ? static_cast<uint64_t>(*candidate) - static_cast<uint64_t>(*now)
                                  : static_cast<uint64_t>(*now) - static_cast<uint64_t>(*candidate);
    if (distance < best) {
      best = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

std::optional<int64_t> TimeFormat::parse(std::string_view text, std::optional<int64_t> now) const {
  if (word_ == Word::kRfc3339) return parse_rfc3339(text);
  if (word_ == Word::kEpoch) return parse_epoch(text, epoch_unit_);
  Fields fields;
  if (!has_year_ && now) fields.year = 1972;  // has a 29th of February
  for (const Step& step : steps_) {
    if (!read(step, text, fields)) return std::nullopt;
  }
  if (!text.empty()) return std::nullopt;
  return moment(fields, now);
}

void TimeFormat::write(const Step& step, const Fields& fields, std::string& out) const {
  const auto name = [&out](std::string_view whole, bool is_short) {
    out += is_short ? whole.substr(0, 3) : whole;
  };
  switch (step.directive) {
    case '\0':
      out += step.literal;
      return;
    case ' ':
      out += ' ';
      return;
    case 'Y':
      return append_padded(out, fields.year, 4);
    case 'y':
      return append_padded(out, fields.year % 100, 2);
    case 'm':
      return append_padded(out, fields.month, 2);
    case 'b':
    case 'h':
    case 'B':
      return name(kMonths[static_cast<size_t>(fields.month) - 1], step.directive != 'B');
    case 'd':
      return append_padded(out, fields.day, 2);
    case 'e':
      return append_padded(out, fields.day, 2, ' ');
    case 'j':
      return append_padded(out, fields.day_of_year, 3);
    case 'a':
    case 'A':
      return name(kWeekdays[fields.weekday], step.directive == 'a');
    case 'H':
      return append_padded(out, fields.hour, 2);
    case 'I':
      return append_padded(out, (fields.hour + 11) % 12 + 1, 2);
    case 'p':
      out += fields.hour < 12 ? "AM" : "PM";
      return;
    case 'M':
      return append_padded(out, fields.minute, 2);
    case 'S':
      return append_padded(out, fields.second, 2);
    case 'f': {
      int64_t value = fields.fraction;
      const int digits = step.digits == 0 ? 9 : step.digits;
      for (int cut = digits; cut < 9; ++cut) value /= 10;
      return append_padded(out, value, digits);
    }
    case 'z': {
      const int32_t offset = fields.offset.value_or(0);
      const int32_t minutes = (offset < 0 ? -offset : offset) / 60;
      out += offset < 0 ? '-' : '+';
      append_padded(out, minutes / 60, 2);
      if (step.literal == ':') out += ':';
      return append_padded(out, minutes % 60, 2);
    }
    case 'Z':
      out += fields.abbreviation;
      return;
    default:
      return append_padded(out, fields.epoch.value_or(0), 1);
  }
}

void TimeFormat::format(int64_t nanoseconds, std::string& out) const {
  if (word_ == Word::kRfc3339) {
    std::array<char, kRfc3339Bytes> text;
    out.append(text.data(), format_rfc3339(nanoseconds, text.data()));
    return;
  }
  if (word_ == Word::kEpoch) {
    // Rounded down, also before 1970.
    const int64_t whole = nanoseconds / epoch_unit_;
    return append_padded(out, nanoseconds % epoch_unit_ < 0 ? whole - 1 : whole, 1);
  }
  const auto [seconds, fraction] = [&] {
    const int64_t whole = nanoseconds / kSecond;
    const int64_t rest = nanoseconds % kSecond;
    return rest < 0 ? std::pair(whole - 1, rest + kSecond) : std::pair(whole, rest);
  }();
  Fields fields;
  fields.fraction = fraction;
  fields.epoch = seconds;
  fields.offset = zone_.offset(seconds);
  fields.abbreviation = zone_.abbreviation(seconds);
  const int64_t local = seconds + *fields.offset;
  const int64_t days = local >= 0 ? local / kDay : (local - kDay + 1) / kDay;
  const auto of_day = static_cast<int>(local - days * kDay);
  const std::chrono::sys_days day{std::chrono::days(static_cast<int>(days))};
  const std::chrono::year_month_day date(day);
  fields.year = static_cast<int>(date.year());
  fields.month = static_cast<int>(static_cast<unsigned>(date.month()));
  fields.day = static_cast<int>(static_cast<unsigned>(date.day()));
  fields.day_of_year =
      static_cast<int>((day - std::chrono::sys_days(date.year() / 1 / 1)).count()) + 1;
  fields.weekday = std::chrono::weekday(day).c_encoding();
  fields.hour = of_day / 3600;
  fields.minute = of_day / 60 % 60;
  fields.second = of_day % 60;
  for (const Step& step : steps_) write(step, fields, out);
}

}  // namespace flow::operators
