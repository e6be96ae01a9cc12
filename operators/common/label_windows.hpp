// Files that say when something was wrong in which series.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "operators/common/nab_score.hpp"

namespace flow::operators {

struct LabelWindow {
  std::string kind;  // "" if the file says none
  TimeWindow time;
};
struct SeriesLabels {
  std::string series;
  std::vector<LabelWindow> windows;  // ascending
};

// The labels of all series, in the order of the file: JSON as NAB's combined_windows.json,
// {"series": [["start", "end"], ...]}, if the first character is '{'; else CSV with the columns
// series, start, end and perhaps kind, in any order, named by its first line. Times as
// 2014-04-10T07:15:00Z, or with a space and without a zone, then UTC. Throws Failure with the line
// and the remedy.
std::vector<SeriesLabels> parse_label_windows(std::string_view text);

// Reads a file, at most 64 MiB. Throws Failure naming it.
std::vector<SeriesLabels> read_label_windows(const std::string& path);

// Whether labels of `labelled` are for `series`: the names are equal, or one ends with the other
// behind a slash.
bool names_same_series(std::string_view labelled, std::string_view series);

}  // namespace flow::operators
