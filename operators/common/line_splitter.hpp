// From pieces of a byte stream to its lines: what the decoders of line-based formats share.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "flow/output.hpp"
#include "operators/common/line_framer.hpp"
#include "operators/common/newlines.hpp"

namespace flow::operators {

// One line, without its LF or CR LF. Borrows the piece.
struct Line {
  std::string_view text;
  int32_t number;    // counts the lines of a batch of pieces
  int32_t buffer;    // of the piece's column; meaningless for texts of up to FLOW_VIEW_INLINE bytes
  int64_t position;  // of its first byte in the stream; -1: the piece does not say
};

// Splits the binary rows of a decoder's input. Keeps its vectors: one an instance.
class LineSplitter {
 public:
  // `continuations` outlives the splitter.
  LineSplitter(int64_t max_line, bool keep_empty, LineContinuations& continuations)
      : max_line_(max_line), keep_empty_(keep_empty), continuations_(continuations) {}

  // Finds the lines of all rows of column 0. What it finds borrows `in` until the next call.
  void split(const Batch& in);

  const std::vector<Line>& lines() const { return lines_; }
  // Lines longer than `max_line`, whole or their first piece.
  const std::vector<Line>& too_long() const { return too_long_; }
  int64_t empty_lines() const { return empty_; }

 private:
  void split_piece(std::string_view piece, int32_t buffer, int64_t position);
  // The line [begin, end) of `piece`.
  void add(std::string_view piece, size_t begin, size_t end, int32_t buffer, int64_t position);

  int64_t max_line_;
  bool keep_empty_;
  LineContinuations& continuations_;
  Newlines newlines_;
  std::vector<Line> lines_;
  std::vector<Line> too_long_;
  int64_t empty_ = 0;
  int32_t number_ = 0;
};

// A line that a decoder refuses.
struct RefusedLine {
  Line line;
  const char* reason;
  std::string message;
};

// The refusals of lines that are longer than `max_line`.
std::vector<RefusedLine> refuse_too_long(const std::vector<Line>& lines, int64_t max_line);

// Sends refused lines of the pieces `in` to `errors`, in their order in the stream, with their
// original bytes: at most `record_bytes` of each.
void fail_lines(const Batch& in, std::vector<RefusedLine> lines, int64_t record_bytes, Output& out);

// Positions and records of decoded rows, for the origin of their batch.
class DecodedOrigin {
 public:
  // `record`: FLOW_BINARY, the lines as they came.
  DecodedOrigin(Host host, const Batch& in, const std::vector<Line>& lines, Column record);
  const flow_origin* get() const { return &origin_; }

 private:
  Column record_;
  Column position_;
  flow_origin origin_{};
};

// A view of `line`, whose buffer has the number that it has in the piece's column.
flow_view view_of(const Line& line, const flow_column& pieces);

// A FLOW_BINARY or FLOW_TEXT column over `views` that shares the pieces' buffers, and `more` behind
// them.
Column column_over(Host host, flow_type type, int64_t rows, const Buffer& views,
                   const flow_column& pieces, const Buffer* more = nullptr);

// One FLOW_BINARY view a line, sharing the pieces' buffers.
Buffer line_views(Host host, const std::vector<Line>& lines, const flow_column& pieces);

}  // namespace flow::operators
