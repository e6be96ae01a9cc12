// The pipelines that `flowrun new pipeline` begins with.
#pragma once

#include <span>
#include <string_view>

namespace flowrun::cli {

// The text holds @NAME@ where the pipeline's name belongs. It is laid out as `flowrun fmt` does.
struct PipelineTemplate {
  std::string_view name;
  std::string_view summary;
  std::string_view text;
};

// The first one is taken where none is named.
std::span<const PipelineTemplate> pipeline_templates();

}  // namespace flowrun::cli
