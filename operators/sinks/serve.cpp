#include "operators/sinks/serve.hpp"

#include <algorithm>

#include "operators/common/input_column.hpp"
#include "operators/sinks/serve_route.hpp"

namespace flow::operators {

ServeSink::Shared::Shared(const Options& options, Host)
    : settings(check_http_listen(options)), authorization(http_authorization(options)) {
  const bool is_name =
      !options.table.empty() && std::all_of(options.table.begin(), options.table.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '-';
      });
  if (!is_name) {
    throw OptionFailure("table", "'" + options.table + "' is no name",
                        "take letters, digits, _ and -: it is part of a path");
  }
}

void ServeSink::describe(Description<Options>& d) {
  d.name("serve");
  d.summary("Keeps the newest row of each key, and gives it to who asks by HTTP.");
  d.doc(
      "`GET /tables/TABLE/KEY` answers with the newest row of that key, as the codec named by "
      "`encoding` writes it (JSON, if nothing is said), or 404. `GET /tables/TABLE?limit=N` "
      "answers "
      "with an array of the rows that came last, the newest first: 100 of them, or N up to 1,000, "
      "and at most about 1 MiB. A key is written as text (`42`, `true`), in a path with what is "
      "not "
      "plain as `%2F`. 401 where a token or name is asked for and not right.\n\n"
      "Rows are held in memory: at most `max_rows` and `max_bytes`, and what `state_limit` leaves. "
      "One more makes the row go that has not been replaced for the longest time, counted as "
      "`serve_evicted_rows`. A row of more than 64 KiB goes to `errors` as `too_large`, one "
      "without a key as `no_key` (null, or an empty text, which no path can name), one whose key "
      "is longer than 1,024 bytes as `key_too_long`; the key keeps the row it had.\n\n"
      "After a restart the table is there as of the last checkpoint, before rows that came since "
      "come again: nothing is missing, and nothing counts twice. A checkpoint writes the pages of "
      "64 KiB that have changed since the one before, not the table: 10,000 rows that change "
      "between two in a table of a million touch most of its pages, 100 rows a hundred.\n\n"
      "**Erasing.** A row for which the column `erase` is true is not kept: the row of its key "
      "goes, "
      "and nothing of it stays in the state or in a checkpoint that is begun afterwards.\n\n"
      "Requests are answered on the listener's threads; one holds the flow up for the copy of what "
      "it is given, about a microsecond for a key. Components on the same `listen` share the "
      "listener.");
  d.example(
      "type = \"serve\"\ninputs = [\"recommended\"]\nlisten = \"127.0.0.1:8080\"\n"
      "table = \"recommendations\"\nkey = \"session\"\n");
  d.traits(FLOW_MESSAGES | FLOW_SERIAL);
  d.output("errors", "Rows without a key, or that are too large.");
  d.option("table", &Options::table, "The name of the table, as it stands in the path.").required();
  d.option("key", &Options::key, "The column whose value is the key.").required();
  d.option("erase", &Options::erase,
           "A column of bools: rows for which it is true take the row of their key away, eg the "
           "column `erase` of `profile`.");
  d.option(
       "max_rows", &Options::max_rows,
       "How many rows are kept; each costs its bytes, rounded up to a power of two, and some 60 "
       "more.")
      .range(1, 1'000'000'000);
  d.option("max_bytes", &Options::max_bytes,
           "How many bytes the keys and rows may come to, 64 more counted for each.")
      .range(64.0 * 1024, 1024.0 * 1024 * 1024 * 1024);
  describe_http_listen(d);
}

std::vector<std::string> ServeSink::kept_fields(const Options& options) {
  std::vector<std::string> fields{options.key.name};
  if (!options.erase.name.empty()) fields.push_back(options.erase.name);
  return fields;
}

void ServeSink::infer(const Options& options, Shared&, Inference& inference) {
  inferred_column(inference, "key", options.key.name);
  if (options.erase.name.empty()) return;
  const auto type = inferred_column(inference, "erase", options.erase.name);
  if (type && *type != FLOW_BOOL) {
    throw OptionFailure("erase", "'" + options.erase.name + "' is a " +
                                     std::string(type_name(*type)) + ", and has to be a bool");
  }
}

ServeSink::ServeSink(const Options& options, Shared& shared)
    : options_(options), shared_(shared), path_("/tables/" + options.table) {}

ServeSink::~ServeSink() {
  if (server_) {
    server_->remove(path_);
    server_->remove(path_ + "/");
  }
  if (table_) table_->close();
}

void ServeSink::open(Output& out) {
  rows_ = out.gauge("serve_rows", "Rows that are kept.");
  bytes_ = out.gauge("serve_bytes", "What keys and rows come to, in bytes.");
  evicted_ = out.counter("serve_evicted_rows", "Rows that made room for newer ones.");
  table_ = std::make_shared<ServeTable>(out, options_.max_rows, options_.max_bytes.bytes);
  const auto route = std::make_shared<ServeRoute>(path_, table_, shared_.authorization);
  auto server = HttpServer::listen(shared_.settings);
  server->add("table", path_, route);
  server_ = std::move(server);
  server_->add("table", path_ + "/", route);
}

void ServeSink::process(const Batch& in, Output& out) {
  if (in.column_count() == 0 || !AnyTextView::accepts(in.column(0).type) ||
      in.column(0).type == FLOW_CATEGORY) {
    throw Failure("serve: column 0 must hold the encoded rows");
  }
  const flow_column* column = in.find(FLOW_KEPT_PREFIX + options_.key.name);
  if (column == nullptr || !text_.bind(*column, out)) {
    throw Failure("serve: the key '" + options_.key.name + "' is no value; name a field inside it");
  }
  erases_.reset();
  if (!options_.erase.name.empty()) {
    const flow_column* erase = in.find(FLOW_KEPT_PREFIX + options_.erase.name);
    if (erase != nullptr && erase->type != FLOW_BOOL) {
      throw Failure("serve: erase: the column '" + options_.erase.name + "' has to be a bool");
    }
    if (erase != nullptr) erases_.emplace(*erase);
  }
  const TextView encoded(in.column(0));
  for (int64_t row = 0; row < in.rows(); ++row) {
    if (put(in, row, encoded[row], out)) continue;
    out.fail(in, row, "no_room", "the pipeline's state_limit leaves no room for a single row");
  }
  rows_.record(static_cast<double>(table_->rows()));
  bytes_.record(static_cast<double>(table_->bytes()));
  const int64_t evicted = table_->evicted();
  if (evicted > evicted_before_) evicted_.record(static_cast<double>(evicted - evicted_before_));
  evicted_before_ = evicted;
}

// False: there is no room at all.
bool ServeSink::put(const Batch& in, int64_t row, std::string_view json, Output& out) {
  key_.clear();
  if (!text_.append(row, key_) || key_.empty()) {
    out.fail(in, row, "no_key", "the row has no '" + options_.key.name + "'");
  } else if (key_.size() > ServeTable::kLongestKey) {
    out.fail(in, row, "key_too_long",
             "the key has " + std::to_string(key_.size()) + " bytes; most is " +
                 std::to_string(ServeTable::kLongestKey));
  } else if (erases_ && !erases_->is_null(row) && (*erases_)[row]) {
    table_->erase(key_);
  } else if (json.size() > ServeTable::kLongestRow) {
    out.fail(in, row, "too_large",
             "the row has " + std::to_string(json.size()) + " bytes; most is " +
                 std::to_string(ServeTable::kLongestRow));
  } else {
    return table_->put(key_, json);
  }
  return true;
}

}  // namespace flow::operators
