#include "operators/transforms/route.hpp"

#include "operators/common/expression/expression_table.hpp"

namespace flow::operators {

void Route::describe(Description<Options>& d) {
  d.name("route");
  d.summary("Sends each row to the first output whose condition it meets.");
  d.doc(
      "The table `routes` names the outputs, each with a condition (docs/expressions.md); a "
      "component reads one as inputs = [\"ID.NAME\"]. A row goes to the first output, in the order "
      "of the file, whose condition is true for it, and to `rest` if none is: no row is dropped, "
      "and none goes to two outputs. A condition that is null for a row, because a field is null "
      "or absent, is not true. To send rows to several outputs, put a `filter` behind the same "
      "input for each.\n\n"
      "Rows keep their order within an output. It costs what the conditions cost, each worked out "
      "for all rows, and the copying of the rows' columns once (text stays where it is); a batch "
      "that goes to one output whole is passed on as it is.");
  d.example(
      "type = \"route\"\ninputs = [\"parsed\"]\n"
      "routes = { failed = \"response >= 500\", robots = \"contains(agent, 'bot')\" }\n");
  d.traits(FLOW_STATELESS);
  d.output("rest", "The rows that meet none of the conditions.");
  d.outputs_of("routes", "route", "The rows whose first true condition is this one.");
  d.option("routes", &Options::routes,
           "The outputs: a condition by name, eg { slow = \"seconds > 1\" }. A name is a letter, "
           "then letters, digits, _ and -; not rest, errors or late.")
      .required();
}

Route::Shared::Shared(const Options& options, Host)
    : routes(compile_table(options.routes, "routes")) {}

void Route::infer(const Options&, Shared& shared, Inference& inference) {
  for (const auto& [name, condition] : shared.routes) {
    try {
      infer_condition(condition, inference, false);
    } catch (const OptionFailure& failure) {
      inference.problem(failure);
    }
  }
  for (uint32_t port = 0; port < kFirstRoute + shared.routes.size(); ++port) inference.pass(port);
}

Route::Route(const Options&, Shared& shared) {
  for (const auto& [name, condition] : shared.routes) conditions_.emplace_back(condition);
  rows_.resize(kFirstRoute + conditions_.size());
}

void Route::emit(const Batch& in, const std::vector<int32_t>& rows, uint32_t port,
                 Output& out) const {
  const auto n = static_cast<int64_t>(rows.size());
  if (n == in.rows()) {
    out.emit(in, port);
  } else if (n > 0) {
    out.emit(out.select(in, rows.data(), n), port);
  }
}

void Route::divide(const Batch& in, Output& out) {
  taken_.assign(static_cast<size_t>(in.rows()), 0);
  for (auto& rows : rows_) rows.clear();
  for (size_t i = 0; i < conditions_.size(); ++i) {
    std::vector<int32_t>& rows = rows_[kFirstRoute + i];
    for (const int32_t row : conditions_[i].select(in, out).rows) {
      if (taken_[static_cast<size_t>(row)] != 0) continue;
      taken_[static_cast<size_t>(row)] = 1;
      rows.push_back(row);
    }
    for (const std::string& message : conditions_[i].take_missing()) out.warn(message);
  }
  for (int32_t row = 0; row < in.rows(); ++row) {
    if (taken_[static_cast<size_t>(row)] == 0) rows_[0].push_back(row);
  }
}

Status Route::consume(uint32_t, const Batch& in, Output& out) {
  if (next_ == kNone) {
    divide(in, out);
    next_ = 0;
  }
  for (; next_ < rows_.size(); ++next_) {
    if (rows_[next_].empty()) continue;
    if (out.room(next_) <= 0) return Status::kMore;
    emit(in, rows_[next_], next_, out);
  }
  next_ = kNone;
  return Status::kDone;
}

}  // namespace flow::operators
