// CSV records and their fields: the one parser behind the codec `csv` and the transform
// `parse_csv`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "operators/common/csv_scanner.hpp"

namespace flow::operators {

// Where a field's text is: in the text that is read, or in the reader's own text if the field had
// to be put together. Empty and null are two things.
struct CsvCell {
  static constexpr int32_t kOwn = INT32_MIN;  // a bit of `begin`
  int32_t begin;
  int32_t length;
  bool is_own() const { return begin < 0; }
  int32_t own_begin() const { return begin & ~kOwn; }
};

enum class CsvFault : uint8_t {
  kNone,
  kTooLong,        // more bytes than allowed, or a quote that is still open there
  kUnclosedQuote,  // at the end of the text, or of the line
  kTextAfterQuote  // "a"b
};

struct CsvRecord {
  uint32_t begin;
  uint32_t end;     // of its text, without the line end
  uint32_t next;    // the next record's begin
  uint32_t fields;  // how many it has
  CsvFault fault;
  uint32_t fault_at;
};

// Takes records apart. A record ends at a line feed outside of quotes; or at the first one that is
// `max_record` bytes or more behind its beginning, quotes or not: so a quote that nobody closes
// spoils one record, not the rest of the stream. CR LF is a line end too. Not thread-safe.
class CsvReader {
 public:
  CsvReader(const CsvDialect& dialect, int64_t max_record)
      : dialect_(dialect), max_record_(static_cast<uint64_t>(max_record)), scanner_(dialect) {}

  // `text` is read until the next start. `offset` is added to the place of each cell; `copy`: all
  // fields are put into own().
  void start(std::string_view text, int32_t offset = 0, bool copy = false);
  // Whether records are left, the first at `begin`.
  bool done() const { return at_ >= text_.size(); }
  uint32_t at() const { return at_; }
  std::string_view text() const { return text_; }
  // Goes on at `place`.
  void skip_to(uint32_t place);
  // Whether a comment is next; passes over it if so.
  bool skip_comment();

  // The next record. Writes its first `limit` fields to `cells`, and needs room for one more there.
  CsvRecord read(CsvCell* cells, uint32_t limit);

  // Fields that had to be put together, since the last clear_own().
  const std::string& own() const { return own_; }
  void clear_own() { own_.clear(); }
  // Puts `text` behind it, and says where it begins there.
  int32_t add_own(std::string_view text) {
    const auto begin = static_cast<int32_t>(own_.size());
    own_.append(text);
    return begin;
  }

 private:
  // A field that begins with a quote at `open`, whose place was the last next(). Returns the place
  // of the delimiter or line end behind it, which was the last next() too.
  uint32_t read_quoted(uint32_t open, CsvRecord& record, CsvCell& cell);
  // Goes on to the next delimiter or line feed.
  uint32_t next_cut();
  bool is_blank(char c) const { return (c == ' ' || c == '\t') && c != dialect_.delimiter; }
  CsvCell cell_of(uint32_t begin, uint32_t end);
  void fault(CsvRecord& record, CsvFault kind, uint32_t at) const;

  CsvDialect dialect_;
  uint64_t max_record_;
  CsvScanner scanner_;
  std::string_view text_;
  int32_t offset_ = 0;
  bool copy_ = false;
  uint32_t at_ = 0;
  std::string own_;
};

// The word and the message for people where a record is none, or has not a field a column.
const char* csv_fault_reason(CsvFault fault);
std::string csv_fault_message(const CsvRecord& record, int64_t max_record, bool multiline);
const char* csv_width_reason(size_t fields, size_t columns);
std::string csv_width_message(size_t fields, size_t columns);

}  // namespace flow::operators
