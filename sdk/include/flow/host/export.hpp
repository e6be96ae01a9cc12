// Batches handed to any Arrow library: the C data interface with release callbacks, without a copy.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "flow/host/batch.hpp"

namespace flow::host {

namespace detail {

// Behind the private_data of an exported ArrowArray: the child structs, and at the top the batch.
struct ExportedArray {
  std::vector<ArrowArray> children;
  std::vector<ArrowArray*> child_pointers;
  std::unique_ptr<ArrowArray> dictionary;
  std::vector<const void*> buffers;
  const flow_column* column = nullptr;
  const flow_batch* batch = nullptr;

  ~ExportedArray() {
    if (column != nullptr) column->object.release(&column->object);
    if (batch != nullptr) batch->object.release(&batch->object);
  }
};

// As the specification asks: children that were not moved away are released first.
inline void release_array(ArrowArray* array) {
  for (int64_t i = 0; i < array->n_children; ++i) {
    if (array->children[i]->release != nullptr) array->children[i]->release(array->children[i]);
  }
  if (array->dictionary != nullptr && array->dictionary->release != nullptr) {
    array->dictionary->release(array->dictionary);
  }
  delete static_cast<ExportedArray*>(array->private_data);
  array->release = nullptr;
}

// Each struct holds a reference of its own to its column, so that a consumer may move a child out.
inline void export_column(const flow_column& column, ArrowArray* out) {
  auto exported = std::make_unique<ExportedArray>();
  const ArrowArray& array = *column.array;
  exported->buffers.assign(array.buffers, array.buffers + array.n_buffers);
  exported->children.resize(static_cast<size_t>(column.n_children));
  for (int64_t i = 0; i < column.n_children; ++i) {
    ArrowArray* child = &exported->children[static_cast<size_t>(i)];
    export_column(*column.children[i], child);
    exported->child_pointers.push_back(child);
  }
  if (column.dictionary != nullptr) {
    exported->dictionary = std::make_unique<ArrowArray>();
    export_column(*column.dictionary, exported->dictionary.get());
  }
  column.object.retain(&column.object);
  exported->column = &column;
  *out = array;
  out->buffers = exported->buffers.data();
  out->children = exported->child_pointers.data();
  out->dictionary = exported->dictionary.get();
  out->release = release_array;
  out->private_data = exported.release();
}

struct ExportedSchema {
  std::string format, name, metadata;
  std::vector<ArrowSchema> children;
  std::vector<ArrowSchema*> child_pointers;
  std::unique_ptr<ArrowSchema> dictionary;
};

inline void release_schema(ArrowSchema* schema) {
  for (int64_t i = 0; i < schema->n_children; ++i) {
    if (schema->children[i]->release != nullptr) schema->children[i]->release(schema->children[i]);
  }
  if (schema->dictionary != nullptr && schema->dictionary->release != nullptr) {
    schema->dictionary->release(schema->dictionary);
  }
  delete static_cast<ExportedSchema*>(schema->private_data);
  schema->release = nullptr;
}

// Bytes of a metadata block: a count of pairs, then each key and value behind its length.
inline size_t metadata_bytes(const char* metadata) {
  size_t at = 0;
  const auto number = [&] {
    int32_t value;
    std::memcpy(&value, metadata + at, sizeof value);
    at += sizeof value;
    return value;
  };
  for (int32_t texts = 2 * number(); texts > 0; --texts) at += static_cast<size_t>(number());
  return at;
}

inline void export_schema(const ArrowSchema& schema, ArrowSchema* out) {
  auto exported = std::make_unique<ExportedSchema>();
  exported->format = schema.format;
  exported->name = schema.name != nullptr ? schema.name : "";
  if (schema.metadata != nullptr) {
    exported->metadata.assign(schema.metadata, metadata_bytes(schema.metadata));
  }
  exported->children.resize(static_cast<size_t>(schema.n_children));
  for (int64_t i = 0; i < schema.n_children; ++i) {
    ArrowSchema* child = &exported->children[static_cast<size_t>(i)];
    export_schema(*schema.children[i], child);
    exported->child_pointers.push_back(child);
  }
  if (schema.dictionary != nullptr) {
    exported->dictionary = std::make_unique<ArrowSchema>();
    export_schema(*schema.dictionary, exported->dictionary.get());
  }
  *out = schema;
  out->format = exported->format.c_str();
  out->name = exported->name.c_str();
  out->metadata = schema.metadata != nullptr ? exported->metadata.data() : nullptr;
  out->children = exported->child_pointers.data();
  out->dictionary = exported->dictionary.get();
  out->release = release_schema;
  out->private_data = exported.release();
}

}  // namespace detail

// Fills in both structs, which the caller owns and must release. The batch lives until the array,
// and every child moved out of it, is released. The origin is not exported.
inline void export_batch(const flow_batch& batch, ArrowSchema* schema, ArrowArray* array) {
  detail::export_schema(*batch.schema->arrow, schema);
  auto exported = std::make_unique<detail::ExportedArray>();
  const uint32_t n = batch.schema->n_fields;
  exported->buffers.push_back(nullptr);
  exported->children.resize(n);
  for (uint32_t i = 0; i < n; ++i) {
    detail::export_column(*batch.columns[i], &exported->children[i]);
    exported->child_pointers.push_back(&exported->children[i]);
  }
  batch.object.retain(&batch.object);
  exported->batch = &batch;
  *array = ArrowArray{};
  array->length = batch.rows;
  array->n_buffers = 1;
  array->buffers = exported->buffers.data();
  array->n_children = n;
  array->children = exported->child_pointers.data();
  array->release = detail::release_array;
  array->private_data = exported.release();
}

}  // namespace flow::host
