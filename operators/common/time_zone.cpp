#include "operators/common/time_zone.hpp"

#include <date/tz.h>

#include <algorithm>
#include <chrono>
#include <limits>

#include "flow/host.hpp"
#include "operators/common/digits.hpp"

namespace flow::operators {
namespace {

// "+02:00"; false: it is no offset.
bool read_offset(std::string_view text, int32_t& seconds) {
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') return false;
  const bool west = text[0] == '-';
  text.remove_prefix(1);
  const int hours = take_digits(text, 2);
  text.remove_prefix(1);
  const int minutes = text.size() == 2 ? take_digits(text, 2) : -1;
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return false;
  seconds = (hours * 3600 + minutes * 60) * (west ? -1 : 1);
  return true;
}

}  // namespace

TimeZone TimeZone::find(std::string_view name) {
  TimeZone zone;
  if (name == "UTC" || name == "Z" || name == "GMT" || name == "Etc/UTC") return zone;
  if (read_offset(name, zone.fixed_)) {
    zone.fixed_name_ = name;
    return zone;
  }
  const date::time_zone* known = nullptr;
  try {
    known = date::locate_zone(std::string(name));
  } catch (const std::exception&) {
    throw Failure("there is no time zone '" + std::string(name) +
                  "': write a name like Europe/Paris, UTC, or an offset like +02:00");
  }
  using Seconds = std::chrono::sys_seconds;
  auto table = std::make_shared<std::vector<Period>>();
  // Nanoseconds in 64 bits reach from 1677 to 2262.
  Seconds at{std::chrono::seconds(std::numeric_limits<int64_t>::min() / 1'000'000'000)};
  const Seconds end{std::chrono::seconds(std::numeric_limits<int64_t>::max() / 1'000'000'000)};
  while (at < end) {
    const date::sys_info info = known->get_info(at);
    table->push_back(
        {at.time_since_epoch().count(), static_cast<int32_t>(info.offset.count()), info.abbrev});
    if (info.end <= at) break;
    at = info.end;
  }
  zone.table_ = std::move(table);
  return zone;
}

const TimeZone::Period& TimeZone::period(int64_t utc_seconds) const {
  const auto after =
      std::upper_bound(table_->begin(), table_->end(), utc_seconds,
                       [](int64_t seconds, const Period& p) { return seconds < p.begin; });
  return after == table_->begin() ? *after : *(after - 1);
}

std::string_view TimeZone::abbreviation(int64_t utc_seconds) const {
  return table_ == nullptr ? std::string_view(fixed_name_) : period(utc_seconds).abbreviation;
}

int64_t TimeZone::to_utc(int64_t local_seconds) const {
  if (table_ == nullptr) return local_seconds - fixed_;
  // No offset reaches a day, and no two changes lie within two: the period a day earlier, or the
  // next one.
  constexpr int64_t kDay = 86400;
  const Period* early = &period(local_seconds - kDay);
  const Period* const last = &table_->back();
  const int64_t first = local_seconds - early->offset;
  if (early == last || first < early[1].begin) return first;
  const int64_t second = local_seconds - early[1].offset;
  return second < early[1].begin ? first : second;
}

}  // namespace flow::operators
