// A pipeline file -> PipelineSpecification.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "core/config/specification.hpp"
#include "core/config/variables.hpp"

namespace flowrun {

inline constexpr std::size_t kLargestPipelineFile = std::size_t{4} << 20;

struct LoadSettings {
  // Where variables in the file come from, except PIPELINE_DIR, which is the absolute folder of the
  // file whatever the environment says.
  VariableLookup variables = environment_variable;
};

// Reads and checks all that can be checked without knowing any operator: the form, the settings,
// that ids are unique, that inputs exist and make no cycle. Problems go to `found`, and what could
// be read is returned, so that bind() can add its own; only a file that cannot be read and a syntax
// error, which stand alone, are thrown as ConfigurationError.
PipelineSpecification load_pipeline(const std::filesystem::path& file, Diagnostics& found,
                                    const LoadSettings& settings = {});

// The same for a text; `file` is what places name and where the default name and PIPELINE_DIR come
// from.
PipelineSpecification parse_pipeline(std::string_view text, const std::filesystem::path& file,
                                     Diagnostics& found, const LoadSettings& settings = {});

// Keys that every component of a kind takes beside the options of its operator.
std::vector<std::string> common_keys(flow_kind kind);

}  // namespace flowrun
