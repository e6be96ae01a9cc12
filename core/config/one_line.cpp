#include "core/config/one_line.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "core/config/names.hpp"
#include "core/config/specification.hpp"
#include "core/config/toml_document.hpp"
#include "flow/utf8.hpp"

namespace flowrun {
namespace {

constexpr std::string_view kValueStart = "v = ";

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

bool is_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

std::string quoted_toml(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

class Reader {
 public:
  explicit Reader(std::string_view line) : line_(line) {}

  std::vector<OneLineStage> read() {
    std::vector<OneLineStage> stages;
    skip_space();
    if (at_ == line_.size())
      fail_in_line(0, "the line is empty", "write SOURCE ! TRANSFORM ! SINK");
    while (true) {
      stages.push_back(stage());
      skip_space();
      if (at_ == line_.size()) return stages;
      ++at_;  // the exclamation mark
      skip_space();
      if (at_ == line_.size()) fail_in_line(at_, "an operator is missing behind the last '!'");
    }
  }

 private:
  void skip_space() {
    while (at_ < line_.size() && is_space(line_[at_])) ++at_;
  }
  bool at_separator() const {
    return at_ < line_.size() && line_[at_] == '!' &&
           (at_ + 1 == line_.size() || is_space(line_[at_ + 1]));
  }
  std::string name() {
    const std::size_t begin = at_;
    while (at_ < line_.size() && is_name(line_[at_])) ++at_;
    return std::string(line_.substr(begin, at_ - begin));
  }

  OneLineStage stage() {
    OneLineStage stage;
    stage.at = at_;
    stage.type = name();
    if (!is_identifier(stage.type)) {
      fail_in_line(stage.at, "the name of an operator is expected here",
                   "'flowrun inspect' lists them");
    }
    if (at_ < line_.size() && line_[at_] == '=') {
      fail_in_line(stage.at, "an operator begins with its name, not with a setting",
                   "write OPERATOR " + stage.type + "=...");
    }
    while (true) {
      if (at_ < line_.size() && !is_space(line_[at_])) {
        fail_in_line(at_, "a space is missing here", "stages are separated by ' ! '");
      }
      skip_space();
      if (at_ == line_.size() || at_separator()) return stage;
      OneLineSetting next = setting();
      if (stage.find(next.name) != nullptr) {
        fail_in_line(next.name_at, quote(next.name) + " is given twice");
      }
      stage.settings.push_back(std::move(next));
    }
  }

  OneLineSetting setting() {
    OneLineSetting setting;
    setting.name_at = at_;
    setting.name = name();
    if (setting.name.empty() || at_ == line_.size() || line_[at_] != '=') {
      fail_in_line(setting.name_at, "a setting NAME=VALUE is expected here",
                   "a value with spaces stands in quotes; stages are separated by ' ! '");
    }
    for (const char* reserved : {"type", "inputs"}) {
      if (setting.name == reserved) {
        fail_in_line(setting.name_at, quote(setting.name) + " follows from the line",
                     "leave it out");
      }
    }
    ++at_;
    setting.value_at = at_;
    if (at_ == line_.size() || is_space(line_[at_])) {
      fail_in_line(at_, "the value of " + quote(setting.name) + " is missing");
    }
    const std::size_t end = value_end();
    const std::string raw(line_.substr(at_, end - at_));
    const char first = raw.front();
    at_ = end;
    if (first != '"' && first != '\'' && first != '[' && first != '{') {
      setting.bare = !is_plain(raw);
      setting.toml = setting.bare ? quoted_toml(raw) : raw;
      return setting;
    }
    try {
      parse_toml(std::string(kValueStart) + raw, kOneLine);
    } catch (const ConfigurationError& error) {
      const Diagnostic& found = error.diagnostics().front();
      const std::size_t column = std::max<std::size_t>(found.place.column, kValueStart.size() + 1);
      fail_in_line(setting.value_at + std::min(column - 1 - kValueStart.size(), raw.size() - 1),
                   found.message);
    }
    setting.toml = raw;
    return setting;
  }

  // A number or a boolean, as TOML writes them.
  static bool is_plain(const std::string& word) {
    try {
      const Value::Table table = parse_toml(std::string(kValueStart) + word, kOneLine);
      const Value& value = table.front().value;
      return table.size() == 1 && value.text() == nullptr;
    } catch (const ConfigurationError&) {
      return false;
    }
  }

  std::size_t value_end() const {
    const char first = line_[at_];
    if (first == '"' || first == '\'') return string_end(at_);
    std::size_t end = at_;
    if (first != '[' && first != '{') {
      while (end < line_.size() && !is_space(line_[end])) ++end;
      return end;
    }
    int depth = 0;
    while (end < line_.size()) {
      const char c = line_[end];
      if (c == '"' || c == '\'') {
        end = string_end(end);
        continue;
      }
      if (c == '[' || c == '{') ++depth;
      if (c == ']' || c == '}') --depth;
      ++end;
      if (depth == 0) return end;
    }
    fail_in_line(at_, first == '[' ? "the closing ']' is missing" : "the closing '}' is missing");
  }
  std::size_t string_end(std::size_t begin) const {
    const char quote = line_[begin];
    for (std::size_t end = begin + 1; end < line_.size(); ++end) {
      if (line_[end] == quote) return end + 1;
      if (line_[end] == '\\' && quote == '"') ++end;
    }
    fail_in_line(begin, "the closing quote is missing");
  }

  std::string_view line_;
  std::size_t at_ = 0;
};

}  // namespace

void fail_in_line(std::size_t at, std::string message, std::string remedy) {
  Diagnostics found;
  const Place place{kOneLine, 1, static_cast<std::uint32_t>(at + 1)};
  found.error(place, "", std::move(message), std::move(remedy));
  throw ConfigurationError(found.all());
}

const OneLineSetting* OneLineStage::find(std::string_view name) const {
  for (const OneLineSetting& setting : settings) {
    if (setting.name == name) return &setting;
  }
  return nullptr;
}

std::vector<OneLineStage> parse_one_line(std::string_view line) { return Reader(line).read(); }

OneLineFile::OneLineFile(std::vector<OneLineStage>& stages, std::string_view head) {
  toml_ = "[pipeline]\n";
  toml_ += head;
  lines_.resize(static_cast<std::size_t>(std::count(toml_.begin(), toml_.end(), '\n')));
  std::set<std::string> taken;
  std::string before;
  for (OneLineStage& stage : stages) {
    stage.id = stage.type;
    for (int n = 2; !taken.insert(stage.id).second; ++n) {
      stage.id = stage.type + '_' + std::to_string(n);
    }
    const Line name{stage.at, stage.at};
    add("", name);
    std::string header = "[";
    header.append(kind_name(stage.kind)).append("s.").append(stage.id).append("]");
    add(header, name);
    add("type = " + quoted_toml(stage.type), name);
    if (!before.empty()) add("inputs = [" + quoted_toml(before) + "]", name);
    for (const OneLineSetting& setting : stage.settings) {
      const std::size_t column = setting.name.size() + 4;
      add(setting.name + " = " + setting.toml,
          {setting.name_at, setting.value_at, column, setting.bare});
    }
    before = stage.id;
  }
}

void OneLineFile::add(const std::string& text, Line line) {
  line.begin = toml_.size();
  toml_.append(text).append("\n");
  lines_.push_back(line);
  // A value may have line ends of its own.
  lines_.resize(
      lines_.size() + static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')),
      {line.value_at, line.value_at});
}

std::size_t OneLineFile::bytes_of(const Line& line, std::size_t characters) const {
  std::size_t bytes = 0;
  bool escaped = false;
  std::size_t at = line.begin + line.column - 1;
  for (; characters > 0 && at < toml_.size() && toml_[at] != '\n'; --characters) {
    const char c = toml_[at];
    const bool added = line.bare && !escaped && (c == '"' || c == '\\');
    escaped = added && c == '\\';
    do {
      ++at;
      if (!added) ++bytes;
    } while (flow::is_utf8_continuation(toml_[at]));
  }
  return bytes;
}

std::size_t OneLineFile::position_of(const Place& place) const {
  if (place.line == 0 || place.line > lines_.size()) return 0;
  const Line& line = lines_[place.line - 1];
  if (line.column == 0 || place.column < line.column) return line.at;
  const std::size_t inside = place.column - line.column;
  return line.value_at + bytes_of(line, inside);
}

std::string with_caret(std::string_view line, std::size_t at) {
  std::string text = "  ";
  std::string caret = "  ";
  for (std::size_t i = 0; i < line.size(); ++i) {
    text += line[i] == '\n' || line[i] == '\t' ? ' ' : line[i];
    if (i < at && !flow::is_utf8_continuation(line[i])) caret += ' ';
  }
  return text.append("\n").append(caret).append("^\n");
}

}  // namespace flowrun
