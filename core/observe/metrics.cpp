#include "core/observe/metrics.hpp"

#include <stdexcept>

#include "core/observe/log.hpp"

namespace flowrun {
namespace {

constexpr double kBatchBounds[] = {5e-6,   10e-6,  25e-6, 50e-6, 100e-6, 250e-6, 500e-6,
                                   1e-3,   2.5e-3, 5e-3,  10e-3, 25e-3,  50e-3,  100e-3,
                                   250e-3, 500e-3, 1.0,   2.5,   5.0,    10.0};
constexpr double kAgeBounds[] = {1e-3, 2.5e-3, 5e-3, 10e-3, 25e-3, 50e-3, 100e-3, 250e-3, 500e-3,
                                 1,    2.5,    5,    10,    30,    60,    300,    900,    3600};
// Of operators' own histograms, whose unit is not known: a half decade each.
constexpr double kPluginBounds[] = {1e-6, 3e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 0.01,
                                    0.03, 0.1,  0.3,  1,    3,    10,   30,   100,  300,
                                    1e3,  3e3,  1e4,  3e4,  1e5,  3e5,  1e6};

constexpr std::string_view kPluginPrefix = "flowrun_plugin_";

bool is_provided_by_pipeline(std::string_view name) {
  return name == "memory_bytes" || name == "memory_limit_bytes" || name == "state_bytes";
}

bool is_provided_by_source(std::string_view name) {
  return name == "source_lag_rows" || name == "source_lag_bytes" || name == "source_lag_seconds";
}

// Prometheus: [a-zA-Z0-9_:]; the colon is kept for recording rules, so it goes too.
std::string plugin_family_name(std::string_view name) {
  std::string family(kPluginPrefix);
  for (const char character : name) {
    const bool allowed = (character >= 'a' && character <= 'z') ||
                         (character >= 'A' && character <= 'Z') ||
                         (character >= '0' && character <= '9');
    family.push_back(allowed ? character : '_');
  }
  return family;
}

}  // namespace

PluginMetric::PluginMetric(MetricKind metric_kind, std::string family_name)
    : kind(metric_kind), family(std::move(family_name)), histogram(kPluginBounds) {}

ComponentMetrics::ComponentMetrics(ComponentInfo component_info)
    : info(std::move(component_info)), batch_seconds(kBatchBounds), event_age(kAgeBounds) {}

void ComponentMetrics::record(std::uint64_t metric, double value) noexcept {
  if (metric == 0 || metric > n_plugin_metrics_.load(std::memory_order_acquire)) return;
  PluginMetric& found = *plugin_metrics_[metric - 1];
  switch (found.kind) {
    case MetricKind::kCounter:
      found.counter.add(value);
      break;
    case MetricKind::kGauge:
      found.gauge.set(value);
      break;
    case MetricKind::kHistogram:
      found.histogram.observe(value);
      break;
  }
}

std::optional<double> ComponentMetrics::plugin_gauge(std::string_view name) const {
  const std::string family = plugin_family_name(name);
  const std::size_t count = n_plugin_metrics_.load(std::memory_order_acquire);
  for (std::size_t index = 0; index < count; ++index) {
    const PluginMetric& known = *plugin_metrics_[index];
    if (known.family == family && known.kind == MetricKind::kGauge) return known.gauge.value();
  }
  return std::nullopt;
}

MetricsRegistry::Registration& MetricsRegistry::Registration::operator=(
    Registration&& other) noexcept {
  if (this != &other) {
    if (registry_ != nullptr) registry_->end(id_);
    registry_ = std::exchange(other.registry_, nullptr);
    id_ = other.id_;
  }
  return *this;
}

MetricsRegistry::Registration::~Registration() {
  if (registry_ != nullptr) registry_->end(id_);
}

MetricsRegistry::MetricsRegistry(std::string pipeline, Build build)
    : name_(std::move(pipeline)),
      build_(std::move(build)),
      started_(std::chrono::steady_clock::now()) {}

MetricsRegistry::~MetricsRegistry() = default;

ComponentMetrics& MetricsRegistry::component(const ComponentInfo& info) {
  const std::lock_guard lock(mutex_);
  return component_locked(info);
}

ComponentMetrics& MetricsRegistry::component_locked(const ComponentInfo& info) {
  for (const auto& known : components_) {
    if (known->info.id == info.id) return *known;
  }
  return *components_.emplace_back(std::make_unique<ComponentMetrics>(info));
}

EdgeMetrics& MetricsRegistry::edge(const std::string& name) {
  const std::lock_guard lock(mutex_);
  return edges_[name];
}

void MetricsRegistry::add_plugin(const std::string& id, const std::string& version,
                                 const std::string& license, const std::string& file) {
  const std::lock_guard lock(mutex_);
  plugins_.push_back({id, version, license, file});
}

MetricsRegistry::Registration MetricsRegistry::provide(std::string_view name,
                                                       std::string_view component,
                                                       std::function<double()> value) {
  const bool known =
      component.empty() ? is_provided_by_pipeline(name) : is_provided_by_source(name);
  if (!known) {
    throw std::invalid_argument(
        "metrics: '" + std::string(name) + "' of " +
        (component.empty() ? "the pipeline" : "component '" + std::string(component) + "'") +
        " is not a value that can be provided");
  }
  const std::lock_guard lock(mutex_);
  provided_.push_back({++last_id_, std::string(name), std::string(component), std::move(value)});
  return Registration(this, last_id_);
}

MetricsRegistry::Registration MetricsRegistry::watch(const PipelineLedger& ledger) {
  const std::lock_guard lock(mutex_);
  watched_.push_back({++last_id_, &ledger});
  return Registration(this, last_id_);
}

void MetricsRegistry::end(std::uint64_t id) noexcept {
  const std::lock_guard lock(mutex_);
  std::erase_if(provided_, [id](const Provided& entry) { return entry.id == id; });
  std::erase_if(watched_, [id](const Watched& entry) { return entry.id == id; });
}

// A name means one kind everywhere, and a histogram x also owns x_bucket, x_sum and x_count.
bool MetricsRegistry::plugin_family_fits(const std::string& family, MetricKind kind) const {
  const auto same = plugin_families_.find(family);
  if (same != plugin_families_.end()) return same->second.kind == kind;
  for (const std::string suffix : {"_bucket", "_sum", "_count"}) {
    if (kind == MetricKind::kHistogram && plugin_families_.contains(family + suffix)) return false;
    if (family.size() > suffix.size() && family.ends_with(suffix)) {
      const auto stem = plugin_families_.find(family.substr(0, family.size() - suffix.size()));
      if (stem != plugin_families_.end() && stem->second.kind == MetricKind::kHistogram) {
        return false;
      }
    }
  }
  return true;
}

std::uint64_t MetricsRegistry::plugin_metric(ComponentMetrics& component, MetricKind kind,
                                             std::string_view name, std::string_view doc) {
  const std::string family = plugin_family_name(name);
  const std::lock_guard lock(mutex_);
  const std::size_t count = component.n_plugin_metrics_.load(std::memory_order_relaxed);
  for (std::size_t index = 0; index < count; ++index) {
    const PluginMetric& known = *component.plugin_metrics_[index];
    if (known.family == family && known.kind == kind) return index + 1;
  }
  if (!plugin_family_fits(family, kind)) {
    log::warning("Metric refused: its name is in use for a metric of another kind.",
                 {{"component", component.info.id}, {"metric", family}});
    return 0;
  }
  if (count >= kMaxPluginMetrics) {
    log::warning("Metric refused: the component has as many metrics as it may have.",
                 {{"component", component.info.id}, {"metric", family}, {"limit", count}});
    return 0;
  }
  plugin_families_.try_emplace(family, PluginFamily{kind, std::string(doc)});
  component.plugin_metrics_[count] = std::make_unique<PluginMetric>(kind, family);
  component.n_plugin_metrics_.store(count + 1, std::memory_order_release);
  return count + 1;
}

}  // namespace flowrun
