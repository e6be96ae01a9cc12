#include "operators/transforms/recommend.hpp"

#include <utility>

#include "operators/common/json_text.hpp"

namespace flow::operators {

using recommend::Recommender;
using IdKind = Recommender::IdKind;

namespace {

const char* kind_name(IdKind kind) {
  if (kind == IdKind::kInteger) return "int64";
  return kind == IdKind::kBinary ? "binary" : "text";
}

// NULL: there is none in this batch.
const flow_column* typed(std::optional<ColumnFinder>& finder, const Batch& in, flow_type type,
                         const char* option) {
  const flow_column* column = finder ? finder->find(in) : nullptr;
  if (column != nullptr && column->type != type) {
    throw Failure("recommend: " + std::string(option) + ": column '" + finder->name() + "' is " +
                  std::string(type_name(column->type)) + ", but a " + std::string(type_name(type)) +
                  " is needed");
  }
  return column;
}

}  // namespace

void Recommend::Condition::find(const Batch& in, Output& out) {
  if (!expression) return;
  rows.assign(static_cast<size_t>(in.rows()), 0);
  for (const int32_t row : expression->select(in, out).rows) rows[static_cast<size_t>(row)] = 1;
  for (const std::string& message : expression->take_missing()) out.warn(message);
}

void Recommend::open(Output& out) {
  recommender_ = std::make_unique<Recommender>(out, settings_);
  predictions_ = out.counter("recommend_predictions", "Clicks for which there was a list to test.");
  hits_ = out.counter("recommend_hits", "Clicks on an item of the list that was tested.");
  evicted_sessions_ = out.counter("recommend_evicted_sessions",
                                  "Sessions that were forgotten to make room for others.");
  expired_ = out.counter("recommend_expired_sessions", "Sessions that were forgotten by time.");
  evicted_items_ =
      out.counter("recommend_evicted_items", "Items that were forgotten to make room for others.");
}

Recommend::Inputs Recommend::read(const Batch& in, Output& out) {
  Inputs inputs;
  inputs.items = item_.read(in, out);
  inputs.sessions = session_.read(in, out);
  const auto refuse = [](const IdColumn& column, IdKind kind) {
    throw Failure("recommend: " + column.option() + ": column '" + column.name() + "' is " +
                  kind_name(kind) +
                  " now, but the model was learned with ids of another type: cast the column, or "
                  "start without the state");
  };
  if (!recommender_->set_item_kind(inputs.items.kind)) refuse(item_, inputs.items.kind);
  if (!recommender_->set_session_kind(inputs.sessions.kind)) {
    refuse(session_, inputs.sessions.kind);
  }
  if (time_) {
    if (const flow_column* times = typed(time_, in, FLOW_TIMESTAMP, "time")) {
      inputs.times.emplace(*times);
    }
  } else {
    inputs.event_times = in.event_times();
    if (expires_ && inputs.event_times == nullptr) {
      throw Failure(
          "recommend: expire_after counts event time, and no event_time stands upstream: add one, "
          "or name a timestamp column as `time`");
    }
  }
  if (const flow_column* available = typed(available_, in, FLOW_BOOL, "available")) {
    inputs.available.emplace(*available);
  }
  const flow_column* category = category_ ? category_->find(in) : nullptr;
  if (category != nullptr) {
    if (!AnyTextView::accepts(category->type)) {
      throw Failure("recommend: category: column '" + category_->name() + "' is " +
                    std::string(type_name(category->type)) + ", but text is needed");
    }
    if (category->type == FLOW_JSON) {
      converted_ = text_of_json(out, *category);
      category = converted_.get();
    }
    inputs.categories.emplace(*category);
  }
  click_.find(in, out);
  learn_.find(in, out);
  answer_.find(in, out);
  return inputs;
}

// What can be said of a row before anything is changed.
std::optional<Recommend::Refusal> Recommend::check(const Inputs& inputs, int64_t row) const {
  if (inputs.sessions.is_null(row)) {
    return Refusal{"no_session", "recommend: the field '" + session_.name() + "' is null"};
  }
  if (inputs.items.is_null(row)) {
    if (!click_.holds(row)) return std::nullopt;
    return Refusal{"no_item", "recommend: the field '" + item_.name() + "' is null"};
  }
  if (expires_ && time_ && (!inputs.times || inputs.times->is_null(row))) {
    return Refusal{"no_time", "recommend: the field '" + time_->name() + "' is null"};
  }
  return std::nullopt;
}

int64_t Recommend::time_of(const Inputs& inputs, int64_t row) const {
  if (inputs.event_times != nullptr) return inputs.event_times[row];
  if (inputs.times && !inputs.times->is_null(row)) return (*inputs.times)[row];
  return INT64_MIN;
}

void Recommend::describe_item(const Inputs& inputs, int64_t row, uint32_t item) {
  if (inputs.available && !inputs.available->is_null(row)) {
    recommender_->set_available(item, (*inputs.available)[row]);
  }
  if (inputs.categories && !inputs.categories->is_null(row)) {
    recommender_->set_category(item, (*inputs.categories)[row]);
  }
}

std::optional<Recommend::Refusal> Recommend::take(Inputs& inputs, int64_t row) {
  if (std::optional<Refusal> refusal = check(inputs, row)) return refusal;
  const auto too_long = [](const IdColumn& column, std::string_view id) {
    return Refusal{"id_too_long", "recommend: '" + column.name() + "' has " +
                                      std::to_string(id.size()) + " bytes, more than 1,024"};
  };
  const bool click = click_.holds(row);
  const bool has_item = !inputs.items.is_null(row);
  const std::string_view session_id = inputs.sessions.id(row);
  if (session_id.size() > IdColumn::kLongest) return too_long(session_, session_id);
  const std::string_view item_id = has_item ? inputs.items.id(row) : std::string_view();
  if (item_id.size() > IdColumn::kLongest) return too_long(item_, item_id);

  uint32_t session = 0;
  uint32_t item = 0;
  if (click) {
    const int64_t time = time_of(inputs, row);
    recommender_->expire(time);
    session = recommender_->session(session_id, time);
    item = session != 0 ? recommender_->item(item_id, inputs.items.order()) : 0;
    if (item == 0) {
      return Refusal{"state_limit",
                     "recommend: no room for one more session or item: raise state_limit, or lower "
                     "`sessions` or `items`"};
    }
  } else {
    session = recommender_->find_session(session_id);
    item = has_item ? recommender_->find_item(item_id) : 0;
  }
  if (item != 0) describe_item(inputs, row, item);
  if (output_ != Made::kRank) {
    columns_.add_shown(session != 0 && item != 0 && recommender_->was_led_to(session, item));
  }
  if (output_ != Made::kList) {
    const bool predicted = click && recommender_->has_clicks(session);
    const uint32_t rank = predicted ? recommender_->test(session, item) : 0;
    n_predictions_ += predicted ? 1 : 0;
    n_hits_ += rank != 0 ? 1 : 0;
    columns_.add_rank(predicted, rank);
  } else if (click) {
    recommender_->prepare(session, item);
  }
  if (click) complete_ = recommender_->learn(session, item, learn_.holds(row)) && complete_;
  if (output_ == Made::kRank) return std::nullopt;
  if (!answer_.holds(row)) {
    columns_.add_no_list();
    return std::nullopt;
  }
  list_.clear();
  reasons_.clear();
  if (session != 0) {
    recommender_->recommend(session, list_, &reasons_);
    complete_ = recommender_->show(session, list_) && complete_;
  }
  columns_.add_list(list_, reasons_, recommender_->items());
  return std::nullopt;
}

void Recommend::process(const Batch& in, Output& out) {
  Inputs inputs = read(in, out);
  const IdKind known = recommender_->item_kind();
  columns_.begin(known != IdKind::kUnknown ? known : IdKind::kText, in.rows());
  kept_.clear();
  for (int64_t row = 0; row < in.rows(); ++row) {
    if (const std::optional<Refusal> refusal = take(inputs, row)) {
      out.fail(in, row, refusal->reason, refusal->message);
    } else {
      kept_.push_back(static_cast<int32_t>(row));
    }
  }
  const auto kept = static_cast<int64_t>(kept_.size());
  if (kept == in.rows() && kept > 0) {
    out.emit(columns_.finish(in, out));
  } else if (kept > 0) {
    out.emit(columns_.finish(out.select(in, kept_.data(), kept), out));
  }
  tell(out);
}

void Recommend::tell(Output& out) {
  predictions_.record(static_cast<double>(std::exchange(n_predictions_, 0)));
  hits_.record(static_cast<double>(std::exchange(n_hits_, 0)));
  evicted_sessions_.record(static_cast<double>(recommender_->take_evicted_sessions()));
  expired_.record(static_cast<double>(recommender_->take_expired()));
  evicted_items_.record(static_cast<double>(recommender_->take_evicted_items()));
  if (complete_ || warned_) return;
  warned_ = true;
  out.warn(
      "recommend: state_limit is used up, so that the model cannot grow: it forgets more than its "
      "options say. Raise state_limit, or lower `sessions`, `items` or `rules_per_item`.");
}

}  // namespace flow::operators
