// Rows to feed an operator with, and ways to cut them.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "flow/testing/contract/subject.hpp"

namespace flow::testing::contract {

using Random = std::mt19937_64;

inline int64_t below(Random& random, int64_t limit) {
  return limit <= 0 ? 0 : static_cast<int64_t>(random() % static_cast<uint64_t>(limit));
}

// Every logical type, with one list and one struct.
inline std::vector<Type> generated_types() {
  return {Type::int64(),
          Type::float64(),
          Type::boolean(),
          Type::text(),
          Type::timestamp(),
          Type::category(),
          Type::json(),
          Type::binary(),
          Type::list(Type::text()),
          Type::structure({{"lat", Type::float64()}, {"name", Type::text()}})};
}

inline Cell generated_cell(Random& random, const Type& type) {
  switch (type.id()) {
    case FLOW_BOOL:
      return below(random, 2) == 1;
    case FLOW_INT64:
      return below(random, 10) == 0 ? static_cast<int64_t>(random()) : below(random, 50);
    case FLOW_FLOAT64:
      return static_cast<double>(below(random, 2000) - 1000) / 8;
    case FLOW_TIMESTAMP:
      return int64_t{1'700'000'000'000'000'000} + below(random, 600) * 1'000'000'000;
    case FLOW_JSON: {
      static const char* const kTokens[] = {"1", "-2.5", "true", "\"text\"", "{\"a\":1}", "[1,2]"};
      return kTokens[below(random, 6)];
    }
    case FLOW_LIST: {
      Cell::List items;
      for (int64_t n = below(random, 4); n > 0; --n) {
        items.push_back(generated_cell(random, type.children().front().second));
      }
      return Cell::list(std::move(items));
    }
    case FLOW_STRUCT: {
      Cell::Struct fields;
      for (const auto& [name, child] : type.children()) {
        fields.emplace_back(name, generated_cell(random, child));
      }
      return Cell::structure(std::move(fields));
    }
    default: {
      static const char* const kWords[] = {"",
                                           "a",
                                           "red",
                                           "green",
                                           "caf\u00e9",
                                           "a text longer than that",
                                           "203.0.113.42",
                                           "0",
                                           "-7.25",
                                           "/index.html?q=1"};
      return kWords[below(random, 10)];
    }
  }
}

inline TableColumn generated_column(Random& random, const std::string& name, const Type& type,
                                    int64_t rows, int64_t null_one_in) {
  std::vector<Cell> cells;
  for (int64_t row = 0; row < rows; ++row) {
    cells.push_back(
        null_one_in > 0 && below(random, null_one_in) == 0 ? Cell() : generated_cell(random, type));
  }
  return {name, type, std::move(cells)};
}

// A column of every type, and one of a random type for each name.
inline Table generated_table(Random& random, const std::vector<std::string>& names, int64_t rows) {
  Table table;
  const std::vector<Type> types = generated_types();
  for (const Type& type : types) {
    table.columns.push_back(generated_column(random, "a_" + std::string(type_name(type.id())), type,
                                             rows, below(random, 2) == 0 ? 0 : 5));
  }
  for (const std::string& name : names) {
    if (table.has(name)) continue;
    const Type& type =
        types[static_cast<size_t>(below(random, static_cast<int64_t>(types.size())))];
    table.columns.push_back(generated_column(random, name, type, rows, 5));
  }
  return table;
}

inline Table table_slice(const Table& table, int64_t first, int64_t rows) {
  Table slice;
  for (const TableColumn& column : table.columns) {
    slice.columns.emplace_back(
        column.name, column.type,
        std::vector<Cell>(column.cells.begin() + first, column.cells.begin() + first + rows));
  }
  return slice;
}

// Borders of random pieces of [0, rows): 0 first, `rows` last, now and then an empty piece.
inline std::vector<int64_t> random_cuts(Random& random, int64_t rows) {
  std::vector<int64_t> cuts = {0};
  const int64_t largest = 1 + below(random, rows < 1 ? 1 : rows);
  while (cuts.back() < rows) {
    cuts.push_back(std::min(rows, cuts.back() + below(random, largest + 1)));
    if (cuts.size() > 2 && cuts[cuts.size() - 3] == cuts.back()) ++cuts.back();
    cuts.back() = std::min(rows, cuts.back());
  }
  return cuts;
}

}  // namespace flow::testing::contract
