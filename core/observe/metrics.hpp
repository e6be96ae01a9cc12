// All metrics of a pipeline, collected when somebody asks and written in Prometheus' text format.
//
// Rows, batches and bytes come from the ledger, so that metrics and ledger cannot disagree; times
// come from the handles here, touched once a batch; what the runtime knows better at the moment of
// asking (memory, lag) comes from functions it provides.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/observe/instruments.hpp"
#include "core/observe/key_skew.hpp"
#include "core/observe/ledger.hpp"

namespace flowrun {

// The full names ("flowrun_...") of all built-in metrics, in the order of the page. Frozen by a
// test: dashboards depend on them.
std::span<const std::string_view> metric_names();

enum class MetricKind { kCounter, kGauge, kHistogram };

// A metric that an operator defined for itself.
struct PluginMetric {
  PluginMetric(MetricKind metric_kind, std::string family_name);

  const MetricKind kind;
  const std::string family;  // "flowrun_plugin_..."
  Counter counter;
  Gauge gauge;
  Histogram histogram;
};

inline constexpr std::size_t kMaxPluginMetrics = 100;  // a component

// Handles of one component; last as long as the registry.
struct ComponentMetrics {
  explicit ComponentMetrics(ComponentInfo component_info);

  // A value for a metric that MetricsRegistry::plugin_metric() returned: added to a counter,
  // observed by a histogram, the new value of a gauge. Unknown handles are ignored. [any thread]
  void record(std::uint64_t metric, double value) noexcept;

  // The value of a gauge that the operator defined by this name; absent: it has none. [any thread]
  std::optional<double> plugin_gauge(std::string_view name) const;

  const ComponentInfo info;
  Histogram batch_seconds;    // 5 us .. 10 s: one call of the operator; their sum: busy
  Histogram event_age;        // 1 ms .. 1 h: exported for sinks, at delivery
  Counter drift_seconds;      // a source's: time in which it waited for a slower one
  Gauge watermark_timestamp;  // seconds since 1970; 0: none yet
  KeySkew key_skew;           // of a keyed component

 private:
  friend class MetricsRegistry;
  std::atomic<std::size_t> n_plugin_metrics_{0};
  std::array<std::unique_ptr<PluginMetric>, kMaxPluginMetrics> plugin_metrics_;
};

struct EdgeMetrics {
  Counter blocked_seconds;  // time in which the producer waited for room
};

struct PipelineMetrics {
  Counter dead_letter_rows;
  Gauge checkpoint_last_success_timestamp;  // seconds since 1970; 0: none yet
  Gauge checkpoint_last_duration;           // seconds
  Counter checkpoint_failures;
  Gauge config_last_reload_successful{1.0};  // a run starts with a file that loaded
};

class MetricsRegistry {
 public:
  struct Build {
    std::string version;  // of flowrun
    std::string compiler;
    std::string build_type;  // eg: "Release"
    std::string abi;         // eg: "1.0"
  };

  // Ends what provide() or watch() began. When the destructor returns, nothing provided is in use
  // any more. Must not outlive the registry.
  class [[nodiscard]] Registration {
   public:
    Registration() noexcept = default;
    Registration(Registration&& other) noexcept
        : registry_(std::exchange(other.registry_, nullptr)), id_(other.id_) {}
    Registration& operator=(Registration&& other) noexcept;
    ~Registration();

   private:
    friend class MetricsRegistry;
    Registration(MetricsRegistry* registry, std::uint64_t id) noexcept
        : registry_(registry), id_(id) {}
    MetricsRegistry* registry_ = nullptr;
    std::uint64_t id_ = 0;
  };

  // Uptime counts from here.
  MetricsRegistry(std::string pipeline, Build build);
  ~MetricsRegistry();
  MetricsRegistry(const MetricsRegistry&) = delete;
  MetricsRegistry& operator=(const MetricsRegistry&) = delete;

  // Handles; the same id or name gives the same handle. To be kept: a look-up locks. [any thread]
  ComponentMetrics& component(const ComponentInfo& info);
  EdgeMetrics& edge(const std::string& name);
  PipelineMetrics& pipeline() noexcept { return pipeline_; }

  // A loaded library, as flowrun_plugin_info.
  void add_plugin(const std::string& id, const std::string& version, const std::string& license,
                  const std::string& file);

  // The values of a metric that the runtime owns, asked for at each scrape; the newest of several
  // counts. `name` is one of memory_bytes, memory_limit_bytes, state_bytes with `component` empty,
  // or source_lag_rows, source_lag_bytes, source_lag_seconds with the id of a source; anything else
  // throws std::invalid_argument. `value` runs under the registry's lock: it must not call it.
  Registration provide(std::string_view name, std::string_view component,
                       std::function<double()> value);

  // Rows, batches and bytes of all components and edges of `ledger`, which must live as long as the
  // registration.
  Registration watch(const PipelineLedger& ledger);

  // A metric of an operator's own, exported as flowrun_plugin_<name>; characters that Prometheus
  // does not allow become '_'. Same name, same handle. 0, and a line in the log, when the component
  // has kMaxPluginMetrics already, or another component uses the name for another kind.
  std::uint64_t plugin_metric(ComponentMetrics& component, MetricKind kind, std::string_view name,
                              std::string_view doc);

  // Everything in text format 0.0.4. [any thread]
  std::string text();

 private:
  class Scrape;

  struct Provided {
    std::uint64_t id = 0;
    std::string name;
    std::string component;
    std::function<double()> value;
  };
  struct Watched {
    std::uint64_t id = 0;
    const PipelineLedger* ledger = nullptr;
  };
  struct Plugin {
    std::string id, version, license, file;
  };
  struct PluginFamily {
    MetricKind kind = MetricKind::kCounter;
    std::string doc;
  };

  ComponentMetrics& component_locked(const ComponentInfo& info);
  bool plugin_family_fits(const std::string& family, MetricKind kind) const;
  void end(std::uint64_t id) noexcept;

  const std::string name_;
  const Build build_;
  const std::chrono::steady_clock::time_point started_;
  PipelineMetrics pipeline_;

  std::mutex mutex_;  // guards all that follows
  std::vector<std::unique_ptr<ComponentMetrics>> components_;
  std::map<std::string, EdgeMetrics> edges_;
  std::vector<Plugin> plugins_;
  std::vector<Provided> provided_;
  std::vector<Watched> watched_;
  std::map<std::string, PluginFamily> plugin_families_;
  std::uint64_t last_id_ = 0;
};

}  // namespace flowrun
