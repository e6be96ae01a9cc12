// flowrun expr: an expression, tried on lines of JSON.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/cli/command.hpp"
#include "core/cli/command_run.hpp"
#include "core/cli/exit_code.hpp"
#include "core/cli/line_errors.hpp"
#include "core/cli/tool_sinks.hpp"
#include "core/config/loader.hpp"
#include "core/observe/row_text.hpp"
#include "core/observe/text.hpp"

namespace flowrun::cli {
namespace {

constexpr const char* kExpression = "expression";
constexpr const char* kComputed = "value";
// The expression as a literal TOML string, for places inside of it.
constexpr std::string_view kQuotes = "'''";

struct ExprOptions {
  std::string expression;
  std::string file;
  std::vector<std::filesystem::path> plugin_path;
  bool json = false;
};

Value text_value(std::string text) { return {{}, std::move(text)}; }

Member member(std::string name, Value value) { return {std::move(name), {}, std::move(value)}; }

ComponentSpecification component(flow_kind kind, const char* id, const char* type) {
  ComponentSpecification made;
  made.kind = kind;
  made.id = id;
  made.type.value = type;
  return made;
}

InputSpecification reads(const char* id) { return {"", {}, {InputReference{id, "", {}}}}; }

// stdin or the file -> json -> compute -> the command.
void add_components(const ExprOptions& options, PipelineSpecification& specification) {
  const bool from_stdin = options.file.empty();
  ComponentSpecification source = component(FLOW_SOURCE, "lines", from_stdin ? "stdin" : "file");
  if (!from_stdin) source.options.push_back(member("path", text_value(options.file)));
  source.decoding = CodecSpecification{{"json", {}}, {}, {}};
  specification.components.push_back(std::move(source));

  ComponentSpecification compute = component(FLOW_TRANSFORM, "compute", "compute");
  compute.inputs.push_back(reads("lines"));
  Value expression = text_value(options.expression);
  expression.place = {kExpression, 1, 1};
  Value fields;
  fields.data = Value::Table{member(kComputed, std::move(expression))};
  compute.options.push_back(member("fields", std::move(fields)));
  specification.components.push_back(std::move(compute));

  specification.components.push_back(
      tool_sink(kRowsSink, "shown", InputReference{"compute", "", {}}));
}

void show(const flow::Batch& batch, bool json) {
  for (std::uint32_t i = 0; i < batch.column_count(); ++i) {
    const flow_field& field = *batch.schema().fields[i];
    if (std::string_view(field.name) != kComputed) continue;
    const std::string type = type_text(field);
    for (std::int64_t row = 0; row < batch.rows(); ++row) {
      std::string text;
      append_json(text, batch.column(i), field, row);
      if (json) {
        fmt::print("{{\"value\":{},\"type\":\"{}\"}}\n", text, type);
      } else {
        fmt::print("{}  ({})\n", text, type);
      }
    }
  }
  std::fflush(stdout);
}

int expr(const ExprOptions& options) {
  const ReceivingRows receiving([&](const flow::Batch& batch) { show(batch, options.json); });
  const std::string document = std::string(kQuotes).append(options.expression).append(kQuotes);
  ToolRun tool;
  tool.parallelism = 1;
  tool.refuse = [&](const ConfigurationError& error) {
    print_with_carets(error, kExpression, options.expression, [](const Place& place) {
      return place.column > kQuotes.size() ? place.column - 1 - kQuotes.size() : 0;
    });
  };
  tool.load = [&] {
    Diagnostics found;
    PipelineSpecification read =
        parse_pipeline("[pipeline]\nname = \"expr\"\non_error = \"drop\"\n", "expr", found);
    // That it has no components so far is what this command is for.
    LoadedPipeline loaded =
        load_changed_pipeline(std::move(read), {}, options.plugin_path,
                              [&](PipelineSpecification& specification, const Registry&,
                                  Diagnostics&) { add_components(options, specification); });
    check_schemas(loaded.bound, document);
    return loaded;
  };
  return run_tool(tool);
}

}  // namespace

void add_expr(CLI::App& program, int& exit_code) {
  CLI::App* command = program.add_subcommand("expr", "Try an expression on lines of JSON");
  auto options = std::make_shared<ExprOptions>();
  command->add_option("EXPR", options->expression, "As filter and compute take it")
      ->required()
      ->option_text(" ");
  command->add_option("FILE", options->file, "One JSON object a line; without it stdin is read")
      ->option_text(" ");
  command->add_flag("--json", options->json, "One JSON object a line, with value and type");
  add_plugin_path(*command, options->plugin_path);
  command->footer(
      "Prints the value for each line, and its type. A mistake in the expression is shown with a\n"
      "caret. Lines that are no JSON objects are told on stderr and left out.\n\n"
      "Examples:\n"
      "  echo '{\"bytes\": 2048}' | flowrun expr 'bytes / 1024'\n"
      "  flowrun expr 'upper(name)' people.ndjson\n");
  command->callback([options, &exit_code] { exit_code = expr(*options); });
}

}  // namespace flowrun::cli
