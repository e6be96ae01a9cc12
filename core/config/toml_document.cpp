#include "core/config/toml_document.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <sstream>
#include <tuple>
#include <utility>

namespace flowrun {
namespace {

// toml++ builds one nested table for each part of a dotted key, without a limit, and destroys them
// recursively: a long enough key would end in a stack overflow. So its parts are counted before.
constexpr int kMostKeyParts = 16;

[[noreturn]] void syntax_error(Place place, std::string message, std::string remedy = {}) {
  throw ConfigurationError(Diagnostic{std::move(place), "", std::move(message), std::move(remedy)});
}

std::string without_control_characters(std::string_view text) {
  std::string clean(text);
  std::replace_if(
      clean.begin(), clean.end(),
      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, '?');
  return clean;
}

// Walks over strings and comments as the parser will; where the text is malformed the two may
// part, but there the parser stops.
class KeyPartCounter {
 public:
  KeyPartCounter(std::string_view text, const std::string& file) : text_(text), file_(file) {}

  void check() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (c == '"' || c == '\'') {
        skip_string(c);
      } else {
        if (c == '.') {
          if (++dots_ >= kMostKeyParts) too_many();
        } else if (c != ' ' && c != '\t' && !is_key_character(c)) {
          dots_ = 0;
        }
        step();
      }
    }
  }

 private:
  static bool is_key_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || static_cast<unsigned char>(c) >= 0x80;
  }

  void step() {
    if (text_[at_] == '\n') {
      ++line_;
      line_begin_ = at_ + 1;
    }
    ++at_;
  }

  void skip_string(char quote) {
    const std::string triple(3, quote);
    const bool multi_line = text_.substr(at_, 3) == triple;
    at_ += multi_line ? 3 : 1;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '\\' && quote == '"' && at_ + 1 < text_.size()) {
        step();
        step();
      } else if (multi_line && text_.substr(at_, 3) == triple) {
        at_ += 3;
        while (at_ < text_.size() && text_[at_] == quote) ++at_;
        dots_ = 0;
        return;
      } else if (!multi_line && (c == quote || c == '\n')) {
        step();
        return;
      } else {
        step();
      }
    }
  }

  [[noreturn]] void too_many() const {
    syntax_error({file_, line_, static_cast<std::uint32_t>(at_ - line_begin_ + 1)},
                 "a dotted key has more than " + std::to_string(kMostKeyParts) + " parts");
  }

  std::string_view text_;
  const std::string& file_;
  std::size_t at_ = 0;
  std::size_t line_begin_ = 0;
  std::uint32_t line_ = 1;
  int dots_ = 0;
};

class Converter {
 public:
  explicit Converter(const std::string& file) : file_(file) {}

  Value::Table table(const toml::table& from, int depth) {
    Value::Table members;
    members.reserve(from.size());
    for (auto&& [key, node] : from) {
      const Place place = place_of(key.source());
      Value member = value(node, place, depth + 1);
      members.push_back({std::string(key.str()), place, std::move(member)});
    }
    std::sort(members.begin(), members.end(), [](const Member& a, const Member& b) {
      return std::tie(a.place.line, a.place.column) < std::tie(b.place.line, b.place.column);
    });
    return members;
  }

 private:
  Place place_of(const toml::source_region& region) const {
    return {file_, region.begin.line, region.begin.column};
  }

  Value value(const toml::node& node, const Place& key_place, int depth) {
    Value out;
    out.place = node.source().begin ? place_of(node.source()) : key_place;
    if (depth > kDeepestNesting) {
      syntax_error(out.place, "values are nested more than " + std::to_string(kDeepestNesting) +
                                  " levels deep");
    }
    if (const toml::table* nested = node.as_table()) {
      out.data = table(*nested, depth);
    } else if (const toml::array* elements = node.as_array()) {
      Value::List list;
      list.reserve(elements->size());
      for (const toml::node& element : *elements) {
        list.push_back(value(element, out.place, depth + 1));
      }
      out.data = std::move(list);
    } else if (const auto* text = node.as_string()) {
      out.data = text->get();
    } else if (const auto* integer = node.as_integer()) {
      out.data = integer->get();
    } else if (const auto* number = node.as_floating_point()) {
      out.data = number->get();
    } else if (const auto* boolean = node.as_boolean()) {
      out.data = boolean->get();
    } else {
      std::ostringstream date;
      if (const auto* day = node.as_date()) date << day->get();
      if (const auto* time = node.as_time()) date << time->get();
      if (const auto* moment = node.as_date_time()) date << moment->get();
      out.data = date.str();
    }
    return out;
  }

  const std::string& file_;
};

}  // namespace

Value::Table parse_toml(std::string_view text, const std::string& file) {
  KeyPartCounter(text, file).check();
  try {
    const toml::table document = toml::parse(text, file);
    return Converter(file).table(document, 0);
  } catch (const toml::parse_error& error) {
    const toml::source_position at = error.source().begin;
    syntax_error({file, at.line, at.column}, without_control_characters(error.description()));
  }
}

}  // namespace flowrun
