#include "operators/common/syslog_framer.hpp"

#include <cstring>
#include <optional>

namespace flow::operators {
namespace {

constexpr size_t kMostDigits = 9;

struct Count {
  size_t digits;  // bytes before the message, the space included
  size_t length;
};

// What begins at `at` of a stream that may go on: a count, none, or not yet known (more = true).
std::optional<Count> count_at(std::string_view bytes, size_t at, bool final, SyslogFraming framing,
                              int64_t max_line, bool& more) {
  more = false;
  if (framing == SyslogFraming::kNewline) return std::nullopt;
  size_t end = at;
  size_t length = 0;
  while (end < bytes.size() && end - at < kMostDigits && bytes[end] >= '0' && bytes[end] <= '9') {
    length = length * 10 + static_cast<size_t>(bytes[end] - '0');
    ++end;
  }
  if (end == bytes.size()) {
    more = !final;
    return std::nullopt;
  }
  if (end == at || bytes[at] == '0' || bytes[end] != ' ') return std::nullopt;
  ++end;
  if (framing == SyslogFraming::kAuto) {
    if (end == bytes.size()) {
      more = !final;
      return std::nullopt;
    }
    if (bytes[end] != '<') return std::nullopt;
  }
  if (length > static_cast<size_t>(max_line)) return std::nullopt;
  return Count{end - at, length};
}

}  // namespace

SyslogFrame next_syslog_frame(std::string_view bytes, size_t at, bool final, SyslogFraming framing,
                              int64_t max_line) {
  bool more = false;
  const std::optional<Count> count = count_at(bytes, at, final, framing, max_line, more);
  if (more) return {at, bytes.size(), bytes.size(), false};
  if (count) {
    const size_t begin = at + count->digits;
    const bool is_whole = bytes.size() - begin >= count->length;
    const size_t next = is_whole ? begin + count->length : bytes.size();
    size_t end = next;
    // A sender that counts its line end.
    while (end > begin && (bytes[end - 1] == '\n' || bytes[end - 1] == '\r')) --end;
    return {begin, end, next, is_whole || final};
  }
  const size_t feed = bytes.find('\n', at);
  if (feed == std::string_view::npos) return {at, bytes.size(), bytes.size(), final};
  const size_t end = feed > at && bytes[feed - 1] == '\r' ? feed - 1 : feed;
  return {at, end, feed + 1, true};
}

int64_t SyslogFramer::frame(std::string_view bytes, bool final) {
  if (bytes.empty()) return 0;
  size_t at = 0;
  if (inside_too_long_) {
    const size_t feed = bytes.find('\n');
    if (feed == std::string_view::npos) return static_cast<int64_t>(bytes.size());
    at = feed + 1;
    inside_too_long_ = false;
  }
  if (final) return static_cast<int64_t>(bytes.size());
  if (framing_ == SyslogFraming::kNewline) {
    const void* const feed = memrchr(bytes.data() + at, '\n', bytes.size() - at);
    if (feed != nullptr) {
      return static_cast<const char*>(feed) + 1 - bytes.data();
    }
  }
  while (at < bytes.size()) {
    const SyslogFrame frame = next_syslog_frame(bytes, at, false, framing_, max_line_);
    if (!frame.is_whole) break;
    at = frame.next;
  }
  if (at > 0) return static_cast<int64_t>(at);
  // Two bytes more than max_line: the last may turn out to be the CR of the line's end. A counted
  // message is never so long: its count would be none, but for the digits.
  if (static_cast<int64_t>(bytes.size()) < max_line_ + 2) return 0;
  bool more = false;
  if (count_at(bytes, 0, false, framing_, max_line_, more) || more) return 0;
  inside_too_long_ = true;
  return static_cast<int64_t>(bytes.size());
}

void SyslogSplitter::split(const Batch& in) {
  lines_.clear();
  too_long_.clear();
  empty_ = 0;
  int32_t number = 0;
  const TextView pieces(in.column(0));
  const std::optional<TextView> contexts =
      in.column_count() > 1 ? std::optional<TextView>(in.column(1)) : std::nullopt;
  const flow_column* const positions = in.origin().position;
  for (int64_t row = 0; row < in.rows(); ++row) {
    if (pieces.is_null(row)) continue;
    const std::string_view piece = pieces[row];
    const int32_t buffer =
        piece.size() > FLOW_VIEW_INLINE ? pieces.views()[row].buffer : int32_t{0};
    const int64_t position = positions != nullptr ? Int64View(*positions)[row] : -1;
    size_t at = 0;
    if (contexts && SyslogFramer::is_inside_too_long((*contexts)[row])) {
      const size_t feed = piece.find('\n');
      if (feed == std::string_view::npos) continue;
      at = feed + 1;
    }
    while (at < piece.size()) {
      const SyslogFrame frame = next_syslog_frame(piece, at, true, framing_, max_line_);
      const Line line = {piece.substr(frame.begin, frame.end - frame.begin), number++, buffer,
                         position < 0 ? -1 : position + static_cast<int64_t>(frame.begin)};
      if (static_cast<int64_t>(line.text.size()) > max_line_) {
        too_long_.push_back(line);
      } else if (line.text.empty()) {
        ++empty_;
      } else {
        lines_.push_back(line);
      }
      at = frame.next;
    }
  }
}

}  // namespace flow::operators
