#include "operators/common/expression/result_column.hpp"

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace flow::operators {
namespace {

template <class T>
T value_at(const Vector& values, int64_t row) {
  return values.as<T>()[values.constant ? 0 : row];
}

template <class Builder, class T>
Column numbers(const Vector& values, int64_t rows, Host host) {
  Builder builder(host, rows);
  auto* const out = builder.data();
  if (values.constant) {
    std::fill_n(out, rows, *values.as<T>());
  } else {
    std::copy_n(values.as<T>(), rows, out);
  }
  if (values.nulls != nullptr) {
    for (int64_t row = 0; row < rows; ++row) {
      if (!values.is_null(row)) continue;
      out[row] = T{};
      builder.set_null(row);
    }
  }
  return builder.finish();
}

// The buffers of the text columns of a batch, by address: which of them a piece of text lies in.
class SharedBuffers {
 public:
  explicit SharedBuffers(const Batch& batch) {
    for (uint32_t i = 0; i < batch.column_count(); ++i) collect(batch.column(i));
    std::sort(ranges_.begin(), ranges_.end(),
              [](const Range& a, const Range& b) { return a.begin < b.begin; });
    ranges_.erase(std::unique(ranges_.begin(), ranges_.end(),
                              [](const Range& a, const Range& b) { return a.begin == b.begin; }),
                  ranges_.end());
  }

  // Appends the text, sharing its bytes if they lie in one of the buffers.
  void append(std::string_view text, TextBuilder& builder) {
    if (text.size() <= FLOW_VIEW_INLINE) {
      builder.append(text);
      return;
    }
    if (text.data() >= made_begin_ && text.data() < made_end_) {
      builder.append(text);
      return;
    }
    if (last_ == nullptr || !last_->holds(text)) {
      auto after =
          std::upper_bound(ranges_.begin(), ranges_.end(), text.data(),
                           [](const char* at, const Range& range) { return at < range.begin; });
      if (after == ranges_.begin() || !(after - 1)->holds(text)) {
        // Made by a function: so are its neighbours, up to the next buffer.
        made_begin_ = text.data();
        made_end_ = after == ranges_.end() ? text.data() + kNeighbours : after->begin;
        builder.append(text);
        return;
      }
      --after;
      last_ = &*after;
      if (last_->number < 0) last_->number = builder.share(Buffer::share(last_->buffer));
    }
    builder.append_shared(text, last_->number, last_->begin);
  }

 private:
  struct Range {
    const char* begin;
    const char* end;
    flow_buffer* buffer;
    int32_t number = -1;
    bool holds(std::string_view text) const {
      return text.data() >= begin && text.data() + text.size() <= end;
    }
  };

  void collect(const flow_column& column) {
    for (int64_t i = 0; i < column.n_data; ++i) {
      const auto* begin = static_cast<const char*>(column.data[i]->data);
      ranges_.push_back({begin, begin + column.data[i]->capacity, column.data[i]});
    }
    if (column.type != FLOW_STRUCT) return;
    for (int64_t i = 0; i < column.n_children; ++i) collect(*column.children[i]);
  }

  static constexpr int64_t kNeighbours = 1 << 20;

  std::vector<Range> ranges_;  // by address, none within another
  Range* last_ = nullptr;
  const char* made_begin_ = nullptr;
  const char* made_end_ = nullptr;
};

Column texts(const Vector& values, int64_t rows, const Batch& batch, flow_type type, Host host) {
  TextBuilder builder(host, rows, type);
  SharedBuffers shared(batch);
  for (int64_t row = 0; row < rows; ++row) {
    if (values.is_null(row)) {
      builder.append_null();
    } else {
      shared.append(value_at<std::string_view>(values, row), builder);
    }
  }
  return builder.finish();
}

// Eight bytes 0 or 1 as bits, the first the lowest.
uint8_t packed(const uint8_t* bytes) {
  uint64_t eight = 0;
  std::memcpy(&eight, bytes, sizeof eight);
  return static_cast<uint8_t>((eight * 0x0102040810204080) >> 56);
}

Column bools(const Vector& values, int64_t rows, Host host) {
  if (!values.constant && values.nulls == nullptr) {
    const auto* const bytes = values.as<uint8_t>();
    const Buffer bits = host.allocate((rows + 7) / 8);
    auto* const out = static_cast<uint8_t*>(bits->data);
    int64_t row = 0;
    for (; row + 8 <= rows; row += 8) out[row / 8] = packed(bytes + row);
    if (row < rows) out[row / 8] = 0;
    for (; row < rows; ++row) out[row / 8] |= static_cast<uint8_t>(bytes[row] << (row & 7));
    flow_column_parts parts = flow::detail::parts_of(FLOW_BOOL, rows);
    parts.values = bits.get();
    return host.column(parts);
  }
  BoolBuilder builder(host, rows);
  for (int64_t row = 0; row < rows; ++row) {
    if (values.is_null(row)) {
      builder.append_null();
    } else {
      builder.append(value_at<uint8_t>(values, row) != 0);
    }
  }
  return builder.finish();
}

}  // namespace

Type result_type(const Program& program) {
  switch (program.kind()) {
    case Kind::kBool:
      return Type::boolean();
    case Kind::kInt:
      return Type::int64();
    case Kind::kFloat:
      return Type::float64();
    case Kind::kTimestamp:
      return Type::timestamp();
    case Kind::kBinary:
      return Type::binary();
    case Kind::kJson:
      return Type::json();
    default:
      return program.is_category() ? Type::category() : Type::text();
  }
}

size_t true_rows(const uint8_t* values, int64_t rows, int32_t* out) {
  size_t n = 0;
  int64_t row = 0;
  for (; row + 8 <= rows; row += 8) {
    uint64_t eight = 0;
    std::memcpy(&eight, values + row, sizeof eight);
    if (eight == 0) continue;
    for (int64_t i = row; i < row + 8; ++i) {
      out[n] = static_cast<int32_t>(i);
      n += values[i];
    }
  }
  for (; row < rows; ++row) {
    out[n] = static_cast<int32_t>(row);
    n += values[row];
  }
  return n;
}

TypedColumn ResultColumn::make_category(const Program& program, const Batch& batch, Host host) {
  const Vector& entries = program.entries();
  if (version_ != program.entries_version()) {
    version_ = program.entries_version();
    codes_.clear();
    std::unordered_map<std::string_view, int32_t> known;
    std::vector<std::string_view> distinct;
    for (int64_t entry = 0; entry < program.entry_count(); ++entry) {
      if (entries.is_null(entry)) {
        codes_.push_back(-1);
        continue;
      }
      const std::string_view text = entries.as<std::string_view>()[entry];
      const auto [found, is_new] = known.emplace(text, static_cast<int32_t>(distinct.size()));
      if (is_new) distinct.push_back(text);
      codes_.push_back(found->second);
    }
    TextBuilder builder(host, static_cast<int64_t>(distinct.size()));
    for (const std::string_view text : distinct) builder.append(text);
    dictionary_ = builder.finish();
  }
  CategoryBuilder builder(host, batch.rows(), dictionary_);
  const int32_t* const numbers = program.entry_numbers();
  for (int64_t row = 0; row < batch.rows(); ++row) {
    const int32_t code = codes_[static_cast<size_t>(numbers[row])];
    if (code < 0) {
      builder.append_null();
    } else {
      builder.append(code);
    }
  }
  return {builder.finish(), Type::category()};
}

TypedColumn ResultColumn::make(const Program& program, const Vector& values, const Batch& batch,
                               Host host) {
  const int64_t rows = batch.rows();
  switch (program.kind()) {
    case Kind::kBool:
      return {bools(values, rows, host), Type::boolean()};
    case Kind::kInt:
      return {numbers<Int64Builder, int64_t>(values, rows, host), Type::int64()};
    case Kind::kFloat:
      return {numbers<Float64Builder, double>(values, rows, host), Type::float64()};
    case Kind::kTimestamp:
      return {numbers<TimestampBuilder, int64_t>(values, rows, host), Type::timestamp()};
    case Kind::kBinary:
      return {texts(values, rows, batch, FLOW_BINARY, host), Type::binary()};
    case Kind::kJson:
      return {texts(values, rows, batch, FLOW_JSON, host), Type::json()};
    default:
      if (program.is_category()) return make_category(program, batch, host);
      return {texts(values, rows, batch, FLOW_TEXT, host), Type::text()};
  }
}

}  // namespace flow::operators
