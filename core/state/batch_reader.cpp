// read_batch, which takes any bytes.
#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "core/state/batch_bytes.hpp"
#include "core/state/byte_order.hpp"
#include "flow/host/batch.hpp"
#include "flow/utf8.hpp"

namespace flowrun {
namespace {

using HostBuffer = flow::host::Buffer;
using HostColumn = flow::host::Column;
using BufferReference = flow::Reference<flow_buffer>;
using ColumnReference = flow::Reference<const flow_column>;

constexpr int kDeepest = 32;
// A batch of fields without bytes could claim any number of rows.
constexpr std::int64_t kMostRows = std::int64_t{1} << 31;

void require(bool holds, const char* what) {
  if (!holds) throw BatchBytesError(what);
}

// A field as the schema's interning wants it.
struct ReadField {
  flow_field field{};
  std::string name;
  std::vector<std::unique_ptr<ReadField>> children;
  std::vector<const flow_field*> pointers;
};

class Reader {
 public:
  Reader(flow::host::MemoryAccount& account, std::string_view bytes)
      : account_(account), in_(bytes) {}

  flow::Batch batch() {
    require(in_.get<std::uint8_t>() == kBatchFormat, "is no batch of this format");
    const auto rows = in_.get<std::int64_t>();
    require(rows >= 0 && rows < kMostRows, "has an impossible number of rows");
    const auto n_fields = in_.get<std::uint32_t>();
    require(in_.good() && n_fields <= in_.left() / kFieldBytes, "has fewer bytes than fields");
    std::vector<std::unique_ptr<ReadField>> fields;
    std::vector<const flow_field*> pointers;
    for (std::uint32_t i = 0; i < n_fields; ++i) {
      fields.push_back(field(0));
      pointers.push_back(&fields.back()->field);
    }
    const auto schema = flow::Reference<const flow_schema>::adopt(
        flow::host::Schema::intern(pointers.data(), n_fields));
    require(static_cast<bool>(schema), "has two fields of one name");

    flow_origin origin{};
    origin.size = sizeof origin;
    const std::string source = name(origin.source);
    const std::string partition = name(origin.partition);
    if (origin.source != nullptr) origin.source = source.c_str();
    if (origin.partition != nullptr) origin.partition = partition.c_str();
    const ColumnReference position = origin_column(FLOW_INT64, rows);
    const ColumnReference record = origin_column(FLOW_BINARY, rows);
    const ColumnReference event_time = origin_column(FLOW_TIMESTAMP, rows);
    const ColumnReference watermark = origin_column(FLOW_TIMESTAMP, rows);
    require(static_cast<bool>(event_time) == static_cast<bool>(watermark),
            "has event times or watermarks, not both");
    origin.position = position.get();
    origin.record = record.get();
    origin.event_time = event_time.get();
    origin.watermark = watermark.get();

    std::vector<ColumnReference> columns;
    std::vector<const flow_column*> borrowed;
    for (const flow_field* one : pointers) {
      columns.push_back(column(*one, rows));
      borrowed.push_back(columns.back().get());
    }
    require(in_.good() && in_.left() == 0, "does not end where it should");
    return flow::Batch(flow::Reference<const flow_batch>::adopt(
        flow::host::Batch::make(account_, schema.get(), rows, borrowed.data(), &origin)));
  }

 private:
  static constexpr std::size_t kFieldBytes = 9;  // at least: type, length of the name, children

  std::unique_ptr<ReadField> field(int depth) {
    require(depth < kDeepest, "has fields too deep inside each other");
    auto read = std::make_unique<ReadField>();
    read->field.size = sizeof(flow_field);
    read->field.type = in_.get<std::uint8_t>();
    require(flow::host::arrow_format(read->field.type) != nullptr, "has a field of no known type");
    read->name = in_.text();
    require(read->name.find('\0') == std::string::npos, "has a zero in a name");
    read->field.name = read->name.c_str();
    const auto n_children = in_.get<std::uint32_t>();
    require(in_.good() && n_children <= in_.left() / kFieldBytes, "has fewer bytes than fields");
    const bool nested = read->field.type == FLOW_STRUCT;
    require(nested || n_children == (read->field.type == FLOW_LIST ? 1U : 0U),
            "has a field with children that it cannot have");
    for (std::uint32_t i = 0; i < n_children; ++i) {
      read->children.push_back(field(depth + 1));
      read->pointers.push_back(&read->children.back()->field);
    }
    read->field.children = read->pointers.data();
    read->field.n_children = n_children;
    return read;
  }
  // Sets `there` to something if there is a name.
  std::string name(const char*& there) {
    if (!flag()) return {};
    there = "";
    std::string text(in_.text());
    require(text.find('\0') == std::string::npos, "has a zero in a name");
    return text;
  }
  bool flag() {
    const auto value = in_.get<std::uint8_t>();
    require(in_.good() && value <= 1, "has a mark that is neither yes nor no");
    return value == 1;
  }

  BufferReference buffer(std::uint64_t bytes) {
    return BufferReference::adopt(HostBuffer::allocate(account_, static_cast<std::int64_t>(bytes)));
  }
  // Copies so many bytes as they lie.
  BufferReference copied(std::uint64_t bytes) {
    const std::string_view from = in_.take(bytes);
    require(in_.good(), "ends inside a column");
    BufferReference made = buffer(bytes);
    if (!from.empty()) std::memcpy(made->data, from.data(), from.size());
    return made;
  }
  ColumnReference origin_column(flow_type type, std::int64_t rows) {
    if (!flag()) return {};
    flow_field field{};
    field.type = type;
    ColumnReference made = column(field, rows);
    require(type != FLOW_TIMESTAMP || made->array->null_count == 0, "has a row without a time");
    return made;
  }

  ColumnReference column(const flow_field& field, std::int64_t rows) {
    const auto count = static_cast<std::uint64_t>(rows);
    BufferReference validity, values, data;
    std::vector<ColumnReference> children;
    ColumnReference dictionary;
    if (flag()) validity = copied((count + 7) / 8);
    switch (field.type) {
      case FLOW_BOOL:
        values = copied((count + 7) / 8);
        break;
      case FLOW_TEXT:
      case FLOW_BINARY:
      case FLOW_JSON:
        texts(field.type, count, validity.get(), values, data);
        break;
      case FLOW_CATEGORY:
        values = copied(count * sizeof(std::int32_t));
        dictionary = read_dictionary();
        check_codes(values.get(), validity.get(), rows, dictionary->array->length);
        break;
      case FLOW_STRUCT:
        for (std::uint32_t i = 0; i < field.n_children; ++i) {
          children.push_back(column(*field.children[i], rows));
          check_nulls_inside(validity.get(), *children.back(), rows);
        }
        break;
      case FLOW_LIST:
        values = copied((count + 1) * sizeof(std::int32_t));
        children.push_back(column(*field.children[0], elements(values.get(), rows)));
        break;
      default:
        values = copied(count * sizeof(std::int64_t));
    }
    std::vector<const flow_column*> borrowed;
    borrowed.reserve(children.size());
    for (const ColumnReference& child : children) borrowed.push_back(child.get());
    flow_buffer* const data_pointer = data.get();
    return ColumnReference::adopt(
        HostColumn::make(account_, {.size = sizeof(flow_column_parts),
                                    .type = field.type,
                                    .rows = rows,
                                    .null_count = -1,
                                    .validity = validity.get(),
                                    .values = values.get(),
                                    .data = &data_pointer,
                                    .n_data = data ? 1 : 0,
                                    .children = borrowed.data(),
                                    .n_children = static_cast<std::int64_t>(borrowed.size()),
                                    .dictionary = dictionary.get()}));
  }

  void texts(flow_type type, std::uint64_t count, const flow_buffer* validity,
             BufferReference& values, BufferReference& data) {
    const std::string_view lengths = in_.take(count * sizeof(std::uint32_t));
    require(in_.good(), "ends inside a column");
    std::uint64_t total = 0;
    const auto length_of = [&](std::uint64_t row) {
      std::uint32_t length = 0;
      std::memcpy(&length, lengths.data() + row * sizeof length, sizeof length);
      return length;
    };
    for (std::uint64_t row = 0; row < count; ++row) total += length_of(row);
    require(total <= static_cast<std::uint64_t>(std::numeric_limits<std::int32_t>::max()),
            "has a column with too much text");
    const std::string_view bytes = in_.take(total);
    require(in_.good(), "ends inside a column");
    values = buffer(count * sizeof(flow_view));
    data = buffer(total);
    if (total > 0) std::memcpy(data->data, bytes.data(), bytes.size());
    const bool utf8 = type != FLOW_BINARY;
    require(!utf8 || flow::is_valid_utf8(bytes), "has text that is not UTF-8");
    auto* views = static_cast<flow_view*>(values->data);
    std::size_t at = 0;
    for (std::uint64_t row = 0; row < count; ++row) {
      const std::uint32_t length = length_of(row);
      const bool null =
          validity != nullptr && !flow::host::bit(validity->data, static_cast<std::int64_t>(row));
      require(!null || length == 0, "has a null with a value");
      // A character that is cut in two is valid only together.
      require(!utf8 || at == bytes.size() || !flow::is_utf8_continuation(bytes[at]),
              "has text that is not UTF-8");
      views[row] = view_of(bytes.substr(at, length), at);
      at += length;
    }
  }
  static flow_view view_of(std::string_view text, std::size_t at) {
    flow_view view{};
    view.length = static_cast<std::int32_t>(text.size());
    if (text.size() <= FLOW_VIEW_INLINE) {
      auto* inside = reinterpret_cast<char*>(&view) + offsetof(flow_view, prefix);
      if (!text.empty()) std::memcpy(inside, text.data(), text.size());
    } else {
      std::memcpy(view.prefix, text.data(), sizeof view.prefix);
      view.offset = static_cast<std::int32_t>(at);
    }
    return view;
  }

  ColumnReference read_dictionary() {
    const auto length = in_.get<std::uint32_t>();
    require(in_.good() && length <= in_.left() / sizeof(std::uint32_t),
            "has a dictionary that is longer than its bytes");
    flow_field field{};
    field.type = FLOW_TEXT;
    return column(field, length);
  }
  static void check_codes(const flow_buffer* codes, const flow_buffer* validity, std::int64_t rows,
                          std::int64_t entries) {
    const auto* code = static_cast<const std::int32_t*>(codes->data);
    for (std::int64_t row = 0; row < rows; ++row) {
      const bool null = validity != nullptr && !flow::host::bit(validity->data, row);
      require(null || (code[row] >= 0 && code[row] < entries), "has a code without an entry");
    }
  }
  static void check_nulls_inside(const flow_buffer* validity, const flow_column& child,
                                 std::int64_t rows) {
    if (validity == nullptr) return;
    const void* inner = child.array->buffers[0];
    for (std::int64_t row = 0; row < rows; ++row) {
      if (flow::host::bit(validity->data, row)) continue;
      require(inner != nullptr && !flow::host::bit(inner, row), "has a value inside of a null");
    }
  }
  static std::int64_t elements(const flow_buffer* offsets, std::int64_t rows) {
    const auto* offset = static_cast<const std::int32_t*>(offsets->data);
    require(offset[0] == 0, "has a list that does not begin at 0");
    for (std::int64_t row = 0; row < rows; ++row) {
      require(offset[row] <= offset[row + 1], "has a list of negative length");
    }
    return offset[rows];
  }

  flow::host::MemoryAccount& account_;
  ByteReader in_;
};

}  // namespace

flow::Batch read_batch(flow::host::MemoryAccount& account, std::string_view bytes) {
  return Reader(account, bytes).batch();
}

}  // namespace flowrun
