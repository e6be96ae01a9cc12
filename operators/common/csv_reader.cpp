#include "operators/common/csv_reader.hpp"

#include <cstring>

namespace flow::operators {

void CsvReader::start(std::string_view text, int32_t offset, bool copy) {
  text_ = text;
  offset_ = offset;
  copy_ = copy;
  at_ = 0;
  scanner_.start(text);
}

void CsvReader::skip_to(uint32_t place) {
  at_ = place;
  scanner_.skip_to(place);
}

bool CsvReader::skip_comment() {
  if (dialect_.comment == 0 || text_[at_] != dialect_.comment) return false;
  const void* const feed = std::memchr(text_.data() + at_, '\n', text_.size() - at_);
  skip_to(feed == nullptr
              ? static_cast<uint32_t>(text_.size())
              : static_cast<uint32_t>(static_cast<const char*>(feed) + 1 - text_.data()));
  return true;
}

void CsvReader::fault(CsvRecord& record, CsvFault kind, uint32_t at) const {
  if (record.fault != CsvFault::kNone) return;
  record.fault = kind;
  record.fault_at = at;
}

CsvCell CsvReader::cell_of(uint32_t begin, uint32_t end) {
  const auto length = static_cast<int32_t>(end - begin);
  if (!copy_ || length == 0) return {static_cast<int32_t>(begin) + offset_, length};
  const auto own_begin = static_cast<int32_t>(own_.size());
  own_.append(text_.substr(begin, end - begin));
  return {own_begin | CsvCell::kOwn, length};
}

uint32_t CsvReader::next_cut() {
  const auto size = static_cast<uint32_t>(text_.size());
  while (true) {
    const uint32_t place = scanner_.next();
    if (place == size || text_[place] != dialect_.quote) return place;
  }
}

uint32_t CsvReader::read_quoted(uint32_t open, CsvRecord& record, CsvCell& cell) {
  const auto size = static_cast<uint32_t>(text_.size());
  const size_t own_begin = own_.size();
  uint32_t begin = open + 1;  // of what is not yet in own_
  bool escaped = false;
  uint32_t close = 0;
  while (true) {
    close = scanner_.next();
    if (close == size) {
      fault(record, CsvFault::kUnclosedQuote, open);
      cell = {0, 0};
      return close;
    }
    if (text_[close] == dialect_.quote) {
      if (close + 1 == size || text_[close + 1] != dialect_.quote) break;
      own_.append(text_.substr(begin, close + 1 - begin));
      begin = close + 2;
      escaped = true;
      scanner_.next();
    } else if (text_[close] == '\n' &&
               (!dialect_.multiline || close - record.begin >= max_record_)) {
      fault(record, dialect_.multiline ? CsvFault::kTooLong : CsvFault::kUnclosedQuote, open);
      cell = {0, 0};
      return close;
    }
  }
  if (escaped) {
    own_.append(text_.substr(begin, close - begin));
    cell = {static_cast<int32_t>(own_begin) | CsvCell::kOwn,
            static_cast<int32_t>(own_.size() - own_begin)};
  } else {
    cell = cell_of(begin, close);
  }
  // An empty text in quotes is told from nothing by its place.
  if (cell.length == 0) cell = {CsvCell::kOwn, 0};
  uint32_t behind = close + 1;
  if (dialect_.trim) {
    while (behind < size && is_blank(text_[behind])) ++behind;
  }
  const uint32_t cut = next_cut();
  const bool is_end = behind == cut || (behind + 1 == cut && text_[behind] == '\r' &&
                                        (cut == size || text_[cut] == '\n'));
  if (!is_end) fault(record, CsvFault::kTextAfterQuote, close + 1);
  return cut;
}

CsvRecord CsvReader::read(CsvCell* cells, uint32_t limit) {
  const auto size = static_cast<uint32_t>(text_.size());
  const char* const text = text_.data();
  CsvRecord record{at_, size, size, 0, CsvFault::kNone, 0};
  uint32_t begin = at_;
  uint32_t count = 0;
  while (true) {
    uint32_t cut = scanner_.next();
    CsvCell& cell = cells[count < limit ? count : limit];
    ++count;
    uint32_t first = begin;
    if (dialect_.trim) {
      while (first < size && is_blank(text[first])) ++first;
    }
    const bool at_end = cut == size;
    if (!at_end && text[cut] == dialect_.quote) [[unlikely]] {
      if (cut == first) {
        cut = read_quoted(first, record, cell);
        if (cut != size && text[cut] == dialect_.delimiter) {
          begin = cut + 1;
          continue;
        }
        record.end = cut;
        if (cut != size) {
          record.next = cut + 1;
        }
        if (cut > record.begin && text[cut - 1] == '\r') --record.end;
        break;
      }
      cut = next_cut();
    }
    const bool ends_field = cut != size && text[cut] == dialect_.delimiter;
    uint32_t last = cut;
    if (!ends_field) {
      if (last > begin && text[last - 1] == '\r') --last;
      record.end = last;
      if (cut != size) record.next = cut + 1;
    }
    if (dialect_.trim) {
      while (last > first && is_blank(text[last - 1])) --last;
      if (first > last) first = last;
    }
    cell = copy_
               ? cell_of(first, last)
               : CsvCell{static_cast<int32_t>(first) + offset_, static_cast<int32_t>(last - first)};
    if (!ends_field) break;
    begin = cut + 1;
  }
  record.fields = count;
  if (record.end - record.begin > max_record_) {
    record.fault = CsvFault::kTooLong;
    record.fault_at = record.begin;
  }
  at_ = record.next;
  return record;
}

const char* csv_fault_reason(CsvFault fault) {
  switch (fault) {
    case CsvFault::kUnclosedQuote:
      return "unclosed_quote";
    case CsvFault::kTextAfterQuote:
      return "text_after_quote";
    default:
      return "record_too_long";
  }
}

std::string csv_fault_message(const CsvRecord& record, int64_t max_record, bool multiline) {
  const std::string column = std::to_string(record.fault_at - record.begin + 1);
  switch (record.fault) {
    case CsvFault::kUnclosedQuote:
      return "column " + column + ": the quote is not closed before the end of the " +
             (multiline ? "text" : "line");
    case CsvFault::kTextAfterQuote:
      return "column " + column +
             ": text behind a closing quote; write a quote inside of a field "
             "as two";
    default:
      return "the record has more than " + std::to_string(max_record) +
             " bytes, or a quote that is still open there; only its start is kept. Raise "
             "max_record for longer ones.";
  }
}

const char* csv_width_reason(size_t fields, size_t columns) {
  return fields < columns ? "too_few_fields" : "too_many_fields";
}

std::string csv_width_message(size_t fields, size_t columns) {
  return "the record has " + std::to_string(fields) + " fields, and there are " +
         std::to_string(columns) + " columns";
}

}  // namespace flow::operators
