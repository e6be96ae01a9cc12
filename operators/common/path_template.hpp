// Paths with values of fields in them, which no value can lead astray.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "flow/output.hpp"
#include "operators/common/field_template.hpp"
#include "operators/common/row_names.hpp"

namespace flow::operators {

// What stands before the first field is a folder, and everything lies in it: a value is always a
// part of one name. In it `/`, `%`, control characters and DEL become %XX, two upper-case
// hexadecimal digits, so that different values never meet in one path; a name that would come out
// as "." or "..", or end in ".part", has that dot as %2E.
class PathTemplate {
 public:
  // The longest name that values may make: what stays free of the 255 bytes that file systems allow
  // is for numbers and ".part".
  static constexpr size_t kMostNameBytes = 230;
  // The longest path.
  static constexpr size_t kMostPathBytes = 4000;

  // Throws Failure, beginning with `owner`: no template, no folder before the first field, or a
  // folder named "." or ".." behind it.
  PathTemplate(std::string_view text, std::string_view owner);

  bool has_fields() const { return template_.has_fields(); }
  std::vector<std::string> fields() const { return template_.fields(); }
  // The path, where there are no fields; else what stands before the first.
  const std::string& literal() const { return literal_; }
  // The folder that everything lies in; "." for the working directory.
  std::string folder() const;
  const FieldTemplate& parts() const { return template_; }

 private:
  FieldTemplate template_;
  std::string literal_;
};

// Paths of the rows of one batch at a time. Not thread-safe.
class PathMaker {
 public:
  using Outcome = RowNames::Outcome;

  explicit PathMaker(const PathTemplate& path) : names_(path.parts(), "a path") {}

  // `first`: the column of the first of PathTemplate::fields; the others follow it. Throws Failure
  // for a struct or a list.
  void bind(const Batch& in, uint32_t first, Host host) { names_.bind(in, first, host); }
  // Replaces `path`. Allocates nothing once `path` is long enough.
  Outcome make(int64_t row, std::string& path);
  // Of kNoValue: the field's name.
  const std::string& field() const { return names_.field(); }

 private:
  static bool finish_name(std::string& path, size_t begin, bool is_last);

  RowNames names_;
};

}  // namespace flow::operators
