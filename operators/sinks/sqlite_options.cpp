// The options of the sink `sqlite`, and what can be said of them before a run.
#include <algorithm>
#include <set>

#include "operators/common/input_column.hpp"
#include "operators/sinks/sqlite.hpp"

namespace flow::operators {
namespace {

bool has_twice(const std::vector<std::string>& names) {
  return std::set<std::string>(names.begin(), names.end()).size() != names.size();
}

bool reads_as_text(flow_type type) {
  return type == FLOW_TEXT || type == FLOW_CATEGORY || type == FLOW_JSON;
}

}  // namespace

SqliteSink::Shared::Shared(const Options& options, Host) {
  if (options.database.empty()) throw OptionFailure("database", "name a file");
  if (options.database.find_first_of("{}") != std::string::npos) {
    throw OptionFailure("database", "fields of the rows are no part of it",
                        "name one file, without braces");
  }
  const std::string& table = options.table;
  if (table.empty()) throw OptionFailure("table", "name a table");
  if (table.find('\0') != std::string::npos) throw OptionFailure("table", "has a NUL in it");
  if (table.starts_with("sqlite_") || table.starts_with("flowrun_")) {
    throw OptionFailure("table", "names that begin with sqlite_ and flowrun_ are taken");
  }
  if (options.key.empty() && options.mode == Mode::kUpsert) {
    throw OptionFailure("key", "upsert needs the fields by which rows replace each other");
  }
  if (options.key.empty() && options.erase) {
    throw OptionFailure("key", "erase needs the fields whose rows are erased");
  }
  if (has_twice(options.key)) throw OptionFailure("key", "a field stands there twice");
  if (has_twice(options.full_text)) throw OptionFailure("full_text", "a field stands there twice");
  if (options.erase) erase = CompiledExpression::compile(options.erase->text, "erase");
}

void SqliteSink::infer(const Options& options, Shared& shared, Inference& inference) {
  for (const std::string& name : options.key) {
    const std::optional<flow_type> type = inferred_column(inference, "key", name);
    if (type == FLOW_JSON) {
      inference.warn(OptionFailure("key",
                                   "the field '" + name + "' is undeclared JSON, and is " +
                                       "kept as its token, texts in quotes",
                                   "declare its type where it is decoded"));
    }
  }
  for (const std::string& name : options.full_text) {
    const std::optional<flow_type> type = inferred_column(inference, "full_text", name);
    if (type && !reads_as_text(*type)) {
      throw OptionFailure("full_text", "the column '" + name + "' is " +
                                           std::string(type_name(*type)) + ", which is no text");
    }
  }
  if (shared.erase) infer_condition(*shared.erase, inference, false);
}

void SqliteSink::describe(Description<Options>& d) {
  d.name("sqlite");
  d.summary("Writes rows into a table of a SQLite database: inserted, or replaced by key.");
  d.doc(
      R"(The columns of the rows are those of the table: int as INTEGER, float as REAL, bool as 0 and 1, text and
category as TEXT, binary as BLOB, timestamp as `timestamps` says, structs, lists and undeclared JSON fields as JSON
text (`location ->> 'lat'` reads inside). A number that is none (NaN) is null. A table that is not there is made
from the first rows; one that is there must fit them, or the run stops and names the column. A row is the whole row:
columns of the table that it lacks become null. SQLite does not tell `user` from `User`: of such fields the one that
`key` or `full_text` names counts, else the one that the table has, else the first. Rows that have a value in the
other one, in a `flowrun_row` of their own or beyond SQLite's 2,000 columns go to `errors` as `unknown_column`.

`mode = "insert"` adds each row, with its number in `flowrun_row`. `mode = "upsert"` keeps the newest row of each
`key`; a table that is made for rows with lists, structs or JSON, or with a search, has a `flowrun_row` then too. Rows whose
key has a null go to `errors` as `null_key`; rows that a constraint of a table of your own is
against, as `refused`.

**Search.** `full_text = ["query"]` keeps an FTS5 index beside the table, `TABLE_search`, by triggers, so that it is
right whoever writes the table:
`SELECT t.* FROM searches_search s JOIN searches t ON t.flowrun_row = s.rowid WHERE searches_search MATCH 'shoes' ORDER BY rank`.

**Erasing.** Rows for which `erase` is true are not written: all rows of their key are deleted, from the index too,
and what was deleted is overwritten with zeros; some ten seconds later the index is merged into one part and the log
is emptied, so that nothing of it stays in the files (a reader that holds an old state delays that). Each erasure is
recorded in the table `flowrun_erasures`, with the SHA-256 of the key as a JSON array (`["user-7"]`) in place of the
key, and how many rows there were.

**What readers see.** The database is in WAL mode: readers and the sink do not wait for each other. Rows are gathered
and written in one transaction of up to `commit_rows` rows, or after `commit_every`; a reader sees all rows of a
transaction or none. The lock is held for the time of writing only, so several sinks may write to one database, each
to a table of its own. Tables of your own get a transaction a batch, so that what they refuse is known at once.

**With checkpoints** each row is in the table exactly once. A checkpoint is one more transaction, which is on disk
when it ends; its number, the rows delivered and the number of the last row stand in `flowrun_sinks`, written in the
same transaction as the rows. After a kill the rows inserted behind the checkpoint are taken back before the run goes
on (rows that others added to the table behind it, too), so that a reader may see them go and come again; rows that
replace others by key come again and make the same table. Transactions in between reach the disk when the log does
(a power failure may lose them, and the checkpoint brings them back; the database stays whole). Without checkpoints
a run that is killed loses what was gathered.

A database that another connection writes to, a full disk and other passing trouble are waited out with an alarm, and
no row is lost. An upsert takes 3 to 6 us a row, with an index on a short text some three times as long; rows sorted
by key within a transaction touch each page once. While rows are gathered their memory counts towards `memory_limit`,
up to 16 MiB of texts. The log takes up to 64 MiB beside the database and the largest transaction.)");
  d.example(R"(type = "sqlite"
inputs = ["profiles"]
database = "out/shop.db"
table = "profiles"
mode = "upsert"
key = ["user"]
)");
  d.traits(FLOW_SERIAL | FLOW_BLOCKING | FLOW_TWO_PHASE);
  d.output("errors",
           "Rows without a key, those with a value that the table has no column for, and those "
           "that it refuses.");
  d.option("database", &Options::database,
           "The file of the database; made, with its folder, where it is missing. Relative paths "
           "start from the working directory. Not a network file system. It has no fields of the "
           "rows in it.")
      .required();
  d.option("table", &Options::table,
           "The table to write to. Its index is TABLE_search, an index on the key TABLE_key.")
      .required();
  d.choice("mode", &Options::mode, {{"insert", Mode::kInsert}, {"upsert", Mode::kUpsert}},
           "`insert`, the default, adds every row. `upsert` puts a row in the place of the one "
           "with the same `key`; several in one transaction cost one write.");
  d.option("key", &Options::key,
           "The fields that make a row's key: for `upsert` and `erase`. A table of your own must "
           "have a unique index on them for `upsert`.");
  d.option("full_text", &Options::full_text,
           "Text columns to search in. Fields that the rows lack become columns, too. Costs some "
           "10 us a row of a few words.");
  d.option("erase", &Options::erase,
           "A condition, eg event == 'erase'; rows for which it is true delete all rows of their "
           "key. Where given, whatever is deleted or replaced is overwritten with zeros.");
  d.choice(
      "new_columns", &Options::new_columns,
      {{"add", SqliteNewColumns::kAdd},
       {"fail", SqliteNewColumns::kFail},
       {"ignore", SqliteNewColumns::kIgnore}},
      "What becomes of fields that the table has no column for. `add`, the default, adds the "
      "column, where SQLite can have it. `fail` sends rows that have a value there to `errors` as "
      "`unknown_column`, `ignore` leaves the value out; for both make the table beforehand, "
      "else the first batch decides what columns there are.");
  d.choice("timestamps", &Options::timestamps,
           {{"text", Times::kText}, {"integer", Times::kInteger}},
           "How timestamps are kept. `text`: as SQLite's own functions write them, in UTC, eg "
           "2025-10-28 10:15:30.5, which sort as the times do. `integer`: nanoseconds since 1970.");
  d.option("commit_rows", &Options::commit_rows,
           "The most rows that are gathered for one transaction. More of them in one cost less a "
           "row where keys are spread over a large table: 65,536 some half of 4,096.")
      .range(1, 10'000'000);
  d.option("commit_every", &Options::commit_every,
           "The longest that rows are gathered. 0s: each batch is a transaction of its own.")
      .range(0, 3.6e12);
  d.option(
       "cache", &Options::cache,
       "Memory for pages of the database, beside `memory_limit`. Where what is written to fits, "
       "nothing is read from the file.")
      .range(1 << 20, double{1LL << 36});
}

}  // namespace flow::operators
