// Label files: any bytes are windows in order, or a message with a line.
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <string_view>

#include "flow/host.hpp"
#include "operators/common/label_windows.hpp"
#include "tests/fuzz/seeds.hpp"

extern "C" FuzzSeeds flow_fuzz_seeds() {
  static constexpr std::string_view kSeeds[] = {
      "{\"real/a.csv\": [[\"2014-04-10 07:15:00.000000\", \"2014-04-11 16:45:00.000000\"]]}",
      "series,start,end,kind\na,2014-04-10T07:15:00Z,2014-04-10 07:16:00,spike\n",
  };
  return {kSeeds, std::size(kSeeds)};
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace flow::operators;
  try {
    for (const SeriesLabels& labels :
         parse_label_windows({reinterpret_cast<const char*>(data), size})) {
      int64_t last = INT64_MIN;
      for (const LabelWindow& window : labels.windows) {
        if (window.time.start < last || window.time.end < window.time.start) std::abort();
        last = window.time.start;
      }
    }
  } catch (const flow::Failure& failure) {
    if (std::string_view(failure.what()).empty()) std::abort();
  }
  return 0;
}
