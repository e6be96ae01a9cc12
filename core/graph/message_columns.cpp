#include "core/graph/message_columns.hpp"

#include <algorithm>
#include <stdexcept>

#include "flow/builder.hpp"

namespace flowrun {

flow::Column MessageColumns::positions(const flow_batch& messages, std::int64_t& position,
                                       const flow::Output& host) {
  const flow::TextView bytes(*messages.columns[0]);
  flow::Int64Builder positions(host, messages.rows);
  for (std::int64_t row = 0; row < messages.rows; ++row) {
    positions.append(position);
    position += static_cast<std::int64_t>(bytes[row].size()) + 1;
  }
  return positions.finish();
}

flow::Batch MessageColumns::bytes(const flow::Batch& messages, flow::Output& host) {
  if (messages.column_count() == 1) return messages;
  const std::pair<std::uint32_t, std::string> bytes = {0, messages.schema().fields[0]->name};
  return host.pick(messages, {&bytes, 1});
}

flow::Batch MessageColumns::beside(const flow::Batch& rows, const flow::Batch& messages,
                                   flow::Output& host) {
  if (messages.column_count() == 1) return rows;
  if (rows.origin().position == nullptr) {
    throw std::runtime_error(
        "the codec does not say which message a row is of: it must keep the origin's positions");
  }
  const flow::Int64View begins(*messages.origin().position);
  const flow::Int64View positions(*rows.origin().position);
  message_of_row_.clear();
  std::int32_t message = 0;
  const auto last = static_cast<std::int32_t>(messages.rows()) - 1;
  bool is_same = rows.rows() == messages.rows();
  for (std::int64_t row = 0; row < rows.rows(); ++row) {
    const std::int64_t position = positions[row];
    if (position < begins[message]) message = 0;
    while (message < last && begins[message + 1] <= position) ++message;
    if (position < begins[message]) {
      throw std::runtime_error("the codec made a row of no message: its position is " +
                               std::to_string(position));
    }
    is_same &= message == row;
    message_of_row_.push_back(message);
  }
  const flow::Batch repeated = is_same ? messages
                                       : host.select(messages, message_of_row_.data(),
                                                     static_cast<std::int64_t>(rows.rows()));
  std::vector<flow::NewColumn> columns;
  for (std::uint32_t i = 1; i < repeated.column_count(); ++i) {
    const flow_field& field = *repeated.schema().fields[i];
    columns.push_back({field.name, {repeated.share_column(i), flow::Type::of(field)}});
  }
  return host.with(rows, columns);
}

}  // namespace flowrun
