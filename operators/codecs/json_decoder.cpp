#include "operators/codecs/json_decoder.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "operators/common/json_scanner.hpp"
#include "operators/common/json_validate.hpp"
#include "operators/common/rfc3339.hpp"
#include "operators/common/utf8.hpp"

namespace flow::operators {
namespace {

static_assert(kScanPadding >= simdjson::SIMDJSON_PADDING);
constexpr int64_t kOwnTextBytes = 16384;
constexpr const char* kBadJson = "bad_json";
constexpr size_t kShownBytes = 40;

template <class T>
flow_view number_cell(T value) {
  static_assert(sizeof value == 8);
  flow_view cell{};
  cell.length = sizeof value;
  std::memcpy(reinterpret_cast<char*>(&cell) + sizeof cell.length, &value, sizeof value);
  return cell;
}

template <class T>
T number_of(const flow_view& cell) {
  T value;
  std::memcpy(&value, reinterpret_cast<const char*>(&cell) + sizeof cell.length, sizeof value);
  return value;
}

std::string shown(std::string_view token) {
  if (token.size() <= kShownBytes) return std::string(token);
  return std::string(token.substr(0, kShownBytes)) + "...";
}

// Seconds since 1970 as nanoseconds. Whole seconds exactly, fractions as a double has them.
std::optional<int64_t> timestamp_of_seconds(std::string_view token) {
  constexpr int64_t kSecond = 1'000'000'000;
  int64_t nanoseconds = 0;
  if (const std::optional<int64_t> seconds = json_integer(token)) {
    if (__builtin_mul_overflow(*seconds, kSecond, &nanoseconds)) return std::nullopt;
    return nanoseconds;
  }
  const std::optional<double> seconds = json_number(token);
  if (!seconds || std::fabs(*seconds) > 9.2e9) return std::nullopt;
  const double whole = std::floor(*seconds);
  // Rounded to microseconds: below, a double of today's size is noise.
  return static_cast<int64_t>(whole) * kSecond + std::llround((*seconds - whole) * 1e6) * 1000;
}

}  // namespace

void JsonDecoder::OwnText::reset(int32_t first_number) {
  buffers_.clear();
  used_ = 0;
  first_number_ = first_number;
}

flow_view JsonDecoder::OwnText::add(Host host, std::string_view text) {
  if (text.size() <= FLOW_VIEW_INLINE) return TextBuilder::view(text, 0, 0);
  const auto bytes = static_cast<int64_t>(text.size());
  if (buffers_.empty() || used_ + bytes > buffers_.back()->capacity) {
    buffers_.push_back(host.allocate(std::max(bytes, kOwnTextBytes)));
    used_ = 0;
  }
  char* const to = static_cast<char*>(buffers_.back()->data) + used_;
  std::memcpy(to, text.data(), text.size());
  const flow_view view = TextBuilder::view(
      {to, text.size()}, first_number_ + static_cast<int32_t>(buffers_.size()) - 1,
      static_cast<int32_t>(used_));
  used_ += bytes;
  return view;
}

void JsonDecoder::start(const Batch& in, size_t rows) {
  columns_.resize(std::min(columns_.size(), declared_.size()));
  for (FieldColumn& column : columns_) column.cells.clear();
  if (columns_.empty()) {
    for (const DeclaredField& field : declared_) columns_.push_back({field.name, field.type, {}});
  }
  by_name_.clear();
  for (size_t i = 0; i < columns_.size(); ++i) by_name_.emplace(columns_[i].name, i);
  own_.reset(static_cast<int32_t>(in.column(0).n_data));
  taken_.clear();
  taken_.reserve(rows);
  refused_.clear();
  invalid_utf8_rows_ = 0;
  expected_ = 0;
}

std::string_view JsonDecoder::padded(std::string_view text) {
  padded_.assign(text);
  padded_.append(kScanPadding, ' ');
  return {padded_.data(), text.size()};
}

const char* JsonDecoder::take(Host host, const Line& line, const flow_column& pieces) {
  std::string_view text = line.text;
  line_ = &line;
  repaired_ = false;
  piece_base_ = nullptr;
  if (text.size() > FLOW_VIEW_INLINE) {
    const flow_buffer& buffer = *pieces.data[line.buffer];
    piece_base_ = static_cast<const char*>(buffer.data);
    const int64_t behind = piece_base_ + buffer.capacity - (text.data() + text.size());
    if (behind < static_cast<int64_t>(kScanPadding)) text = padded(text);
  } else {
    text = padded(text);
  }
  simdjson::error_code error = parser_.parse(text.data(), text.size(), false).error();
  if (error == simdjson::UTF8_ERROR) {
    scratch_.clear();
    append_repaired_utf8(line.text, scratch_);
    text = padded(scratch_);
    repaired_ = true;
    error = parser_.parse(text.data(), text.size(), false).error();
  }
  if (error != simdjson::SUCCESS) {
    if (error == simdjson::MEMALLOC) throw std::bad_alloc();
    // None: it is valid, but has a number beyond 64 bits. As a token it can stay as it is.
    if (const std::optional<JsonError> place = find_json_error(text)) {
      message_ = "column " + std::to_string(place->offset + 1) + ": " + place->what;
      return kBadJson;
    }
  }
  if (!JsonObjectScanner::is_object(text)) {
    message_ = "column 1: the line is no object but " + shown(text);
    return kBadJson;
  }
  scanned_ = text.data();
  return take_object(host, text);
}

const char* JsonDecoder::take_object(Host host, std::string_view text) {
  const size_t row = taken_.size();
  JsonObjectScanner scanner(text);
  while (scanner.next()) {
    std::string_view key = scanner.key();
    if (key.find('\\') != std::string_view::npos) {
      unescape_json(key, key_);
      key = key_;
      if (key.find('\0') != std::string_view::npos) {
        message_ = "a field name contains a NUL character";
        return kBadJson;
      }
    }
    FieldColumn* const column = column_of(key);
    if (column == nullptr) {
      message_ = "field '" + shown(key) + "' would be number " + std::to_string(max_fields_ + 1) +
                 " of the batch, max_fields is " + std::to_string(max_fields_) +
                 "; raise it, or send data under one field as an object";
      return "too_many_fields";
    }
    Cell cell = kNullCell;
    if (scanner.value() != "null" && !coerce(host, *column, scanner.value(), cell)) {
      message_ = "field '" + shown(key) + "': " + shown(scanner.value()) + " is no " +
                 std::string(type_name(column->type));
      return "bad_type";
    }
    // The last of several fields with one name counts.
    if (column->cells.size() <= row) column->cells.resize(row + 1, kNullCell);
    column->cells[row] = cell;
  }
  return nullptr;
}

JsonDecoder::FieldColumn* JsonDecoder::column_of(std::string_view key) {
  if (expected_ >= columns_.size()) expected_ = 0;
  if (expected_ < columns_.size() && columns_[expected_].name == key) {
    return &columns_[expected_++];
  }
  std::string name(key);
  if (const auto known = by_name_.find(name); known != by_name_.end()) {
    expected_ = known->second + 1;
    return &columns_[known->second];
  }
  if (static_cast<int64_t>(columns_.size()) >= max_fields_) return nullptr;
  columns_.push_back({name, FLOW_JSON, {}});
  columns_.back().cells.reserve(taken_.capacity());
  by_name_.emplace(std::move(name), columns_.size() - 1);
  expected_ = columns_.size();
  return &columns_.back();
}

flow_view JsonDecoder::token_cell(Host host, std::string_view token) {
  if (token.size() <= FLOW_VIEW_INLINE) return TextBuilder::view(token, 0, 0);
  if (repaired_) return own_.add(host, token);
  const char* const in_piece = line_->text.data() + (token.data() - scanned_);
  return TextBuilder::view({in_piece, token.size()}, line_->buffer,
                           static_cast<int32_t>(in_piece - piece_base_));
}

bool JsonDecoder::coerce_text(Host host, const FieldColumn& column, std::string_view text,
                              Cell& cell) {
  switch (column.type) {
    case FLOW_TEXT:
      cell = own_.add(host, text);
      return true;
    case FLOW_INT64: {
      const std::optional<int64_t> value = json_integer(text);
      if (value) cell = number_cell(*value);
      return value.has_value();
    }
    case FLOW_FLOAT64: {
      const std::optional<double> value = json_number(text);
      if (value) cell = number_cell(*value);
      return value.has_value();
    }
    case FLOW_BOOL:
      cell = number_cell(static_cast<int64_t>(text == "true"));
      return text == "true" || text == "false";
    case FLOW_TIMESTAMP: {
      const std::optional<int64_t> value = parse_rfc3339(text);
      if (value) cell = number_cell(*value);
      return value.has_value();
    }
    default:
      return false;
  }
}

bool JsonDecoder::coerce(Host host, FieldColumn& column, std::string_view token, Cell& cell) {
  if (column.type == FLOW_JSON) {
    cell = token_cell(host, token);
    return true;
  }
  if (token.front() == '"') {
    const std::string_view inside = token.substr(1, token.size() - 2);
    if (inside.find('\\') != std::string_view::npos) {
      unescape_json(inside, scratch_);
      return coerce_text(host, column, scratch_, cell);
    }
    if (column.type == FLOW_TEXT) {
      cell = token_cell(host, inside);
      return true;
    }
    return coerce_text(host, column, inside, cell);
  }
  if (column.type == FLOW_TEXT) {
    cell = token_cell(host, token);
    return true;
  }
  if (column.type == FLOW_TIMESTAMP) {
    const std::optional<int64_t> value = timestamp_of_seconds(token);
    if (value) cell = number_cell(*value);
    return value.has_value();
  }
  return coerce_text(host, column, token, cell);
}

// Takes back what a refused line has left.
void JsonDecoder::forget_row(size_t columns_before) {
  while (columns_.size() > columns_before) {
    by_name_.erase(columns_.back().name);
    columns_.pop_back();
  }
  for (FieldColumn& column : columns_) {
    if (column.cells.size() > taken_.size()) column.cells.resize(taken_.size());
  }
}

TypedColumn JsonDecoder::finish(Host host, const FieldColumn& column, int64_t rows,
                                const flow_column& pieces) const {
  const auto cell_at = [&](int64_t row) -> const Cell& {
    return static_cast<size_t>(row) < column.cells.size() ? column.cells[static_cast<size_t>(row)]
                                                          : kNullCell;
  };
  const auto fill = [&](auto builder, auto value) {
    for (int64_t row = 0; row < rows; ++row) {
      const Cell& cell = cell_at(row);
      if (cell.length == kNull) {
        builder.append_null();
      } else {
        builder.append(value(cell));
      }
    }
    return builder.finish();
  };
  switch (column.type) {
    case FLOW_INT64:
      return {fill(Int64Builder(host, rows), number_of<int64_t>), Type::int64()};
    case FLOW_FLOAT64:
      return {fill(Float64Builder(host, rows), number_of<double>), Type::float64()};
    case FLOW_TIMESTAMP:
      return {fill(TimestampBuilder(host, rows), number_of<int64_t>), Type::timestamp()};
    case FLOW_BOOL:
      return {fill(BoolBuilder(host, rows),
                   [](const Cell& cell) { return number_of<int64_t>(cell) != 0; }),
              Type::boolean()};
    default:
      break;
  }
  TextBuilder texts(host, rows, column.type);
  texts.share(pieces);
  for (const Buffer& buffer : own_.buffers()) texts.share(buffer);
  for (int64_t row = 0; row < rows; ++row) {
    const Cell& cell = cell_at(row);
    if (cell.length == kNull) {
      texts.append_null();
    } else {
      texts.append_view(cell, 0);
    }
  }
  return {texts.finish(), column.type == FLOW_TEXT ? Type::text() : Type::json()};
}

void JsonDecoder::decode(const Batch& in, const std::vector<Line>& lines, Output& out) {
  start(in, lines.size());
  const flow_column& pieces = in.column(0);
  for (const Line& line : lines) {
    const size_t columns_before = columns_.size();
    if (const char* const reason = take(out, line, pieces); reason != nullptr) {
      forget_row(columns_before);
      refused_.push_back({line, reason, message_});
      continue;
    }
    taken_.push_back(line);
    invalid_utf8_rows_ += repaired_ ? 1 : 0;
  }
  const auto rows = static_cast<int64_t>(taken_.size());
  if (rows == 0) return;
  std::vector<TypedColumn> finished;
  std::vector<NewColumn> columns;
  finished.reserve(columns_.size());
  for (const FieldColumn& column : columns_) {
    finished.push_back(finish(out, column, rows, pieces));
    columns.push_back({column.name, finished.back()});
  }
  const Column record =
      column_over(out, FLOW_BINARY, rows, line_views(out, taken_, pieces), pieces);
  const DecodedOrigin origin(out, in, taken_, record);
  out.create(out.make(rows, columns, origin.get()));
}

}  // namespace flow::operators
