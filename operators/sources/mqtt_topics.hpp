// Topics of messages as dictionary columns: the whole, and the levels that have names.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flow/dictionary.hpp"
#include "flow/output.hpp"
#include "operators/common/mqtt_topic.hpp"
#include "operators/common/text_hash.hpp"

namespace flow::operators {

// Keeps every topic once, up to a bound, so that a message whose topic is known costs one look-up.
// One an instance.
class MqttTopics {
 public:
  // `pattern`: lives as long as this, or none. `has_topic`: the whole topic is a column too.
  MqttTopics(const MqttTopicPattern* pattern, bool has_topic);

  // Columns for a batch of `rows` rows.
  void start(const Host& host, int64_t rows);
  // The next row's. False: the pattern does not fit, and the levels are null.
  bool add(const Host& host, std::string_view topic);
  // Appends the columns: the topic if it is one, then the levels, in their order.
  void finish(std::vector<TypedColumn>& columns);

 private:
  // Beyond this, topics are no longer kept: their columns become plain text.
  static constexpr size_t kMostBytes = size_t{16} << 20;
  struct Known {
    bool fits = false;
    std::vector<int32_t> codes;  // one a column
  };
  struct TextHash {
    using is_transparent = void;
    using is_avalanching = void;
    size_t operator()(std::string_view text) const { return text_hash(text); }
  };
  Known look_up(const Host& host, std::string_view topic);
  void append(const Known& known, std::string_view topic);

  const MqttTopicPattern* pattern_;
  const bool has_topic_;
  std::vector<std::unique_ptr<SharedDictionary>> dictionaries_;  // one a column
  std::vector<std::unique_ptr<DictionaryBuilder>> builders_;
  boost::unordered_flat_map<std::string, Known, TextHash, std::equal_to<>> known_;
  size_t kept_bytes_ = 0;
  std::vector<std::string_view> levels_;
};

}  // namespace flow::operators
