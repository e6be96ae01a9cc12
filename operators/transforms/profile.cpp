#include "operators/transforms/profile.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "flow/host/key_hash.hpp"
#include "operators/common/detectors/number_input.hpp"
#include "operators/common/input_column.hpp"
#include "operators/common/oldest_keys.hpp"
#include "operators/common/saturated_time.hpp"

namespace flow::operators {
namespace {

using detectors::NumberInput;

constexpr size_t kLongestName = 256;  // bytes of an item or category
constexpr int64_t kRowsAtOnce = 4096;
constexpr size_t kLookAhead = 16;  // rows
constexpr size_t kLine = 64;       // bytes of the cache
constexpr uint32_t kErase = uint32_t{1} << 31;

// How many categories are remembered for the sake of those that are told.
size_t remembered(int64_t categories) {
  return std::max<size_t>(static_cast<size_t>(categories) * 4, 16);
}

// log2(2^a + 2^b)
double log2_of_sum(double a, double b) {
  constexpr double kLog2E = 1.4426950408889634;
  return std::max(a, b) + std::log1p(std::exp2(-std::fabs(a - b))) * kLog2E;
}

// A field whose values are noted by name: NULL column where the input has none.
class NameInput {
 public:
  NameInput(const char* option, ColumnFinder& finder, const Batch& in)
      : option_(option), field_(&finder.name()) {
    const flow_column* column = finder.name().empty() ? nullptr : finder.find(in);
    if (column == nullptr) return;
    if (JsonValues::accepts(column->type)) {
      values_.emplace(*column, kLongestName);
    } else {
      foreign_ = column->type;
    }
  }

  // "": the row has none. Nothing: it has failed.
  std::optional<std::string_view> read(int32_t row, const Batch& in, Output& out) {
    std::string_view token;
    if (foreign_ != 0) {
      fail(row, "bad_", " is a " + std::string(type_name(foreign_)), in, out);
      return std::nullopt;
    }
    if (!values_) return token;
    switch (values_->read(row, token)) {
      case JsonValues::Kind::kNull:
        return std::string_view();
      case JsonValues::Kind::kValue:
        return token;
      case JsonValues::Kind::kNested:
        fail(row, "bad_", " is a JSON object or array", in, out);
        return std::nullopt;
      case JsonValues::Kind::kTooLong:
        fail(row, "long_", " has more than 256 bytes", in, out);
        return std::nullopt;
    }
    return std::nullopt;
  }

 private:
  void fail(int32_t row, const char* prefix, const std::string& why, const Batch& in,
            Output& out) const {
    const std::string reason = std::string(prefix) + option_;
    out.fail(in, row, reason.c_str(), "profile: the field '" + *field_ + "'" + why);
  }

  const char* option_;
  const std::string* field_;
  std::optional<JsonValues> values_;
  flow_type foreign_ = 0;
};

std::vector<std::pair<std::string, CompiledExpression>> compile_counts(
    const Profile::Options& options) {
  std::vector<std::pair<std::string, std::string>> texts;
  for (const ValueItem& item : options.count.items) {
    if (item.second.type != FLOW_OPTION_TEXT) {
      throw OptionFailure("count", "this is no condition", "write views = \"event == 'view'\"", -1,
                          item.first);
    }
    texts.emplace_back(item.first, item.second.text);
  }
  if (texts.empty()) {
    texts = {{"views", "event == 'view'"},
             {"searches", "event == 'search'"},
             {"carts", "event == 'cart'"},
             {"purchases", "event == 'purchase'"}};
  }
  if (texts.size() > Profile::kMostCounts) throw OptionFailure("count", "more than 16 conditions");
  std::vector<std::string> taken;
  for (const auto& [name, type] : ProfileRows::fields({})) taken.push_back(name);
  for (const Field& field : options.key) {
    if (std::find(taken.begin(), taken.end(), field.name) != taken.end()) {
      throw OptionFailure("key", "'" + field.name + "' is a column that profiles have anyway",
                          "rename the field before");
    }
    taken.push_back(field.name);
  }
  std::vector<std::pair<std::string, CompiledExpression>> counts;
  for (const auto& [name, text] : texts) {
    if (std::find(taken.begin(), taken.end(), name) != taken.end()) {
      throw OptionFailure("count", "'" + name + "' is a column that profiles have anyway",
                          "choose another name", -1, name);
    }
    taken.push_back(name);
    counts.emplace_back(name, CompiledExpression::compile(text, "count." + name));
  }
  return counts;
}

std::vector<std::string> names_of(
    const std::vector<std::pair<std::string, CompiledExpression>>& counts) {
  std::vector<std::string> names;
  names.reserve(counts.size());
  for (const auto& [name, condition] : counts) names.push_back(name);
  return names;
}

}  // namespace

struct Profile::Inputs {
  NameInput item, category;
  const flow_column* session;  // NULL: there is none
  TypedColumn spend_column;
  std::optional<NumberInput> spend;
  // Of the row under way.
  std::string_view item_token, category_token;
  std::optional<double> spent;
};

Profile::Shared::Shared(const Options& options, Host)
    : counts(compile_counts(options)),
      spend(CompiledExpression::compile(options.spend.text, "spend")),
      erase(CompiledExpression::compile(options.erase.text, "erase")) {}

Profile::Profile(const Options& options, Shared& shared)
    : shared_(shared),
      every_(options.every.nanoseconds),
      half_life_(static_cast<double>(options.half_life.nanoseconds)),
      users_per_group_(
          static_cast<uint32_t>((options.max_users + FLOW_KEY_GROUPS - 1) / FLOW_KEY_GROUPS)),
      when_full_(options.when_full),
      keys_("profile", options.key),
      session_(options.session.name),
      session_values_({options.session.name}),
      item_(options.items > 0 ? options.item.name : ""),
      category_(options.categories > 0 ? options.category.name : ""),
      spend_(shared.spend),
      erase_(shared.erase),
      item_names_(static_cast<size_t>(std::max<int64_t>(options.items, 1))),
      category_names_(remembered(options.categories)) {
  for (const auto& [name, condition] : shared.counts) counts_.emplace_back(condition);
  rows_.emplace(ProfileRows::Settings{.key = keys_.names(),
                                      .counts = names_of(shared.counts),
                                      .categories = static_cast<size_t>(options.categories),
                                      .half_life = half_life_});
}

void Profile::open(Output& out) {
  users_.emplace(out, "users", 1);
  erased_ = out.counter("erased_users", "Users who asked to be forgotten, known ones or not.");
  evicted_ = out.counter("evicted_users", "Users who were forgotten to make room for others.");
  unnoted_ =
      out.counter("unnoted_values", "Items and categories that were not noted, past state_limit.");
}

void Profile::load() {
  if (std::exchange(loaded_, true)) return;
  for (uint32_t group = 0; group < FLOW_KEY_GROUPS; ++group) {
    users_->for_each_slot(group, [&](uint32_t slot, uint64_t hash, std::string_view) {
      const User& user = users_->record_at(group, slot);
      if (user.due != kNever) due_.push({user.due, hash, group, slot});
    });
  }
}

// ---- rows in ----

void Profile::read_marks(const Batch& in, Output& out) {
  marks_.assign(static_cast<size_t>(in.rows()), 0);
  const auto mark = [&](ExpressionEvaluator& condition, uint32_t bit) {
    for (const int32_t row : condition.select(in, out).rows)
      marks_[static_cast<size_t>(row)] |= bit;
    for (const std::string& message : condition.take_missing()) out.warn(message);
  };
  for (size_t i = 0; i < counts_.size(); ++i) mark(counts_[i], uint32_t{1} << i);
  mark(erase_, kErase);
}

Status Profile::consume(uint32_t, const Batch& in, Output& out) {
  load();
  if (!std::exchange(goes_on_, false)) read(in, out);
  goes_on_ = !rows_->send(out);
  return goes_on_ ? Status::kMore : Status::kDone;
}

void Profile::read(const Batch& in, Output& out) {
  keys_.read(in, out);
  const int64_t* const times = in.event_times();
  const int64_t* const watermarks = in.watermarks();
  if (in.rows() > 0 && (times == nullptr || watermarks == nullptr)) {
    throw Failure("profile: the rows have no event time: put the transform event_time before this");
  }
  if (keys_.rows().empty()) return;
  read_marks(in, out);
  Inputs inputs{.item = NameInput("item", item_, in),
                .category = NameInput("category", category_, in),
                .session = find_session(in),
                .spend_column = spend_.evaluate(in, out),
                .spend = {},
                .item_token = {},
                .category_token = {},
                .spent = {}};
  for (const std::string& message : spend_.take_missing()) out.warn(message);
  const flow_column& spend = *inputs.spend_column.column;
  if (NumberInput::accepts(spend.type)) {
    inputs.spend.emplace(spend);
  } else if (spend.array->null_count < in.rows()) {
    throw Failure("profile: spend: " + std::string(type_name(spend.type)) +
                  " comes out, but a number is needed");
  }
  const std::span<const int32_t> rows = keys_.rows();
  for (size_t i = 0; i < rows.size(); ++i) {
    if (i % kLookAhead == 0) look_ahead(rows.subspan(i, std::min(kLookAhead, rows.size() - i)));
    const int32_t number = rows[i];
    const auto key = keys_.key(number, in, out);
    if (!key) continue;
    const Row row{number,        keys_.hash(number), *key,
                  times[number], watermarks[number], marks_[static_cast<size_t>(number)]};
    if ((row.marks & kErase) != 0) {
      erase(row);
      out.absorb(1);
    } else {
      take(row, inputs, in, out);
    }
  }
  report(out);
}

// Of many users few are in the cache: what is known of some is fetched side by side.
void Profile::look_ahead(std::span<const int32_t> rows) {
  std::array<const User*, kLookAhead> users;
  for (size_t i = 0; i < rows.size(); ++i) {
    users[i] = users_->likely(keys_.hash(rows[i]));
    if (users[i] == nullptr) continue;
    const char* const record = reinterpret_cast<const char*>(users[i]);
    for (size_t at = 0; at < sizeof(User); at += kLine) __builtin_prefetch(record + at, 1);
  }
  for (size_t i = 0; i < rows.size(); ++i) {
    if (users[i] == nullptr) continue;
    for (const StoredBytes& stored : {users[i]->items, users[i]->categories}) {
      const std::string_view block = users_->load(keys_.hash(rows[i]), stored);
      for (size_t at = 0; at < block.size(); at += kLine) __builtin_prefetch(block.data() + at, 1);
    }
  }
}

const flow_column* Profile::find_session(const Batch& in) {
  const flow_column* column = session_.find(in);
  if (column == nullptr || column->type == FLOW_STRUCT || column->type == FLOW_LIST) return nullptr;
  session_values_.read(in);
  return column;
}

void Profile::erase(const Row& row) {
  if (User* user = users_->modify(row.hash, row.key); user != nullptr) {
    if (is_due(*user, row)) tell(*user, row.hash, row.key);
    forget(*user, row.hash, row.key);
  }
  rows_->add_erased(row.key, keys_.types(), row.time);
  ++n_erased_;
}

void Profile::take(const Row& row, Inputs& inputs, const Batch& in, Output& out) {
  const auto item = inputs.item.read(row.number, in, out);
  if (!item) return;
  const auto category = inputs.category.read(row.number, in, out);
  if (!category) return;
  inputs.item_token = *item;
  inputs.category_token = *category;
  inputs.spent.reset();
  if (inputs.spend) {
    double value = 0;
    const NumberInput::Kind kind = inputs.spend->read(row.number, value);
    if (kind == NumberInput::Kind::kNumber) {
      inputs.spent = value;
    } else if (kind != NumberInput::Kind::kNull) {
      out.fail(in, row.number, "bad_spend", "profile: `spend` is no finite number below 1e150");
      return;
    }
  }
  const uint32_t slot = admit(row);
  if (slot == 0) {
    const bool full = users_->size(group_of(row.hash)) >= users_per_group_;
    out.fail(in, row.number, full ? "too_many_users" : "state_limit",
             full ? "profile: no room for one more user: raise max_users"
                  : "profile: no room for one more user: raise state_limit");
    return;
  }
  User& user = users_->modify_at(group_of(row.hash), slot);
  if (is_due(user, row)) {
    tell(user, row.hash, row.key);
    user.told = std::exchange(user.due, kNever);
  }
  user.key_types = keys_.types();
  add(user, row, inputs);
  out.absorb(1);
  if (every_ == 0) {
    tell(user, row.hash, row.key);
  } else if (user.due == kNever) {
    set_due(user, slot, row);
  }
}

void Profile::set_due(User& user, uint32_t slot, const Row& row) {
  user.due = time_after(std::max(row.time, user.told), every_);
  due_.push({user.due, row.hash, group_of(row.hash), slot});
}

void Profile::add(User& user, const Row& row, Inputs& inputs) {
  user.first_seen = std::min(user.first_seen, row.time);
  user.last_seen = std::max(user.last_seen, row.time);
  ++user.events;
  for (uint32_t marks = row.marks; marks != 0; marks &= marks - 1) {
    ++user.counts[static_cast<size_t>(std::countr_zero(marks))];
  }
  if (inputs.spent) user.spend += *inputs.spent;
  if (inputs.session != nullptr && !Validity(*inputs.session).is_null(row.number)) {
    add_session(user, row);
  }
  if (!inputs.item_token.empty() &&
      !item_names_.note(*users_, row.hash, user.items, inputs.item_token, row.time,
                        [&](int64_t time) { return std::max(time, row.time); })) {
    ++n_unnoted_;
  }
  const double weight = static_cast<double>(row.time) / half_life_;
  if (!inputs.category_token.empty() &&
      !category_names_.note(*users_, row.hash, user.categories, inputs.category_token, weight,
                            [&](double rank) { return log2_of_sum(rank, weight); })) {
    ++n_unnoted_;
  }
}

void Profile::add_session(User& user, const Row& row) {
  const uint64_t hash = host::hash_bytes(session_values_.key(row.number)) | 1;  // 0: none is known
  auto& known = user.known_sessions;
  if (std::find(known.begin(), known.end(), hash) != known.end()) return;
  std::copy_backward(known.begin(), known.end() - 1, known.end());
  known[0] = hash;
  ++user.sessions;
}

// ---- users ----

uint32_t Profile::admit(const Row& row) {
  const uint32_t group = group_of(row.hash);
  if (users_->size(group) >= users_per_group_ && users_->find(row.hash, row.key) == nullptr) {
    if (when_full_ == WhenFull::kFail) return 0;
    evict(group);
  }
  uint32_t slot = users_->insert_slot(row.hash, row.key);
  if (slot == 0 && when_full_ == WhenFull::kEvict && users_->size(group) > 0) {
    evict(group);
    slot = users_->insert_slot(row.hash, row.key);
  }
  return slot;
}

void Profile::evict(uint32_t group) {
  const auto last_seen = [](const User& user) { return user.last_seen; };
  for (const AgedKey& old : oldest_keys(*users_, group, last_seen)) {
    User& user = users_->modify_at(group, old.slot);
    const std::string key(users_->key_at(group, old.slot));
    if (user.due != kNever) tell(user, old.hash, key);
    forget(user, old.hash, key);
    ++n_evicted_;
  }
}

void Profile::forget(User& user, uint64_t hash, std::string_view key) {
  users_->remove(hash, user.items);
  users_->remove(hash, user.categories);
  users_->erase(hash, key);
}

// ---- rows out ----

void Profile::tell(const User& user, uint64_t hash, std::string_view key) {
  rows_->add({.key = key,
              .key_types = user.key_types,
              .first_seen = user.first_seen,
              .last_seen = user.last_seen,
              .events = user.events,
              .sessions = user.sessions > 0 ? std::optional(user.sessions) : std::nullopt,
              .counts = user.counts,
              .spend = user.spend,
              .items = users_->load(hash, user.items),
              .categories = users_->load(hash, user.categories)});
}

Status Profile::advance(int64_t watermark, Output& out) {
  load();
  while (!due_.empty() && due_.top().time <= watermark) {
    if (rows_->size() >= kRowsAtOnce && !rows_->send(out)) return Status::kMore;
    const Due due = due_.top();
    due_.pop();
    // The slot may be another user's by now, or nobody's, or the profile has been told.
    if (users_->record_at(due.group, due.slot).due != due.time) continue;
    User& user = users_->modify_at(due.group, due.slot);
    const uint64_t hash = users_->hash_at(due.group, due.slot);
    tell(user, hash, users_->key_at(due.group, due.slot));
    user.told = std::exchange(user.due, kNever);
  }
  return rows_->send(out) ? Status::kDone : Status::kMore;
}

void Profile::report(Output& out) {
  if (n_erased_ > 0) erased_.record(static_cast<double>(std::exchange(n_erased_, 0)));
  if (n_unnoted_ > 0) unnoted_.record(static_cast<double>(std::exchange(n_unnoted_, 0)));
  if (n_evicted_ == 0) return;
  evicted_.record(static_cast<double>(std::exchange(n_evicted_, 0)));
  if (std::exchange(told_evicted_, true)) return;
  out.warn(
      "profile forgets users to make room for others, and will not say so again: see the metric "
      "evicted_users, and raise max_users or state_limit");
}

}  // namespace flow::operators
