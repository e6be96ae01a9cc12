// Topics of MQTT: filters, patterns that name levels, and topics made of fields.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "flow/output.hpp"
#include "operators/common/field_template.hpp"
#include "operators/common/row_names.hpp"

namespace flow::operators {

// The longest topic that MQTT has, in bytes.
constexpr size_t kMostMqttTopicBytes = 65535;

// Whether a message can have it: valid UTF-8 of 1 to 65,535 bytes without `+`, `#` and NUL.
bool is_mqtt_topic(std::string_view topic);

// Throws Failure that says what is wrong with a filter ("plant/+/temperature", "plant/#",
// "$share/GROUP/plant/#").
void check_mqtt_filter(std::string_view filter);

// "plant/{plant}/+/{device}/#": levels with names, `+` for one without, and `#` at the end for any
// that follow, or none.
class MqttTopicPattern {
 public:
  // Throws Failure: an empty level name, two of one name, a brace that is not closed or not alone
  // in its level, `#` before the end.
  explicit MqttTopicPattern(std::string_view text);

  const std::vector<std::string>& names() const { return names_; }
  // The levels with names, in their order, as views of `topic`. False: the topic has another form.
  bool match(std::string_view topic, std::vector<std::string_view>& levels) const;

 private:
  enum class Kind : uint8_t { kLiteral, kAny, kNamed };
  struct Level {
    Kind kind;
    std::string text;
  };
  std::vector<Level> levels_;
  std::vector<std::string> names_;
  bool has_rest_ = false;
};

// "plant/{plant}/{device}": what stands before the first field no row can change. A value is a part
// of one level: in it `/`, `+`, `#`, `%`, control characters and DEL become %XX, two upper-case
// hexadecimal digits.
class MqttTopicTemplate {
 public:
  // Throws Failure: a field at the beginning, or a literal part that no topic can have.
  explicit MqttTopicTemplate(std::string_view text);

  const FieldTemplate& parts() const { return template_; }
  std::vector<std::string> fields() const { return template_.fields(); }

 private:
  FieldTemplate template_;
};

// Topics of the rows of one batch at a time. Not thread-safe.
class MqttTopicMaker {
 public:
  using Outcome = RowNames::Outcome;

  explicit MqttTopicMaker(const MqttTopicTemplate& topic) : names_(topic.parts(), "a topic") {}

  // `first`: the column of the first of MqttTopicTemplate::fields; the others follow it. Throws
  // Failure for a struct or a list.
  void bind(const Batch& in, uint32_t first, Host host) { names_.bind(in, first, host); }
  // Replaces `topic`.
  Outcome make(int64_t row, std::string& topic);
  // Of kNoValue: the field's name.
  const std::string& field() const { return names_.field(); }

 private:
  RowNames names_;
};

}  // namespace flow::operators
