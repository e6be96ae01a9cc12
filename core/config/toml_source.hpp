// TOML text as it is written: comments, order and spelling, for the formatter. What it means is
// toml_document's business.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace flowrun {

struct SourceEntry;

// A value; texts are views into the source.
struct SourceValue {
  enum class Kind { kScalar, kList, kTable };

  Kind kind = Kind::kScalar;
  std::string_view scalar;               // as written
  std::vector<SourceEntry> entries;      // of a list or an inline table
  std::vector<std::string_view> at_end;  // comments between the last entry and the closing bracket
  bool expanded = false;  // a list that has a line break behind its '[', or a comment in it

  bool empty() const { return entries.empty() && at_end.empty(); }
};

// `key = value` of a table, or an element of a list.
struct SourceEntry {
  std::vector<std::string_view> comments;  // on lines of their own in front of it
  std::string key;                         // without spaces around its dots; empty in a list
  SourceValue value;
  std::string_view comment;  // behind it on its line
  bool blank_before = false;
};

// What stands at the top level of a file, line by line.
struct SourceItem {
  enum class Kind { kComment, kHeader, kEntry };

  Kind kind = Kind::kComment;
  std::string header;        // "[sources.a]" or "[[a]]"
  SourceEntry entry;         // of kEntry
  std::string_view comment;  // of kComment: the comment; else what stands behind on the line
  bool blank_before = false;
};

// REQUIRES: `text` is TOML, as parse_toml accepts it, and outlives the result. Throws a
// std::logic_error where it meets what it does not know.
std::vector<SourceItem> read_toml_source(std::string_view text);

}  // namespace flowrun
