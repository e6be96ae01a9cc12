#include "operators/transforms/parse_syslog.hpp"

#include <memory>

#include "operators/common/syslog_options.hpp"

namespace flow::operators {

void ParseSyslog::describe(Description<Options>& d) {
  d.name("parse_syslog");
  d.summary("Takes syslog messages in a field apart, RFC 5424 and RFC 3164.");
  d.traits(FLOW_STATELESS | FLOW_CLOCK_DEPENDENT);
  d.doc(std::string(kSyslogColumnsDoc) +
        " A null fails with `null_text`. The column that was parsed is left out, and replaced by "
        "the message's own where it has that name.");
  d.example(R"(type = "parse_syslog"
inputs = ["lines"]
zone = "Europe/Berlin"
)");
  d.output("errors", "Rows whose text is no such message, as they came in.");
  describe_parse_target(d);
  describe_syslog(d);
}

void ParseSyslog::infer(const Options& options, Shared& shared, Inference& inference) {
  ParseTarget{options.field.name, options.prefix, options.keep_source}.infer(
      inference, shared.fields.logical(), false);
}

ParseSyslog::ParseSyslog(const Options& options, Shared& shared)
    : ParseTransform({options.field.name, options.prefix, options.keep_source},
                     std::make_unique<SyslogParser>(shared.fields)) {}

}  // namespace flow::operators
