// Time zones by name: what a clock on the wall shows at a moment, and back.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace flow::operators {

// The rules of one zone. [any]; cheap to copy. Finding one reads the system's zone files (up to a
// millisecond); asking costs a search among some 200 changes, or nothing for UTC and fixed offsets.
// Rules are known up to the year 2037; later times have the offset of its end.
class TimeZone {
 public:
  // One of the names of the IANA database ("Europe/Paris"), "UTC", "Z", or an offset like "+02:00".
  // Throws Failure for another name.
  static TimeZone find(std::string_view name);
  // UTC.
  TimeZone() = default;

  bool is_utc() const { return table_ == nullptr && fixed_ == 0; }
  // Seconds east of Greenwich at a moment in seconds since 1970 UTC.
  int32_t offset(int64_t utc_seconds) const {
    return table_ == nullptr ? fixed_ : period(utc_seconds).offset;
  }
  // What the zone calls its time at that moment: "CET", "UTC", "+02:00".
  std::string_view abbreviation(int64_t utc_seconds) const;
  // The moment at which the zone's clocks show `local_seconds`. Of two such moments (clocks were
  // put back) the first; a time that they leapt over counts by the offset before the leap.
  int64_t to_utc(int64_t local_seconds) const;

 private:
  struct Period {
    int64_t begin;  // UTC seconds
    int32_t offset;
    std::string abbreviation;
  };
  const Period& period(int64_t utc_seconds) const;

  std::shared_ptr<const std::vector<Period>> table_;  // NULL: fixed_ at all times
  int32_t fixed_ = 0;
  std::string fixed_name_ = "UTC";
};

}  // namespace flow::operators
