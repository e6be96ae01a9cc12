#include "operators/codecs/syslog.hpp"

#include <utility>

#include "operators/common/syslog_options.hpp"

namespace flow::operators {

void Syslog::describe(Description<Options>& d) {
  d.name("syslog");
  d.summary("Syslog messages, RFC 5424 and RFC 3164, as lines or with their length in front.");
  d.doc(std::string(kSyslogColumnsDoc) +
        "\n\nMessages end at LF or CR LF, or where the number of bytes in front of them says (RFC "
        "6587). Empty lines are dropped as \"empty line\". A message longer than `max_line` fails "
        "with `line_too_long`. Invalid UTF-8 is repaired and counted in the metric "
        "`invalid_utf8_rows`. It decodes only.");
  d.example("type = \"syslog\"\nzone = \"Europe/Berlin\"\n");
  d.traits(FLOW_STATELESS | FLOW_DECODES | FLOW_CLOCK_DEPENDENT);
  d.output("errors", "Messages that are none, or too long.");
  describe_syslog(d);
  d.choice("framing", &Options::framing,
           {{"auto", SyslogFraming::kAuto},
            {"newline", SyslogFraming::kNewline},
            {"octet_count", SyslogFraming::kOctetCount}},
           "Where messages end: at line ends; where a count before them says; or, with `auto`, by "
           "count where digits, a space and a `<` begin one, and at the line end otherwise. "
           "`newline` is the cheapest on the source's thread.");
  d.option("max_line", &Options::max_line,
           "The longest message, in bytes, that becomes a row. A count above it is taken for none. "
           "A source holds back up to that much for each partition, beside what it reads at once.")
      .range(1, 1 << 29);
}

void Syslog::infer(const Options&, Shared& shared, Inference& inference) {
  inference.output(shared.fields.logical());
}

void Syslog::open(Output& out) {
  invalid_utf8_rows_ =
      out.counter("invalid_utf8_rows", "Rows whose text had invalid UTF-8 that was repaired.");
}

void Syslog::decode(const Batch& in, Output& out) {
  splitter_.split(in);
  std::vector<RefusedLine> refused = refuse_too_long(splitter_.too_long(), max_line_);
  // The columns are always the same, so one batch holds all lines.
  BatchRoom room;
  size_t next = 0;
  const int64_t repaired =
      decode_lines(in, splitter_.lines(), next, room, parser_, refused, taken_, repaired_, out);
  if (repaired > 0) invalid_utf8_rows_.record(static_cast<double>(repaired));
  fail_lines(in, std::move(refused), max_line_, out);
  out.drop(splitter_.empty_lines(), "empty line");
}

void Syslog::encode(const Batch&, bool, Output&) {
  throw Failure("syslog: decodes only; write messages with the codec text");
}

}  // namespace flow::operators
