#include "operators/common/csv_dialect.hpp"

#include <algorithm>
#include <unordered_set>

#include "flow/inference.hpp"
#include "flow/utf8.hpp"

namespace flow::operators {
namespace {

char character_of(const char* option, const std::string& text, bool may_be_empty) {
  if (text.empty() && may_be_empty) return 0;
  const bool is_one = text.size() == 1 && text[0] > 0 && text[0] != '\n' && text[0] != '\r';
  if (!is_one) {
    throw OptionFailure(option, "must be a single ASCII character that ends no line",
                        "eg: \";\" or \"\\t\"");
  }
  return text[0];
}

}  // namespace

const char* const kCsvRecordsDoc =
    "A field that begins with a quote ends at the next one, and holds delimiters, line ends and, "
    "doubled, quotes; a quote further inside of a field is text. An empty field without quotes is "
    "null, `\"\"` an empty text. A record that has not the columns' number of fields fails with "
    "`too_few_fields` or `too_many_fields`, text behind a closing quote with `text_after_quote`, a "
    "quote that nothing closes with `unclosed_quote`, and a value that is not of its declared type "
    "with `bad_type`.";

CsvDialect CsvDialect::of(const std::string& delimiter, const std::string& quote,
                          const std::string& comment) {
  CsvDialect dialect;
  dialect.delimiter = character_of("delimiter", delimiter, false);
  dialect.quote = character_of("quote", quote, true);
  dialect.comment = character_of("comment", comment, true);
  if (dialect.quote == dialect.delimiter) {
    throw OptionFailure("quote", "is the delimiter too", "choose another, or \"\" for none");
  }
  if (dialect.comment == dialect.delimiter ||
      (dialect.comment != 0 && dialect.comment == dialect.quote)) {
    throw OptionFailure("comment", "is the delimiter or the quote too");
  }
  return dialect;
}

std::vector<std::string> csv_column_names(const std::vector<std::string>& texts) {
  std::vector<std::string> names;
  std::unordered_set<std::string> known;
  for (size_t i = 0; i < texts.size(); ++i) {
    std::string name;
    append_repaired_utf8(texts[i], name);
    for (size_t nul = name.find('\0'); nul != std::string::npos; nul = name.find('\0', nul)) {
      name.replace(nul, 1, "\xEF\xBF\xBD");
    }
    if (name.empty()) name = "column_" + std::to_string(i + 1);
    std::string unique = name;
    for (int number = 2; !known.insert(unique).second; ++number) {
      unique = name + "_" + std::to_string(number);
    }
    names.push_back(std::move(unique));
  }
  return names;
}

}  // namespace flow::operators
