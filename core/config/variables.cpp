#include "core/config/variables.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "core/config/names.hpp"

namespace flowrun {
namespace {

bool is_variable_name(std::string_view name) {
  return is_identifier(name) && name.find('-') == std::string_view::npos;
}

class Expander {
 public:
  Expander(const VariableLookup& lookup, Diagnostics& found) : lookup_(lookup), found_(found) {}

  void expand(Value& value, const std::string& key_path) {
    if (auto* text = std::get_if<std::string>(&value.data)) {
      if (text->find('$') != std::string::npos) *text = expanded(*text, value.place, key_path);
    } else if (auto* list = std::get_if<Value::List>(&value.data)) {
      for (Value& element : *list) expand(element, key_path);
    } else if (auto* table = std::get_if<Value::Table>(&value.data)) {
      for (Member& member : *table) expand(member.value, join_key(key_path, member.name));
    }
  }

 private:
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
                   "set it, or give a default: ${" + std::string(name) + ":-default}");
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

  const VariableLookup& lookup_;
  Diagnostics& found_;
};

}  // namespace

std::optional<std::string> environment_variable(std::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());
  if (value == nullptr) return std::nullopt;
  return std::string(value);
}

void expand_variables(Value& value, const VariableLookup& lookup, const std::string& key_path,
                      Diagnostics& found) {
  Expander(lookup, found).expand(value, key_path);
}

}  // namespace flowrun
