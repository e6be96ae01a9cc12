// Times in text of a declared form, read and written.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "operators/common/time_zone.hpp"

namespace flow::operators {

// The directives, as reference pages list them (markdown).
inline constexpr std::string_view kTimeFormatDoc =
    "`rfc3339`, `epoch_s`, `epoch_ms`, `epoch_us`, `epoch_ns`, or a pattern of text and "
    "directives: "
    "%Y year, %y two digits of it (69 to 99 are 19..), %m month, %b or %h its English name, short "
    "or "
    "whole (%B writes the whole one), %d day (%e padded with a space), %j day of the year, %a and "
    "%A "
    "weekday's name (read, not checked), %H hour, %I hour of twelve, %p AM or PM, %M minute, %S "
    "second, %f fraction of a second (any number of digits, written with nine; %3f, %6f and %9f: "
    "so "
    "many), %z offset (+0200, +02:00 or Z; %:z writes the colon), %Z the zone's abbreviation "
    "(read: "
    "UTC, GMT or Z), %s seconds since 1970, %F = %Y-%m-%d, %T = %H:%M:%S, %R = %H:%M, %D = "
    "%m/%d/%y, "
    "%n, %t white space, %% a percent sign. A space stands for one or more blanks";

// A compiled form. [any]; cheap to copy.
class TimeFormat {
 public:
  // `zone`: of times that carry no offset themselves, and what format() writes. Throws Failure that
  // names the bad directive and its column, or the unknown zone.
  static TimeFormat compile(std::string_view format, std::string_view zone = "UTC");

  // Nanoseconds since 1970 UTC; none: the text has another form, says something impossible, or lies
  // outside the years 1677 to 2262. What the form leaves out is the beginning (a month without a
  // day its first, no year 1970). Nothing is allocated; some 20 to 50 ns.
  std::optional<int64_t> parse(std::string_view text) const { return parse(text, std::nullopt); }
  // The same; a form without a year has the year that brings the time nearest to `now`.
  std::optional<int64_t> parse(std::string_view text, std::optional<int64_t> now) const;
  // Appends.
  void format(int64_t nanoseconds, std::string& out) const;
  bool has_year() const { return has_year_; }

 private:
  enum class Word : uint8_t { kPattern, kRfc3339, kEpoch };
  struct Step {
    char directive;  // 0: the literal; ' ': blanks
    char literal = '\0';
    uint8_t digits = 0;  // of %f; 0: any
  };
  struct Fields;

  void add(std::string_view format, size_t& at, size_t column_offset);
  static bool read(const Step& step, std::string_view& text, Fields& fields);
  std::optional<int64_t> moment(const Fields& fields, std::optional<int64_t> now) const;
  void write(const Step& step, const Fields& fields, std::string& out) const;

  Word word_ = Word::kPattern;
  int64_t epoch_unit_ = 1;  // nanoseconds
  bool has_year_ = true;
  std::vector<Step> steps_;
  TimeZone zone_;
};

}  // namespace flow::operators
