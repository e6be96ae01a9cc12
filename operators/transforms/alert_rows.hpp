// The rows that `alert` makes: one a transition of an incident.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flow/inference.hpp"
#include "flow/output.hpp"

namespace flow::operators {

// What a key's fields are in the rows made of it (key_column_type), 0 behind the last; as a key's
// record keeps them, so that its values can be told apart in its bytes when a timer fires and no
// row is there.
inline constexpr size_t kLongestKey = 16;
using KeyTypes = std::array<uint8_t, kLongestKey>;

// What the field of a key is in the rows that are made of it: texts of any kind are text.
flow_type key_column_type(flow_type type);

enum class AlertState : int32_t { kOpened = 0, kUpdated = 1, kResolved = 2 };

struct AlertRow {
  uint64_t id = 0;
  AlertState state = AlertState::kOpened;
  int32_t severity = 0;
  int64_t time = 0;
  int64_t started_at = 0;
  std::optional<int64_t> ended_at;
  int64_t count = 0;
  std::optional<double> worst;
};

// Collects rows and makes one batch of them.
class AlertRows {
 public:
  // `key`: names of its fields. Makes the dictionaries.
  AlertRows(Host host, std::vector<std::string> key, const std::vector<std::string>& severities);

  static Fields fields(const Fields& key);
  static std::vector<std::string> own_names();

  // `key`: its bytes as KeyReader makes them. Both texts are copied.
  void add(const AlertRow& row, std::string_view key, const KeyTypes& types,
           std::optional<std::string_view> reason);
  int64_t size() const { return static_cast<int64_t>(rows_.size()); }
  // Everything that was added since. Rows whose keys differ in their types are told as Failure.
  Batch take(Output& out);

 private:
  struct Place {
    size_t at, length;
    bool present;
  };
  std::vector<TypedColumn> key_columns(Host host);

  std::vector<std::string> key_;
  Column states_, severities_;
  std::vector<AlertRow> rows_;
  std::vector<Place> keys_, reasons_;
  std::string bytes_;
  KeyTypes types_{};
};

}  // namespace flow::operators
