#include "core/cli/line_errors.hpp"

#include <fmt/core.h>

#include <cstdio>

#include "core/cli/command.hpp"
#include "core/config/one_line.hpp"
#include "core/graph/known_schemas.hpp"
#include "core/graph/trial.hpp"

namespace flowrun::cli {

void check_schemas(const BoundPipeline& pipeline, const std::string& document) {
  Diagnostics found;
  const Trial trial(pipeline);
  infer_schemas(pipeline, trial, found, [&](const std::string&) { return document; });
  found.throw_if_errors();
}

void print_with_carets(const ConfigurationError& error, std::string_view file,
                       std::string_view line,
                       const std::function<std::size_t(const Place&)>& position) {
  for (const Diagnostic& diagnostic : error.diagnostics()) {
    if (diagnostic.severity == Severity::kWarning) continue;
    if (diagnostic.place.file != file || diagnostic.place.line == 0) {
      complain(diagnostic.to_string());
      continue;
    }
    Diagnostic placeless = diagnostic;
    placeless.place = {};
    complain(placeless.to_string());
    fmt::print(stderr, "{}", with_caret(line, position(diagnostic.place)));
  }
}

}  // namespace flowrun::cli
