// Pieces of CSV streams to typed rows.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "operators/common/csv_columns.hpp"
#include "operators/common/csv_framer.hpp"
#include "operators/common/line_splitter.hpp"

namespace flow::operators {

struct CsvDecoderOptions {
  CsvDialect dialect;
  int64_t max_record;
  int64_t max_fields;
  bool header;                     // the first record has the names
  std::vector<std::string> names;  // not empty: these are the names, whatever the header says
  std::string null_text;
};

// Keeps its parser's memory: one an instance. `declared` outlives it.
class CsvDecoder {
 public:
  CsvDecoder(const CsvDecoderOptions& options, const DeclaredSchema& declared);

  // Decodes the pieces of `in` from number `first` on, as far as they have one header, and emits
  // their rows. Column 1, if there is one, has the pieces' contexts. Returns the number of the next
  // piece; `in.rows()`: all are decoded.
  int64_t decode(const Batch& in, int64_t first, Output& out);

  // Of the last call: rows with text that was repaired.
  int64_t invalid_utf8_rows() const { return invalid_utf8_rows_; }

 private:
  // One piece under way.
  struct Piece {
    std::string_view text;
    CsvPlace place;
    int32_t offset;  // of the text behind the place's base
    int64_t position;
    bool is_valid_utf8;
  };

  void clear();
  // False: its names are others than those of the rows so far; nothing was taken.
  bool take_piece(const Batch& in, int64_t row, Output& out);
  // Passes over what is no record; false: no record is left in the piece.
  bool next_record();
  void take_record(const Piece& piece);
  // Reads a header's names. False: it is none, and `header_problem_` says why.
  bool read_names(std::string_view header, std::vector<std::string>& names);
  bool use_header(std::string_view header, Output& out);
  void repair(const Piece& piece, const CsvRecord& record);
  void refuse(const Piece& piece, const CsvRecord& record, const char* reason, std::string message);
  Line line_of(const Piece& piece, const CsvRecord& record) const;
  void refuse_fault(const Piece& piece, const CsvRecord& record);
  void refuse_width(const Piece& piece, const CsvRecord& record);
  CsvCell* row_cells();
  void emit(const Batch& in, Output& out);

  CsvDecoderOptions options_;
  CsvReader reader_;
  CsvReader repaired_reader_;
  CsvReader header_reader_;
  CsvColumns columns_;
  std::string header_;  // that columns_ has the names of
  bool has_names_ = false;
  std::string header_problem_;  // not empty: no names, and no rows

  int32_t number_ = 0;
  std::vector<CsvCell> cells_;
  std::vector<CsvPlace> places_;
  std::vector<Line> lines_;
  std::vector<RefusedLine> refused_;
  std::string repaired_;
  int64_t empty_lines_ = 0;
  int64_t comments_ = 0;
  int64_t invalid_utf8_rows_ = 0;
};

}  // namespace flow::operators
