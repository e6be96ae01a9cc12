#include "operators/codecs/csv_decoder.hpp"

#include <simdjson.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "flow/utf8.hpp"

namespace flow::operators {
namespace {

constexpr size_t kFirstCells = 4096;
constexpr const char* kBadHeader = "bad_header";

}  // namespace

CsvDecoder::CsvDecoder(const CsvDecoderOptions& options, const DeclaredSchema& declared)
    : options_(options),
      reader_(options.dialect, options.max_record),
      repaired_reader_(options.dialect, options.max_record * 3),
      header_reader_(options.dialect, options.max_record),
      columns_(declared, options.null_text) {
  if (options_.names.empty()) return;
  columns_.set_names(options_.names);
  has_names_ = true;
}

void CsvDecoder::clear() {
  cells_.resize(std::max(cells_.size(), kFirstCells));
  places_.clear();
  lines_.clear();
  refused_.clear();
  reader_.clear_own();
  empty_lines_ = comments_ = invalid_utf8_rows_ = 0;
}

int64_t CsvDecoder::decode(const Batch& in, int64_t first, Output& out) {
  clear();
  if (first == 0) number_ = 0;
  int64_t row = first;
  while (row < in.rows() && take_piece(in, row, out)) ++row;
  emit(in, out);
  return row;
}

bool CsvDecoder::read_names(std::string_view header, std::vector<std::string>& names) {
  const auto most = static_cast<uint32_t>(options_.max_fields);
  std::vector<CsvCell> cells(most + 1);
  header_reader_.clear_own();
  header_reader_.start(header, 0, true);
  const CsvRecord record = header_reader_.read(cells.data(), most);
  if (record.fault != CsvFault::kNone) {
    header_problem_ = "the header is no record: ";
    header_problem_ += csv_fault_message(record, options_.max_record, options_.dialect.multiline);
    return false;
  }
  if (record.fields > most) {
    header_problem_ = "the header has " + std::to_string(record.fields) + " names, max_fields is " +
                      std::to_string(most) + "; raise it";
    return false;
  }
  std::vector<std::string> texts;
  texts.reserve(record.fields);
  for (uint32_t i = 0; i < record.fields; ++i) {
    texts.emplace_back(cells[i].length == 0 ? std::string_view()
                                            : std::string_view(header_reader_.own())
                                                  .substr(static_cast<size_t>(cells[i].own_begin()),
                                                          static_cast<size_t>(cells[i].length)));
  }
  names = csv_column_names(texts);
  return true;
}

// False: rows are there that have another header's names.
bool CsvDecoder::use_header(std::string_view header, Output& out) {
  if (!options_.names.empty()) return true;
  if (has_names_ && header == header_) return true;
  if (!lines_.empty()) return false;
  header_problem_.clear();
  header_ = header;
  has_names_ = true;
  std::vector<std::string> names;
  if (!read_names(header, names)) names.clear();
  columns_.set_names(names);
  const std::vector<std::string> missing =
      header_problem_.empty() ? columns_.missing() : std::vector<std::string>();
  for (const std::string& name : missing) {
    out.log(FLOW_LOG_WARNING, "csv: the schema declares '" + name +
                                  "', which the header does not name: the column is null.");
  }
  return true;
}

bool CsvDecoder::next_record() {
  while (!reader_.done()) {
    if (!reader_.skip_comment()) return true;
    ++comments_;
  }
  return false;
}

bool CsvDecoder::take_piece(const Batch& in, int64_t row, Output& out) {
  const flow_column& column = in.column(0);
  const TextView pieces(column);
  if (pieces.is_null(row)) return true;
  const flow_view& view = pieces.views()[row];
  Piece piece{pieces[row], {view.prefix, 0, FLOW_VIEW_INLINE}, 0, -1, true};
  if (view.length > FLOW_VIEW_INLINE) {
    const flow_buffer& buffer = *column.data[view.buffer];
    piece.place = {static_cast<const char*>(buffer.data), view.buffer,
                   static_cast<int32_t>(std::min<int64_t>(buffer.capacity, INT32_MAX))};
    piece.offset = view.offset;
  }
  if (in.origin().position != nullptr) piece.position = Int64View(*in.origin().position)[row];
  const CsvContext context =
      in.column_count() > 1 ? CsvContext::read(TextView(in.column(1))[row]) : CsvContext();

  reader_.start(piece.text, piece.offset);
  if (context.is_begin && piece.text.starts_with(kByteOrderMark)) {
    reader_.skip_to(kByteOrderMark.size());
  }
  if (context.inside_too_long) {
    const size_t feed = piece.text.find('\n');
    if (feed == std::string_view::npos) return true;
    reader_.skip_to(static_cast<uint32_t>(feed + 1));
  }
  bool has_names = true;
  if (options_.header && !context.has_header) {
    const int64_t comments = comments_;
    const int64_t empty_lines = empty_lines_;
    std::optional<CsvRecord> header;
    while (!header && next_record()) {
      CsvCell cells[1];
      header = reader_.read(cells, 0);
      if (header->begin == header->end) {
        header.reset();
        ++empty_lines_;
      }
    }
    if (!header) return true;
    const std::string_view text = piece.text.substr(header->begin, header->end - header->begin);
    if (text.size() > static_cast<size_t>(options_.max_record)) {
      refuse(piece, *header, csv_fault_reason(CsvFault::kTooLong),
             csv_fault_message(*header, options_.max_record, options_.dialect.multiline));
      has_names = false;
    } else if (!use_header(text, out)) {
      comments_ = comments;
      empty_lines_ = empty_lines;
      return false;
    }
  } else if (options_.header && context.header_is_too_long) {
    has_names = false;
  } else if (options_.header && !use_header(context.header, out)) {
    return false;
  }
  piece.is_valid_utf8 = simdjson::validate_utf8(piece.text.data(), piece.text.size());
  if (options_.names.empty() && (!has_names || !header_problem_.empty())) {
    const std::string why = has_names ? header_problem_ : "the header is longer than max_record";
    while (next_record()) {
      CsvCell cells[1];
      const CsvRecord record = reader_.read(cells, 0);
      if (record.begin == record.end) {
        ++empty_lines_;
      } else {
        refuse(piece, record, kBadHeader, why + "; name the columns under `fields`");
      }
    }
    return true;
  }
  while (next_record()) take_record(piece);
  return true;
}

CsvCell* CsvDecoder::row_cells() {
  const size_t width = columns_.names().size();
  const size_t begin = lines_.size() * width;
  if (begin + width + 1 > cells_.size()) cells_.resize((begin + width + 1) * 2);
  return cells_.data() + begin;
}

void CsvDecoder::take_record(const Piece& piece) {
  const auto width = static_cast<uint32_t>(columns_.names().size());
  const CsvRecord record = reader_.read(row_cells(), width);
  if (record.fault == CsvFault::kNone && record.fields == width) [[likely]] {
    if (record.begin != record.end) {
      if (!piece.is_valid_utf8) repair(piece, record);
      lines_.push_back(line_of(piece, record));
      places_.push_back(piece.place);
      ++number_;
      return;
    }
  }
  if (record.begin == record.end) {
    ++empty_lines_;
  } else if (record.fault != CsvFault::kNone) {
    refuse_fault(piece, record);
  } else {
    refuse_width(piece, record);
  }
}

// Reads the record again, from valid text; its number of fields is the same.
void CsvDecoder::repair(const Piece& piece, const CsvRecord& record) {
  const std::string_view text = piece.text.substr(record.begin, record.end - record.begin);
  if (simdjson::validate_utf8(text.data(), text.size())) return;
  repaired_.clear();
  append_repaired_utf8(text, repaired_);
  repaired_reader_.clear_own();
  repaired_reader_.start(repaired_, 0, true);
  CsvCell* const cells = row_cells();
  const auto width = static_cast<uint32_t>(columns_.names().size());
  repaired_reader_.read(cells, width);
  const int32_t shift = reader_.add_own(repaired_reader_.own());
  for (uint32_t i = 0; i < width; ++i) {
    if (cells[i].length > 0) cells[i].begin += shift;
  }
  ++invalid_utf8_rows_;
}

Line CsvDecoder::line_of(const Piece& piece, const CsvRecord& record) const {
  return {piece.text.substr(record.begin, record.end - record.begin), number_, piece.place.buffer,
          piece.position < 0 ? -1 : piece.position + record.begin};
}

void CsvDecoder::refuse(const Piece& piece, const CsvRecord& record, const char* reason,
                        std::string message) {
  refused_.push_back({line_of(piece, record), reason, std::move(message)});
  ++number_;
}

void CsvDecoder::refuse_fault(const Piece& piece, const CsvRecord& record) {
  refuse(piece, record, csv_fault_reason(record.fault),
         csv_fault_message(record, options_.max_record, options_.dialect.multiline));
}

void CsvDecoder::refuse_width(const Piece& piece, const CsvRecord& record) {
  const size_t width = columns_.names().size();
  refuse(piece, record, csv_width_reason(record.fields, width),
         csv_width_message(record.fields, width));
}

void CsvDecoder::emit(const Batch& in, Output& out) {
  const flow_column& pieces = in.column(0);
  const auto rows = static_cast<int64_t>(lines_.size());
  Batch batch;
  std::vector<CsvColumns::BadValue> bad;
  if (rows > 0) {
    const CsvRows records{cells_.data(), places_.data(), rows, reader_.own()};
    const std::vector<NewColumn> columns = columns_.build(out, records, pieces, bad);
    const Column record =
        column_over(out, FLOW_BINARY, rows, line_views(out, lines_, pieces), pieces);
    const DecodedOrigin origin(out, in, lines_, record);
    batch = out.make(rows, columns, origin.get());
    for (const CsvColumns::BadValue& value : bad) {
      const auto row = static_cast<size_t>(value.row);
      const CsvCell& cell = cells_[row * columns_.names().size() + value.column];
      refused_.push_back(
          {lines_[row], "bad_type",
           columns_.complaint(value.column, text_of(cell, places_[row], reader_.own()))});
    }
  }
  fail_lines(in, std::move(refused_), options_.max_record, out);
  refused_.clear();
  out.drop(empty_lines_, "empty line");
  out.drop(comments_, "comment");
  if (rows == static_cast<int64_t>(bad.size())) return;
  if (bad.empty()) {
    out.create(batch);
    return;
  }
  std::vector<int32_t> good;
  auto next = bad.begin();
  for (int32_t row = 0; row < rows; ++row) {
    if (next != bad.end() && next->row == row) {
      ++next;
    } else {
      good.push_back(row);
    }
  }
  out.create(out.select(batch, good.data(), static_cast<int64_t>(good.size())));
}

}  // namespace flow::operators
