#include "core/config/options.hpp"

#include <algorithm>
#include <cmath>
#include <deque>
#include <utility>

#include "core/config/file_text.hpp"
#include "core/config/names.hpp"
#include "core/config/quantity.hpp"
#include "core/config/toml_document.hpp"
#include "core/config/variables.hpp"

namespace flowrun {
namespace {

constexpr std::size_t kLargestSecret = std::size_t{1} << 20;
constexpr double kUnbounded = 9.2e18;  // a limit beyond what an integer holds is none
constexpr char kHex[] = "0123456789abcdef";

}  // namespace

struct BoundOptions::Storage {
  // Deques: what was handed out keeps its address.
  std::deque<flow_value> nodes;
  std::deque<std::string> texts;
  std::deque<std::vector<const flow_value*>> items;
  std::deque<std::vector<const char*>> names;
  std::vector<const flow_option*> options;
  std::vector<const flow_value*> values;
};

// Binds the options of one table into a BoundOptions.
class OptionBinder {
 public:
  OptionBinder(const OptionContext& context, Diagnostics& found)
      : context_(context), found_(found), storage_(*bound_.storage_) {}

  BoundOptions bind(std::span<const flow_option* const> options, const Value::Table& given) {
    report_unknown(options, given);
    for (const flow_option* option : options) {
      storage_.options.push_back(option);
      storage_.values.push_back(bind_one(*option, given));
    }
    return std::move(bound_);
  }

 private:
  // What is being bound, for its messages.
  struct Subject {
    const flow_option& option;
    const Place& place;
    std::string key_path;
    bool from_file;  // false: a default of the descriptor, which has no place to name
  };

  void report_unknown(std::span<const flow_option* const> options, const Value::Table& given) {
    std::vector<std::string> known;
    for (const flow_option* option : options) known.emplace_back(option->name);
    for (const Member& member : given) {
      if (std::find(known.begin(), known.end(), member.name) != known.end()) continue;
      std::vector<std::string> candidates = known;
      candidates.insert(candidates.end(), context_.other_keys.begin(), context_.other_keys.end());
      meant_.push_back(nearest_name(member.name, candidates).value_or(""));
      std::string remedy = did_you_mean(member.name, candidates);
      if (remedy.empty() && !known.empty() && known.size() <= 12) {
        remedy =
            (known.size() == 1 ? "its only option is " : "its options are ") + enumerate(known);
      }
      found_.error(member.place, join_key(context_.key_path, member.name),
                   "unknown option of the " + context_.owner, std::move(remedy));
    }
  }

  const flow_value* bind_one(const flow_option& option, const Value::Table& given) {
    const std::string key_path = join_key(context_.key_path, option.name);
    if (const Value* value = find(given, option.name)) {
      return convert(*value, {option, value->place, key_path, true});
    }
    const bool is_misspelt = std::find(meant_.begin(), meant_.end(), option.name) != meant_.end();
    if (option.required != 0 && is_misspelt) return nullptr;  // told already
    if (option.required != 0) {
      found_.error(context_.place, key_path,
                   "is required by the " + context_.owner + ", and missing",
                   "it is a " + std::string(option_type_name(option.type)));
      return nullptr;
    }
    if (option.default_toml == nullptr) return nullptr;
    try {
      const Value::Table parsed =
          parse_toml(std::string("value = ") + option.default_toml, "default_toml");
      if (parsed.size() != 1) {
        fail({option, context_.place, key_path, false}, "the default is not a single value");
        return nullptr;
      }
      return convert(parsed[0].value, {option, context_.place, key_path, false});
    } catch (const ConfigurationError& error) {
      fail({option, context_.place, key_path, false},
           "the default is not TOML: " + error.diagnostics()[0].message);
      return nullptr;
    }
  }

  void fail(const Subject& subject, std::string message, std::string remedy = {}) {
    if (!subject.from_file)
      message = "default " + std::string(subject.option.default_toml) + ": " + message;
    found_.error(subject.place, subject.key_path, std::move(message), std::move(remedy));
  }

  const flow_value* wrong_type(const Value& value, const Subject& subject,
                               std::string remedy = {}) {
    fail(subject,
         "must be a " + std::string(option_type_name(subject.option.type)) + ", and is " +
             std::string(value.type_name()),
         std::move(remedy));
    return nullptr;
  }

  const flow_value* convert(const Value& value, const Subject& subject) {
    switch (subject.option.type) {
      case FLOW_OPTION_BOOL:
        if (const bool* boolean = value.boolean()) {
          flow_value& node = make(FLOW_OPTION_BOOL, value, subject);
          node.integer = *boolean ? 1 : 0;
          return &node;
        }
        return wrong_type(value, subject, "write true or false");
      case FLOW_OPTION_INT:
        if (const std::int64_t* integer = value.integer()) {
          return make_integer(*integer, value, subject);
        }
        return wrong_type(value, subject);
      case FLOW_OPTION_FLOAT:
        return convert_float(value, subject);
      case FLOW_OPTION_DURATION:
      case FLOW_OPTION_SIZE:
        return convert_quantity(value, subject);
      case FLOW_OPTION_TEXT:
        if (value.text() != nullptr) return make_text(value, subject);
        return wrong_type(value, subject);
      case FLOW_OPTION_CHOICE:
        return convert_choice(value, subject);
      case FLOW_OPTION_FIELD:
      case FLOW_OPTION_EXPRESSION:
        if (value.text() == nullptr) return wrong_type(value, subject);
        // A default may be: the operator then chooses itself.
        if (value.text()->empty() && subject.from_file) {
          fail(subject, "must not be empty");
          return nullptr;
        }
        return make_text(value, subject);
      case FLOW_OPTION_FIELDS:
      case FLOW_OPTION_LIST:
        return convert_list(value, subject);
      case FLOW_OPTION_TABLE:
        if (value.table() != nullptr) return copy(value, subject);
        return wrong_type(value, subject);
      case FLOW_OPTION_SECRET:
        return convert_secret(value, subject);
      default:
        fail(subject,
             "has a type that this host does not know: " + std::to_string(subject.option.type));
        return nullptr;
    }
  }

  const flow_value* convert_float(const Value& value, const Subject& subject) {
    double number = 0;
    if (const double* given = value.number()) {
      number = *given;
    } else if (const std::int64_t* integer = value.integer()) {
      number = static_cast<double>(*integer);
    } else {
      return wrong_type(value, subject);
    }
    if (!in_range(number, brief(value), subject)) return nullptr;
    flow_value& node = make(FLOW_OPTION_FLOAT, value, subject);
    node.number = number;
    return &node;
  }

  const flow_value* convert_quantity(const Value& value, const Subject& subject) {
    const bool is_duration = subject.option.type == FLOW_OPTION_DURATION;
    Quantity quantity;
    if (const std::string* text = value.text()) {
      quantity = is_duration ? parse_duration(*text) : parse_size(*text);
    } else if (const std::int64_t* integer = value.integer()) {
      quantity = is_duration ? parse_duration(std::to_string(*integer))
                             : parse_size(std::to_string(*integer) + 'B');
    } else {
      return wrong_type(value, subject,
                        is_duration ? R"(write for example "10s")" : R"(write for example "1MiB")");
    }
    if (!quantity.value) {
      fail(subject, quantity.problem, quantity.remedy);
      return nullptr;
    }
    return make_integer(*quantity.value, value, subject);
  }

  const flow_value* convert_choice(const Value& value, const Subject& subject) {
    if (value.text() == nullptr) return wrong_type(value, subject);
    std::vector<std::string> choices;
    for (const char* const* choice = subject.option.choices; choice && *choice; ++choice) {
      if (*value.text() == *choice) return make_text(value, subject);
      choices.emplace_back(*choice);
    }
    std::vector<std::string> shown;
    shown.reserve(choices.size());
    for (const std::string& choice : choices) shown.push_back('"' + choice + '"');
    fail(subject, quote(*value.text()) + " is not one of " + enumerate(shown, "or"),
         did_you_mean(*value.text(), choices));
    return nullptr;
  }

  const flow_value* convert_list(const Value& value, const Subject& subject) {
    if (value.text() != nullptr) {  // one text stands for a list of one
      Value list;
      list.place = value.place;
      list.data = Value::List{value};
      return convert_list(list, subject);
    }
    if (value.list() == nullptr) return wrong_type(value, subject);
    bool good = true;
    for (const Value& element : *value.list()) {
      const Subject inner = {subject.option, subject.from_file ? element.place : subject.place,
                             subject.key_path, subject.from_file};
      if (element.text() == nullptr) {
        fail(inner,
             "must be a list of text, and has " + std::string(element.type_name()) + " in it");
        good = false;
      } else if (element.text()->empty() && subject.option.type == FLOW_OPTION_FIELDS) {
        fail(inner, "has an empty name of a field in it");
        good = false;
      }
    }
    return good ? copy(value, subject) : nullptr;
  }

  const flow_value* convert_secret(const Value& value, const Subject& subject) {
    if (value.text() != nullptr) return make_text(value, subject);
    const Value::Table* table = value.table();
    const bool well_formed = table != nullptr && table->size() == 1 &&
                             (table->front().name == "env" || table->front().name == "file") &&
                             table->front().value.text() != nullptr;
    if (!well_formed) {
      return wrong_type(value, subject, R"(write a text, { env = "NAME" } or { file = "path" })");
    }
    const std::string& where = *table->front().value.text();
    Value secret{value.place, std::string()};
    if (context_.secrets == SecretReading::kLeaveOut) return make_text(secret, subject);
    if (table->front().name == "env") {
      const std::optional<std::string> variable = environment_variable(where);
      if (!variable) {
        fail(subject, "the environment variable " + where + " is not set");
        return nullptr;
      }
      secret.data = *variable;
    } else {
      auto [content, problem] = read_file_text(where, kLargestSecret);
      if (!problem.empty()) {
        fail(subject, "the secret's file " + quote(where) + " " + problem,
             "relative paths begin in the working directory");
        return nullptr;
      }
      while (!content.empty() && (content.back() == '\n' || content.back() == '\r')) {
        content.pop_back();
      }
      secret.data = std::move(content);
    }
    return make_text(secret, subject);
  }

  std::string show(double amount) const {
    // Integers as integers: the limits of a count are never 1e+06.
    if (amount == std::floor(amount) && std::abs(amount) < 1e15) {
      return std::to_string(static_cast<std::int64_t>(amount));
    }
    return brief(Value{{}, amount});
  }

  std::string show_limit(double limit, flow_option_type type) const {
    const bool exact = limit == std::floor(limit) && std::abs(limit) < 9e18;
    if (exact && type == FLOW_OPTION_DURATION) {
      return format_duration(static_cast<std::int64_t>(limit));
    }
    if (exact && type == FLOW_OPTION_SIZE) return format_size(static_cast<std::int64_t>(limit));
    return show(limit);
  }

  bool in_range(double amount, const std::string& shown, const Subject& subject) {
    const flow_option& option = subject.option;
    if (option.has_range == 0 || (amount >= option.min && amount <= option.max)) return true;
    const std::string min = show_limit(option.min, option.type);
    const std::string max = show_limit(option.max, option.type);
    std::string message;
    if (option.max >= kUnbounded) {
      message = "must be at least " + min;
    } else if (option.min <= -kUnbounded) {
      message = "must be at most " + max;
    } else {
      message = "must be between " + min + " and " + max;
    }
    fail(subject, message + ", and is " + shown);
    return false;
  }

  const flow_value* make_integer(std::int64_t integer, const Value& value, const Subject& subject) {
    if (!in_range(static_cast<double>(integer), brief(value), subject)) return nullptr;
    flow_value& node = make(FLOW_OPTION_INT, value, subject);
    node.integer = integer;
    node.number = static_cast<double>(integer);
    return &node;
  }

  const flow_value* make_text(const Value& value, const Subject& subject) {
    return copy(value, subject);
  }

  flow_value& make(flow_option_type type, const Value& value, const Subject& subject) {
    flow_value& node = storage_.nodes.emplace_back();
    node.size = sizeof node;
    node.type = type;
    if (subject.from_file) node.place = keep(value.place.to_string());
    return node;
  }

  const char* keep(std::string text) {
    return storage_.texts.emplace_back(std::move(text)).c_str();
  }

  // A value of any type with everything below it; nullptr if a text in it cannot cross the ABI.
  const flow_value* copy(const Value& value, const Subject& subject) {
    if (const bool* boolean = value.boolean()) {
      flow_value& node = make(FLOW_OPTION_BOOL, value, subject);
      node.integer = *boolean ? 1 : 0;
      return &node;
    }
    if (const std::int64_t* integer = value.integer()) {
      flow_value& node = make(FLOW_OPTION_INT, value, subject);
      node.integer = *integer;
      node.number = static_cast<double>(*integer);
      return &node;
    }
    if (const double* number = value.number()) {
      flow_value& node = make(FLOW_OPTION_FLOAT, value, subject);
      node.number = *number;
      return &node;
    }
    if (const std::string* text = value.text()) {
      if (has_nul(*text, subject)) return nullptr;
      flow_value& node = make(FLOW_OPTION_TEXT, value, subject);
      node.text = keep(*text);
      return &node;
    }
    const bool is_table = value.table() != nullptr;
    flow_value& node = make(is_table ? FLOW_OPTION_TABLE : FLOW_OPTION_LIST, value, subject);
    std::vector<const flow_value*>& items = storage_.items.emplace_back();
    if (is_table) {
      std::vector<const char*>& names = storage_.names.emplace_back();
      for (const Member& member : *value.table()) {
        if (has_nul(member.name, subject)) return nullptr;
        names.push_back(keep(member.name));
        items.push_back(copy(member.value, subject));
      }
      node.names = names.data();
    } else {
      for (const Value& element : *value.list()) items.push_back(copy(element, subject));
    }
    if (std::find(items.begin(), items.end(), nullptr) != items.end()) return nullptr;
    node.items = items.data();
    node.n_items = items.size();
    return &node;
  }

  bool has_nul(const std::string& text, const Subject& subject) {
    if (text.find('\0') == std::string::npos) return false;
    fail(subject, "has a NUL character in it, which no option can take");
    return true;
  }

  const OptionContext& context_;
  Diagnostics& found_;
  std::vector<std::string> meant_;  // what unknown names resemble
  BoundOptions bound_;
  BoundOptions::Storage& storage_;
};

namespace {

std::string toml_text(const char* text) {
  std::string out = "\"";
  for (; *text != '\0'; ++text) {
    const auto byte = static_cast<unsigned char>(*text);
    if (byte == '"' || byte == '\\') {
      out.append("\\").push_back(*text);
    } else if (byte < 0x20 || byte == 0x7F) {
      out.append("\\u00").append({kHex[byte >> 4], kHex[byte & 15]});
    } else {
      out += *text;
    }
  }
  return out + '"';
}

std::string toml_value(const flow_value& value) {
  switch (value.type) {
    case FLOW_OPTION_BOOL:
      return value.integer != 0 ? "true" : "false";
    case FLOW_OPTION_INT:
      return std::to_string(value.integer);
    case FLOW_OPTION_FLOAT:
      return brief(Value{{}, value.number});
    case FLOW_OPTION_TEXT:
      return toml_text(value.text);
    default:
      break;
  }
  const bool is_table = value.type == FLOW_OPTION_TABLE;
  std::string out = is_table ? "{" : "[";
  for (std::uint64_t i = 0; i < value.n_items; ++i) {
    out += i > 0 ? ", " : is_table ? " " : "";
    if (is_table) out += join_key("", value.names[i]) + " = ";
    out += toml_value(*value.items[i]);
  }
  return out + (!is_table ? "]" : value.n_items > 0 ? " }" : "}");
}

}  // namespace

BoundOptions::BoundOptions() : storage_(std::make_unique<Storage>()) {}
BoundOptions::~BoundOptions() = default;
BoundOptions::BoundOptions(BoundOptions&&) noexcept = default;
BoundOptions& BoundOptions::operator=(BoundOptions&&) noexcept = default;

const flow_value* const* BoundOptions::values() const { return storage_->values.data(); }

std::size_t BoundOptions::size() const { return storage_->values.size(); }

const flow_value* BoundOptions::find(std::string_view name) const {
  for (std::size_t i = 0; i < storage_->options.size(); ++i) {
    if (name == storage_->options[i]->name) return storage_->values[i];
  }
  return nullptr;
}

std::string BoundOptions::to_string() const {
  std::string out;
  for (std::size_t i = 0; i < storage_->options.size(); ++i) {
    const flow_option& option = *storage_->options[i];
    const flow_value* value = storage_->values[i];
    if (value == nullptr) continue;
    if (!out.empty()) out += ", ";
    out.append(option.name).append(" = ");
    if (option.type == FLOW_OPTION_SECRET) {
      out += "\"***\"";
    } else if (option.type == FLOW_OPTION_DURATION) {
      out += '"' + format_duration(value->integer) + '"';
    } else if (option.type == FLOW_OPTION_SIZE) {
      out += '"' + format_size(value->integer) + '"';
    } else {
      out += toml_value(*value);
    }
  }
  return out;
}

BoundOptions bind_options(std::span<const flow_option* const> options, const Value::Table& given,
                          const OptionContext& context, Diagnostics& found) {
  return OptionBinder(context, found).bind(options, given);
}

std::span<const flow_option* const> options_of(const flow_descriptor& descriptor) {
  return {descriptor.options, descriptor.n_options};
}

std::string_view option_type_name(flow_option_type type) {
  switch (type) {
    case FLOW_OPTION_BOOL:
      return "boolean";
    case FLOW_OPTION_INT:
      return "whole number";
    case FLOW_OPTION_FLOAT:
      return "number";
    case FLOW_OPTION_TEXT:
      return "text";
    case FLOW_OPTION_DURATION:
      return "duration";
    case FLOW_OPTION_SIZE:
      return "size";
    case FLOW_OPTION_CHOICE:
      return "text";
    case FLOW_OPTION_FIELD:
      return "field name";
    case FLOW_OPTION_FIELDS:
      return "list of field names";
    case FLOW_OPTION_LIST:
      return "list of text";
    case FLOW_OPTION_TABLE:
      return "table";
    case FLOW_OPTION_EXPRESSION:
      return "text with an expression";
    case FLOW_OPTION_SECRET:
      return "secret";
    default:
      return "value of unknown type";
  }
}

}  // namespace flowrun
