// The window `sliding`: windows that overlap.
#pragma once

#include <cstdint>
#include <vector>

#include "operators/windows/paned_window.hpp"

namespace flow::operators {

class Sliding final : public PanedWindow {
 public:
  struct Options {
    std::vector<Field> key;
    Duration size;
    Duration slide;
    Duration offset;
    Table aggregate;
    Emit emit = Emit::kFinal;
    Duration every;
    WindowTime time = WindowTime::kEvent;
    int64_t max_keys = 1'000'000;
  };
  static void describe(Description<Options>& d);
  static void infer(const Options& options, Inference& inference);

  explicit Sliding(const Options& options);
};

}  // namespace flow::operators
