// The columns of a key's fields, made of the bytes that KeyReader wrote.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "flow/builder.hpp"

namespace flow::operators {

// The columns of a key's fields, from its bytes. `columns`: one a field.
class KeyColumns {
 public:
  KeyColumns(Host host, int64_t rows, std::span<const flow_type> types);
  // Throws Failure where the bytes end within a value.
  void append(std::string_view key);
  std::vector<TypedColumn> finish();

 private:
  Host host_;
  int64_t rows_;
  std::vector<flow_type> types_;
  std::vector<std::vector<std::optional<int64_t>>> numbers_;
  std::vector<std::optional<TextBuilder>> texts_;
};

}  // namespace flow::operators
