#include "operators/common/expression/json_path.hpp"

#include <charconv>

#include "flow/host.hpp"
#include "operators/common/json_scanner.hpp"
#include "operators/common/json_validate.hpp"

namespace flow::operators {
namespace {

// A place in JSON text that may be anything: every step says whether there was what it passes.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  void skip_space() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) {
      ++at_;
    }
  }
  bool take(char c) {
    skip_space();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  // The inside of a string, as written.
  bool take_string(std::string_view& inside) {
    if (!take('"')) return false;
    const size_t begin = at_;
    while (at_ < text_.size() && text_[at_] != '"') at_ += text_[at_] == '\\' ? 2 : 1;
    if (at_ >= text_.size()) return false;
    inside = text_.substr(begin, at_++ - begin);
    return true;
  }
  bool take_value(std::string_view& value) {
    skip_space();
    const size_t begin = at_;
    size_t depth = 0;
    do {
      if (at_ >= text_.size()) return false;
      const char c = text_[at_];
      std::string_view inside;
      if (c == '"') {
        if (!take_string(inside)) return false;
      } else if (c == '{' || c == '[') {
        ++depth;
        ++at_;
      } else if (c == '}' || c == ']') {
        if (depth-- == 0) return false;
        ++at_;
      } else if (depth > 0) {
        ++at_;
      } else {
        while (at_ < text_.size() && !ends_value(text_[at_])) ++at_;
        break;
      }
    } while (depth > 0);
    value = text_.substr(begin, at_ - begin);
    return !value.empty();
  }

 private:
  static bool ends_value(char c) {
    return c == ',' || c == '}' || c == ']' || c == ' ' || c == '\t' || c == '\n' || c == '\r';
  }
  std::string_view text_;
  size_t at_ = 0;
};

bool is_key(std::string_view written, const std::string& key) {
  if (written.find('\\') == std::string_view::npos) return written == key;
  std::string plain;
  unescape_json(written, plain);
  return plain == key;
}

[[noreturn]] void refuse(std::string_view path, size_t at) {
  throw Failure("the path '" + std::string(path) + "' is wrong at its character " +
                std::to_string(at + 1) + ": write one like user.tags[0] or [\"a key\"].b");
}

}  // namespace

JsonPath JsonPath::compile(std::string_view path) {
  JsonPath result;
  size_t at = 0;
  while (at < path.size() || result.steps_.empty()) {
    Step step;
    if (at < path.size() && path[at] == '[') {
      const size_t begin = ++at;
      if (at < path.size() && path[at] == '"') {
        const size_t end = path.find('"', at + 1);
        if (end == std::string_view::npos) refuse(path, at);
        step.key = path.substr(at + 1, end - at - 1);
        at = end + 1;
      } else {
        step.is_place = true;
        const auto read = std::from_chars(path.data() + at, path.data() + path.size(), step.place);
        if (read.ec != std::errc()) refuse(path, begin);
        at = static_cast<size_t>(read.ptr - path.data());
      }
      if (at >= path.size() || path[at] != ']') refuse(path, at);
      ++at;
    } else {
      if (!result.steps_.empty()) {
        if (path[at] != '.') refuse(path, at);
        ++at;
      }
      const size_t end = path.find_first_of(".[", at);
      step.key = path.substr(at, end == std::string_view::npos ? end : end - at);
      if (step.key.empty()) refuse(path, at);
      at = end == std::string_view::npos ? path.size() : end;
    }
    result.steps_.push_back(std::move(step));
  }
  return result;
}

bool JsonPath::find(std::string_view token, std::string_view& value) const {
  value = token;
  for (const Step& step : steps_) {
    Cursor cursor(value);
    std::string_view next;
    bool found = false;
    if (!cursor.take(step.is_place ? '[' : '{')) return false;
    for (size_t i = 0; !found; ++i) {
      if (i > 0 && !cursor.take(',')) return false;
      std::string_view key;
      if (!step.is_place && !(cursor.take_string(key) && cursor.take(':'))) return false;
      if (!cursor.take_value(next)) return false;
      found = step.is_place ? i == step.place : is_key(key, step.key);
    }
    value = next;
  }
  return value != "null";
}

bool JsonPath::find_checked(std::string_view text, std::string_view& value) const {
  return find(text, value) && !find_json_error(value);
}

}  // namespace flow::operators
