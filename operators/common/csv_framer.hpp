// Where CSV records end in a stream, and what a decoder must know to read on from anywhere.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "operators/common/csv_reader.hpp"

namespace flow::operators {

inline constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// What came before a place in a stream of CSV.
struct CsvContext {
  bool is_begin = true;          // nothing did
  bool inside_too_long = false;  // the place is inside a record that is too long
  bool has_header = false;       // the header record, if there is to be one, has come
  bool header_is_too_long = false;
  std::string header;  // its text, without the line end

  // As bytes for FLOW_STREAM_CONTEXT, and back. Whatever is no context reads as the beginning.
  std::string write() const;
  static CsvContext read(std::string_view bytes);
};

// Cuts a stream behind its last whole record, by the rules of CsvReader. One a stream; not
// thread-safe. A record of more than max_record + 1 bytes is handed on before its end is there:
// what follows, up to its end, has the context `inside_too_long`. Holds back no more than that and
// one read. Costs a search for quotes (0.03 ns a byte) where there are none, else about 0.3 ns.
class CsvFramer {
 public:
  // `wants_header`: the first record that is neither empty nor a comment is the header.
  CsvFramer(const CsvDialect& dialect, int64_t max_record, bool wants_header);

  // How many of the bytes are whole records. Those behind them come again, with more.
  int64_t frame(std::string_view bytes, bool final);

  // Of the place behind what frame() found whole.
  std::string_view context() const { return written_; }
  void resume(std::string_view context);

 private:
  // Where in a record the scan stands, to go on when more bytes are there. Offsets count from the
  // first byte of what is framed.
  struct State {
    size_t scanned = 0;
    size_t record = 0;
    size_t field = 0;
    bool quoted = false;
    bool closed = false;  // a quote of this field was closed: further ones are text
    bool comment = false;
  };

  size_t frame_records(std::string_view bytes, bool final);
  // The end of the last whole record; 0: none is whole.
  size_t scan(std::string_view bytes, bool final, size_t begin);
  bool opens_field(std::string_view bytes, size_t quote) const;
  void start_record(std::string_view bytes, size_t begin);
  // A record is whole. May be the header.
  void end_record(std::string_view bytes, size_t end);

  CsvDialect dialect_;
  size_t max_record_;
  bool wants_header_;
  CsvScanner scanner_;
  CsvContext context_;
  std::string written_;
  State state_;
};

}  // namespace flow::operators
