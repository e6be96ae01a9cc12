#include "operators/common/stored_rows.hpp"

#include <cstring>
#include <optional>

namespace flow::operators {
namespace {

constexpr char kNull = '\0';
constexpr char kPresent = '\1';

void put_length(std::string& bytes, size_t length) {
  const auto number = static_cast<uint32_t>(length);
  bytes.append(reinterpret_cast<const char*>(&number), sizeof number);
}
uint32_t take_length(const char*& at) {
  uint32_t length;
  std::memcpy(&length, at, sizeof length);
  at += sizeof length;
  return length;
}

void encode_type(const Type& type, std::string& bytes);

void encode_list(const Fields& fields, std::string& bytes) {
  put_length(bytes, fields.size());
  for (const auto& [name, type] : fields) {
    put_length(bytes, name.size());
    bytes += name;
    encode_type(type, bytes);
  }
}
void encode_type(const Type& type, std::string& bytes) {
  bytes += static_cast<char>(type.id());
  if (type.id() == FLOW_STRUCT || type.id() == FLOW_LIST) encode_list(type.children(), bytes);
}

// Bytes of encode_fields from the front.
class FieldsReader {
 public:
  explicit FieldsReader(std::string_view bytes) : bytes_(bytes) {}

  Fields list() {
    Fields fields;
    for (uint32_t left = number(); left > 0; --left) {
      const uint32_t length = number();
      std::string name(take(length));
      Type type = this->type();
      fields.emplace_back(std::move(name), std::move(type));
    }
    return fields;
  }
  bool at_end() const { return bytes_.empty(); }

 private:
  std::string_view take(size_t length) {
    if (length > bytes_.size()) throw Failure("stored columns are cut off");
    const std::string_view taken = bytes_.substr(0, length);
    bytes_.remove_prefix(length);
    return taken;
  }
  uint32_t number() {
    const char* at = take(sizeof(uint32_t)).data();
    return take_length(at);
  }
  Type type() {
    const auto id = static_cast<flow_type>(take(1).front());
    if (id == FLOW_STRUCT) return Type::structure(list());
    if (id != FLOW_LIST) return Type::of(id);
    Fields element = list();
    if (element.size() != 1) throw Failure("a stored list has not one type");
    return Type::list(std::move(element.front().second));
  }

  std::string_view bytes_;
};

template <class T>
void put_present(T value, std::string& bytes) {
  char cell[1 + sizeof value];
  cell[0] = kPresent;
  std::memcpy(cell + 1, &value, sizeof value);
  bytes.append(cell, sizeof cell);
}

}  // namespace

Type stored_type(const Type& type) {
  switch (type.id()) {
    case FLOW_CATEGORY:
      return Type::text();
    case FLOW_LIST:
      return Type::list(stored_type(type.children().front().second));
    case FLOW_STRUCT: {
      Fields fields;
      for (const auto& [name, child] : type.children()) {
        fields.emplace_back(name, stored_type(child));
      }
      return Type::structure(std::move(fields));
    }
    default:
      return type;
  }
}

std::string encode_fields(const Fields& fields) {
  std::string bytes;
  encode_list(fields, bytes);
  return bytes;
}

Fields decode_fields(std::string_view bytes) {
  FieldsReader reader(bytes);
  Fields fields = reader.list();
  if (!reader.at_end()) throw Failure("there is more than stored columns");
  return fields;
}

RowWriter::Cell RowWriter::cell_of(const flow_column* column) {
  Cell cell;
  if (column == nullptr) return cell;
  cell.type = column->type;
  cell.validity = Validity(*column);
  cell.column = column;
  for (int64_t i = 0; i < column->n_children; ++i) {
    cell.children.push_back(cell_of(column->children[i]));
  }
  return cell;
}

void RowWriter::bind(std::span<const flow_column* const> columns) {
  cells_.clear();
  for (const flow_column* column : columns) cells_.push_back(cell_of(column));
}

void RowWriter::append(int64_t row, std::string& bytes) const {
  for (const Cell& cell : cells_) append(cell, row, bytes);
}

void RowWriter::append(const Cell& cell, int64_t row, std::string& bytes) {
  if (cell.column == nullptr || cell.validity.is_null(row)) {
    bytes += kNull;
    return;
  }
  switch (cell.type) {
    case FLOW_BOOL:
      bytes += kPresent;
      bytes += BoolView(*cell.column)[row] ? '\1' : '\0';
      return;
    case FLOW_INT64:
    case FLOW_TIMESTAMP:
    case FLOW_FLOAT64:
      put_present(Int64View(*cell.column)[row], bytes);
      return;
    case FLOW_STRUCT:
      bytes += kPresent;
      for (const Cell& child : cell.children) append(child, row, bytes);
      return;
    case FLOW_LIST: {
      const ListView list(*cell.column);
      put_present(static_cast<uint32_t>(list.end(row) - list.begin(row)), bytes);
      for (int64_t at = list.begin(row); at < list.end(row); ++at) {
        append(cell.children.front(), at, bytes);
      }
      return;
    }
    default: {
      const std::string_view text = AnyTextView(*cell.column)[row];
      put_present(static_cast<uint32_t>(text.size()), bytes);
      bytes += text;
    }
  }
}

StoredColumn::StoredColumn(const Type& type) : type_(type), plain_(type.id()) {
  for (const auto& [name, child] : type.children()) children_.emplace_back(child);
}

void StoredColumn::append_null() {
  if (type_.id() != FLOW_STRUCT && type_.id() != FLOW_LIST) {
    plain_.append_null();
    return;
  }
  nulls_.push_back(rows_++);
  if (type_.id() == FLOW_LIST) {
    ends_.push_back(ends_.empty() ? 0 : ends_.back());
    return;
  }
  for (StoredColumn& child : children_) child.append_null();
}

const char* StoredColumn::append(const char* at) {
  if (*at++ == kNull) {
    append_null();
    return at;
  }
  switch (type_.id()) {
    case FLOW_BOOL:
      plain_.append(*at != 0 ? 1 : 0);
      return at + 1;
    case FLOW_INT64:
    case FLOW_TIMESTAMP:
    case FLOW_FLOAT64: {
      uint64_t word;
      std::memcpy(&word, at, sizeof word);
      plain_.append(word);
      return at + sizeof word;
    }
    case FLOW_STRUCT:
      ++rows_;
      for (StoredColumn& child : children_) at = child.append(at);
      return at;
    case FLOW_LIST: {
      const uint32_t elements = take_length(at);
      for (uint32_t i = 0; i < elements; ++i) at = children_.front().append(at);
      ends_.push_back((ends_.empty() ? 0 : ends_.back()) + elements);
      ++rows_;
      return at;
    }
    default: {
      const uint32_t length = take_length(at);
      plain_.append_text({at, length});
      return at + length;
    }
  }
}

TypedColumn StoredColumn::take(Host host) {
  if (type_.id() != FLOW_STRUCT && type_.id() != FLOW_LIST) return plain_.take(host);
  Column column;
  if (type_.id() == FLOW_STRUCT) {
    StructBuilder builder(host, rows_);
    for (StoredColumn& child : children_) builder.add(child.take(host).column);
    for (const int64_t row : nulls_) builder.set_null(row);
    column = builder.finish();
  } else {
    ListBuilder builder(host, rows_);
    size_t null = 0;
    for (int64_t row = 0; row < rows_; ++row) {
      if (null < nulls_.size() && nulls_[null] == row) {
        builder.append_null();
        ++null;
      } else {
        builder.append(ends_[static_cast<size_t>(row)]);
      }
    }
    column = builder.finish(children_.front().take(host).column);
  }
  rows_ = 0;
  nulls_.clear();
  ends_.clear();
  return {column, type_};
}

}  // namespace flow::operators
