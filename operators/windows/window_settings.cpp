#include "operators/windows/window_settings.hpp"

#include "operators/common/input_column.hpp"

namespace flow::operators {

void infer_windows(const WindowSettings& settings, Inference& inference) {
  infer_dependence(settings, inference);
  Fields fields;
  bool known = inference.input() != nullptr;
  for (const Field& key : settings.key) {
    const auto type = inferred_column(inference, "key", key.name);
    known = known && type.has_value();
    if (!type) continue;
    if (*type == FLOW_STRUCT || *type == FLOW_LIST) {
      throw OptionFailure("key", "the column '" + key.name + "' is " +
                                     std::string(type_name(*type)) + ", which is no key");
    }
    fields.emplace_back(key.name, Type::of(value_type(*type)));
  }
  fields.emplace_back("window_start", Type::timestamp());
  fields.emplace_back("window_end", Type::timestamp());
  if (settings.emit == Emit::kUpdates) fields.emplace_back("final", Type::boolean());
  for (const AggregateCall& call : settings.calls) {
    try {
      const std::optional<Type> type = inferred_aggregate(call, "aggregate", inference);
      known = known && type.has_value();
      if (type) fields.emplace_back(call.name, *type);
    } catch (const OptionFailure& failure) {
      inference.problem(failure);
      known = false;
    }
  }
  if (known) inference.output(fields);
}

void infer_dependence(const WindowSettings& settings, Inference& inference) {
  if (settings.emit == Emit::kUpdates) {
    inference.depend(FLOW_ORDER_DEPENDENT,
                     OptionFailure("emit", "what updates show depends on when watermarks come"));
  }
  if (settings.time == WindowTime::kProcessing) {
    inference.depend(FLOW_CLOCK_DEPENDENT,
                     OptionFailure("time", "the clock decides which window a row belongs to"));
  }
}

void RowTimes::read(const Batch& in, const WindowSettings& settings, int64_t now) {
  if (settings.time == WindowTime::kProcessing) {
    clock_.assign(static_cast<size_t>(in.rows()), now);
    none_.assign(static_cast<size_t>(in.rows()), INT64_MIN);
    times_ = clock_.data();
    watermarks_ = none_.data();
    return;
  }
  times_ = in.event_times();
  watermarks_ = in.watermarks();
  if (in.rows() > 0 && (times_ == nullptr || watermarks_ == nullptr)) {
    throw Failure(settings.name +
                  ": the rows have no event time: put the transform event_time before this, or set "
                  "time = \"processing\"");
  }
}

}  // namespace flow::operators
