// One detection method over all series of an instance.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "operators/common/detectors/bounded_table.hpp"
#include "operators/common/detectors/judgement.hpp"

namespace flow::operators::detectors {

// A reading and whose it is.
struct KeyedReading {
  int32_t row;
  uint64_t hash;
  Reading reading;
};

struct TableBound {
  int64_t max_keys = 1'000'000;
  WhenFull when_full = WhenFull::kEvict;
};

class Detector {
 public:
  Detector() = default;
  Detector(const Detector&) = delete;
  Detector& operator=(const Detector&) = delete;
  virtual ~Detector() = default;

  virtual void open(Host host) = 0;
  // Judges the readings in their order, and learns from them. `keys` has read their batch; one
  // judgement a reading. For those of series that there is no room for see refused().
  virtual void judge(std::span<const KeyedReading> readings, KeyedRows& keys,
                     std::span<Judgement> judgements) = 0;
  // Appends why a reading with this judgement is an anomaly.
  virtual void explain(const Judgement& judgement, const Reading& reading,
                       std::string& text) const = 0;
  // Numbers of the readings that judge() refused, ascending, with why.
  const std::vector<std::pair<size_t, Refusal>>& refused() const { return refused_; }
  virtual int64_t take_evicted() = 0;

 protected:
  std::vector<std::pair<size_t, Refusal>> refused_;
};

// Keeps its series in the table that is named like the method.
template <class Method>
class MethodDetector final : public Detector {
 public:
  MethodDetector(const typename Method::Settings& settings, TableBound bound)
      : method_(settings), bound_(bound) {}

  void open(Host host) override {
    table_.emplace(host, Method::kName, kVersion, bound_.max_keys, bound_.when_full);
  }
  void judge(std::span<const KeyedReading> readings, KeyedRows& keys,
             std::span<Judgement> judgements) override {
    refused_.clear();
    size_t judged = 0;
    for (size_t i = 0; i < readings.size(); ++i) {
      const KeyedReading& at = readings[i];
      if (i + kAhead < readings.size()) table_->prefetch(readings[i + kAhead].hash);
      const std::string_view key = keys.key(at.row);
      typename Method::State* state = table_->find(at.hash, key);
      if (state == nullptr) {
        finish(readings, judgements, judged, i);
        state = table_->admit(at.hash, key);
        if (state == nullptr) refused_.emplace_back(i, table_->refusal());
      }
      ahead_[i - judged] = state;
      if (state != nullptr) Method::prefetch(*state, at.reading);
      if (i + 1 - judged == kAhead) finish(readings, judgements, judged, i + 1);
    }
    finish(readings, judgements, judged, readings.size());
  }
  void explain(const Judgement& judgement, const Reading& reading,
               std::string& text) const override {
    method_.explain(judgement, reading, text);
  }
  int64_t take_evicted() override { return table_->take_evicted(); }

 private:
  static constexpr uint32_t kVersion = 1;
  // Series looked up before the first of them is judged, so that their memory is there by then.
  static constexpr size_t kAhead = 16;

  void finish(std::span<const KeyedReading> readings, std::span<Judgement> judgements,
              size_t& judged, size_t end) {
    for (size_t i = judged; i < end; ++i) {
      typename Method::State* state = ahead_[i - judged];
      if constexpr (requires(const typename Method::State& next) { Method::prefetch_late(next); }) {
        const size_t next = i + 2;
        if (next < end && ahead_[next - judged] != nullptr) {
          Method::prefetch_late(*ahead_[next - judged]);
        }
      }
      judgements[i] = Judgement{};
      if (state != nullptr) method_.judge(*state, readings[i].reading, judgements[i]);
    }
    judged = end;
  }

  Method method_;
  TableBound bound_;
  std::optional<BoundedTable<typename Method::State>> table_;
  std::array<typename Method::State*, kAhead> ahead_{};
};

}  // namespace flow::operators::detectors
