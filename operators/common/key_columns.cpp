#include "operators/common/key_columns.hpp"

#include <bit>
#include <cstring>

namespace flow::operators {

KeyColumns::KeyColumns(Host host, int64_t rows, std::span<const flow_type> types)
    : host_(host), rows_(rows), types_(types.begin(), types.end()) {
  numbers_.resize(types_.size());
  texts_.resize(types_.size());
  for (size_t field = 0; field < types_.size(); ++field) {
    if (!AnyTextView::accepts(types_[field])) continue;
    if (types_[field] == FLOW_CATEGORY) types_[field] = FLOW_TEXT;
    texts_[field].emplace(host, rows, types_[field]);
  }
}

void KeyColumns::append(std::string_view key) {
  const auto take = [&](size_t bytes) {
    if (key.size() < bytes) throw Failure("the bytes of a key in the state are cut off");
    const std::string_view taken = key.substr(0, bytes);
    key.remove_prefix(bytes);
    return taken;
  };
  for (size_t field = 0; field < types_.size(); ++field) {
    const bool is_null = take(1)[0] == '\0';
    if (texts_[field]) {
      if (is_null) {
        texts_[field]->append_null();
        continue;
      }
      uint32_t length = 0;
      const std::string_view size = take(sizeof length);
      std::memcpy(&length, size.data(), size.size());
      texts_[field]->append(take(length));
      continue;
    }
    std::optional<int64_t> number;
    if (!is_null) {
      int64_t value = 0;
      const std::string_view bytes = take(types_[field] == FLOW_BOOL ? 1 : sizeof value);
      std::memcpy(&value, bytes.data(), bytes.size());
      number = value;
    }
    numbers_[field].push_back(number);
  }
}

std::vector<TypedColumn> KeyColumns::finish() {
  const auto fill = [](auto builder, const std::vector<std::optional<int64_t>>& values,
                       auto convert) {
    for (const std::optional<int64_t>& value : values) {
      if (value) {
        builder.append(convert(*value));
      } else {
        builder.append_null();
      }
    }
    return builder.finish();
  };
  const auto as_is = [](int64_t value) { return value; };
  std::vector<TypedColumn> columns;
  for (size_t field = 0; field < types_.size(); ++field) {
    const auto& numbers = numbers_[field];
    switch (types_[field]) {
      case FLOW_BOOL:
        columns.push_back(
            {fill(BoolBuilder(host_, rows_), numbers, [](int64_t value) { return value != 0; }),
             Type::boolean()});
        break;
      case FLOW_FLOAT64:
        columns.push_back({fill(Float64Builder(host_, rows_), numbers,
                                [](int64_t value) { return std::bit_cast<double>(value); }),
                           Type::float64()});
        break;
      case FLOW_TIMESTAMP:
        columns.push_back(
            {fill(TimestampBuilder(host_, rows_), numbers, as_is), Type::timestamp()});
        break;
      case FLOW_INT64:
        columns.push_back({fill(Int64Builder(host_, rows_), numbers, as_is), Type::int64()});
        break;
      default:
        columns.push_back({texts_[field]->finish(), types_[field] == FLOW_JSON     ? Type::json()
                                                    : types_[field] == FLOW_BINARY ? Type::binary()
                                                                                   : Type::text()});
    }
  }
  return columns;
}

}  // namespace flow::operators
