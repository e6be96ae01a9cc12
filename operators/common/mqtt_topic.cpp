#include "operators/common/mqtt_topic.hpp"

#include <algorithm>
#include <utility>

#include "flow/utf8.hpp"

namespace flow::operators {
namespace {

constexpr std::string_view kShare = "$share/";
constexpr UnsafeBytes kUnsafe("/+#%");

// Calls `level(text, is_last)` for each level.
template <class Take>
void for_each_level(std::string_view topic, Take level) {
  while (true) {
    const size_t slash = topic.find('/');
    level(topic.substr(0, slash), slash == std::string_view::npos);
    if (slash == std::string_view::npos) return;
    topic.remove_prefix(slash + 1);
  }
}

std::string in_quotes(std::string_view text) {
  std::string quoted = "'";
  append_repaired_utf8(text, quoted);
  return quoted += '\'';
}

}  // namespace

bool is_mqtt_topic(std::string_view topic) {
  constexpr std::string_view kNever("+#\0", 3);
  return !topic.empty() && topic.size() <= kMostMqttTopicBytes &&
         topic.find_first_of(kNever) == std::string_view::npos && is_valid_utf8(topic);
}

void check_mqtt_filter(std::string_view filter) {
  const std::string name = "the topic filter " + in_quotes(filter);
  if (filter.empty()) throw Failure("a topic filter is empty; '#' stands for every topic");
  if (filter.size() > kMostMqttTopicBytes) {
    throw Failure("a topic filter is longer than 65,535 bytes");
  }
  if (filter.find('\0') != std::string_view::npos || !is_valid_utf8(filter)) {
    throw Failure(name + " is no UTF-8 text without NUL");
  }
  if (filter.substr(0, kShare.size()) == kShare) {
    const std::string_view rest = filter.substr(kShare.size());
    const size_t slash = rest.find('/');
    const std::string_view group = rest.substr(0, slash);
    if (slash == std::string_view::npos || slash + 1 == rest.size() || group.empty() ||
        group.find_first_of("+#") != std::string_view::npos) {
      throw Failure(name + " shares nothing; write '$share/GROUP/FILTER'");
    }
    filter = rest.substr(slash + 1);
  }
  for_each_level(filter, [&](std::string_view level, bool is_last) {
    if (level.find('#') != std::string_view::npos && (level != "#" || !is_last)) {
      throw Failure(name + " has a '#' that is not its last level");
    }
    if (level.find('+') != std::string_view::npos && level != "+") {
      throw Failure(name + " has a '+' beside other characters; it stands for a whole level");
    }
  });
}

MqttTopicPattern::MqttTopicPattern(std::string_view text) {
  const std::string pattern = "the pattern " + in_quotes(text);
  for_each_level(text, [&](std::string_view level, bool is_last) {
    if (level == "#") {
      if (!is_last) throw Failure(pattern + " has a '#' that is not its last level");
      has_rest_ = true;
      return;
    }
    if (level == "+") {
      levels_.push_back({Kind::kAny, {}});
      return;
    }
    if (level.find_first_of("{}+#") == std::string_view::npos) {
      levels_.push_back({Kind::kLiteral, std::string(level)});
      return;
    }
    const bool is_named = level.size() > 2 && level.front() == '{' && level.back() == '}' &&
                          level.find_first_of("{}+#", 1) == level.size() - 1;
    if (!is_named) {
      throw Failure(pattern + " has the level " + in_quotes(level) +
                    "; write {name}, '+' or a fixed text between two slashes");
    }
    std::string name(level.substr(1, level.size() - 2));
    if (std::find(names_.begin(), names_.end(), name) != names_.end()) {
      throw Failure(pattern + " has two levels named '" + name + "'");
    }
    levels_.push_back({Kind::kNamed, {}});
    names_.push_back(std::move(name));
  });
  if (names_.empty()) {
    throw Failure(pattern + " names no level; write eg '{plant}/{device}/+'");
  }
}

bool MqttTopicPattern::match(std::string_view topic, std::vector<std::string_view>& levels) const {
  levels.clear();
  size_t number = 0;
  bool fits = true;
  for_each_level(topic, [&](std::string_view level, bool) {
    if (number == levels_.size()) {
      fits &= has_rest_;
      return;
    }
    const Level& wanted = levels_[number++];
    if (wanted.kind == Kind::kNamed) levels.push_back(level);
    fits &= wanted.kind != Kind::kLiteral || wanted.text == level;
  });
  return fits && number == levels_.size();
}

MqttTopicTemplate::MqttTopicTemplate(std::string_view text)
    : template_(FieldTemplate::parse(text, "mqtt sink: topic")) {
  const auto& parts = template_.parts();
  if (parts.empty()) throw Failure("mqtt sink: topic is empty");
  if (parts.front().is_field) {
    throw Failure(
        "mqtt sink: topic begins with a field; begin with a text that no row can change, "
        "eg: 'flow/" +
        std::string(text) + "'");
  }
  for (const FieldTemplate::Part& part : parts) {
    if (!part.is_field && !is_mqtt_topic(part.text)) {
      throw Failure("mqtt sink: topic has " + in_quotes(part.text) +
                    ", which no topic can have: '+' and '#' are for those who subscribe");
    }
  }
}

MqttTopicMaker::Outcome MqttTopicMaker::make(int64_t row, std::string& topic) {
  topic.clear();
  const auto add_literal = [&](std::string_view literal) {
    topic.append(literal);
    return topic.size() <= kMostMqttTopicBytes;
  };
  const auto add_value = [&](std::string_view value) {
    append_percent_encoded(topic, value, kUnsafe);
    return topic.size() <= kMostMqttTopicBytes;
  };
  return names_.make(row, add_literal, add_value);
}

}  // namespace flow::operators
