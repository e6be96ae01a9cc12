// Values for options, as a pipeline file would give them, brought into the form that an operator
// sees.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "flow/host/reserved_keys.hpp"
#include "flow/testing/toml_value.hpp"

namespace flow::testing {

// The value of an option. Durations and sizes: text with a unit ("10s", "1MiB"), or integers in
// nanoseconds and bytes.
class Setting {
 public:
  // NOLINTBEGIN(google-explicit-constructor): an option is written as its value
  Setting(bool value) { set(FLOW_OPTION_BOOL, value ? 1 : 0); }
  Setting(int value) { set(FLOW_OPTION_INT, value); }
  Setting(int64_t value) { set(FLOW_OPTION_INT, value); }
  Setting(long long value) { set(FLOW_OPTION_INT, value); }
  Setting(double value) {
    set(FLOW_OPTION_FLOAT, 0);
    value_.number = value;
  }
  Setting(const char* value) : Setting(std::string(value)) {}
  Setting(std::string value) {
    set(FLOW_OPTION_TEXT, 0);
    value_.text = std::move(value);
  }
  Setting(const std::vector<std::string>& items) {
    set(FLOW_OPTION_LIST, 0);
    for (const std::string& item : items) value_.items.emplace_back("", Setting(item).value_);
  }
  // NOLINTEND(google-explicit-constructor)
  explicit Setting(Value value) : value_(std::move(value)) {}
  static Setting table(const std::vector<std::pair<std::string, Setting>>& items) {
    Setting setting(0);
    setting.set(FLOW_OPTION_TABLE, 0);
    for (const auto& [name, item] : items) setting.value_.items.emplace_back(name, item.value_);
    return setting;
  }
  const Value& value() const { return value_; }

 private:
  void set(flow_option_type type, int64_t integer) {
    value_.type = type;
    value_.integer = integer;
    value_.number = static_cast<double>(integer);
  }
  Value value_;
};
using Settings = std::vector<std::pair<std::string, Setting>>;

// A flow_value tree that owns what it points to.
class OwnedValue {
 public:
  explicit OwnedValue(const Value& value) : text_(value.text), place_(value.place) {
    for (const auto& [name, item] : value.items) {
      names_.push_back(name);
      items_.push_back(std::make_unique<OwnedValue>(item));
    }
    for (size_t i = 0; i < items_.size(); ++i) {
      name_pointers_.push_back(names_[i].c_str());
      item_pointers_.push_back(items_[i]->get());
    }
    value_ = {.size = sizeof(flow_value),
              .type = value.type,
              .integer = value.integer,
              .number = value.number,
              .text = text_.c_str(),
              .items = item_pointers_.data(),
              .names = value.type == FLOW_OPTION_TABLE ? name_pointers_.data() : nullptr,
              .n_items = items_.size(),
              .place = place_.empty() ? nullptr : place_.c_str()};
  }
  OwnedValue(const OwnedValue&) = delete;
  OwnedValue& operator=(const OwnedValue&) = delete;
  const flow_value* get() const { return &value_; }

 private:
  std::string text_, place_;
  std::vector<std::string> names_;
  std::vector<std::unique_ptr<OwnedValue>> items_;
  std::vector<const char*> name_pointers_;
  std::vector<const flow_value*> item_pointers_;
  flow_value value_{};
};

// What a host hands to an option's operator for a given value: units resolved, integers widened to
// the float that is asked for. Throws std::invalid_argument where a host would refuse the file.
inline Value bind_value(const flow_option& option, Value value) {
  const auto refuse = [&](const std::string& problem) {
    throw std::invalid_argument("option '" + std::string(option.name) + "' " + problem);
  };
  flow_option_type wanted = FLOW_OPTION_TEXT;
  switch (option.type) {
    case FLOW_OPTION_DURATION:
    case FLOW_OPTION_SIZE:
      wanted = FLOW_OPTION_INT;
      if (value.type == FLOW_OPTION_TEXT) {
        value.integer =
            option.type == FLOW_OPTION_SIZE ? read_size(value.text) : read_duration(value.text);
        value.number = static_cast<double>(value.integer);
        value.text.clear();
        value.type = FLOW_OPTION_INT;
      }
      break;
    case FLOW_OPTION_FLOAT:
      wanted = FLOW_OPTION_FLOAT;
      if (value.type == FLOW_OPTION_INT) value.type = FLOW_OPTION_FLOAT;
      break;
    case FLOW_OPTION_BOOL:
    case FLOW_OPTION_INT:
    case FLOW_OPTION_LIST:
    case FLOW_OPTION_TABLE:
      wanted = option.type;
      break;
    case FLOW_OPTION_FIELDS:
      wanted = FLOW_OPTION_LIST;
      break;
    default:
      break;
  }
  if (value.type != wanted) refuse("has a value of another type");
  if (option.has_range != 0 && !(value.number >= option.min && value.number <= option.max)) {
    refuse("is outside its range");
  }
  if (option.type == FLOW_OPTION_CHOICE) {
    bool known = false;
    for (const char* const* choice = option.choices; *choice != nullptr; ++choice) {
      known |= value.text == *choice;
    }
    if (!known) refuse("is none of its choices");
  }
  return value;
}

// One value an option of a descriptor, defaults included, as flow_plugin.create takes them.
class OptionValues {
 public:
  // Throws std::invalid_argument for an unknown option or a value that a host would refuse. Does
  // not ask for options that are required.
  OptionValues(const flow_descriptor& descriptor, const Settings& settings)
      : descriptor_(descriptor) {
    owned_.resize(descriptor.n_options);
    pointers_.resize(descriptor.n_options, nullptr);
    for (uint32_t i = 0; i < descriptor.n_options; ++i) {
      const flow_option& option = *descriptor.options[i];
      if (option.default_toml != nullptr && option.required == 0) {
        set(i, bind_value(option, TomlReader::value(option.default_toml)));
      }
    }
    for (const auto& [name, setting] : settings) {
      const uint32_t i = index(name);
      if (i == descriptor.n_options) {
        throw std::invalid_argument(std::string(descriptor.name) + " has no option '" + name + "'");
      }
      set(i, bind_value(*descriptor.options[i], setting.value()));
    }
  }

  const flow_value* const* data() const { return pointers_.data(); }
  // NULL: absent.
  const flow_value* find(std::string_view option) const {
    const uint32_t i = index(option);
    return i < descriptor_.n_options ? pointers_[i] : nullptr;
  }
  void remove(std::string_view option) {
    const uint32_t i = index(option);
    if (i < descriptor_.n_options) pointers_[i] = nullptr;
  }

 private:
  uint32_t index(std::string_view name) const {
    uint32_t i = 0;
    while (i < descriptor_.n_options && name != descriptor_.options[i]->name) ++i;
    return i;
  }
  void set(uint32_t i, const Value& value) {
    owned_[i] = std::make_unique<OwnedValue>(value);
    pointers_[i] = owned_[i]->get();
  }

  const flow_descriptor& descriptor_;
  std::vector<std::unique_ptr<OwnedValue>> owned_;
  std::vector<const flow_value*> pointers_;
};

// The settings of `name`'s table in an example: the table whose `type` it is. Keys that are the
// host's (`type`, `inputs`, ...) are left out. Throws std::invalid_argument when there is none.
inline Settings example_settings(const std::string& toml, const std::string& name) {
  const Value root = TomlReader::document(toml);
  const Value* found = nullptr;
  const auto search = [&](const auto& again, const Value& table) -> void {
    for (const auto& [key, item] : table.items) {
      if (found != nullptr) return;
      if (key == "type" && item.type == FLOW_OPTION_TEXT && item.text == name) found = &table;
      if (item.type == FLOW_OPTION_TABLE) again(again, item);
    }
  };
  search(search, root);
  Settings settings;
  if (found == nullptr) {
    throw std::invalid_argument("the example has no table with type = \"" + name + '"');
  }
  for (const auto& [key, item] : found->items) {
    if (!host::is_reserved_key(key)) settings.emplace_back(key, Setting(item));
  }
  return settings;
}

}  // namespace flow::testing
