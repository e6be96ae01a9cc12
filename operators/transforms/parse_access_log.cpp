#include "operators/transforms/parse_access_log.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "flow/utf8.hpp"
#include "operators/common/view_column.hpp"

namespace flow::operators {
namespace {

constexpr AccessFault kNullLine = {"null_line", "the line is null", 0};
constexpr AccessFault kInvalidUtf8 = {"invalid_utf8", "the line is not valid UTF-8", 0};
constexpr int64_t kReadable = 16;
constexpr size_t kQuotes = 6;  // of a line in combined format
// Of lines whose quotes are looked for together: little enough to stay in the fastest cache.
constexpr int64_t kRunBytes = 16384;
constexpr int64_t kGap = 64;  // between two of them: their line ends, or what was cut off

int64_t to_int64(std::string_view digits) {
  int64_t value = 0;
  for (const char c : digits) value = value * 10 + (c - '0');
  return value;
}

// Numbers of which the first few may turn out to be all.
class NumberColumn {
 public:
  NumberColumn(Host host, int64_t rows, flow_type type)
      : host_(host),
        type_(type),
        validity_(host, rows),
        values_(host.allocate(rows * static_cast<int64_t>(sizeof(int64_t)))) {}

  void put(int64_t row, int64_t value) { static_cast<int64_t*>(values_->data)[row] = value; }
  void put_digits(int64_t row, std::string_view digits) {
    const bool absent = is_absent(digits);
    put(row, absent ? 0 : to_int64(digits));
    if (absent) validity_.set_null(row);
  }
  TypedColumn finish(int64_t rows) {
    flow_column_parts parts = flow::detail::parts_of(type_, rows);
    validity_.fill(parts);
    parts.values = values_.get();
    return {host_.column(parts), type_ == FLOW_TIMESTAMP ? Type::timestamp() : Type::int64()};
  }

 private:
  Host host_;
  flow_type type_;
  flow::detail::ValidityBuilder validity_;
  Buffer values_;
};

bool has_vhost(bool wanted, AccessFormat format) {
  return wanted || format == AccessFormat::kVhostCommon || format == AccessFormat::kVhostCombined;
}

// The few characters at a fault, fit to be shown.
std::string excerpt(std::string_view line, size_t position) {
  constexpr size_t kLength = 32;
  std::string result;
  for (const char c : line.substr(std::min(position, line.size()), kLength)) {
    result += c >= ' ' && c <= '~' ? c : '?';
  }
  return result;
}

}  // namespace

void ParseAccessLog::describe(Description<Options>& d) {
  d.name("parse_access_log");
  d.summary("Takes the lines of a web server's access log apart.");
  d.traits(FLOW_STATELESS);
  d.doc(
      R"(Reads the common and the combined log format of Apache and nginx, with and without a virtual
host in front, and adds the columns

`host`, `datetime`, `request`, `response`, `bytes`, `referer`, `agent`

in this order (`vhost` before `host`, `ident` and `user` behind it where asked for). All are text,
exactly as written: backslashes inside quotes stay. A `-`, and what a line's format does not have, is
null. The column that was parsed is left out of the output, other columns stay in front.

With `typed = true` the columns are `host`, `timestamp` (UTC), `request`, `method`, `path`, `protocol`,
`response` and `bytes` (int64), `referer`, `agent`. A request that is no request line, such as the noise of
a port scan, has null for `method`, `path` and `protocol`.

A line that is none goes to `errors`, with a message that names the place in it and one of the reasons
`too_few_fields`, `bad_host`, `bad_address` (999.1.1.1), `bad_datetime` (31 February),
`unbalanced_quotes`, `bad_separator`, `bad_response`, `bad_bytes`, `trailing_text`, `invalid_utf8`,
`null_line`. The other lines of the batch go on.

The texts are views into the line, nothing is copied: about 40 ns for an ordinary line of 300 bytes,
100 ns for one with a user name, a host name or escaped quotes. They keep the lines' buffers in memory as long as one of them is in use.)");
  d.example(R"(type = "parse_access_log"
inputs = ["access_log"]
format = "combined"
)");
  d.output("errors", "Lines that are none, as they came in.");
  d.option(
      "field", &Options::field,
      "The column with the lines: text, bytes or a category. Bytes that are no valid UTF-8 fail "
      "with `invalid_utf8`, which costs a look at each byte (20 ns for 300 of them).");
  d.choice(
      "format", &Options::format,
      {{"auto", AccessFormat::kAuto},
       {"common", AccessFormat::kCommon},
       {"combined", AccessFormat::kCombined},
       {"vhost_common", AccessFormat::kVhostCommon},
       {"vhost_combined", AccessFormat::kVhostCombined}},
      "What the lines look like. `auto` recognises each line by itself, at no cost: by its number "
      "of quotes, and by a first word like `www.example.com:443` with three more before the time. "
      "A format's own name makes every other line an error; the `vhost_` formats take any first "
      "word for the virtual host, and add the column `vhost`.");
  d.option("typed", &Options::typed,
           "Numbers, a timestamp and the parts of the request instead of text. Costs about 20 ns a "
           "line, and saves every later step that compares or adds from converting.");
  d.option("identity", &Options::identity,
           "Adds the columns `ident` and `user` behind `host`; they are null where the log has "
           "`-`, which is mostly all of it. About 5 ns a line.");
  d.option(
      "vhost", &Options::vhost,
      "Adds the column `vhost` in front of `host` with `format = \"auto\"`, too; null for lines "
      "without one. Without it such lines are read all the same, and the name is left out.");
  d.option("keep_source", &Options::keep_source,
           "Keeps the column that was parsed. Costs nothing here, and about 350 bytes more to "
           "encode for each line at the end.");
}

Fields ParseAccessLog::added_fields(const Options& options) {
  Fields fields;
  const auto text = [&](const char* name) { fields.emplace_back(name, Type::text()); };
  if (has_vhost(options.vhost, options.format)) text("vhost");
  text("host");
  if (options.identity) {
    text("ident");
    text("user");
  }
  if (options.typed) {
    fields.emplace_back("timestamp", Type::timestamp());
  } else {
    text("datetime");
  }
  text("request");
  if (options.typed) {
    for (const char* name : {"method", "path", "protocol"}) text(name);
    for (const char* name : {"response", "bytes"}) fields.emplace_back(name, Type::int64());
  } else {
    for (const char* name : {"response", "bytes"}) text(name);
  }
  text("referer");
  text("agent");
  return fields;
}

void ParseAccessLog::infer(const Options& options, Inference& inference) {
  infer_text_column(inference, "field", options.field.name);
  if (inference.input() == nullptr) return;
  Fields kept;
  for (auto& field : fields_of(*inference.input())) {
    if (options.keep_source || field.first != options.field.name) kept.push_back(std::move(field));
  }
  inference.output(with_fields(std::move(kept), added_fields(options)), inference.open());
}

// The new columns of one batch, in order.
class ParseAccessLog::Columns {
 public:
  using Part = std::string_view AccessFields::*;
  using RequestPart = std::string_view RequestParts::*;

  Columns(const Options& options, Host host, int64_t rows) : host_(host), rows_(rows) {
    const bool typed = options.typed;
    texts_.reserve(kMost);
    if (has_vhost(options.vhost, options.format)) add("vhost", &AccessFields::vhost);
    add("host", &AccessFields::host);
    if (options.identity) {
      add("ident", &AccessFields::ident);
      add("user", &AccessFields::user);
    }
    if (typed) {
      add_number("timestamp", timestamp_, FLOW_TIMESTAMP);
    } else {
      add("datetime", &AccessFields::datetime);
    }
    add("request", &AccessFields::request);
    if (typed) {
      request_texts_.reserve(3);
      add("method", &RequestParts::method);
      add("path", &RequestParts::path);
      add("protocol", &RequestParts::protocol);
      add_number("response", response_, FLOW_INT64);
      add_number("bytes", bytes_, FLOW_INT64);
    } else {
      add("response", &AccessFields::response);
      add("bytes", &AccessFields::bytes);
    }
    add("referer", &AccessFields::referer);
    add("agent", &AccessFields::agent);
  }

  // One more row: pieces of the text that `view` is a view of.
  void add_row(const TextSource& source, const flow_view& view, const AccessFields& fields,
               int64_t nanoseconds) {
    const bool is_short = view.length <= FLOW_VIEW_INLINE;
    const char* const base = is_short ? view.prefix : source.base(view);
    const bool readable =
        !is_short && view.offset + int64_t{view.length} + kReadable <= source.capacity(view);
    const int32_t buffer = is_short ? 0 : view.buffer;
    const auto put = [&](ViewColumn& column, std::string_view text) {
      if (is_absent(text)) {
        column.put_null(at_);
      } else if (readable) {
        column.put_readable(at_, text, base, buffer);
      } else {
        column.put(at_, text, base, buffer, false);
      }
    };
    for (TextPart& text : texts_) put(text.column, fields.*text.part);
    if (timestamp_) {
      timestamp_->put(at_, nanoseconds);
      response_->put_digits(at_, fields.response);
      bytes_->put_digits(at_, fields.bytes);
      RequestParts parts;
      split_request(fields.request, parts);
      for (RequestText& text : request_texts_) put(text.column, parts.*text.part);
    }
    ++at_;
  }

  int64_t rows() const { return at_; }
  std::vector<NewColumn> finish(const TextSource& source) {
    std::vector<NewColumn> result;
    for (const Place& place : order_) {
      result.push_back({place.name, place.finish(source.texts())});
    }
    return result;
  }

 private:
  static constexpr size_t kMost = 12;
  struct TextPart {
    Part part;
    ViewColumn column;
  };
  struct RequestText {
    RequestPart part;
    ViewColumn column;
  };
  struct Place {
    std::string_view name;
    std::function<TypedColumn(const flow_column&)> finish;
  };

  void add(std::string_view name, Part part) {
    texts_.push_back({part, ViewColumn(host_, rows_)});
    add_place(name, texts_.back().column);
  }
  void add(std::string_view name, RequestPart part) {
    request_texts_.push_back({part, ViewColumn(host_, rows_)});
    add_place(name, request_texts_.back().column);
  }
  // The vectors' room is reserved: a column stays where it is.
  void add_place(std::string_view name, ViewColumn& column) {
    order_.push_back(
        {name, [this, &column](const flow_column& shared) { return column.finish(at_, shared); }});
  }
  void add_number(std::string_view name, std::optional<NumberColumn>& column, flow_type type) {
    column.emplace(host_, rows_, type);
    order_.push_back({name, [this, &column](const flow_column&) { return column->finish(at_); }});
  }

  Host host_;
  int64_t rows_;
  int64_t at_ = 0;
  std::vector<TextPart> texts_;
  std::vector<RequestText> request_texts_;
  std::optional<NumberColumn> timestamp_, response_, bytes_;
  std::vector<Place> order_;
};

ParseAccessLog::ParseAccessLog(const Options& options)
    : options_(options), input_("field", options.field.name), parser_(options.format) {}

void ParseAccessLog::process(const Batch& in, Output& out) {
  const TextSource source(input_.find(in, out));
  Columns columns(options_, out, in.rows());
  bad_.clear();
  parse(source, columns);
  if (bad_.empty()) {
    out.emit(assemble(in, source, columns, out));
    return;
  }
  fail(in, source, out);
  if (columns.rows() == 0) return;

  good_.clear();
  auto bad = bad_.begin();
  for (int64_t row = 0; row < in.rows(); ++row) {
    if (bad != bad_.end() && bad->row == row) {
      ++bad;
    } else {
      good_.push_back(static_cast<int32_t>(row));
    }
  }
  const Batch selected = out.select(in, good_.data(), static_cast<int64_t>(good_.size()));
  if (columns.rows() * 2 >= in.rows()) {
    // Most rows are good: their texts may go on sharing the input's buffers.
    out.emit(assemble(selected, source, columns, out));
    return;
  }
  const TextSource selected_source(input_.find(selected, out));
  Columns again(options_, out, selected.rows());
  bad_.clear();
  parse(selected_source, again);
  out.emit(assemble(selected, selected_source, again, out));
}

void ParseAccessLog::parse(const TextSource& source, Columns& columns) {
  const bool runs = parser_.has_usual() && source.promises_utf8() && source.codes() == nullptr;
  for (int64_t row = 0; row < source.size();) {
    const int64_t end = runs ? run_end(source, row) : row;
    if (end > row) {
      parse_run(source, row, end, columns);
      row = end;
    } else {
      parse_row(source, row, columns);
      ++row;
    }
  }
}

int64_t ParseAccessLog::run_end(const TextSource& source, int64_t row) {
  const flow_view& first = source.view(row);
  int64_t behind = first.offset;
  for (; row < source.size() && !source.is_null(row); ++row) {
    const flow_view& view = source.view(row);
    if (view.length <= FLOW_VIEW_INLINE || view.buffer != first.buffer || view.offset < behind ||
        view.offset > behind + kGap ||
        view.offset + int64_t{view.length} > first.offset + kRunBytes) {
      break;
    }
    behind = view.offset + int64_t{view.length};
  }
  return row;
}

void ParseAccessLog::parse_run(const TextSource& source, int64_t first, int64_t end,
                               Columns& columns) {
  const flow_view& begin = source.view(first);
  const flow_view& last = source.view(end - 1);
  const char* const base = source.base(begin) + begin.offset;
  const auto size = static_cast<size_t>(last.offset + last.length - begin.offset);
  quotes_.resize(kRunBytes + kQuoteSlack);
  bool backslashes = false;
  uint32_t* const quotes_end = index_quotes({base, size}, quotes_.data(), backslashes);
  // So that six places may be looked at everywhere, and none of these is in a line.
  std::fill_n(quotes_end, kQuotes + 1, static_cast<uint32_t>(size));
  const auto are_quotes = [base](const uint32_t* places) {
    return std::all_of(places, places + kQuotes, [base](uint32_t at) { return base[at] == '"'; });
  };

  AccessFields fields;
  const uint32_t* quote = quotes_.data();
  for (int64_t row = first; row < end; ++row) {
    const flow_view& view = source.view(row);
    const auto line_begin = static_cast<uint32_t>(view.offset - begin.offset);
    const uint32_t line_end = line_begin + static_cast<uint32_t>(view.length);
    while (*quote < line_begin) ++quote;
    if (quote[kQuotes - 1] < line_end && quote[kQuotes] >= line_end &&
        (!backslashes || are_quotes(quote)) &&
        parser_.parse_usual(base, {base + line_begin, line_end - line_begin}, quote, fields)) {
      columns.add_row(source, view, fields, parser_.nanoseconds());
      quote += kQuotes;
    } else {
      parse_row(source, row, columns);
      while (quote != quotes_end && *quote < line_end) ++quote;
    }
  }
}

void ParseAccessLog::parse_row(const TextSource& source, int64_t row, Columns& columns) {
  if (source.is_null(row)) {
    bad_.push_back({row, kNullLine});
    return;
  }
  const flow_view& view = source.view(row);
  const std::string_view line = source.text(view);
  if (!source.promises_utf8() && !is_valid_utf8(line)) {
    bad_.push_back({row, kInvalidUtf8});
    return;
  }
  AccessFields fields;
  AccessFault fault;
  if (parser_.parse(line, fields, fault)) {
    columns.add_row(source, view, fields, parser_.nanoseconds());
  } else {
    bad_.push_back({row, fault});
  }
}

Batch ParseAccessLog::assemble(const Batch& rows, const TextSource& source, Columns& columns,
                               Output& out) {
  const std::vector<NewColumn> made = columns.finish(source);
  if (options_.keep_source) return out.with(rows, made);
  std::vector<std::pair<uint32_t, std::string>> others;
  for (uint32_t i = 0; i < rows.column_count(); ++i) {
    const char* const name = rows.schema().fields[i]->name;
    if (options_.field.name != name) others.emplace_back(i, name);
  }
  if (others.empty()) return out.make(rows.rows(), made, &rows.origin());
  return out.with(out.pick(rows, others), made);
}

void ParseAccessLog::fail(const Batch& in, const TextSource& source, Output& out) const {
  for (const BadRow& bad : bad_) {
    const std::string_view line = source.is_null(bad.row) ? std::string_view() : source[bad.row];
    std::string message =
        "column " + std::to_string(bad.fault.position + 1) + ": " + bad.fault.what;
    const std::string near = excerpt(line, bad.fault.position);
    message += near.empty() ? " (at the end of the line)" : ": '" + near + "'";
    out.fail(in, bad.row, bad.fault.reason, message);
  }
}

}  // namespace flow::operators
