#include "operators/common/line_splitter.hpp"

#include <algorithm>

namespace flow::operators {

void LineSplitter::split(const Batch& in) {
  lines_.clear();
  too_long_.clear();
  empty_ = 0;
  number_ = 0;
  const flow_column& column = in.column(0);
  if (column.type != FLOW_BINARY && column.type != FLOW_TEXT) {
    throw Failure("a decoder's input must be binary; this is a " +
                  std::string(type_name(column.type)) + " column");
  }
  const TextView pieces(column);
  const flow_column* positions = in.origin().position;
  for (int64_t row = 0; row < in.rows(); ++row) {
    if (pieces.is_null(row)) continue;
    const flow_view& view = pieces.views()[row];
    const std::string_view piece = pieces[row];
    split_piece(piece, piece.size() > FLOW_VIEW_INLINE ? view.buffer : 0,
                positions != nullptr ? Int64View(*positions)[row] : -1);
  }
}

void LineSplitter::split_piece(std::string_view piece, int32_t buffer, int64_t position) {
  size_t begin = 0;
  newlines_.for_each(piece, [&](size_t newline) {
    const size_t stop = newline > begin && piece[newline - 1] == '\r' ? newline - 1 : newline;
    add(piece, begin, stop, buffer, position);
    begin = newline + 1;
  });
  if (begin < piece.size()) add(piece, begin, piece.size(), buffer, position);
}

inline void LineSplitter::add(std::string_view piece, size_t begin, size_t end, int32_t buffer,
                              int64_t position) {
  const Line line = {
      {piece.data() + begin, end - begin},
      number_++,
      buffer,
      position < 0 ? -1 : position + static_cast<int64_t>(begin),
  };
  if (static_cast<int64_t>(line.text.size()) > max_line_) {
    // The framer sees to it that the rest of a line is too long by itself.
    if (begin != 0 || !continuations_.take(piece)) too_long_.push_back(line);
  } else if (line.text.empty() && !keep_empty_) {
    ++empty_;
  } else {
    lines_.push_back(line);
  }
}

flow_view view_of(const Line& line, const flow_column& pieces) {
  if (line.text.size() <= FLOW_VIEW_INLINE) return TextBuilder::view(line.text, 0, 0);
  const auto* base = static_cast<const char*>(pieces.data[line.buffer]->data);
  return TextBuilder::view(line.text, line.buffer, static_cast<int32_t>(line.text.data() - base));
}

Buffer line_views(Host host, const std::vector<Line>& lines, const flow_column& pieces) {
  Buffer buffer = host.allocate(static_cast<int64_t>(lines.size() * sizeof(flow_view)));
  auto* view = static_cast<flow_view*>(buffer->data);
  for (const Line& line : lines) *view++ = view_of(line, pieces);
  return buffer;
}

Column column_over(Host host, flow_type type, int64_t rows, const Buffer& views,
                   const flow_column& pieces, const Buffer* more) {
  std::vector<flow_buffer*> data(pieces.data, pieces.data + pieces.n_data);
  if (more != nullptr) data.push_back(more->get());
  flow_column_parts parts{};
  parts.size = sizeof parts;
  parts.type = type;
  parts.rows = rows;
  parts.values = views.get();
  parts.data = data.data();
  parts.n_data = static_cast<int64_t>(data.size());
  return host.column(parts);
}

DecodedOrigin::DecodedOrigin(Host host, const Batch& in, const std::vector<Line>& lines,
                             Column record)
    : record_(std::move(record)) {
  origin_.size = sizeof origin_;
  origin_.source = in.origin().source;
  origin_.partition = in.origin().partition;
  origin_.record = record_.get();
  if (in.origin().position != nullptr) {
    Int64Builder positions(host, static_cast<int64_t>(lines.size()));
    int64_t* to = positions.data();
    for (const Line& line : lines) *to++ = line.position;
    position_ = positions.finish();
    origin_.position = position_.get();
  }
}

std::vector<RefusedLine> refuse_too_long(const std::vector<Line>& lines, int64_t max_line) {
  std::vector<RefusedLine> refused;
  refused.reserve(lines.size());
  for (const Line& line : lines) {
    refused.push_back({line, "line_too_long",
                       "the line has at least " + std::to_string(line.text.size()) +
                           " bytes, max_line is " + std::to_string(max_line) +
                           "; only its start is kept. Raise max_line to take such lines."});
  }
  return refused;
}

void fail_lines(const Batch& in, std::vector<RefusedLine> lines, int64_t record_bytes,
                Output& out) {
  if (lines.empty()) return;
  std::sort(lines.begin(), lines.end(), [](const RefusedLine& a, const RefusedLine& b) {
    return a.line.number < b.line.number;
  });
  const flow_column& pieces = in.column(0);
  std::vector<Line> records;
  records.reserve(lines.size());
  for (const RefusedLine& refused : lines) {
    records.push_back(refused.line);
    records.back().text = refused.line.text.substr(0, static_cast<size_t>(record_bytes));
  }
  const auto rows = static_cast<int64_t>(records.size());
  const Column record =
      column_over(out, FLOW_BINARY, rows, line_views(out, records, pieces), pieces);
  const DecodedOrigin origin(out, in, records, record);
  const Batch batch = out.make(rows, {{"record", {record, Type::binary()}}}, origin.get());
  for (int64_t row = 0; row < rows; ++row) {
    const RefusedLine& refused = lines[static_cast<size_t>(row)];
    out.fail(batch, row, refused.reason, refused.message);
  }
}

}  // namespace flow::operators
