// The run of a pipeline by one of the commands: what all of them have in common.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "core/cli/loaded_pipeline.hpp"
#include "core/cli/stop_control.hpp"
#include "core/graph/pipeline.hpp"
#include "core/observe/health.hpp"
#include "core/observe/metrics.hpp"

namespace flowrun::cli {

class CommandRun {
 public:
  // Opens nothing yet. `loaded` must outlive this.
  explicit CommandRun(const LoadedPipeline& loaded);

  MetricsRegistry& metrics() { return metrics_; }
  Health& health() { return health_; }
  // Opens every component. Throws std::runtime_error: the environment has not what one needs.
  Pipeline& open(RunSettings settings);
  // REQUIRES: open() was called.
  Pipeline& pipeline() { return *pipeline_; }

 private:
  const LoadedPipeline& loaded_;
  MetricsRegistry metrics_;
  Health health_;
  std::unique_ptr<Pipeline> pipeline_;
};

int exit_code_of(const RunResult& result, std::uint64_t unaccounted);

// For commands that are no `run`, and say themselves what came of it: loads with `load`, runs
// without an admin listener and without a progress line, tells why where it cannot, and calls
// `report` at the end. Signals stop it. The exit code.
struct ToolRun {
  int parallelism = 0;  // 0: as the file says
  std::function<LoadedPipeline()> load;
  // Before the run, eg: to remember the pipeline.
  std::function<void(CommandRun&)> prepare = [](CommandRun&) {};
  // Behind it.
  std::function<void(CommandRun&, double seconds)> report = [](CommandRun&, double) {};
  // Of what load() throws.
  std::function<void(const ConfigurationError&)> refuse;
};
int run_tool(const ToolRun& tool);

}  // namespace flowrun::cli
