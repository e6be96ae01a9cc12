// The window `session`: as long as rows follow one another.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "operators/windows/due_queue.hpp"
#include "operators/windows/session_pieces.hpp"
#include "operators/windows/window_memo.hpp"
#include "operators/windows/window_rows.hpp"
#include "operators/windows/window_settings.hpp"

namespace flow::operators {

class Session final : public Window {
 public:
  struct Options {
    std::vector<Field> key;
    Duration gap;
    Table aggregate;
    WindowTime time = WindowTime::kEvent;
    int64_t max_keys = 1'000'000;
  };
  static void describe(Description<Options>& d);
  static void infer(const Options& options, Inference& inference);

  explicit Session(const Options& options);
  void open(Output& out) override;
  Status consume(uint32_t input, const Batch& in, Output& out) override;
  Status advance(int64_t watermark, Output& out) override;
  Status timer(flow_time kind, int64_t nanoseconds, std::span<const flow_key* const> keys,
               Output& out) override;

 private:
  // When the first session of a key may be over; looked at then.
  struct Due {
    int64_t end;
    uint64_t hash;
    uint32_t group;
    uint32_t slot;
    bool operator>(const Due& other) const {
      if (end != other.end) return end > other.end;
      if (hash != other.hash) return hash > other.hash;
      return slot > other.slot;
    }
  };

  void load();
  // The cell of a row's session; NULL: the row has failed.
  char* take_row(int32_t row, uint32_t number, const Batch& in, Output& out);
  char* begin_session(SessionPieces& pieces, size_t at, int64_t time, const Due& due, Output& out);
  int64_t end_of_first(const SessionPieces& pieces) const;
  void fail(const char* reason, const std::string& why, int32_t row, const Batch& in,
            Output& out) const;
  int64_t& scheduled(const Due& due);
  // Whether the key has not been planned for an earlier time since, nor gone.
  bool is_live(const Due& due);
  bool schedule(const Due& due);
  Status fire(int64_t until, Output& out);
  void fire_key(const Due& due);
  void set_timer(const Due& due, Output& out) const;

  const WindowSettings settings_;
  const int64_t gap_;
  const uint32_t keys_per_group_;
  WindowKeys keys_;
  CellSet set_;
  std::optional<TableMemory<WindowKeys::Record>> memory_;
  WindowMemo memo_;
  WindowRows rows_;
  RowTimes times_;
  bool loaded_ = false;
  DueQueue<Due> due_;
  std::vector<int64_t> scheduled_;  // by the number of the key: when it is looked at
  std::vector<uint32_t> numbers_;
  std::vector<int32_t> kept_, late_;
  std::vector<char*> row_cells_;
  std::vector<char> sum_;
  std::vector<const char*> key_cells_;
};

}  // namespace flow::operators
