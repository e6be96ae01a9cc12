// Clicks of files, and a recommender that they are given to one by one.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "flow/testing/host.hpp"
#include "operators/common/recommend/recommender.hpp"

namespace flow::operators::recommend {

struct Click {
  int64_t session = 0;
  int64_t item = 0;
  double time = 0;
};

// Lines of three columns; those that begin with no number are left out.
inline std::vector<Click> read_clicks(const std::filesystem::path& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error(path.string() + " cannot be read");
  std::vector<Click> clicks;
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);
    Click click;
    if (fields >> click.session >> click.item >> click.time) clicks.push_back(click);
  }
  return clicks;
}
inline void sort_by_time(std::vector<Click>& clicks) {
  std::stable_sort(clicks.begin(), clicks.end(),
                   [](const Click& a, const Click& b) { return a.time < b.time; });
}

inline std::filesystem::path made_clicks() {
  return std::filesystem::path(FLOWRUN_SOURCE_DIR) / "tests/operators/recommend_clicks";
}
// The data of Serenade, which may not be there.
inline std::filesystem::path serenade() {
  const char* const shared = std::getenv("FLOWRUN_SHARED_DIR");
  return (shared != nullptr ? std::filesystem::path(shared)
                            : std::filesystem::path(FLOWRUN_SOURCE_DIR) / "../shared") /
         "data/serenade";
}

// As the option `model` names them, with the same defaults.
inline Settings model_settings(const std::string& name) {
  Settings settings;
  Mixture& mixture = settings.mixture;
  const std::string base = name.starts_with("repeat+") ? name.substr(7) : name;
  mixture.repeat = base != name;
  if (base == "popular") mixture.popular = true;
  if (base == "sr") mixture.rules = true;
  if (base == "vsknn") mixture.vsknn = true;
  if (base == "vmis") {
    mixture.vmis = true;
    settings.neighbours = {1502, 288, 4, 1.0};
    settings.limits.sessions_per_item = 1502;
  }
  if (base == "mixture" || base == "rule_mixture") {
    mixture = {.rules = true,
               .strong_rules = true,
               .vsknn = base == "mixture",
               .vmis = false,
               .popular = true,
               .repeat = true,
               .in_context = true};
    settings.rules.backward = 0.5;
    settings.rules.last = 3;
  }
  return settings;
}

// One model on a host of its own.
class Subject {
 public:
  explicit Subject(const Settings& settings)
      : settings_(settings), recommender_(host_.host(), settings) {}
  // On the pages of another one.
  Subject(Subject& other, const Settings& settings)
      : settings_(settings), recommender_((restore(other.host_, host_), host_.host()), settings) {}

  // The rank of the click's item before it is learned; -1: there was no list.
  int test(const Click& click, bool teach = true) {
    const auto time = static_cast<int64_t>(click.time * 1e9);
    recommender_.expire(time);
    const uint32_t session = recommender_.session(bytes(click.session), time);
    const uint32_t item = recommender_.item(bytes(click.item), click.item);
    if (session == 0 || item == 0) throw std::runtime_error("no room");
    const int rank =
        recommender_.has_clicks(session) ? static_cast<int>(recommender_.test(session, item)) : -1;
    recommender_.learn(session, item, teach);
    return rank;
  }
  // What a session would be given now.
  std::vector<int64_t> list(int64_t session) {
    std::vector<Ranked> ranked;
    const uint32_t number = recommender_.find_session(bytes(session));
    if (number != 0) recommender_.recommend(number, ranked, nullptr);
    std::vector<int64_t> items;
    for (const Ranked& one : ranked) {
      int64_t id = 0;
      std::memcpy(&id, recommender_.items().id(one.item).data(), sizeof id);
      items.push_back(id);
    }
    return items;
  }
  Recommender& recommender() { return recommender_; }
  testing::TestHost& host() { return host_; }

  static std::string_view bytes(const int64_t& id) {
    return {reinterpret_cast<const char*>(&id), sizeof id};
  }

 private:
  static void restore(testing::TestHost& from, testing::TestHost& to) {
    from.state().freeze();
    to.state().restore(from.state().frozen());
    from.state().end_epoch(false);
  }

  testing::TestHost host_;
  Settings settings_;
  Recommender recommender_;
};

struct Figures {
  int64_t tested = 0, hits = 0;
  double reciprocal = 0;
  void add(int rank) {
    tested += rank >= 0 ? 1 : 0;
    hits += rank > 0 ? 1 : 0;
    reciprocal += rank > 0 ? 1.0 / rank : 0.0;
  }
  double hit_rate() const { return static_cast<double>(hits) / static_cast<double>(tested); }
  double mean_reciprocal() const { return reciprocal / static_cast<double>(tested); }
};

}  // namespace flow::operators::recommend
