#include "core/config/toml_source.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace flowrun {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// What separates tokens: how many line breaks, and the comments among them.
struct Gap {
  struct Comment {
    std::string_view text;
    int breaks_before;  // since the last token or comment
  };
  std::vector<Comment> comments;
  int breaks = 0;  // behind the last comment, or in all
};

class SourceReader {
 public:
  explicit SourceReader(std::string_view text) : text_(text) {
    if (text_.substr(0, kByteOrderMark.size()) == kByteOrderMark) at_ = kByteOrderMark.size();
  }

  std::vector<SourceItem> read() {
    std::vector<SourceItem> items;
    while (true) {
      const Gap gap = skip_gap();
      for (const Gap::Comment& comment : gap.comments) {
        if (comment.breaks_before == 0 && !items.empty() &&
            items.back().kind != SourceItem::Kind::kComment) {
          items.back().comment = comment.text;
          continue;
        }
        SourceItem item;
        item.comment = comment.text;
        item.blank_before = comment.breaks_before > 1;
        items.push_back(std::move(item));
      }
      if (at_ == text_.size()) return items;
      SourceItem item;
      item.blank_before = gap.breaks > 1;
      if (peek() == '[') {
        item.kind = SourceItem::Kind::kHeader;
        item.header = read_header();
      } else {
        item.kind = SourceItem::Kind::kEntry;
        item.entry.key = read_key();
        expect('=');
        item.entry.value = read_value();
      }
      items.push_back(std::move(item));
    }
  }

 private:
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  [[noreturn]] void lost() const {
    throw std::logic_error("cannot be formatted: byte " + std::to_string(at_) +
                           " is not understood");
  }

  void skip_spaces() {
    while (peek() == ' ' || peek() == '\t') ++at_;
  }

  void expect(char c) {
    skip_spaces();
    if (peek() != c) lost();
    ++at_;
  }

  Gap skip_gap() {
    Gap gap;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '\n') {
        ++gap.breaks;
        ++at_;
      } else if (c == ' ' || c == '\t' || c == '\r') {
        ++at_;
      } else if (c == '#') {
        const std::size_t end = std::min(text_.find('\n', at_), text_.size());
        std::string_view comment = text_.substr(at_, end - at_);
        comment = comment.substr(0, comment.find_last_not_of(" \t\r") + 1);
        gap.comments.push_back({comment, std::exchange(gap.breaks, 0)});
        at_ = end;
      } else {
        break;
      }
    }
    return gap;
  }

  std::string read_header() {
    const std::size_t depth = text_.substr(at_, 2) == "[[" ? 2 : 1;
    at_ += depth;
    std::string header(depth, '[');
    header += read_key();
    for (std::size_t i = 0; i < depth; ++i) expect(']');
    return header.append(depth, ']');
  }

  std::string read_key() {
    std::string key;
    while (true) {
      skip_spaces();
      if (peek() == '"' || peek() == '\'') {
        key += read_string();
      } else {
        const std::size_t end = std::min(text_.find_first_of(" \t.=]\"'\r\n#", at_), text_.size());
        if (end == at_) lost();
        key += text_.substr(at_, end - at_);
        at_ = end;
      }
      skip_spaces();
      if (peek() != '.') return key;
      key += '.';
      ++at_;
    }
  }

  std::string_view read_string() {
    const std::size_t begin = at_;
    const char quote = peek();
    const std::string triple(3, quote);
    if (text_.substr(at_, 3) == triple) {
      at_ += 3;
      while (at_ < text_.size() && text_.substr(at_, 3) != triple) skip_character(quote);
      at_ = std::min(at_ + 3, text_.size());
      // One or two quotes may stand before the closing three.
      while (peek() == quote) ++at_;
    } else {
      ++at_;
      while (at_ < text_.size() && peek() != quote) skip_character(quote);
      if (at_ == text_.size()) lost();
      ++at_;
    }
    return text_.substr(begin, at_ - begin);
  }

  void skip_character(char quote) {
    at_ += quote == '"' && peek() == '\\' && at_ + 1 < text_.size() ? 2 : 1;
  }

  SourceValue read_value() {
    skip_spaces();
    SourceValue value;
    const char c = peek();
    if (c == '[') {
      read_list(value);
    } else if (c == '{') {
      read_table(value);
    } else if (c == '"' || c == '\'') {
      value.scalar = read_string();
    } else {
      const std::size_t end = std::min(text_.find_first_of(",]}#\n", at_), text_.size());
      value.scalar = text_.substr(at_, end - at_);
      value.scalar = value.scalar.substr(0, value.scalar.find_last_not_of(" \t\r") + 1);
      if (value.scalar.empty()) lost();
      at_ = end;
    }
    return value;
  }

  void read_list(SourceValue& list) {
    list.kind = SourceValue::Kind::kList;
    ++at_;
    bool first = true;
    while (true) {
      const Gap gap = skip_gap();
      if (first) list.expanded = gap.breaks > 0 || !gap.comments.empty();
      take_comments(gap, list, first);
      first = false;
      if (peek() == ']') {
        ++at_;
        list.at_end = std::exchange(waiting_.comments, {});
        waiting_.blank_before = false;
        return;
      }
      if (peek() == ',') {  // comments may stand on both sides of it
        ++at_;
        continue;
      }
      SourceEntry entry;
      entry.comments = std::exchange(waiting_.comments, {});
      entry.blank_before = std::exchange(waiting_.blank_before, false) && !list.entries.empty();
      entry.value = read_value();
      list.expanded = list.expanded || has_expanded(entry.value);
      list.entries.push_back(std::move(entry));
    }
  }

  // One comment of the gap may belong to the entry before it, the others wait for the next one.
  void take_comments(const Gap& gap, SourceValue& list, bool first) {
    for (const Gap::Comment& comment : gap.comments) {
      list.expanded = true;
      const bool behind = !first && waiting_.comments.empty() && comment.breaks_before == 0 &&
                          !list.entries.empty() && list.entries.back().comment.empty();
      if (behind) {
        list.entries.back().comment = comment.text;
        continue;
      }
      if (waiting_.comments.empty() && comment.breaks_before > 1) waiting_.blank_before = true;
      waiting_.comments.push_back(comment.text);
    }
    if (waiting_.comments.empty() && gap.breaks > 1) waiting_.blank_before = true;
  }

  void read_table(SourceValue& table) {
    table.kind = SourceValue::Kind::kTable;
    ++at_;
    skip_spaces();
    while (peek() != '}') {
      SourceEntry entry;
      entry.key = read_key();
      expect('=');
      entry.value = read_value();
      table.entries.push_back(std::move(entry));
      skip_spaces();
      if (peek() == ',') {
        ++at_;
        skip_spaces();
      } else if (peek() != '}') {
        lost();
      }
    }
    ++at_;
  }

  static bool has_expanded(const SourceValue& value) {
    return (value.expanded && !value.empty()) ||
           std::any_of(value.entries.begin(), value.entries.end(),
                       [](const SourceEntry& entry) { return has_expanded(entry.value); });
  }

  std::string_view text_;
  std::size_t at_ = 0;
  // What stands in front of the next element of a list, on either side of the comma.
  struct {
    std::vector<std::string_view> comments;
    bool blank_before = false;
  } waiting_;
};

}  // namespace

std::vector<SourceItem> read_toml_source(std::string_view text) {
  return SourceReader(text).read();
}

}  // namespace flowrun
