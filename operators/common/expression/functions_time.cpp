// Functions of time.
#include <array>
#include <chrono>
#include <string>
#include <utility>

#include "flow/host.hpp"
#include "operators/common/expression/functions.hpp"
#include "operators/common/expression/kernels.hpp"
#include "operators/common/time_format.hpp"

namespace flow::operators {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kDay = 86'400;

struct Format final : StepData {
  TimeFormat format;
};

struct Truncation final : StepData {
  TimeZone zone;
};

enum class Unit : uint8_t { kSecond, kMinute, kHour, kDay, kWeek, kMonth, kQuarter, kYear };
constexpr std::array<std::pair<std::string_view, Unit>, 8> kUnits = {{{"second", Unit::kSecond},
                                                                      {"minute", Unit::kMinute},
                                                                      {"hour", Unit::kHour},
                                                                      {"day", Unit::kDay},
                                                                      {"week", Unit::kWeek},
                                                                      {"month", Unit::kMonth},
                                                                      {"quarter", Unit::kQuarter},
                                                                      {"year", Unit::kYear}}};

// How many whole units; every int64 has an answer, which its floor in the same unit would not have.
int64_t floor_div(int64_t value, int64_t unit) { return value / unit - (value % unit < 0 ? 1 : 0); }

// REQUIRES: a number of seconds made of nanoseconds, far from the ends of int64.
int64_t floor_to(int64_t value, int64_t unit) { return floor_div(value, unit) * unit; }

// Of seconds on the zone's clocks.
int64_t truncate_local(int64_t local, Unit unit) {
  switch (unit) {
    case Unit::kSecond:
      return local;
    case Unit::kMinute:
      return floor_to(local, 60);
    case Unit::kHour:
      return floor_to(local, 3600);
    case Unit::kDay:
      return floor_to(local, kDay);
    case Unit::kWeek:
      // 1970-01-05 was a Monday.
      return floor_to(local - 4 * kDay, 7 * kDay) + 4 * kDay;
    default: {
      const std::chrono::sys_days day{std::chrono::days(static_cast<int>(floor_div(local, kDay)))};
      const std::chrono::year_month_day date(day);
      unsigned month = static_cast<unsigned>(date.month());
      if (unit == Unit::kQuarter) month -= (month - 1) % 3;
      if (unit == Unit::kYear) month = 1;
      const std::chrono::sys_days first(date.year() / std::chrono::month(month) / 1);
      return int64_t{first.time_since_epoch().count()} * kDay;
    }
  }
}

void truncate_kernel(const StepCall& call) {
  const TimeZone& zone = call.data<Truncation>().zone;
  const auto unit = static_cast<Unit>(call.step.number);
  try_one<int64_t, int64_t>(call, [&zone, unit](int64_t time, int64_t& result) {
    const int64_t utc = floor_div(time, kSecond);
    int64_t begin = utc;
    if (unit <= Unit::kHour) {
      // Hours are cut by the offset in force, so that the hour that clocks repeat stays two.
      const int64_t offset = zone.offset(utc);
      begin = truncate_local(utc + offset, unit) - offset;
    } else {
      begin = zone.to_utc(truncate_local(utc + zone.offset(utc), unit));
    }
    return !__builtin_mul_overflow(begin, kSecond, &result);
  });
}

void parse_kernel(const StepCall& call) {
  const TimeFormat& format = call.data<Format>().format;
  try_one<int64_t, std::string_view>(call, [&format](std::string_view text, int64_t& result) {
    const std::optional<int64_t> time = format.parse(text);
    result = time.value_or(0);
    return time.has_value();
  });
}

void format_kernel(const StepCall& call) {
  const TimeFormat& format = call.data<Format>().format;
  std::string text;
  map_one<std::string_view, int64_t>(call, [&](int64_t time) {
    text.clear();
    format.format(time, text);
    return call.out.texts.copy(text);
  });
}

void now_kernel(const StepCall& call) {
  *call.out.write<int64_t>(1) = call.now;
  call.out.constant = true;
}

// The key of a step tells the formats of different calls apart.
std::pair<std::shared_ptr<Format>, std::string> format_of(const BoundCall& call) {
  const std::string written = call.binder.constant_text(call[1], call.offset(1), "a time format");
  const std::string zone =
      call.size() > 2 ? call.binder.constant_text(call[2], call.offset(2), "a time zone") : "UTC";
  auto data = std::make_shared<Format>();
  try {
    data->format = TimeFormat::compile(written, zone);
  } catch (const Failure& failure) {
    const bool of_zone = std::string_view(failure.what()).starts_with("there is no time zone");
    call.binder.fail(call.offset(of_zone && call.size() > 2 ? 2 : 1), failure.what());
  }
  std::string key = call.node.name;
  key.append(" ").append(written).append("\x1e").append(zone);
  return {data, key};
}

int bind_parse(const BoundCall& call) {
  auto [format, key] = format_of(call);
  return call.binder.strict(key, Kind::kTimestamp, parse_kernel,
                            {call.binder.as_text(call[0], call.offset(0))}, format);
}

int bind_format(const BoundCall& call) {
  auto [format, key] = format_of(call);
  return call.binder.strict(key, Kind::kText, format_kernel,
                            {call.binder.as_timestamp(call[0], call.offset(0))}, format);
}

int bind_truncate(const BoundCall& call) {
  const std::string written = call.binder.constant_text(call[1], call.offset(1), "a unit");
  const auto* unit = std::find_if(kUnits.begin(), kUnits.end(),
                                  [&](const auto& known) { return known.first == written; });
  if (unit == kUnits.end()) {
    call.binder.fail(call.offset(1), "there is no unit '" + written +
                                         "': second, minute, hour, day, week, month, quarter or "
                                         "year");
  }
  const std::string zone =
      call.size() > 2 ? call.binder.constant_text(call[2], call.offset(2), "a time zone") : "UTC";
  auto data = std::make_shared<Truncation>();
  try {
    data->zone = TimeZone::find(zone);
  } catch (const Failure& failure) {
    call.binder.fail(call.offset(2), failure.what());
  }
  return call.binder.strict("truncate " + zone, Kind::kTimestamp, truncate_kernel,
                            {call.binder.as_timestamp(call[0], call.offset(0))}, data,
                            static_cast<int64_t>(unit->second));
}

const std::array<Function, 4> kFunctions = {{
    {"now", "Time", "now() -> timestamp",
     "The time at which the batch is worked on, one for all its rows: the result depends on the "
     "run.",
     "now() > '2020-01-01T00:00:00Z'", "true", 0, 0,
     [](const BoundCall& call) {
       return call.binder.program().add("now", Kind::kTimestamp, now_kernel, {}, nullptr, 0, true);
     }},
    {"parse_time", "Time", "parse_time(text, 'format'[, 'zone']) -> timestamp",
     "The time that the text spells; null if it has another form. `zone`: of times without an "
     "offset, eg 'Europe/Paris' or '+02:00', else UTC. The format is below.",
     "parse_time('28/Oct/2025 11:15', '%d/%b/%Y %H:%M', 'Europe/Paris') == '2025-10-28T10:15:00Z'",
     "true", 2, 3, bind_parse},
    {"format_time", "Time", "format_time(time, 'format'[, 'zone']) -> text",
     "The time in that form, as the zone's clocks show it.",
     "format_time('2025-07-28T10:15:30Z', '%d.%m.%Y %H:%M %Z', 'Europe/Paris')",
     "'28.07.2025 12:15 CEST'", 2, 3, bind_format},
    {"truncate", "Time", "truncate(time, 'unit'[, 'zone']) -> timestamp",
     "The beginning of the second, minute, hour, day, week (Monday), month, quarter or year that "
     "it lies in, by the zone's clocks.",
     "truncate('2025-10-28T10:15:30Z', 'day', 'Europe/Paris') == '2025-10-27T23:00:00Z'", "true", 2,
     3, bind_truncate},
}};

}  // namespace

std::span<const Function> time_functions() { return kFunctions; }

}  // namespace flow::operators
