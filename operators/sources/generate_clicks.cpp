#include "operators/sources/generate_clicks.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <string_view>

#include "flow/builder.hpp"
#include "operators/common/split_mix.hpp"

namespace flow::operators {
namespace {

constexpr int64_t kStart = 1'735'689'600'000'000'000;  // 2025-01-01T00:00:00Z
// A rank of the popularity list is held by one item for so many spans: about three days.
constexpr int64_t kLifetime = 40;
constexpr int32_t kFamily = 20;  // items that are looked at together
constexpr int32_t kLongestSession = 20;

constexpr std::array<std::string_view, ClickStream::kCategories> kNouns = {
    "lamp",  "chair", "table",  "sofa",    "bed",    "rug",    "shelf",  "mirror",
    "clock", "vase",  "kettle", "pan",     "knife",  "plate",  "glass",  "towel",
    "soap",  "brush", "basket", "candle",  "shirt",  "jacket", "shoe",   "hat",
    "scarf", "bag",   "watch",  "ring",    "book",   "pen",    "puzzle", "kite",
    "ball",  "tent",  "bottle", "bicycle", "helmet", "radio",  "camera", "speaker"};
constexpr std::array<std::string_view, 16> kAdjectives = {
    "red",   "blue",  "green", "black",  "white", "small",  "large",  "cheap",
    "light", "heavy", "old",   "modern", "round", "square", "wooden", "blue striped"};

// A number from 0 to 1 of 32 bits.
double share(uint64_t bits) { return static_cast<double>(bits & 0xFFFFFFFF) / 4294967296.0; }

// 1 to n, with a probability that falls as 1 / rank (Zipf), by the inverse of the continuous form.
int32_t zipf(uint64_t bits, int32_t n) {
  const double rank = std::exp(share(bits) * std::log(static_cast<double>(n) + 1.0));
  return std::clamp(static_cast<int32_t>(rank), 1, n);
}

// u-000001 for user 0; at most seven digits.
size_t put_user(int32_t user, char* out) {
  int32_t rest = user + 1;
  const size_t digits = rest > 999'999 ? 7 : 6;
  out[0] = 'u';
  out[1] = '-';
  for (size_t i = digits + 1; i > 1; --i, rest /= 10) out[i] = static_cast<char>('0' + rest % 10);
  return digits + 2;
}

Column dictionary(Host host, const std::vector<std::string>& values) {
  TextBuilder texts(host, static_cast<int64_t>(values.size()));
  for (const std::string& value : values) texts.append(value);
  return texts.finish();
}

// A category column whose codes are written by index.
struct Codes {
  Codes(Host host, int64_t n)
      : rows(n), values(host.allocate(n * static_cast<int64_t>(sizeof(int32_t)))) {}
  int32_t* data() const { return static_cast<int32_t*>(values->data); }
  Column finish(Host host, const Column& entries) const {
    flow_column_parts parts{};
    parts.size = sizeof parts;
    parts.type = FLOW_CATEGORY;
    parts.rows = rows;
    parts.values = values.get();
    parts.dictionary = entries.get();
    return host.column(parts);
  }
  int64_t rows;
  Buffer values;
};

}  // namespace

uint64_t ClickStream::bits(uint64_t a, uint64_t b, uint64_t c) const {
  return split_mix(split_mix(split_mix(seed_, a), b), c);
}

// Families of neighbours belong to one category.
int32_t ClickStream::category_of(int32_t item) const {
  return static_cast<int32_t>(bits(1, static_cast<uint64_t>(item / kFamily), 0) % kCategories);
}

// About 5 to 500, near to the others of the category.
double ClickStream::price_of(int32_t item) const {
  const double level = share(bits(2, static_cast<uint64_t>(category_of(item)), 0));
  const double own = share(bits(3, static_cast<uint64_t>(item), 0));
  return std::round(500.0 * std::exp(3.5 * level + 1.1 * own)) / 100.0;
}

// The holders of the ranks change one by one, so that what is popular drifts.
int32_t ClickStream::popular_item(uint64_t random, int64_t span) const {
  const auto rank = static_cast<uint64_t>(zipf(random, kItems));
  const uint64_t phase = bits(4, rank, 0) % kLifetime;
  const uint64_t period = (static_cast<uint64_t>(span) + phase) / kLifetime;
  return static_cast<int32_t>(bits(5, rank, period) % kItems);
}

// Mostly one of four companions of the item, the first of them most often; else another one of its
// family, or what is popular.
int32_t ClickStream::next_item(int32_t item, uint64_t random, int64_t span) const {
  const auto choice = random % 100;
  const uint64_t rest = random >> 8;
  const auto companion = [this, item](uint64_t which) {
    const auto family = static_cast<uint64_t>(item - item % kFamily);
    const uint64_t step = bits(6, static_cast<uint64_t>(item), which);
    // The last companion is of another family: what goes with a lamp is a bulb.
    return which == 3 ? static_cast<int32_t>(step % kItems)
                      : static_cast<int32_t>(family + step % kFamily);
  };
  if (choice < 32) return companion(0);
  if (choice < 48) return companion(1);
  if (choice < 57) return companion(2);
  if (choice < 65) return companion(3);
  if (choice < 82) return item / kFamily * kFamily + static_cast<int32_t>(rest % kFamily);
  return popular_item(rest, span);
}

// Whose turn it is to begin a session: one of two users, of whom one comes up to twenty times as
// often as the other.
int32_t ClickStream::user_of(int64_t lane_number, int64_t span, int64_t step) const {
  const int64_t first = lane_number % settings_.users;
  const int64_t own = (settings_.users - 1 - first) / kLanes + 1;
  const int64_t pairs = (own + 1) / 2;
  const int64_t turn = span * kSpan + step;
  const int64_t pair = turn % pairs;
  const double often =
      0.5 + 0.45 * share(bits(12, static_cast<uint64_t>(first), static_cast<uint64_t>(pair)));
  const auto place = static_cast<uint64_t>(turn * kLanes + lane_number);
  const int64_t user = pair * 2 + (share(bits(13, place, 0)) < often ? 0 : 1);
  return static_cast<int32_t>(first + std::min(user, own - 1) * kLanes);
}

void ClickStream::view(Lane& lane, uint64_t random) const {
  Click& click = lane.last;
  const uint64_t choice = random % 100;
  const uint64_t rest = random >> 7;
  if (click.item < 0) {
    click.item = popular_item(rest, lane.span);
  } else if (choice < 10 && lane.views > 1) {
    // Back to something that was looked at before.
    const auto known = std::min<uint64_t>(lane.views, lane.viewed.size());
    click.item = lane.viewed[(lane.views - 1 - rest % known) % lane.viewed.size()];
  } else {
    click.item = next_item(click.item, rest, lane.span);
  }
}

// The lane's next click.
void ClickStream::advance(int64_t lane_number, Lane& lane) const {
  const uint64_t place = static_cast<uint64_t>(lane.span * kLanes + lane_number);
  const int64_t at = lane.step++;
  const auto step = static_cast<uint64_t>(at);
  Click& click = lane.last;
  const bool begins = lane.left == 0;
  if (begins) {
    const uint64_t random = bits(7, place, step);
    // One click at least; half of the sessions have no more than three.
    const double length = 1.0 - 4.0 * std::log(1.0 - share(random));
    lane.left = static_cast<int32_t>(
        std::min({length, static_cast<double>(kLongestSession), static_cast<double>(kSpan - at)}));
    lane.left = std::max(lane.left, 1);
    click.session = static_cast<int64_t>(place) * kSpan + at;
    click.user = user_of(lane_number, lane.span, at);
    click.item = -1;
    lane.in_cart = -1;
    lane.views = 0;
  }
  --lane.left;
  const uint64_t random = bits(8, place, step);
  const uint64_t choice = random % 100;
  const uint64_t rest = random >> 8;
  click.quantity = 0;
  if (!begins && lane.in_cart >= 0 && choice < 40) {
    click.event = Event::kPurchase;
    click.item = lane.in_cart;
    click.quantity = 1 + static_cast<int32_t>(rest % 8 == 0);
    lane.in_cart = -1;
  } else if (!begins && click.item >= 0 && click.event == Event::kView && choice >= 90) {
    click.event = Event::kCart;
    click.quantity = 1;
    lane.in_cart = click.item;
  } else if (choice >= (begins ? 70U : 86U) && choice < (begins ? 100U : 90U)) {
    click.event = Event::kSearch;
    click.item = -1;
    click.category = category_of(popular_item(rest, lane.span));
    click.adjective = static_cast<int32_t>((rest >> 40) % kAdjectives.size());
  } else if (click.event == Event::kSearch && !begins) {
    // What was searched for: a popular item of the category, if one of a few tries is.
    click.event = Event::kView;
    for (uint64_t attempt = 0; attempt < 32; ++attempt) {
      click.item = popular_item(bits(9, random, attempt), lane.span);
      if (category_of(click.item) == click.category) break;
    }
  } else {
    click.event = Event::kView;
    view(lane, rest);
  }
  if (click.item >= 0) click.category = category_of(click.item);
  if (click.event == Event::kView) lane.viewed[lane.views++ % lane.viewed.size()] = click.item;
}

ClickStream::Click ClickStream::click(int64_t row) {
  const int64_t round = row / kLanes;
  // The lanes take turns in another order each round.
  const auto turn = static_cast<uint64_t>(row % kLanes);
  const uint64_t shift = bits(10, static_cast<uint64_t>(round), 0);
  const auto lane_number = static_cast<int64_t>((turn * 1'103 + shift) % kLanes);
  Lane& lane = lanes_[static_cast<size_t>(lane_number)];
  const int64_t span = round / kSpan;
  const int64_t step = round % kSpan;
  if (lane.span != span || lane.step > step) {
    lane = Lane{};
    lane.span = span;
  }
  while (lane.step <= step) advance(lane_number, lane);
  Click click = lane.last;
  click.time =
      kStart + row * kTick + static_cast<int64_t>(bits(11, static_cast<uint64_t>(row), 0) % kTick);
  if (settings_.erase_share > 0 &&
      share(bits(14, static_cast<uint64_t>(row), 0)) < settings_.erase_share) {
    click.event = Event::kErase;
    click.item = -1;
    click.quantity = 0;
  }
  return click;
}

std::vector<std::pair<std::string, Type>> ClickStream::fields(const Settings& settings) {
  return {{"timestamp", Type::timestamp()},
          {"user", settings.users <= kCategoryUsers ? Type::category() : Type::text()},
          {"session", Type::int64()},
          {"event", Type::category()},
          {"item", Type::int64()},
          {"category", Type::category()},
          {"price", Type::float64()},
          {"quantity", Type::int64()},
          {"query", Type::text()}};
}

void ClickStream::prepare(Host host) {
  if (events_) return;
  events_ = dictionary(host, {"view", "search", "cart", "purchase", "erase"});
  categories_ = dictionary(host, {kNouns.begin(), kNouns.end()});
  if (settings_.users > kCategoryUsers) return;
  TextBuilder names(host, settings_.users);
  char name[16];
  for (int32_t i = 0; i < settings_.users; ++i) names.append({name, put_user(i, name)});
  users_ = names.finish();
}

Batch ClickStream::batch(Output& out, int64_t first, int64_t rows, const flow_origin& origin) {
  prepare(out);
  TimestampBuilder times(out, rows);
  std::optional<Codes> user_codes;
  std::optional<TextBuilder> user_names;
  if (users_) {
    user_codes.emplace(out, rows);
  } else {
    user_names.emplace(out, rows);
  }
  Int64Builder sessions(out, rows);
  Codes events(out, rows);
  Int64Builder items(out, rows);
  CategoryBuilder categories(out, rows, categories_);
  Float64Builder prices(out, rows);
  Int64Builder quantities(out, rows);
  TextBuilder queries(out, rows);
  std::string query;
  char name[16];
  for (int64_t i = 0; i < rows; ++i) {
    const Click made = click(first + i);
    times.append(made.time);
    if (user_codes) {
      user_codes->data()[i] = made.user;
    } else {
      user_names->append({name, put_user(made.user, name)});
    }
    settings_.has_session ? sessions.append(made.session) : sessions.append_null();
    events.data()[i] = static_cast<int32_t>(made.event);
    made.event == Event::kErase ? categories.append_null() : categories.append(made.category);
    if (made.event == Event::kSearch) {
      query.assign(kAdjectives[static_cast<size_t>(made.adjective)]).append(" ");
      queries.append(query.append(kNouns[static_cast<size_t>(made.category)]));
    } else {
      queries.append_null();
    }
    if (made.item >= 0) {
      items.append(made.item + 1);
      prices.append(price_of(made.item));
    } else {
      items.append_null();
      prices.append_null();
    }
    made.quantity > 0 ? quantities.append(made.quantity) : quantities.append_null();
  }
  const auto types = fields(settings_);
  return out.make(
      rows,
      {{"timestamp", {times.finish(), types[0].second}},
       {"user",
        {user_codes ? user_codes->finish(out, users_) : user_names->finish(), types[1].second}},
       {"session", {sessions.finish(), types[2].second}},
       {"event", {events.finish(out, events_), types[3].second}},
       {"item", {items.finish(), types[4].second}},
       {"category", {categories.finish(), types[5].second}},
       {"price", {prices.finish(), types[6].second}},
       {"quantity", {quantities.finish(), types[7].second}},
       {"query", {queries.finish(), types[8].second}}},
      &origin);
}

}  // namespace flow::operators
