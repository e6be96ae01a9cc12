#include "core/cli/environment_check.hpp"

#include <exception>

namespace flowrun::cli {
namespace {

bool has_option_problem(const Trial& trial, std::size_t index) {
  const std::optional<MadeComponent> codec = trial.codec_of(index);
  return trial.operator_of(index).host->option_problem().has_value() ||
         (codec && codec->host->option_problem().has_value());
}

}  // namespace

std::vector<std::string> environment_problems(const BoundPipeline& pipeline, Trial& trial) {
  std::vector<std::string> problems;
  for (const std::size_t index : pipeline.order) {
    if (has_option_problem(trial, index)) continue;
    try {
      trial.open(index);
    } catch (const std::exception& problem) {
      problems.emplace_back(problem.what());
    }
  }
  return problems;
}

}  // namespace flowrun::cli
