#include "operators/windows/session.hpp"

#include <algorithm>
#include <string>

namespace flow::operators {
namespace {

WindowSettings settings_of(const Session::Options& options) {
  require_option(options.gap.nanoseconds, "gap");
  WindowSettings settings = common_settings(options, "session");
  settings.time = options.time;
  settings.max_keys = options.max_keys;
  return settings;
}

}  // namespace

void Session::describe(Description<Options>& d) {
  d.name("session");
  d.summary("Counts, sums and more of each key over rows that follow one another closely.");
  d.doc(
      R"(A session of a key begins with a row, and is over when no other has come for the time `gap`. Its result has
the fields of `key`, `window_start` (the time of its first row), `window_end` (that of its last one, and `gap`
more), and the columns of `aggregate`. Rows may come in any order: one between two sessions makes them one.

Results come when the watermark reaches the session's end, in the order of the ends, and of equal ones by the hash
of the key. A row is late if the session that it would be alone would have ended at or before the watermark of its
partition: it goes to the output `late`, with its columns. It does not join a session that has
ended by then, whether that has fired yet or not. So the results are the same wherever batches are cut. A row within twice `gap` of the ends of
64-bit nanoseconds fails as `bad_time`.

)" + std::string(aggregate_functions_doc()) +
      R"(
State: some 170 bytes a key with an open session, and 8 to 24 a function (quantile, distinct, first, last and top
keep more); `state_limit` bounds it. It goes with the session. Where a key is found and when it is due stands in
memory beside it, up to some 250 bytes a key, which `max_keys` bounds. A key with more than 2,048 open sessions fails as `too_many_sessions`, one of
more than 64 KiB as `key_too_long`, and one for which `state_limit` leaves no room as `state_limit`.
)");
  d.example(R"toml(type = "session"
inputs = ["timed"]
key = ["user"]
gap = "30m"
aggregate = { clicks = "count()", first_page = "first(page)", pages = "distinct(page)" }
)toml");
  d.traits(FLOW_KEYED);
  d.input("in", "The rows to count.", "key");
  d.output("out", "A row for each session.");
  d.output("late", "Rows whose session would have been over.");
  d.output("errors", "Rows of keys for which there is no room, and of impossible times.");
  describe_key_and_aggregate(d);
  d.option("gap", &Options::gap, "How long nothing must come for a session to be over.")
      .required()
      .range(1'000'000, 31'536'000'000'000'000);
  describe_time(d);
  describe_max_keys(d, "may have open sessions", "which sessions have fired by then");
}

void Session::infer(const Options& options, Inference& inference) {
  infer_windows(settings_of(options), inference);
}

Session::Session(const Options& options)
    : settings_(settings_of(options)),
      gap_(options.gap.nanoseconds),
      keys_per_group_(
          static_cast<uint32_t>((options.max_keys + FLOW_KEY_GROUPS - 1) / FLOW_KEY_GROUPS)),
      keys_(settings_.key),
      set_(settings_.calls, "aggregate"),
      rows_(keys_, set_, false) {}

void Session::open(Output& out) {
  keys_.open(out);
  memo_.open(out);
  memory_.emplace(keys_.table());
}

void Session::load() {
  if (loaded_) return;
  loaded_ = true;
  memo_.load(keys_, set_);
  for (uint32_t group = 0; group < FLOW_KEY_GROUPS; ++group) {
    for (const WindowKeys::Member& member : keys_.members(group)) {
      const SessionPieces pieces(keys_.table(), group, member.slot);
      if (!pieces.empty()) schedule({end_of_first(pieces), member.hash, group, member.slot});
    }
  }
}

int64_t& Session::scheduled(const Due& due) {
  const uint32_t at = due.slot - 1;
  const size_t number =
      size_t{keys_.segment(due.group, at / WindowKeys::kSegment)} * WindowKeys::kSegment +
      at % WindowKeys::kSegment;
  if (number >= scheduled_.size()) {
    scheduled_.resize(size_t{keys_.segment_count()} * WindowKeys::kSegment, INT64_MAX);
  }
  return scheduled_[number];
}

bool Session::is_live(const Due& due) {
  return keys_.table().hash_at(due.group, due.slot) == due.hash && scheduled(due) == due.end;
}

// False: the key is looked at by then anyway.
bool Session::schedule(const Due& due) {
  int64_t& earliest = scheduled(due);
  if (due.end >= earliest) return false;
  earliest = due.end;
  due_.push(due, [this](const Due& other) { return is_live(other); });
  return true;
}

void Session::fail(const char* reason, const std::string& why, int32_t row, const Batch& in,
                   Output& out) const {
  out.fail(in, row, reason, settings_.name + ": " + why);
}

void Session::set_timer(const Due& due, Output& out) const {
  const flow_key key{
      .size = sizeof(flow_key), .length = 0, .hash = hash_in_group(due.group), .bytes = ""};
  out.get()->timer(out.get(), FLOW_PROCESSING_TIME, due.end, &key);
}

int64_t Session::end_of_first(const SessionPieces& pieces) const {
  return pieces.all()[pieces.first_session() - 1].last + gap_;
}

// NULL: there is no room. The cell of a new piece.
char* Session::begin_session(SessionPieces& pieces, size_t at, int64_t time, const Due& due,
                             Output& out) {
  auto& table = keys_.table();
  const uint64_t hash = hash_in_group(due.group);
  const auto cell = table.allocate(hash, set_.cell_bytes());
  if (!cell) return nullptr;
  if (!pieces.insert(at, {time, time, *cell, 0})) {
    table.remove(hash, *cell);
    return nullptr;
  }
  if (schedule(due) && settings_.time == WindowTime::kProcessing) set_timer(due, out);
  char* const made = table.edit(hash, *cell);
  set_.init(made);
  return made;
}

char* Session::take_row(int32_t row, uint32_t number, const Batch& in, Output& out) {
  const int64_t time = times_.times()[row];
  const uint32_t group = keys_.group_of_segment(number >> WindowKeys::kSegmentBits);
  const uint32_t slot = keys_.slot_of(number);
  const uint64_t hash = keys_.table().hash_at(group, slot);
  SessionPieces pieces(keys_.table(), group, slot);
  if (pieces.empty()) {
    // A key that has just been given its slot.
    const bool full = keys_.table().size(group) > keys_per_group_;
    if (full || !memo_.begin(group, keys_, set_, INT64_MIN)) {
      fail(full ? "too_many_keys" : "state_limit",
           full ? "the key's group has its share of max_keys: raise max_keys"
                : "no room for one more key: raise state_limit, or lower max_keys",
           row, in, out);
      keys_.erase(group, {hash, slot, {}});
      return nullptr;
    }
  }
  const SessionPieces::Reach reach = pieces.reach(time, gap_, times_.watermarks()[row]);
  if (reach.first < reach.behind) {
    return keys_.table().edit(hash_in_group(group), pieces.join(reach, time).cell);
  }
  const bool many = pieces.size() == SessionPieces::kMost;
  char* const cell =
      many ? nullptr
           : begin_session(pieces, reach.first, time, {time + gap_, hash, group, slot}, out);
  if (cell == nullptr) {
    fail(many ? "too_many_sessions" : "state_limit",
         many ? "the key has 2,048 open sessions" : "no room for one more: raise state_limit", row,
         in, out);
    if (pieces.empty()) keys_.erase(group, {hash, slot, {}});
  }
  return cell;
}

Status Session::consume(uint32_t, const Batch& in, Output& out) {
  load();
  if (in.rows() == 0) return Status::kDone;
  times_.read(in, settings_, out.now());
  keys_.bind(in, out);
  set_.bind(in);
  kept_.clear();
  late_.clear();
  row_cells_.clear();
  for (const int32_t row : keys_.rows()) {
    const int64_t time = times_.times()[row];
    if (time < INT64_MIN + 2 * gap_ || time > INT64_MAX - 2 * gap_) {
      fail("bad_time", "no session can be made around the event time " + std::to_string(time), row,
           in, out);
      continue;
    }
    if (time + gap_ <= times_.watermarks()[row]) {
      late_.push_back(row);
      continue;
    }
    uint32_t number = 0;
    keys_.find({&row, 1}, &number);
    if (number >= WindowKeys::kFirstTrouble) {
      const bool room = number == WindowKeys::kTooLong;
      fail(room ? "key_too_long" : "state_limit",
           room ? "the key has more than 64 KiB" : "no room for one more key: raise state_limit",
           row, in, out);
      continue;
    }
    char* const cell = take_row(row, number, in, out);
    if (cell == nullptr) continue;
    int64_t count = CellSet::rows(cell) + 1;
    std::memcpy(cell, &count, sizeof count);
    kept_.push_back(row);
    row_cells_.push_back(cell);
  }
  set_.add({kept_, row_cells_.data(), keys_.hashes(), times_.times()}, *memory_);
  out.absorb(static_cast<int64_t>(kept_.size()));
  if (!late_.empty()) {
    const auto n = static_cast<int64_t>(late_.size());
    out.late(n == in.rows() ? in : out.select(in, late_.data(), n));
  }
  return Status::kDone;
}

// Looks at a key's first session: it is over if it ends at due.end.
void Session::fire_key(const Due& due) {
  SessionPieces pieces(keys_.table(), due.group, due.slot);
  if (pieces.empty()) return;
  if (end_of_first(pieces) <= due.end) {
    const size_t count = pieces.first_session();
    const uint64_t hash = hash_in_group(due.group);
    sum_.assign(set_.cell_bytes(), 0);
    set_.init(sum_.data());
    key_cells_.clear();
    for (const SessionPiece& piece : pieces.all().first(count)) {
      key_cells_.push_back(memory_->load(hash, piece.cell).data());
      set_.merge(sum_.data(), key_cells_.back(), set_.cell_bytes(), 1);
    }
    rows_.append({due.hash, due.slot, keys_.table().key_at(due.group, due.slot)},
                 {key_cells_, sum_.data(), hash}, pieces.all().front().first, due.end, true,
                 *memory_);
    for (const SessionPiece& piece : pieces.all().first(count)) {
      set_.release(memory_->edit(hash, piece.cell), hash, *memory_);
      memory_->remove(hash, piece.cell);
    }
    pieces.erase_first(count);
  }
  if (pieces.empty()) {
    // A slot without a key has none of its pieces (erase_first left nothing behind).
    keys_.erase(due.group, {due.hash, due.slot, {}});
  } else {
    schedule({end_of_first(pieces), due.hash, due.group, due.slot});
  }
}

Status Session::fire(int64_t until, Output& out) {
  while (!due_.empty() && due_.top().end <= until) {
    if (rows_.is_full() && !rows_.send(out)) return Status::kMore;
    const Due due = due_.top();
    due_.pop();
    if (!is_live(due)) continue;
    scheduled(due) = INT64_MAX;
    fire_key(due);
  }
  return rows_.send(out) ? Status::kDone : Status::kMore;
}

Status Session::advance(int64_t watermark, Output& out) {
  load();
  if (settings_.time == WindowTime::kProcessing && watermark != INT64_MAX) return Status::kDone;
  return fire(watermark, out);
}

Status Session::timer(flow_time kind, int64_t nanoseconds, std::span<const flow_key* const>,
                      Output& out) {
  load();
  if (kind != FLOW_PROCESSING_TIME) return Status::kDone;
  if (fire(nanoseconds, out) == Status::kMore) return Status::kMore;
  if (!due_.empty()) set_timer(due_.top(), out);
  return Status::kDone;
}

}  // namespace flow::operators
