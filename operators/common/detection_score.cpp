#include "operators/common/detection_score.hpp"

#include <algorithm>

namespace flow::operators {
namespace {

constexpr double kSecond = 1e9;  // nanoseconds
constexpr double kSecondsOfDay = 86'400;

int64_t later(int64_t time, int64_t by) { return time > INT64_MAX - by ? INT64_MAX : time + by; }
double seconds_between(int64_t from, int64_t to) {
  return (static_cast<double>(to) - static_cast<double>(from)) / kSecond;
}

}  // namespace

void DetectionScorer::add_incident(const std::string& id, const std::string& kind,
                                   const std::string& series, int64_t start, int64_t end) {
  const auto [known, is_new] = incident_numbers_.emplace(id, incidents_.size());
  if (is_new) incidents_.push_back({kind, start});
  const size_t number = known->second;
  Incident& incident = incidents_[number];
  incident.start = std::min(incident.start, start);
  std::vector<Span>& spans = series_[series].spans;
  // Incidents of a series come one after the other, as a rule.
  const auto same = std::find_if(spans.rbegin(), spans.rend(),
                                 [&](const Span& span) { return span.incident == number; });
  if (same == spans.rend()) {
    spans.push_back({number, start, end});
  } else {
    same->start = std::min(same->start, start);
    same->end = std::max(same->end, end);
  }
}

void DetectionScorer::add_detection(const std::string& series, int64_t time) {
  series_[series].detections.push_back(time);
  ++n_detections_;
}

void DetectionScorer::add_time(int64_t first, int64_t last) {
  first_ = std::min(first_.value_or(first), first);
  last_ = std::max(last_.value_or(last), last);
}

DetectionScore DetectionScorer::score() {
  DetectionScore result;
  std::vector<std::optional<int64_t>> found(incidents_.size());
  for (auto& [name, series] : series_) {
    std::sort(series.detections.begin(), series.detections.end());
    std::sort(series.spans.begin(), series.spans.end(),
              [](const Span& a, const Span& b) { return a.start < b.start; });
    size_t first_open = 0;
    bool is_true = false;
    for (size_t i = 0; i < series.detections.size(); ++i) {
      const int64_t time = series.detections[i];
      if (i == 0 || time > later(series.detections[i - 1], grace_)) {
        if (i > 0 && !is_true) ++result.false_alarms;
        ++result.alarms;
        is_true = false;
      }
      while (first_open < series.spans.size() &&
             later(series.spans[first_open].end, grace_) < time) {
        ++first_open;
      }
      for (size_t at = first_open; at < series.spans.size(); ++at) {
        const Span& span = series.spans[at];
        if (span.start > time) break;
        if (later(span.end, grace_) < time) continue;
        is_true = true;
        std::optional<int64_t>& first = found[span.incident];
        first = std::min(first.value_or(time), time);
      }
    }
    if (!series.detections.empty() && !is_true) ++result.false_alarms;
  }

  std::vector<double> delays;
  for (size_t i = 0; i < incidents_.size(); ++i) {
    KindScore& kind = result.kinds[incidents_[i].kind];
    ++kind.incidents;
    if (!found[i]) continue;
    ++kind.found;
    delays.push_back(std::max(0.0, seconds_between(incidents_[i].start, *found[i])));
  }
  std::sort(delays.begin(), delays.end());
  result.incidents = incidents_.size();
  result.found = delays.size();
  result.detections = n_detections_;
  const auto share = [](size_t part, double whole) -> std::optional<double> {
    return whole > 0 ? std::optional(static_cast<double>(part) / whole) : std::nullopt;
  };
  result.days = first_ ? seconds_between(*first_, *last_) / kSecondsOfDay : 0;
  result.precision = share(result.alarms - result.false_alarms, static_cast<double>(result.alarms));
  result.recall = share(result.found, static_cast<double>(result.incidents));
  result.alarms_per_day = share(result.alarms, result.days);
  result.false_alarms_per_day = share(result.false_alarms, result.days);
  if (!delays.empty()) {
    const size_t middle = delays.size() / 2;
    result.delay_median =
        delays.size() % 2 == 1 ? delays[middle] : (delays[middle - 1] + delays[middle]) / 2;
    result.delay_max = delays.back();
  }
  return result;
}

void DetectionScorer::save_to(std::string& bytes) const {
  save(bytes, static_cast<uint64_t>(n_detections_));
  save(bytes, first_.value_or(INT64_MAX));
  save(bytes, last_.value_or(INT64_MIN));
  save(bytes, static_cast<uint64_t>(incidents_.size()));
  for (const Incident& incident : incidents_) {
    save_text(bytes, incident.kind);
    save(bytes, incident.start);
  }
  for (const auto& [id, number] : incident_numbers_) {
    save_text(bytes, id);
    save(bytes, static_cast<uint64_t>(number));
  }
  save(bytes, static_cast<uint64_t>(series_.size()));
  for (const auto& [name, series] : series_) {
    save_text(bytes, name);
    save_all(bytes, series.spans);
    save_all(bytes, series.detections);
  }
}

void DetectionScorer::load(SavedPieces& pieces) {
  n_detections_ = pieces.take<uint64_t>();
  const auto first = pieces.take<int64_t>();
  const auto last = pieces.take<int64_t>();
  if (first <= last) add_time(first, last);
  const auto incidents = pieces.take<uint64_t>();
  for (uint64_t i = 0; i < incidents; ++i) {
    std::string kind = pieces.take_text();
    incidents_.push_back({std::move(kind), pieces.take<int64_t>()});
  }
  for (uint64_t i = 0; i < incidents; ++i) {
    std::string id = pieces.take_text();
    incident_numbers_[std::move(id)] = pieces.take<uint64_t>();
  }
  for (auto left = pieces.take<uint64_t>(); left > 0; --left) {
    Series& series = series_[pieces.take_text()];
    series.spans = pieces.take_all<Span>();
    series.detections = pieces.take_all<int64_t>();
  }
}

}  // namespace flow::operators
