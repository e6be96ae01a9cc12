#include "operators/common/row_parser.hpp"

#include <algorithm>
#include <utility>

#include "flow/utf8.hpp"
#include "operators/common/text_source.hpp"

namespace flow::operators {
namespace {

constexpr int64_t kReadable = 16;
constexpr const char* kInvalidUtf8Doc = "Rows whose text had invalid UTF-8 that was repaired.";

}  // namespace

void ParseTarget::infer(Inference& inference, Fields added, bool open) const {
  infer_text_column(inference, "field", field);
  if (inference.input() == nullptr) return;
  for (auto& column : added) column.first.insert(0, prefix);
  Fields kept;
  for (auto& column : fields_of(*inference.input())) {
    const bool is_replaced = std::any_of(
        added.begin(), added.end(), [&](const auto& one) { return one.first == column.first; });
    if (keep_source || is_replaced || column.first != field) kept.push_back(std::move(column));
  }
  inference.output(with_fields(std::move(kept), added), inference.open() || open);
}

Batch ParseTarget::assemble(const Batch& rows, std::vector<NewColumn> columns, size_t declared,
                            Output& out, int64_t& hidden) const {
  std::vector<std::string> names;
  if (!prefix.empty()) {
    names.reserve(columns.size());
    for (NewColumn& column : columns) {
      names.push_back(prefix);
      names.back().append(column.name);
      column.name = names.back();
    }
  }
  const auto is_made = [&columns](std::string_view name) {
    return std::any_of(columns.begin(), columns.end(),
                       [name](const NewColumn& column) { return column.name == name; });
  };
  std::vector<std::pair<uint32_t, std::string>> others;
  for (uint32_t i = 0; i < rows.column_count(); ++i) {
    const std::string_view name = rows.schema().fields[i]->name;
    const bool is_source = name == field;
    if (is_source && !keep_source && !is_made(name)) continue;
    others.emplace_back(i, name);
    if (is_source && !keep_source) continue;
    for (size_t at = std::min(declared, columns.size()); at < columns.size(); ++at) {
      if (columns[at].name != name) continue;
      hidden += columns[at].column.column.rows() - columns[at].column.column.null_count();
      columns.erase(columns.begin() + static_cast<std::ptrdiff_t>(at));
      break;
    }
  }
  if (others.size() == rows.column_count()) return out.with(rows, columns);
  if (others.empty()) return out.make(rows.rows(), columns, &rows.origin());
  return out.with(out.pick(rows, others), columns);
}

void ParseTransform::open(Output& out) {
  invalid_utf8_rows_ = out.counter("invalid_utf8_rows", kInvalidUtf8Doc);
  hidden_values_ = out.counter("hidden_values", kHiddenValuesDoc);
}

Status ParseTransform::consume(uint32_t, const Batch& in, Output& out) {
  while (!process_some(in, out)) {
    if (out.room() < 1) return Status::kMore;
  }
  return Status::kDone;
}

void ParseTransform::process(const Batch& in, Output& out) {
  while (!process_some(in, out)) {
  }
}

// Emits a batch of the next rows. False: there are more.
bool ParseTransform::process_some(const Batch& in, Output& out) {
  const TextSource source(input_.find(in, out));
  parser_->start(out, room_.rows(in.rows() - next_row_), source.texts());
  good_.clear();
  int64_t repaired_rows = 0;
  int64_t row = std::exchange(next_row_, 0);
  for (; row < in.rows(); ++row) {
    if (source.is_null(row)) {
      out.fail(in, row, "null_text", "the text is null");
      continue;
    }
    source.prefetch(row + 4 < in.rows() ? row + 4 : row);
    const flow_view& view = source.view(row);
    std::string_view text = source.text(view);
    TextPlace place;
    bool is_repaired = false;
    if (!source.promises_utf8() && !is_valid_utf8(text)) {
      repaired_.clear();
      append_repaired_utf8(text, repaired_);
      text = repaired_;
      is_repaired = true;
    } else if (view.length > FLOW_VIEW_INLINE) {
      place = {source.base(view), view.buffer, 0,
               view.offset + int64_t{view.length} + kReadable <= source.capacity(view)};
    }
    if (const char* const reason = parser_->add(text, place); reason != nullptr) {
      if (reason == kBatchFull) break;
      out.fail(in, row, reason, parser_->message());
      continue;
    }
    repaired_rows += is_repaired ? 1 : 0;
    good_.push_back(static_cast<int32_t>(row));
  }
  if (repaired_rows > 0) invalid_utf8_rows_.record(static_cast<double>(repaired_rows));
  const auto rows = static_cast<int64_t>(good_.size());
  if (rows > 0) {
    const Batch kept = rows == in.rows() ? in : out.select(in, good_.data(), rows);
    int64_t hidden = 0;
    out.emit(target_.assemble(kept, parser_->finish(), parser_->declared(), out, hidden));
    if (hidden > 0) hidden_values_.record(static_cast<double>(hidden));
  }
  if (row == in.rows()) return true;
  room_.full(rows);
  next_row_ = row;
  return false;
}

int64_t decode_lines(const Batch& in, const std::vector<Line>& lines, size_t& next, BatchRoom& room,
                     RowParser& parser, std::vector<RefusedLine>& refused, std::vector<Line>& taken,
                     std::string& repaired, Output& out) {
  const flow_column& pieces = in.column(0);
  parser.start(out, room.rows(static_cast<int64_t>(lines.size() - next)), pieces);
  taken.clear();
  int64_t repaired_rows = 0;
  for (; next < lines.size(); ++next) {
    const Line& line = lines[next];
    std::string_view text = line.text;
    TextPlace place;
    const bool is_repaired = !is_valid_utf8(text);
    if (is_repaired) {
      repaired.clear();
      append_repaired_utf8(text, repaired);
      text = repaired;
    } else if (text.size() > FLOW_VIEW_INLINE) {
      const flow_buffer& buffer = *pieces.data[line.buffer];
      const auto* const base = static_cast<const char*>(buffer.data);
      const int64_t end = text.data() + text.size() - base;
      place = {base, line.buffer, 0, end + kReadable <= buffer.capacity};
    }
    if (const char* const reason = parser.add(text, place); reason != nullptr) {
      if (reason == kBatchFull) break;
      refused.push_back({line, reason, parser.message()});
      continue;
    }
    repaired_rows += is_repaired ? 1 : 0;
    taken.push_back(line);
  }
  const auto rows = static_cast<int64_t>(taken.size());
  if (next < lines.size()) room.full(rows);
  if (rows == 0) return repaired_rows;
  const std::vector<NewColumn> columns = parser.finish();
  const Column record = column_over(out, FLOW_BINARY, rows, line_views(out, taken, pieces), pieces);
  const DecodedOrigin origin(out, in, taken, record);
  out.create(out.make(rows, columns, origin.get()));
  return repaired_rows;
}

void LineDecoder::open(Output& out) {
  invalid_utf8_rows_ = out.counter("invalid_utf8_rows", kInvalidUtf8Doc);
}

bool LineDecoder::decode_some(const Batch& in, RowParser& parser, Output& out) {
  size_t next = std::exchange(next_line_, 0);
  if (next == 0) {
    splitter_.split(in);
    refused_ = refuse_too_long(splitter_.too_long(), max_line_);
  }
  const std::vector<Line>& lines = splitter_.lines();
  const int64_t repaired =
      decode_lines(in, lines, next, room_, parser, refused_, taken_, repaired_, out);
  if (repaired > 0) invalid_utf8_rows_.record(static_cast<double>(repaired));
  if (next < lines.size()) {
    under_way_ = in;
    next_line_ = next;
    return false;
  }
  under_way_ = Batch();
  fail_lines(in, std::move(refused_), max_line_, out);
  out.drop(splitter_.empty_lines(), "empty line");
  return true;
}

}  // namespace flow::operators
