#include "core/cli/run_report.hpp"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iostream>
#include <vector>

#include "core/graph/plan.hpp"

namespace flowrun::cli {
namespace {

bool is_json(log::Format format) {
  return format == log::Format::kJson ||
         (format == log::Format::kAuto && isatty(STDERR_FILENO) == 0);
}

std::string plugin_list(const Registry& registry) {
  std::string list;
  for (const PluginLibrary* library : registry.libraries()) {
    const flow_plugin& plugin = library->plugin();
    list += (list.empty() ? "" : ", ") + library->file().stem().string() + ' ' + plugin.version;
  }
  return list;
}

void log_ledger(const PipelineLedger& ledger) {
  for (const ComponentLedger* component : ledger.components()) {
    const LedgerDelta totals = component->totals();
    log::info("Ledger of a component.", {{"component", component->info().id},
                                         {"type", component->info().type},
                                         {"in", totals.rows.in},
                                         {"passed", totals.rows.passed},
                                         {"created", totals.rows.created},
                                         {"dropped", totals.rows.dropped},
                                         {"failed", totals.rows.failed},
                                         {"late", totals.rows.late},
                                         {"absorbed", totals.rows.absorbed},
                                         {"unaccounted", totals.rows.difference()}});
  }
  for (const EdgeLedger* edge : ledger.edges()) {
    const EdgeCounts counts = edge->counts();
    if (counts.sent.rows == counts.received.rows) continue;
    log::warning(
        "Rows were left on an edge.",
        {{"edge", edge->name()}, {"sent", counts.sent.rows}, {"received", counts.received.rows}});
  }
}

double two_decimals(double number) { return std::round(number * 100) / 100; }

}  // namespace

void announce(const LoadedPipeline& loaded, int parallelism, const std::string& admin_address) {
  const PipelineSpecification& specification = loaded.bound.specification;
  const bool has_dead_letters = specification.find(kDeadLetterId) != nullptr;
  log::info("Pipeline starts.",
            {{"pipeline", specification.name.value},
             {"file", specification.place.file},
             {"version", FLOWRUN_VERSION},
             {"parallelism", parallelism},
             {"memory_limit", specification.memory_limit.value},
             {"dead_letter", has_dead_letters ? specification.dead_letter.value : "none"},
             {"admin", admin_address},
             {"plugins", plugin_list(loaded.registry)}});
}

void tell_notice(const std::string& notice, log::Format format) {
  if (notice.empty()) return;
  if (is_json(format)) {
    log::info("Input is read.", {{"notice", notice}});
    return;
  }
  log::info("Input is read.");
  std::cerr << notice << (notice.ends_with('\n') ? "" : "\n");
  std::cerr.flush();
}

void report_end(const Pipeline& pipeline, const RunResult& result, double seconds, bool stopped,
                log::Format format) {
  const PipelineLedger& ledger = pipeline.ledger();
  if (is_json(format)) {
    log_ledger(ledger);
  } else {
    ledger.print(std::cerr);
    std::cerr.flush();
  }
  const std::uint64_t rows = pipeline.progress().rows;
  const auto rate =
      static_cast<std::uint64_t>(std::llround(static_cast<double>(rows) / std::max(seconds, 1e-9)));
  const std::uint64_t unaccounted = ledger.unaccounted();
  std::vector<log::Field> fields = {{"rows", rows},
                                    {"seconds", two_decimals(seconds)},
                                    {"rows_per_second", rate},
                                    {"memory_peak", pipeline.memory_peak()},
                                    {"unaccounted_rows", unaccounted}};
  if (!result.message.empty()) fields.push_back({"reason", result.message});
  if (result.outcome != Outcome::kFinished) {
    fields.push_back({"rows_left_behind", result.rows_left});
  }
  switch (result.outcome) {
    case Outcome::kFailed:
      log::write(log::Level::kError, "Pipeline failed.", fields);
      return;
    case Outcome::kAborted:
      log::write(log::Level::kWarning, "Pipeline stopped before everything was delivered.", fields);
      return;
    case Outcome::kFinished:
      break;
  }
  if (unaccounted != 0) {
    log::write(log::Level::kError,
               "Rows are not accounted for: this is an error of flowrun or of a plugin.", fields);
  } else {
    log::write(log::Level::kInfo, stopped ? "Pipeline drained and stopped." : "Pipeline finished.",
               fields);
  }
}

}  // namespace flowrun::cli
