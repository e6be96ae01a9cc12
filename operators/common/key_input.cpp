#include "operators/common/key_input.hpp"

#include <algorithm>

#include "operators/common/input_column.hpp"

namespace flow::operators {
KeyInput::KeyInput(std::string name, const std::vector<Field>& key)
    : name_(std::move(name)), keys_(key) {
  if (key.empty() || key.size() > kMostFields) {
    throw OptionFailure("key", "name one to eight fields");
  }
  for (const Field& field : key) {
    if (std::find(names_.begin(), names_.end(), field.name) != names_.end()) {
      throw OptionFailure("key", "'" + field.name + "' stands there twice");
    }
    names_.push_back(field.name);
    finders_.emplace_back(field.name);
  }
}

void KeyInput::infer(const std::vector<Field>& key, Inference& inference) {
  for (const Field& field : key) {
    const auto type = inferred_column(inference, "key", field.name);
    if (type && (*type == FLOW_STRUCT || *type == FLOW_LIST)) {
      throw OptionFailure("key", "the column '" + field.name + "' is a " +
                                     std::string(type_name(*type)) + ", which is no key");
    }
  }
}

void KeyInput::fail_all(const Batch& in, const std::string& why, Output& out) const {
  const flow_keys* mine = out.get()->keys(out.get());
  const int64_t rows = mine != nullptr ? mine->n_rows : in.rows();
  for (int64_t i = 0; i < rows; ++i) {
    out.fail(in, mine != nullptr ? mine->rows[i] : i, "no_key", name_ + ": " + why);
  }
}

void KeyInput::read(const Batch& in, Output& out) {
  nullable_.clear();
  rows_ = {};
  for (size_t i = 0; i < finders_.size(); ++i) {
    const flow_column* column = finders_[i].find(in);
    if (column == nullptr) {
      fail_all(in, "there is no field '" + names_[i] + "' in the row", out);
      return;
    }
    types_[i] = static_cast<uint8_t>(column->type == FLOW_CATEGORY ? FLOW_TEXT : column->type);
    const Validity validity(*column);
    if (validity.has_nulls()) nullable_.push_back(validity);
  }
  keys_.read(in, out);
  rows_ = keys_.rows();
  if (nullable_.empty()) return;
  present_.clear();
  for (const int32_t row : keys_.rows()) {
    const bool is_null = std::any_of(nullable_.begin(), nullable_.end(),
                                     [row](const Validity& field) { return field.is_null(row); });
    if (is_null) {
      out.fail(in, row, "no_key", name_ + ": a field of `key` is null");
    } else {
      present_.push_back(row);
    }
  }
  rows_ = present_;
}

std::optional<std::string_view> KeyInput::key(int32_t row, const Batch& in, Output& out) {
  const std::string_view key = keys_.key(row);
  if (key.size() <= KeyedTable<uint64_t>::kLongestBytes) return key;
  out.fail(in, row, "key_too_long",
           name_ + ": a key of " + std::to_string(key.size()) + " bytes, more than 64 KiB");
  return std::nullopt;
}

}  // namespace flow::operators
