#include "operators/transforms/sessionize.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "flow/host/key_hash.hpp"
#include "operators/common/oldest_keys.hpp"
#include "operators/common/saturated_time.hpp"

namespace flow::operators {
namespace {

// Sixty bits as twelve characters, which a view holds itself.
constexpr size_t kIdLength = 12;

void put_id(uint64_t id, char* text) {
  constexpr std::string_view kDigits = "0123456789abcdefghjkmnpqrstvwxyz";
  for (size_t i = kIdLength; i > 0; --i, id >>= 5) text[i - 1] = kDigits[id & 31];
}

}  // namespace

void Sessionize::describe(Description<Options>& d) {
  d.name("sessionize");
  d.summary("Says of each row of a user to which visit it belongs.");
  d.doc(
      R"(Adds the text column `session`, in the place of one of that name: rows of one key have the same session as
long as each comes less than `gap` of event time after another one of it. With `max_length` a session takes no row
that would make it as long as that.

An id is twelve characters (60 bits) made of the key and of the event time of the row that began the session: the
same in every run, whatever the batches, the parallelism and the restarts, as long as the rows of a key come in the
same order. Among ten million sessions two have the same id with a probability of 0.004 %.

**Rows out of order.** A row joins the session of its key that it is within `gap` of: of several the one that
begins last at or before it, else the earliest. The four sessions of a key that were begun last are remembered. An
id that has been given out never changes: a row that comes late between two sessions joins the one before it and
does not make them one, where the window `session` would. A row is late if a session of it alone would have been
over by the watermark of its partition (its time plus `gap` is not behind that): it goes to the output `late`, with
its columns and without a session. It joins no session that is over by then.

Rows fail as `no_key` where a field of the key is null or missing, and as `key_too_long` beyond 64 KiB.

**To be forgotten.** A row for which `erase` is true has its session like any other, and the key is forgotten with
it, also by a row that is late: the next row of the key begins a session.

State: 128 bytes a key beside the key's own, forgotten when the watermark has passed the end of its last session, a
128th of `gap` later at most. At most `max_keys` are known, each of 128 groups by hash a share of them: beyond that
the eighth of a group's keys whose last row is the oldest is forgotten, counted in the metric `evicted_keys`; the
next row of such a key begins a session.)");
  d.example(R"(type = "sessionize"
inputs = ["timed"]
key = ["user"]
gap = "30m"
)");
  d.traits(FLOW_KEYED);
  d.input("in", "Rows with an event time, which an `event_time` before this sets.", "key");
  d.output("out", "The rows, each with its session.");
  d.output("late", "Rows whose session would have been over.");
  d.output("errors", "Rows without a key, and those for whose key there is no room.");
  d.option("key", &Options::key,
           "The fields that say whose visit it is, one to eight. No structs and lists.");
  d.option("gap", &Options::gap, "How long nothing must come for a session to be over.")
      .range(1'000'000, 31'536'000'000'000'000);
  d.option("max_length", &Options::max_length,
           "How long a session is at most, from its first row to its last: shorter than this. "
           "Without it a session of a user who never pauses has no end.")
      .range(1'000'000, 31'536'000'000'000'000);
  d.option("column", &Options::column, "The name of the new column.");
  d.option("max_keys", &Options::max_keys,
           "How many keys are known at most, all instances together. A million of them with 16 "
           "bytes each take about 180 MiB of state.")
      .range(128, 4'000'000'000);
  d.choice("when_full", &Options::when_full,
           {{"evict", WhenFull::kEvict}, {"fail", WhenFull::kFail}},
           "What happens beyond `max_keys`: evict forgets the keys whose last row is the oldest; "
           "fail lets the rows of new keys fail as `too_many_keys`.");
  d.option("erase", &Options::erase,
           "A condition, eg event == 'erase': the rows for which everything that is known of their "
           "key is forgotten. Default: none.");
}

Sessionize::Shared::Shared(const Options& options, Host) {
  if (options.erase) erase = CompiledExpression::compile(options.erase->text, "erase");
}

void Sessionize::infer(const Options& options, Shared& shared, Inference& inference) {
  KeyInput::infer(options.key, inference);
  if (shared.erase) infer_condition(*shared.erase, inference, false);
  inference.with({{options.column, Type::text()}});
}

Sessionize::Sessionize(const Options& options, Shared& shared)
    : gap_(options.gap.nanoseconds),
      max_length_(options.max_length ? options.max_length->nanoseconds : INT64_MAX),
      column_(options.column),
      keys_per_group_(
          static_cast<uint32_t>((options.max_keys + FLOW_KEY_GROUPS - 1) / FLOW_KEY_GROUPS)),
      when_full_(options.when_full),
      keys_("sessionize", options.key) {
  if (column_.empty()) throw OptionFailure("column", "must not be empty");
  if (shared.erase) erase_.emplace(*shared.erase);
}

void Sessionize::open(Output& out) {
  table_.emplace(out, "sessions", 1);
  begun_ = out.counter("sessions_begun", "Sessions that were begun.");
  evicted_ = out.counter("evicted_keys", "Keys that were forgotten to make room for others.");
  erased_ = out.counter("erased_keys", "Rows that asked for their key to be forgotten.");
}

bool Sessionize::is_over(const Span& span, int64_t watermark) const {
  return time_after(span.last, gap_) <= watermark;
}

Sessionize::Span* Sessionize::find(Record& record, const Row& row) const {
  Span* found = nullptr;
  for (uint32_t i = 0; i < record.count; ++i) {
    Span& span = record.spans[i];
    if (row.time >= time_after(span.last, gap_) || time_after(row.time, gap_) <= span.first) {
      continue;
    }
    const int64_t first = std::min(span.first, row.time);
    const int64_t last = std::max(span.last, row.time);
    if (is_over(span, row.watermark) || time_between(first, last) >= max_length_) continue;
    const auto begins_before = [&](const Span& other) { return other.first <= row.time; };
    const bool is_better = found == nullptr ? true
                           : begins_before(span) == begins_before(*found)
                               ? (span.first > found->first) == begins_before(span)
                               : begins_before(span);
    if (is_better) found = &span;
  }
  return found;
}

const Sessionize::Span* Sessionize::begin(Record& record, const Row& row) const {
  const uint64_t id = host::hash_bytes(row.key, static_cast<uint64_t>(row.time)) >> 4;
  // The one that was begun first is forgotten, if there are too many.
  const uint32_t kept = std::min(record.count, kSpans - 1);
  for (uint32_t i = kept; i > 0; --i) record.spans[i] = record.spans[i - 1];
  record.spans[0] = {id, row.time, row.time};
  record.count = kept + 1;
  return record.spans.data();
}

Sessionize::Record* Sessionize::admit(const Row& row) {
  const uint32_t group = group_of(row.hash);
  if (table_->size(group) >= keys_per_group_) {
    if (when_full_ == WhenFull::kFail) return nullptr;
    evict(group);
  }
  Record* record = table_->insert(row.hash, row.key);
  if (record == nullptr && when_full_ == WhenFull::kEvict && table_->size(group) > 0) {
    evict(group);
    record = table_->insert(row.hash, row.key);
  }
  return record;
}

void Sessionize::evict(uint32_t group) {
  const auto last_of = [](const Record& record) {
    int64_t last = INT64_MIN;
    for (uint32_t i = 0; i < record.count; ++i) last = std::max(last, record.spans[i].last);
    return last;
  };
  for (const AgedKey& old : oldest_keys(*table_, group, last_of)) {
    erasures_.add(old.hash, table_->key_at(group, old.slot));
    ++n_evicted_;
  }
  erasures_.apply(*table_);
}

void Sessionize::read_erasures(const Batch& in, Output& out) {
  erased_rows_.clear();
  if (!erase_) return;
  const auto& rows = erase_->select(in, out).rows;
  for (const std::string& message : erase_->take_missing()) out.warn(message);
  if (rows.empty()) return;
  erased_rows_.assign(static_cast<size_t>(in.rows()), 0);
  for (const int32_t row : rows) erased_rows_[static_cast<size_t>(row)] = 1;
}

void Sessionize::fail_without_room(uint64_t hash, const Batch& in, int32_t row, Output& out) {
  const bool full = table_->size(group_of(hash)) >= keys_per_group_;
  out.fail(in, row, full ? "too_many_keys" : "state_limit",
           full ? "sessionize: no room for one more key: raise max_keys"
                : "sessionize: no room for one more key: raise state_limit");
}

void Sessionize::process(const Batch& in, Output& out) {
  keys_.read(in, out);
  const int64_t* const times = in.event_times();
  const int64_t* const watermarks = in.watermarks();
  if (in.rows() > 0 && (times == nullptr || watermarks == nullptr)) {
    throw Failure(
        "sessionize: the rows have no event time: put the transform event_time before this");
  }
  read_erasures(in, out);
  kept_.clear();
  late_.clear();
  ids_.clear();
  for (const int32_t number : keys_.rows()) {
    const auto key = keys_.key(number, in, out);
    if (!key) continue;
    const Row row{times[number], watermarks[number], keys_.hash(number), *key};
    const bool erased = is_erased(number);
    n_erased_ += erased ? 1 : 0;
    if (time_after(row.time, gap_) <= row.watermark) {
      late_.push_back(number);
      if (erased) table_->erase(row.hash, row.key);
      continue;
    }
    Record* record = table_->modify(row.hash, row.key);
    if (record == nullptr) record = admit(row);
    if (record == nullptr) {
      fail_without_room(row.hash, in, number, out);
      continue;
    }
    if (Span* span = find(*record, row); span != nullptr) {
      span->first = std::min(span->first, row.time);
      span->last = std::max(span->last, row.time);
      ids_.push_back(span->id);
    } else {
      ids_.push_back(begin(*record, row)->id);
      ++n_begun_;
    }
    kept_.push_back(number);
    if (erased) table_->erase(row.hash, row.key);
  }
  const auto kept = static_cast<int64_t>(kept_.size());
  if (kept > 0) {
    TextBuilder sessions(out, kept);
    char text[kIdLength];
    for (const uint64_t id : ids_) {
      put_id(id, text);
      sessions.append({text, kIdLength});
    }
    const Batch passed = kept == in.rows() ? in : out.select(in, kept_.data(), kept);
    out.emit(out.with(passed, {{column_, {sessions.finish(), Type::text()}}}));
  }
  if (!late_.empty()) {
    out.late(out.select(in, late_.data(), static_cast<int64_t>(late_.size())));
  }
  tell(out);
}

void Sessionize::sweep(uint32_t group, int64_t watermark) {
  table_->for_each(group, [&](uint64_t hash, std::string_view key, const Record& record) {
    const bool is_gone = std::all_of(record.spans.begin(), record.spans.begin() + record.count,
                                     [&](const Span& span) { return is_over(span, watermark); });
    if (is_gone) erasures_.add(hash, key);
  });
  erasures_.apply(*table_);
}

// Each key group is looked through once in the time of a gap.
Status Sessionize::advance(int64_t watermark, Output&) {
  if (watermark == INT64_MAX) return Status::kDone;  // a later run may go on with the sessions
  const int64_t slice = watermark / std::max<int64_t>(gap_ / FLOW_KEY_GROUPS, 1);
  int64_t from = std::exchange(swept_slice_, std::max(slice, swept_slice_));
  if (from < slice - FLOW_KEY_GROUPS) from = slice - FLOW_KEY_GROUPS;
  while (from < slice) sweep(static_cast<uint32_t>(++from) % FLOW_KEY_GROUPS, watermark);
  return Status::kDone;
}

void Sessionize::tell(Output& out) {
  if (n_begun_ > 0) begun_.record(static_cast<double>(std::exchange(n_begun_, 0)));
  if (n_erased_ > 0) erased_.record(static_cast<double>(std::exchange(n_erased_, 0)));
  if (n_evicted_ == 0) return;
  evicted_.record(static_cast<double>(std::exchange(n_evicted_, 0)));
  if (std::exchange(told_evicted_, true)) return;
  out.warn(
      "sessionize forgets keys to make room for others, and will not say so again: see the metric "
      "evicted_keys, and raise max_keys or state_limit");
}

}  // namespace flow::operators
