// The transform `profile`: what is known of each user.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <queue>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "flow/operator.hpp"
#include "operators/common/expression/compiled_expression.hpp"
#include "operators/common/json_values.hpp"
#include "operators/common/key_input.hpp"
#include "operators/common/ranked_names.hpp"
#include "operators/transforms/profile_rows.hpp"

namespace flow::operators {

// All that is known of a user is in a keyed table; what stands beside it in memory is found again
// from it after a restart. A profile that is due by the watermark which a row carries is told
// before the row is added to it, whether or not the watermark of the instance has come that far: so
// what a profile says does not depend on where batches are cut. No timers of the host: they would
// keep the key of a user who has been erased.
class Profile final : public GeneralTransform {
 public:
  enum class WhenFull : uint8_t { kEvict, kFail };
  static constexpr size_t kMostCounts = 16;
  struct Options {
    std::vector<Field> key{{"user"}};
    Duration every{60'000'000'000};
    Table count;
    Expression spend{"if(event == 'purchase', price * coalesce(quantity, 1), null)"};
    Expression erase{"event == 'erase'"};
    Field session{"session"};
    Field item{"item"};
    int64_t items = 20;
    Field category{"category"};
    int64_t categories = 5;
    Duration half_life{604'800'000'000'000};
    int64_t max_users = 1'000'000;
    WhenFull when_full = WhenFull::kEvict;
  };
  struct Shared {
    // Throws OptionFailure.
    Shared(const Options& options, Host);
    std::vector<std::pair<std::string, CompiledExpression>> counts;
    CompiledExpression spend, erase;
  };
  static void describe(Description<Options>& d);
  static void infer(const Options& options, Shared& shared, Inference& inference);

  Profile(const Options& options, Shared& shared);
  void open(Output& out) override;
  Status consume(uint32_t input, const Batch& in, Output& out) override;
  Status advance(int64_t watermark, Output& out) override;

 private:
  static constexpr int64_t kNever = INT64_MIN;
  static constexpr size_t kSessions = 4;
  struct User {
    int64_t first_seen = INT64_MAX;
    int64_t last_seen = INT64_MIN;
    int64_t due = kNever;   // when the profile is told next; kNever: nothing is new
    int64_t told = kNever;  // when it was told last
    int64_t events = 0;
    double spend = 0;
    int64_t sessions = 0;
    std::array<uint64_t, kSessions> known_sessions{};  // hashes of the latest, the newest first
    StoredBytes items;                                 // RankedNames<int64_t> by event time
    StoredBytes categories;  // RankedNames<double>: log2 of what the score would be at time 0
    KeyInput::Types key_types{};
    std::array<int64_t, kMostCounts> counts{};
  };
  struct Due {
    int64_t time;
    uint64_t hash;
    uint32_t group;
    uint32_t slot;
    bool operator>(const Due& other) const {
      return std::tie(time, hash, slot) > std::tie(other.time, other.hash, other.slot);
    }
  };
  struct Row {
    int32_t number;
    uint64_t hash;
    std::string_view key;
    int64_t time;
    int64_t watermark;
    uint32_t marks;  // a bit for each count that the row is one of
  };
  // Columns of the batch in process.
  struct Inputs;

  void read(const Batch& in, Output& out);
  void read_marks(const Batch& in, Output& out);
  // Whether the profile is to be told before the row is looked at.
  static bool is_due(const User& user, const Row& row) {
    return user.due != kNever && user.due <= row.watermark;
  }
  void erase(const Row& row);
  void take(const Row& row, Inputs& inputs, const Batch& in, Output& out);
  void add(User& user, const Row& row, Inputs& inputs);
  void look_ahead(std::span<const int32_t> rows);
  const flow_column* find_session(const Batch& in);
  void add_session(User& user, const Row& row);
  void set_due(User& user, uint32_t slot, const Row& row);
  // The slot of the user; 0: there is no room.
  uint32_t admit(const Row& row);
  void evict(uint32_t group);
  void forget(User& user, uint64_t hash, std::string_view key);
  void tell(const User& user, uint64_t hash, std::string_view key);
  // After a restart.
  void load();
  void report(Output& out);

  const Shared& shared_;
  const int64_t every_;
  const double half_life_;
  const uint32_t users_per_group_;
  const WhenFull when_full_;
  KeyInput keys_;
  ColumnFinder session_;
  KeyReader session_values_;
  ColumnFinder item_, category_;
  std::vector<ExpressionEvaluator> counts_;
  ExpressionEvaluator spend_, erase_;
  RankedNames<int64_t> item_names_;
  RankedNames<double> category_names_;
  std::optional<KeyedTable<User>> users_;
  std::optional<ProfileRows> rows_;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
  bool loaded_ = false;
  bool goes_on_ = false;         // with the input of the last call
  std::vector<uint32_t> marks_;  // one a row of the batch
  int64_t n_erased_ = 0, n_evicted_ = 0, n_unnoted_ = 0;
  bool told_evicted_ = false;
  Metric erased_, evicted_, unnoted_;
};

}  // namespace flow::operators
