#include "operators/windows/join.hpp"

#include <algorithm>
#include <limits>

#include "flow/host/key_hash.hpp"
#include "operators/common/aggregate.hpp"
#include "operators/common/input_column.hpp"
#include "operators/windows/window_settings.hpp"

namespace flow::operators {
namespace {

constexpr double kYear = 31'536'000'000'000'000;
// Before the number of a layout, where a key has 1 (no field of a key is null).
constexpr char kLayoutMark = '\2';

std::vector<std::string> names_of(const std::vector<Field>& fields) {
  std::vector<std::string> names;
  names.reserve(fields.size());
  for (const Field& field : fields) names.push_back(field.name);
  return names;
}

void check_key(const std::vector<Field>& key, const std::string& option) {
  if (key.empty()) throw OptionFailure(option, "name at least one field");
  for (const Field& field : key) {
    const auto same = [&](const Field& other) { return other.name == field.name; };
    if (std::count_if(key.begin(), key.end(), same) > 1) {
      throw OptionFailure(option, "'" + field.name + "' stands there twice");
    }
  }
}

const Join::Options& checked(const Join::Options& options) {
  check_key(options.left_key, "left_key");
  check_key(options.right_key, "right_key");
  if (options.left_key.size() != options.right_key.size()) {
    throw OptionFailure("right_key", "names " + std::to_string(options.right_key.size()) +
                                         " fields, and `left_key` " +
                                         std::to_string(options.left_key.size()));
  }
  if (options.within && (options.before || options.after)) {
    throw OptionFailure("within", "stands for `before` and `after`: give it or them");
  }
  if (!options.within && !options.before && !options.after) {
    throw OptionFailure("within", "must be given, or `before` or `after`");
  }
  return options;
}

int64_t reach_of(const std::optional<Duration>& own, const Join::Options& options) {
  return own.value_or(options.within.value_or(Duration{0})).nanoseconds;
}

// The types of one side's key fields as they are stored, by option `name`_key; none where they are
// not known.
std::vector<std::optional<flow_type>> inferred_key(const Inference& inference, uint32_t input,
                                                   const std::vector<Field>& key,
                                                   const std::string& option) {
  std::vector<std::optional<flow_type>> types(key.size());
  const flow_schema* schema = inference.input(input);
  if (schema == nullptr) return types;
  for (size_t i = 0; i < key.size(); ++i) {
    const ColumnPath path = find_column(*schema, key[i].name);
    if (path.steps.empty()) {
      if (inference.open(input)) continue;
      const std::string nearest = nearest_column(*schema, key[i].name);
      throw OptionFailure(option, "there is no column '" + key[i].name + "' in the input",
                          nearest.empty() ? "" : "did you mean '" + nearest + "'?", 0,
                          std::to_string(i));
    }
    if (path.type == FLOW_STRUCT || path.type == FLOW_LIST) {
      throw OptionFailure(option,
                          "the column '" + key[i].name + "' is " +
                              std::string(type_name(path.type)) + ", which is no key",
                          {}, 0, std::to_string(i));
    }
    types[i] = value_type(path.type);
  }
  return types;
}

// The columns of one side in the result.
Fields inferred_columns(const flow_schema& schema, const std::vector<Field>& key,
                        const std::string& prefix) {
  Fields fields;
  for (const auto& [name, type] : fields_of(schema)) {
    const bool is_key = std::any_of(
        key.begin(), key.end(), [&name = name](const Field& field) { return field.name == name; });
    if (!is_key) fields.emplace_back(prefix + name, stored_type(type));
  }
  return fields;
}

bool same(StoredBytes a, StoredBytes b) { return a.at == b.at && a.length == b.length; }

uint64_t hash_of_layout(uint64_t in_group, uint64_t layout) {
  return hash_in_group(group_of(in_group)) | layout >> 7;
}
std::string key_of_layout(uint64_t layout) {
  std::string key(1, kLayoutMark);
  key.append(reinterpret_cast<const char*>(&layout), sizeof layout);
  return key;
}

}  // namespace

void Join::describe(Description<Options>& d) {
  d.name("join");
  d.summary("Pairs the rows of two streams that have the same key at about the same time.");
  d.doc(
      R"(A row of the input `left` and one of `right` are a pair if the fields of `left_key` have the same values as
those of `right_key`, in the same order, and the right row's event time is at most `before` earlier and at most
`after` later than the left one's. A row may be in many pairs, or in none: with `kind = "left"` a left row without a
partner comes out alone, with `"outer"` a right one too.

A result has the fields of the key, called as on the left; the other columns of the left row, with `left_prefix`
before their names; and those of the right row, with `right_prefix`. Categories come out as text. Where two columns
would have the same name, the pipeline is refused: set a prefix, or rename one before.

Its event time is the later one of the two; of a row that stayed alone it is the last moment at which a partner
could have been: `after` later for a left row, `before` later for a right one. Its watermark, by which windows
behind this decide what is late, is the lower one of the two rows', so that no result is late there.

Rows wait until the watermark of both inputs has passed their time. So results come in the order of event time (of
equal times by the hash of the key, the left row before the right), whatever the order in which the two streams
arrive; only rows of one key and side with the very same time keep the order in which they came, which for rows of
several partitions may be any. A row behind the watermark of its own partition is late: it goes to the output
`late`, with its columns, and is in no pair; `lateness` of event_time says how much disorder is waited for. Rows of
a partition that was idle may come behind what has been settled without them: they are paired with what is there.

A null in the key fails as `no_key`: nothing is equal to it. Rows also fail as `key_too_long` and `row_too_long` (64
KiB), as `bad_time` (less than the band away from the end of 64-bit nanoseconds), as `too_many_keys` and
`too_many_rows` past these bounds, and as `state_limit`. Which ones those are depends on how far the other input is.

State: some 120 bytes a key, and a row's values and 48 bytes, rounded up to a power of two, from its arrival
until nothing can join it any more; `state_limit` bounds it. When a key is due stands in memory beside it, up to some
200 bytes a key, which `max_keys` bounds. An input that runs ahead of the other one fills it: bound it with the setting
max_drift of the pipeline.)");
  d.example(R"toml(type = "join"
inputs = { left = ["orders"], right = ["payments"] }
left_key = ["order_id"]
right_key = ["order"]
before = "10s"
after = "15m"
kind = "left"
right_prefix = "payment_"
)toml");
  d.traits(FLOW_KEYED);
  d.input("left", "One stream.", "left_key");
  d.input("right", "The other one.", "right_key");
  d.output("out", "A row for each pair, and those without a partner that `kind` asks for.");
  d.output("late", "Rows of both inputs that were behind the watermark of their partition.");
  d.output("errors", "Rows without a key, and those for which there is no room.");
  d.option("left_key", &Options::left_key, "The fields of left rows that make their key.")
      .required();
  d.option("right_key", &Options::right_key,
           "The fields of right rows that `left_key` is compared with, in the same order, each of "
           "the same type as its partner.")
      .required();
  d.option("within", &Options::within,
           "How far apart the two rows of a pair may be, in either direction. Give it, or `before` "
           "or `after` or both.")
      .range(0, kYear);
  d.option("before", &Options::before,
           "How much earlier than the left row the right one may be. Left out beside `after`: not "
           "at all.")
      .range(0, kYear);
  d.option("after", &Options::after,
           "How much later than the left row the right one may be. Left out beside `before`: not "
           "at all.")
      .range(0, kYear);
  d.choice("kind", &Options::kind,
           {{"inner", Kind::kInner}, {"left", Kind::kLeft}, {"outer", Kind::kOuter}},
           "inner: pairs only. left: and left rows without a partner, once none can come any more. "
           "outer: and right ones too.");
  d.option("left_prefix", &Options::left_prefix,
           "What stands before the names of the left row's columns.");
  d.option("right_prefix", &Options::right_prefix,
           "What stands before the names of the right row's columns.");
  describe_max_keys(d, "may have rows that wait", "how far the other input is");
  d.option("max_rows", &Options::max_rows,
           "How many rows of one key and side may wait. Further ones fail as `too_many_rows`.")
      .range(1, 1'000'000'000);
}

void Join::infer(const Options& options, Inference& inference) {
  const auto left = inferred_key(inference, 0, options.left_key, "left_key");
  const auto right = inferred_key(inference, kRight, options.right_key, "right_key");
  Fields fields;
  bool known = true;
  for (size_t i = 0; i < left.size(); ++i) {
    known = known && left[i] && right[i];
    if (!left[i] || !right[i]) continue;
    if (*left[i] != *right[i]) {
      throw OptionFailure(
          "right_key",
          "'" + options.right_key[i].name + "' is " + std::string(type_name(*right[i])) +
              ", but '" + options.left_key[i].name + "' on the left is " +
              std::string(type_name(*left[i])) + ": they are never equal",
          "give both one type before, with the transform cast", 0, std::to_string(i));
    }
    fields.emplace_back(options.left_key[i].name, Type::of(*left[i]));
  }
  if (!known) return;
  for (const uint32_t input : {0U, kRight}) {
    const bool is_left = input == 0;
    for (auto& column :
         inferred_columns(*inference.input(input), is_left ? options.left_key : options.right_key,
                          is_left ? options.left_prefix : options.right_prefix)) {
      const auto has_name = [&](const auto& other) { return other.first == column.first; };
      if (std::any_of(fields.begin(), fields.end(), has_name)) {
        throw OptionFailure(is_left ? "left_prefix" : "right_prefix",
                            "two columns of the result would be called '" + column.first + "'",
                            "choose another prefix, or rename one before");
      }
      fields.push_back(std::move(column));
    }
  }
  inference.output(fields, inference.open(0) || inference.open(kRight));
}

Join::Join(const Options& options)
    : kind_(checked(options).kind),
      before_(reach_of(options.before, options)),
      after_(reach_of(options.after, options)),
      keys_per_group_(
          static_cast<uint32_t>((options.max_keys + FLOW_KEY_GROUPS - 1) / FLOW_KEY_GROUPS)),
      max_rows_(static_cast<uint32_t>(options.max_rows)),
      keeps_unmatched_{kind_ != Kind::kInner, kind_ == Kind::kOuter},
      sides_{JoinSide("left", options.left_key, options.left_prefix),
             JoinSide("right", options.right_key, options.right_prefix)},
      results_(names_of(options.left_key), sides_) {}

// After a restart the table is there before any row is.
void Join::load() {
  if (loaded_) return;
  loaded_ = true;
  std::array<std::vector<std::string_view>, 2> layouts;
  for (uint32_t group = 0; group < FLOW_KEY_GROUPS; ++group) {
    table_->for_each_slot(group, [&](uint32_t slot, uint64_t hash, std::string_view key) {
      const Record& record = table_->record_at(group, slot);
      if (key.front() == kLayoutMark) {
        const std::string_view bytes = table_->load(hash, record.layout);
        ++layouts_[group];
        layouts[static_cast<unsigned char>(bytes.front())].push_back(bytes.substr(1));
      } else {
        for (const int64_t time : {record.due, record.expiry}) {
          if (time != INT64_MAX) push_due({time, hash, slot, 0});
        }
      }
    });
  }
  for (size_t side = 0; side < sides_.size(); ++side) {
    // Columns only came behind others: the longest list has the order of the rest.
    std::stable_sort(layouts[side].begin(), layouts[side].end(),
                     [](std::string_view a, std::string_view b) { return a.size() > b.size(); });
    for (const std::string_view bytes : layouts[side]) sides_[side].learn(bytes);
  }
  results_.rebuild();
}

// ---- rows in ----

// False: there is no room.
bool Join::keep_layout(uint32_t input, uint64_t hash) {
  const uint32_t group = group_of(hash);
  if (has_layout_[input][group]) return true;
  const JoinLayout& layout = sides_[input].layout();
  const uint64_t layout_hash = hash_of_layout(hash, layout.id);
  const std::string key = key_of_layout(layout.id ^ input);
  if (table_->find(layout_hash, key) == nullptr) {
    std::string bytes(1, static_cast<char>(input));
    bytes += layout.bytes;
    if (bytes.size() > Table::kLongestBytes) {
      throw Failure("join: the names of all columns of " + sides_[input].name() +
                    " take more than 64 KiB: keep fewer before");
    }
    const auto stored = table_->store(layout_hash, bytes);
    if (!stored) return false;
    Record* record = table_->insert(layout_hash, key);
    if (record == nullptr) {
      table_->remove(layout_hash, *stored);
      return false;
    }
    record->layout = *stored;
    ++layouts_[group];
  }
  has_layout_[input].set(group);
  return true;
}

Status Join::consume(uint32_t input, const Batch& in, Output& out) {
  load();
  if (in.rows() == 0) return Status::kDone;
  if (in.event_times() == nullptr || in.watermarks() == nullptr) {
    throw Failure("join: the rows of " + sides_[input].name() +
                  " have no event time: put the transform event_time before this");
  }
  JoinSide& side = sides_[input];
  if (side.bind(in, out)) {
    has_layout_[input].reset();
    results_.rebuild();
  }
  late_.clear();
  int64_t taken = 0;
  for (const int32_t row : side.rows()) taken += take_row(input, row, in, out) ? 1 : 0;
  out.absorb(taken);
  if (!late_.empty()) {
    const auto n = static_cast<int64_t>(late_.size());
    out.late(n == in.rows() ? in : out.select(in, late_.data(), n));
  }
  return Status::kDone;
}

bool Join::take_row(uint32_t input, int32_t row, const Batch& in, Output& out) {
  JoinSide& side = sides_[input];
  const auto fail = [&](const char* reason, const std::string& why) {
    out.fail(in, row, reason, "join: " + why);
    return false;
  };
  const int64_t time = in.event_times()[row];
  const int64_t stamp = in.watermarks()[row];
  if (!side.has_key(row)) return fail("no_key", "a field of " + side.name() + "_key is null");
  if (time >= INT64_MAX - std::max(before_, after_)) {
    return fail("bad_time", "no band can be made around the event time " + std::to_string(time));
  }
  if (time < stamp) {
    late_.push_back(row);
    return false;
  }
  const uint64_t hash = side.hash(row);
  const uint32_t group = group_of(hash);
  RowHead head{};
  head.time = time;
  head.stamp = stamp;
  head.layout = side.layout().id;
  bytes_.assign(reinterpret_cast<const char*>(&head), sizeof head);
  side.append(row, bytes_);
  if (bytes_.size() > Table::kLongestBytes) {
    return fail("row_too_long", "the row has more than 64 KiB");
  }
  const std::string_view key = side.key(row);
  if (key.size() > Table::kLongestBytes) {
    return fail("key_too_long", "the key has more than 64 KiB");
  }
  constexpr const char* kNoRoom = "no room for one more row: raise state_limit, or lower the band";
  if (!keep_layout(input, hash)) return fail("state_limit", kNoRoom);
  const uint32_t slot = table_->insert_slot(hash, key);
  if (slot == 0) return fail("state_limit", kNoRoom);
  const Record& known = table_->record_at(group, slot);
  const bool is_new = known.sides[0].rows == 0 && known.sides[1].rows == 0;
  if (is_new && table_->size(group) > keys_per_group_ + layouts_[group]) {
    table_->erase(hash, key);
    return fail("too_many_keys", "the key's group has its share of max_keys: raise max_keys");
  }
  if (known.sides[input].rows >= max_rows_) {
    return fail("too_many_rows",
                std::to_string(max_rows_) + " rows of the key wait already: raise max_rows");
  }
  const auto stored = table_->store(hash, bytes_);
  if (!stored) {
    if (is_new) table_->erase(hash, key);
    return fail("state_limit", kNoRoom);
  }
  Record& record = table_->modify_at(group, slot);
  link(input, hash, record, *stored, time);
  schedule({time, hash, slot, stored->at}, record.due);
  return true;
}

// Into the rows that are not settled, by time, behind those of the same time.
void Join::link(uint32_t input, uint64_t hash, Record& record, StoredBytes stored, int64_t time) {
  List& list = record.sides[input];
  ++list.rows;
  StoredBytes before = list.last;
  StoredBytes next{};
  if (list.unsettled.length == 0) {
    list.unsettled = stored;
  } else {
    while (head(hash, before).time > time) {
      next = before;
      before = head(hash, before).before;
      if (same(next, list.unsettled)) {
        list.unsettled = stored;
        break;
      }
    }
  }
  RowHead& row = edit(hash, stored);
  row.before = before;
  row.next = next;
  (before.length != 0 ? edit(hash, before).next : list.first) = stored;
  (next.length != 0 ? edit(hash, next).before : list.last) = stored;
}

void Join::schedule(const Due& due, int64_t& earliest) {
  if (due.time >= earliest) return;
  earliest = due.time;
  push_due(due);
}

void Join::push_due(const Due& due) {
  due_.push(due, [this](const Due& other) {
    const uint32_t group = group_of(other.hash);
    if (table_->hash_at(group, other.slot) != other.hash) return false;
    const Record& record = table_->record_at(group, other.slot);
    return record.due == other.time || record.expiry == other.time;
  });
}

// Into the caches, while the visit before is under way: where the key's record and its row stand.
void Join::fetch(const Due& due) {
  const char* record =
      reinterpret_cast<const char*>(&table_->record_at(group_of(due.hash), due.slot));
  __builtin_prefetch(record);
  __builtin_prefetch(record + 64);
  __builtin_prefetch(table_->load(due.hash, {due.row, sizeof(RowHead)}).data());
}

// ---- results ----

int64_t Join::next_settling(uint64_t hash, const Record& record, uint32_t& side) {
  int64_t next = INT64_MAX;
  for (uint32_t i = 0; i < 2; ++i) {
    if (record.sides[i].unsettled.length == 0) continue;
    const int64_t time = head(hash, record.sides[i].unsettled).time;
    if (time >= next) continue;
    next = time;
    side = i;
  }
  return next;
}

// Of the first settled rows.
int64_t Join::next_expiry(uint64_t hash, const Record& record, uint32_t& side) {
  int64_t next = INT64_MAX;
  for (uint32_t i = 0; i < 2; ++i) {
    const List& list = record.sides[i];
    if (same(list.first, list.unsettled)) continue;  // none, or none is settled
    const int64_t time = head(hash, list.first).time + reach(i);
    if (time >= next) continue;
    next = time;
    side = i;
  }
  return next;
}

bool Join::visit(const Due& due, Output& out) {
  const uint32_t group = group_of(due.hash);
  // The slot may have another key by now, or none; then it is looked at for nothing.
  if (table_->hash_at(group, due.slot) != due.hash) return true;
  Record& record = table_->modify_at(group, due.slot);
  if (record.due <= due.time) record.due = INT64_MAX;
  if (record.expiry <= due.time) record.expiry = INT64_MAX;
  while (true) {
    if (!has_room(out)) return false;
    uint32_t settled = 0;
    uint32_t expired = 0;
    const int64_t settling = next_settling(due.hash, record, settled);
    const int64_t expiry = next_expiry(due.hash, record, expired);
    if (!meeting_.begun && expiry < settling && expiry <= due.time) {
      expire(due, record, expired);
    } else if (settling <= due.time) {
      if (!settle(due, record, settled, out)) return false;
    } else {
      break;
    }
  }
  plan(due, record);
  return true;
}

// Pairs the first row that is not settled with those of the other side that are.
bool Join::settle(const Due& due, Record& record, uint32_t side, Output& out) {
  const uint64_t hash = due.hash;
  List& list = record.sides[side];
  const List& other = record.sides[1 - side];
  if (!meeting_.begun) {
    meeting_ = {same(other.first, other.unsettled) ? StoredBytes{} : other.first, true};
  }
  const std::string_view row_bytes = table_->load(hash, list.unsettled);
  const RowHead& row = head(hash, list.unsettled);
  while (meeting_.with.length != 0) {
    if (!has_room(out)) return false;
    const std::string_view with_bytes = table_->load(hash, meeting_.with);
    const RowHead& with = head(hash, meeting_.with);
    const RowHead& left = side == kRight ? with : row;
    const RowHead& right = side == kRight ? row : with;
    if (right.time + before_ >= left.time && right.time <= left.time + after_) {
      JoinedRow own{row.layout, row_bytes.data() + sizeof row, row_bytes.size()};
      JoinedRow met{with.layout, with_bytes.data() + sizeof with, with_bytes.size()};
      if (side == kRight) std::swap(own, met);
      results_.append(key_of(due), own, met, std::max(row.time, with.time),
                      std::min(row.stamp, with.stamp));
      if (row.matched == 0) edit(hash, list.unsettled).matched = 1;
      if (with.matched == 0) edit(hash, meeting_.with).matched = 1;
    }
    meeting_.with = same(with.next, other.unsettled) ? StoredBytes{} : with.next;
  }
  list.unsettled = row.next;
  meeting_ = {};
  return true;
}

// Nothing can join the first row of the side any more.
void Join::expire(const Due& due, Record& record, uint32_t side) {
  const uint64_t hash = due.hash;
  List& list = record.sides[side];
  const StoredBytes first = list.first;
  const std::string_view bytes = table_->load(hash, first);
  const RowHead row = head(hash, first);
  if (row.matched == 0 && keeps_unmatched_[side]) {
    const JoinedRow alone{row.layout, bytes.data() + sizeof row, bytes.size()};
    results_.append(key_of(due), side == kRight ? JoinedRow{} : alone,
                    side == kRight ? alone : JoinedRow{}, row.time + reach(side), row.stamp);
  }
  --list.rows;
  list.first = row.next;
  if (row.next.length != 0) {
    edit(hash, row.next).before = {};
  } else {
    list.last = {};
  }
  table_->remove(hash, first);
}

// When to look at the key again. A key without rows goes.
void Join::plan(const Due& due, Record& record) {
  const uint64_t hash = due.hash;
  if (record.sides[0].rows == 0 && record.sides[1].rows == 0) {
    table_->erase(hash, key_of(due));
    return;
  }
  uint32_t side = 0;
  const int64_t settling = next_settling(hash, record, side);
  schedule({settling, hash, due.slot, record.sides[side].unsettled.at}, record.due);
  int64_t expiry = next_expiry(hash, record, side);
  if (expiry == INT64_MAX) return;
  const uint32_t first = record.sides[side].first.at;
  if (kind_ == Kind::kInner) {
    // Nothing comes out of it: once, for all rows that there are.
    for (uint32_t i = 0; i < 2; ++i) {
      if (record.sides[i].rows == 0) continue;
      expiry = std::max(expiry, head(hash, record.sides[i].last).time + reach(i));
    }
  }
  schedule({expiry, hash, due.slot, first}, record.expiry);
}

Status Join::advance(int64_t watermark, Output& out) {
  load();
  while (true) {
    if (!visited_) {
      if (due_.empty() || due_.top().time >= watermark) break;
      visited_ = due_.top();
      due_.pop();
      if (!due_.empty()) fetch(due_.top());
    }
    if (!visit(*visited_, out)) return Status::kMore;
    visited_.reset();
  }
  return results_.send(out) ? Status::kDone : Status::kMore;
}

}  // namespace flow::operators
