// Rows as plain values: to make batches from in a test, and to compare results with.
#pragma once

#include <cstddef>
#include <ostream>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "flow/builder.hpp"

namespace flow::testing {

// One value: null, bool, int64 (timestamps too), float64, text (or bytes, JSON tokens, categories),
// a list, or a struct.
class Cell {
 public:
  using List = std::vector<Cell>;
  using Struct = std::vector<std::pair<std::string, Cell>>;

  Cell() = default;
  // NOLINTBEGIN(google-explicit-constructor): a cell is written as its value
  Cell(std::nullptr_t) {}
  Cell(bool value) : value_(value) {}
  Cell(int value) : value_(static_cast<int64_t>(value)) {}
  Cell(int64_t value) : value_(value) {}
  Cell(long long value) : value_(static_cast<int64_t>(value)) {}
  Cell(double value) : value_(value) {}
  Cell(const char* value) : value_(std::string(value)) {}
  Cell(std::string_view value) : value_(std::string(value)) {}
  Cell(std::string value) : value_(std::move(value)) {}
  // NOLINTEND(google-explicit-constructor)
  static Cell list(List items) { return Cell(Value(std::in_place_index<5>, std::move(items))); }
  static Cell structure(Struct fields) {
    return Cell(Value(std::in_place_index<6>, std::move(fields)));
  }

  enum class Kind { kNull, kBoolean, kInteger, kNumber, kText, kList, kStruct };
  Kind kind() const { return static_cast<Kind>(value_.index()); }
  bool is_null() const { return value_.index() == 0; }
  bool boolean() const { return std::get<1>(value_); }
  int64_t integer() const { return std::get<2>(value_); }
  double number() const {
    return value_.index() == 2 ? static_cast<double>(std::get<2>(value_)) : std::get<3>(value_);
  }
  const std::string& text() const { return std::get<4>(value_); }
  const List& items() const { return std::get<5>(value_); }
  const Struct& fields() const { return std::get<6>(value_); }
  // The type that a column of such cells has unless it says otherwise; throws for null.
  Type natural_type() const {
    switch (value_.index()) {
      case 1:
        return Type::boolean();
      case 2:
        return Type::int64();
      case 3:
        return Type::float64();
      case 4:
        return Type::text();
      case 5:
        if (items().empty()) throw std::invalid_argument("an empty list has no type");
        return Type::list(items().front().natural_type());
      case 6: {
        std::vector<std::pair<std::string, Type>> types;
        for (const auto& [name, cell] : fields()) types.emplace_back(name, cell.natural_type());
        return Type::structure(std::move(types));
      }
      default:
        throw std::invalid_argument("null has no type: name the column's");
    }
  }

  bool operator==(const Cell& other) const { return value_ == other.value_; }
  friend std::ostream& operator<<(std::ostream& out, const Cell& cell) {
    switch (cell.value_.index()) {
      case 0:
        return out << "null";
      case 1:
        return out << (cell.boolean() ? "true" : "false");
      case 2:
        return out << cell.integer();
      case 3:
        return out << cell.number();
      case 4:
        return out << '"' << cell.text() << '"';
      case 5: {
        out << '[';
        for (size_t i = 0; i < cell.items().size(); ++i) {
          out << (i > 0 ? ", " : "") << cell.items()[i];
        }
        return out << ']';
      }
      default: {
        out << '{';
        for (size_t i = 0; i < cell.fields().size(); ++i) {
          out << (i > 0 ? ", " : "") << cell.fields()[i].first << ": " << cell.fields()[i].second;
        }
        return out << '}';
      }
    }
  }

 private:
  struct Null {
    bool operator==(const Null&) const { return true; }
  };
  using Value = std::variant<Null, bool, int64_t, double, std::string, List, Struct>;
  explicit Cell(Value value) : value_(std::move(value)) {}
  Value value_;
};

// A named column of cells. The type may be left out where a cell says it.
struct TableColumn {
  TableColumn(std::string column_name, std::vector<Cell> column_cells)
      : name(std::move(column_name)), type(guess(column_cells)), cells(std::move(column_cells)) {}
  TableColumn(std::string column_name, Type column_type, std::vector<Cell> column_cells)
      : name(std::move(column_name)),
        type(std::move(column_type)),
        cells(std::move(column_cells)) {}

  // Names and cells; text and category are the same here.
  bool operator==(const TableColumn& other) const {
    return name == other.name && cells == other.cells;
  }

  std::string name;
  Type type;
  std::vector<Cell> cells;

 private:
  static Type guess(const std::vector<Cell>& cells) {
    for (const Cell& cell : cells) {
      if (!cell.is_null()) return cell.natural_type();
    }
    return Type::text();
  }
};

struct Table {
  Table() = default;
  Table(std::initializer_list<TableColumn> list) : columns(list) {}

  int64_t rows() const {
    return columns.empty() ? 0 : static_cast<int64_t>(columns.front().cells.size());
  }
  // The named column's cells; throws std::out_of_range.
  const std::vector<Cell>& operator[](std::string_view name) const {
    for (const TableColumn& column : columns) {
      if (column.name == name) return column.cells;
    }
    throw std::out_of_range("no column '" + std::string(name) + "'");
  }
  bool has(std::string_view name) const {
    for (const TableColumn& column : columns) {
      if (column.name == name) return true;
    }
    return false;
  }
  // Adds the other's rows below; columns are matched by name, missing ones filled with null.
  void append(const Table& other) {
    const auto before = static_cast<size_t>(rows());
    const auto added = static_cast<size_t>(other.rows());
    for (const TableColumn& column : other.columns) {
      if (!has(column.name)) {
        columns.emplace_back(column.name, column.type, std::vector<Cell>(before));
      }
    }
    for (TableColumn& column : columns) {
      if (other.has(column.name)) {
        const auto& cells = other[column.name];
        column.cells.insert(column.cells.end(), cells.begin(), cells.end());
      } else {
        column.cells.resize(before + added);
      }
    }
  }
  bool operator==(const Table& other) const { return columns == other.columns; }
  friend std::ostream& operator<<(std::ostream& out, const Table& table) {
    for (const TableColumn& column : table.columns) {
      out << column.name << ':';
      for (const Cell& cell : column.cells) out << ' ' << cell;
      out << '\n';
    }
    return out;
  }

  std::vector<TableColumn> columns;
};

// A column of `type` from cells.
inline Column make_column(Host host, const Type& type, const std::vector<Cell>& cells) {
  const auto rows = static_cast<int64_t>(cells.size());
  const auto fill = [&](auto builder, auto value) {
    for (const Cell& cell : cells) {
      if (cell.is_null()) {
        builder.append_null();
      } else {
        builder.append(value(cell));
      }
    }
    return builder.finish();
  };
  const auto text = [](const Cell& cell) -> std::string_view { return cell.text(); };
  switch (type.id()) {
    case FLOW_BOOL:
      return fill(BoolBuilder(host, rows), [](const Cell& cell) { return cell.boolean(); });
    case FLOW_INT64:
      return fill(Int64Builder(host, rows), [](const Cell& cell) { return cell.integer(); });
    case FLOW_TIMESTAMP:
      return fill(TimestampBuilder(host, rows), [](const Cell& cell) { return cell.integer(); });
    case FLOW_FLOAT64:
      return fill(Float64Builder(host, rows), [](const Cell& cell) { return cell.number(); });
    case FLOW_CATEGORY: {
      std::vector<Cell> distinct;
      std::vector<int32_t> codes;
      for (const Cell& cell : cells) {
        size_t code = 0;
        while (code < distinct.size() && !(distinct[code] == cell)) ++code;
        if (code == distinct.size() && !cell.is_null()) distinct.push_back(cell);
        codes.push_back(static_cast<int32_t>(code));
      }
      CategoryBuilder builder(host, rows, make_column(host, Type::text(), distinct));
      for (size_t i = 0; i < cells.size(); ++i) {
        if (cells[i].is_null()) {
          builder.append_null();
        } else {
          builder.append(codes[i]);
        }
      }
      return builder.finish();
    }
    case FLOW_STRUCT: {
      StructBuilder builder(host, rows);
      for (size_t i = 0; i < cells.size(); ++i) {
        if (cells[i].is_null()) builder.set_null(static_cast<int64_t>(i));
      }
      for (const auto& [name, child_type] : type.children()) {
        std::vector<Cell> child;
        for (const Cell& cell : cells) {
          child.emplace_back();
          if (cell.is_null()) continue;
          for (const auto& [field, value] : cell.fields()) {
            if (field == name) child.back() = value;
          }
        }
        builder.add(make_column(host, child_type, child));
      }
      return builder.finish();
    }
    case FLOW_LIST: {
      ListBuilder builder(host, rows);
      std::vector<Cell> elements;
      for (const Cell& cell : cells) {
        if (cell.is_null()) {
          builder.append_null();
          continue;
        }
        elements.insert(elements.end(), cell.items().begin(), cell.items().end());
        builder.append(static_cast<int64_t>(elements.size()));
      }
      return builder.finish(make_column(host, type.children().front().second, elements));
    }
    default:
      return fill(TextBuilder(host, rows, type.id()), text);
  }
}

// Row `row` of a column as a cell.
inline Cell read_cell(const flow_column& column, const flow_field& field, int64_t row) {
  if (Validity(column).is_null(row)) return nullptr;
  switch (column.type) {
    case FLOW_BOOL:
      return BoolView(column)[row];
    case FLOW_INT64:
    case FLOW_TIMESTAMP:
      return Int64View(column)[row];
    case FLOW_FLOAT64:
      return Float64View(column)[row];
    case FLOW_CATEGORY:
      return CategoryView(column)[row];
    case FLOW_STRUCT: {
      Cell::Struct fields;
      for (uint32_t i = 0; i < field.n_children; ++i) {
        fields.emplace_back(field.children[i]->name,
                            read_cell(*column.children[i], *field.children[i], row));
      }
      return Cell::structure(std::move(fields));
    }
    case FLOW_LIST: {
      const ListView list(column);
      Cell::List items;
      for (int64_t at = list.begin(row); at < list.end(row); ++at) {
        items.push_back(read_cell(list.elements(), *field.children[0], at));
      }
      return Cell::list(std::move(items));
    }
    default:
      return TextView(column)[row];
  }
}

inline Table read_table(const Batch& batch) {
  Table table;
  for (uint32_t i = 0; i < batch.column_count(); ++i) {
    const flow_field& field = *batch.schema().fields[i];
    std::vector<Cell> cells;
    for (int64_t row = 0; row < batch.rows(); ++row) {
      cells.push_back(read_cell(batch.column(i), field, row));
    }
    table.columns.emplace_back(field.name, Type::of(field), std::move(cells));
  }
  return table;
}

}  // namespace flow::testing
