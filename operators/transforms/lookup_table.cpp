#include "operators/transforms/lookup_table.hpp"

#include <bit>
#include <utility>

#include "flow/host/key_hash.hpp"
#include "operators/common/typed_column.hpp"

namespace flow::operators {

void append_key_part(std::string_view text, std::string& key) {
  const auto length = static_cast<uint32_t>(text.size());
  key.append(reinterpret_cast<const char*>(&length), sizeof length);
  key.append(text);
}

LookupTable::LookupTable(Host host, const TextTable& texts, size_t keys,
                         const std::vector<DeclaredField>& fields)
    : rows_(texts.rows()) {
  if (rows_ > INT32_MAX / 2) throw Failure("the table has more than a thousand million rows");
  slots_.resize(std::bit_ceil(static_cast<size_t>(rows_) * 2 + 1));
  std::string key;
  for (int64_t row = 0; row < rows_; ++row) {
    key.clear();
    bool has_null = false;
    for (size_t column = 0; column < keys; ++column) {
      has_null |= texts.is_null(row, column);
      append_key_part(texts.text(row, column), key);
    }
    if (has_null) continue;
    const uint64_t hash = host::hash_bytes(key);
    Slot& slot = place(hash, key);
    if (slot.row == kNone) {
      slot.hash = hash;
      slot.begin = keys_.size();
      slot.length = static_cast<uint32_t>(key.size());
      keys_.append(key);
    } else {
      ++repeated_;
    }
    slot.row = static_cast<int32_t>(row);
  }
  for (size_t i = 0; i < fields.size(); ++i) {
    TypedColumnBuilder builder(fields[i]);
    builder.start(host, rows_);
    for (int64_t row = 0; row < rows_; ++row) {
      if (texts.is_null(row, keys + i)) continue;
      const std::string_view text = texts.text(row, keys + i);
      if (!builder.put(row, text)) {
        throw Failure("row " + std::to_string(row + 1) + ": the field '" + fields[i].name + "': '" +
                      std::string(text.substr(0, 60)) + "' is no " +
                      std::string(type_name(fields[i].type)));
      }
    }
    columns_.push_back(builder.finish(rows_));
  }
}

LookupTable::Slot& LookupTable::place(uint64_t hash, std::string_view key) {
  return const_cast<Slot&>(std::as_const(*this).place(hash, key));
}

// There is always a free one.
const LookupTable::Slot& LookupTable::place(uint64_t hash, std::string_view key) const {
  const size_t mask = slots_.size() - 1;
  for (size_t at = hash & mask;; at = (at + 1) & mask) {
    const Slot& slot = slots_[at];
    if (slot.row == kNone) return slot;
    if (slot.hash == hash && std::string_view(keys_).substr(slot.begin, slot.length) == key) {
      return slot;
    }
  }
}

int32_t LookupTable::find(std::string_view key) const {
  return place(host::hash_bytes(key), key).row;
}

}  // namespace flow::operators
