// Where syslog messages end in a stream: at line ends, or where the count before them says
// (RFC 6587).
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "operators/common/line_splitter.hpp"

namespace flow::operators {

enum class SyslogFraming {
  kAuto,       // counted where digits, a space and `<` begin a message, else a line
  kNewline,    // a line each
  kOctetCount  // counted where digits and a space begin a message, else a line
};

// One message of a stream.
struct SyslogFrame {
  size_t begin;  // of its text
  size_t end;
  size_t next;  // of the next message
  bool is_whole;
};

// The message at `at`; `final`: nothing follows the bytes. A count above `max_line` is none.
SyslogFrame next_syslog_frame(std::string_view bytes, size_t at, bool final, SyslogFraming framing,
                              int64_t max_line);

// Cuts a stream behind its last whole message. A line of more than max_line + 1 bytes is handed on
// before its end is there; what follows, up to that end, has a context that says so. One a stream;
// not thread-safe.
class SyslogFramer {
 public:
  SyslogFramer(SyslogFraming framing, int64_t max_line) : framing_(framing), max_line_(max_line) {}

  int64_t frame(std::string_view bytes, bool final);
  std::string_view context() const { return inside_too_long_ ? kInsideTooLong : ""; }
  void resume(std::string_view context) { inside_too_long_ = is_inside_too_long(context); }
  static bool is_inside_too_long(std::string_view context) { return context == kInsideTooLong; }

 private:
  static constexpr std::string_view kInsideTooLong = "L";

  SyslogFraming framing_;
  int64_t max_line_;
  bool inside_too_long_ = false;
};

// Splits the pieces of a decoder's input by the same rules. Keeps its vectors: one an instance.
class SyslogSplitter {
 public:
  SyslogSplitter(SyslogFraming framing, int64_t max_line)
      : framing_(framing), max_line_(max_line) {}

  // Column 1, if there is one, has the pieces' contexts. What it finds borrows `in`.
  void split(const Batch& in);
  const std::vector<Line>& lines() const { return lines_; }
  const std::vector<Line>& too_long() const { return too_long_; }
  int64_t empty_lines() const { return empty_; }

 private:
  SyslogFraming framing_;
  int64_t max_line_;
  std::vector<Line> lines_;
  std::vector<Line> too_long_;
  int64_t empty_ = 0;
};

}  // namespace flow::operators
