// Syslog messages, RFC 5424 and RFC 3164.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "operators/common/field_rows.hpp"
#include "operators/common/row_parser.hpp"
#include "operators/common/time_format.hpp"

namespace flow::operators {

enum class SyslogFormat { kAuto, kRfc5424, kRfc3164 };

// What a parser needs to know beside the message.
struct SyslogOptions {
  SyslogFormat format = SyslogFormat::kAuto;
  std::string zone = "UTC";  // of RFC 3164's times, which name none
  int64_t year = 0;          // of those, which have none; 0: the one that is nearest to now
};

// Of all instances of a component: the columns, and the categories' texts.
class SyslogFields {
 public:
  // Throws OptionFailure for a zone that is none.
  explicit SyslogFields(const SyslogOptions& options);

  const SyslogOptions& options() const { return options_; }
  const TimeFormat& short_time() const { return short_time_; }
  // timestamp, facility, severity, hostname, appname, procid, msgid, structured_data, message.
  const std::vector<DeclaredField>& fields() const { return fields_; }
  Fields logical() const;

 private:
  SyslogOptions options_;
  TimeFormat short_time_;  // Oct 11 22:14:15, with the year in front if it is known
  std::vector<DeclaredField> fields_;
};

// About 80 ns a message. Fails with `bad_priority`, `bad_timestamp`, `bad_header` and
// `bad_structured_data`.
class SyslogParser final : public RowParser {
 public:
  // `fields` outlives it.
  explicit SyslogParser(const SyslogFields& fields) : fields_(fields), rows_(fields.fields()) {}

  void start(Host host, int64_t rows, const flow_column& texts) override;
  const char* add(std::string_view text, const TextPlace& place) override;
  std::vector<NewColumn> finish() override { return rows_.finish(); }

 private:
  const char* parse(std::string_view text, const TextPlace& place);
  const char* parse_5424(std::string_view rest, const TextPlace& place);
  const char* parse_3164(std::string_view rest, const TextPlace& place);
  // A time at the start of `rest`, which is removed with the space behind it. None: there is none.
  std::optional<int64_t> take_short_time(std::string_view& rest);
  bool take_structured_data(std::string_view& rest);
  void put_text(size_t column, std::string_view text, const TextPlace& place);
  const char* refuse(const char* reason, std::string_view rest, const char* what);

  const SyslogFields& fields_;
  FieldRows rows_;
  int64_t now_ = 0;
  const char* end_ = nullptr;  // of the message under way
  size_t size_ = 0;
  std::string time_text_;
  std::string json_;
  std::string value_;
};

}  // namespace flow::operators
