// A pipeline file -> PipelineSpecification.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/documents.hpp"
#include "core/config/parameters.hpp"
#include "core/config/specification.hpp"
#include "core/config/variables.hpp"

namespace flowrun {

inline constexpr std::size_t kLargestPipelineFile = std::size_t{4} << 20;

struct LoadSettings {
  // Where variables in the file come from, except PIPELINE_DIR, which is the absolute folder of the
  // file that they stand in, whatever the environment says.
  VariableLookup variables = environment_variable;
  // What --set says, in its order.
  std::vector<ParameterSetting> parameters;
  // Reads the files that `include` names.
  FileReader read = read_file_text;
};

// Reads and checks all that can be checked without knowing any operator: the form, the settings,
// that ids are unique, that inputs exist and make no cycle. Problems go to `found`, and what could
// be read is returned, so that bind() can add its own. Thrown as ConfigurationError is only what
// the rest cannot be judged without: a file that cannot be read, a syntax error, and, together,
// everything that is wrong with includes and parameters.
PipelineSpecification load_pipeline(const std::filesystem::path& file, Diagnostics& found,
                                    const LoadSettings& settings = {});

// The same for a text; `file` is what places name and where the default name and PIPELINE_DIR come
// from.
PipelineSpecification parse_pipeline(std::string_view text, const std::filesystem::path& file,
                                     Diagnostics& found, const LoadSettings& settings = {});

// Keys that every component of a kind takes beside the options of its operator.
std::vector<std::string> common_keys(flow_kind kind);

}  // namespace flowrun
