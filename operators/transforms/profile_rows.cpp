#include "operators/transforms/profile_rows.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "operators/common/json_writer.hpp"
#include "operators/common/key_columns.hpp"
#include "operators/common/ranked_names.hpp"

namespace flow::operators {
namespace {

uint64_t word(int64_t value) { return static_cast<uint64_t>(value); }

// Three decimals: what a sum of powers may differ by from machine to machine is far below.
void append_score(double score, std::string& json) {
  char text[kNumberBytes + kWriteSlack];
  const char* const end = write_double(text, std::nearbyint(score * 1000.0) / 1000.0);
  json.append(text, static_cast<size_t>(end - text));
}

}  // namespace

ProfileRows::ProfileRows(Settings settings) : settings_(std::move(settings)) {
  for (size_t i = 0; i < settings_.counts.size(); ++i) counts_.emplace_back(FLOW_INT64);
}

Fields ProfileRows::fields(const std::vector<std::string>& counts) {
  Fields fields = {{"time", Type::timestamp()},       {"erase", Type::boolean()},
                   {"first_seen", Type::timestamp()}, {"last_seen", Type::timestamp()},
                   {"events", Type::int64()},         {"sessions", Type::int64()}};
  for (const std::string& name : counts) fields.emplace_back(name, Type::int64());
  fields.emplace_back("spend", Type::float64());
  fields.emplace_back("last_items", Type::json());
  fields.emplace_back("categories", Type::json());
  return fields;
}

Fields ProfileRows::erased_fields() {
  return {{"time", Type::timestamp()}, {"erase", Type::boolean()}};
}

void ProfileRows::Keys::add(std::string_view key, const KeyInput::Types& key_types) {
  if (!places.empty() && types != key_types) {
    throw Failure(
        "profile: a field of the key has changed its type: give it one type before, with the "
        "transform cast");
  }
  types = key_types;
  places.push_back({bytes.size(), key.size()});
  bytes.append(key);
}

void ProfileRows::Keys::take(Host host, const std::vector<std::string>& names,
                             std::vector<NewColumn>& columns) {
  std::vector<flow_type> field_types(types.begin(),
                                     types.begin() + static_cast<int64_t>(names.size()));
  KeyColumns made(host, static_cast<int64_t>(places.size()), field_types);
  for (const Place& place : places) {
    made.append(std::string_view(bytes).substr(place.at, place.length));
  }
  std::vector<TypedColumn> finished = made.finish();
  for (size_t i = 0; i < names.size(); ++i) columns.push_back({names[i], std::move(finished[i])});
  places.clear();
  bytes.clear();
}

void ProfileRows::add(const ProfileRow& row) {
  keys_.add(row.key, row.key_types);
  times_.append(word(row.last_seen));
  erasures_.append(0);
  first_seen_.append(word(row.first_seen));
  last_seen_.append(word(row.last_seen));
  events_.append(word(row.events));
  row.sessions ? sessions_.append(word(*row.sessions)) : sessions_.append_null();
  for (size_t i = 0; i < counts_.size(); ++i) counts_[i].append(word(row.counts[i]));
  spend_.append(std::bit_cast<uint64_t>(row.spend));
  add_items(row.items);
  add_categories(row.categories, row.last_seen);
}

void ProfileRows::add_items(std::string_view block) {
  ranked_items_.clear();
  RankedNames<int64_t>::for_each(block, [&](int64_t time, std::string_view token) {
    ranked_items_.emplace_back(time, token);
  });
  std::sort(ranked_items_.begin(), ranked_items_.end(), std::greater<>());
  json_ = "[";
  for (const auto& [time, token] : ranked_items_) {
    if (json_.size() > 1) json_ += ',';
    json_ += token;
  }
  items_.append_text(json_ += ']');
}

void ProfileRows::add_categories(std::string_view block, int64_t time) {
  ranked_categories_.clear();
  RankedNames<double>::for_each(block, [&](double rank, std::string_view token) {
    ranked_categories_.emplace_back(rank, token);
  });
  std::sort(ranked_categories_.begin(), ranked_categories_.end(), std::greater<>());
  if (ranked_categories_.size() > settings_.categories) {
    ranked_categories_.resize(settings_.categories);
  }
  json_ = "[";
  const double now = static_cast<double>(time) / settings_.half_life;
  for (const auto& [rank, token] : ranked_categories_) {
    json_ += json_.size() > 1 ? ",{\"category\":" : "{\"category\":";
    json_.append(token).append(",\"score\":");
    append_score(std::exp2(rank - now), json_);
    json_ += '}';
  }
  categories_.append_text(json_ += ']');
}

void ProfileRows::add_erased(std::string_view key, const KeyInput::Types& types, int64_t time) {
  keys_.add(key, types);
  times_.append(word(time));
  erasures_.append(1);
  for (CollectedColumn* column : {&first_seen_, &last_seen_, &events_, &sessions_}) {
    column->append_null();
  }
  for (CollectedColumn& column : counts_) column.append_null();
  for (CollectedColumn* column : {&spend_, &items_, &categories_}) column->append_null();
  erased_keys_.add(key, types);
  erased_times_.append(word(time));
  erased_erasures_.append(1);
}

bool ProfileRows::send(Output& out) {
  if (size() > 0) {
    if (out.room() < 1) return false;
    send_profiles(out);
  }
  if (erased_times_.size() > 0) {
    if (out.room(kErasedPort) < 1) return false;
    send_erased(out);
  }
  return true;
}

void ProfileRows::send_erased(Output& out) {
  const int64_t rows = erased_times_.size();
  std::vector<NewColumn> columns;
  erased_keys_.take(out, settings_.key, columns);
  columns.push_back({"time", erased_times_.take(out)});
  columns.push_back({"erase", erased_erasures_.take(out)});
  out.create(out.make(rows, columns, nullptr), kErasedPort);
}

void ProfileRows::send_profiles(Output& out) {
  const int64_t rows = size();
  std::vector<NewColumn> columns;
  keys_.take(out, settings_.key, columns);
  columns.push_back({"time", times_.take(out)});
  columns.push_back({"erase", erasures_.take(out)});
  columns.push_back({"first_seen", first_seen_.take(out)});
  columns.push_back({"last_seen", last_seen_.take(out)});
  columns.push_back({"events", events_.take(out)});
  columns.push_back({"sessions", sessions_.take(out)});
  for (size_t i = 0; i < counts_.size(); ++i) {
    columns.push_back({settings_.counts[i], counts_[i].take(out)});
  }
  columns.push_back({"spend", spend_.take(out)});
  columns.push_back({"last_items", items_.take(out)});
  columns.push_back({"categories", categories_.take(out)});
  out.create(out.make(rows, columns, nullptr));
}

}  // namespace flow::operators
