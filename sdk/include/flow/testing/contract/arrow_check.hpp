// Whether a batch is what Arrow and the ABI say it is, and whether it stayed as it was.
#pragma once

#include <cstring>
#include <string>

#include "flow/host/column.hpp"
#include "flow/host/key_hash.hpp"
#include "flow/testing/contract/subject.hpp"

namespace flow::testing::contract {

// Well-formed UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF.
inline bool is_utf8(std::string_view text) {
  size_t i = 0;
  const auto byte = [&](size_t at) { return static_cast<uint8_t>(text[at]); };
  while (i < text.size()) {
    const uint8_t lead = byte(i);
    if (lead < 0x80) {
      ++i;
      continue;
    }
    const size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || i + length > text.size()) return false;
    uint32_t code = lead & (0x7fU >> length);
    for (size_t k = 1; k < length; ++k) {
      if ((byte(i + k) & 0xc0) != 0x80) return false;
      code = code << 6 | (byte(i + k) & 0x3f);
    }
    if ((length == 3 && (code < 0x800 || (code >= 0xd800 && code < 0xe000))) ||
        (length == 4 && (code < 0x10000 || code > 0x10ffff))) {
      return false;
    }
    i += length;
  }
  return true;
}

// Reports what is wrong with a batch: `arrow` for its layout, `utf8` for its texts.
class ArrowCheck {
 public:
  explicit ArrowCheck(Findings& findings) : findings_(findings) {}

  void batch(const flow_batch& batch) {
    for (uint32_t i = 0; i < batch.schema->n_fields; ++i) {
      column(*batch.columns[i], batch.schema->fields[i], batch.rows, batch.schema->fields[i]->name);
    }
    const flow_origin& origin = *batch.origin;
    if (origin.position != nullptr) {
      if (origin.position->type != FLOW_INT64) wrong("origin.position", "is no int64");
      column(*origin.position, nullptr, batch.rows, "origin.position");
    }
    if (origin.record != nullptr) {
      if (origin.record->type != FLOW_BINARY) wrong("origin.record", "is not binary");
      column(*origin.record, nullptr, batch.rows, "origin.record");
    }
  }

 private:
  void wrong(const std::string& name, const std::string& problem) {
    findings_.add("arrow", "column '" + name + "' " + problem);
  }

  void column(const flow_column& column, const flow_field* field, int64_t rows,
              const std::string& name) {
    const ArrowArray& array = *column.array;
    if (field != nullptr && column.type != field->type) {
      wrong(name, "is a " + std::string(type_name(column.type)) + ", its schema says " +
                      std::string(type_name(field->type)));
      return;
    }
    if (array.length != rows) {
      wrong(name,
            "has " + std::to_string(array.length) + " rows instead of " + std::to_string(rows));
      return;
    }
    const int64_t nulls =
        array.buffers[0] == nullptr ? 0 : host::count_nulls(array.buffers[0], array.offset, rows);
    if (array.null_count >= 0 && array.null_count != nulls) {
      wrong(name, "claims " + std::to_string(array.null_count) + " nulls and has " +
                      std::to_string(nulls));
    }
    if (rows > 0 && column.type != FLOW_STRUCT && array.buffers[1] == nullptr) {
      wrong(name, "has no values");
      return;
    }
    switch (column.type) {
      case FLOW_TEXT:
      case FLOW_BINARY:
      case FLOW_JSON:
        views(column, name);
        break;
      case FLOW_CATEGORY:
        codes(column, name);
        break;
      case FLOW_STRUCT:
        structure(column, field, name);
        break;
      case FLOW_LIST:
        list(column, field, name);
        break;
      default:
        break;
    }
  }

  void views(const flow_column& column, const std::string& name) {
    const TextView texts(column);
    for (int64_t row = 0; row < texts.size(); ++row) {
      if (texts.is_null(row)) continue;
      const flow_view& view = texts.views()[row];
      const std::string at = "row " + std::to_string(row) + ": ";
      if (view.length < 0) {
        wrong(name, at + "negative length");
        continue;
      }
      if (view.length <= FLOW_VIEW_INLINE) {
        const char* rest = reinterpret_cast<const char*>(&view) + sizeof view.length;
        for (int32_t i = view.length; i < FLOW_VIEW_INLINE; ++i) {
          if (rest[i] != 0) {
            wrong(name, at + "the bytes behind a short text are not zero");
            break;
          }
        }
      } else if (view.buffer < 0 || view.buffer >= column.n_data || view.offset < 0 ||
                 view.offset + int64_t{view.length} > column.data[view.buffer]->capacity) {
        wrong(name, at + "the view reaches outside its buffer");
        continue;
      } else if (std::memcmp(view.prefix, texts[row].data(), sizeof view.prefix) != 0) {
        wrong(name, at + "the view's prefix is not that of its text");
      }
      if (column.type != FLOW_BINARY && !is_utf8(texts[row])) {
        std::string finding = "column '";
        finding.append(name).append("' ").append(at).append("invalid UTF-8 in a column of ");
        findings_.add("utf8", finding.append(type_name(column.type)));
      }
    }
  }

  void codes(const flow_column& column, const std::string& name) {
    if (column.dictionary == nullptr) {
      wrong(name, "has no dictionary");
      return;
    }
    this->column(*column.dictionary, nullptr, column.dictionary->array->length,
                 name + " (dictionary)");
    const CodeView codes(column);
    for (int64_t row = 0; row < codes.size(); ++row) {
      if (!codes.is_null(row) &&
          (codes[row] < 0 || codes[row] >= column.dictionary->array->length)) {
        wrong(name, "row " + std::to_string(row) + ": the code is not in the dictionary");
      }
    }
  }

  void structure(const flow_column& column, const flow_field* field, const std::string& name) {
    if (column.array->offset != 0) wrong(name, "is a struct with an offset");
    if (field != nullptr && column.n_children != field->n_children) {
      wrong(name, "has another number of fields than its schema says");
      return;
    }
    const Validity validity(column);
    for (int64_t i = 0; i < column.n_children; ++i) {
      const flow_field* child_field = field != nullptr ? field->children[i] : nullptr;
      const flow_column& child = *column.children[i];
      const std::string child_name =
          name + '.' + (child_field != nullptr ? child_field->name : std::to_string(i));
      this->column(child, child_field, column.array->length, child_name);
      const Validity child_validity(child);
      for (int64_t row = 0; row < column.array->length; ++row) {
        if (validity.is_null(row) && !child_validity.is_null(row)) {
          wrong(child_name,
                "row " + std::to_string(row) + ": has a value where its struct is null");
          break;
        }
      }
    }
  }

  void list(const flow_column& column, const flow_field* field, const std::string& name) {
    if (column.n_children != 1) {
      wrong(name, "is a list without elements' column");
      return;
    }
    const ListView list(column);
    const int64_t elements = list.elements().array->length;
    for (int64_t row = 0; row < list.size(); ++row) {
      if (list.begin(row) < 0 || list.end(row) < list.begin(row) || list.end(row) > elements) {
        wrong(name, "row " + std::to_string(row) + ": its offsets fall or leave the elements");
        return;
      }
    }
    this->column(list.elements(), field != nullptr ? field->children[0] : nullptr, elements,
                 name + "[]");
  }

  Findings& findings_;
};

// A hash of every byte that a reader of the column may look at.
inline uint64_t checksum(const flow_column& column) {
  const ArrowArray& array = *column.array;
  uint64_t hash = host::hash_bytes({reinterpret_cast<const char*>(&array), sizeof array});
  const int64_t rows = array.offset + array.length;
  const auto mix = [&](const void* bytes, int64_t size) {
    if (bytes == nullptr || size <= 0) return;
    hash = host::hash_bytes({static_cast<const char*>(bytes), static_cast<size_t>(size)}, hash);
  };
  mix(array.buffers[0], (rows + 7) / 8);
  switch (column.type) {
    case FLOW_BOOL:
      mix(array.buffers[1], (rows + 7) / 8);
      break;
    case FLOW_CATEGORY:
      mix(array.buffers[1], rows * 4);
      break;
    case FLOW_LIST:
      mix(array.buffers[1], (rows + 1) * 4);
      break;
    case FLOW_STRUCT:
      break;
    case FLOW_TEXT:
    case FLOW_BINARY:
    case FLOW_JSON: {
      mix(array.buffers[1], rows * 16);
      const TextView texts(column);
      for (int64_t row = 0; row < texts.size(); ++row) {
        if (!texts.is_null(row)) hash = host::hash_bytes(texts[row], hash);
      }
      break;
    }
    default:
      mix(array.buffers[1], rows * 8);
      break;
  }
  for (int64_t i = 0; i < column.n_children; ++i) {
    hash = host::hash_bytes("child", hash ^ checksum(*column.children[i]));
  }
  if (column.dictionary != nullptr) {
    hash = host::hash_bytes("dictionary", hash ^ checksum(*column.dictionary));
  }
  return hash;
}

inline uint64_t checksum(const flow_batch& batch) {
  uint64_t hash = host::hash_bytes({reinterpret_cast<const char*>(&batch.rows), sizeof batch.rows});
  for (uint32_t i = 0; i < batch.schema->n_fields; ++i) {
    hash = host::hash_bytes("column", hash ^ checksum(*batch.columns[i]));
  }
  for (const flow_column* column : {batch.origin->position, batch.origin->record}) {
    if (column != nullptr) hash = host::hash_bytes("origin", hash ^ checksum(*column));
  }
  return hash;
}

}  // namespace flow::testing::contract
