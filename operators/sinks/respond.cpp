#include "operators/sinks/respond.hpp"

#include <charconv>
#include <optional>

#include "operators/common/http_pending.hpp"

namespace flow::operators {

void RespondSink::describe(Description<Options>& d) {
  d.name("respond");
  d.summary("Answers HTTP requests with rows.");
  d.doc(
      "A source `http` with `acknowledge = \"response\"` gives each row the request that it is of, "
      "in the column `request_id`. This sink takes the rows that have become of them, and answers: "
      "200 with the row as JSON (what the codec named by `encoding` makes of it). A request with "
      "several records is answered when as many rows have come, with an array in the order in "
      "which "
      "they came.\n\n"
      "An `errors` port may be an input too: a dead letter answers the request whose record it "
      "is of, with 422, `error` and `message`. It is found by its partition and position, so it "
      "can "
      "come from any step that keeps the origin of its rows. Of several records, those that failed "
      "have such an object in the array, and the answer is 422 if all did. Without that, a request "
      "whose rows went elsewhere gets 504 after the source's `timeout`.\n\n"
      "Rows of requests that were answered already, that timed out, or that an earlier run of the "
      "program was asked (a journal brings their rows back after a crash), are dropped as `request "
      "is "
      "gone`. Rows without a request go to `errors` as `no_request`.\n\n"
      "An answer is at most once: a client that got none cannot know whether its record was "
      "taken.");
  d.example("type = \"respond\"\ninputs = [\"recommended\", \"checked.errors\"]\n");
  d.traits(FLOW_MESSAGES | FLOW_SERIAL);
  d.output("errors", "Rows that are of no request.");
  d.option("id_field", &Options::id_field,
           "The column that says which request a row is of: `id_field` of the source.");
}

void RespondSink::infer(const Options& options, Inference& inference) {
  const flow_schema* in = inference.input();
  if (in == nullptr || inference.open()) return;
  const auto has = [in](const std::string& name) { return !find_column(*in, name).steps.empty(); };
  const bool is_letters = has("partition") && has("position") && has("reason");
  if (!has(options.id_field.name) && !is_letters) {
    throw OptionFailure("id_field", "the rows have no column '" + options.id_field.name + "'",
                        "it comes from a source `http` with acknowledge = \"response\"; keep it");
  }
}

std::vector<std::string> RespondSink::kept_fields(const Options& options) {
  return {options.id_field.name, "partition", "position", "reason", "message"};
}

RespondSink::RespondSink(const Options& options)
    : fields_(kept_fields(options)), texts_(kCount), is_there_(kCount), values_(kCount) {}

void RespondSink::open(Output& out) {
  gone_ = out.counter("respond_gone_rows", "Rows of requests that nobody waits for any more.");
}

bool RespondSink::read(Kept field, int64_t row) {
  values_[field].clear();
  return is_there_[field] && texts_[field].append(row, values_[field]);
}

void RespondSink::process(const Batch& in, Output& out) {
  if (in.column_count() == 0 || !AnyTextView::accepts(in.column(0).type) ||
      in.column(0).type == FLOW_CATEGORY) {
    throw Failure("respond: column 0 must hold the encoded rows");
  }
  const TextView encoded(in.column(0));
  for (size_t i = 0; i < kCount; ++i) {
    const flow_column* column = in.find(FLOW_KEPT_PREFIX + fields_[i]);
    is_there_[i] = column != nullptr && texts_[i].bind(*column, out);
  }
  HttpPending& pending = HttpPending::instance();
  int64_t gone = 0;
  for (int64_t row = 0; row < in.rows(); ++row) {
    if (read(kId, row)) {
      const auto ticket = pending.find(values_[kId]);
      ticket ? pending.add_row(*ticket, encoded[row]) : static_cast<void>(++gone);
      continue;
    }
    // Dead letters are made by the host, and have no origin: what a source was sent may look like
    // one, too.
    if (in.origin().partition != nullptr || !read(kPartition, row)) {
      out.fail(in, row, "no_request",
               "the row has no '" + fields_[kId] + "', and is no dead letter of a request");
      continue;
    }
    // Records that the source itself refused have no position, and their answer.
    int64_t position = 0;
    read(kPosition, row);
    const std::string& digits = values_[kPosition];
    const bool is_placed =
        std::from_chars(digits.data(), digits.data() + digits.size(), position).ec == std::errc();
    const auto ticket = is_placed ? pending.find(values_[kPartition], position) : std::nullopt;
    if (!ticket) {
      ++gone;
      continue;
    }
    read(kReason, row);
    read(kMessage, row);
    pending.add_failure(*ticket, values_[kReason], values_[kMessage]);
  }
  if (gone > 0) gone_.record(static_cast<double>(gone));
  out.drop(gone, "request is gone");
}

}  // namespace flow::operators
