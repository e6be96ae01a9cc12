#include "operators/common/path_template.hpp"

#include <algorithm>
#include <utility>

namespace flow::operators {
namespace {

constexpr std::string_view kUnfinished = ".part";

bool is_unsafe(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f || c == '/' || c == '%';
}

void append_encoded(std::string& out, char c) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  const auto byte = static_cast<unsigned char>(c);
  out += '%';
  out += kDigits[byte >> 4];
  out += kDigits[byte & 15];
}

void append_safe(std::string& out, std::string_view value) {
  for (const char c : value) {
    if (is_unsafe(c)) {
      append_encoded(out, c);
    } else {
      out += c;
    }
  }
}

void encode_at(std::string& path, size_t at) {
  std::string encoded;
  append_encoded(encoded, path[at]);
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

PathMaker::PathMaker(const PathTemplate& path) {
  const std::vector<std::string> fields = path.fields();
  for (const FieldTemplate::Part& given : path.parts().parts()) {
    Part part;
    part.is_field = given.is_field;
    if (given.is_field) {
      part.name = given.text;
      const auto at = std::find(fields.begin(), fields.end(), given.text);
      part.column = static_cast<uint32_t>(at - fields.begin());
      part.text = FieldText(given.time, given.sub_second);
    } else {
      part.literal = given.text;
    }
    parts_.push_back(std::move(part));
  }
}

void PathMaker::bind(const Batch& in, uint32_t first, Host host) {
  for (Part& part : parts_) {
    if (!part.is_field) continue;
    const flow_column& column = in.column(first + part.column);
    if (part.text.bind(column, host)) continue;
    throw Failure("the field '" + part.name + "' is a " + std::string(type_name(column.type)) +
                  ", which cannot be part of a path; name a field inside it");
  }
}

PathMaker::Outcome PathMaker::make(int64_t row, std::string& path) {
  path.clear();
  size_t name = 0;  // where the last name of the path begins
  bool has_value = false;
  const auto finish = [&](bool is_last) { return !has_value || finish_name(path, name, is_last); };
  for (size_t i = 0; i < parts_.size(); ++i) {
    Part& part = parts_[i];
    if (part.is_field) {
      value_.clear();
      if (!part.text.append(row, value_) || value_.empty()) {
        failed_ = i;
        return Outcome::kNoValue;
      }
      if (value_.size() > PathTemplate::kMostNameBytes) return Outcome::kTooLong;
      append_safe(path, value_);
      has_value = true;
      continue;
    }
    std::string_view literal = part.literal;
    for (size_t slash = literal.find('/'); slash != std::string_view::npos;
         slash = literal.find('/')) {
      path.append(literal.substr(0, slash));
      if (!finish(false)) return Outcome::kTooLong;
      path += '/';
      literal.remove_prefix(slash + 1);
      name = path.size();
      has_value = false;
    }
    path.append(literal);
  }
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
