#include "operators/common/label_windows.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>

#include "flow/host.hpp"
#include "operators/common/rfc3339.hpp"

namespace flow::operators {
namespace {

using ByName = std::map<std::string, std::vector<LabelWindow>, std::less<>>;

std::string at_line(size_t line) { return "line " + std::to_string(line) + ": "; }

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r";
  const size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

int64_t time_of(std::string_view text, size_t line) {
  if (const auto time = parse_rfc3339(text)) return *time;
  if (const auto time = parse_rfc3339(std::string(text) + 'Z')) return *time;
  throw Failure(at_line(line) + "'" + std::string(text.substr(0, 60)) +
                "' is no time: write it as 2014-04-10 07:15:00");
}

LabelWindow window_of(std::string_view start, std::string_view end, std::string_view kind,
                      size_t line) {
  LabelWindow window{std::string(kind), {time_of(start, line), time_of(end, line)}};
  if (window.time.end < window.time.start) {
    throw Failure(at_line(line) + "the window ends before it starts");
  }
  return window;
}

// Just what NAB's files are made of: objects, lists and strings without escapes but \" \\ and \/.
class NabReader {
 public:
  explicit NabReader(std::string_view text) : text_(text) {}
  void read(std::vector<std::string>& order, ByName& series) {
    expect('{');
    if (!accept('}')) {
      do {
        const std::string name = string();
        expect(':');
        if (series.count(name) == 0) order.push_back(name);
        read_windows(series[name]);
      } while (accept(','));
      expect('}');
    }
    skip_space();
    if (at_ < text_.size()) fail("the end of the file");
  }

 private:
  void read_windows(std::vector<LabelWindow>& windows) {
    expect('[');
    if (accept(']')) return;
    do {
      expect('[');
      const std::string start = string();
      expect(',');
      const std::string end = string();
      expect(']');
      windows.push_back(window_of(start, end, "", line_));
    } while (accept(','));
    expect(']');
  }
  void skip_space() {
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '\n') ++line_;
      if (c != ' ' && c != '\t' && c != '\r' && c != '\n') return;
    }
  }
  bool accept(char wanted) {
    skip_space();
    if (at_ >= text_.size() || text_[at_] != wanted) return false;
    ++at_;
    return true;
  }
  void expect(char wanted) {
    if (!accept(wanted)) fail(std::string("'") + wanted + "'");
  }
  [[noreturn]] void fail(const std::string& wanted) const {
    throw Failure(at_line(line_) + wanted +
                  R"( is expected: labels are {"series": [["start", "end"], ...], ...})");
  }
  std::string string() {
    expect('"');
    std::string value;
    for (; at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\n'; ++at_) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) {
        ++at_;
        if (text_[at_] != '"' && text_[at_] != '\\' && text_[at_] != '/') {
          fail(R"(one of \" \\ \/)");
        }
      }
      value += text_[at_];
    }
    if (at_ >= text_.size() || text_[at_] != '"') fail("the string's closing quote");
    ++at_;
    return value;
  }

  std::string_view text_;
  size_t at_ = 0;
  size_t line_ = 1;
};

std::vector<std::string_view> cells_of(std::string_view line) {
  std::vector<std::string_view> cells;
  while (true) {
    const size_t comma = line.find(',');
    std::string_view cell = trimmed(line.substr(0, comma));
    if (cell.size() >= 2 && cell.front() == '"' && cell.back() == '"') {
      cell = cell.substr(1, cell.size() - 2);
    }
    cells.push_back(cell);
    if (comma == std::string_view::npos) return cells;
    line.remove_prefix(comma + 1);
  }
}

void read_csv(std::string_view text, std::vector<std::string>& order, ByName& series) {
  constexpr std::array<std::string_view, 4> kColumns = {"series", "start", "end", "kind"};
  std::array<std::optional<size_t>, kColumns.size()> places;
  bool has_names = false;
  for (size_t line = 1; !text.empty(); ++line) {
    const size_t end = text.find('\n');
    const std::string_view row = trimmed(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (row.empty()) continue;
    const std::vector<std::string_view> cells = cells_of(row);
    if (!has_names) {
      has_names = true;
      for (size_t i = 0; i < kColumns.size(); ++i) {
        const auto found = std::find(cells.begin(), cells.end(), kColumns[i]);
        if (found != cells.end()) places[i] = static_cast<size_t>(found - cells.begin());
      }
      if (places[0] && places[1] && places[2]) continue;
      throw Failure(at_line(line) +
                    "labels begin with the names of their columns: series,start,end[,kind]");
    }
    const auto cell = [&](size_t column) -> std::string_view {
      return places[column] && *places[column] < cells.size() ? cells[*places[column]]
                                                              : std::string_view();
    };
    if (cells.size() <= std::max({*places[0], *places[1], *places[2]})) {
      throw Failure(at_line(line) + "a series, a start and an end are needed");
    }
    const std::string name(cell(0));
    if (series.count(name) == 0) order.push_back(name);
    series[name].push_back(window_of(cell(1), cell(2), cell(3), line));
  }
  if (!has_names) throw Failure("the labels are empty");
}

}  // namespace

std::vector<SeriesLabels> parse_label_windows(std::string_view text) {
  std::vector<std::string> order;
  ByName series;
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && text[first] == '{') {
    NabReader(text).read(order, series);
  } else {
    read_csv(text, order, series);
  }
  std::vector<SeriesLabels> labels;
  for (const std::string& name : order) {
    std::vector<LabelWindow>& windows = series[name];
    std::stable_sort(
        windows.begin(), windows.end(),
        [](const LabelWindow& a, const LabelWindow& b) { return a.time.start < b.time.start; });
    labels.push_back({name, std::move(windows)});
  }
  return labels;
}

std::vector<SeriesLabels> read_label_windows(const std::string& path) {
  constexpr std::streamoff kLargest = std::streamoff{64} << 20;
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) throw Failure("labels: '" + path + "' cannot be read");
  if (file.tellg() > kLargest) throw Failure("labels: '" + path + "' is larger than 64 MiB");
  file.seekg(0);
  std::ostringstream text;
  text << file.rdbuf();
  try {
    return parse_label_windows(text.str());
  } catch (const Failure& failure) {
    throw Failure("labels: '" + path + "': " + failure.what());
  }
}

bool names_same_series(std::string_view labelled, std::string_view series) {
  const auto ends_with = [](std::string_view whole, std::string_view end) {
    return !end.empty() && whole.size() > end.size() &&
           whole.substr(whole.size() - end.size()) == end &&
           whole[whole.size() - end.size() - 1] == '/';
  };
  return labelled == series || ends_with(labelled, series) || ends_with(series, labelled);
}

}  // namespace flow::operators
