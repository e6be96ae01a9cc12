// MetricsRegistry::text(): the table of all families, and how each gets its samples.
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <unistd.h>

#include <cmath>
#include <ctime>
#include <fstream>
#include <limits>
#include <unordered_map>

#include "core/observe/metrics.hpp"
#include "core/observe/text.hpp"

namespace flowrun {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

struct Family {
  std::string_view name;
  MetricType type;
  std::string_view help;
};

constexpr auto kCounterType = MetricType::Counter;
constexpr auto kGaugeType = MetricType::Gauge;
constexpr auto kHistogramType = MetricType::Histogram;

constexpr Family kFamilies[] = {
    {"flowrun_component_rows_in_total", kCounterType, "Rows that the component took in."},
    {"flowrun_component_rows_out_total", kCounterType, "Rows that left through an output port."},
    {"flowrun_component_batches_in_total", kCounterType, "Batches that the component took in."},
    {"flowrun_component_batches_out_total", kCounterType,
     "Batches that left through an output port."},
    {"flowrun_component_bytes_in_total", kCounterType, "Bytes that the component took in."},
    {"flowrun_component_bytes_out_total", kCounterType, "Bytes that left through any output port."},
    {"flowrun_component_created_rows_total", kCounterType, "Rows that the component made itself."},
    {"flowrun_component_delivered_rows_total", kCounterType, "Rows that the sink delivered."},
    {"flowrun_component_absorbed_rows_total", kCounterType, "Rows taken into state."},
    {"flowrun_component_errors_total", kCounterType, "Rows that failed, by reason."},
    {"flowrun_component_dropped_rows_total", kCounterType, "Rows dropped on purpose, by reason."},
    {"flowrun_component_busy_seconds_total", kCounterType,
     "Time spent inside the component, all instances together."},
    {"flowrun_component_batch_seconds", kHistogramType, "Time of one call of the component."},
    {"flowrun_edge_blocked_seconds_total", kCounterType,
     "Time in which the edge's producer waited for room."},
    {"flowrun_edge_queued_rows", kGaugeType, "Rows sent along the edge and not yet received."},
    {"flowrun_memory_bytes", kGaugeType, "Bytes of all buffers that are alive."},
    {"flowrun_memory_limit_bytes", kGaugeType, "The pipeline's memory_limit."},
    {"flowrun_state_bytes", kGaugeType, "Bytes of all state."},
    {"flowrun_source_lag_rows", kGaugeType, "Rows that the source could read now."},
    {"flowrun_source_lag_bytes", kGaugeType, "Bytes that the source could read now."},
    {"flowrun_source_lag_seconds", kGaugeType, "Age of the next record that the source will read."},
    {"flowrun_source_drift_wait_seconds_total", kCounterType,
     "Time in which the source waited for a slower one to catch up in event time."},
    {"flowrun_event_age_seconds", kHistogramType,
     "From an event's time to its delivery by the sink."},
    {"flowrun_watermark_timestamp_seconds", kGaugeType,
     "The component's watermark in seconds since 1970; 0: none yet."},
    {"flowrun_key_instance_rows_total", kCounterType,
     "Rows that went to an instance of a keyed component, by instance."},
    {"flowrun_key_group_share", kGaugeType,
     "Share of a keyed component's rows in the fullest of 128 groups of keys; evenly spread "
     "0.008."},
    {"flowrun_window_late_rows_total", kCounterType, "Rows that came too late for their window."},
    {"flowrun_checkpoint_last_success_timestamp_seconds", kGaugeType,
     "When the last checkpoint was complete, in seconds since 1970; 0: none yet."},
    {"flowrun_checkpoint_last_duration_seconds", kGaugeType, "How long the last checkpoint took."},
    {"flowrun_checkpoint_failures_total", kCounterType, "Checkpoints that were given up."},
    {"flowrun_dead_letter_rows_total", kCounterType, "Rows written to the dead-letter file."},
    {"flowrun_unaccounted_rows", kGaugeType,
     "Rows that the ledger misses or counts twice; anything but 0 is a bug."},
    {"flowrun_config_last_reload_successful", kGaugeType,
     "Whether the pipeline file loaded when it was last read."},
    {"flowrun_plugin_info", kGaugeType, "1 for each loaded plugin library."},
    {"flowrun_build_info", kGaugeType, "1, labelled with how flowrun was built."},
    {"flowrun_process_start_time_seconds", kGaugeType,
     "When the process started, in seconds since 1970."},
    {"flowrun_uptime_seconds", kGaugeType, "How long the pipeline has been up."},
};

// The text format is one line a help text; the serializer leaves escaping it to its callers.
std::string help_text(std::string_view doc) {
  std::string help;
  append_printable(help, doc);
  for (std::size_t place = help.find('\\'); place != std::string::npos;
       place = help.find('\\', place + 2)) {
    help.insert(place, 1, '\\');
  }
  return help;
}

// From the kernel: field 22 of stat counts clock ticks since boot; the second bracket ends a name
// that may hold anything. 0 where the system does not say.
double process_start_time() {
  std::ifstream stat("/proc/self/stat");
  std::string line;
  std::getline(stat, line);
  std::size_t place = line.rfind(')');
  if (place == std::string::npos) return 0;
  for (int field = 3; field <= 22 && place != std::string::npos; ++field) {
    place = line.find(' ', place + 1);
  }
  if (place == std::string::npos) return 0;
  const double ticks = std::strtod(line.c_str() + place, nullptr);
  timespec since_boot{};
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &since_boot);
  ::clock_gettime(CLOCK_REALTIME, &now);
  const auto seconds = [](const timespec& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
  };
  const double start =
      seconds(now) - seconds(since_boot) + ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
  return std::round(start * 100) / 100;
}

}  // namespace

std::span<const std::string_view> metric_names() {
  static const std::vector<std::string_view> kNames = [] {
    std::vector<std::string_view> all;
    for (const Family& family : kFamilies) all.push_back(family.name);
    return all;
  }();
  return kNames;
}

// One scrape; runs under the registry's lock.
class MetricsRegistry::Scrape {
 public:
  explicit Scrape(MetricsRegistry& registry) : registry_(registry) {
    for (const Family& family : kFamilies) add_family(family.name, family.type, family.help);
    for (const auto& [name, family] : registry.plugin_families_) {
      add_family(name,
                 family.kind == MetricKind::kCounter ? kCounterType
                 : family.kind == MetricKind::kGauge ? kGaugeType
                                                     : kHistogramType,
                 family.doc);
    }
  }

  std::string text() {
    std::uint64_t unaccounted = 0;
    std::map<std::string, std::uint64_t> queued;
    for (const Watched& watched : registry_.watched_) {
      for (const ComponentLedger* ledger : watched.ledger->components()) {
        registry_.component_locked(ledger->info());
        rows(*ledger);
      }
      for (const EdgeLedger* edge : watched.ledger->edges()) {
        registry_.edges_[edge->name()];
        queued[edge->name()] = edge->counts().queued;
      }
      unaccounted += watched.ledger->unaccounted();
    }
    for (const auto& component : registry_.components_) times(*component);
    for (const auto& [name, edge] : registry_.edges_) {
      const Labels labels = {{"pipeline", registry_.name_}, {"edge", name}};
      add("flowrun_edge_blocked_seconds_total", labels, edge.blocked_seconds.value());
      add("flowrun_edge_queued_rows", labels, queued[name]);
    }
    pipeline(unaccounted);
    return prometheus::TextSerializer().Serialize(families_);
  }

 private:
  void add_family(std::string_view name, MetricType type, std::string_view help) {
    index_[std::string(name)] = families_.size();
    families_.push_back({std::string(name), help_text(help), type, {}});
  }

  ClientMetric& add_sample(const std::string& name, const Labels& labels, MetricType& type) {
    MetricFamily& family = families_[index_.at(name)];
    type = family.type;
    ClientMetric& sample = family.metric.emplace_back();
    sample.label = labels;
    return sample;
  }

  template <typename Number>
  void add(const std::string& name, const Labels& labels, Number value) {
    MetricType type;
    ClientMetric& sample = add_sample(name, labels, type);
    (type == kCounterType ? sample.counter.value : sample.gauge.value) = static_cast<double>(value);
  }

  void add(const std::string& name, const Labels& labels, const Histogram& histogram) {
    MetricType type;
    ClientMetric::Histogram& sample = add_sample(name, labels, type).histogram;
    const std::vector<std::uint64_t> counts = histogram.counts();
    for (std::size_t bucket = 0; bucket < counts.size(); ++bucket) {
      sample.sample_count += counts[bucket];
      const double bound = bucket < histogram.bounds().size()
                               ? histogram.bounds()[bucket]
                               : std::numeric_limits<double>::infinity();
      sample.bucket.push_back({sample.sample_count, bound});
    }
    sample.sample_sum = histogram.sum();
  }

  Labels labels_of(const ComponentInfo& info) const {
    return {{"pipeline", registry_.name_}, {"component", info.id}, {"type", info.type}};
  }

  static Labels with(Labels labels, std::string name, std::string value) {
    labels.push_back({std::move(name), std::move(value)});
    return labels;
  }

  // kOtherReason is always there, so that the family has a value before the first row fails.
  void by_reason(const std::string& name, const Labels& labels, const ReasonCounts& reasons) {
    add(name, with(labels, "reason", std::string(kOtherReason)), reasons[kOtherReason]);
    for (const auto& [reason, count] : reasons.entries()) {
      if (*reason != kOtherReason) add(name, with(labels, "reason", *reason), count);
    }
  }

  void rows(const ComponentLedger& ledger) {
    const ComponentInfo& info = ledger.info();
    const LedgerDelta totals = ledger.totals();
    const Labels labels = labels_of(info);
    add("flowrun_component_rows_in_total", labels, totals.rows.in);
    add("flowrun_component_batches_in_total", labels, totals.input.batches);
    add("flowrun_component_bytes_in_total", labels, totals.input.bytes);
    add("flowrun_component_created_rows_total", labels, totals.rows.created);
    add("flowrun_component_absorbed_rows_total", labels, totals.rows.absorbed);
    std::uint64_t bytes_out = 0;
    for (std::size_t port = 0; port < totals.ports.size(); ++port) {
      const std::string name = port < info.ports.size() ? info.ports[port] : std::to_string(port);
      const Labels labels_of_port = with(labels, "port", name);
      add("flowrun_component_rows_out_total", labels_of_port, totals.ports[port].rows);
      add("flowrun_component_batches_out_total", labels_of_port, totals.ports[port].batches);
      bytes_out += totals.ports[port].bytes;
    }
    add("flowrun_component_bytes_out_total", labels, bytes_out);
    by_reason("flowrun_component_errors_total", labels, totals.errors);
    by_reason("flowrun_component_dropped_rows_total", labels, totals.drops);
    if (info.kind == ComponentKind::kSink) {
      add("flowrun_component_delivered_rows_total", labels, totals.rows.passed);
    }
    if (info.kind == ComponentKind::kWindow) {
      add("flowrun_window_late_rows_total", labels, totals.rows.late);
    }
  }

  void times(const ComponentMetrics& component) {
    const ComponentInfo& info = component.info;
    const Labels labels = labels_of(info);
    add("flowrun_component_busy_seconds_total", labels, component.batch_seconds.sum());
    add("flowrun_component_batch_seconds", labels, component.batch_seconds);
    add("flowrun_watermark_timestamp_seconds", labels, component.watermark_timestamp.value());
    const std::size_t instances = component.key_skew.instances();
    for (std::size_t i = 0; i < instances; ++i) {
      add("flowrun_key_instance_rows_total", with(labels, "instance", std::to_string(i)),
          component.key_skew.rows_of_instance(i));
    }
    if (instances > 0) {
      add("flowrun_key_group_share", labels, component.key_skew.share_of_fullest_group());
    }
    if (info.kind == ComponentKind::kSink) {
      add("flowrun_event_age_seconds", labels, component.event_age);
    }
    if (info.kind == ComponentKind::kSource) {
      add("flowrun_source_drift_wait_seconds_total", labels, component.drift_seconds.value());
      for (const std::string name : {"source_lag_rows", "source_lag_bytes", "source_lag_seconds"}) {
        add("flowrun_" + name, labels, provided(name, info.id));
      }
    }
    const std::size_t count = component.n_plugin_metrics_.load(std::memory_order_acquire);
    for (std::size_t index = 0; index < count; ++index) {
      const PluginMetric& metric = *component.plugin_metrics_[index];
      if (metric.kind == MetricKind::kHistogram) {
        add(metric.family, labels, metric.histogram);
      } else {
        add(metric.family, labels,
            metric.kind == MetricKind::kCounter ? metric.counter.value() : metric.gauge.value());
      }
    }
  }

  void pipeline(std::uint64_t unaccounted) {
    const Labels labels = {{"pipeline", registry_.name_}};
    for (const std::string name : {"memory_bytes", "memory_limit_bytes", "state_bytes"}) {
      add("flowrun_" + name, labels, provided(name, ""));
    }
    const PipelineMetrics& own = registry_.pipeline_;
    add("flowrun_checkpoint_last_success_timestamp_seconds", labels,
        own.checkpoint_last_success_timestamp.value());
    add("flowrun_checkpoint_last_duration_seconds", labels, own.checkpoint_last_duration.value());
    add("flowrun_checkpoint_failures_total", labels, own.checkpoint_failures.value());
    add("flowrun_dead_letter_rows_total", labels, own.dead_letter_rows.value());
    add("flowrun_unaccounted_rows", labels, unaccounted);
    add("flowrun_config_last_reload_successful", labels, own.config_last_reload_successful.value());
    for (const Plugin& plugin : registry_.plugins_) {
      Labels described = with(labels, "plugin", plugin.id);
      described.push_back({"version", plugin.version});
      described.push_back({"license", plugin.license});
      described.push_back({"file", plugin.file});
      add("flowrun_plugin_info", described, 1);
    }
    Labels build = with(labels, "version", registry_.build_.version);
    build.push_back({"compiler", registry_.build_.compiler});
    build.push_back({"build_type", registry_.build_.build_type});
    build.push_back({"abi", registry_.build_.abi});
    add("flowrun_build_info", build, 1);
    static const double kStartTime = process_start_time();
    add("flowrun_process_start_time_seconds", labels, kStartTime);
    const std::chrono::duration<double> up = std::chrono::steady_clock::now() - registry_.started_;
    add("flowrun_uptime_seconds", labels, up.count());
  }

  // The newest provider wins; a value nobody provides is 0, one that throws NaN.
  double provided(std::string_view name, std::string_view component) const {
    const Provided* newest = nullptr;
    for (const Provided& entry : registry_.provided_) {
      if (entry.name == name && entry.component == component) newest = &entry;
    }
    if (newest == nullptr) return 0;
    try {
      return newest->value();
    } catch (...) {
      return std::numeric_limits<double>::quiet_NaN();
    }
  }

  MetricsRegistry& registry_;
  std::vector<MetricFamily> families_;
  std::unordered_map<std::string, std::size_t> index_;
};

std::string MetricsRegistry::text() {
  const std::lock_guard lock(mutex_);
  return Scrape(*this).text();
}

}  // namespace flowrun
