// Options that document themselves: an operator's Options struct, bound member by member to names,
// docs and ranges. Defaults are the members' own initial values.
#pragma once

#include <charconv>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "flow/abi.h"

namespace flow {

// Option types beside bool, int64_t, double and std::string.
struct Duration {
  int64_t nanoseconds = 0;
};
struct Size {
  int64_t bytes = 0;
};
struct Field {
  std::string name;  // may be dotted
};
struct Secret {
  std::string value;
};
struct Expression {
  std::string text;
};
struct ValueItem;
// A value of any type, copied out of the host's: what an option of type table holds.
struct Value {
  flow_option_type type = 0;     // BOOL, INT, FLOAT, TEXT, LIST or TABLE
  int64_t integer = 0;           // BOOL, INT
  double number = 0;             // FLOAT, INT
  std::string text;              // TEXT
  std::vector<ValueItem> items;  // TABLE with names, LIST with empty ones
  std::string place;             // "file:line:col"

  static Value from(const flow_value& value);
};
struct ValueItem {
  ValueItem(std::string item_name, Value item_value)
      : first(std::move(item_name)), second(std::move(item_value)) {}
  std::string first;  // as in a pair: [name, value]
  Value second;
};
struct Table {
  std::vector<ValueItem> items;
};

inline Value Value::from(const flow_value& value) {
  Value result;
  result.type = value.type;
  result.integer = value.integer;
  result.number = value.number;
  if (value.text != nullptr) result.text = value.text;
  if (value.place != nullptr) result.place = value.place;
  for (uint64_t i = 0; i < value.n_items; ++i) {
    result.items.emplace_back(value.names != nullptr ? value.names[i] : "", from(*value.items[i]));
  }
  return result;
}

namespace detail {

inline std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    if (c == '\n') {
      result += "\\n";
    } else if (c == '\t') {
      result += "\\t";
    } else {
      result += c;
    }
  }
  return result + '"';
}

// The largest unit that divides the number: 4194304 -> "4MiB", 5000000 -> "5ms".
inline std::string with_unit(int64_t value,
                             std::initializer_list<std::pair<int64_t, const char*>> units) {
  for (const auto& [factor, name] : units) {
    if (value != 0 && value % factor == 0) return std::to_string(value / factor) + name;
  }
  return std::to_string(value) + (units.end() - 1)->second;
}

// How one C++ type is read from a flow_value and written as a default.
template <class T>
struct OptionTraits;

template <>
struct OptionTraits<bool> {
  static constexpr flow_option_type kType = FLOW_OPTION_BOOL;
  static std::string toml(bool value) { return value ? "true" : "false"; }
  static bool read(const flow_value& value) { return value.integer != 0; }
};
template <>
struct OptionTraits<int64_t> {
  static constexpr flow_option_type kType = FLOW_OPTION_INT;
  static std::string toml(int64_t value) { return std::to_string(value); }
  static int64_t read(const flow_value& value) { return value.integer; }
};
template <>
struct OptionTraits<double> {
  static constexpr flow_option_type kType = FLOW_OPTION_FLOAT;
  static std::string toml(double value) {
    char text[32];
    const auto end = std::to_chars(text, text + sizeof text, value).ptr;
    std::string result(text, end);
    return result.find_first_of(".en") == std::string::npos ? result + ".0" : result;
  }
  static double read(const flow_value& value) { return value.number; }
};
template <>
struct OptionTraits<std::string> {
  static constexpr flow_option_type kType = FLOW_OPTION_TEXT;
  static std::string toml(const std::string& value) { return detail::quoted(value); }
  static std::string read(const flow_value& value) { return value.text; }
};
template <>
struct OptionTraits<Duration> {
  static constexpr flow_option_type kType = FLOW_OPTION_DURATION;
  static std::string toml(Duration value) {
    return detail::quoted(with_unit(value.nanoseconds, {{3'600'000'000'000, "h"},
                                                        {60'000'000'000, "m"},
                                                        {1'000'000'000, "s"},
                                                        {1'000'000, "ms"},
                                                        {1'000, "us"},
                                                        {1, "ns"}}));
  }
  static Duration read(const flow_value& value) { return {value.integer}; }
};
template <>
struct OptionTraits<Size> {
  static constexpr flow_option_type kType = FLOW_OPTION_SIZE;
  static std::string toml(Size value) {
    return detail::quoted(with_unit(
        value.bytes, {{1LL << 30, "GiB"}, {1LL << 20, "MiB"}, {1LL << 10, "KiB"}, {1, "B"}}));
  }
  static Size read(const flow_value& value) { return {value.integer}; }
};
template <>
struct OptionTraits<Field> {
  static constexpr flow_option_type kType = FLOW_OPTION_FIELD;
  static std::string toml(const Field& value) { return detail::quoted(value.name); }
  static Field read(const flow_value& value) { return {value.text}; }
};
template <>
struct OptionTraits<Secret> {
  static constexpr flow_option_type kType = FLOW_OPTION_SECRET;
  static std::string toml(const Secret& value) { return detail::quoted(value.value); }
  static Secret read(const flow_value& value) { return {value.text}; }
};
template <>
struct OptionTraits<Expression> {
  static constexpr flow_option_type kType = FLOW_OPTION_EXPRESSION;
  static std::string toml(const Expression& value) { return detail::quoted(value.text); }
  static Expression read(const flow_value& value) { return {value.text}; }
};
template <>
struct OptionTraits<std::vector<std::string>> {
  static constexpr flow_option_type kType = FLOW_OPTION_LIST;
  static std::string toml(const std::vector<std::string>& value) {
    std::string result = "[";
    for (const std::string& item : value) {
      result += (result.size() > 1 ? ", " : "") + detail::quoted(item);
    }
    return result + "]";
  }
  static std::vector<std::string> read(const flow_value& value) {
    std::vector<std::string> result;
    for (uint64_t i = 0; i < value.n_items; ++i) result.emplace_back(value.items[i]->text);
    return result;
  }
};
template <>
struct OptionTraits<std::vector<Field>> {
  static constexpr flow_option_type kType = FLOW_OPTION_FIELDS;
  static std::string toml(const std::vector<Field>& value) {
    std::vector<std::string> names;
    names.reserve(value.size());
    for (const Field& field : value) names.push_back(field.name);
    return OptionTraits<std::vector<std::string>>::toml(names);
  }
  static std::vector<Field> read(const flow_value& value) {
    std::vector<Field> result;
    for (uint64_t i = 0; i < value.n_items; ++i) result.push_back({value.items[i]->text});
    return result;
  }
};
template <>
struct OptionTraits<Table> {
  static constexpr flow_option_type kType = FLOW_OPTION_TABLE;
  static std::string toml(const Table&) { return "{}"; }
  static Table read(const flow_value& value) { return {Value::from(value).items}; }
};

template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};

}  // namespace detail

// What an operator says of itself: filled in by its static `describe`. Everything is required that
// the engine refuses a plugin without: name, summary, doc, and a doc for each option.
template <class Options>
class Description {
 public:
  // One option, as `option` returns it for refinement.
  class OptionEntry {
   public:
    // Must be given; its default is never used.
    OptionEntry& required() {
      entry_.option.required = 1;
      entry_.has_default = false;
      return *this;
    }
    // Inclusive; durations in nanoseconds, sizes in bytes.
    OptionEntry& range(double minimum, double maximum) {
      entry_.option.has_range = 1;
      entry_.option.min = minimum;
      entry_.option.max = maximum;
      return *this;
    }

   private:
    friend class Description;
    struct Entry {
      flow_option option{};
      std::string name, doc, default_toml;
      bool has_default = false;
      std::vector<std::string> choices;
      std::vector<const char*> choice_pointers;
      std::function<void(Options&, const flow_value&)> assign;
    };
    explicit OptionEntry(Entry& entry) : entry_(entry) {}
    Entry& entry_;
  };

  // As `type` in a pipeline file. Sources and sinks are nouns, transforms verbs.
  void name(std::string text) { name_ = std::move(text); }
  void summary(std::string text) { summary_ = std::move(text); }
  // Markdown: what it does, what it does with what it cannot do, what it costs.
  void doc(std::string text) { doc_ = std::move(text); }
  // A component's TOML table; a test loads it.
  void example(std::string text) { example_ = std::move(text); }
  void traits(uint64_t flags) { traits_ = flags; }
  uint64_t traits() const { return traits_; }
  // Of the state that snapshot writes; raise it when that changes.
  void state_version(uint32_t version) { version_ = version; }
  // The first call replaces the kind's usual ports ("in", "out").
  void input(std::string name, std::string doc, std::string key_option = "") {
    inputs_.push_back(
        std::make_unique<Port>(std::move(name), std::move(doc), std::move(key_option)));
  }
  void output(std::string name, std::string doc) {
    outputs_.push_back(std::make_unique<Port>(std::move(name), std::move(doc), ""));
  }

  // One output for each entry of a table option, named like it, in the table's order: of ports
  // declared before and after this, the numbers count these too. `name`: what reference pages call
  // them.
  void outputs_of(std::string option, std::string name, std::string doc) {
    outputs_.push_back(std::make_unique<Port>(std::move(name), std::move(doc), std::move(option)));
  }

  // A member of type std::optional<T> is absent unless given; the others start with their value.
  template <class T>
  OptionEntry option(const std::string& name, T Options::*member, const std::string& doc) {
    auto& entry = add(name, doc);
    if constexpr (detail::IsOptional<T>::value) {
      using Inner = typename T::value_type;
      entry.option.type = detail::OptionTraits<Inner>::kType;
      entry.assign = [member](Options& options, const flow_value& value) {
        options.*member = detail::OptionTraits<Inner>::read(value);
      };
    } else {
      entry.option.type = detail::OptionTraits<T>::kType;
      entry.has_default = true;
      entry.default_toml = detail::OptionTraits<T>::toml(Options{}.*member);
      entry.assign = [member](Options& options, const flow_value& value) {
        options.*member = detail::OptionTraits<T>::read(value);
      };
    }
    return OptionEntry(entry);
  }

  // An enum by name.
  template <class Enum>
  OptionEntry choice(std::string name, Enum Options::*member,
                     std::vector<std::pair<std::string, Enum>> values, std::string doc) {
    auto& entry = add(name, doc);
    entry.option.type = FLOW_OPTION_CHOICE;
    for (const auto& [text, value] : values) {
      entry.choices.push_back(text);
      if (value == Options{}.*member) {
        entry.has_default = true;
        entry.default_toml = detail::quoted(text);
      }
    }
    entry.assign = [member, values = std::move(values)](Options& options, const flow_value& value) {
      for (const auto& [text, item] : values) {
        if (text == value.text) options.*member = item;
      }
    };
    return OptionEntry(entry);
  }

  // ---- for the glue between an operator and the ABI ----

  // Completes the descriptor; it lives as long as this object. `kind` decides the usual ports.
  const flow_descriptor* finish(flow_kind kind) {
    if (inputs_.empty() && (kind == FLOW_TRANSFORM || kind == FLOW_WINDOW || kind == FLOW_SINK)) {
      input("in", "The rows to work on.");
    }
    const bool has_out = kind != FLOW_SINK && kind != FLOW_CODEC;
    bool named_out = false;
    for (const auto& port : outputs_) named_out |= port->name != "errors" && port->name != "late";
    if (has_out && !named_out) {
      outputs_.insert(outputs_.begin(), std::make_unique<Port>("out", "The resulting rows.", ""));
    }
    for (auto& entry : entries_) {
      flow_option& option = entry->option;
      option.size = sizeof option;
      option.name = entry->name.c_str();
      option.doc = entry->doc.c_str();
      option.default_toml = entry->has_default ? entry->default_toml.c_str() : nullptr;
      if (!entry->choices.empty()) {
        for (const std::string& text : entry->choices) {
          entry->choice_pointers.push_back(text.c_str());
        }
        entry->choice_pointers.push_back(nullptr);
        option.choices = entry->choice_pointers.data();
      }
      option_pointers_.push_back(&option);
    }
    for (auto& port : inputs_) input_pointers_.push_back(port->finish());
    for (auto& port : outputs_) output_pointers_.push_back(port->finish());
    descriptor_ = {.size = sizeof(flow_descriptor),
                   .kind = kind,
                   .traits = traits_,
                   .name = name_.c_str(),
                   .summary = summary_.c_str(),
                   .doc = doc_.c_str(),
                   .example_toml = example_.c_str(),
                   .options = option_pointers_.data(),
                   .n_options = static_cast<uint32_t>(option_pointers_.size()),
                   .n_inputs = static_cast<uint32_t>(input_pointers_.size()),
                   .inputs = input_pointers_.data(),
                   .outputs = output_pointers_.data(),
                   .n_outputs = static_cast<uint32_t>(output_pointers_.size()),
                   .version = version_};
    return &descriptor_;
  }
  Options read(const flow_value* const* values) const {
    Options options{};
    for (size_t i = 0; i < entries_.size(); ++i) {
      if (values[i] != nullptr) entries_[i]->assign(options, *values[i]);
    }
    return options;
  }
  // Number of the named output; throws std::out_of_range.
  uint32_t output_index(std::string_view name) const {
    for (uint32_t i = 0; i < outputs_.size(); ++i) {
      if (outputs_[i]->name == name) return i;
    }
    throw std::out_of_range("no output '" + std::string(name) + "'");
  }

 private:
  using Entry = typename OptionEntry::Entry;
  struct Port {
    Port(std::string port_name, std::string port_doc, std::string option)
        : name(std::move(port_name)), doc(std::move(port_doc)), key_option(std::move(option)) {}
    const flow_port* finish() {
      port = {.size = sizeof(flow_port),
              .reserved = 0,
              .name = name.c_str(),
              .doc = doc.c_str(),
              .key_option = key_option.empty() ? nullptr : key_option.c_str()};
      return &port;
    }
    std::string name, doc, key_option;
    flow_port port{};
  };

  Entry& add(const std::string& name, const std::string& doc) {
    entries_.push_back(std::make_unique<Entry>());
    entries_.back()->name = name;
    entries_.back()->doc = doc;
    return *entries_.back();
  }

  std::string name_, summary_, doc_, example_;
  uint64_t traits_ = 0;
  uint32_t version_ = 1;
  std::vector<std::unique_ptr<Entry>> entries_;
  std::vector<std::unique_ptr<Port>> inputs_, outputs_;
  std::vector<const flow_option*> option_pointers_;
  std::vector<const flow_port*> input_pointers_, output_pointers_;
  flow_descriptor descriptor_{};
};

}  // namespace flow
