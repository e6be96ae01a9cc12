// The value of a field as plain text, row by row.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "flow/host.hpp"
#include "operators/common/time_format.hpp"

namespace flow::operators {

// One column of a batch at a time. Not thread-safe.
class FieldText {
 public:
  // `format`: how timestamps are written; NULL: as RFC 3339 in UTC. With one, texts are read as RFC
  // 3339 too.
  // `sub_second`: whether the format shows less than whole seconds.
  explicit FieldText(std::shared_ptr<const TimeFormat> format = nullptr, bool sub_second = true)
      : format_(std::move(format)), sub_second_(sub_second) {}

  // The column must live until the next bind. False: a struct or a list, which has no plain text.
  bool bind(const flow_column& column, Host host);
  // Appends the value of `row`: numbers as JSON writes them, json tokens as what they say. False,
  // nothing appended: it is null, or no timestamp where one is formatted.
  bool append(int64_t row, std::string& out);

 private:
  bool append_time(int64_t nanoseconds, std::string& out);

  std::shared_ptr<const TimeFormat> format_;
  bool sub_second_;
  const flow_column* column_ = nullptr;
  flow_type type_ = 0;
  Column converted_;  // of json
  std::optional<AnyTextView> texts_;
  Validity validity_;
  std::optional<int64_t> last_time_;  // what last_text_ is of: seconds where those decide
  std::string last_text_;
};

}  // namespace flow::operators
