#include "core/config/loader.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "core/config/pipeline_settings.hpp"

namespace flowrun::loader_test {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kWiring = R"(
[sources.a]
type = "file"
[sinks.z]
type = "file"
inputs = ["a"]
)";

class LoaderTest : public ::testing::Test {
 protected:
  PipelineSpecification parse(const std::string& text) {
    found_ = Diagnostics();
    LoadSettings settings;
    settings.variables = [](std::string_view name) -> std::optional<std::string> {
      if (name == "NAME") return "value";
      return std::nullopt;
    };
    return parse_pipeline(text, "/etc/pipes/p.toml", found_, settings);
  }

  // The file: the wiring above, with `text` in front of it.
  PipelineSpecification parse_with(const std::string& text) {
    return parse(text + std::string(kWiring));
  }

  // All messages, without the name of the file, one a line.
  std::string errors(const std::string& text) {
    parse(text);
    std::string lines;
    for (const Diagnostic& diagnostic : found_.sorted()) {
      const std::string line = diagnostic.to_string();
      lines += line.substr(line.find("p.toml:") + 7) + '\n';
    }
    return lines;
  }

  std::string errors_with(const std::string& text) { return errors(text + std::string(kWiring)); }

  Diagnostics found_;
};

TEST_F(LoaderTest, SettingsHaveDefaults) {
  const PipelineSpecification p = parse_with("");
  ASSERT_FALSE(found_.has_errors()) << found_.all()[0].to_string();
  EXPECT_EQ(p.name.value, "p");
  EXPECT_TRUE(p.plugins.empty());
  EXPECT_EQ(p.memory_limit.value, 256 << 20);
  EXPECT_EQ(p.state_limit.value, 1 << 30);
  EXPECT_EQ(p.in_flight.value, 16 << 20);
  EXPECT_EQ(p.parallelism.value, 0);
  EXPECT_EQ(p.batch_rows.value, 4096);
  EXPECT_EQ(p.drain_timeout.value, 30'000'000'000);
  EXPECT_EQ(p.max_drift.value, 60'000'000'000);
  EXPECT_FALSE(p.checkpoint);
  EXPECT_EQ(p.dead_letter.value, "p.rejected.ndjson");
  EXPECT_EQ(p.on_error.value, OnError::kDeadLetter);
  EXPECT_EQ(p.memory_limit.place.line, 0u);
}

TEST_F(LoaderTest, SettingsAreReadWithTheirPlaces) {
  const PipelineSpecification p = parse_with(R"([pipeline]
name = "weblogs"
plugins = ["weblog", "std"]
memory_limit = "64MiB"
state_limit = "2GiB"
in_flight = "8MiB"
parallelism = 3
batch_rows = 100
drain_timeout = "1m"
max_drift = "0s"
checkpoint = { path = "state/weblogs", interval = "5s" }
dead_letter = "out/bad.ndjson"
on_error = "stop"
)");
  ASSERT_FALSE(found_.has_errors()) << found_.all()[0].to_string();
  EXPECT_EQ(p.name.value, "weblogs");
  ASSERT_EQ(p.plugins.size(), 2u);
  EXPECT_EQ(p.plugins[1].value, "std");
  EXPECT_EQ(p.plugins[1].place.to_string(), "/etc/pipes/p.toml:3:22");
  EXPECT_EQ(p.memory_limit.value, 64 << 20);
  EXPECT_EQ(p.memory_limit.place.to_string(), "/etc/pipes/p.toml:4:16");
  EXPECT_EQ(p.state_limit.value, std::int64_t{2} << 30);
  EXPECT_EQ(p.in_flight.value, 8 << 20);
  EXPECT_EQ(p.parallelism.value, 3);
  EXPECT_EQ(p.batch_rows.value, 100);
  EXPECT_EQ(p.drain_timeout.value, 60'000'000'000);
  EXPECT_EQ(p.max_drift.value, 0);
  ASSERT_TRUE(p.checkpoint);
  EXPECT_EQ(p.checkpoint->path.value, "state/weblogs");
  EXPECT_EQ(p.checkpoint->interval.value, 5'000'000'000);
  EXPECT_EQ(p.dead_letter.value, "out/bad.ndjson");
  EXPECT_EQ(p.on_error.value, OnError::kStop);
}

TEST_F(LoaderTest, ASmallMemoryLimitLowersWhatIsInFlight) {
  EXPECT_EQ(parse_with("pipeline.memory_limit = \"8MiB\"\n").in_flight.value, 2 << 20);
  EXPECT_EQ(errors_with("[pipeline]\nmemory_limit = \"8MiB\"\nin_flight = \"8MiB\"\n"),
            "3:13: pipeline.in_flight: 8MiB is more than three quarters of memory_limit (8MiB), "
            "where sources pause (the default serves well)\n");
}

TEST_F(LoaderTest, BadSettingsAreAllTold) {
  EXPECT_EQ(errors_with(R"([pipeline]
name = "a b"
plugin = []
memory_limit = "12"
parallelism = -1
batch_rows = 0
on_error = "dropp"
checkpoint = { intervall = "1s" }
dead_letter = ""
)"),
            "2:8: pipeline.name: 'a b' is not a name (letters, digits, '_', '-' and '.' make one)\n"
            "3:1: pipeline.plugin: unknown option of the pipeline (did you mean 'plugins'?)\n"
            "4:16: pipeline.memory_limit: '12' has no unit (write for example \"12B\")\n"
            "5:15: pipeline.parallelism: must be between 0 and 1024, and is -1\n"
            "6:14: pipeline.batch_rows: must be between 1 and 1048576, and is 0\n"
            "7:12: pipeline.on_error: 'dropp' is not one of \"dead_letter\", \"drop\" or \"stop\" "
            "(did you mean 'drop'?)\n"
            "8:16: pipeline.checkpoint.intervall: unknown option of the checkpoint (did you mean "
            "'interval'?)\n"
            "9:15: pipeline.dead_letter: must not be empty (to throw failed rows away, write "
            "on_error = \"drop\")\n");
}

TEST_F(LoaderTest, OnePluginNeedsNoList) {
  const PipelineSpecification p = parse_with("pipeline.plugins = \"std\"\n");
  ASSERT_FALSE(found_.has_errors());
  ASSERT_EQ(p.plugins.size(), 1u);
  EXPECT_EQ(p.plugins[0].value, "std");
  EXPECT_EQ(p.plugins[0].place.to_string(), "/etc/pipes/p.toml:1:20");
}

TEST_F(LoaderTest, PluginsAreNamedOnce) {
  EXPECT_EQ(errors_with("pipeline.plugins = [\"std\", \"std\"]\n"),
            "1:28: pipeline.plugins: 'std' is listed twice\n");
  EXPECT_EQ(errors_with("pipeline.plugins = []\n"),
            "1:20: pipeline.plugins: is empty: there would be no operators (leave it out to load "
            "all plugins that are found)\n");
  EXPECT_EQ(errors_with("pipeline.plugins = [\"\"]\n"),
            "1:21: pipeline.plugins: has an empty name in it\n");
}

TEST_F(LoaderTest, EveryPipelineOptionDocumentsItself) {
  for (const auto options : {pipeline_options(), checkpoint_options()}) {
    for (const flow_option* option : options) EXPECT_GT(std::string(option->doc).size(), 20u);
  }
}

TEST_F(LoaderTest, ComponentsKeepTheOrderOfTheFile) {
  const PipelineSpecification p = parse(R"(
[sinks.z]
type = "file"
inputs = ["m", "a.errors"]
[transforms.m]
type = "keep"
inputs = { in = ["a"] }
fields = ["x"]
on_error = "drop"
[sources.a]
type = "file"
path = "${NAME}/${PIPELINE_DIR}"
)");
  ASSERT_FALSE(found_.has_errors()) << found_.all()[0].to_string();
  ASSERT_EQ(p.components.size(), 3u);
  const ComponentSpecification& z = p.components[0];
  EXPECT_EQ(z.kind, FLOW_SINK);
  EXPECT_EQ(z.key_path(), "sinks.z");
  EXPECT_EQ(z.place.to_string(), "/etc/pipes/p.toml:2:8");
  EXPECT_EQ(z.type.value, "file");
  ASSERT_EQ(z.inputs.size(), 1u);
  EXPECT_EQ(z.inputs[0].port, "");
  EXPECT_EQ(z.inputs[0].references[0].to_string(), "m");
  EXPECT_EQ(z.inputs[0].references[1].component, "a");
  EXPECT_EQ(z.inputs[0].references[1].port, "errors");
  EXPECT_EQ(z.inputs[0].references[1].place.to_string(), "/etc/pipes/p.toml:4:16");
  const ComponentSpecification& m = p.components[1];
  EXPECT_EQ(m.inputs[0].port, "in");
  EXPECT_EQ(m.on_error->value, OnError::kDrop);
  ASSERT_EQ(m.options.size(), 1u);
  EXPECT_EQ(m.options[0].name, "fields");
  EXPECT_EQ(*find(p.find("a")->options, "path")->text(), "value//etc/pipes");
  EXPECT_EQ(p.find("nobody"), nullptr);
}

TEST_F(LoaderTest, CodecsAreANameOrATable) {
  const PipelineSpecification p = parse(R"(
[sources.a]
type = "file"
decoding = "json"
[sinks.z]
type = "file"
inputs = ["a"]
encoding = { type = "json", nulls = "write" }
)");
  ASSERT_FALSE(found_.has_errors()) << found_.all()[0].to_string();
  EXPECT_EQ(p.find("a")->decoding->type.value, "json");
  EXPECT_EQ(p.find("z")->encoding->type.value, "json");
  ASSERT_EQ(p.find("z")->encoding->options.size(), 1u);
  EXPECT_EQ(p.find("z")->encoding->options[0].name, "nulls");
}

TEST_F(LoaderTest, MisplacedOrMalformedCodecsAreErrors) {
  EXPECT_EQ(errors(R"([sources.a]
type = "file"
encoding = "json"
[transforms.m]
type = "keep"
inputs = ["a"]
encoding = "json"
[sinks.y]
type = "file"
inputs = ["m"]
encoding = 5
[sinks.z]
type = "file"
inputs = ["m"]
encoding = { nulls = "write" }
)"),
            "3:1: sources.a.encoding: only sinks take an encoding (did you mean 'decoding'?)\n"
            "7:1: transforms.m.encoding: only sinks take an encoding\n"
            "11:12: sinks.y.encoding: must be the name of a codec or a table, and is an integer "
            "(write \"json\" or { type = \"json\", ... })\n"
            "15:12: sinks.z.encoding.type: is missing (write for example { type = \"json\" })\n");
}

TEST_F(LoaderTest, MissingTypesAndInputsAreErrors) {
  EXPECT_EQ(errors(R"([sources.a]
[sinks.z]
type = ""
input = ["a"]
[sinks.y]
type = 3
)"),
            "1:10: sources.a.type: is missing (the name of an operator, as `inspect` lists them)\n"
            "2:8: sinks.z.inputs: is missing ('input' does not stand for it)\n"
            "3:8: sinks.z.type: must not be empty (the name of an operator, as `inspect` lists "
            "them)\n"
            "5:8: sinks.y.inputs: is missing (write inputs = [\"ID\"] with the components to read "
            "from)\n"
            "6:8: sinks.y.type: must be a text, and is an integer (the name of an operator, as "
            "`inspect` lists them)\n");
}

TEST_F(LoaderTest, MalformedInputsAreErrors) {
  EXPECT_EQ(errors(R"([sources.a]
type = "file"
inputs = ["z"]
[sinks.q]
type = "file"
inputs = "a"
[sinks.r]
type = "file"
inputs = [1, "a b", "a.", "a", "a"]
[sinks.s]
type = "file"
inputs = { left = "a", right = [] }
[sinks.t]
type = "file"
inputs = {}
)"),
            "3:1: sources.a.inputs: a source has no inputs (to process what another component "
            "emits, make it a transform)\n"
            "6:10: sinks.q.inputs: must be a list of components, and is a text (write [\"a\"])\n"
            "9:11: sinks.r.inputs: must be a list of components, and has an integer in it (write "
            "\"ID\" or \"ID.PORT\")\n"
            "9:14: sinks.r.inputs: 'a b' is not a reference to a component (write \"ID\" or "
            "\"ID.PORT\")\n"
            "9:21: sinks.r.inputs: 'a.' is not a reference to a component (write \"ID\" or "
            "\"ID.PORT\")\n"
            "9:32: sinks.r.inputs: 'a' is listed twice (its rows would be processed twice)\n"
            "12:19: sinks.s.inputs.left: must be a list of components, and is a text (write "
            "[\"a\"])\n"
            "12:32: sinks.s.inputs.right: is empty (write [\"ID\"] with the components to read "
            "from)\n"
            "15:10: sinks.t.inputs: is empty\n");
}

TEST_F(LoaderTest, IdsAreWellFormedAndUniqueAcrossKinds) {
  std::string text(kWiring);
  text += "[transforms.a]\ntype = \"keep\"\ninputs = [\"a\"]\n[sources.\"1 b\"]\ntype = \"x\"\n";
  EXPECT_EQ(errors(text),
            "7:13: transforms.a: the id 'a' is taken by sources.a at /etc/pipes/p.toml:2:10: ids "
            "are unique in a pipeline\n"
            "10:10: sources.\"1 b\": '1 b' is not a well-formed id (begin with a letter or '_', go "
            "on with letters, digits, '_' and '-')\n");
}

TEST_F(LoaderTest, UnknownTablesGetTheNearestName) {
  EXPECT_EQ(errors_with("colours = 1\n[source.x]\ntype = \"file\"\n"),
            "1:1: colours: unknown table (a file has include, parameters, pipeline, sources, "
            "transforms, windows and sinks)\n"
            "2:2: source: unknown table (did you mean 'sources'?)\n");
}

TEST_F(LoaderTest, SectionsThatAreNoTablesAreErrors) {
  EXPECT_EQ(errors("pipeline = 1\nsources = [1]\nsinks = { x = 1 }\n"),
            " there is no source: nothing to read (write a table [sources.NAME])\n"
            " there is no sink: nowhere to write (write a table [sinks.NAME])\n"
            "1:12: pipeline: must be a table, and is an integer (write [pipeline])\n"
            "2:11: sources: must be a table of components, and is a list (write [sources.NAME])\n"
            "3:15: sinks.x: must be a table, and is an integer (write [sinks.x])\n");
}

TEST_F(LoaderTest, AnEmptyFileSaysWhatIsMissing) {
  parse("");
  ASSERT_EQ(found_.all().size(), 2u);
  EXPECT_EQ(found_.all()[0].to_string(),
            "/etc/pipes/p.toml: there is no source: nothing to read (write a table "
            "[sources.NAME])");
  EXPECT_EQ(found_.all()[1].to_string(),
            "/etc/pipes/p.toml: there is no sink: nowhere to write (write a table [sinks.NAME])");
}

TEST_F(LoaderTest, AnUnsetVariableNamesTheKey) {
  EXPECT_EQ(errors("[sources.a]\ntype = \"file\"\npath = \"${NOPE}\"\n[sinks.z]\ntype = \"f\"\n"
                   "inputs = [\"a\"]\n"),
            "3:8: sources.a.path: the environment variable NOPE is not set (set it, or give a "
            "default: ${NOPE:-default})\n");
}

TEST_F(LoaderTest, UnknownInputsGetTheNearestId) {
  EXPECT_EQ(errors("[sources.access_log]\ntype = \"file\"\n[sinks.z]\ntype = \"file\"\n"
                   "inputs = [\"acess_log\", \"other.errors\"]\n"),
            "5:11: sinks.z.inputs: there is no component 'acess_log' (did you mean "
            "'access_log'?)\n"
            "5:24: sinks.z.inputs: there is no component 'other'\n");
}

TEST_F(LoaderTest, ASinkHasNoRowsToRead) {
  EXPECT_EQ(errors_with("[sinks.y]\ntype = \"file\"\ninputs = [\"z\"]\n"),
            "3:11: sinks.y.inputs: 'z' is a sink, and emits no rows to read (its failed rows, if "
            "any, are z.errors)\n");
}

TEST_F(LoaderTest, CyclesAreNamedInTheDirectionOfFlow) {
  EXPECT_EQ(errors_with(R"([transforms.p]
type = "keep"
inputs = ["a", "r"]
[transforms.q]
type = "keep"
inputs = ["p"]
[transforms.r]
type = "keep"
inputs = ["q"]
[transforms.behind]
type = "keep"
inputs = ["r"]
[transforms.self]
type = "keep"
inputs = ["self"]
)"),
            "3:10: transforms.p.inputs: the components form a cycle: p -> q -> r -> p (rows may "
            "only flow one way)\n"
            "15:10: transforms.self.inputs: the components form a cycle: self -> self (rows may "
            "only flow one way)\n");
}

TEST_F(LoaderTest, ALongChainIsNoTrouble) {
  std::string text = "[sources.c0]\ntype = \"file\"\n";
  for (int i = 1; i < 20000; ++i) {
    text += "[transforms.c" + std::to_string(i) + "]\ntype = \"keep\"\ninputs = [\"c" +
            std::to_string(i - 1) + "\"]\n";
  }
  parse(text + "[sinks.z]\ntype = \"file\"\ninputs = [\"c19999\"]\n");
  EXPECT_FALSE(found_.has_errors());
}

TEST_F(LoaderTest, TheSameBytesHaveTheSameHash) {
  EXPECT_EQ(parse_with("").content_hash, parse_with("").content_hash);
  EXPECT_NE(parse_with("").content_hash, parse_with(" ").content_hash);
}

class LoadFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    scratch_ = fs::path(::testing::TempDir()) / ("flowrun_loader_" + std::to_string(::getpid()));
    fs::create_directories(scratch_);
  }
  void TearDown() override { fs::remove_all(scratch_); }

  fs::path write(const std::string& name, const std::string& content) {
    std::ofstream(scratch_ / name, std::ios::binary) << content;
    return scratch_ / name;
  }

  // What is thrown, without the path in front of it.
  static std::string error(const fs::path& file) {
    Diagnostics found;
    try {
      load_pipeline(file, found);
    } catch (const ConfigurationError& error) {
      const std::string what = error.what();
      EXPECT_TRUE(what.starts_with(file.string() + ": ")) << what;
      return what.substr(file.string().size() + 2);
    }
    return {};
  }

  fs::path scratch_;
};

TEST_F(LoadFileTest, TheNameComesFromTheFile) {
  Diagnostics found;
  const auto p = load_pipeline(write("my logs.v2.toml", std::string(kWiring)), found);
  EXPECT_FALSE(found.has_errors());
  EXPECT_EQ(p.name.value, "my_logs.v2");
}

TEST_F(LoadFileTest, PipelineDirIsTheAbsoluteFolderOfTheFile) {
  write("p.toml", "[sources.a]\ntype = \"x\"\npath = \"${PIPELINE_DIR}/in\"\n");
  const fs::path before = fs::current_path();
  fs::current_path(scratch_);
  Diagnostics found;
  const auto p = load_pipeline("p.toml", found);
  fs::current_path(before);
  EXPECT_EQ(*find(p.components[0].options, "path")->text(), (scratch_ / "in").string());
}

TEST_F(LoadFileTest, AMissingFileIsAnError) {
  EXPECT_EQ(error(scratch_ / "none.toml"), "cannot be opened: No such file or directory");
  EXPECT_EQ(error(write("file", "") / "p.toml"), "cannot be opened: Not a directory");
}

TEST_F(LoadFileTest, ADirectoryIsAnError) { EXPECT_EQ(error(scratch_), "is a directory"); }

TEST_F(LoadFileTest, AnUnreadableFileIsAnError) {
  const fs::path file = write("secret.toml", std::string(kWiring));
  ::chmod(file.c_str(), 0);
  if (::access(file.c_str(), R_OK) == 0) {
    // The administrator reads everything, except what has nothing to give at its beginning.
    EXPECT_EQ(error("/proc/self/mem"), "cannot be read: Input/output error");
  } else {
    EXPECT_EQ(error(file), "cannot be opened: Permission denied");
  }
}

TEST_F(LoadFileTest, AnEndlessFileIsAnError) {
  EXPECT_EQ(error("/dev/zero"), "is larger than 4MiB");
}

TEST_F(LoadFileTest, ASyntaxErrorStandsAlone) {
  const fs::path file = write("p.toml", "unknown = 1\n[sinks.x\n");
  Diagnostics found;
  try {
    load_pipeline(file, found);
    FAIL() << "nothing was thrown";
  } catch (const ConfigurationError& error) {
    ASSERT_EQ(error.diagnostics().size(), 1u);
    EXPECT_EQ(error.diagnostics()[0].place.line, 2u);
  }
  EXPECT_FALSE(found.has_errors());
}

TEST(DiagnosticsTest, ErrorsAreThrownTogetherInTheOrderOfTheFile) {
  Diagnostics found;
  found.throw_if_errors();
  found.warning({"p", 9, 1}, "c", "late");
  found.throw_if_errors();
  found.error({"p", 12, 1}, "b", "second", "do this");
  found.error({"p", 3, 5}, "a", "first");
  try {
    found.throw_if_errors();
    FAIL() << "nothing was thrown";
  } catch (const ConfigurationError& error) {
    EXPECT_STREQ(error.what(),
                 "p:3:5: a: first\np:9:1: warning: c: late\np:12:1: b: second (do this)");
  }
}

}  // namespace
}  // namespace flowrun::loader_test
