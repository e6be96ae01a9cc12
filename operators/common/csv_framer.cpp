#include "operators/common/csv_framer.hpp"

#include <cstring>

namespace flow::operators {
namespace {

// The first byte of a written context: kMark and a bit for each thing.
constexpr unsigned kMark = 0x40;
constexpr unsigned kInsideTooLong = 1;
constexpr unsigned kHasHeader = 2;
constexpr unsigned kHeaderIsTooLong = 4;

}  // namespace

std::string CsvContext::write() const {
  if (is_begin) return {};
  const unsigned bits = kMark | (inside_too_long ? kInsideTooLong : 0U) |
                        (has_header ? kHasHeader : 0U) |
                        (header_is_too_long ? kHeaderIsTooLong : 0U);
  std::string bytes(1, static_cast<char>(bits));
  return bytes.append(header);
}

CsvContext CsvContext::read(std::string_view bytes) {
  CsvContext context;
  if (bytes.empty()) return context;
  const auto bits = static_cast<unsigned>(static_cast<unsigned char>(bytes[0]));
  context.is_begin = false;
  context.inside_too_long = (bits & kInsideTooLong) != 0;
  context.has_header = (bits & kHasHeader) != 0;
  context.header_is_too_long = (bits & kHeaderIsTooLong) != 0;
  context.header = bytes.substr(1);
  return context;
}

CsvFramer::CsvFramer(const CsvDialect& dialect, int64_t max_record, bool wants_header)
    : dialect_(dialect),
      max_record_(static_cast<size_t>(max_record)),
      wants_header_(wants_header),
      scanner_(dialect) {}

void CsvFramer::resume(std::string_view context) {
  context_ = CsvContext::read(context);
  written_ = context_.write();
  state_ = {};
}

int64_t CsvFramer::frame(std::string_view bytes, bool final) {
  if (bytes.empty()) return 0;
  const size_t whole = frame_records(bytes, final);
  if (whole == 0) return 0;
  context_.is_begin = false;
  written_ = context_.write();
  // What is left comes again, at the front.
  state_.scanned -= whole;
  state_.record -= whole;
  state_.field -= whole;
  return static_cast<int64_t>(whole);
}

size_t CsvFramer::frame_records(std::string_view bytes, bool final) {
  size_t begin = 0;
  if (state_.scanned > bytes.size()) state_ = {};
  if (state_.scanned == 0) {
    if (context_.is_begin) {
      if (!final && bytes.size() < kByteOrderMark.size() && kByteOrderMark.starts_with(bytes)) {
        return 0;
      }
      if (bytes.starts_with(kByteOrderMark)) begin = kByteOrderMark.size();
    }
    if (context_.inside_too_long) {
      const size_t feed = bytes.find('\n');
      if (feed == std::string_view::npos) {
        state_.scanned = state_.record = state_.field = bytes.size();
        return bytes.size();
      }
      begin = feed + 1;
      context_.inside_too_long = false;
    }
    start_record(bytes, begin);
    state_.scanned = begin;
  }
  const size_t end = scan(bytes, final, begin);
  const bool is_rest = end < bytes.size();
  if (final) {
    if (is_rest) end_record(bytes, bytes.size());
    state_ = {};
    state_.scanned = state_.record = state_.field = bytes.size();
    return bytes.size();
  }
  if (end > 0) return end;
  // Two bytes more than max_record: the last may turn out to be the CR of the line's end.
  if (bytes.size() - state_.record >= max_record_ + 2) {
    if (wants_header_ && !context_.has_header && !state_.comment) {
      context_.has_header = true;
      context_.header_is_too_long = true;
    }
    context_.inside_too_long = true;
    state_ = {};
    state_.scanned = state_.record = state_.field = bytes.size();
    return bytes.size();
  }
  return 0;
}

void CsvFramer::start_record(std::string_view bytes, size_t begin) {
  state_.record = state_.field = begin;
  state_.quoted = state_.closed = false;
  state_.comment =
      dialect_.comment != 0 && begin < bytes.size() && bytes[begin] == dialect_.comment;
}

void CsvFramer::end_record(std::string_view bytes, size_t end) {
  if (!wants_header_ || context_.has_header || state_.comment) return;
  std::string_view record = bytes.substr(state_.record, end - state_.record);
  if (record.ends_with('\n')) record.remove_suffix(1);
  if (record.ends_with('\r')) record.remove_suffix(1);
  if (record.empty()) return;
  context_.has_header = true;
  if (record.size() > max_record_) {
    context_.header_is_too_long = true;
  } else {
    context_.header = record;
  }
}

bool CsvFramer::opens_field(std::string_view bytes, size_t quote) const {
  if (state_.closed) return false;
  size_t first = state_.field;
  if (dialect_.trim) {
    while (first < quote && (bytes[first] == ' ' || bytes[first] == '\t')) ++first;
  }
  return first == quote;
}

size_t CsvFramer::scan(std::string_view bytes, bool final, size_t begin) {
  const bool knows_header = !wants_header_ || context_.has_header;
  if (knows_header && dialect_.comment == 0 && !state_.quoted) {
    const char* const from = bytes.data() + state_.scanned;
    const size_t left = bytes.size() - state_.scanned;
    if (dialect_.quote == 0 || !dialect_.multiline ||
        std::memchr(from, dialect_.quote, left) == nullptr) {
      const void* const feed = memrchr(from, '\n', left);
      if (feed != nullptr) {
        const auto end = static_cast<size_t>(static_cast<const char*>(feed) + 1 - bytes.data());
        start_record(bytes, end);
        state_.scanned = end;
        return end;
      }
    }
  }
  size_t whole = begin;  // nothing but a mark or the end of a record that is too long
  const size_t base = state_.scanned;
  const std::string_view rest = bytes.substr(base);
  scanner_.start(rest);
  while (true) {
    const size_t place = base + scanner_.next();
    if (place == bytes.size()) break;
    const char c = bytes[place];
    state_.scanned = place + 1;
    if (c == '\n') {
      const bool inside = state_.quoted && dialect_.multiline && !state_.comment &&
                          place - state_.record < max_record_;
      if (inside) continue;
      whole = place + 1;
      end_record(bytes, whole);
      // A comment is told by its first byte, which must be there.
      start_record(bytes, whole);
      if (whole == bytes.size()) return whole;
    } else if (c == dialect_.delimiter) {
      if (state_.quoted) continue;
      state_.field = place + 1;
      state_.closed = false;
    } else if (state_.comment) {
      continue;
    } else if (!state_.quoted) {
      state_.quoted = opens_field(bytes, place);
    } else if (place + 1 == bytes.size() && !final) {
      state_.scanned = place;  // one of two, or the last?
      return whole;
    } else if (place + 1 < bytes.size() && bytes[place + 1] == dialect_.quote) {
      scanner_.next();
      state_.scanned = place + 2;
    } else {
      state_.quoted = false;
      state_.closed = true;
    }
  }
  state_.scanned = bytes.size();
  return whole;
}

}  // namespace flow::operators
