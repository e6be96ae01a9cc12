// The transform `throttle`: so many rows a second, by key.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "flow/operator.hpp"
#include "operators/common/keyed_rows.hpp"

namespace flow::operators {

// A token bucket a key, kept as the time at which it will be full again.
class Throttle final : public GeneralTransform {
 public:
  enum class Overflow : uint8_t { kDrop, kPort };
  struct Options {
    std::vector<Field> key;
    double rate = 0.0;
    Duration per{1'000'000'000};
    int64_t burst = 0;
    Overflow overflow = Overflow::kDrop;
  };
  static void describe(Description<Options>& d);
  static void infer(const Options& options, Inference& inference);

  explicit Throttle(const Options& options);
  void open(Output& out) override { buckets_.emplace(out, "buckets", 1); }
  Status consume(uint32_t input, const Batch& in, Output& out) override;

 private:
  struct Bucket {
    int64_t full_at = INT64_MIN;
  };
  enum class Answer : uint8_t { kWithin, kOver, kNoRoom };
  static constexpr uint32_t kOverflowPort = 1;
  static constexpr uint32_t kFirstSweep = 256;

  // Sorts the rows into `within_` and `over_`.
  void sort(const Batch& in, Output& out);
  Answer decide(uint64_t hash, std::string_view key, int64_t now);
  void forget_full(uint32_t group, int64_t now);
  static void emit(const Batch& in, const std::vector<int32_t>& rows, uint32_t port, Output& out);

  int64_t interval_;  // nanoseconds for one row
  int64_t depth_;     // and for a whole bucket
  Overflow overflow_;
  KeyedRows rows_;
  std::optional<KeyedTable<Bucket>> buckets_;
  Erasures<Bucket> erasures_;
  // Keys at which a group is looked through for full buckets, which are as good as none.
  std::array<uint32_t, FLOW_KEY_GROUPS> sweep_at_;
  std::vector<int32_t> within_;
  std::vector<int32_t> over_;
  bool sorted_ = false;  // and `within_` emitted: the call is repeated for `over_`
};

}  // namespace flow::operators
