// The transform `deduplicate`: the first row of each key.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "flow/operator.hpp"
#include "operators/common/keyed_rows.hpp"

namespace flow::operators {

// Everything that decides about a row is in keyed tables, so that a restart changes nothing.
class Deduplicate final : public Transform {
 public:
  struct Options {
    std::vector<Field> key;
    Duration within{3'600'000'000'000};
    int64_t keys = 1'000'000;
    Field time;
  };
  static void describe(Description<Options>& d);
  static void infer(const Options& options, Inference& inference);

  explicit Deduplicate(const Options& options);
  void open(Output& out) override;
  void process(const Batch& in, Output& out) override;

 private:
  struct Seen {
    int64_t time = 0;     // of the row that was passed on
    uint64_t number = 0;  // in the order in which the group's keys were remembered
  };
  struct Group {
    uint64_t next_number = 0;
    int64_t latest = INT64_MIN;
    uint32_t sweep_at = kFirstSweep;
    uint32_t reserved = 0;
  };
  enum class Answer : uint8_t { kFirst, kDuplicate, kNoRoom };
  static constexpr uint32_t kFirstSweep = 64;

  const flow_column* time_column(const Batch& in);
  Answer decide(uint64_t hash, std::string_view key, int64_t time);
  bool remembers(const Seen& seen, int64_t time) const;
  void make_room(uint32_t group, Group& state);

  int64_t within_;
  uint32_t keys_per_group_;
  std::optional<ColumnFinder> time_;
  KeyedRows rows_;
  std::optional<KeyedTable<Seen>> seen_;
  std::optional<KeyedTable<Group>> groups_;
  Erasures<Seen> erasures_;
  std::vector<uint64_t> numbers_;
  std::vector<int32_t> kept_;
};

}  // namespace flow::operators
