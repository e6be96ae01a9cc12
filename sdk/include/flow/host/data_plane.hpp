// The data functions of a flow_host, for whoever fills in the struct: they find their MemoryAccount
// through `Account(host)`.
#pragma once

#include "flow/host/select.hpp"

namespace flow::host {

// Sets allocate, column, schema, batch, select and slice of `host`. `account_of` must be usable
// from any thread.
template <MemoryAccount& (*account_of)(const flow_host*)>
void install_data_plane(flow_host& host) {
  host.allocate = [](const flow_host* self, int64_t bytes) -> flow_buffer* {
    try {
      return Buffer::allocate(account_of(self), bytes);
    } catch (const std::bad_alloc&) {
      return nullptr;
    }
  };
  host.column = [](const flow_host* self, const flow_column_parts* parts) -> const flow_column* {
    try {
      return Column::make(account_of(self), *parts);
    } catch (const std::bad_alloc&) {
      return nullptr;
    }
  };
  host.schema = [](const flow_host*, const flow_field* const* fields,
                   uint32_t n_fields) -> const flow_schema* {
    try {
      return Schema::intern(fields, n_fields);
    } catch (const std::bad_alloc&) {
      return nullptr;
    }
  };
  host.batch = [](const flow_host* self, const flow_schema* schema, int64_t rows,
                  const flow_column* const* columns,
                  const flow_origin* origin) -> const flow_batch* {
    try {
      return Batch::make(account_of(self), schema, rows, columns, origin);
    } catch (const std::bad_alloc&) {
      return nullptr;
    }
  };
  host.select = [](const flow_host* self, const flow_batch* batch, const int32_t* rows,
                   int64_t n_rows) -> const flow_batch* {
    try {
      return select(account_of(self), *batch, rows, n_rows);
    } catch (const std::bad_alloc&) {
      return nullptr;
    }
  };
  host.slice = [](const flow_host* self, const flow_batch* batch, int64_t first,
                  int64_t n_rows) -> const flow_batch* {
    try {
      return slice(account_of(self), *batch, first, n_rows);
    } catch (const std::bad_alloc&) {
      return nullptr;
    }
  };
}

}  // namespace flow::host
