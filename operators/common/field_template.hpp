// Text with values of fields in it: "out/{country}/{when:%Y-%m-%d}.ndjson".
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "operators/common/time_format.hpp"

namespace flow::operators {

// "{name}" stands for the value of a field (dotted names reach inside), "{name:FORMAT}" for a
// timestamp as TimeFormat writes it, "{{" and "}}" for a brace.
class FieldTemplate {
 public:
  struct Part {
    std::string text;  // a literal; of a field, its name
    bool is_field = false;
    std::string format;                      // as written; "": none
    std::shared_ptr<const TimeFormat> time;  // of `format`; NULL: none
    bool sub_second = true;                  // whether it may show less than whole seconds
  };

  // Throws Failure, beginning with `owner`, for a brace that is not closed, an empty name, and a
  // format that TimeFormat does not know.
  static FieldTemplate parse(std::string_view text, std::string_view owner);

  // Literals and fields in their order; no two literals in a row.
  const std::vector<Part>& parts() const { return parts_; }
  bool has_fields() const;
  // The distinct names, in the order of their first place.
  std::vector<std::string> fields() const;

 private:
  void add_literal(std::string_view text);
  void add_field(std::string_view inside, std::string_view owner);

  std::vector<Part> parts_;
};

}  // namespace flow::operators
