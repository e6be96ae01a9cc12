// What the codec syslog and the transform parse_syslog say of themselves alike.
#pragma once

#include "flow/options.hpp"
#include "operators/common/syslog_parser.hpp"

namespace flow::operators {

// For the reference pages of the codec and of parse_syslog.
extern const char* const kSyslogColumnsDoc;

// Adds the options that both have.
template <class Options>
void describe_syslog(Description<Options>& d) {
  d.choice("format", &Options::format,
           {{"auto", SyslogFormat::kAuto},
            {"rfc5424", SyslogFormat::kRfc5424},
            {"rfc3164", SyslogFormat::kRfc3164}},
           "What messages look like. `auto` takes those with a `1` behind the priority for "
           "RFC 5424, at no cost.");
  d.option("zone", &Options::zone,
           "The time zone of RFC 3164's times, which name none, eg \"Europe/Berlin\".");
  d.option("year", &Options::year,
           "The year of RFC 3164's times, which have none. 0: the one that brings a time nearest "
           "to now, so that the result depends on the clock; give it to read old files.")
      .range(0, 9999);
}

}  // namespace flow::operators
