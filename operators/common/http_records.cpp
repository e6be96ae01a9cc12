#include "operators/common/http_records.hpp"

#include <algorithm>
#include <cstring>

#include "operators/common/json_validate.hpp"
#include "operators/common/json_walk.hpp"

namespace flow::operators {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr const char* kNoObject = "a record is an object";

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

char* skip_value(char* at, char* end) {
  JsonTraits traits;
  return const_cast<char*>(skip_json_value(at, end, traits));
}

char* line_end(char* at, char* end) {
  void* const found = std::memchr(at, '\n', static_cast<size_t>(end - at));
  return found != nullptr ? static_cast<char*>(found) : end;
}

// Makes one line of a value; returns how many it had been more. Valid JSON has line ends between
// its tokens only.
int64_t join_lines(char* begin, char* end) {
  int64_t lines = 0;
  for (char* at = line_end(begin, end); at != end; at = line_end(at, end)) {
    *at = ' ';
    ++lines;
  }
  if (lines > 0) std::replace(begin, end, '\r', ' ');
  return lines;
}

}  // namespace

void HttpRecords::find(char* body, size_t size, size_t most) {
  body_ = body;
  most_ = most;
  end_ = body + size;
  line_ = 1;
  records_ = accepted_ = 0;
  runs_.clear();
  rejected_.clear();
  if (std::string_view(body, size).substr(0, kByteOrderMark.size()) == kByteOrderMark) {
    std::fill_n(body, kByteOrderMark.size(), ' ');
  }
  char* const first = skip_space(body_);
  line_ = 1;
  if (first < end_ && *first == '[') {
    find_elements();
  } else {
    find_lines();
  }
}

char* HttpRecords::skip_space(char* at) {
  for (; at < end_ && is_space(*at); ++at) line_ += *at == '\n' ? 1 : 0;
  return at;
}

void HttpRecords::find_lines() {
  char* joined = nullptr;  // behind the last good record, with only white space since
  char* at = body_;
  while ((at = skip_space(at)) < end_) {
    char* stop = line_end(at, end_);
    if (rejected_.size() == kMostRejected) {
      reject(at, end_, at, line_, "too much of the body is no record; the rest is not looked at");
      return;
    }
    char* value_end = *at == '{' ? skip_value(at, stop) : nullptr;
    // Only a body's first object may span lines: else finding out could cost a look at all that
    // follows, for each line.
    if (value_end == nullptr && records_ == 0 && *at == '{') value_end = skip_value(at, end_);
    if (value_end == nullptr) {
      reject_text(at, stop);
      joined = nullptr;
      at = stop;
      continue;
    }
    char* next = value_end;
    while (next < end_ && is_space(*next) && *next != '\n') ++next;
    if (next < end_ && *next != '\n' && *next != '{') {
      stop = line_end(next, end_);
      reject(at, stop, next, line_, "something follows the object");
      joined = nullptr;
      at = stop;
      continue;
    }
    joined = accept(at, value_end, joined) ? value_end : nullptr;
    at = value_end;
  }
}

void HttpRecords::find_elements() {
  char* at = skip_space(body_) + 1;
  char* joined = nullptr;
  bool is_first = true;
  while (true) {
    at = skip_space(at);
    if (at < end_ && *at == ']' && is_first) break;
    is_first = false;
    if (rejected_.size() == kMostRejected) {
      return reject(at, end_, at, line_,
                    "too much of the body is no record; the rest is not looked at");
    }
    char* const value_end = at < end_ ? skip_value(at, end_) : nullptr;
    // Where an element does not end nobody knows where the next one begins.
    if (value_end == nullptr) return reject_text(at, end_);
    if (*at != '{') {
      reject(at, value_end, at, line_, kNoObject);
      line_ += std::count(at, value_end, '\n');
      joined = nullptr;
    } else {
      joined = accept(at, value_end, joined) ? value_end : nullptr;
    }
    at = skip_space(value_end);
    if (at < end_ && *at == ']') break;
    if (at == end_ || *at != ',') return reject(at, end_, at, line_, "a comma or ']' is missing");
    *at++ = ' ';
  }
  at = skip_space(at + 1);
  if (at < end_) reject(at, end_, at, line_, "something follows the array");
}

bool HttpRecords::accept(char* begin, char* end, char* joined) {
  const auto size = static_cast<size_t>(end - begin);
  if (size > most_) {
    reject(begin, end, begin, line_,
           "the record has " + std::to_string(size) + " bytes; most is " + std::to_string(most_));
    rejected_.back().reason = "line_too_long";
    line_ += std::count(begin, end, '\n');
    return false;
  }
  line_ += join_lines(begin, end);
  ++records_;
  ++accepted_;
  // Not behind blanks that would make the line too long.
  if (joined != nullptr && joined < begin && static_cast<size_t>(end - joined) <= most_) {
    // One line end, and blanks in front of the next object.
    std::fill(joined, begin, ' ');
    *joined = '\n';
    runs_.back().end = offset(end);
    ++runs_.back().records;
    return true;
  }
  runs_.push_back({offset(begin), offset(end), 1});
  return true;
}

void HttpRecords::reject(char* begin, char* end, char* place, int64_t line, std::string what) {
  rejected_.push_back(
      {++records_, line, offset(place), offset(begin), offset(end), std::move(what)});
}

void HttpRecords::reject_text(char* begin, char* end) {
  while (end > begin && is_space(end[-1])) --end;
  const std::string_view text(begin, static_cast<size_t>(end - begin));
  const auto error = find_json_error(text);
  if (!error) return reject(begin, end, begin, line_, kNoObject);
  char* const place = begin + error->offset;
  reject(begin, end, place, line_ + std::count(begin, place, '\n'), error->what);
}

}  // namespace flow::operators
