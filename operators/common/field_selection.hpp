// Columns named by options, looked up once a schema: what keep, drop and rename share.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "flow/output.hpp"

namespace flow::operators {

// What to do about a named field that a batch does not have.
enum class Missing { kError, kIgnore };

// Index of the top-level column `name`; -1: there is none.
int64_t column_index(const flow_schema& schema, std::string_view name);

// The index of `name`; -1 if it is missing and that is ignored. Throws Failure, with the nearest
// name and the remedy, if it is not.
int64_t required_column(const flow_schema& schema, std::string_view name, Missing missing,
                        std::string_view operator_name);

// What is picked of a schema, as Output::pick takes it, remembered for the last one.
class FieldSelection {
 public:
  using Columns = std::vector<std::pair<uint32_t, std::string>>;

  // `select(schema)` says what to pick of a schema that is not the last one's.
  template <class Select>
  Batch pick(const Batch& in, Output& out, Select select) {
    if (schema_.get() != &in.schema()) {
      columns_ = select(in.schema());
      schema_ = Reference<const flow_schema>::share(&in.schema());
    }
    return out.pick(in, columns_);
  }

 private:
  Reference<const flow_schema> schema_;
  Columns columns_;
};

}  // namespace flow::operators
