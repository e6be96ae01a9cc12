#include "operators/common/gather.hpp"

#include <utility>
#include <vector>

namespace flow::operators {
namespace {

// `append(builder, row)` for each row that is there.
template <class Builder, class Append>
Column gather_into(Builder builder, const flow_column& column, const int32_t* rows, int64_t n,
                   Append append) {
  const Validity validity(column);
  for (int64_t i = 0; i < n; ++i) {
    if (rows[i] == kNullRow || validity.is_null(rows[i])) {
      builder.append_null();
    } else {
      append(builder, rows[i]);
    }
  }
  return builder.finish();
}

template <class T, class Builder>
Column gather_numbers(Host host, const flow_column& column, const int32_t* rows, int64_t n) {
  const NumberView<T> values(column);
  return gather_into(Builder(host, n), column, rows, n,
                     [&](Builder& builder, int32_t row) { builder.append(values[row]); });
}

Column gather_texts(Host host, const flow_column& column, const int32_t* rows, int64_t n) {
  const TextView texts(column);
  TextBuilder builder(host, n, column.type);
  const int32_t shared = builder.share(column);
  return gather_into(std::move(builder), column, rows, n, [&](TextBuilder& to, int32_t row) {
    to.append_view(texts.views()[row], shared);
  });
}

Column gather_struct(Host host, const flow_column& column, const int32_t* rows, int64_t n) {
  const Validity validity(column);
  StructBuilder builder(host, n);
  // A null struct's children are null too.
  std::vector<int32_t> present(rows, rows + n);
  for (int64_t i = 0; i < n; ++i) {
    int32_t& row = present[static_cast<size_t>(i)];
    if (row != kNullRow && validity.is_null(row)) row = kNullRow;
    if (row == kNullRow) builder.set_null(i);
  }
  for (int64_t i = 0; i < column.n_children; ++i) {
    builder.add(gather_rows(host, *column.children[i], present.data(), n));
  }
  return builder.finish();
}

Column gather_list(Host host, const flow_column& column, const int32_t* rows, int64_t n) {
  const ListView lists(column);
  std::vector<int32_t> elements;
  ListBuilder builder(host, n);
  for (int64_t i = 0; i < n; ++i) {
    if (rows[i] == kNullRow || lists.is_null(rows[i])) {
      builder.append_null();
      continue;
    }
    for (int64_t at = lists.begin(rows[i]); at < lists.end(rows[i]); ++at) {
      elements.push_back(static_cast<int32_t>(at));
    }
    builder.append(static_cast<int64_t>(elements.size()));
  }
  return builder.finish(
      gather_rows(host, lists.elements(), elements.data(), static_cast<int64_t>(elements.size())));
}

}  // namespace

Column gather_rows(Host host, const flow_column& column, const int32_t* rows, int64_t n) {
  switch (column.type) {
    case FLOW_BOOL: {
      const BoolView values(column);
      return gather_into(BoolBuilder(host, n), column, rows, n,
                         [&](BoolBuilder& builder, int32_t row) { builder.append(values[row]); });
    }
    case FLOW_INT64:
      return gather_numbers<int64_t, Int64Builder>(host, column, rows, n);
    case FLOW_TIMESTAMP:
      return gather_numbers<int64_t, TimestampBuilder>(host, column, rows, n);
    case FLOW_FLOAT64:
      return gather_numbers<double, Float64Builder>(host, column, rows, n);
    case FLOW_CATEGORY: {
      const CodeView codes(column);
      CategoryBuilder builder(host, n,
                              Column(Reference<const flow_column>::share(column.dictionary)));
      return gather_into(std::move(builder), column, rows, n,
                         [&](CategoryBuilder& to, int32_t row) { to.append(codes[row]); });
    }
    case FLOW_STRUCT:
      return gather_struct(host, column, rows, n);
    case FLOW_LIST:
      return gather_list(host, column, rows, n);
    default:
      return gather_texts(host, column, rows, n);
  }
}

}  // namespace flow::operators
