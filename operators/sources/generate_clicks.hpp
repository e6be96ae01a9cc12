// The dataset `clicks` of the source `generate`: what the visitors of a shop do.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "flow/output.hpp"

namespace flow::operators {

// Row k is a function of the seed, the settings and k alone. Visitors come in kLanes lanes, whose
// rows take turns; a lane's time is cut into spans of kSpan rows and a span into sessions, whose
// clicks follow from each other. What a lane was doing is remembered, so that rows in order cost
// one step each; out of order, a span is walked again from its start.
//
// Each lane has users of its own, whose turns come one step after the other: so nobody is in two
// sessions at once, and with many users nobody comes back soon.
class ClickStream {
 public:
  static constexpr int64_t kLanes = 1024;
  static constexpr int64_t kSpan = 64;
  static constexpr int64_t kTick = 100'000'000;  // nanoseconds between rows: ten a second
  static constexpr int32_t kItems = 10'000;
  static constexpr int32_t kCategories = 40;
  static constexpr int64_t kCategoryUsers = 65'536;  // more have names that are plain text

  struct Settings {
    int64_t users = 100'000;
    double erase_share = 0;   // of all rows
    bool has_session = true;  // else `session` is null
  };
  enum class Event : int32_t { kView, kSearch, kCart, kPurchase, kErase };
  struct Click {
    int64_t time = 0;
    int64_t session = 0;
    int32_t user = 0;
    Event event = Event::kView;
    int32_t item = -1;      // from 0; negative: a search or an erasure
    int32_t category = 0;   // of the item, or searched for
    int32_t adjective = 0;  // of a search
    int32_t quantity = 0;   // of a cart or a purchase
  };

  explicit ClickStream(uint64_t seed) : ClickStream(seed, Settings{}) {}
  ClickStream(uint64_t seed, const Settings& settings)
      : seed_(seed), settings_(settings), lanes_(kLanes) {}

  static std::vector<std::pair<std::string, Type>> fields(const Settings& settings);
  Click click(int64_t row);
  // Of an item: always the same.
  int32_t category_of(int32_t item) const;
  double price_of(int32_t item) const;

  // Rows first to first + rows - 1 as the columns that the source's page names.
  Batch batch(Output& out, int64_t first, int64_t rows, const flow_origin& origin);

 private:
  struct Lane {
    int64_t span = -1;
    int64_t step = 0;  // rows of the span that were made
    int32_t left = 0;  // clicks of the session
    Click last;
    int32_t in_cart = -1;             // an item, until it is bought
    std::array<int32_t, 4> viewed{};  // the latest views of the session
    uint32_t views = 0;               // of the session
  };

  uint64_t bits(uint64_t a, uint64_t b, uint64_t c) const;
  void advance(int64_t lane_number, Lane& lane) const;
  void view(Lane& lane, uint64_t random) const;
  int32_t user_of(int64_t lane_number, int64_t span, int64_t step) const;
  int32_t popular_item(uint64_t bits, int64_t span) const;
  int32_t next_item(int32_t item, uint64_t bits, int64_t span) const;

  void prepare(Host host);

  uint64_t seed_;
  Settings settings_;
  std::vector<Lane> lanes_;
  Column users_, events_, categories_;
};

}  // namespace flow::operators
