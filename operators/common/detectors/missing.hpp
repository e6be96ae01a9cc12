// The method `missing`: series that have fallen silent.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "flow/operator.hpp"
#include "operators/common/detectors/detector.hpp"

namespace flow::operators::detectors {

// Notes the event time of each reading and sets one timer a series; when that is due and nothing
// newer has come, the series is told as silent, once, until it is heard of again. What is due only
// because the input has ended is no silence.
//
// A reading whose own watermark has reached the deadline comes behind the silence, whether or not
// the timer has fired by then: so what is told does not depend on how rows are cut into batches.
class SilenceWatch {
 public:
  static constexpr const char* kName = "missing";
  static constexpr size_t kMostKeyFields = 8;

  struct Silence {
    std::string key;  // as KeyReader has it
    std::array<flow_type, kMostKeyFields> types{};
    int64_t last = 0;  // event time of the last reading
    int64_t due = 0;
    int32_t row = 0;  // that ended it; of those that a timer tells 0
  };

  SilenceWatch(int64_t expected_every, TableBound bound) : every_(expected_every), bound_(bound) {}
  void open(Host host);
  // `types`: those of the key's columns, at most kMostKeyFields of them. `watermarks`: one a row,
  // or NULL. `ended` gets the silences that these readings end, by row.
  void note(const flow_host* host, std::span<const KeyedReading> readings, KeyedRows& keys,
            std::span<const flow_type> types, const int64_t* watermarks,
            std::vector<Silence>& ended);
  // Numbers of the readings whose series note() had no room for, ascending, with why.
  const std::vector<std::pair<size_t, Refusal>>& refused() const { return refused_; }
  void timer(const flow_host* host, int64_t time, std::span<const flow_key* const> keys);
  // Those that have become silent since the last call, in the order of their times, at a watermark.
  std::vector<Silence> take(int64_t watermark);
  void explain(const Silence& silence, std::string& text) const;
  int64_t take_evicted() { return table_->take_evicted(); }

 private:
  struct State {
    int64_t last;
    int64_t timer;  // when the one that is set is due
    uint32_t has_timer;
    uint32_t known;  // `last` and `types` are
    std::array<uint8_t, kMostKeyFields> types;
  };

  int64_t deadline(const State& state) const;
  static Silence silence_of(const State& state, std::string_view key, int64_t due);
  static void set(const flow_host* host, State& state, int64_t time, uint64_t hash,
                  std::string_view key);

  int64_t every_;
  TableBound bound_;
  std::optional<BoundedTable<State>> table_;
  std::vector<std::pair<size_t, Refusal>> refused_;
  std::vector<Silence> silent_;
};

}  // namespace flow::operators::detectors
