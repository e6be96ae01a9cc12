#include "operators/transforms/deduplicate.hpp"

#include <algorithm>

#include "operators/common/input_column.hpp"

namespace flow::operators {
namespace {

// The difference of two times, without a way to overflow.
uint64_t distance(int64_t a, int64_t b) {
  return a > b ? static_cast<uint64_t>(a) - static_cast<uint64_t>(b)
               : static_cast<uint64_t>(b) - static_cast<uint64_t>(a);
}

}  // namespace

void Deduplicate::describe(Description<Options>& d) {
  d.name("deduplicate");
  d.summary("Passes on the first row of each key and drops those that repeat it.");
  d.doc(
      R"(A row repeats another one if it has the same values in the fields of `key` and comes less than
`within` after (or, by the field `time`, before) the one that was passed on. Repetitions are dropped as
"duplicate"; they do not prolong the time.

Time is the host's clock, or the field `time`: then the result is the same in every run, as long as the rows
of a key come in the same order and `keys` is large enough. A row whose time is null fails as `no_time`.

What is remembered is bounded twice. Keys whose time is over are forgotten when their group (one of 128, by
hash) has doubled since the last look at it; by the field `time` only twice `within` behind the latest row, so
that rows that are late by less than `within` are still recognised. And a group that would hold more than its
share of `keys` forgets its oldest quarter, which may let a repetition through. Past `state_limit` the same
happens before a row fails as `state_limit`; a key of more than 64 KiB fails as `key_too_long`.

State: about 70 bytes a key beside the key's own. Some 45 ns a row, 250 for a new key.)");
  d.example(R"(type = "deduplicate"
inputs = ["orders"]
key = ["order_id"]
within = "10m"
)");
  d.traits(FLOW_KEYED | FLOW_CLOCK_DEPENDENT | FLOW_ORDER_DEPENDENT);
  d.input("in", "The rows to look through.", "key");
  d.output("out", "The first row of each key.");
  d.output("errors", "Rows without a time, and those for whose key there is no room.");
  d.option("key", &Options::key,
           "The fields that make two rows the same. Null equals null. No structs and lists.")
      .required();
  d.option("within", &Options::within, "For how long a key is remembered.")
      .range(1, 31'536'000'000'000'000);
  d.option(
       "keys", &Options::keys,
       "How many keys are remembered at most, all instances together. A million of them with 16 "
       "bytes each take about 90 MiB of state.")
      .range(128, 4'000'000'000);
  d.option(
      "time", &Options::time,
      "A timestamp field by which `within` is counted. Empty: the clock, which makes the result "
      "depend on when rows arrive.");
}

void Deduplicate::infer(const Options& options, Inference& inference) {
  if (!options.time.name.empty()) {
    const auto type = inferred_column(inference, "time", options.time.name);
    if (type && *type != FLOW_TIMESTAMP) {
      throw OptionFailure("time",
                          "the column '" + options.time.name + "' is " +
                              std::string(type_name(*type)) + ", but a timestamp is needed",
                          {}, 0);
    }
  }
  inference.pass();
}

Deduplicate::Deduplicate(const Options& options)
    : within_(options.within.nanoseconds),
      keys_per_group_(
          static_cast<uint32_t>((options.keys + FLOW_KEY_GROUPS - 1) / FLOW_KEY_GROUPS)),
      rows_(options.key) {
  if (options.key.empty()) throw OptionFailure("key", "name at least one field");
  if (!options.time.name.empty()) time_.emplace(options.time.name);
}

void Deduplicate::open(Output& out) {
  seen_.emplace(out, "seen", 1);
  groups_.emplace(out, "groups", 1);
}

const flow_column* Deduplicate::time_column(const Batch& in) {
  if (!time_) return nullptr;
  const flow_column* column = time_->find(in);
  if (column == nullptr) throw_missing_column(in.schema(), "time", time_->name());
  if (column->type != FLOW_TIMESTAMP) {
    throw Failure("deduplicate: time: the field '" + time_->name() + "' is " +
                  std::string(type_name(column->type)) + ", but a timestamp is needed");
  }
  return column;
}

bool Deduplicate::remembers(const Seen& seen, int64_t time) const {
  return distance(seen.time, time) < static_cast<uint64_t>(within_);
}

// Forgets what is over, and of a full group the oldest quarter.
void Deduplicate::make_room(uint32_t group, Group& state) {
  const uint64_t over = static_cast<uint64_t>(within_) * (time_ ? 2 : 1);
  const auto is_over = [&](const Seen& seen) {
    return seen.time < state.latest && distance(seen.time, state.latest) >= over;
  };
  numbers_.clear();
  seen_->for_each(group, [&](uint64_t hash, std::string_view key, const Seen& seen) {
    if (is_over(seen)) {
      erasures_.add(hash, key);
    } else {
      numbers_.push_back(seen.number);
    }
  });
  erasures_.apply(*seen_);
  if (numbers_.size() >= keys_per_group_) {
    const size_t forgotten = numbers_.size() - (keys_per_group_ - 1) + (keys_per_group_ - 1) / 4;
    const auto border = numbers_.begin() + static_cast<int64_t>(forgotten - 1);
    std::nth_element(numbers_.begin(), border, numbers_.end());
    const uint64_t last = *border;
    seen_->for_each(group, [&](uint64_t hash, std::string_view key, const Seen& seen) {
      if (seen.number <= last) erasures_.add(hash, key);
    });
    erasures_.apply(*seen_);
  }
  state.sweep_at = std::max(kFirstSweep, seen_->size(group) * 2);
}

Deduplicate::Answer Deduplicate::decide(uint64_t hash, std::string_view key, int64_t time) {
  const Seen* known = seen_->find(hash, key);
  if (known != nullptr && remembers(*known, time)) return Answer::kDuplicate;
  if (known != nullptr && time < known->time) return Answer::kFirst;  // long before it
  const uint32_t group = group_of(hash);
  Group* state = groups_->insert(hash_in_group(group), {});
  if (state == nullptr) return Answer::kNoRoom;
  state->latest = std::max(state->latest, time);
  Seen* seen = known != nullptr ? seen_->modify(hash, key) : nullptr;
  if (seen == nullptr) {
    const uint32_t size = seen_->size(group);
    if (size >= state->sweep_at || size >= keys_per_group_) make_room(group, *state);
    seen = seen_->insert(hash, key);
    if (seen == nullptr) {
      // No page is left: a quarter of this group goes, so that its blocks can be taken again.
      const uint32_t share = std::exchange(keys_per_group_, std::max(1U, seen_->size(group)));
      make_room(group, *state);
      keys_per_group_ = share;
      seen = seen_->insert(hash, key);
    }
    if (seen == nullptr) return Answer::kNoRoom;
  }
  seen->time = time;
  seen->number = state->next_number++;
  return Answer::kFirst;
}

void Deduplicate::process(const Batch& in, Output& out) {
  rows_.read(in, out);
  const flow_column* times = time_column(in);
  const int64_t now = out.now();
  const std::optional<Int64View> time =
      times != nullptr ? std::optional<Int64View>(*times) : std::nullopt;
  kept_.clear();
  int64_t duplicates = 0;
  for (const int32_t row : rows_.rows()) {
    if (time && time->is_null(row)) {
      out.fail(in, row, "no_time", "deduplicate: the field '" + time_->name() + "' is null");
      continue;
    }
    const std::string_view key = rows_.key(row);
    if (key.size() > KeyedTable<Seen>::kLongestBytes) {
      out.fail(in, row, "key_too_long",
               "deduplicate: a key of " + std::to_string(key.size()) + " bytes, more than 64 KiB");
      continue;
    }
    switch (decide(rows_.hash(row), key, time ? (*time)[row] : now)) {
      case Answer::kFirst:
        kept_.push_back(row);
        break;
      case Answer::kDuplicate:
        ++duplicates;
        break;
      case Answer::kNoRoom:
        out.fail(in, row, "state_limit",
                 "deduplicate: no room for one more key: raise state_limit, or lower `keys`");
        break;
    }
  }
  const auto kept = static_cast<int64_t>(kept_.size());
  if (kept == in.rows()) {
    out.emit(in);
  } else if (kept > 0) {
    out.emit(out.select(in, kept_.data(), kept));
  }
  out.drop(duplicates, "duplicate");
}

}  // namespace flow::operators
