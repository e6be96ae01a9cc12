// What the transform `recommend` says of itself, and what its options come to.
#include <algorithm>
#include <string>

#include "operators/common/input_column.hpp"
#include "operators/transforms/recommend.hpp"

namespace flow::operators {
namespace {

using Model = Recommend::Model;

constexpr int64_t kLongestVmis = 9;  // clicks; the weight of the tenth would be 0

const std::vector<std::pair<std::string, Model>>& models() {
  static const std::vector<std::pair<std::string, Model>> kModels = {
      {"mixture", Model::kMixture},
      {"rule_mixture", Model::kRuleMixture},
      {"popular", Model::kPopular},
      {"sr", Model::kSr},
      {"vmis", Model::kVmis},
      {"vsknn", Model::kVsknn},
      {"repeat+sr", Model::kRepeatSr},
      {"repeat+vmis", Model::kRepeatVmis},
      {"repeat+vsknn", Model::kRepeatVsknn}};
  return kModels;
}

std::string name_of(Model model) {
  for (const auto& [name, value] : models()) {
    if (value == model) return name;
  }
  return {};
}

recommend::Mixture mixture_of(Model model) {
  recommend::Mixture mixture;
  switch (model) {
    case Model::kMixture:
    case Model::kRuleMixture:
      mixture = {.rules = true,
                 .strong_rules = true,
                 .vsknn = model == Model::kMixture,
                 .vmis = false,
                 .popular = true,
                 .repeat = true,
                 .in_context = true};
      break;
    case Model::kPopular:
      mixture.popular = true;
      break;
    case Model::kSr:
    case Model::kRepeatSr:
      mixture.rules = true;
      break;
    case Model::kVmis:
    case Model::kRepeatVmis:
      mixture.vmis = true;
      break;
    case Model::kVsknn:
    case Model::kRepeatVsknn:
      mixture.vsknn = true;
      break;
  }
  mixture.repeat = mixture.repeat || model >= Model::kRepeatSr;
  return mixture;
}

recommend::Settings settings_of(const Recommend::Options& options) {
  const auto number = [](int64_t value) { return static_cast<uint32_t>(value); };
  recommend::Settings settings;
  settings.mixture = mixture_of(options.model);
  settings.length = number(options.length);
  settings.rules.steps = number(options.steps);
  settings.rules.most = number(options.rules_per_item);
  if (options.model == Model::kMixture || options.model == Model::kRuleMixture) {
    settings.rules.backward = 0.5;
    settings.rules.last = 3;
  }
  const bool vmis = settings.mixture.vmis;
  settings.neighbours.sample = number(options.sample.value_or(vmis ? 1502 : 500));
  settings.neighbours.neighbours = number(options.neighbours.value_or(vmis ? 288 : 100));
  settings.neighbours.last = number(options.last_clicks.value_or(vmis ? 4 : 10));
  settings.neighbours.idf = options.idf;
  settings.limits.sessions_per_item =
      number(options.sessions_per_item.value_or(settings.neighbours.sample));
  settings.limits.items_per_session = number(options.items_per_session);
  settings.sessions = number(options.sessions);
  settings.items = number(options.items);
  settings.expire_after = options.expire_after.nanoseconds;
  settings.shown = number(options.shown_lists * options.length);
  settings.same_category = options.same_category;
  settings.exclude_session = options.exclude_session;
  return settings;
}

RecommendColumns::Chosen chosen(const Recommend::Options& options) {
  return {.lists = options.output != Recommend::Made::kRank,
          .ranks = options.output != Recommend::Made::kList,
          .as_json = options.lists == Recommend::Lists::kJson};
}

std::optional<CompiledExpression> compile(const std::optional<Expression>& expression,
                                          const char* option) {
  if (!expression) return std::nullopt;
  return CompiledExpression::compile(expression->text, option);
}

// Of a column that may be missing: rows pass all the same, and it is hardly what is meant.
std::optional<flow_type> infer_optional(Inference& inference, const char* option,
                                        const Field& field) {
  try {
    return inferred_column(inference, option, field.name);
  } catch (const OptionFailure& missing) {
    inference.warn(missing);
    return std::nullopt;
  }
}

OptionFailure unfit(const char* option, const Field& field, flow_type type, const char* needed) {
  return OptionFailure(
      option,
      "the column '" + field.name + "' is " + std::string(type_name(type)) + ", but " + needed, {},
      0);
}

// Of ids; nothing: not known.
std::optional<Type> id_type(const char* option, const Field& field, std::optional<flow_type> type) {
  if (!type) return std::nullopt;
  if (*type == FLOW_INT64) return Type::int64();
  if (!AnyTextView::accepts(*type)) throw unfit(option, field, *type, "ids are int64 or text");
  return *type == FLOW_BINARY ? Type::binary() : Type::text();
}

void infer_typed(Inference& inference, const char* option, const Field& field, flow_type wanted,
                 const char* needed) {
  if (field.name.empty()) return;
  const std::optional<flow_type> type = infer_optional(inference, option, field);
  const bool fits =
      wanted == FLOW_TEXT ? !type || AnyTextView::accepts(*type) : !type || *type == wanted;
  if (!fits) throw unfit(option, field, *type, needed);
}

}  // namespace

Recommend::Shared::Shared(const Options& options, Host)
    : settings(settings_of(options)),
      click(compile(options.click, "click")),
      learn(compile(options.learn, "learn")),
      answer(compile(options.answer, "answer")) {
  if (settings.mixture.vmis && settings.neighbours.last > kLongestVmis) {
    throw OptionFailure("last_clicks", "must be at most 9 with the model 'vmis'");
  }
  if (options.same_category && options.category.name.empty()) {
    throw OptionFailure("same_category", "needs the category of items", "name a field as category");
  }
}

Recommend::Recommend(const Options& options, Shared& shared)
    : output_(options.output),
      expires_(options.expire_after.nanoseconds > 0),
      settings_(shared.settings),
      item_("item", options.item.name),
      session_("session", options.session.name),
      columns_(chosen(options), name_of(options.model)) {
  const auto named = [](const Field& field) {
    return field.name.empty() ? std::nullopt : std::optional<ColumnFinder>(field.name);
  };
  time_ = named(options.time);
  available_ = named(options.available);
  category_ = named(options.category);
  if (output_ == Made::kRank) settings_.shown = 0;
  if (shared.click) click_.expression.emplace(*shared.click);
  if (shared.learn) learn_.expression.emplace(*shared.learn);
  if (shared.answer) answer_.expression.emplace(*shared.answer);
}

void Recommend::infer(const Options& options, Shared& shared, Inference& inference) {
  // Without a session or an item no row passes, but for those that are no clicks.
  const std::optional<Type> item =
      id_type("item", options.item,
              options.click ? infer_optional(inference, "item", options.item)
                            : inferred_column(inference, "item", options.item.name));
  id_type("session", options.session, inferred_column(inference, "session", options.session.name));
  infer_typed(inference, "time", options.time, FLOW_TIMESTAMP, "a timestamp is needed");
  infer_typed(inference, "available", options.available, FLOW_BOOL, "a bool is needed");
  infer_typed(inference, "category", options.category, FLOW_TEXT, "text is needed");
  for (const auto* condition : {&shared.click, &shared.learn, &shared.answer}) {
    if (*condition) infer_condition(**condition, inference, false);
  }
  const RecommendColumns::Chosen made = chosen(options);
  if (made.lists && !made.as_json && !item) return;
  Fields added;
  if (made.lists) {
    added.emplace_back("recommendations",
                       RecommendColumns::list_type(item.value_or(Type::text()), made.as_json));
  }
  added.emplace_back("model", Type::category());
  if (made.ranks) {
    added.emplace_back("rank", Type::int64());
    added.emplace_back("predicted", Type::boolean());
  }
  if (made.lists) added.emplace_back("recommended_before", Type::boolean());
  inference.with(added);
}

void Recommend::describe(Description<Options>& d) {
  d.name("recommend");
  d.summary("Recommends the next item of each session, learning from every click as it comes.");
  d.doc(
      R"(Each row is a click of a session on an item. Before the click is learned, the list for its session is
tested with it; then the models learn from it, and the list for what may come next is made. New columns:

| column | |
|---|---|
| `recommendations` | the best items for the session after this click: a list of `{item, score, reason}`, best first, scores to six decimals. `reason` says in words what the item has to do with the session |
| `model` | the model that made it |
| `rank` | the place, from 1, that the clicked item had in the list before the click; null: there was no list to test, or it was not in it |
| `predicted` | whether there was a list to test: the session had a click before. So HR@20 is the share of rows with a `rank` among those with `predicted`, and MRR@20 the sum of `1 / rank` over their number |
| `recommended_before` | whether the row's item was in one of the last lists that the session was given, by the time when the session looked at the item first (as far as its last 17 clicks tell): of a purchase, whether a list led to it |

Rows that `click` does not hold for (searches, purchases) are not steps of their session: they get `recommended_before`, and a list if
`answer` holds; their item may be null. Rows that `learn` does not hold for are tested and are steps of their session, and no model learns from
them. Without a click before, a list is empty; where `answer` does not hold it is null.

**Models.** `sr`: sequential rules, what follows the last item. `vsknn`, `vmis`: the items of the sessions that are most like this one (V-SKNN, and
VMIS-kNN as in Serenade). `popular`: what is clicked most. `repeat+X`: X mixed with how often visitors go back to what they saw n clicks ago.
`mixture`: rules of both directions over the last three
items, those of the last item alone, neighbours (V-SKNN) and popularity by weights that it learns, and repeats in their context. `rule_mixture`:
the same without neighbours, at a third of the cost or less; as good where items have many sessions, and worse by 0.003 in HR@20 on Serenade's clicks. Ties go to the
smaller item; of text ids to the one that was seen first.

**Bounds.** A new session beyond `sessions` takes the place of the one touched longest ago; a new item beyond `items` that of the eighth clicked longest
ago, which goes at once. An item keeps its `sessions_per_item` most recent sessions and its strongest `rules_per_item` rules (the weakest eighth makes room), a session its
first `items_per_session` distinct items. `expire_after` forgets sessions by event time: those at the end of the order in which they were touched whose latest
click is older. All this is decided by the order of the rows, which is that of their arrival: a click far out of order is a click that comes now.

**Erasing.** The model knows items and ids of sessions, and no users. It has no erasure of its own: what a session clicked is
kept until its place is needed or `expire_after` is over, and what was learned of it stays. To forget a user, erase where users
are known (`sessionize`, `profile`), so that nothing says any more whose session it was, and set `expire_after`.

**Filters.** `available`: a bool with any row says from then on whether its item is in stock; what is not is not recommended. `category` and `same_category`: only items of the
category of the session's last item. A field of a table comes from `lookup` before this.

Rows fail as `no_session`, `no_item` or `no_time` (null), `id_too_long` (more than 1,024 bytes) and `state_limit`.

State, in pages, so that a checkpoint takes what has changed: some 230 MiB for a million sessions of six clicks and 100,000 items with repeat+vsknn, 410 MiB with rules
as well; lists that were shown take 4 bytes an item. Costs per click on one core with `output = "rank"`: 0.5 us for sr, 2 us for repeat+vsknn, some 5 us for the mixture; with
a model of that size 50 to 250 us. `rules_per_item = 64` halves what rules cost once items have that many. Lists with their reasons take about as much again.)");
  d.example(R"(type = "recommend"
inputs = ["clicks"]
item = "item"
session = "session"
click = "event == 'view' or event == 'cart'"
)");
  d.traits(FLOW_SERIAL | FLOW_ORDER_DEPENDENT);
  d.input("in", "The clicks, in the order in which they count.");
  d.output("out", "The rows with their columns.");
  d.output("errors", "Rows without a session or an item.");
  d.option("item", &Options::item, "The clicked item's id: int64 or text.");
  d.option("session", &Options::session, "The session's id: int64 or text.");
  d.option("time", &Options::time,
           "A timestamp field by which `expire_after` counts. Empty: the event time of an "
           "event_time upstream.");
  d.choice("model", &Options::model, models(), "What the lists are made with; see above.");
  d.choice("output", &Options::output,
           {{"all", Made::kAll}, {"list", Made::kList}, {"rank", Made::kRank}},
           "Which columns are made: rank saves making lists, for evaluation; list saves the test.");
  d.choice(
      "lists", &Options::lists, {{"list", Lists::kList}, {"json", Lists::kJson}},
      "What `recommendations` is: `list`, which expressions can look into, or `json`, the same "
      "as JSON text. Where several sinks write it as JSON (`serve`, `respond`, `sqlite`), each "
      "writes a list anew, and copies the text.");
  d.option("length", &Options::length, "Items of a list, and of the list that is tested.")
      .range(1, 100);
  d.option("click", &Options::click,
           "An expression: which rows are steps of their session. Default: all.");
  d.option("learn", &Options::learn,
           "An expression: which of these the models learn from. Default: all. `learn = \"false\"` "
           "tests a model that was imported.");
  d.option("answer", &Options::answer, "An expression: which rows get a list. Default: all.");
  d.option("available", &Options::available,
           "A bool field: whether the row's item can be recommended from now on. Null says "
           "nothing. Empty: there is none.");
  d.option("category", &Options::category,
           "A text field: the category of the row's item. Empty: there is none.");
  d.option("same_category", &Options::same_category,
           "Recommends only items of the category of the session's last item.");
  d.option("exclude_session", &Options::exclude_session,
           "Does not recommend the session's last 17 items again.");
  d.option("sample", &Options::sample,
           "Of vsknn and vmis: how many of the most recent sessions with an item in common are "
           "compared. Default: 500, vmis 1502. Time grows with it.")
      .range(1, 8192);
  d.option("neighbours", &Options::neighbours,
           "Of vsknn and vmis: how many of these, the most similar ones, make the list. Default: "
           "100, vmis 288.")
      .range(1, 8192);
  d.option("last_clicks", &Options::last_clicks,
           "Of vsknn and vmis: clicks of the session that are compared. Default: 10, vmis 4 (at "
           "most 9).")
      .range(1, 17);
  d.option("idf", &Options::idf,
           "Of vsknn and vmis: how much items of few sessions are preferred; 0: not at all.")
      .range(0, 100);
  d.option("steps", &Options::steps,
           "Of sr: over how many clicks a rule reaches; it weighs 1 / distance.")
      .range(1, 10);
  d.option("sessions", &Options::sessions, "How many sessions are remembered.")
      .range(1, 100'000'000);
  d.option("items", &Options::items, "How many items are remembered.").range(1, 16'000'000);
  d.option("sessions_per_item", &Options::sessions_per_item,
           "How many sessions of an item are found by it, the most recent ones. Default: `sample`.")
      .range(1, 8192);
  d.option("items_per_session", &Options::items_per_session,
           "How many distinct items of a session neighbours know.")
      .range(1, 8192);
  d.option("rules_per_item", &Options::rules_per_item, "How many rules of an item are kept.")
      .range(1, 6144);
  d.option("expire_after", &Options::expire_after,
           "For how long a session is remembered after its latest click. 0: until its place is "
           "needed.")
      .range(0, 31'536'000'000'000'000);
  d.option("shown_lists", &Options::shown_lists,
           "How many of a session's last lists `recommended_before` looks at; 4 bytes of state an "
           "item of them.")
      .range(0, 10);
}

}  // namespace flow::operators
