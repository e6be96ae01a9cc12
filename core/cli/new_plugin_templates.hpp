// The texts of a new plugin project.
#pragma once

#include <array>
#include <string_view>

namespace flowrun::cli {

// Paths and contents hold @NAME@ (eg "rain_gauge"), @CLASS@ ("RainGauge") and @VERSION@ (of the
// SDK, major and minor) where those of the project belong.
struct TemplateFile {
  std::string_view path;
  std::string_view content;
};

extern const std::array<TemplateFile, 6> kPluginTemplates;

}  // namespace flowrun::cli
