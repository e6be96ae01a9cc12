#include "operators/windows/count_window.hpp"

#include <algorithm>
#include <string>

namespace flow::operators {
namespace {

WindowSettings settings_of(const CountWindow::Options& options) {
  require_option(options.count, "count");
  WindowSettings settings = common_settings(options, "count_window");
  settings.max_keys = options.max_keys;
  return settings;
}

}  // namespace

void CountWindow::describe(Description<Options>& d) {
  d.name("count_window");
  d.summary("Counts, sums and more of every so many rows of each key.");
  d.doc(
      R"(A window of a key has `count` of its rows, one behind the other as they come; with the last of them its result
comes, and the next row begins another. At the end of all input each key has a result of the rows that are
left. A result has the fields of `key`, `window_start` and `window_end` (the earliest and the latest event time of its rows;
null where no event_time stands before this), and the columns of `aggregate`.

Rows of one source partition come in order, so that the results are the same in every run; rows of several
partitions with the same key come in any order between them.

)" + std::string(aggregate_functions_doc()) +
      R"(
State: some 110 bytes a key with an unfinished window, and 8 to 24 a function (quantile, distinct, first, last and
top keep more); `state_limit` bounds it. Where a key is found stands in memory beside it, up to some 150 bytes a key,
which `max_keys` bounds. A key of more than 64 KiB fails as `key_too_long`, one for which `state_limit` leaves no room as
`state_limit`.)");
  d.example(R"toml(type = "count_window"
inputs = ["orders"]
key = ["shop"]
count = 100
aggregate = { revenue = "sum(price)", best = "top(product, 3)" }
)toml");
  d.traits(FLOW_KEYED);
  d.input("in", "The rows to count.", "key");
  d.output("out", "A row for each window.");
  d.output("errors", "Rows of keys for which there is no room.");
  describe_key_and_aggregate(d);
  d.option("count", &Options::count, "How many rows a window has.")
      .required()
      .range(1, 1'000'000'000'000);
  describe_max_keys(d, "may have unfinished windows", "which windows are full by then");
}

void CountWindow::infer(const Options& options, Inference& inference) {
  inference.depend(
      FLOW_ORDER_DEPENDENT,
      OptionFailure("count", "rows of a key from several partitions come in any order"));
  infer_windows(settings_of(options), inference);
}

CountWindow::CountWindow(const Options& options)
    : settings_(settings_of(options)),
      count_(options.count),
      keys_per_group_(
          static_cast<uint32_t>((options.max_keys + FLOW_KEY_GROUPS - 1) / FLOW_KEY_GROUPS)),
      keys_(settings_.key),
      set_(settings_.calls, "aggregate"),
      rows_(keys_, set_, false) {}

void CountWindow::open(Output& out) {
  keys_.open(out);
  memo_.open(out);
  memory_.emplace(keys_.table());
}

void CountWindow::load() {
  if (loaded_) return;
  loaded_ = true;
  memo_.load(keys_, set_);
}

// The key's head and cell, begun if need be; NULL: the row has failed.
char* CountWindow::block_of(uint32_t group, uint32_t slot, int32_t row, const Batch& in,
                            Output& out) {
  auto& table = keys_.table();
  const uint64_t hash = hash_in_group(group);
  const StoredBytes known = table.record_at(group, slot).block;
  if (known.length != 0) return table.edit(hash, known);
  const bool full = table.size(group) > keys_per_group_;
  std::optional<StoredBytes> made;
  if (!full && memo_.begin(group, keys_, set_, INT64_MIN)) {
    made = table.allocate(hash, static_cast<uint32_t>(sizeof(Head)) + set_.cell_bytes());
  }
  if (!made) {
    out.fail(in, row, full ? "too_many_keys" : "state_limit",
             full ? "count_window: the key's group has its share of max_keys: raise max_keys"
                  : "count_window: no room for one more key: raise state_limit, or lower max_keys");
    keys_.erase(group, {table.hash_at(group, slot), slot, {}});
    return nullptr;
  }
  table.modify_at(group, slot).block = *made;
  char* const block = table.edit(hash, *made);
  const Head head{INT64_MAX, WindowRows::kNoTime};
  std::memcpy(block, &head, sizeof head);
  set_.init(block + sizeof(Head));
  return block;
}

void CountWindow::add_kept() {
  set_.add({kept_, row_cells_.data(), keys_.hashes(), times_}, *memory_);
  kept_.clear();
  row_cells_.clear();
}

void CountWindow::finish_key(uint32_t group, uint32_t slot) {
  auto& table = keys_.table();
  const uint64_t hash = hash_in_group(group);
  const StoredBytes stored = table.record_at(group, slot).block;
  char* const block = table.edit(hash, stored);
  char* const cell = block + sizeof(Head);
  Head head;
  std::memcpy(&head, block, sizeof head);
  const char* const cells = cell;
  const WindowKeys::Member member{table.hash_at(group, slot), slot, table.key_at(group, slot)};
  rows_.append(member, {{&cells, 1}, cell, hash},
               head.last == WindowRows::kNoTime ? WindowRows::kNoTime : head.first, head.last, true,
               *memory_);
  set_.release(cell, hash, *memory_);
  table.remove(hash, stored);
  keys_.erase(group, member);
}

Status CountWindow::consume(uint32_t, const Batch& in, Output& out) {
  load();
  if (in.rows() == 0) return Status::kDone;
  keys_.bind(in, out);
  set_.bind(in);
  const int64_t* const event_times = in.event_times();
  // first and last go by the order of arrival where there is no time.
  if (event_times == nullptr) no_times_.assign(static_cast<size_t>(in.rows()), 0);
  times_ = event_times != nullptr ? event_times : no_times_.data();
  int64_t absorbed = 0;
  for (const int32_t row : keys_.rows()) {
    uint32_t number = 0;
    keys_.find({&row, 1}, &number);
    if (number >= WindowKeys::kFirstTrouble) {
      const bool long_key = number == WindowKeys::kTooLong;
      out.fail(in, row, long_key ? "key_too_long" : "state_limit",
               long_key ? "count_window: the key has more than 64 KiB"
                        : "count_window: no room for one more key: raise state_limit");
      continue;
    }
    const uint32_t group = keys_.group_of_segment(number >> WindowKeys::kSegmentBits);
    const uint32_t slot = keys_.slot_of(number);
    char* const block = block_of(group, slot, row, in, out);
    if (block == nullptr) continue;
    if (event_times != nullptr) {
      Head& head = *reinterpret_cast<Head*>(block);
      head.first = std::min(head.first, event_times[row]);
      head.last = std::max(head.last, event_times[row]);
    }
    auto& count = *reinterpret_cast<int64_t*>(block + sizeof(Head));
    ++count;
    ++absorbed;
    kept_.push_back(row);
    row_cells_.push_back(block + sizeof(Head));
    if (count < count_) continue;
    add_kept();
    finish_key(group, slot);
  }
  add_kept();
  out.absorb(absorbed);
  // Not more rows than came in: there is room for one batch at the start of a call.
  rows_.send(out);
  return Status::kDone;
}

Status CountWindow::advance(int64_t watermark, Output& out) {
  load();
  if (watermark != INT64_MAX) return Status::kDone;
  while (ended_group_ < FLOW_KEY_GROUPS) {
    if (rows_.is_full() && !rows_.send(out)) return Status::kMore;
    const std::vector<WindowKeys::Member> members = keys_.members(ended_group_);
    for (const WindowKeys::Member& member : members) finish_key(ended_group_, member.slot);
    ++ended_group_;
  }
  if (!rows_.send(out)) return Status::kMore;
  ended_group_ = 0;
  return Status::kDone;
}

}  // namespace flow::operators
