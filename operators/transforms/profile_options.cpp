// What `profile` says of itself.
#include "operators/common/input_column.hpp"
#include "operators/transforms/profile.hpp"

namespace flow::operators {
namespace {

// That a field whose name stands there by default is missing is no mistake.
void infer_name(const Inference& inference, const std::string& option, const std::string& name) {
  const flow_schema* schema = inference.input();
  if (schema == nullptr || name.empty()) return;
  const ColumnPath path = find_column(*schema, name);
  if (path.steps.empty() || JsonValues::accepts(path.type)) return;
  throw OptionFailure(option, "the column '" + name + "' is a " +
                                  std::string(type_name(path.type)) +
                                  ", but a number or text is needed");
}

}  // namespace

void Profile::describe(Description<Options>& d) {
  d.name("profile");
  d.summary("Keeps what is known of each user, and forgets who asks for it.");
  d.doc(
      R"(Each user, told apart by the fields of `key`, has a profile; a row of it comes out with the columns

| column | type | |
|---|---|---|
| the fields of `key` | | |
| `time` | timestamp | `last_seen`, or when the user was erased |
| `erase` | bool | false; true: the user was erased, and what else is kept of them is to be deleted |
| `first_seen`, `last_seen` | timestamp | the earliest and latest event time of the user's rows |
| `events` | integer | the user's rows |
| `sessions` | integer | different values of the field `session`, of which the latest four are told apart; null if there was none |
| one for each of `count` | integer | rows for which its condition is true |
| `spend` | float | the sum of `spend`, added row by row |
| `last_items` | JSON | `[17,"b-4"]`: the values of `item` that came last by event time, each once, the newest first |
| `categories` | JSON | `[{"category":"lamp","score":3.25}]`: each row of a category adds 1, which halves in each `half_life`, as of `last_seen`; the highest first |

**When.** A profile is told when the watermark is `every` of event time past the first row since it was told last,
and at the end of the input if anything is new. So no user's is told twice within `every`, and what it says depends
neither on batches nor on restarts. With `every = "0s"` each row tells it. Rows may come out of order, none is late.

**To be forgotten.** A row for which `erase` is true removes everything known of its user from the state, also of a
user who is not known: neither the state nor a checkpoint that is begun behind the row has their key or values.
A change that was not yet due to be told is not told. Two rows tell of it: one on `out` with `erase = true` and nulls in
everything but the key and `time`, behind all rows of the user, and one on the output `erased` with the key, `time`
and `erase`, which is the record that it happened. A sink that deletes by a condition takes either: `out` for the
table of profiles, `erased` beside the rows of any other table of the user's. Rows of the user that come afterwards
begin a new profile.

**Bounds.** At most `max_users` are known, each of 128 groups by hash a share of them: beyond that the eighth of a
group's users who were seen least recently is forgotten, told once more if anything was new, and counted in the
metric `evicted_users`; a profile that begins again has not seen what was before. Of categories four for each that
is told are remembered, at least 16. Past `state_limit` items and categories may be left out, counted in the metric `unnoted_values`.

Rows fail as `no_key` where a field of the key is null or missing, and `key_too_long` beyond 64 KiB; as `long_item` and `long_category` beyond 256 bytes, `bad_item` and `bad_category`
where it is no plain value; and as `bad_spend` where that is infinite, 1e150 or more, or no number.

State: some 300 bytes a user, and 10 beside each item and category. A change of `count` gives the numbers that are
known to other names: begin afresh then.)");
  d.example(R"(type = "profile"
inputs = ["clicks"]
key = ["user"]
every = "1m"
count = { views = "event == 'view'", purchases = "event == 'purchase'" }
)");
  d.traits(FLOW_KEYED);
  d.input("in", "What users do, with an event time, which an `event_time` before this sets.",
          "key");
  d.output("out", "Profiles as they change.");
  d.output("erased", "Users who were erased: the key, `time`, and `erase`, which is true.");
  d.output("errors", "Rows that are nobody's, or have values that are none.");
  d.option("key", &Options::key, "The fields that say who it is, one to eight.");
  d.option("every", &Options::every,
           "How much event time passes between two rows of one user at least, and how long a "
           "change waits at most.")
      .range(0, 31'536'000'000'000'000);
  d.option("count", &Options::count,
           "What is counted: a table from the names of columns to conditions, up to 16. Left out: "
           "views, searches, carts and purchases, by the field `event`.");
  d.option("spend", &Options::spend,
           "What a row adds to `spend`, an expression that gives a number, or null for none.");
  d.option("erase", &Options::erase,
           "The condition of a row by which its user asks to be forgotten. \"false\": none does.");
  d.option("session", &Options::session, "The field whose different values are counted.");
  d.option("item", &Options::item, "The field whose last values are kept; null is none.");
  d.option("items", &Options::items, "How many of them.").range(0, 100);
  d.option("category", &Options::category, "The field whose favourite values are kept.");
  d.option("categories", &Options::categories, "How many of them are told.").range(0, 50);
  d.option("half_life", &Options::half_life,
           "In which time the weight of a row for the favourite categories halves.")
      .range(1'000'000'000, 315'360'000'000'000'000);
  d.option("max_users", &Options::max_users,
           "How many users are known at most, all instances together. A million take some 1.2 GiB "
           "of state with 20 items and 10 categories each.")
      .range(128, 1'000'000'000);
  d.choice("when_full", &Options::when_full,
           {{"evict", WhenFull::kEvict}, {"fail", WhenFull::kFail}},
           "What happens beyond `max_users`: evict forgets those who were seen least recently; "
           "fail lets the rows of new users fail as `too_many_users`.");
}

void Profile::infer(const Options& options, Shared& shared, Inference& inference) {
  KeyInput::infer(options.key, inference);
  for (const auto& [name, condition] : shared.counts) infer_condition(condition, inference, false);
  infer_condition(shared.erase, inference, false);
  infer_expression(shared.spend, inference.input(), inference);
  infer_name(inference, "item", options.items > 0 ? options.item.name : "");
  infer_name(inference, "category", options.categories > 0 ? options.category.name : "");
  const flow_schema* schema = inference.input();
  if (schema == nullptr) return;
  Fields fields;
  for (const Field& field : options.key) {
    const ColumnPath path = find_column(*schema, field.name);
    if (path.steps.empty()) return;
    fields.emplace_back(field.name,
                        Type::of(path.type == FLOW_CATEGORY ? flow_type{FLOW_TEXT} : path.type));
  }
  Fields erased = fields;
  std::vector<std::string> counts;
  for (const auto& [name, condition] : shared.counts) counts.push_back(name);
  for (auto& column : ProfileRows::fields(counts)) fields.push_back(std::move(column));
  for (auto& column : ProfileRows::erased_fields()) erased.push_back(std::move(column));
  inference.output(fields);
  inference.output(erased, false, ProfileRows::kErasedPort);
}

}  // namespace flow::operators
