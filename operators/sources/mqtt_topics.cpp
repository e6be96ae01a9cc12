#include "operators/sources/mqtt_topics.hpp"

#include <utility>

namespace flow::operators {

MqttTopics::MqttTopics(const MqttTopicPattern* pattern, bool has_topic)
    : pattern_(pattern), has_topic_(has_topic) {
  const size_t named = pattern != nullptr ? pattern->names().size() : 0;
  for (size_t i = 0; i < named + (has_topic ? 1 : 0); ++i) {
    dictionaries_.push_back(std::make_unique<SharedDictionary>());
  }
}

void MqttTopics::start(const Host& host, int64_t rows) {
  builders_.clear();
  for (const auto& dictionary : dictionaries_) {
    builders_.push_back(std::make_unique<DictionaryBuilder>(host, rows, *dictionary));
  }
}

bool MqttTopics::add(const Host& host, std::string_view topic) {
  if (dictionaries_.empty()) return true;
  if (const auto at = known_.find(topic); at != known_.end()) {
    append(at->second, topic);
    return at->second.fits;
  }
  Known known = look_up(host, topic);
  append(known, topic);
  const bool fits = known.fits;
  if (kept_bytes_ < kMostBytes) {
    kept_bytes_ += topic.size() + sizeof(Known) + known.codes.size() * sizeof(int32_t);
    known_.emplace(std::string(topic), std::move(known));
  }
  return fits;
}

MqttTopics::Known MqttTopics::look_up(const Host& host, std::string_view topic) {
  Known known;
  known.fits = pattern_ == nullptr || pattern_->match(topic, levels_);
  const bool may_keep = kept_bytes_ < kMostBytes;
  const auto code_of = [&](std::string_view text) {
    const size_t column = known.codes.size();
    known.codes.push_back(may_keep ? dictionaries_[column]->intern(host, text)
                                   : SharedDictionary::kNone);
  };
  if (has_topic_) code_of(topic);
  if (pattern_ != nullptr && known.fits) {
    for (const std::string_view level : levels_) code_of(level);
  }
  return known;
}

void MqttTopics::append(const Known& known, std::string_view topic) {
  size_t column = 0;
  if (has_topic_) {
    builders_[0]->append(known.codes[0], topic);
    column = 1;
  }
  if (pattern_ == nullptr) return;
  if (!known.fits) {
    for (; column < builders_.size(); ++column) builders_[column]->append_null();
    return;
  }
  bool is_split = false;
  for (size_t level = 0; column < builders_.size(); ++column, ++level) {
    // Texts are read only where a column has no codes any more.
    if (!is_split) {
      pattern_->match(topic, levels_);
      is_split = true;
    }
    builders_[column]->append(known.codes[column], levels_[level]);
  }
}

void MqttTopics::finish(std::vector<TypedColumn>& columns) {
  for (const auto& builder : builders_) columns.push_back(builder->finish());
  builders_.clear();
}

}  // namespace flow::operators
