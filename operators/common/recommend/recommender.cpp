#include "operators/common/recommend/recommender.hpp"

#include <algorithm>

#include "flow/host/key_hash.hpp"

namespace flow::operators::recommend {
namespace {

constexpr double kForgottenShare = 0.125;  // of the items, when there are too many

// So many clicks count for the weights of parts before older ones count half.
constexpr double kRememberedShares = 1'000'000;

}  // namespace

Recommender::Recommender(Host host, const Settings& settings)
    : settings_(settings),
      items_(host),
      sessions_(host),
      totals_(host, "totals", 1),
      rules_(host, items_, settings.rules),
      neighbours_(host, items_, sessions_, settings.limits),
      popularity_(host, items_),
      repeats_(host, settings.mixture.in_context),
      weights_(host, "weights", 1),
      only_rules_(settings.mixture.rules && settings.mixture.parts() == 1 &&
                  !settings.mixture.repeat && settings.rules.last == 1 && !settings.same_category &&
                  !settings.exclude_session) {
  if (!totals_.grow(1) || !weights_.grow(1))
    throw Failure("state_limit is too small for an empty model: raise it");
}

bool Recommender::set_kind(IdKind Totals::*kind, IdKind value) {
  const IdKind known = totals_[0].*kind;
  if (value == IdKind::kUnknown || value == known) return true;
  if (known != IdKind::kUnknown) return false;
  totals_.edit(0).*kind = value;
  return true;
}

// ---- sessions and items ----

void Recommender::forget_session(uint32_t number) {
  const Session& session = sessions_[number];
  if (session.learned > 0) {
    Totals& totals = totals_.edit(0);
    totals.kept_clicks -= session.learned;
    --totals.kept_sessions;
  }
  neighbours_.forget(number);
  sessions_.erase(number);
}

void Recommender::expire(int64_t time) {
  if (settings_.expire_after == 0) return;
  if (totals_[0].latest == 0 || time >= totals_[0].latest) {
    totals_.edit(0).latest = std::min(time, INT64_MAX - 1) + 1;
  }
  const int64_t latest = totals_[0].latest - 1;
  if (latest < INT64_MIN + settings_.expire_after) return;
  const int64_t border = latest - settings_.expire_after;
  for (uint32_t oldest = sessions_.oldest(); oldest != 0 && sessions_[oldest].time < border;
       oldest = sessions_.oldest()) {
    forget_session(oldest);
    ++expired_;
  }
}

uint32_t Recommender::session(std::string_view id, int64_t time) {
  Session* session = sessions_.find(id);
  if (session != nullptr) {
    sessions_.touch(session->number);
  } else {
    while (sessions_.size() >= settings_.sessions) {
      forget_session(sessions_.oldest());
      ++evicted_sessions_;
    }
    session = sessions_.add(id);
    // Past the state limit: room that a forgotten one had may do.
    if (session == nullptr && sessions_.oldest() != 0) {
      forget_session(sessions_.oldest());
      ++evicted_sessions_;
      session = sessions_.add(id);
    }
    if (session == nullptr) return 0;
  }
  session->time = std::max(session->time, time);
  return session->number;
}

uint32_t Recommender::item(std::string_view id, std::optional<int64_t> order) {
  const uint32_t known = items_.find(id);
  if (known != 0) return known;
  if (items_.size() >= settings_.items) purge_items();
  if (!order) order = totals_.edit(0).next_order++;
  const uint32_t number = items_.add(id, *order, totals_[0].clicks);
  if (number != 0 || items_.size() == 0) return number;
  purge_items();
  return items_.add(id, *order, totals_[0].clicks);
}

void Recommender::purge_items() {
  const std::vector<uint8_t> gone = items_.oldest(kForgottenShare);
  rules_.purge(gone);
  neighbours_.purge(gone);
  popularity_.purge(gone);
  sessions_.purge(gone);
  for (uint32_t number = 1; number < gone.size(); ++number) {
    if (gone[number] == 0) continue;
    set_available(number, true);
    items_.edit(number) = ItemFacts{};
    items_.erase(number);
    ++evicted_items_;
  }
}

void Recommender::set_available(uint32_t item, bool available) {
  const uint32_t hidden = available ? 0 : 1;
  if (items_[item].hidden == hidden) return;
  items_.edit(item).hidden = hidden;
  totals_.edit(0).hidden_items += available ? -1 : 1;
}

void Recommender::set_category(uint32_t item, std::string_view category) {
  const uint64_t hash = host::hash_bytes(category) | 1;
  if (items_[item].category != hash) items_.edit(item).category = hash;
}

// ---- learning ----

bool Recommender::learn(uint32_t number, uint32_t item, bool teach) {
  bool complete = true;
  if (teach) {
    Totals& totals = totals_.edit(0);
    const int64_t click = ++totals.clicks;
    ++totals.kept_clicks;
    items_.edit(item).last = click;
    const Session& session = sessions_[number];
    if (session.learned == 0) ++totals.kept_sessions;
    const std::span<const uint32_t> before = session.clicks();
    const Mixture& mixture = settings_.mixture;
    learn_weights();
    if (mixture.repeat) complete = repeats_.learn(before, item);
    if (mixture.rules || mixture.strong_rules) complete = rules_.learn(before, item) && complete;
    if (mixture.vsknn || mixture.vmis) {
      complete = neighbours_.learn(number, item, click) && complete;
    }
    if (mixture.popular) complete = popularity_.learn(item) && complete;
  }
  Session& session = sessions_.edit(number);
  if (teach && session.learned < UINT32_MAX) ++session.learned;
  session.push(item, was_shown(number, item));
  return complete;
}

// ---- lists ----

Filter Recommender::filter_of(const Session& session) {
  Filter filter;
  filter.available = totals_[0].hidden_items > 0;
  filter.same_category = settings_.same_category;
  const std::span<const uint32_t> clicks = session.clicks();
  dropped_.clear();
  if (settings_.exclude_session) {
    dropped_.assign(clicks.begin(), clicks.end());
  } else if (settings_.mixture.vmis && settings_.mixture.parts() == 1 &&
             !settings_.mixture.repeat) {
    dropped_.push_back(clicks.front());
  }
  filter.drop = dropped_;
  if (filter.same_category) filter.category = items_[clicks.front()].category;
  return filter;
}

void Recommender::score_part(bool Mixture::*part, const Session& session, ScoreBoard& board) {
  const std::span<const uint32_t> clicks = session.clicks();
  const Totals& totals = totals_[0];
  if (part == &Mixture::rules) {
    rules_.score(clicks, board);
  } else if (part == &Mixture::vsknn) {
    neighbours_.score_vsknn(settings_.neighbours, session.number, clicks, totals.kept_sessions,
                            board);
  } else if (part == &Mixture::vmis) {
    neighbours_.score_vmis(settings_.neighbours, session.number, clicks, totals.kept_clicks, board);
  } else {
    for (const Ranked& candidate : list_part(part, session)) {
      board.add(candidate.item, candidate.score);
    }
  }
}

std::span<const Ranked> Recommender::list_part(bool Mixture::*part, const Session& session) {
  if (part == &Mixture::popular) return popularity_.list();
  if (part == &Mixture::strong_rules) {
    rules_.list(session.clicks().front(), candidates_);
    for (Ranked& ranked : candidates_) ranked.score *= ranked.score;
    return candidates_;
  }
  part_.begin(items_.highest());
  score_part(part, session, part_);
  candidates_.clear();
  for (const uint32_t item : part_.items()) candidates_.push_back({item, part_.at(item)});
  return candidates_;
}

double Recommender::weight_of(size_t part) const {
  double sum = 0;
  for (size_t i = 0; i < kParts.size(); ++i) {
    if (settings_.mixture.*kParts[i]) sum += 1 + weights_[0].shares[i];
  }
  return (1 + weights_[0].shares[part]) / sum;
}

void Recommender::score(const Session& session, uint32_t item) {
  const Mixture& mixture = settings_.mixture;
  const std::span<const uint32_t> clicks = session.clicks();
  board_.begin(items_.highest());
  if (clicked_.size() <= items_.highest()) clicked_.resize(2 * uint64_t{items_.highest()} + 1);
  if (mixture.repeat) {
    for (const uint32_t click : clicks) clicked_[click] = 1;
  }
  for (size_t i = 0; i < kParts.size(); ++i) {
    if (!(mixture.*kParts[i])) continue;
    if (mixture.parts() == 1) {
      score_part(kParts[i], session, board_);
      break;
    }
    const std::span<const Ranked> candidates = list_part(kParts[i], session);
    const auto open_score = [&](size_t at) {
      return clicked_[candidates[at].item] != 0 ? 0 : candidates[at].score;
    };
    shares_[i] = 0;
    const double sum = sum_in_lanes(candidates.size(), open_score);
    if (sum == 0) continue;
    const double factor = weight_of(i) / sum;
    // What the session has clicked gets its score from `repeats_`, whatever it has here.
    for (const Ranked& candidate : candidates) {
      board_.add(candidate.item, candidate.score * factor);
    }
    if (item == 0) continue;
    const auto own = std::find_if(candidates.begin(), candidates.end(),
                                  [item](const Ranked& other) { return other.item == item; });
    if (own == candidates.end()) continue;
    shares_[i] = open_score(static_cast<size_t>(own - candidates.begin())) * factor;
  }
  for (const uint32_t click : clicks) clicked_[click] = 0;
  if (mixture.repeat) repeats_.mix(clicks, board_);
}

// From the shares of the click that is being learned, if its list was tested.
void Recommender::learn_weights() {
  double sum = 0;
  for (const double share : shares_) sum += share;
  if (sum > 0) {
    Weights& weights = weights_.edit(0);
    double total = 0;
    for (size_t i = 0; i < kParts.size(); ++i) {
      weights.shares[i] += shares_[i] / sum;
      total += weights.shares[i];
    }
    if (total > kRememberedShares) {
      for (double& share : weights.shares) share /= 2;
    }
  }
  shares_.fill(0);
}

void Recommender::prepare(uint32_t number, uint32_t item) {
  if (!has_clicks(number)) return;
  if (settings_.mixture.popular) popularity_.refresh();
  if (settings_.mixture.parts() > 1) score(sessions_[number], item);
}

uint32_t Recommender::test(uint32_t number, uint32_t item) {
  const Session& session = sessions_[number];
  if (settings_.mixture.popular) popularity_.refresh();
  if (only_rules_ && totals_[0].hidden_items == 0) {
    return rules_.rank(session.clicks().front(), item, settings_.length);
  }
  score(session, item);
  return board_.rank(items_, filter_of(session), settings_.length, item);
}

void Recommender::recommend(uint32_t number, std::vector<Ranked>& list,
                            std::vector<Reason>* reasons) {
  list.clear();
  if (reasons != nullptr) reasons->clear();
  const Session& session = sessions_[number];
  if (session.recent_count == 0) return;
  score(session);
  shares_.fill(0);
  board_.top(items_, filter_of(session), settings_.length, list);
  if (reasons != nullptr) explain(session, list, *reasons);
}

void Recommender::explain(const Session& session, std::span<const Ranked> list,
                          std::vector<Reason>& reasons) {
  using Kind = Reason::Kind;
  const Mixture& mixture = settings_.mixture;
  const std::span<const uint32_t> clicks = session.clicks();
  const bool near = mixture.vsknn || mixture.vmis;
  if (near) neighbours_.count(list, counts_);
  for (size_t i = 0; i < list.size(); ++i) {
    const uint32_t item = list[i].item;
    const auto ago = std::find(clicks.begin(), clicks.end(), item);
    const uint32_t weight = mixture.rules ? rules_.weight(clicks.front(), item) : 0;
    if (mixture.repeat && ago != clicks.end()) {
      reasons.push_back({Kind::kRepeated, static_cast<uint32_t>(ago - clicks.begin()), 0});
    } else if (near && counts_[i] > 0) {
      reasons.push_back({Kind::kTogether, counts_[i], neighbours_.used()});
    } else if (weight > 0) {
      reasons.push_back({Kind::kFollowed, weight, 0});
    } else {
      reasons.push_back({Kind::kPopular, items_[item].clicks, 0});
    }
  }
}

bool Recommender::show(uint32_t session, std::span<const Ranked> list) {
  if (settings_.shown == 0) return true;
  shown_.clear();
  for (const Ranked& ranked : list) shown_.push_back(ranked.item);
  return sessions_.show(session, shown_, settings_.shown);
}

bool Recommender::was_led_to(uint32_t session, uint32_t item) {
  const std::optional<bool> led = sessions_[session].was_led_to(item);
  return led.has_value() ? *led : was_shown(session, item);
}

bool Recommender::was_shown(uint32_t session, uint32_t item) {
  const std::span<const uint32_t> shown = sessions_.shown(session);
  return std::find(shown.begin(), shown.end(), item) != shown.end();
}

}  // namespace flow::operators::recommend
