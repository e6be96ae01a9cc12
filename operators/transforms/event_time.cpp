#include "operators/transforms/event_time.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "operators/common/rfc3339.hpp"
#include "operators/common/saved_pieces.hpp"

namespace flow::operators {
namespace {

constexpr int64_t kYear = 31'536'000'000'000'000;
// Names in a snapshot: their length, or this for none.
constexpr uint32_t kNoName = UINT32_MAX;

// Nanoseconds; 0: `format` is none of epoch_*.
int64_t epoch_unit(std::string_view format) {
  if (format == "epoch_s") return 1'000'000'000;
  if (format == "epoch_ms") return 1'000'000;
  if (format == "epoch_us") return 1'000;
  return format == "epoch_ns" ? 1 : 0;
}

bool is_number(flow_type type) { return type == FLOW_INT64 || type == FLOW_FLOAT64; }

std::string no_time_column(const std::string& name, flow_type type) {
  return "the column '" + name + "' is " + std::string(type_name(type)) +
         ", but a time is a timestamp, a text, or a number with format = \"epoch_s\", "
         "\"epoch_ms\", \"epoch_us\" or \"epoch_ns\"";
}

std::optional<int64_t> scaled(int64_t value, int64_t unit) {
  int64_t result = 0;
  if (__builtin_mul_overflow(value, unit, &result)) return std::nullopt;
  return result;
}
std::optional<int64_t> scaled(double value, int64_t unit) {
  const double whole = std::floor(value);
  const auto scale = static_cast<double>(unit);
  if (!(std::abs(value) * scale < 9.2e18)) return std::nullopt;  // not a number included
  return static_cast<int64_t>(whole) * unit +
         static_cast<int64_t>(std::llround((value - whole) * scale));
}

void save_name(std::string& bytes, const std::optional<std::string>& name) {
  save(bytes, name ? static_cast<uint32_t>(name->size()) : kNoName);
  if (name) bytes.append(*name);
}
std::optional<std::string> take_name(SavedPieces& pieces) {
  const auto length = pieces.take<uint32_t>();
  if (length == kNoName) return std::nullopt;
  return std::string(pieces.take_bytes(length));
}

}  // namespace

void EventTime::describe(Description<Options>& d) {
  d.name("event_time");
  d.summary("Says when what each row tells of happened, and how far the stream is.");
  d.doc(
      R"(Windows, joins and timers behind this operator count by the time in `field` instead of the clock's. The
rows themselves stay as they are: their event time travels beside them.

How far each partition of a source is (a file, a topic's partition) is its *watermark*: the latest time met in
it, less `lateness`. Each row carries the watermark of its partition as of that row, the row itself included; a
row is late for a window exactly if the window ends at or before that mark. So what is late depends on the
order of the rows in their partition alone, not on batches, threads or the speed of the run. Windows fire when
the lowest watermark of all open partitions has passed their end. A partition that has not begun holds the rest
back, one that has ended does not.

A partition without rows for `idle` of the host's clock holds nobody back until its next row; rows that it then
brings for windows that were told meanwhile are late there. Not counted is time in which the flow itself
makes sources wait, nor for partitions that have not begun while their source has something to read all the time,
such as files in a row. Where all partitions are silent or have ended, the highest watermark of any counts. With
`idle = "0s"` every open partition is waited for, whatever it takes.

Rows without a usable time leave by `errors` and move no watermark: `no_time` for a null, `bad_time` for what is
no time of that form, `past` for one before `earliest` (a clock that was never set counts from 1970), `future`
for one more than `max_future` ahead of the host's clock (one wrong row from 2100 would make all others late).
Recorded data lies in the past, so that reading it again gives the same. Rows that lie behind their own
partition's watermark pass; `behind_watermark_rows` counts them, and tells whether `lateness` is enough.

State: the latest time of each partition, some 100 bytes. About 1.5 ns a row from a timestamp, 15 to 50 from
text.)");
  d.example(R"(type = "event_time"
inputs = ["parsed"]
field = "time"
lateness = "5s"
)");
  d.traits(FLOW_SERIAL);
  d.input("in", "Rows of any kind.");
  d.output("out", "The rows, with their event time.");
  d.output("errors", "Rows without a usable time.");
  d.option("field", &Options::field,
           "The time of a row: a timestamp; or a text, category or JSON value by `format`; or a "
           "number with an epoch unit as `format`.")
      .required();
  d.option("format", &Options::format,
           "How the time is written: " + std::string(kTimeFormatDoc) +
               ". Empty: RFC 3339. A timestamp needs none.");
  d.option("zone", &Options::zone, "Of times that carry no offset, eg Europe/Berlin.");
  d.option("lateness", &Options::lateness,
           "How much later than a later one a row may come in its partition and still be in time. "
           "Results wait that much longer. 0s: rows are in the order of their times.")
      .range(0, kYear);
  d.option("idle", &Options::idle,
           "After how long without a row a partition holds the others back no more. 0s: never; "
           "right for data that is all there before the run.")
      .range(0, kYear);
  d.option("max_future", &Options::max_future,
           "How far a time may lie ahead of the host's clock. Rows beyond fail as `future`. 0s: "
           "any distance.")
      .range(0, 100 * kYear);
  d.option("earliest", &Options::earliest,
           "Rows from before this time (RFC 3339) fail as `past`. Empty: none do.");
  d.choice("partitions", &Options::partitions,
           {{"separate", Partitions::kSeparate}, {"together", Partitions::kTogether}},
           "separate: each partition has a watermark. together: all partitions of a source have "
           "one, in the order in which their rows come, for files that are one log read piece by "
           "piece; a file that has not begun holds nobody back.");
}

void EventTime::infer(const Options& options, Inference& inference) {
  const auto type = inferred_column(inference, "field", options.field.name);
  if (type && *type != FLOW_TIMESTAMP && !AnyTextView::accepts(*type) &&
      !(is_number(*type) && epoch_unit(options.format) != 0)) {
    throw OptionFailure("field", no_time_column(options.field.name, *type), {}, 0);
  }
  if (options.partitions == Partitions::kTogether) {
    inference.depend(FLOW_ORDER_DEPENDENT,
                     OptionFailure("partitions", "the partitions' rows share one watermark"));
  }
  if (!options.format.empty() && !TimeFormat::compile(options.format, options.zone).has_year()) {
    inference.depend(FLOW_CLOCK_DEPENDENT,
                     OptionFailure("format", "has no year, which the clock then says"));
  }
  inference.pass();
}

EventTime::EventTime(const Options& options)
    : field_(options.field.name),
      text_("field", options.field.name),
      epoch_unit_(epoch_unit(options.format)),
      lateness_(options.lateness.nanoseconds),
      idle_(options.idle.nanoseconds),
      max_future_(options.max_future.nanoseconds),
      together_(options.partitions == Partitions::kTogether) {
  try {
    format_ =
        TimeFormat::compile(options.format.empty() ? "rfc3339" : options.format, options.zone);
  } catch (const Failure& refusal) {
    throw OptionFailure("format", refusal.what());
  }
  // No stamp may fall below what a timestamp holds.
  earliest_ = std::numeric_limits<int64_t>::min() + lateness_;
  if (!options.earliest.empty()) {
    const std::optional<int64_t> time = parse_rfc3339(options.earliest);
    if (!time) {
      throw OptionFailure("earliest", "'" + options.earliest + "' is no time",
                          "write it as 2020-01-01T00:00:00Z");
    }
    earliest_ = std::max(earliest_, *time);
  }
}

void EventTime::open(Output& out) {
  host_ = out.get();
  watermarks_ =
      static_cast<const flow_watermarks*>(host_->extension(host_, FLOW_EXTENSION_WATERMARKS));
  if (watermarks_ == nullptr) {
    throw Failure("event_time: this host is too old to keep watermarks");
  }
  watermarks_->begin(host_, idle_);
  behind_ = out.counter("behind_watermark_rows",
                        "Rows with a time below their partition's watermark, by event_time.");
}

int64_t& EventTime::highest_of(const flow_origin& origin) {
  const char* partition = together_ ? nullptr : origin.partition;
  if (last_ != highest_.end() && origin.source == last_source_ && partition == last_partition_) {
    return last_->second;
  }
  const auto name = [](const char* text) {
    return text != nullptr ? std::optional<std::string>(text) : std::nullopt;
  };
  last_ = highest_.try_emplace(Place(name(origin.source), name(partition)), INT64_MIN).first;
  last_source_ = origin.source;
  last_partition_ = partition;
  return last_->second;
}

void EventTime::tell(const Place& place, int64_t highest) const {
  const auto text = [](const std::optional<std::string>& name) {
    return name ? name->c_str() : nullptr;
  };
  watermarks_->tell(host_, text(place.first), text(place.second), highest - lateness_);
}

void EventTime::fail(const Batch& in, int64_t row, Trouble trouble, int64_t time,
                     Output& out) const {
  const std::string field = "event_time: the field '" + field_.name() + "'";
  const auto shown = [time] {
    std::string text(kRfc3339Bytes, '\0');
    text.resize(static_cast<size_t>(format_rfc3339(time, text.data()) - text.data()));
    return text;
  };
  switch (trouble) {
    case Trouble::kNone:
      return;
    case Trouble::kNoTime:
      out.fail(in, row, "no_time", field + " is null");
      return;
    case Trouble::kBadTime:
      out.fail(in, row, "bad_time", field + " is no time of the form that `format` says");
      return;
    case Trouble::kPast:
      out.fail(in, row, "past", field + " says " + shown() + ", which is before `earliest`");
      return;
    case Trouble::kFuture:
      out.fail(in, row, "future",
               field + " says " + shown() + ", more than `max_future` ahead of the clock");
      return;
  }
}

// A column of times without nulls for the rows that have one, whose numbers are in kept_ if some do
// not; the others fail.
template <class Read>
Column EventTime::read_rows(const Batch& in, Output& out, Bounds bounds, const Validity& validity,
                            Read read) {
  TimestampBuilder times(out, in.rows());
  kept_.clear();
  for (int64_t row = 0; row < in.rows(); ++row) {
    Trouble trouble = Trouble::kNoTime;
    std::optional<int64_t> time;
    if (!validity.is_null(row)) {
      time = read(row);
      trouble = !time                     ? Trouble::kBadTime
                : *time < bounds.earliest ? Trouble::kPast
                : *time > bounds.latest   ? Trouble::kFuture
                                          : Trouble::kNone;
    }
    if (trouble == Trouble::kNone) {
      times.append(*time);
      kept_.push_back(static_cast<int32_t>(row));
    } else {
      fail(in, row, trouble, time.value_or(0), out);
    }
  }
  return times.finish();
}

Column EventTime::read_times(const Batch& in, Output& out, Bounds bounds) {
  const flow_column* column = field_.find(in);
  if (column == nullptr) throw_missing_column(in.schema(), "field", field_.name());
  if (column->type == FLOW_TIMESTAMP) {
    const Int64View values(*column);
    return read_rows(in, out, bounds, values,
                     [&](int64_t row) { return std::optional<int64_t>(values[row]); });
  }
  if (column->type == FLOW_INT64 && epoch_unit_ != 0) {
    const Int64View values(*column);
    return read_rows(in, out, bounds, values,
                     [&](int64_t row) { return scaled(values[row], epoch_unit_); });
  }
  if (column->type == FLOW_FLOAT64 && epoch_unit_ != 0) {
    const Float64View values(*column);
    return read_rows(in, out, bounds, values,
                     [&](int64_t row) { return scaled(values[row], epoch_unit_); });
  }
  if (!AnyTextView::accepts(column->type)) {
    throw Failure("event_time: field: " + no_time_column(field_.name(), column->type));
  }
  const AnyTextView texts(text_.find(in, out));
  const int64_t now = out.now();
  return read_rows(in, out, bounds, texts,
                   [&](int64_t row) { return format_->parse(texts[row], now); });
}

// How many rows lie behind their own stamp.
int64_t EventTime::stamp(const int64_t* times, int64_t rows, int64_t& highest,
                         int64_t* stamps) const {
  int64_t high = highest;
  int64_t behind = 0;
  for (int64_t row = 0; row < rows; ++row) {
    const int64_t time = times[row];
    high = std::max(high, time);
    const int64_t mark = high - lateness_;
    stamps[row] = mark;
    behind += time < mark ? 1 : 0;
  }
  highest = high;
  return behind;
}

void EventTime::pass(const Batch& in, const Column& times, int64_t& highest, Output& out) {
  const int64_t rows = in.rows();
  const Buffer stamps = out.allocate(rows * static_cast<int64_t>(sizeof(int64_t)));
  const Int64View values(*times);
  const int64_t behind = stamp(values.data(), rows, highest, static_cast<int64_t*>(stamps->data));
  if (behind > 0) behind_.record(static_cast<double>(behind));
  flow_column_parts parts = flow::detail::parts_of(FLOW_TIMESTAMP, rows);
  parts.values = stamps.get();
  const Column marks = out.column(parts);
  flow_origin origin = in.origin();
  origin.size = sizeof origin;
  origin.event_time = times.get();
  origin.watermark = marks.get();
  out.emit(out.remake(in, {in.get()->columns, in.column_count()}, origin));
}

void EventTime::process(const Batch& in, Output& out) {
  if (in.rows() == 0) return;
  int64_t& highest = highest_of(in.origin());
  Bounds bounds{earliest_, INT64_MAX};
  if (max_future_ > 0 && __builtin_add_overflow(out.now(), max_future_, &bounds.latest)) {
    bounds.latest = INT64_MAX;
  }
  // The usual column can be taken as it is.
  const flow_column* column = field_.find(in);
  if (column != nullptr && column->type == FLOW_TIMESTAMP && !Validity(*column).has_nulls()) {
    const int64_t* times = Int64View(*column).data();
    int64_t lowest = INT64_MAX;
    int64_t latest = INT64_MIN;
    for (int64_t row = 0; row < in.rows(); ++row) {
      lowest = std::min(lowest, times[row]);
      latest = std::max(latest, times[row]);
    }
    if (lowest >= bounds.earliest && latest <= bounds.latest) {
      pass(in, Column(Reference<const flow_column>::share(column)), highest, out);
      tell(last_->first, highest);
      return;
    }
  }
  const Column times = read_times(in, out, bounds);
  if (kept_.empty()) return;
  const auto kept = static_cast<int64_t>(kept_.size());
  pass(kept == in.rows() ? in : out.select(in, kept_.data(), kept), times, highest, out);
  tell(last_->first, highest);
}

std::string EventTime::snapshot() {
  std::string bytes;
  for (const auto& [place, highest] : highest_) {
    if (highest == INT64_MIN) continue;
    save_name(bytes, place.first);
    save_name(bytes, place.second);
    save(bytes, highest);
  }
  return bytes;
}

void EventTime::restore(uint32_t, std::string_view state) {
  SavedPieces pieces(state, "event_time");
  while (!pieces.empty()) {
    Place place;
    place.first = take_name(pieces);
    place.second = take_name(pieces);
    const auto highest = pieces.take<int64_t>();
    tell(place, highest);
    highest_.insert_or_assign(std::move(place), highest);
  }
}

}  // namespace flow::operators
