// The rows that `profile` makes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "flow/inference.hpp"
#include "flow/output.hpp"
#include "operators/common/collected_column.hpp"
#include "operators/common/key_input.hpp"

namespace flow::operators {

// What is told of a user, borrowed.
struct ProfileRow {
  std::string_view key;  // as KeyReader has it
  KeyInput::Types key_types;
  int64_t first_seen;
  int64_t last_seen;
  int64_t events;
  std::optional<int64_t> sessions;
  std::span<const int64_t> counts;
  double spend;
  std::string_view items;       // a block of RankedNames<int64_t>: JSON tokens by event time
  std::string_view categories;  // a block of RankedNames<double>: JSON tokens by Profile's rank
};

// Collects rows and makes a batch of them, and one of the erasures.
class ProfileRows {
 public:
  static constexpr uint32_t kErasedPort = 1;

  struct Settings {
    std::vector<std::string> key;     // names of its fields
    std::vector<std::string> counts;  // names of their columns
    size_t categories;                // how many a row tells
    double half_life;                 // nanoseconds
  };
  explicit ProfileRows(Settings settings);

  // The columns of both ports, behind those of the key.
  static Fields fields(const std::vector<std::string>& counts);
  static Fields erased_fields();

  void add(const ProfileRow& row);
  void add_erased(std::string_view key, const KeyInput::Types& types, int64_t time);
  int64_t size() const { return times_.size(); }
  // Emits what was added since, the erasures behind the rest. False: there is no room now for what
  // is left.
  bool send(Output& out);

 private:
  // Keys of rows, with the types of their fields.
  struct Keys {
    struct Place {
      size_t at, length;
    };
    void add(std::string_view key, const KeyInput::Types& key_types);
    void take(Host host, const std::vector<std::string>& names, std::vector<NewColumn>& columns);

    std::vector<Place> places;
    std::string bytes;
    KeyInput::Types types{};
  };
  void add_items(std::string_view block);
  void add_categories(std::string_view block, int64_t time);
  void send_profiles(Output& out);
  void send_erased(Output& out);

  Settings settings_;
  Keys keys_, erased_keys_;
  CollectedColumn times_{FLOW_TIMESTAMP}, erasures_{FLOW_BOOL};
  CollectedColumn first_seen_{FLOW_TIMESTAMP}, last_seen_{FLOW_TIMESTAMP};
  CollectedColumn events_{FLOW_INT64}, sessions_{FLOW_INT64};
  std::vector<CollectedColumn> counts_;
  CollectedColumn spend_{FLOW_FLOAT64};
  CollectedColumn items_{FLOW_JSON}, categories_{FLOW_JSON};
  CollectedColumn erased_times_{FLOW_TIMESTAMP}, erased_erasures_{FLOW_BOOL};
  std::vector<std::pair<int64_t, std::string_view>> ranked_items_;
  std::vector<std::pair<double, std::string_view>> ranked_categories_;
  std::string json_;
};

}  // namespace flow::operators
