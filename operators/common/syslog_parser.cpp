#include "operators/common/syslog_parser.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "operators/common/json_writer.hpp"
#include "operators/common/rfc3339.hpp"
#include "operators/common/syslog_options.hpp"

namespace flow::operators {
namespace {

enum SyslogColumn : size_t {
  kTimestamp,
  kFacility,
  kSeverity,
  kHostname,
  kAppname,
  kProcid,
  kMsgid,
  kStructuredData,
  kMessage
};

constexpr std::array<std::string_view, 24> kFacilities = {
    "kern",   "user",   "mail",     "daemon", "auth",   "syslog", "lpr",    "news",
    "uucp",   "cron",   "authpriv", "ftp",    "ntp",    "audit",  "alert",  "clock",
    "local0", "local1", "local2",   "local3", "local4", "local5", "local6", "local7"};
constexpr std::array<std::string_view, 8> kSeverities = {"emerg",   "alert",  "crit", "err",
                                                         "warning", "notice", "info", "debug"};
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr size_t kShortTime = 15;  // Oct 11 22:14:15

// The text up to the next space, which is removed with it; "" if there is no space.
std::string_view take_word(std::string_view& rest) {
  const size_t space = rest.find(' ');
  if (space == std::string_view::npos) return {};
  const std::string_view word = rest.substr(0, space);
  rest.remove_prefix(space + 1);
  return word;
}

TimeFormat compile_short_time(const SyslogOptions& options) {
  try {
    return TimeFormat::compile(options.year > 0 ? "%Y %b %e %H:%M:%S" : "%b %e %H:%M:%S",
                               options.zone);
  } catch (const Failure& failure) {
    throw OptionFailure("zone", failure.what());
  }
}

void append_json_text(std::string_view text, std::string& out) {
  const size_t begin = out.size();
  out.resize(begin + text.size() * kEscapeExpansion + kWriteSlack);
  const char* const end = write_escaped(out.data() + begin, text);
  out.resize(static_cast<size_t>(end - out.data()));
}

}  // namespace

const char* const kSyslogColumnsDoc =
    "Gives the columns `timestamp`, `facility` and `severity` (categories: `auth`, `warning`), "
    "`hostname`, `appname`, `procid`, `msgid`, `structured_data` and `message`; what a message "
    "does "
    "not have, or has as `-`, is null. Structured data becomes one JSON object with an object for "
    "each id.\n\n"
    "A message without a priority is taken as RFC 3164, as files in `/var/log` have it. There, the "
    "host name may be missing, and the time may be like 2025-10-28T10:15:30Z.\n\n"
    "What is no message fails with `bad_priority`, `bad_timestamp`, `bad_header` or "
    "`bad_structured_data`, with the place in it. Texts are views of the bytes as they were read; "
    "about 80 ns a message.";

SyslogFields::SyslogFields(const SyslogOptions& options)
    : options_(options), short_time_(compile_short_time(options)) {
  const auto category = [](const char* name) {
    return DeclaredField{name, FLOW_CATEGORY, {}, std::make_shared<SharedDictionary>()};
  };
  const auto text = [](const char* name) { return DeclaredField{name, FLOW_TEXT, {}, {}}; };
  fields_ = {{"timestamp", FLOW_TIMESTAMP, {}, {}},
             category("facility"),
             category("severity"),
             text("hostname"),
             text("appname"),
             text("procid"),
             text("msgid"),
             {"structured_data", FLOW_JSON, {}, {}},
             text("message")};
}

Fields SyslogFields::logical() const {
  Fields fields;
  for (const DeclaredField& field : fields_) fields.emplace_back(field.name, field.logical_type());
  return fields;
}

void SyslogParser::start(Host host, int64_t rows, const flow_column& texts) {
  rows_.start(host, rows, texts);
  now_ = host.now();
}

const char* SyslogParser::refuse(const char* reason, std::string_view rest, const char* what) {
  const auto at = size_ - static_cast<size_t>(end_ - rest.data());
  message_ = "column " + std::to_string(at + 1) + ": " + what;
  return reason;
}

void SyslogParser::put_text(size_t column, std::string_view text, const TextPlace& place) {
  if (text.empty() || text == "-") return;
  rows_.put_text(column, text, place);
}

const char* SyslogParser::add(std::string_view text, const TextPlace& place) {
  end_ = text.data() + text.size();
  size_ = text.size();
  const char* const reason = parse(text, place);
  if (reason == nullptr) {
    rows_.end_row();
  } else {
    rows_.forget_row();
  }
  return reason;
}

const char* SyslogParser::parse(std::string_view text, const TextPlace& place) {
  std::string_view rest = text;
  if (rest.starts_with('<')) {
    size_t priority = 0;
    size_t at = 1;
    while (at < rest.size() && at < 4 && rest[at] >= '0' && rest[at] <= '9') {
      priority = priority * 10 + static_cast<size_t>(rest[at] - '0');
      ++at;
    }
    if (at == 1 || at >= rest.size() || rest[at] != '>' ||
        priority >= kFacilities.size() * kSeverities.size()) {
      return refuse("bad_priority", rest, "a priority is <0> to <191>");
    }
    rows_.put_text(kFacility, kFacilities[priority / kSeverities.size()], {});
    rows_.put_text(kSeverity, kSeverities[priority % kSeverities.size()], {});
    rest.remove_prefix(at + 1);
  } else if (fields_.options().format == SyslogFormat::kRfc5424) {
    return refuse("bad_priority", rest, "the message does not begin with a priority");
  }
  const bool is_5424 = fields_.options().format == SyslogFormat::kRfc5424 ||
                       (fields_.options().format == SyslogFormat::kAuto && rest.starts_with("1 "));
  return is_5424 ? parse_5424(rest, place) : parse_3164(rest, place);
}

const char* SyslogParser::parse_5424(std::string_view rest, const TextPlace& place) {
  if (!rest.starts_with("1 ")) return refuse("bad_header", rest, "the version is not 1");
  rest.remove_prefix(2);
  const std::string_view before_time = rest;
  const std::string_view time = take_word(rest);
  if (time != "-") {
    const std::optional<int64_t> moment = parse_rfc3339(time);
    if (!moment) {
      return refuse("bad_timestamp", before_time, "this is no time like 2025-10-28T10:15:30.5Z");
    }
    rows_.column(kTimestamp).put_int64(rows_.row(), *moment);
  }
  for (const SyslogColumn column : {kHostname, kAppname, kProcid, kMsgid}) {
    const std::string_view before = rest;
    const std::string_view word = take_word(rest);
    if (word.empty()) {
      return refuse("bad_header", before,
                    "the header has host name, application, process and message kind, a space "
                    "behind each");
    }
    put_text(column, word, place);
  }
  const std::string_view before_data = rest;
  if (rest.starts_with('[')) {
    if (!take_structured_data(rest)) {
      return refuse("bad_structured_data", before_data,
                    "structured data is like [id name=\"value\"]");
    }
    rows_.put_text(kStructuredData, json_, {});
  } else if (rest.starts_with('-')) {
    rest.remove_prefix(1);
  } else {
    return refuse("bad_structured_data", rest, "neither structured data nor a - is here");
  }
  if (rest.empty()) return nullptr;
  if (rest[0] != ' ') {
    return refuse("bad_structured_data", rest, "there is no space before the message");
  }
  rest.remove_prefix(1);
  if (rest.starts_with(kByteOrderMark)) rest.remove_prefix(kByteOrderMark.size());
  if (!rest.empty()) rows_.put_text(kMessage, rest, place);
  return nullptr;
}

// [id name="value" ...]... as {"id":{"name":"value"},...}.
bool SyslogParser::take_structured_data(std::string_view& rest) {
  constexpr std::string_view kNameEnds = " =]\"";
  json_ = "{";
  while (rest.starts_with('[')) {
    rest.remove_prefix(1);
    const size_t id_end = rest.find_first_of(kNameEnds);
    if (id_end == 0 || id_end == std::string_view::npos) return false;
    if (json_.size() > 1) json_ += ',';
    json_ += '"';
    append_json_text(rest.substr(0, id_end), json_);
    json_ += "\":{";
    rest.remove_prefix(id_end);
    for (bool first = true; rest.starts_with(' '); first = false) {
      rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
      if (rest.starts_with(']')) break;
      const size_t name_end = rest.find_first_of(kNameEnds);
      if (name_end == 0 || name_end == std::string_view::npos ||
          rest.substr(name_end, 2) != "=\"") {
        return false;
      }
      if (!first) json_ += ',';
      json_ += '"';
      append_json_text(rest.substr(0, name_end), json_);
      json_ += "\":\"";
      rest.remove_prefix(name_end + 2);
      value_.clear();
      while (true) {
        const size_t stop = rest.find_first_of("\"\\");
        if (stop == std::string_view::npos) return false;
        value_.append(rest.substr(0, stop));
        const bool is_end = rest[stop] == '"';
        rest.remove_prefix(stop + 1);
        if (is_end) break;
        // A backslash before anything else than these three stands for itself.
        if (rest.empty()) return false;
        if (rest[0] != '"' && rest[0] != '\\' && rest[0] != ']') value_ += '\\';
        value_ += rest[0];
        rest.remove_prefix(1);
      }
      append_json_text(value_, json_);
      json_ += '"';
    }
    if (!rest.starts_with(']')) return false;
    rest.remove_prefix(1);
    json_ += '}';
  }
  json_ += '}';
  return true;
}

std::optional<int64_t> SyslogParser::take_short_time(std::string_view& rest) {
  if (rest.size() < kShortTime) return std::nullopt;
  std::string_view text = rest.substr(0, kShortTime);
  if (fields_.options().year > 0) {
    time_text_ = std::to_string(fields_.options().year);
    time_text_ += ' ';
    time_text_.append(text);
    text = time_text_;
  }
  const std::optional<int64_t> moment = fields_.short_time().parse(text, now_);
  if (moment) rest.remove_prefix(kShortTime);
  return moment;
}

const char* SyslogParser::parse_3164(std::string_view rest, const TextPlace& place) {
  std::optional<int64_t> moment = take_short_time(rest);
  if (!moment) {
    // What some daemons write in its place.
    std::string_view after = rest;
    moment = parse_rfc3339(take_word(after));
    if (!moment) {
      return refuse("bad_timestamp", rest,
                    "this is no time like Oct 11 22:14:15 or 2025-10-28T10:15:30Z");
    }
    rest = after;
  } else if (rest.starts_with(' ')) {
    rest.remove_prefix(1);
  } else {
    return refuse("bad_header", rest, "there is no space behind the time");
  }
  rows_.column(kTimestamp).put_int64(rows_.row(), *moment);

  // A host name, unless the first word is a tag: `su:` or `su[12]:`.
  const size_t space = rest.find(' ');
  if (space != std::string_view::npos && space > 0 && rest[space - 1] != ':') {
    put_text(kHostname, rest.substr(0, space), place);
    rest.remove_prefix(space + 1);
  }
  const size_t tag = rest.find_first_of(" :[");
  if (tag != 0 && tag != std::string_view::npos && rest[tag] != ' ') {
    size_t end = tag;
    std::string_view process;
    if (rest[tag] == '[') {
      const size_t close = rest.find(']', tag);
      if (close != std::string_view::npos) {
        process = rest.substr(tag + 1, close - tag - 1);
        end = close + 1;
      }
    }
    if (end < rest.size() && rest[end] == ':') {
      put_text(kAppname, rest.substr(0, tag), place);
      put_text(kProcid, process, place);
      rest.remove_prefix(end + 1);
      if (rest.starts_with(' ')) rest.remove_prefix(1);
    }
  }
  if (!rest.empty()) rows_.put_text(kMessage, rest, place);
  return nullptr;
}

}  // namespace flow::operators
