#include "core/config/toml_format.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>
#include <vector>

#include "core/config/toml_document.hpp"
#include "core/config/toml_source.hpp"
#include "flow/utf8.hpp"

namespace flowrun {
namespace {

// Comments behind longer lines do not push the others out.
constexpr std::size_t kWidestAligned = 60;
constexpr std::size_t kIndent = 2;

struct Line {
  std::string code;
  std::string_view comment;  // behind the code
  std::size_t group = 0;     // comments are aligned among neighbours of one group; 0: not at all
};

std::string flat(const SourceValue& value) {
  if (value.kind == SourceValue::Kind::kScalar) return std::string(value.scalar);
  const bool is_list = value.kind == SourceValue::Kind::kList;
  if (value.empty()) return is_list ? "[]" : "{}";
  std::string text = is_list ? "[" : "{ ";
  bool first = true;
  for (const SourceEntry& entry : value.entries) {
    if (!first) text += ", ";
    first = false;
    if (!is_list) text.append(entry.key).append(" = ");
    text += flat(entry.value);
  }
  return text + (is_list ? "]" : " }");
}

class Writer {
 public:
  std::string write(std::vector<SourceItem> items) {
    place_blank_lines(items);
    for (const SourceItem& item : items) {
      if (item.blank_before) lines_.emplace_back();
      switch (item.kind) {
        case SourceItem::Kind::kComment:
          lines_.push_back({std::string(item.comment), {}, 0});
          break;
        case SourceItem::Kind::kHeader:
          lines_.push_back({item.header, item.comment, 0});
          break;
        case SourceItem::Kind::kEntry:
          lines_.push_back({item.entry.key + " = ", {}, kTopLevel});
          write_value(item.entry.value, 0);
          lines_.back().comment = item.comment;
          lines_.back().group = kTopLevel;
          break;
      }
    }
    return joined();
  }

 private:
  static constexpr std::size_t kTopLevel = 1;

  // One in front of each header and the comments that belong to it, none behind it.
  static void place_blank_lines(std::vector<SourceItem>& items) {
    for (std::size_t i = 1; i < items.size(); ++i) {
      if (items[i - 1].kind == SourceItem::Kind::kHeader) items[i].blank_before = false;
    }
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (items[i].kind != SourceItem::Kind::kHeader) continue;
      std::size_t begin = i;
      while (begin > 0 && !items[begin].blank_before &&
             items[begin - 1].kind == SourceItem::Kind::kComment) {
        --begin;
      }
      items[begin].blank_before = true;
    }
    if (!items.empty()) items.front().blank_before = false;
  }

  // Goes on in the last line.
  void write_value(const SourceValue& value, std::size_t indent) {
    std::string& code = lines_.back().code;
    if (value.kind == SourceValue::Kind::kTable && !value.empty()) {
      code += "{ ";
      bool first = true;
      for (const SourceEntry& entry : value.entries) {
        lines_.back().code.append(first ? "" : ", ").append(entry.key).append(" = ");
        first = false;
        write_value(entry.value, indent);
      }
      lines_.back().code += " }";
      return;
    }
    if (value.kind == SourceValue::Kind::kList && !value.empty()) {
      if (value.expanded ||
          flow::utf8_length(code) + flow::utf8_length(flat(value)) > kFormatWidth) {
        write_expanded(value, indent);
        return;
      }
    }
    code += flat(value);
  }

  void write_expanded(const SourceValue& list, std::size_t indent) {
    const std::size_t group = ++last_group_;
    const std::string margin(indent + kIndent, ' ');
    lines_.back().code += '[';
    for (const SourceEntry& entry : list.entries) {
      if (entry.blank_before) lines_.emplace_back();
      for (const std::string_view comment : entry.comments) {
        lines_.push_back({margin + std::string(comment), {}, 0});
      }
      lines_.push_back({margin, {}, group});
      write_value(entry.value, indent + kIndent);
      lines_.back().code += ',';
      lines_.back().comment = entry.comment;
      lines_.back().group = group;
    }
    for (const std::string_view comment : list.at_end) {
      lines_.push_back({margin + std::string(comment), {}, 0});
    }
    lines_.push_back({std::string(indent, ' ') + ']', {}, 0});
  }

  static bool can_align(const Line& line) {
    return !line.comment.empty() && line.group != 0 &&
           flow::utf8_length(line.code) <= kWidestAligned &&
           line.code.find('\n') == std::string::npos;
  }

  std::string joined() const {
    std::string text;
    std::size_t column = 0;  // of comments in the group at hand
    std::size_t end = 0;     // of that group
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      const Line& line = lines_[i];
      if (i >= end) {
        column = 0;
        for (end = i; end < lines_.size() && lines_[end].group == line.group; ++end) {
          if (can_align(lines_[end]))
            column = std::max(column, flow::utf8_length(lines_[end].code));
        }
      }
      text += line.code;
      if (!line.comment.empty()) {
        if (can_align(line)) text.append(column - flow::utf8_length(line.code), ' ');
        text.append("  ").append(line.comment);
      }
      text += '\n';
    }
    return text;
  }

  std::vector<Line> lines_;
  std::size_t last_group_ = kTopLevel;
};

bool same(const Value& a, const Value& b) {
  if (a.data.index() != b.data.index()) return false;
  if (const double* number = a.number()) {
    return *number == *b.number() || (std::isnan(*number) && std::isnan(*b.number()));
  }
  if (const Value::List* list = a.list()) {
    return std::equal(list->begin(), list->end(), b.list()->begin(), b.list()->end(), same);
  }
  if (const Value::Table* table = a.table()) {
    return std::equal(table->begin(), table->end(), b.table()->begin(), b.table()->end(),
                      [](const Member& left, const Member& right) {
                        return left.name == right.name && same(left.value, right.value);
                      });
  }
  if (const bool* boolean = a.boolean()) return *boolean == *b.boolean();
  if (const std::int64_t* integer = a.integer()) return *integer == *b.integer();
  return *a.text() == *b.text();
}

}  // namespace

std::string format_toml(std::string_view text, const std::string& file) {
  Value before;
  before.data = parse_toml(text, file);
  std::string formatted = Writer().write(read_toml_source(text));
  Value after;
  try {
    after.data = parse_toml(formatted, file);
  } catch (const ConfigurationError& error) {
    throw std::logic_error(std::string("cannot be formatted: ") + error.what());
  }
  if (!same(before, after)) {
    throw std::logic_error("cannot be formatted: the result would say something else");
  }
  return formatted;
}

}  // namespace flowrun
