// Keys as KeyReader writes them, collected as columns.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "operators/common/collected_column.hpp"

namespace flow::operators {

class CollectedKeys {
 public:
  // Of the key's fields. What was collected is forgotten.
  void set_types(const std::vector<flow_type>& types) {
    columns_.clear();
    for (const flow_type type : types) columns_.emplace_back(type);
  }
  // Of each field 0 for null, or 1 and the value, of a text behind its length.
  void append(std::string_view key) {
    const auto word = [&](size_t bytes) {
      uint64_t value = 0;
      std::memcpy(&value, key.data(), bytes);
      key.remove_prefix(bytes);
      return value;
    };
    for (CollectedColumn& column : columns_) {
      if (word(1) == 0) {
        column.append_null();
      } else if (column.is_text()) {
        const size_t length = word(sizeof(uint32_t));
        column.append_text(key.substr(0, length));
        key.remove_prefix(length);
      } else {
        column.append(word(column.type() == FLOW_BOOL ? 1 : sizeof(uint64_t)));
      }
    }
  }
  // One a field.
  std::vector<TypedColumn> take(Host host) {
    std::vector<TypedColumn> columns;
    columns.reserve(columns_.size());
    for (CollectedColumn& column : columns_) columns.push_back(column.take(host));
    return columns;
  }

 private:
  std::vector<CollectedColumn> columns_;
};

}  // namespace flow::operators
