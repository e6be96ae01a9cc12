#include "core/config/variables.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <utility>

#include "core/config/names.hpp"
#include "core/config/parameters.hpp"

namespace flowrun {
namespace {

bool is_variable_name(std::string_view name) {
  return is_identifier(name) && name.find('-') == std::string_view::npos;
}

constexpr std::string_view kParameter = "parameters.";

// As it would be written in the file, but for the quotes of a text; absent for lists and tables.
std::optional<std::string> written(const Value& value) {
  if (const std::string* text = value.text()) return *text;
  if (const bool* boolean = value.boolean()) return *boolean ? "true" : "false";
  if (const std::int64_t* integer = value.integer()) return std::to_string(*integer);
  if (const double* number = value.number()) {
    char text[32];
    return std::string(text, std::to_chars(text, text + sizeof text, *number).ptr);
  }
  return std::nullopt;
}

class Expander {
 public:
  Expander(const VariableLookup& lookup, Diagnostics& found, const Parameters* parameters)
      : lookup_(lookup), found_(found), parameters_(parameters) {}

  void expand(Value& value, const std::string& key_path) {
    if (auto* text = std::get_if<std::string>(&value.data)) {
      if (text->find('$') == std::string::npos) return;
      if (const std::optional<std::string> name = only_parameter(*text)) {
        if (const Value* parameter = find_parameter(*name, value.place, key_path)) {
          value.data = parameter->data;
        }
      } else {
        *text = expanded(*text, value.place, key_path);
      }
    } else if (auto* list = std::get_if<Value::List>(&value.data)) {
      for (Value& element : *list) expand(element, key_path);
    } else if (auto* table = std::get_if<Value::Table>(&value.data)) {
      for (Member& member : *table) expand(member.value, join_key(key_path, member.name));
    }
  }

 private:
  // The name of the parameter that is all of the text.
  static std::optional<std::string> only_parameter(std::string_view text) {
    const std::string begin = "${" + std::string(kParameter);
    if (text.substr(0, begin.size()) != begin || text.find('}') != text.size() - 1) {
      return std::nullopt;
    }
    return std::string(text.substr(begin.size(), text.size() - begin.size() - 1));
  }

  const Value* find_parameter(const std::string& name, const Place& place,
                              const std::string& key_path) {
    if (!is_identifier(name)) {
      found_.error(place, key_path, quote(name) + " is not the name of a parameter",
                   name.find(":-") == std::string::npos
                       ? "write ${parameters.NAME}"
                       : "its default stands where it is declared, in [parameters]");
      return nullptr;
    }
    if (parameters_ == nullptr) {
      found_.error(place, key_path, "parameters cannot be referred to here",
                   "${NAME}, a variable of the environment, can");
      return nullptr;
    }
    const Value* value = parameters_->find(name);
    if (value == nullptr) {
      std::string remedy = did_you_mean(name, parameters_->names());
      if (remedy.empty()) remedy = "declare it in [parameters]";
      found_.error(place, key_path, "there is no parameter " + quote(name), std::move(remedy));
    }
    return value;
  }

  std::string parameter(const std::string& name, const Place& place, const std::string& key_path) {
    const Value* value = find_parameter(name, place, key_path);
    if (value == nullptr) return {};
    std::optional<std::string> text = written(*value);
    if (!text) {
      found_.error(place, key_path,
                   "the parameter " + quote(name) + " is " + std::string(value->type_name()) +
                       ", and cannot be part of a text",
                   "write it alone: \"${parameters." + name + "}\"");
      return {};
    }
    return *std::move(text);
  }

  std::string expanded(const std::string& text, const Place& place, const std::string& key_path) {
    std::string out;
    std::size_t at = 0;
    while (at < text.size()) {
      const std::size_t dollar = std::min(text.find('$', at), text.size());
      out.append(text, at, dollar - at);
      at = dollar;
      if (at == text.size()) break;
      const char next = at + 1 < text.size() ? text[at + 1] : '\0';
      if (next == '{') {
        const std::size_t end = text.find('}', at);
        if (end == std::string::npos) {
          found_.error(place, key_path, "'${' is not closed by '}'", "write $${ for a literal ${");
          return text;
        }
        out += variable(std::string_view(text).substr(at + 2, end - at - 2), place, key_path);
        at = end + 1;
      } else {
        out += '$';
        at += next == '$' ? 2 : 1;
      }
    }
    return out;
  }

  std::string variable(std::string_view inside, const Place& place, const std::string& key_path) {
    if (inside.substr(0, kParameter.size()) == kParameter) {
      return parameter(std::string(inside.substr(kParameter.size())), place, key_path);
    }
    const std::size_t separator = inside.find(":-");
    const std::string_view name = inside.substr(0, separator);
    if (!is_variable_name(name)) {
      found_.error(place, key_path, quote(name) + " is not the name of a variable",
                   "write ${NAME} or ${NAME:-default}, and $${ for a literal ${");
      return {};
    }
    std::optional<std::string> value = lookup_(name);
    if (separator == std::string_view::npos) {
      if (value) return *value;
      found_.error(place, key_path, "the environment variable " + std::string(name) + " is not set",
                   is_parameter(name)
                       ? "the parameter is written ${parameters." + std::string(name) + '}'
                       : "set it, or give a default: ${" + std::string(name) + ":-default}");
      return {};
    }
    const std::string_view fallback = inside.substr(separator + 2);
    if (fallback.find("${") != std::string_view::npos) {
      found_.error(place, key_path,
                   "the default of ${" + std::string(name) + "} has a variable in it",
                   "defaults are taken as they are written");
      return {};
    }
    return value && !value->empty() ? *value : std::string(fallback);
  }

  bool is_parameter(std::string_view name) const {
    if (parameters_ == nullptr) return false;
    const std::vector<std::string> names = parameters_->names();
    return std::find(names.begin(), names.end(), name) != names.end();
  }

  const VariableLookup& lookup_;
  Diagnostics& found_;
  const Parameters* parameters_;
};

}  // namespace

std::optional<std::string> environment_variable(std::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());
  if (value == nullptr) return std::nullopt;
  return std::string(value);
}

void expand_variables(Value& value, const VariableLookup& lookup, const std::string& key_path,
                      Diagnostics& found, const Parameters* parameters) {
  Expander(lookup, found, parameters).expand(value, key_path);
}

}  // namespace flowrun
