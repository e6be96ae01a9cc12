#include "core/observe/metrics.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <ctime>
#include <limits>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/observe/log.hpp"

namespace flowrun::metrics_test {
namespace {

class MetricsTest : public testing::Test {
 protected:
  MetricsTest() {
    log::redirect([this](std::string_view line) { log_text_ += line; });
  }
  ~MetricsTest() override { log::redirect(nullptr); }

  // The text behind a sample's name and labels; empty where there is none.
  std::string sample(const std::string& name_and_labels) {
    std::istringstream lines(registry_.text());
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with(name_and_labels + " ")) return line.substr(name_and_labels.size() + 1);
    }
    return "";
  }

  MetricsRegistry registry_{"weblogs", {"0.1.0", "GNU 12.2.0", "Release", "1.0"}};
  PipelineLedger ledger_;
  const ComponentInfo source_{"log", "file", ComponentKind::kSource, {"out"}};
  const ComponentInfo parser_{"parsed", "parse", ComponentKind::kTransform, {"out", "errors"}};
  const ComponentInfo window_{"hourly", "tumbling", ComponentKind::kWindow, {"out", "late"}};
  const ComponentInfo file_sink_{"index", "file", ComponentKind::kSink, {"errors"}};
  std::string log_text_;
};

constexpr char kParsed[] = R"(pipeline="weblogs",component="parsed",type="parse")";

std::string of_parsed(const std::string& name, const std::string& more = "") {
  return "flowrun_" + name + "{" + kParsed + (more.empty() ? "" : "," + more) + "}";
}

TEST_F(MetricsTest, NamesAreFrozen) {
  const std::vector<std::string_view> frozen = {"flowrun_component_rows_in_total",
                                                "flowrun_component_rows_out_total",
                                                "flowrun_component_batches_in_total",
                                                "flowrun_component_batches_out_total",
                                                "flowrun_component_bytes_in_total",
                                                "flowrun_component_bytes_out_total",
                                                "flowrun_component_created_rows_total",
                                                "flowrun_component_delivered_rows_total",
                                                "flowrun_component_absorbed_rows_total",
                                                "flowrun_component_errors_total",
                                                "flowrun_component_dropped_rows_total",
                                                "flowrun_component_busy_seconds_total",
                                                "flowrun_component_batch_seconds",
                                                "flowrun_edge_blocked_seconds_total",
                                                "flowrun_edge_queued_rows",
                                                "flowrun_memory_bytes",
                                                "flowrun_memory_limit_bytes",
                                                "flowrun_state_bytes",
                                                "flowrun_source_lag_rows",
                                                "flowrun_source_lag_bytes",
                                                "flowrun_source_lag_seconds",
                                                "flowrun_source_drift_wait_seconds_total",
                                                "flowrun_event_age_seconds",
                                                "flowrun_watermark_timestamp_seconds",
                                                "flowrun_key_instance_rows_total",
                                                "flowrun_key_group_share",
                                                "flowrun_window_late_rows_total",
                                                "flowrun_checkpoint_last_success_timestamp_seconds",
                                                "flowrun_checkpoint_last_duration_seconds",
                                                "flowrun_checkpoint_failures_total",
                                                "flowrun_dead_letter_rows_total",
                                                "flowrun_unaccounted_rows",
                                                "flowrun_config_last_reload_successful",
                                                "flowrun_plugin_info",
                                                "flowrun_build_info",
                                                "flowrun_process_start_time_seconds",
                                                "flowrun_uptime_seconds"};
  EXPECT_EQ(std::vector<std::string_view>(metric_names().begin(), metric_names().end()), frozen);
}

TEST_F(MetricsTest, EveryNameHasAValueFromTheFirstScrape) {
  for (const ComponentInfo& info : {source_, parser_, window_, file_sink_})
    ledger_.add_component(info);
  ledger_.add_edge("log -> parsed");
  registry_.add_plugin("org.flowrun.std", "1.0.0", "Apache-2.0", "std.so");
  registry_.component(window_).key_skew.set_instances(2);  // as the engine does for a keyed one
  const auto watch = registry_.watch(ledger_);
  const std::string page = "\n" + registry_.text();
  for (const std::string_view name : metric_names()) {
    const std::string start = "\n" + std::string(name);
    EXPECT_TRUE(page.find(start + "{") != std::string::npos ||
                page.find(start + "_bucket{") != std::string::npos)
        << name << " has no sample";
    EXPECT_NE(page.find("\n# HELP " + std::string(name) + " "), std::string::npos) << name;
  }
  EXPECT_EQ(sample(of_parsed("component_rows_in_total")), "0");
  EXPECT_EQ(sample(of_parsed("component_errors_total", R"(reason="other")")), "0");
  EXPECT_EQ(sample(of_parsed("component_rows_out_total", R"(port="errors")")), "0");
}

TEST_F(MetricsTest, LedgerAndMetricsAgree) {
  ComponentLedger& parsed = ledger_.add_component(parser_);
  ComponentLedger& sink = ledger_.add_component(file_sink_);
  EdgeLedger& edge = ledger_.add_edge("log -> parsed");
  auto watch = registry_.watch(ledger_);
  LedgerDelta step;
  step.input_taken(10, 1000);
  step.emitted(0, 6, 700, 0);
  step.emitted(1, 3, 300, 0, LedgerDelta::Outcome::kNothing);
  step.failed("bad_time", 3);
  step.dropped("empty", 1);
  parsed.publish(step);
  step.reset();
  step.input_taken(6, 700);
  step.delivered(5);
  sink.publish(step);
  const QueuedRows waiting = edge.send(7, 70);

  EXPECT_EQ(sample(of_parsed("component_rows_in_total")), "10");
  EXPECT_EQ(sample(of_parsed("component_batches_in_total")), "1");
  EXPECT_EQ(sample(of_parsed("component_bytes_in_total")), "1000");
  EXPECT_EQ(sample(of_parsed("component_bytes_out_total")), "1000");
  EXPECT_EQ(sample(of_parsed("component_rows_out_total", R"(port="out")")), "6");
  EXPECT_EQ(sample(of_parsed("component_rows_out_total", R"(port="errors")")), "3");
  EXPECT_EQ(sample(of_parsed("component_errors_total", R"(reason="bad_time")")), "3");
  EXPECT_EQ(sample(of_parsed("component_dropped_rows_total", R"(reason="empty")")), "1");
  EXPECT_EQ(sample(R"(flowrun_component_delivered_rows_total{pipeline="weblogs",)"
                   R"(component="index",type="file"})"),
            "5");
  EXPECT_EQ(sample(R"(flowrun_edge_queued_rows{pipeline="weblogs",edge="log -> parsed"})"), "7");
  EXPECT_EQ(sample(R"(flowrun_unaccounted_rows{pipeline="weblogs"})"), "1");

  watch = {};
  EXPECT_EQ(sample(R"(flowrun_unaccounted_rows{pipeline="weblogs"})"), "0");
  EXPECT_EQ(sample(of_parsed("component_rows_in_total")), "") << "the ledger is watched no more";
}

TEST_F(MetricsTest, HandlesAreSharedByNameAndShowUp) {
  ComponentMetrics& parsed = registry_.component(parser_);
  EXPECT_EQ(&registry_.component(parser_), &parsed);
  parsed.batch_seconds.observe(0.125);
  parsed.batch_seconds.observe(0.125);
  parsed.watermark_timestamp.set(1761646530.5);
  EXPECT_EQ(&registry_.edge("a -> b"), &registry_.edge("a -> b"));
  registry_.edge("a -> b").blocked_seconds.add(1.5);
  registry_.pipeline().dead_letter_rows.add(4);
  EXPECT_EQ(sample(of_parsed("component_busy_seconds_total")), "0.25");
  EXPECT_EQ(sample(of_parsed("watermark_timestamp_seconds")), "1761646530.5");
  EXPECT_EQ(sample(R"(flowrun_edge_blocked_seconds_total{pipeline="weblogs",edge="a -> b"})"),
            "1.5");
  EXPECT_EQ(sample(R"(flowrun_dead_letter_rows_total{pipeline="weblogs"})"), "4");
}

TEST_F(MetricsTest, HistogramBucketsAreCumulativeAndBoundsInclusive) {
  Histogram& times = registry_.component(parser_).batch_seconds;
  times.observe(5e-6);
  times.observe(6e-6, 2);
  times.observe(11);
  times.observe(std::numeric_limits<double>::quiet_NaN());
  EXPECT_EQ(sample(of_parsed("component_batch_seconds_bucket", R"(le="5e-06")")), "1");
  EXPECT_EQ(sample(of_parsed("component_batch_seconds_bucket", R"(le="1e-05")")), "3");
  EXPECT_EQ(sample(of_parsed("component_batch_seconds_bucket", R"(le="10")")), "3");
  EXPECT_EQ(sample(of_parsed("component_batch_seconds_bucket", R"(le="+Inf")")), "4");
  EXPECT_EQ(sample(of_parsed("component_batch_seconds_count")), "4");
  EXPECT_NEAR(times.sum(), 11.000017, 1e-9);
}

TEST_F(MetricsTest, ProvidedValuesLastAsLongAsTheirRegistration) {
  const std::string memory = R"(flowrun_memory_bytes{pipeline="weblogs"})";
  EXPECT_EQ(sample(memory), "0");
  {
    const auto old_one = registry_.provide("memory_bytes", "", [] { return 1.0; });
    auto new_one = registry_.provide("memory_bytes", "", [] { return 2.0; });
    EXPECT_EQ(sample(memory), "2") << "the newest counts";
    new_one = {};
    EXPECT_EQ(sample(memory), "1");
  }
  EXPECT_EQ(sample(memory), "0");

  registry_.component(source_);
  const auto lag = registry_.provide("source_lag_bytes", "log", [] { return 512.0; });
  const std::string of_log = R"({pipeline="weblogs",component="log",type="file"})";
  EXPECT_EQ(sample("flowrun_source_lag_bytes" + of_log), "512");
  EXPECT_EQ(sample("flowrun_source_lag_rows" + of_log), "0");
}

TEST_F(MetricsTest, ProviderThatThrowsSpoilsItsOwnValueOnly) {
  const auto bad =
      registry_.provide("state_bytes", "", []() -> double { throw std::runtime_error("gone"); });
  EXPECT_EQ(sample(R"(flowrun_state_bytes{pipeline="weblogs"})"), "Nan");
  EXPECT_EQ(sample(R"(flowrun_memory_bytes{pipeline="weblogs"})"), "0");
}

TEST_F(MetricsTest, OnlyValuesOfTheRuntimeCanBeProvided) {
  const auto one = [] { return 1.0; };
  EXPECT_THROW((void)registry_.provide("rows", "", one), std::invalid_argument);
  EXPECT_THROW((void)registry_.provide("memory_bytes", "parsed", one), std::invalid_argument);
  EXPECT_THROW((void)registry_.provide("source_lag_rows", "", one), std::invalid_argument);
}

TEST_F(MetricsTest, OperatorsOwnMetricsAreExportedUnderTheirPrefix) {
  ComponentMetrics& parsed = registry_.component(parser_);
  const auto hits =
      registry_.plugin_metric(parsed, MetricKind::kCounter, "cache hits%", "Hits.\nSecond\\line");
  ASSERT_NE(hits, 0u);
  EXPECT_EQ(registry_.plugin_metric(parsed, MetricKind::kCounter, "cache hits%", ""), hits);
  const auto size = registry_.plugin_metric(parsed, MetricKind::kGauge, "cache_size", "Entries.");
  const auto wait = registry_.plugin_metric(parsed, MetricKind::kHistogram, "wait", "Seconds.");
  parsed.record(hits, 2);
  parsed.record(hits, 3);
  parsed.record(size, 9);
  parsed.record(size, 7);
  parsed.record(wait, 0.002);
  parsed.record(0, 1);
  parsed.record(12345, 1);
  EXPECT_EQ(sample(of_parsed("plugin_cache_hits_")), "5");
  EXPECT_EQ(sample(of_parsed("plugin_cache_size")), "7");
  EXPECT_EQ(sample(of_parsed("plugin_wait_count")), "1");
  EXPECT_EQ(sample("# HELP flowrun_plugin_cache_hits_"), R"(Hits.\\nSecond\\line)");
  EXPECT_EQ(sample("# TYPE flowrun_plugin_cache_hits_"), "counter");
}

TEST_F(MetricsTest, OneNameIsOneKindInAllComponents) {
  ComponentMetrics& parsed = registry_.component(parser_);
  ComponentMetrics& sink = registry_.component(file_sink_);
  ASSERT_NE(registry_.plugin_metric(parsed, MetricKind::kCounter, "retries", ""), 0u);
  EXPECT_NE(registry_.plugin_metric(sink, MetricKind::kCounter, "retries", ""), 0u);
  EXPECT_EQ(registry_.plugin_metric(sink, MetricKind::kGauge, "retries", ""), 0u);
  ASSERT_NE(registry_.plugin_metric(parsed, MetricKind::kHistogram, "wait", ""), 0u);
  EXPECT_EQ(registry_.plugin_metric(sink, MetricKind::kCounter, "wait_count", ""), 0u);
  EXPECT_NE(log_text_.find("of another kind"), std::string::npos);
}

TEST_F(MetricsTest, MetricsBeyondTheLimitAreRefusedAndLogged) {
  ComponentMetrics& parsed = registry_.component(parser_);
  for (std::size_t index = 0; index < kMaxPluginMetrics; ++index) {
    EXPECT_NE(registry_.plugin_metric(parsed, MetricKind::kGauge, "g" + std::to_string(index), ""),
              0u);
  }
  EXPECT_TRUE(log_text_.empty());
  EXPECT_EQ(registry_.plugin_metric(parsed, MetricKind::kGauge, "one_more", ""), 0u);
  EXPECT_NE(log_text_.find("flowrun_plugin_one_more"), std::string::npos);
  EXPECT_NE(registry_.plugin_metric(parsed, MetricKind::kGauge, "g7", ""), 0u);
}

TEST_F(MetricsTest, BuildAndPluginsAreDescribedByLabels) {
  registry_.add_plugin("com.acme.\"filters\"", "1.2.3", "MIT", "plugins/acme.so");
  EXPECT_EQ(sample(R"(flowrun_build_info{pipeline="weblogs",version="0.1.0",)"
                   R"(compiler="GNU 12.2.0",build_type="Release",abi="1.0"})"),
            "1");
  EXPECT_EQ(sample(R"(flowrun_plugin_info{pipeline="weblogs",plugin="com.acme.\"filters\"",)"
                   R"(version="1.2.3",license="MIT",file="plugins/acme.so"})"),
            "1");
}

TEST_F(MetricsTest, ProcessStartIsInTheRecentPast) {
  const double start =
      std::stod(sample(R"(flowrun_process_start_time_seconds{pipeline="weblogs"})"));
  const auto now = static_cast<double>(std::time(nullptr));
  EXPECT_LE(start, now + 2);
  EXPECT_GT(start, now - 3600);
  EXPECT_GE(std::stod(sample(R"(flowrun_uptime_seconds{pipeline="weblogs"})")), 0);
}

TEST_F(MetricsTest, ScrapesRunBesideWorkers) {
  ComponentLedger& parsed = ledger_.add_component(parser_);
  const auto watch = registry_.watch(ledger_);
  std::atomic<bool> stop{false};
  std::thread worker([&] {
    ComponentMetrics& metrics = registry_.component(parser_);
    const auto hits = registry_.plugin_metric(metrics, MetricKind::kCounter, "hits", "Hits.");
    LedgerDelta step;
    while (!stop) {
      step.input_taken(3, 30);
      step.failed("bad_time");
      step.absorbed(2);
      parsed.publish(step);
      step.reset();
      metrics.batch_seconds.observe(1e-5);
      metrics.record(hits, 1);
    }
  });
  for (int scrape = 0; scrape < 50; ++scrape) {
    EXPECT_EQ(sample(R"(flowrun_unaccounted_rows{pipeline="weblogs"})"), "0");
  }
  stop = true;
  worker.join();
}

}  // namespace
}  // namespace flowrun::metrics_test
