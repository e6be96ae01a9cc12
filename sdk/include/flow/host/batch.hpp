// Batches as the host makes them.
#pragma once

#include <array>
#include <cstddef>
#include <cstring>
#include <new>

#include "flow/host/column.hpp"
#include "flow/host/interned.hpp"
#include "flow/host/schema.hpp"

namespace flow::host {

class Batch final : public Counted<Batch, flow_batch> {
 public:
  // Throws std::bad_alloc. Retains the schema, the columns and the origin's columns; the names in
  // the origin are copied.
  static Batch* make(MemoryAccount& account, const flow_schema* schema, int64_t rows,
                     const flow_column* const* columns, const flow_origin* origin) {
    const auto bytes =
        static_cast<int64_t>(sizeof(Batch) + sizeof(void*) * static_cast<size_t>(schema->n_fields));
    void* memory = std::malloc(static_cast<size_t>(bytes));
    if (memory == nullptr) {
      throw std::bad_alloc();
    }
    auto* batch = new (memory) Batch(account, bytes);
    auto** array = reinterpret_cast<const flow_column**>(batch + 1);
    for (uint32_t i = 0; i < schema->n_fields; ++i) {
      array[i] = columns[i];
      Column::retain(columns[i]);
    }
    Schema::retain(schema);
    batch->schema = schema;
    batch->rows = rows;
    batch->columns = array;
    batch->origin_.size = sizeof(flow_origin);
    if (origin != nullptr) {
      batch->origin_.source = interned(origin->source);
      batch->origin_.partition = interned(origin->partition);
      batch->origin_.position = origin->position;
      batch->origin_.record = origin->record;
      if (origin->size > offsetof(flow_origin, watermark)) {  // its author knew of them
        batch->origin_.event_time = origin->event_time;
        batch->origin_.watermark = origin->watermark;
      }
      for (const flow_column* column : columns_of(batch->origin_)) {
        if (column != nullptr) Column::retain(column);
      }
    }
    batch->origin = &batch->origin_;
    account.charge(bytes);
    return batch;
  }

  // One value a row each; NULL where the origin does not have it.
  static std::array<const flow_column*, 4> columns_of(const flow_origin& origin) {
    return {origin.position, origin.record, origin.event_time, origin.watermark};
  }

  static void destroy(Batch* batch) {
    MemoryAccount& account = batch->account_;
    const int64_t charged = batch->charged_;
    for (uint32_t i = 0; i < batch->schema->n_fields; ++i) Column::release(batch->columns[i]);
    for (const flow_column* column : columns_of(batch->origin_)) {
      if (column != nullptr) Column::release(column);
    }
    Schema::release(batch->schema);
    batch->~Batch();
    std::free(batch);
    account.release(charged);
  }

 private:
  Batch(MemoryAccount& account, int64_t charged) : account_(account), charged_(charged) {}

  MemoryAccount& account_;
  int64_t charged_;
  flow_origin origin_{};
};

}  // namespace flow::host
