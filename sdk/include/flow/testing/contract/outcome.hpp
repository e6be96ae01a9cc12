// What came of one run, in a form that two runs can be compared in.
#pragma once

#include <algorithm>
#include <cstdio>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "flow/testing/contract/arrow_check.hpp"
#include "flow/testing/host.hpp"

namespace flow::testing::contract {

// A cell with every digit; texts and categories look the same.
inline std::string rendered(const Cell& cell) {
  std::string text;
  std::string_view separator;
  switch (cell.kind()) {
    case Cell::Kind::kNull:
      return "null";
    case Cell::Kind::kBoolean:
      return cell.boolean() ? "true" : "false";
    case Cell::Kind::kInteger:
      return std::to_string(cell.integer());
    case Cell::Kind::kNumber: {
      char digits[40];
      std::snprintf(digits, sizeof digits, "%.17g", cell.number());
      return digits;
    }
    case Cell::Kind::kText:
      return '"' + cell.text() + '"';
    case Cell::Kind::kList:
      for (const Cell& item : cell.items()) {
        text.append(separator).append(rendered(item));
        separator = ", ";
      }
      return '[' + text + ']';
    case Cell::Kind::kStruct:
      for (const auto& [name, item] : cell.fields()) {
        if (item.is_null()) continue;
        text.append(separator).append(name + ": " + rendered(item));
        separator = ", ";
      }
      return '{' + text + '}';
  }
  return text;
}

// Row `row` as "name: value, ..."; nulls are left out, as null and absent are one thing.
inline std::string rendered_row(const flow_batch& batch, int64_t row) {
  std::string text;
  for (uint32_t i = 0; i < batch.schema->n_fields; ++i) {
    const flow_field& field = *batch.schema->fields[i];
    const Cell cell = read_cell(*batch.columns[i], field, row);
    if (cell.is_null()) continue;
    text += (text.empty() ? "" : ", ") + std::string(field.name) + ": " + rendered(cell);
  }
  return text;
}

struct Outcome {
  std::vector<std::vector<std::string>> rows;  // by port, in order
  std::vector<std::string> failed;             // reason and record, in order
  std::map<std::string, int64_t> dropped;
  int64_t absorbed = 0;
  int64_t late = 0;
  int64_t created = 0;

  // The first difference in words, or "". Unordered: rows of a port in any order.
  std::string difference(Outcome expected, bool ordered) const {
    Outcome self = *this;
    self.rows.resize(std::max(self.rows.size(), expected.rows.size()));
    expected.rows.resize(self.rows.size());
    for (size_t port = 0; port < self.rows.size(); ++port) {
      const std::string found = list_difference(self.rows[port], expected.rows[port], ordered);
      if (!found.empty()) return "port " + std::to_string(port) + ": " + found;
    }
    const std::string found = list_difference(self.failed, expected.failed, ordered);
    if (!found.empty()) return "failed rows: " + found;
    if (dropped != expected.dropped) return "another number of rows was dropped";
    if (absorbed != expected.absorbed) return number("absorbed", absorbed, expected.absorbed);
    if (late != expected.late) return number("late", late, expected.late);
    if (created != expected.created) return number("created", created, expected.created);
    return "";
  }

 private:
  static std::string number(const char* what, int64_t got, int64_t expected) {
    return std::to_string(got) + " rows were " + what + " instead of " + std::to_string(expected);
  }
  static std::string brief(const std::string& row) {
    return '{' + (row.size() <= 300 ? row : row.substr(0, 300) + "...") + '}';
  }
  static std::string list_difference(std::vector<std::string>& got,
                                     std::vector<std::string>& expected, bool ordered) {
    if (!ordered) {
      std::sort(got.begin(), got.end());
      std::sort(expected.begin(), expected.end());
    }
    const size_t common = std::min(got.size(), expected.size());
    for (size_t i = 0; i < common; ++i) {
      if (got[i] != expected[i]) {
        return "row " + std::to_string(i) + " is " + brief(got[i]) + " instead of " +
               brief(expected[i]);
      }
    }
    if (got.size() != expected.size()) {
      return std::to_string(got.size()) + " rows instead of " + std::to_string(expected.size()) +
             (got.size() < expected.size() ? "; missing: " + brief(expected[common])
                                           : "; not expected: " + brief(got[common]));
    }
    return "";
  }
};

}  // namespace flow::testing::contract
