#include "operators/common/recommend/recommender.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tests/operators/common/recommend/clicks.hpp"

namespace flow::operators::recommend::recommender_test {
namespace {

// ---- the reference ----

// What tests/operators/recommend_clicks/make.py wrote.
struct Expected {
  Figures figures;
  std::map<size_t, std::vector<int64_t>> lists;  // by click
};
std::map<std::string, Expected> read_expected() {
  std::ifstream file(made_clicks() / "expected.tsv");
  std::map<std::string, Expected> all;
  for (std::string line; std::getline(file, line);) {
    const std::string name = line.substr(0, line.find('\t'));
    std::istringstream fields(line.substr(name.size()));
    const auto [known, first] = all.try_emplace(name);
    Expected& expected = known->second;
    if (first) {
      fields >> expected.figures.tested >> expected.figures.hits >> expected.figures.reciprocal;
      continue;
    }
    size_t number = 0;
    fields >> number;
    std::vector<int64_t>& list = expected.lists[number];
    for (int64_t item = 0; fields >> item;) list.push_back(item);
  }
  return all;
}

TEST(Recommender, ListsAndRanksAreThoseOfTheReference) {
  const std::vector<Click> clicks = read_clicks(made_clicks() / "clicks.tsv");
  const std::map<std::string, Expected> all = read_expected();
  ASSERT_EQ(all.size(), 7U);
  for (const auto& [name, expected] : all) {
    SCOPED_TRACE(name);
    Subject subject(model_settings(name));
    Figures figures;
    for (size_t i = 0; i < clicks.size(); ++i) {
      std::vector<int64_t> before;
      if (expected.lists.count(i) != 0) {
        // Brings what is popular up to date, as testing does.
        const uint32_t session =
            subject.recommender().find_session(Subject::bytes(clicks[i].session));
        if (session != 0) subject.recommender().prepare(session, 0);
        ASSERT_EQ(subject.list(clicks[i].session), expected.lists.at(i)) << "click " << i;
      }
      figures.add(subject.test(clicks[i]));
    }
    EXPECT_EQ(figures.tested, expected.figures.tested);
    EXPECT_EQ(figures.hits, expected.figures.hits);
    EXPECT_NEAR(figures.reciprocal, expected.figures.reciprocal, 1e-9);
  }
}

// Predictions, hits in 20 and the sum of reciprocal ranks of the reference.
struct SerenadeFigures {
  const char* model;
  Figures after_each, trained;
};
const SerenadeFigures kSerenade[] = {
    {"popular", {90'779, 1'633, 369.0969429650149}, {931, 10, 2.0274331662489558}},
    {"sr", {90'779, 37'000, 22567.01890304823}, {931, 432, 233.7912807952281}},
    {"vsknn", {90'779, 42'779, 16732.479792428487}, {931, 609, 217.3620552821791}},
    {"vmis", {90'779, 42'595, 22196.51244189687}, {931, 616, 314.53011088069087}},
    {"repeat+sr", {90'779, 49'379, 31032.18339516846}, {931, 559, 323.25195996813613}},
    {"repeat+vsknn", {90'779, 54'356, 32412.200821540893}, {931, 625, 350.2663782682744}},
    {"repeat+vmis", {90'779, 54'244, 32459.266323780204}, {931, 622, 350.7596550078746}}};

void expect_equal(const Figures& figures, const Figures& expected) {
  EXPECT_EQ(figures.tested, expected.tested);
  EXPECT_EQ(figures.hits, expected.hits);
  EXPECT_NEAR(figures.reciprocal, expected.reciprocal, 1e-6);
}

class SerenadeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(serenade() / "train.txt")) {
      GTEST_SKIP() << "the clicks of Serenade (train.txt, test.txt) are not in " << serenade();
    }
    train_ = read_clicks(serenade() / "train.txt");
    test_ = read_clicks(serenade() / "test.txt");
  }
  std::vector<Click> by_time() const {
    std::vector<Click> clicks = train_;
    clicks.insert(clicks.end(), test_.begin(), test_.end());
    sort_by_time(clicks);
    return clicks;
  }
  std::vector<Click> train_, test_;
};

TEST_F(SerenadeTest, FiguresClickByClickAreThoseOfTheReference) {
  const std::vector<Click> clicks = by_time();
  for (const SerenadeFigures& expected : kSerenade) {
    SCOPED_TRACE(expected.model);
    Subject subject(model_settings(expected.model));
    Figures figures;
    for (const Click& click : clicks) figures.add(subject.test(click));
    expect_equal(figures, expected.after_each);
  }
}

TEST_F(SerenadeTest, TheMixtureIsBetterThanItsPartsInBothHalves) {
  const std::vector<Click> clicks = by_time();
  Figures mixture[2], part[2];
  Subject subject(model_settings("mixture"));
  Subject other(model_settings("repeat+vsknn"));
  for (size_t i = 0; i < clicks.size(); ++i) {
    const size_t half = i < clicks.size() / 2 ? 0 : 1;
    mixture[half].add(subject.test(clicks[i]));
    part[half].add(other.test(clicks[i]));
  }
  for (const size_t half : {0, 1}) {
    EXPECT_GT(mixture[half].hit_rate(), part[half].hit_rate() + 0.009);
    EXPECT_GT(mixture[half].mean_reciprocal(), part[half].mean_reciprocal() + 0.009);
  }
}

// Sessions one behind the other, each sorted by time, by their last click.
std::vector<Click> in_sessions(const std::vector<Click>& clicks) {
  std::map<int64_t, std::vector<Click>> sessions;
  for (const Click& click : clicks) sessions[click.session].push_back(click);
  std::vector<std::vector<Click>> ordered;
  for (auto& [id, session] : sessions) {
    sort_by_time(session);
    ordered.push_back(std::move(session));
  }
  std::stable_sort(ordered.begin(), ordered.end(),
                   [](const auto& a, const auto& b) { return a.back().time < b.back().time; });
  std::vector<Click> all;
  for (const auto& session : ordered) all.insert(all.end(), session.begin(), session.end());
  return all;
}

TEST_F(SerenadeTest, FiguresOfATrainedModelAreThoseOfTheReference) {
  const std::vector<Click> train = in_sessions(train_);
  std::vector<Click> test = in_sessions(test_);
  // Sessions of the test are others than those of the training, whatever their ids.
  for (Click& click : test) click.session += 1'000'000'000;
  for (const SerenadeFigures& expected : kSerenade) {
    SCOPED_TRACE(expected.model);
    Subject subject(model_settings(expected.model));
    Figures figures;
    for (const Click& click : train) subject.test(click);
    for (const Click& click : test) figures.add(subject.test(click, false));
    if (std::string(expected.model) == "popular") {
      // The reference first looks for what is popular when it is trained; this one does so again
      // and again.
      EXPECT_NEAR(figures.hit_rate(), expected.trained.hit_rate(), 0.001);
      continue;
    }
    expect_equal(figures, expected.trained);
  }
}

// ---- bounds ----

Click click(int64_t session, int64_t item, double time = 0) { return {session, item, time}; }

TEST(Recommender, ASessionTouchedLongestAgoMakesRoomForANewOne) {
  Settings settings = model_settings("repeat+vsknn");
  settings.sessions = 3;
  Subject subject(settings);
  for (const int64_t session : {1, 2, 3}) {
    subject.test(click(session, 10));
    subject.test(click(session, 10 + session));
  }
  subject.test(click(1, 10));  // 2 is the oldest now
  subject.test(click(4, 10));
  EXPECT_EQ(subject.recommender().sessions().size(), 3U);
  EXPECT_EQ(subject.recommender().take_evicted_sessions(), 1);
  EXPECT_EQ(subject.recommender().find_session(Subject::bytes(2)), 0U);
  const std::vector<int64_t> list = subject.list(4);
  EXPECT_EQ(std::count(list.begin(), list.end(), 12), 0) << "only session 2 had it";
  EXPECT_EQ(std::count(list.begin(), list.end(), 13), 1);
}

TEST(Recommender, TheItemsClickedLongestAgoAreForgottenEverywhere) {
  for (const char* model : {"mixture", "repeat+vmis", "sr", "popular"}) {
    SCOPED_TRACE(model);
    Settings settings = model_settings(model);
    settings.items = 16;
    Subject subject(settings);
    for (int64_t item = 1; item <= 17; ++item) {
      subject.test(click(1, item));
      subject.test(click(item + 100, item));
      subject.test(click(item + 100, 8));
    }
    EXPECT_EQ(subject.recommender().take_evicted_items(), 2) << "an eighth";
    EXPECT_EQ(subject.recommender().items().size(), 15U);
    for (const int64_t gone : {1, 2}) {
      EXPECT_EQ(subject.recommender().find_item(Subject::bytes(gone)), 0U);
    }
    // New ones have the numbers of the old ones, and none of their past.
    for (const int64_t item : {901, 902}) {
      if (subject.recommender().items().size() == 16) break;
      EXPECT_LE(subject.recommender().item(Subject::bytes(item), item), 17U);
    }
    for (const int64_t session : {1, 101, 117}) {
      const std::vector<int64_t> list = subject.list(session);
      for (const int64_t gone : {1, 2, 901, 902}) {
        EXPECT_EQ(std::count(list.begin(), list.end(), gone), 0) << session;
      }
    }
  }
}

TEST(Recommender, ARowOfRulesLosesTheWeakestEighth) {
  Settings settings = model_settings("sr");
  settings.rules.most = 16;
  settings.length = 100;
  Subject subject(settings);
  int64_t session = 0;
  for (int64_t item = 1; item <= 17; ++item) {
    // The first ones follow most often.
    for (int64_t times = item; times <= 17; ++times) {
      subject.test(click(++session, 1000));
      subject.test(click(session, item));
    }
  }
  subject.test(click(++session, 1000));
  std::vector<int64_t> expected;
  for (int64_t item = 1; item <= 14; ++item) expected.push_back(item);
  expected.push_back(17);
  EXPECT_EQ(subject.list(session), expected);
}

TEST(Recommender, SessionsExpireByEventTime) {
  Settings settings = model_settings("vsknn");
  settings.expire_after = 100'000'000'000;
  Subject subject(settings);
  subject.test(click(1, 10, 1000));
  subject.test(click(1, 11, 1010));
  subject.test(click(2, 10, 1050));
  EXPECT_EQ(subject.list(2), (std::vector<int64_t>{11, 10}));
  subject.test(click(3, 10, 1111));
  EXPECT_EQ(subject.recommender().take_expired(), 1);
  EXPECT_EQ(subject.list(3), (std::vector<int64_t>{10}));
  subject.test(click(3, 12, 5));  // far out of order: a click like others
  EXPECT_EQ(subject.recommender().take_expired(), 0);
  EXPECT_EQ(subject.recommender().sessions().size(), 2U);
}

TEST(Recommender, AMillionClicksOfOneSessionStayBounded) {
  Settings settings = model_settings("repeat+vsknn");
  settings.items = 20'000;
  settings.limits.items_per_session = 64;
  Subject subject(settings);
  for (int64_t i = 0; i < 1'000'000; ++i) subject.test(click(1, (i * i) % 5000));
  EXPECT_LT(subject.host().state().bytes(), 64 << 20);
  EXPECT_EQ(subject.list(1).size(), 17U) << "what it clicked last; there is no other session";
}

TEST(Recommender, AModelOnThePagesOfAnotherGoesOnAsThatOneDoes) {
  const std::vector<Click> clicks = read_clicks(made_clicks() / "clicks.tsv");
  for (const char* model : {"mixture", "repeat+vmis", "sr", "popular"}) {
    SCOPED_TRACE(model);
    Settings settings = model_settings(model);
    settings.sessions = 100;
    settings.items = 120;
    settings.rules.most = 12;
    settings.expire_after = 3'000'000'000'000;
    Subject whole(settings);
    std::vector<int> expected;
    expected.reserve(clicks.size());
    for (const Click& one : clicks) expected.push_back(whole.test(one));
    auto subject = std::make_unique<Subject>(settings);
    for (size_t i = 0; i < clicks.size(); ++i) {
      if (i % 97 == 0) subject = std::make_unique<Subject>(*subject, settings);
      ASSERT_EQ(subject->test(clicks[i]), expected[i]) << i;
    }
  }
}

TEST(Recommender, WithoutRoomForMoreStateItGoesOnWithWhatItHas) {
  Settings settings = model_settings("mixture");
  Subject subject(settings);
  for (int64_t i = 0; i < 100; ++i) subject.test(click(i / 4, i % 30));
  subject.host().state_limit = subject.host().state().bytes() + 4 * 65'536;
  int64_t tested = 0;
  for (int64_t i = 0; i < 50'000; ++i) {
    try {
      tested += subject.test(click(i / 4, (i * 7919) % 3000)) >= 0 ? 1 : 0;
    } catch (const std::runtime_error&) {
    }
  }
  EXPECT_GT(tested, 1000);
  EXPECT_LE(subject.host().state().bytes(), subject.host().state_limit);
}

// ---- filters ----

TEST(Recommender, WhatIsNotAvailableIsNotRecommendedAndNotAHit) {
  for (const char* model : {"sr", "vsknn", "mixture"}) {
    SCOPED_TRACE(model);
    Subject subject(model_settings(model));
    for (const int64_t session : {1, 2}) {
      subject.test(click(session, 10));
      subject.test(click(session, 11));
      subject.test(click(session, 12));
    }
    Recommender& recommender = subject.recommender();
    subject.test(click(3, 10));
    EXPECT_EQ(std::set<int64_t>({10, 11, 12}).count(subject.list(3).front()), 1U);
    recommender.set_available(recommender.find_item(Subject::bytes(11)), false);
    const std::vector<int64_t> list = subject.list(3);
    EXPECT_EQ(std::count(list.begin(), list.end(), 11), 0);
    EXPECT_EQ(std::count(list.begin(), list.end(), 12), 1);
    EXPECT_EQ(subject.test(click(3, 11)), 0);
    recommender.set_available(recommender.find_item(Subject::bytes(11)), true);
    subject.test(click(4, 10));
    EXPECT_GT(subject.test(click(4, 11)), 0);
  }
}

TEST(Recommender, OnlyItemsOfTheLastOnesCategoryAreRecommended) {
  Settings settings = model_settings("sr");
  settings.same_category = true;
  Subject subject(settings);
  subject.test(click(1, 10));
  subject.test(click(1, 11));
  subject.test(click(1, 12));
  Recommender& recommender = subject.recommender();
  recommender.set_category(recommender.find_item(Subject::bytes(10)), "lamp");
  recommender.set_category(recommender.find_item(Subject::bytes(11)), "bulb");
  recommender.set_category(recommender.find_item(Subject::bytes(12)), "lamp");
  subject.test(click(2, 10));
  EXPECT_EQ(subject.list(2), (std::vector<int64_t>{12}));
}

TEST(Recommender, ItemsOfTheSessionCanBeLeftOut) {
  Settings settings = model_settings("mixture");
  settings.exclude_session = true;
  Subject subject(settings);
  for (const int64_t session : {1, 2}) {
    for (const int64_t item : {10, 11, 12}) subject.test(click(session, item));
  }
  subject.test(click(3, 10));
  subject.test(click(3, 11));
  EXPECT_EQ(subject.list(3), (std::vector<int64_t>{12}));
}

TEST(Recommender, ReasonsSayWhereAnItemComesFrom) {
  Subject subject(model_settings("mixture"));
  for (const int64_t session : {1, 2, 3}) {
    for (const int64_t item : {10, 11}) subject.test(click(session, item));
  }
  subject.test(click(4, 77));
  subject.test(click(5, 10));
  subject.recommender().prepare(subject.recommender().find_session(Subject::bytes(5)), 0);
  std::vector<Ranked> list;
  std::vector<Reason> reasons;
  subject.recommender().recommend(subject.recommender().find_session(Subject::bytes(5)), list,
                                  &reasons);
  std::map<std::string_view, Reason> by_item;
  for (size_t i = 0; i < list.size(); ++i) {
    by_item[subject.recommender().items().id(list[i].item)] = reasons[i];
  }
  EXPECT_EQ(by_item[Subject::bytes(11)].kind, Reason::Kind::kTogether);
  EXPECT_EQ(by_item[Subject::bytes(11)].count, 3U);
  EXPECT_EQ(by_item[Subject::bytes(11)].of, 3U);
  EXPECT_EQ(by_item[Subject::bytes(10)].kind, Reason::Kind::kRepeated);
  EXPECT_EQ(by_item[Subject::bytes(10)].count, 0U);
  EXPECT_EQ(by_item[Subject::bytes(77)].kind, Reason::Kind::kPopular);
}

}  // namespace
}  // namespace flow::operators::recommend::recommender_test
