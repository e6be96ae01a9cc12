// Columns named by options, looked up once a schema: what keep, drop and rename share.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "flow/inference.hpp"
#include "flow/options.hpp"
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

// Columns of a schema by index, and the names that they get: as Output::pick takes it.
using PickedColumns = std::vector<std::pair<uint32_t, std::string>>;

// The output of an operator that picks `columns` of its input. REQUIRES: the input is known, and is
// not open.
void infer_picked(const PickedColumns& columns, Inference& inference);

// Tells each of `names` that the input is known not to have, if that is an error; `keys_of_table`:
// the option `fields` is a table whose keys they are, not a list. False: there are such.
// REQUIRES: the input is known, and is not open.
bool infer_missing(const std::vector<std::string>& names, Missing missing, bool keys_of_table,
                   Inference& inference);

std::vector<std::string> names_of(const std::vector<Field>& fields);

// What is picked of a schema, as Output::pick takes it, remembered for the last one.
class FieldSelection {
 public:
  using Columns = PickedColumns;

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
