#include "operators/transforms/detect_anomaly.hpp"

#include <algorithm>
#include <utility>

#include "operators/common/detectors/ewma.hpp"
#include "operators/common/detectors/gaussian.hpp"
#include "operators/common/detectors/range.hpp"
#include "operators/common/detectors/range_quad.hpp"
#include "operators/common/detectors/rate_of_change.hpp"
#include "operators/common/detectors/stuck.hpp"
#include "operators/common/detectors/threshold.hpp"
#include "operators/common/input_column.hpp"
#include "operators/common/key_columns.hpp"
#include "operators/common/nearest_name.hpp"

namespace flow::operators {
namespace {

using detectors::Judgement;
using detectors::MethodDetector;
using detectors::NumberInput;
using detectors::Refusal;
using detectors::TableBound;
using Method = DetectAnomaly::Method;
using Options = DetectAnomaly::Options;

// By their number as Method.
constexpr std::array<const char*, 8> kNames = {"range_quad", "range",          "ewma",  "gaussian",
                                               "threshold",  "rate_of_change", "stuck", "missing"};
constexpr double kAnyThreshold = 0.5;  // of stretched scores

constexpr std::array<double, 8> kThresholds = {
    detectors::RangeQuad::kThreshold, detectors::Range::kThreshold,
    detectors::Ewma::kThreshold,      detectors::Gaussian<1>::kThreshold,
    detectors::Threshold::kThreshold, detectors::RateOfChange::kThreshold,
    detectors::Stuck::kThreshold,     kAnyThreshold};

const char* name_of(Method method) { return kNames[static_cast<size_t>(method)]; }

Method method_named(const std::string& option, const std::string& name, const std::string& item) {
  const auto* const found = std::find(kNames.begin(), kNames.end(), name);
  if (found != kNames.end()) return static_cast<Method>(found - kNames.begin());
  const std::string nearest = nearest_name({kNames.begin(), kNames.end()}, name);
  throw OptionFailure(option, "there is no method '" + name + "'",
                      nearest.empty() ? std::string() : "did you mean '" + nearest + "'?", -1,
                      item);
}

std::vector<Method> methods_of(const Options& options) {
  if (options.method != Method::kEnsemble) return {options.method};
  std::vector<Method> methods;
  for (size_t i = 0; i < options.methods.size(); ++i) {
    const Method method = method_named("methods", options.methods[i], std::to_string(i));
    if (std::find(methods.begin(), methods.end(), method) != methods.end()) {
      throw OptionFailure("methods", "'" + options.methods[i] + "' stands there twice", {}, -1,
                          std::to_string(i));
    }
    methods.push_back(method);
  }
  if (methods.size() < 2) {
    throw OptionFailure("methods", "an ensemble has two or more methods",
                        "name them, eg [\"range_quad\", \"stuck\"]");
  }
  return methods;
}

double threshold_of(const Options& options, Method method) {
  if (options.method != Method::kEnsemble) {
    return options.score_threshold.value_or(kThresholds[static_cast<size_t>(method)]);
  }
  for (const ValueItem& item : options.score_thresholds.items) {
    if (item.first != name_of(method)) continue;
    const bool is_number =
        item.second.type == FLOW_OPTION_FLOAT || item.second.type == FLOW_OPTION_INT;
    if (!is_number || !(item.second.number > 0 && item.second.number < 1)) {
      throw OptionFailure("score_thresholds", "a score lies between 0 and 1", {}, -1, item.first);
    }
    return item.second.number;
  }
  return kThresholds[static_cast<size_t>(method)];
}

std::unique_ptr<detectors::Detector> gaussian_of(const Options& options, double threshold,
                                                 TableBound bound) {
  if (options.warm_up.value_or(0) > options.window) {
    throw OptionFailure("warm_up", "gaussian never knows more readings than its `window`",
                        "lower it, or raise window");
  }
  const detectors::GaussianScore::Settings settings{
      .warm_up =
          static_cast<uint64_t>(options.warm_up.value_or(std::min<int64_t>(50, options.window))),
      .window = static_cast<uint64_t>(options.window),
      .threshold = threshold};
  std::unique_ptr<detectors::Detector> made;
  const auto try_capacity = [&]<size_t kCapacity>() {
    if (made == nullptr && settings.window <= kCapacity) {
      made = std::make_unique<MethodDetector<detectors::Gaussian<kCapacity>>>(settings, bound);
    }
  };
  try_capacity.operator()<64>();
  try_capacity.operator()<256>();
  try_capacity.operator()<1000>();
  try_capacity.operator()<2000>();
  try_capacity.operator()<4000>();
  try_capacity.operator()<8000>();
  return made;
}

std::unique_ptr<detectors::Detector> threshold_detector(const Options& options, TableBound bound) {
  if (!options.min && !options.max) {
    throw OptionFailure("method", "threshold needs `min`, `max` or both");
  }
  detectors::Threshold::Settings settings;
  settings.low = options.min.value_or(settings.low);
  settings.high = options.max.value_or(settings.high);
  if (std::isnan(settings.low) || std::isnan(settings.high) || settings.low > settings.high) {
    throw OptionFailure("min", "must not lie above `max`");
  }
  return std::make_unique<MethodDetector<detectors::Threshold>>(settings, bound);
}

std::unique_ptr<detectors::Detector> detector_of(const Options& options, Method method,
                                                 double threshold, TableBound bound) {
  switch (method) {
    case Method::kRangeQuad: {
      detectors::RangeQuad::Settings settings;
      settings.warm_up = static_cast<uint64_t>(options.warm_up.value_or(50));
      settings.relax = options.relax.value_or(settings.relax);
      settings.hold = options.hold.value_or(settings.hold);
      return std::make_unique<MethodDetector<detectors::RangeQuad>>(settings, bound);
    }
    case Method::kRange: {
      detectors::Range::Settings settings;
      settings.warm_up = static_cast<uint64_t>(options.warm_up.value_or(50));
      settings.relax = options.relax.value_or(settings.relax);
      settings.hold = options.hold.value_or(settings.hold);
      return std::make_unique<MethodDetector<detectors::Range>>(settings, bound);
    }
    case Method::kEwma: {
      detectors::Ewma::Settings settings;
      settings.warm_up = static_cast<uint64_t>(options.warm_up.value_or(30));
      settings.alpha = options.alpha;
      settings.threshold = threshold;
      return std::make_unique<MethodDetector<detectors::Ewma>>(settings, bound);
    }
    case Method::kGaussian:
      return gaussian_of(options, threshold, bound);
    case Method::kThreshold:
      return threshold_detector(options, bound);
    case Method::kRateOfChange: {
      if (!options.max_change) {
        throw OptionFailure("method", "rate_of_change needs `max_change`");
      }
      const detectors::RateOfChange::Settings settings{
          .most = *options.max_change, .per = options.per.nanoseconds, .threshold = threshold};
      return std::make_unique<MethodDetector<detectors::RateOfChange>>(settings, bound);
    }
    default: {
      const detectors::Stuck::Settings settings{.most = static_cast<uint64_t>(options.stuck_after),
                                                .tolerance = options.tolerance};
      return std::make_unique<MethodDetector<detectors::Stuck>>(settings, bound);
    }
  }
}

bool method_uses_time(Method method) {
  return method == Method::kRangeQuad || method == Method::kRateOfChange ||
         method == Method::kMissing;
}

}  // namespace

DetectAnomaly::DetectAnomaly(const Options& options)
    : key_(options.key),
      value_name_(options.value.name),
      value_(options.value.name),
      combine_(options.combine),
      threshold_(options.score_threshold.value_or(kAnyThreshold)),
      rows_(options.key) {
  for (const Field& field : options.key) key_finders_.emplace_back(field.name);
  if (!options.time.name.empty()) time_.emplace(options.time.name);
  for (const ValueItem& item : options.score_thresholds.items) {
    method_named("score_thresholds", item.first, item.first);
  }
  const TableBound bound{.max_keys = options.max_keys, .when_full = options.when_full};
  for (const Method method : methods_of(options)) {
    uses_time_ |= method_uses_time(method);
    if (method != Method::kMissing) {
      const double threshold = threshold_of(options, method);
      judges_.push_back({method, threshold, detector_of(options, method, threshold, bound), {}});
      continue;
    }
    if (!options.expected_every) throw OptionFailure("method", "missing needs `expected_every`");
    if (options.key.size() > detectors::SilenceWatch::kMostKeyFields) {
      throw OptionFailure("key", "the method missing takes at most eight fields");
    }
    silence_.emplace(options.expected_every->nanoseconds, bound);
  }
  if (judges_.size() == 1) {
    threshold_ = options.method == Method::kEnsemble ? threshold_ : judges_.front().threshold;
  }
}

void DetectAnomaly::open(Output& out) {
  for (Judge& judge : judges_) judge.detector->open(out);
  if (silence_) silence_->open(out);
  TextBuilder names(out, static_cast<int64_t>(kNames.size()));
  for (const char* name : kNames) names.append(name);
  method_names_ = names.finish();
  anomalies_ = out.counter("anomalies", "Readings found unusual, and missing ones.");
  evicted_ = out.counter("evicted_keys", "Series that were forgotten to make room for others.");
}

void DetectAnomaly::find_key_columns(const Batch& in) {
  key_validity_.clear();
  key_types_.clear();
  for (ColumnFinder& finder : key_finders_) {
    const flow_column* column = finder.find(in);
    if (column == nullptr) throw_missing_column(in.schema(), "key", finder.name());
    key_types_.push_back(column->type);
    const Validity validity(*column);
    if (validity.has_nulls()) key_validity_.push_back(validity);
  }
}

bool DetectAnomaly::has_key(int32_t row) const {
  return std::none_of(key_validity_.begin(), key_validity_.end(),
                      [row](const Validity& validity) { return validity.is_null(row); });
}

const int64_t* DetectAnomaly::times_of(const Batch& in, Validity& validity) {
  if (!time_) {
    if (uses_time_ && in.event_times() == nullptr && in.rows() > 0) {
      throw Failure(
          "detect_anomaly: the rows have no event time: put an event_time upstream, or name a "
          "timestamp field as `time`");
    }
    return in.event_times();
  }
  const flow_column* column = time_->find(in);
  if (column == nullptr) throw_missing_column(in.schema(), "time", time_->name());
  if (column->type != FLOW_TIMESTAMP) {
    throw Failure("detect_anomaly: time: the field '" + time_->name() + "' is " +
                  std::string(type_name(column->type)) + ", but a timestamp is needed");
  }
  if (!uses_time_) return nullptr;
  validity = Validity(*column);
  return Int64View(*column).data();
}

void DetectAnomaly::read_rows(const Batch& in, Output& out) {
  find_key_columns(in);
  const flow_column* column = value_.find(in);
  if (column == nullptr) throw_missing_column(in.schema(), "value", value_name_);
  if (!NumberInput::accepts(column->type)) {
    throw Failure("detect_anomaly: value: the field '" + value_name_ + "' is " +
                  std::string(type_name(column->type)) + ", but a number is needed");
  }
  Validity time_validity;
  const int64_t* times = times_of(in, time_validity);
  const NumberInput values(*column);
  rows_.read(in, out);
  readings_.clear();
  for (const int32_t row : rows_.rows()) {
    double value = 0;
    const NumberInput::Kind kind = values.read(row, value);
    if (!has_key(row)) {
      out.fail(in, row, "no_key", "detect_anomaly: a field of `key` is null");
    } else if (kind == NumberInput::Kind::kNull) {
      out.fail(in, row, "no_value", "detect_anomaly: the field '" + value_name_ + "' is null");
    } else if (kind == NumberInput::Kind::kNotFinite) {
      out.fail(in, row, "not_finite",
               "detect_anomaly: the field '" + value_name_ + "' is infinite or not a number");
    } else if (kind == NumberInput::Kind::kTooLarge) {
      out.fail(in, row, "too_large",
               "detect_anomaly: the field '" + value_name_ + "' is beyond 1e150");
    } else if (kind == NumberInput::Kind::kNotANumber) {
      out.fail(in, row, "not_a_number",
               "detect_anomaly: " + values.shown(row) + " in the field '" + value_name_ +
                   "' is no number");
    } else if (time_validity.is_null(row)) {
      out.fail(in, row, "no_time", "detect_anomaly: the field '" + time_->name() + "' is null");
    } else {
      readings_.push_back({row, rows_.hash(row), {value, times != nullptr ? times[row] : 0}});
    }
  }
}

void DetectAnomaly::refuse(const Batch& in, const std::vector<std::pair<size_t, Refusal>>& refused,
                           Output& out) {
  if (refused.empty()) return;
  refused_.resize(readings_.size());
  for (const auto& [reading, why] : refused) {
    if (refused_[reading]) continue;
    refused_[reading] = true;
    if (why == Refusal::kKeyTooLong) {
      out.fail(in, readings_[reading].row, "key_too_long",
               "detect_anomaly: a key of more than 64 KiB");
    } else if (why == Refusal::kTooManyKeys) {
      out.fail(in, readings_[reading].row, "too_many_keys",
               "detect_anomaly: no room for one more series: raise `max_keys`");
    } else {
      out.fail(in, readings_[reading].row, "state_limit",
               "detect_anomaly: no room for one more series: raise state_limit, or lower "
               "`max_keys`");
    }
  }
}

void DetectAnomaly::judge(const Batch& in, Output& out) {
  refused_.clear();
  for (Judge& judge : judges_) {
    judge.judgements.resize(readings_.size());
    judge.detector->judge(readings_, rows_, judge.judgements);
    refuse(in, judge.detector->refused(), out);
  }
  if (silence_) {
    silence_->note(out.get(), readings_, rows_, key_types_, in.watermarks(), ended_);
    refuse(in, silence_->refused(), out);
  }
  if (refused_.empty()) return;
  size_t kept = 0;
  for (size_t i = 0; i < readings_.size(); ++i) {
    if (refused_[i]) continue;
    readings_[kept] = readings_[i];
    for (Judge& judge : judges_) judge.judgements[kept] = judge.judgements[i];
    ++kept;
  }
  readings_.resize(kept);
}

double DetectAnomaly::rescaled(const Judge& judge, double score) const {
  return score < judge.threshold
             ? kAnyThreshold * score / judge.threshold
             : kAnyThreshold + kAnyThreshold * (score - judge.threshold) / (1 - judge.threshold);
}

size_t DetectAnomaly::combined(size_t reading, double& score) {
  scores_.clear();
  size_t largest = 0;
  for (const Judge& judge : judges_) {
    scores_.push_back(rescaled(judge, judge.judgements[reading].score));
    if (scores_.back() > scores_[largest]) largest = scores_.size() - 1;
  }
  switch (combine_) {
    case Combine::kMax:
      score = scores_[largest];
      break;
    case Combine::kMin:
      score = *std::min_element(scores_.begin(), scores_.end());
      break;
    case Combine::kMedian: {
      // Of an even number the lower one, so that more than half are as large.
      const auto middle = scores_.begin() + static_cast<int64_t>((scores_.size() - 1) / 2);
      std::nth_element(scores_.begin(), middle, scores_.end());
      score = *middle;
      break;
    }
  }
  return largest;
}

Batch DetectAnomaly::judged(const Batch& in, Output& out) {
  const auto rows = static_cast<int64_t>(readings_.size());
  Float64Builder score(out, rows);
  BoolBuilder is_anomaly(out, rows);
  CategoryBuilder method(out, rows, method_names_);
  Float64Builder low(out, rows);
  Float64Builder high(out, rows);
  TextBuilder reason(out, rows);
  const auto put = [](Float64Builder& builder, double value) {
    if (std::isfinite(value)) {
      builder.append(value);
    } else {
      builder.append_null();
    }
  };
  const bool is_one = judges_.size() == 1 && threshold_ == judges_.front().threshold;
  const Judgement silent;
  int64_t anomalies = 0;
  for (size_t i = 0; i < readings_.size(); ++i) {
    double its_score = 0;
    const Judge* judge = judges_.empty() ? nullptr : judges_.data();
    if (judges_.size() > 1) {
      judge = &judges_[combined(i, its_score)];
    } else if (judge != nullptr) {
      its_score =
          is_one ? judge->judgements[i].score : rescaled(*judge, judge->judgements[i].score);
    }
    const Judgement& judgement = judge != nullptr ? judge->judgements[i] : silent;
    const bool found = judge != nullptr && its_score >= threshold_;
    score.append(its_score);
    is_anomaly.append(found);
    method.append(static_cast<int32_t>(judge != nullptr ? judge->method : Method::kMissing));
    put(low, judgement.low);
    put(high, judgement.high);
    if (!found) {
      reason.append_null();
      continue;
    }
    ++anomalies;
    text_.clear();
    judge->detector->explain(judgement, readings_[i].reading, text_);
    reason.append(text_);
  }
  kept_.clear();
  for (const detectors::KeyedReading& reading : readings_) kept_.push_back(reading.row);
  const Batch passed = rows == in.rows() ? in : out.select(in, kept_.data(), rows);
  if (anomalies > 0) anomalies_.record(static_cast<double>(anomalies));
  return out.with(passed, {{"score", {score.finish(), Type::float64()}},
                           {"is_anomaly", {is_anomaly.finish(), Type::boolean()}},
                           {"method", {method.finish(), Type::category()}},
                           {"expected_low", {low.finish(), Type::float64()}},
                           {"expected_high", {high.finish(), Type::float64()}},
                           {"reason", {reason.finish(), Type::text()}}});
}

void DetectAnomaly::queue(const Batch& in, Output& out) {
  const auto rows = static_cast<int64_t>(readings_.size());
  const Batch all = rows > 0 ? judged(in, out) : Batch();
  int64_t next = 0;
  const auto pass = [&](int64_t until) {
    if (until == next) return;
    waiting_.push_back(
        {next == 0 && until == rows ? all : out.slice(all, next, until - next), false});
    next = until;
  };
  for (size_t first = 0; first < ended_.size();) {
    size_t behind = first;
    while (behind < ended_.size() && ended_[behind].row == ended_[first].row) ++behind;
    pass(std::lower_bound(readings_.begin(), readings_.end(), ended_[first].row,
                          [](const detectors::KeyedReading& reading, int32_t row) {
                            return reading.row < row;
                          }) -
         readings_.begin());
    waiting_.push_back({missed(std::span(ended_).subspan(first, behind - first), out), true});
    first = behind;
  }
  ended_.clear();
  pass(rows);
}

void DetectAnomaly::tell_evicted(Output& out) {
  int64_t evicted = 0;
  for (const Judge& judge : judges_) evicted = std::max(evicted, judge.detector->take_evicted());
  if (silence_) evicted = std::max(evicted, silence_->take_evicted());
  if (evicted == 0) return;
  evicted_.record(static_cast<double>(evicted));
  if (std::exchange(told_evicted_, true)) return;
  out.warn(
      "detect_anomaly forgets series to make room for others, and will not say so again: see the "
      "metric evicted_keys, and raise max_keys or state_limit if they are still needed");
}

Status DetectAnomaly::consume(uint32_t, const Batch& in, Output& out) {
  if (!std::exchange(goes_on_, false)) {
    read_rows(in, out);
    judge(in, out);
    queue(in, out);
    tell_evicted(out);
  }
  while (!waiting_.empty()) {
    if (out.room() < 1) {
      goes_on_ = true;
      return Status::kMore;
    }
    const Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    if (next.is_created) {
      out.create(next.batch);
    } else {
      out.emit(next.batch);
    }
  }
  return Status::kDone;
}

Status DetectAnomaly::timer(flow_time, int64_t nanoseconds, std::span<const flow_key* const> keys,
                            Output& out) {
  if (silence_) silence_->timer(out.get(), nanoseconds, keys);
  return Status::kDone;
}

Status DetectAnomaly::advance(int64_t watermark, Output& out) {
  if (!silence_) return Status::kDone;
  const auto silences = silence_->take(watermark);
  // One batch: there is room for it at the start of a call.
  if (!silences.empty()) out.create(missed(silences, out));
  return Status::kDone;
}

Batch DetectAnomaly::missed(std::span<const detectors::SilenceWatch::Silence> silences,
                            Output& out) {
  const auto rows = static_cast<int64_t>(silences.size());
  const std::span<const flow_type> types(silences.front().types.data(), key_finders_.size());
  KeyColumns keys(out, rows, types);
  TimestampBuilder due(out, rows);
  Float64Builder score(out, rows);
  BoolBuilder is_anomaly(out, rows);
  CategoryBuilder method(out, rows, method_names_);
  Float64Builder low(out, rows);
  Float64Builder high(out, rows);
  TextBuilder reason(out, rows);
  for (const detectors::SilenceWatch::Silence& silence : silences) {
    keys.append(silence.key);
    due.append(silence.due);
    score.append(1);
    is_anomaly.append(true);
    method.append(static_cast<int32_t>(Method::kMissing));
    low.append_null();
    high.append_null();
    text_.clear();
    silence_->explain(silence, text_);
    reason.append(text_);
  }
  const Column times = due.finish();
  const std::vector<TypedColumn> key_columns = keys.finish();
  std::vector<NewColumn> columns;
  for (size_t i = 0; i < key_columns.size(); ++i) {
    columns.push_back({key_[i].name, key_columns[i]});
  }
  if (time_) columns.push_back({time_->name(), {times, Type::timestamp()}});
  columns.push_back({"score", {score.finish(), Type::float64()}});
  columns.push_back({"is_anomaly", {is_anomaly.finish(), Type::boolean()}});
  columns.push_back({"method", {method.finish(), Type::category()}});
  columns.push_back({"expected_low", {low.finish(), Type::float64()}});
  columns.push_back({"expected_high", {high.finish(), Type::float64()}});
  columns.push_back({"reason", {reason.finish(), Type::text()}});
  // A moment that is due has passed: the row is late for nothing that ends behind it.
  flow_origin origin{};
  origin.size = sizeof origin;
  origin.event_time = times.get();
  origin.watermark = times.get();
  anomalies_.record(static_cast<double>(rows));
  return out.make(rows, columns, &origin);
}

}  // namespace flow::operators
