// A table that rows are looked up in: columns, and an index by key.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "flow/output.hpp"
#include "operators/common/declared_schema.hpp"
#include "operators/transforms/lookup_reader.hpp"

namespace flow::operators {

// Appends one value to a key of several; the same values make the same bytes.
void append_key_part(std::string_view text, std::string& key);

// Immutable once made. [any]
class LookupTable {
 public:
  static constexpr int32_t kNone = -1;

  // The first `keys` columns of `texts` are the key; `fields` are the types and names of the others
  // in their order. Rows with a null in their key are left out; of several with the same key the
  // last counts. Throws Failure for a value that is not of its type.
  LookupTable(Host host, const TextTable& texts, size_t keys,
              const std::vector<DeclaredField>& fields);

  // The row of a key made by append_key_part; kNone: there is none.
  int32_t find(std::string_view key) const;

  int64_t rows() const { return rows_; }
  int64_t repeated() const { return repeated_; }
  const std::vector<TypedColumn>& columns() const { return columns_; }

 private:
  struct Slot {
    uint64_t hash = 0;
    uint64_t begin = 0;
    uint32_t length = 0;
    int32_t row = kNone;  // kNone: free
  };
  Slot& place(uint64_t hash, std::string_view key);
  const Slot& place(uint64_t hash, std::string_view key) const;

  int64_t rows_ = 0;
  int64_t repeated_ = 0;
  std::string keys_;
  std::vector<Slot> slots_;
  std::vector<TypedColumn> columns_;
};

}  // namespace flow::operators
