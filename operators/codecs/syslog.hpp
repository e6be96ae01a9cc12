// The codec `syslog`: streams of syslog messages.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "flow/operator.hpp"
#include "operators/common/syslog_framer.hpp"
#include "operators/common/syslog_parser.hpp"

namespace flow::operators {

class Syslog final : public Codec, public StreamContext {
 public:
  struct Options {
    SyslogFormat format = SyslogFormat::kAuto;
    SyslogFraming framing = SyslogFraming::kAuto;
    std::string zone = "UTC";
    int64_t year = 0;
    Size max_line{1 << 20};
  };
  struct Shared {
    // Throws OptionFailure for a zone that is none.
    Shared(const Options& options, Host) : fields({options.format, options.zone, options.year}) {}
    SyslogFields fields;
  };
  static void describe(Description<Options>& d);
  static void infer(const Options& options, Shared& shared, Inference& inference);

  Syslog(const Options& options, Shared& shared)
      : max_line_(options.max_line.bytes),
        framer_(options.framing, max_line_),
        splitter_(options.framing, max_line_),
        parser_(shared.fields) {}
  void open(Output& out) override;
  int64_t frame(std::string_view bytes, bool final) override { return framer_.frame(bytes, final); }
  std::string_view context() const override { return framer_.context(); }
  void resume(std::string_view context) override { framer_.resume(context); }
  void decode(const Batch& in, Output& out) override;
  void encode(const Batch& in, bool delimited, Output& out) override;

 private:
  int64_t max_line_;
  SyslogFramer framer_;
  SyslogSplitter splitter_;
  SyslogParser parser_;
  Metric invalid_utf8_rows_;
  std::vector<Line> taken_;
  std::string repaired_;
};

}  // namespace flow::operators
