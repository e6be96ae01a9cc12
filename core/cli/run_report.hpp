// What a run says at its start and at its end.
#pragma once

#include <string>

#include "core/cli/loaded_pipeline.hpp"
#include "core/graph/pipeline.hpp"
#include "core/observe/log.hpp"

namespace flowrun::cli {

// One log line: who runs, where failed rows go, where to look.
void announce(const LoadedPipeline& loaded, int parallelism, const std::string& admin_address);

// The pipeline's notice to whoever runs it.
void tell_notice(const std::string& notice, log::Format format);

// The ledger, on stderr: a table, or, where the log is JSON, a log line for each component. Then
// what became of the run, as the last log line. `stopped`: by a signal.
void report_end(const Pipeline& pipeline, const RunResult& result, double seconds, bool stopped,
                log::Format format);

}  // namespace flowrun::cli
