#include "operators/common/path_template.hpp"

#include <algorithm>

namespace flow::operators {
namespace {

constexpr std::string_view kUnfinished = ".part";
constexpr UnsafeBytes kUnsafe("/%");
constexpr UnsafeBytes kDot(".");

void encode_at(std::string& path, size_t at) {
  std::string encoded;
  append_percent_encoded(encoded, std::string_view(path).substr(at, 1), kDot);
  path.replace(at, 1, encoded);
}

}  // namespace

PathTemplate::PathTemplate(std::string_view text, std::string_view owner)
    : template_(FieldTemplate::parse(text, owner)) {
  if (!template_.parts().empty() && !template_.parts().front().is_field) {
    literal_ = template_.parts().front().text;
  }
  if (!has_fields()) return;
  if (literal_.find('/') == std::string::npos) {
    throw Failure(std::string(owner) +
                  " begins with a field; begin with a folder that no row can leave, eg: './" +
                  std::string(text) + "'");
  }
  // Behind the first field fixed names must stay inside too. A field's place is any character.
  std::string names = "x";
  for (size_t i = literal_.empty() ? 0 : 1; i < template_.parts().size(); ++i) {
    const FieldTemplate::Part& part = template_.parts()[i];
    names.append(part.is_field ? "x" : part.text);
  }
  for (size_t at = 0; at != std::string::npos;) {
    const size_t end = std::min(names.find('/', at), names.size());
    const std::string_view name = std::string_view(names).substr(at, end - at);
    if (name.empty() || name == "." || name == "..") {
      throw Failure(std::string(owner) + " has a folder '" + std::string(name) +
                    "' behind its first field; give it a name");
    }
    at = end == names.size() ? std::string::npos : end + 1;
  }
}

std::string PathTemplate::folder() const {
  const size_t slash = literal_.rfind('/');
  if (slash == std::string::npos) return ".";
  return literal_.substr(0, std::max<size_t>(slash, 1));
}

PathMaker::Outcome PathMaker::make(int64_t row, std::string& path) {
  path.clear();
  size_t name = 0;  // where the last name of the path begins
  bool has_value = false;
  const auto finish = [&](bool is_last) { return !has_value || finish_name(path, name, is_last); };
  const auto add_literal = [&](std::string_view literal) {
    for (size_t slash = literal.find('/'); slash != std::string_view::npos;
         slash = literal.find('/')) {
      path.append(literal.substr(0, slash));
      if (!finish(false)) return false;
      path += '/';
      literal.remove_prefix(slash + 1);
      name = path.size();
      has_value = false;
    }
    path.append(literal);
    return true;
  };
  const auto add_value = [&](std::string_view value) {
    if (value.size() > PathTemplate::kMostNameBytes) return false;
    append_percent_encoded(path, value, kUnsafe);
    return has_value = true;
  };
  const Outcome outcome = names_.make(row, add_literal, add_value);
  if (outcome != Outcome::kDone) return outcome;
  if (!finish(true) || path.size() > PathTemplate::kMostPathBytes) return Outcome::kTooLong;
  return Outcome::kDone;
}

// False: the name is too long. `is_last`: it is the file's.
bool PathMaker::finish_name(std::string& path, size_t begin, bool is_last) {
  const std::string_view name = std::string_view(path).substr(begin);
  if (name == "." || name == "..") {
    encode_at(path, begin);
  } else if (is_last && name.size() >= kUnfinished.size() &&
             name.substr(name.size() - kUnfinished.size()) == kUnfinished) {
    encode_at(path, path.size() - kUnfinished.size());
  }
  return path.size() - begin <= PathTemplate::kMostNameBytes;
}

}  // namespace flow::operators
