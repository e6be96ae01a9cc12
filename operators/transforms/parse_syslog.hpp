// parse_syslog: a column of syslog messages into columns.
#pragma once

#include <string>

#include "operators/common/row_parser.hpp"
#include "operators/common/syslog_parser.hpp"

namespace flow::operators {

class ParseSyslog final : public ParseTransform {
 public:
  struct Options {
    Field field{"message"};
    SyslogFormat format = SyslogFormat::kAuto;
    std::string zone = "UTC";
    int64_t year = 0;
    std::string prefix;
    bool keep_source = false;
  };
  struct Shared {
    // Throws OptionFailure for a zone that is none.
    Shared(const Options& options, Host) : fields({options.format, options.zone, options.year}) {}
    SyslogFields fields;
  };
  static void describe(Description<Options>& d);
  static void infer(const Options& options, Shared& shared, Inference& inference);

  ParseSyslog(const Options& options, Shared& shared);
};

}  // namespace flow::operators
