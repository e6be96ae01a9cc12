// The window `count_window`: so many rows of a key.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "operators/windows/window_memo.hpp"
#include "operators/windows/window_rows.hpp"
#include "operators/windows/window_settings.hpp"

namespace flow::operators {

class CountWindow final : public Window {
 public:
  struct Options {
    std::vector<Field> key;
    int64_t count = 0;
    Table aggregate;
    int64_t max_keys = 1'000'000;
  };
  static void describe(Description<Options>& d);
  static void infer(const Options& options, Inference& inference);

  explicit CountWindow(const Options& options);
  void open(Output& out) override;
  Status consume(uint32_t input, const Batch& in, Output& out) override;
  Status advance(int64_t watermark, Output& out) override;

 private:
  // What stands before the cell of a key.
  struct Head {
    int64_t first;  // event time; kNoTime: there was none
    int64_t last;
  };

  void load();
  char* block_of(uint32_t group, uint32_t slot, int32_t row, const Batch& in, Output& out);
  void add_kept();
  void finish_key(uint32_t group, uint32_t slot);

  const WindowSettings settings_;
  const int64_t count_;
  const uint32_t keys_per_group_;
  WindowKeys keys_;
  CellSet set_;
  std::optional<TableMemory<WindowKeys::Record>> memory_;
  WindowMemo memo_;
  WindowRows rows_;
  bool loaded_ = false;
  uint32_t ended_group_ = 0;  // how far the end has come
  const int64_t* times_ = nullptr;
  std::vector<int64_t> no_times_;
  std::vector<int32_t> kept_;
  std::vector<char*> row_cells_;
};

}  // namespace flow::operators
