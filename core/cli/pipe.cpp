// flowrun pipe: a pipeline in one line.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/cli/command.hpp"
#include "core/cli/command_run.hpp"
#include "core/cli/exit_code.hpp"
#include "core/cli/line_errors.hpp"
#include "core/config/loader.hpp"
#include "core/config/names.hpp"
#include "core/config/one_line.hpp"
#include "core/plugin/search_path.hpp"

namespace flowrun::cli {
namespace {

struct PipeOptions {
  std::string line;
  std::vector<std::filesystem::path> plugin_path;
  std::string dead_letter;
  int parallelism = 0;
  bool print = false;
};

OneLineStage implied(const char* type, flow_kind kind, std::size_t at) {
  OneLineStage stage;
  stage.type = type;
  stage.kind = kind;
  stage.at = at;
  return stage;
}

// Says what each stage is by its place: a source first, a sink last. Where one of the two is left
// out, it is stdin or stdout.
class Kinds {
 public:
  explicit Kinds(const Registry& registry) : registry_(registry) {}

  void choose(std::vector<OneLineStage>& stages, std::size_t line_end) const {
    if (!is(stages.front(), FLOW_SOURCE) && works(stages.front()) &&
        registry_.find(FLOW_SOURCE, "stdin") != nullptr) {
      stages.insert(stages.begin(), implied("stdin", FLOW_SOURCE, stages.front().at));
    }
    const bool has_sink = stages.size() > 1 && is(stages.back(), FLOW_SINK);
    if (!has_sink && (stages.size() == 1 ? is(stages.back(), FLOW_SOURCE) : works(stages.back())) &&
        registry_.find(FLOW_SINK, "stdout") != nullptr) {
      stages.push_back(implied("stdout", FLOW_SINK, line_end));
    }
    for (std::size_t i = 0; i < stages.size(); ++i) {
      OneLineStage& stage = stages[i];
      if (i == 0) {
        need(stage, {FLOW_SOURCE}, "a pipeline begins with a source");
      } else if (i + 1 == stages.size()) {
        need(stage, {FLOW_SINK}, "a pipeline ends with a sink");
      } else {
        need(stage, {FLOW_TRANSFORM, FLOW_WINDOW}, "between source and sink stand transforms");
      }
    }
  }

 private:
  bool is(const OneLineStage& stage, flow_kind kind) const {
    return registry_.find(kind, stage.type) != nullptr;
  }
  bool works(const OneLineStage& stage) const {
    return is(stage, FLOW_TRANSFORM) || is(stage, FLOW_WINDOW);
  }
  void need(OneLineStage& stage, std::initializer_list<flow_kind> kinds, const char* rule) const {
    std::vector<std::string> names;
    for (const flow_kind kind : kinds) {
      if (is(stage, kind)) {
        stage.kind = kind;
        return;
      }
      for (const OfferedOperator& offered : registry_.operators()) {
        if (offered.descriptor->kind == kind) names.emplace_back(offered.descriptor->name);
      }
    }
    for (const flow_kind other :
         {FLOW_SOURCE, FLOW_TRANSFORM, FLOW_WINDOW, FLOW_SINK, FLOW_CODEC}) {
      if (is(stage, other)) {
        fail_in_line(stage.at, quote(stage.type) + " is a " + std::string(kind_name(other)), rule);
      }
    }
    std::string remedy = did_you_mean(stage.type, names);
    if (remedy.empty()) {
      std::vector<std::string> all;
      for (const OfferedOperator& offered : registry_.operators()) {
        all.emplace_back(offered.descriptor->name);
      }
      remedy = did_you_mean(stage.type, all);
    }
    if (remedy.empty()) remedy = "there are " + enumerate(names);
    fail_in_line(stage.at, "there is no operator " + quote(stage.type), std::move(remedy));
  }

  const Registry& registry_;
};

// The codec that a file's name speaks of, if there is one; lines and json, which every component
// has unless it is told otherwise, need no mention.
void choose_codec(OneLineStage& stage, const Registry& registry) {
  const bool source = stage.kind == FLOW_SOURCE;
  const char* key = source ? "decoding" : "encoding";
  const OneLineSetting* path = stage.find("path");
  const OfferedOperator* offered = registry.find(stage.kind, stage.type);
  if (path == nullptr || stage.find(key) != nullptr || offered == nullptr ||
      (offered->descriptor->traits & FLOW_BYTES) == 0) {
    return;
  }
  std::string name = path->toml;
  name.erase(std::remove_if(name.begin(), name.end(), [](char c) { return c == '"' || c == '\''; }),
             name.end());
  std::filesystem::path file(name);
  if (file.extension() == ".gz" || file.extension() == ".zst") file = file.stem();
  const std::string extension = file.extension().string();
  std::string codec;
  if (extension == ".csv" || extension == ".logfmt") codec = extension.substr(1);
  if (extension == ".json" || extension == ".ndjson" || extension == ".jsonl") codec = "json";
  if (codec.empty() || registry.find(FLOW_CODEC, codec) == nullptr) return;
  if (!source && codec == "json") return;
  stage.settings.push_back({key, '"' + codec + '"', path->name_at, path->value_at, true});
}

std::string head_of(const PipeOptions& options) {
  std::string head = "name = \"pipe\"\n";
  if (options.dead_letter.empty()) return head + "on_error = \"drop\"\n";
  return head + "dead_letter = '" + options.dead_letter + "'\n";
}

int pipe(const PipeOptions& options) {
  std::optional<OneLineFile> file;
  const auto position = [&](const Place& place) {
    return file ? file->position_of(place) : std::size_t{place.column - 1};
  };
  const auto read = [&] {
    std::vector<OneLineStage> stages = parse_one_line(options.line);
    Registry registry(plugin_search_folders(options.plugin_path));
    registry.load_all();
    Kinds(registry).choose(stages, options.line.size());
    for (OneLineStage& stage : stages) choose_codec(stage, registry);
    file.emplace(stages, head_of(options));
  };
  const auto refuse = [&](const ConfigurationError& error) {
    print_with_carets(error, kOneLine, options.line, position);
  };
  if (options.print) {
    try {
      read();
    } catch (const ConfigurationError& error) {
      refuse(error);
      return kConfigurationError;
    }
    fmt::print("{}", file->toml());
    return kSuccess;
  }
  ToolRun tool;
  tool.parallelism = options.parallelism;
  tool.refuse = refuse;
  tool.load = [&] {
    read();
    Diagnostics found;
    PipelineSpecification specification = parse_pipeline(file->toml(), kOneLine, found);
    LoadedPipeline loaded =
        load_changed_pipeline(std::move(specification), std::move(found), options.plugin_path,
                              [](PipelineSpecification&, const Registry&, Diagnostics&) {});
    check_schemas(loaded.bound, file->toml());
    return loaded;
  };
  return run_tool(tool);
}

}  // namespace

void add_pipe(CLI::App& program, int& exit_code) {
  CLI::App* command = program.add_subcommand("pipe", "Run a pipeline that is written in one line");
  auto options = std::make_shared<PipeOptions>();
  command->add_option("LINE", options->line, "OPERATOR NAME=VALUE ... ! OPERATOR ... ! ...")
      ->required()
      ->option_text(" ");
  command->add_flag("--print", options->print, "Print the pipeline file that it stands for");
  command
      ->add_option("--dead-letter", options->dead_letter,
                   "Keep the rows that fail in this file; without it they are counted and dropped")
      ->option_text("FILE");
  command
      ->add_option("--parallelism", options->parallelism, "Worker threads; by default one a core")
      ->check(CLI::Range(1, 1024))
      ->option_text("N");
  add_plugin_path(*command, options->plugin_path);
  command->footer(
      "Operators are separated by ' ! '. A value is a TOML text, number, boolean, array or inline\n"
      "table; any other word is a text. A line that ends without a sink goes to stdout, one that\n"
      "begins without a source reads stdin. Files called .json, .ndjson, .jsonl, .csv or .logfmt\n"
      "(also with .gz or .zst behind) get that codec unless decoding=... or encoding=... says\n"
      "otherwise.\n\n"
      "Examples:\n"
      "  flowrun pipe 'file path=access.log ! parse_access_log typed=true ! filter "
      "where=\"response >= 500\"'\n"
      "  flowrun pipe 'generate dataset=sensors rows=5 ! keep fields=[\"sensor\"] ! stdout'\n"
      "  flowrun pipe --print 'generate ! parse_access_log ! file path=out.ndjson' > p.toml\n");
  command->callback([options, &exit_code] { exit_code = pipe(*options); });
}

}  // namespace flowrun::cli
