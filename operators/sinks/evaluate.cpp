#include "operators/sinks/evaluate.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "operators/common/input_column.hpp"
#include "operators/sinks/evaluate_report.hpp"

namespace flow::operators {

void Evaluate::describe(Description<Options>& d) {
  d.name("evaluate");
  d.summary("Tells at the end how good the detection of anomalies was.");
  d.doc(
      R"(Takes the rows of detect_anomaly and compares what it found with what is known to have been wrong: by
labels in the rows (the fields `label` and `incident`, as the sensors of `generate` have them), or by time
windows in a file (`labels`). When the input ends it logs, sets metrics and writes, if `report` says where,

* **precision**: the share of alarms that were about an incident. Anomalies of a series closer together than
  `grace` are one alarm.
* **recall**: the share of incidents found, that is with an anomaly in one of their series from their start to
  `grace` behind their end. Also by kind of incident.
* **delay**: seconds from an incident's start to its first anomaly, median and longest.
* **false alarms**, in all and per day of event time; alarms per day; with `alert_state`, alerts per day.
* with `labels`, the three scores of the Numenta Anomaly Benchmark (standard, reward low false positives, reward
  low false negatives), each with the threshold of the score that is best for it, and the same three for what
  `anomaly` says (`nab_standard_as_found` and so on).

A row without a time, or whose `anomaly` is null, fails as `no_time` or `no_anomaly`; past `max_rows` in memory
as `too_many_rows`. It is meant for trying things out and for tests: it keeps about 20 bytes a detection, and
with `labels` 24 a reading, all of which is written with each checkpoint; a run that goes on from one goes on
counting. Other rows cost some 5 ns.)");
  d.example(R"(type = "evaluate"
inputs = ["detected"]
key = ["device", "quantity"]
)");
  d.traits(FLOW_SERIAL);
  d.output("errors", "Rows that cannot be judged.");
  d.option("key", &Options::key,
           "The fields that tell one series from another, as detect_anomaly has them. Their values "
           "with a slash between them are the name of the series in `labels`. Empty: all rows are "
           "one series.");
  d.option("anomaly", &Options::anomaly, "The boolean field that says what was found.");
  d.option("score", &Options::score, "The field with the score, for `labels`.");
  d.option("time", &Options::time,
           "A timestamp field with the time of the reading. Empty: the event time, which an "
           "event_time upstream sets.");
  d.option("label", &Options::label,
           "A field with the kind of the incident that the row belongs to, null if to none. Rows "
           "without the field have no label.");
  d.option("incident", &Options::incident,
           "A field with the id of that incident. Where there is none, rows of a series with the "
           "same label and no more than `grace` between them are one incident.");
  d.option("alert_state", &Options::alert_state,
           "A field that only rows of `alert` have, which may come in beside the others: rows in "
           "which it is \"opened\" are counted as alerts. Empty: there are none.");
  d.option("labels", &Options::labels,
           "A file of windows in which something was wrong: JSON as NAB's combined_windows.json, "
           "or CSV with the columns series, start, end and perhaps kind. Taken instead of the "
           "fields. A name is also that of a series which ends with it behind a slash, or the "
           "other way round. Read at the start, at most 64 MiB.");
  d.option("grace", &Options::grace,
           "How long behind its end an incident may still be found, and how far apart anomalies "
           "of one alarm may be.")
      .range(0, 31'536'000'000'000'000);
  d.option("report", &Options::report,
           "A file that gets the figures as JSON, replaced when the input ends. Empty: none.");
  d.option("max_rows", &Options::max_rows,
           "How many detections and, with `labels`, readings are kept in memory at most.")
      .range(1, 10'000'000'000);
}

void Evaluate::infer(const Options& options, Inference& inference) {
  const auto check = [&](const char* option, const Field& field, flow_type wanted) {
    if (field.name.empty()) return;
    const auto type = inferred_column(inference, option, field.name);
    if (!type || *type == wanted) return;
    throw OptionFailure(option,
                        "the column '" + field.name + "' is " + std::string(type_name(*type)) +
                            ", but " + std::string(type_name(wanted)) + " is needed",
                        {}, 0);
  };
  for (const Field& field : options.key) inferred_column(inference, "key", field.name);
  check("anomaly", options.anomaly, FLOW_BOOL);
  check("time", options.time, FLOW_TIMESTAMP);
  if (!options.labels.empty()) check("score", options.score, FLOW_FLOAT64);
}

// The columns of one batch; NULL: there is none of that name.
struct Evaluate::Columns {
  std::optional<BoolView> anomaly;
  std::optional<Float64View> score;
  const int64_t* times = nullptr;
  Validity time_validity;
  std::vector<bool> has_key;
  bool has_label = false;
  bool has_incident = false;
  bool has_state = false;
};

Evaluate::Evaluate(const Options& options)
    : options_(options),
      scorer_(options.grace.nanoseconds),
      anomaly_(options.anomaly.name),
      score_(options.score.name),
      time_(options.time.name),
      label_(options.label.name),
      incident_(options.incident.name),
      state_(options.alert_state.name) {
  for (const Field& field : options.key) key_.emplace_back(field.name);
  key_texts_.resize(key_.size());
}

void Evaluate::open(Output& out) {
  EvaluationGauges(out).declare();
  if (!options_.labels.empty()) labels_ = read_label_windows(options_.labels);
}

void Evaluate::find(const Batch& in, const Output& out, Columns& columns) {
  const auto text = [&](ColumnFinder& finder, FieldText& reader) {
    const flow_column* column = finder.name().empty() ? nullptr : finder.find(in);
    return column != nullptr && reader.bind(*column, out);
  };
  columns.has_state = text(state_, state_text_);
  const flow_column* anomaly = anomaly_.find(in);
  if (anomaly == nullptr && !columns.has_state) {
    throw_missing_column(in.schema(), "anomaly", anomaly_.name());
  }
  if (anomaly != nullptr) {
    if (anomaly->type != FLOW_BOOL) {
      throw Failure("evaluate: anomaly: the field '" + anomaly_.name() + "' is " +
                    std::string(type_name(anomaly->type)) + ", but bool is needed");
    }
    columns.anomaly.emplace(*anomaly);
  }
  const flow_column* score = score_.find(in);
  if (score != nullptr && score->type == FLOW_FLOAT64) columns.score.emplace(*score);
  columns.times = in.event_times();
  if (!time_.name().empty()) {
    const flow_column* time = time_.find(in);
    if (time == nullptr) throw_missing_column(in.schema(), "time", time_.name());
    if (time->type != FLOW_TIMESTAMP) {
      throw Failure("evaluate: time: the field '" + time_.name() + "' is " +
                    std::string(type_name(time->type)) + ", but a timestamp is needed");
    }
    columns.times = Int64View(*time).data();
    columns.time_validity = Validity(*time);
  }
  if (columns.times == nullptr && in.rows() > 0) {
    throw Failure(
        "evaluate: the rows have no event time: put an event_time upstream, or name a timestamp "
        "field as `time`");
  }
  columns.has_key.clear();
  for (size_t i = 0; i < key_.size(); ++i) {
    columns.has_key.push_back(text(key_[i], key_texts_[i]));
  }
  columns.has_label = labels_.empty() && text(label_, label_text_);
  columns.has_incident = labels_.empty() && text(incident_, incident_text_);
}

const std::string& Evaluate::series_of(const Columns& columns, int64_t row) {
  series_.clear();
  for (size_t i = 0; i < key_.size(); ++i) {
    if (i > 0) series_ += '/';
    if (columns.has_key[i]) key_texts_[i].append(row, series_);
  }
  return series_;
}

Evaluate::Labelled* Evaluate::labelled(const std::string& series) {
  const auto [known, is_new] = labelled_.try_emplace(series);
  Labelled& found = known->second;
  if (is_new) {
    found.labels = nullptr;
    found.name = series;
    for (const SeriesLabels& labels : labels_) {
      if (found.labels == nullptr && names_same_series(labels.series, series)) {
        found.labels = &labels;
      }
    }
  }
  return &found;
}

bool Evaluate::add_reading(const Columns& columns, int64_t row, int64_t time, bool found) {
  if (!columns.score || columns.score->is_null(row)) return true;
  if (kept_ >= options_.max_rows) return false;
  ++kept_;
  Labelled& series = *labelled(series_of(columns, row));
  series.readings.times.push_back(time);
  series.readings.scores.push_back((*columns.score)[row]);
  series.found.push_back(found ? 1 : 0);
  return true;
}

void Evaluate::add_label(const Columns& columns, int64_t row, int64_t time) {
  kind_.clear();
  if (!columns.has_label || !label_text_.append(row, kind_)) return;
  const std::string& series = series_of(columns, row);
  text_.clear();
  if (!columns.has_incident || !incident_text_.append(row, text_)) {
    Run& run = runs_[series];
    if (run.kind != kind_ || run.number == 0 || time - run.last > options_.grace.nanoseconds) {
      ++run.number;
    }
    run.kind = kind_;
    run.last = time;
    text_.append(series).append("#").append(std::to_string(run.number));
  }
  scorer_.add_incident(text_, kind_, series, time, time);
}

void Evaluate::process(const Batch& in, Output& out) {
  Columns columns;
  find(in, out, columns);
  for (int64_t row = 0; row < in.rows(); ++row) {
    if (columns.time_validity.is_null(row)) {
      out.fail(in, row, "no_time", "evaluate: the field '" + time_.name() + "' is null");
      continue;
    }
    const int64_t time = columns.times[row];
    text_.clear();
    if (columns.has_state && state_text_.append(row, text_)) {
      alerts_ += text_ == "opened" ? 1 : 0;
      continue;
    }
    if (!columns.anomaly || columns.anomaly->is_null(row)) {
      out.fail(in, row, "no_anomaly", "evaluate: the field '" + anomaly_.name() + "' is null");
      continue;
    }
    const bool found = (*columns.anomaly)[row];
    if ((found && kept_ >= options_.max_rows) ||
        (!labels_.empty() && !add_reading(columns, row, time, found))) {
      out.fail(in, row, "too_many_rows",
               "evaluate: more detections and readings than max_rows: raise it, or evaluate less "
               "of the data");
      continue;
    }
    ++rows_;
    first_time_ = std::min(first_time_.value_or(time), time);
    last_time_ = std::max(last_time_.value_or(time), time);
    if (columns.has_label) add_label(columns, row, time);
    if (!found) continue;
    ++kept_;
    scorer_.add_detection(series_of(columns, row), time);
  }
}

std::string Evaluate::prepare(uint64_t) {
  std::string bytes;
  for (const int64_t number :
       {rows_, kept_, alerts_, first_time_.value_or(INT64_MAX), last_time_.value_or(INT64_MIN)}) {
    save(bytes, number);
  }
  scorer_.save_to(bytes);
  save(bytes, static_cast<uint64_t>(labelled_.size()));
  for (const auto& [name, one] : labelled_) {
    save_text(bytes, name);
    save_all(bytes, one.readings.times);
    save_all(bytes, one.readings.scores);
    save_all(bytes, one.found);
  }
  save(bytes, static_cast<uint64_t>(runs_.size()));
  for (const auto& [series, run] : runs_) {
    save_text(bytes, series);
    save_text(bytes, run.kind);
    save(bytes, run.last);
    save(bytes, run.number);
  }
  return bytes;
}

void Evaluate::restore(uint32_t, std::string_view state) {
  SavedPieces pieces(state, "evaluate");
  rows_ = pieces.take<int64_t>();
  kept_ = pieces.take<int64_t>();
  alerts_ = pieces.take<int64_t>();
  const auto first = pieces.take<int64_t>();
  const auto last = pieces.take<int64_t>();
  if (first <= last) {
    first_time_ = first;
    last_time_ = last;
  }
  scorer_.load(pieces);
  for (auto left = pieces.take<uint64_t>(); left > 0; --left) {
    Labelled& one = *labelled(pieces.take_text());
    one.readings.times = pieces.take_all<int64_t>();
    one.readings.scores = pieces.take_all<double>();
    one.found = pieces.take_all<double>();
  }
  for (auto left = pieces.take<uint64_t>(); left > 0; --left) {
    Run& run = runs_[pieces.take_text()];
    run.kind = pieces.take_text();
    run.last = pieces.take<int64_t>();
    run.number = pieces.take<int64_t>();
  }
}

void Evaluate::close(bool, Output& out) {
  if (first_time_) scorer_.add_time(*first_time_, *last_time_);
  Evaluation result;
  std::vector<NabSeries> series;
  std::vector<NabSeries> found;
  for (auto& [name, one] : labelled_) {
    if (one.labels == nullptr) {
      ++result.unlabelled;
    } else {
      for (size_t i = 0; i < one.labels->windows.size(); ++i) {
        const LabelWindow& window = one.labels->windows[i];
        one.readings.windows.push_back(window.time);
        scorer_.add_incident(name + '#' + std::to_string(i), window.kind, name, window.time.start,
                             window.time.end);
      }
    }
    found.push_back({one.readings.times, std::move(one.found), one.readings.windows});
    series.push_back(std::move(one.readings));
  }
  result.rows = rows_;
  result.detection = scorer_.score();
  if (alerts_ > 0 || !options_.alert_state.name.empty()) result.alerts = alerts_;
  if (!labels_.empty()) {
    result.nab = nab_scores(series);
    result.nab_as_found = nab_scores_at(found, 0.5);
  }
  EvaluationGauges(out).set(result);
  out.info("evaluation: " + in_words(result));
  if (!options_.report.empty()) write_report(options_.report, result);
}

}  // namespace flow::operators
