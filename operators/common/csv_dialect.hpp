// The dialects of CSV, and the names of its columns.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace flow::operators {

// How a CSV text is written. All characters are single bytes of ASCII; 0: there is none.
struct CsvDialect {
  char delimiter = ',';
  char quote = '"';       // opens a field only at its beginning, and stands for itself elsewhere
  char comment = 0;       // a record that begins with it is none, to the end of its line
  bool trim = false;      // spaces and tabs around a field, outside of its quotes, do not count
  bool multiline = true;  // a line feed inside of quotes belongs to the field

  // The same of the options `delimiter`, `quote` and `comment`, of which the last two may be empty.
  // Throws OptionFailure for what is no single character of ASCII, or used twice.
  static CsvDialect of(const std::string& delimiter, const std::string& quote,
                       const std::string& comment);
};

// Names for columns out of the texts of a header: valid UTF-8 without NUL, one without text after
// its number (`column_3`), and a repeated one with the smallest number that makes it new
// (`name_2`).
std::vector<std::string> csv_column_names(const std::vector<std::string>& texts);

// The reference pages' words for what the codec and the transform share.
extern const char* const kCsvRecordsDoc;

}  // namespace flow::operators
