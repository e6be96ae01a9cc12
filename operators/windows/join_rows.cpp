#include "operators/windows/join_rows.hpp"

#include <algorithm>
#include <set>

namespace flow::operators {
namespace {

Column times_of(Host host, const std::vector<int64_t>& times) {
  TimestampBuilder builder(host, static_cast<int64_t>(times.size()));
  std::copy(times.begin(), times.end(), builder.data());
  return builder.finish();
}

}  // namespace

void JoinRows::rebuild() {
  const std::vector<flow_type>& left = sides_[0].key_types();
  const std::vector<flow_type>& right = sides_[1].key_types();
  for (size_t i = 0; i < std::min(left.size(), right.size()); ++i) {
    if (left[i] == right[i]) continue;
    throw Failure("join: the key '" + key_names_[i] + "' is " + std::string(type_name(left[i])) +
                  " on the left and " + std::string(type_name(right[i])) +
                  " on the right, which are never equal: give both one type before, with the "
                  "transform cast");
  }
  keys_.set_types(left.empty() ? right : left);
  std::set<std::string> taken(key_names_.begin(), key_names_.end());
  names_.clear();
  for (size_t side = 0; side < sides_.size(); ++side) {
    columns_[side].clear();
    for (auto& [name, type] : sides_[side].result_fields()) {
      if (!taken.insert(name).second) {
        throw Failure("join: two columns of the result would be called '" + name +
                      "': set left_prefix or right_prefix, or rename one before");
      }
      columns_[side].emplace_back(type);
      names_.push_back(std::move(name));
    }
  }
}

void JoinRows::append(std::string_view key, const JoinedRow& left, const JoinedRow& right,
                      int64_t time, int64_t stamp) {
  keys_.append(key);
  sides_[0].collect(left, columns_[0]);
  sides_[1].collect(right, columns_[1]);
  times_.push_back(time);
  stamps_.push_back(stamp);
  bytes_ += key.size() + left.length + right.length;
}

bool JoinRows::send(Output& out) {
  if (times_.empty()) return true;
  if (out.room() < 1) return false;
  std::vector<NewColumn> columns;
  const std::vector<TypedColumn> keys = keys_.take(out);
  for (size_t i = 0; i < keys.size(); ++i) columns.push_back({key_names_[i], keys[i]});
  size_t name = 0;
  for (std::vector<StoredColumn>& side : columns_) {
    for (StoredColumn& column : side) columns.push_back({names_[name++], column.take(out)});
  }
  const Column times = times_of(out, times_);
  const Column stamps = times_of(out, stamps_);
  flow_origin origin{};
  origin.size = sizeof origin;
  origin.event_time = times.get();
  origin.watermark = stamps.get();
  out.create(out.make(static_cast<int64_t>(times_.size()), columns, &origin));
  times_.clear();
  stamps_.clear();
  bytes_ = 0;
  return true;
}

}  // namespace flow::operators
