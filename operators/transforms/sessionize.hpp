// The transform `sessionize`: which rows of a key follow one another closely.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "flow/operator.hpp"
#include "operators/common/expression/compiled_expression.hpp"
#include "operators/common/key_input.hpp"

namespace flow::operators {

// Everything that decides about a row is its own times and the key's record, so that neither
// batches nor restarts change anything. What is over by the watermark of the instance is swept out
// of the table, a key group at a time; a row never looks at what is over by its own watermark,
// which is no earlier.
class Sessionize final : public Transform {
 public:
  enum class WhenFull : uint8_t { kEvict, kFail };
  struct Options {
    std::vector<Field> key{{"user"}};
    Duration gap{1'800'000'000'000};
    std::optional<Duration> max_length;
    std::string column = "session";
    int64_t max_keys = 1'000'000;
    WhenFull when_full = WhenFull::kEvict;
    std::optional<Expression> erase;
  };
  struct Shared {
    // Throws OptionFailure.
    Shared(const Options& options, Host);
    std::optional<CompiledExpression> erase;
  };
  static void describe(Description<Options>& d);
  static void infer(const Options& options, Shared& shared, Inference& inference);

  Sessionize(const Options& options, Shared& shared);
  void open(Output& out) override;
  void process(const Batch& in, Output& out) override;
  Status advance(int64_t watermark, Output& out) override;

 private:
  // A session of a key, by the times of its rows.
  struct Span {
    uint64_t id;
    int64_t first;
    int64_t last;
  };
  // The latest ones, those first that were begun last. Rows that come out of order find theirs
  // among them.
  static constexpr uint32_t kSpans = 4;
  struct Record {
    uint32_t count = 0;
    uint32_t reserved = 0;
    std::array<Span, kSpans> spans{};
  };
  struct Row {
    int64_t time;
    int64_t watermark;
    uint64_t hash;
    std::string_view key;
  };

  bool is_over(const Span& span, int64_t watermark) const;
  // The session that the row belongs to; NULL: none of these.
  Span* find(Record& record, const Row& row) const;
  const Span* begin(Record& record, const Row& row) const;
  // NULL: there is no room for the key.
  Record* admit(const Row& row);
  void evict(uint32_t group);
  void sweep(uint32_t group, int64_t watermark);
  void read_erasures(const Batch& in, Output& out);
  bool is_erased(int32_t row) const {
    return !erased_rows_.empty() && erased_rows_[static_cast<size_t>(row)] != 0;
  }
  void fail_without_room(uint64_t hash, const Batch& in, int32_t row, Output& out);
  void tell(Output& out);

  const int64_t gap_;
  const int64_t max_length_;
  const std::string column_;
  const uint32_t keys_per_group_;
  const WhenFull when_full_;
  KeyInput keys_;
  std::optional<KeyedTable<Record>> table_;
  Erasures<Record> erasures_;
  int64_t swept_slice_ = std::numeric_limits<int64_t>::min();
  std::optional<ExpressionEvaluator> erase_;
  std::vector<uint8_t> erased_rows_;  // of the batch, a flag each; empty: none asks for it
  std::vector<int32_t> kept_, late_;
  std::vector<uint64_t> ids_;
  int64_t n_begun_ = 0, n_evicted_ = 0, n_erased_ = 0;
  bool told_evicted_ = false;
  Metric begun_, evicted_, erased_;
};

}  // namespace flow::operators
