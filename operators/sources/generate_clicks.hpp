// The dataset `clicks` of the source `generate`: what the visitors of a shop do.
#pragma once

#include <cstdint>
#include <vector>

#include "flow/output.hpp"

namespace flow::operators {

// Row k is a function of the seed and k alone. Visitors come in kLanes lanes, whose rows take
// turns; a lane's time is cut into spans of kSpan rows and a span into sessions, whose clicks
// follow from each other. What a lane was doing is remembered, so that rows in order cost one step
// each; out of order, a span is walked again from its start.
class ClickStream {
 public:
  static constexpr int64_t kLanes = 2048;
  static constexpr int64_t kSpan = 64;
  static constexpr int64_t kTick = 20'000'000;  // nanoseconds between rows: 50 a second
  static constexpr int32_t kUsers = 20'000;
  static constexpr int32_t kItems = 10'000;
  static constexpr int32_t kCategories = 40;

  enum class Event : int32_t { kView, kSearch, kCart, kPurchase };
  struct Click {
    int64_t time = 0;
    int64_t session = 0;
    int32_t user = 0;
    Event event = Event::kView;
    int32_t item = -1;      // from 0; negative: a search
    int32_t category = 0;   // of the item, or searched for
    int32_t adjective = 0;  // of a search
    int32_t quantity = 0;   // of a cart or a purchase
  };

  explicit ClickStream(uint64_t seed) : seed_(seed), lanes_(kLanes) {}

  Click click(int64_t row);
  // Of an item: always the same.
  int32_t category_of(int32_t item) const;
  double price_of(int32_t item) const;

  // Rows first to first + rows - 1 as the columns that the source's page names.
  Batch batch(Output& out, int64_t first, int64_t rows, const flow_origin& origin);

 private:
  struct Lane {
    int64_t span = -1;
    int64_t step = 0;    // rows of the span that were made
    int32_t number = 0;  // of the session in the span
    int32_t left = 0;    // clicks of the session
    Click last;
    int32_t in_cart = -1;  // an item, until it is bought
  };

  uint64_t bits(uint64_t a, uint64_t b, uint64_t c) const;
  void advance(int64_t lane_number, Lane& lane) const;
  int32_t popular_item(uint64_t bits, int64_t span) const;
  int32_t next_item(int32_t item, uint64_t bits, int64_t span) const;

  uint64_t seed_;
  std::vector<Lane> lanes_;
  Column users_, events_, categories_;
};

}  // namespace flow::operators
