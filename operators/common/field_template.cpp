#include "operators/common/field_template.hpp"

#include <algorithm>

#include "flow/host.hpp"

namespace flow::operators {

FieldTemplate FieldTemplate::parse(std::string_view text, std::string_view owner) {
  FieldTemplate made;
  while (!text.empty()) {
    const size_t brace = text.find_first_of("{}");
    made.add_literal(text.substr(0, brace));
    if (brace == std::string_view::npos) break;
    const char which = text[brace];
    text.remove_prefix(brace + 1);
    const bool doubled = !text.empty() && text.front() == which;
    if (doubled) text.remove_prefix(1);
    if (doubled || which == '}') {
      made.add_literal({&which, 1});
      continue;
    }
    const size_t end = text.find('}');
    if (end == std::string_view::npos) {
      throw Failure(std::string(owner) + ": '{" + std::string(text) +
                    "' is not closed; write '}' behind the field's name, or '{{' for a brace");
    }
    made.add_field(text.substr(0, end), owner);
    text.remove_prefix(end + 1);
  }
  return made;
}

void FieldTemplate::add_literal(std::string_view text) {
  if (text.empty()) return;
  if (parts_.empty() || parts_.back().is_field) parts_.emplace_back();
  parts_.back().text.append(text);
}

void FieldTemplate::add_field(std::string_view inside, std::string_view owner) {
  const size_t colon = inside.find(':');
  Part part;
  part.is_field = true;
  part.text = inside.substr(0, colon);
  if (part.text.empty() || part.text.find_first_of("{ ") != std::string::npos) {
    throw Failure(std::string(owner) + ": '{" + std::string(inside) +
                  "}' names no field; write eg {country} or {when:%Y-%m-%d}, and '{{' for a brace");
  }
  if (colon != std::string_view::npos) {
    part.format = inside.substr(colon + 1);
    const bool is_pattern = part.format.find('%') != std::string::npos;
    part.sub_second =
        part.format != "epoch_s" && (!is_pattern || part.format.find('f') != std::string::npos);
    try {
      part.time = std::make_shared<const TimeFormat>(TimeFormat::compile(part.format));
    } catch (const Failure& refusal) {
      throw Failure(std::string(owner) + ": {" + std::string(inside) + "}: " + refusal.what());
    }
  }
  parts_.push_back(std::move(part));
}

bool FieldTemplate::has_fields() const {
  return std::any_of(parts_.begin(), parts_.end(), [](const Part& part) { return part.is_field; });
}

std::vector<std::string> FieldTemplate::fields() const {
  std::vector<std::string> names;
  for (const Part& part : parts_) {
    if (!part.is_field || std::find(names.begin(), names.end(), part.text) != names.end()) continue;
    names.push_back(part.text);
  }
  return names;
}

}  // namespace flow::operators
