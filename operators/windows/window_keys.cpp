#include "operators/windows/window_keys.hpp"

#include <algorithm>

#include "operators/common/aggregate.hpp"
#include "operators/common/input_column.hpp"

namespace flow::operators {

WindowKeys::WindowKeys(const std::vector<Field>& fields) : rows_(fields) {
  for (const Field& field : fields) {
    names_.push_back(field.name);
    finders_.emplace_back(field.name);
  }
}

bool WindowKeys::bind(const Batch& in, const Output& out) {
  rows_.read(in, out);
  const bool other = known_.get() != &in.schema();
  const bool news = types_.empty() && !names_.empty();
  if (other) bind_types(in);
  if (names_.empty()) {
    way_ = Way::kOne;
    return false;
  }
  way_ = Way::kBytes;
  column_ = finders_.front().find(in);
  if (names_.size() > 1) return news;
  switch (column_->type) {
    case FLOW_INT64:
    case FLOW_TIMESTAMP:
      way_ = Way::kInteger;
      break;
    case FLOW_TEXT:
    case FLOW_BINARY:
    case FLOW_JSON:
      way_ = Way::kText;
      break;
    case FLOW_CATEGORY:
      way_ = Way::kCategory;
      break;
    default:
      break;
  }
  return news;
}

void WindowKeys::bind_types(const Batch& in) {
  std::vector<flow_type> types;
  for (ColumnFinder& finder : finders_) {
    const flow_column* column = finder.find(in);
    if (column == nullptr) throw_missing_column(in.schema(), "key", finder.name());
    types.push_back(value_type(column->type));
    if (!types_.empty() && types_[types.size() - 1] != types.back()) {
      throw Failure("key: the field '" + finder.name() + "' was " +
                    std::string(type_name(types_[types.size() - 1])) + " and is now " +
                    std::string(type_name(types.back())) +
                    ": give it one type before, with the transform cast");
    }
  }
  if (types_.empty()) set_types(types);
  known_ = Reference<const flow_schema>::share(&in.schema());
}

void WindowKeys::set_types(const std::vector<flow_type>& types) {
  types_ = types;
  collected_.set_types(types);
}

uint32_t WindowKeys::segment(uint32_t group, uint32_t index) {
  std::vector<uint32_t>& segments = groups_[group].segments;
  while (segments.size() <= index) {
    places_.push_back({group, static_cast<uint32_t>(segments.size())});
    segments.push_back(static_cast<uint32_t>(places_.size() - 1));
  }
  return segments[index];
}

uint32_t WindowKeys::number_of(uint64_t hash, int32_t row) {
  const std::string_view key = rows_.key(row);
  if (key.size() > KeyedTable<Record>::kLongestBytes) return kTooLong;
  const uint32_t group = group_of(hash);
  const uint32_t before = table_->size(group);
  const uint32_t slot = table_->insert_slot(hash, key);
  if (slot == 0) return kNoRoom;
  if (table_->size(group) != before) groups_[group].known = false;
  return segment(group, (slot - 1) / kSegment) << kSegmentBits | (slot - 1) % kSegment;
}

template <class Key, class Read>
void WindowKeys::find_in(KeyIndex<Key>& index, std::span<const int32_t> rows, uint32_t* numbers,
                         Read read) {
  constexpr size_t kAhead = 16;  // rows: some tens of nanoseconds, as long as memory takes
  const uint64_t* const hashes = rows_.hashes();
  typename KeyIndex<Key>::Search search(index);
  for (size_t i = 0; i < rows.size(); ++i) {
    const int32_t row = rows[i];
    const uint64_t hash = hashes[row];
    if (i + kAhead < rows.size()) search.prefetch(hashes[rows[i + kAhead]]);
    Key key;
    const bool short_key = read(row, key);
    uint32_t number = short_key ? search.find(hash, key) : kNone;
    if (number == kNone) [[unlikely]] {
      number = number_of(hash, row);
      if (short_key && number < kFirstTrouble) {
        index.insert(hash, key, number);
        search = typename KeyIndex<Key>::Search(index);
      }
    }
    numbers[i] = number;
  }
}

template <class Key, class Read>
void WindowKeys::find_present(KeyIndex<Key>& index, const Validity& validity,
                              std::span<const int32_t> rows, uint32_t* numbers, Read read) {
  if (!validity.has_nulls()) return find_in(index, rows, numbers, read);
  find_in(index, rows, numbers,
          [&](int32_t row, Key& key) { return !validity.is_null(row) && read(row, key); });
}

void WindowKeys::find(std::span<const int32_t> rows, uint32_t* numbers) {
  if (rows.empty()) return;
  const auto short_text = [](const flow_view& view, ShortText& key) {
    key = ShortText::of(view);
    return view.length <= FLOW_VIEW_INLINE;
  };
  switch (way_) {
    case Way::kOne:
      std::fill_n(numbers, rows.size(), number_of(rows_.hash(rows[0]), rows[0]));
      return;
    case Way::kInteger: {
      const Int64View values(*column_);
      const int64_t* const data = values.data();
      find_present(integers_, values, rows, numbers, [&](int32_t row, int64_t& key) {
        key = data[row];
        return true;
      });
      return;
    }
    case Way::kText: {
      const TextView texts(*column_);
      const flow_view* const views = texts.views();
      find_present(texts_, texts, rows, numbers,
                   [&](int32_t row, ShortText& key) { return short_text(views[row], key); });
      return;
    }
    case Way::kCategory: {
      const CategoryView texts(*column_);
      const flow_view* const views = texts.dictionary().views();
      find_present(texts_, texts, rows, numbers, [&](int32_t row, ShortText& key) {
        return short_text(views[texts.code(row)], key);
      });
      return;
    }
    case Way::kBytes:
      for (size_t i = 0; i < rows.size(); ++i) {
        numbers[i] = number_of(rows_.hash(rows[i]), rows[i]);
      }
      return;
  }
}

const std::vector<WindowKeys::Member>& WindowKeys::members(uint32_t group) {
  Group& known = groups_[group];
  if (known.known) return known.members;
  known.members.clear();
  table_->for_each_slot(group, [&](uint32_t slot, uint64_t hash, std::string_view key) {
    known.members.push_back({hash, slot, key});
  });
  std::sort(known.members.begin(), known.members.end(), [](const Member& a, const Member& b) {
    return a.hash != b.hash ? a.hash < b.hash : a.key < b.key;
  });
  for (const Member& member : known.members) segment(group, (member.slot - 1) / kSegment);
  known.known = true;
  return known.members;
}

void WindowKeys::erase(uint32_t group, const Member& member) {
  const uint32_t number =
      segment(group, (member.slot - 1) / kSegment) << kSegmentBits | (member.slot - 1) % kSegment;
  integers_.erase(member.hash, number);
  texts_.erase(member.hash, number);
  table_->erase(member.hash, table_->key_at(group, member.slot));
  groups_[group].known = false;
}

void WindowKeys::take(Host host, std::vector<NewColumn>& columns) {
  const std::vector<TypedColumn> taken = collected_.take(host);
  for (size_t i = 0; i < taken.size(); ++i) columns.push_back({names_[i], taken[i]});
}

}  // namespace flow::operators
