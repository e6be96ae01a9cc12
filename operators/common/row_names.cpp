#include "operators/common/row_names.hpp"

#include <algorithm>
#include <utility>

namespace flow::operators {

void append_percent_encoded(std::string& out, std::string_view value, const UnsafeBytes& unsafe) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  for (const char c : value) {
    if (!unsafe[c]) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
}

RowNames::RowNames(const FieldTemplate& form, std::string what) : what_(std::move(what)) {
  const std::vector<std::string> fields = form.fields();
  for (const FieldTemplate::Part& given : form.parts()) {
    Part part{given.text, given.is_field, 0, FieldText(given.time, given.sub_second)};
    const auto at = std::find(fields.begin(), fields.end(), given.text);
    if (given.is_field) part.column = static_cast<uint32_t>(at - fields.begin());
    parts_.push_back(std::move(part));
  }
}

void RowNames::bind(const Batch& in, uint32_t first, Host host) {
  for (Part& part : parts_) {
    if (!part.is_field) continue;
    const flow_column& column = in.column(first + part.column);
    if (part.value.bind(column, host)) continue;
    throw Failure("the field '" + part.text + "' is a " + std::string(type_name(column.type)) +
                  ", which cannot be part of " + what_ + "; name a field inside it");
  }
}

}  // namespace flow::operators
