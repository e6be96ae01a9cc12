#include "core/config/binding.hpp"

#include <gtest/gtest.h>

#include "core/config/loader.hpp"
#include "tests/core/config/test_operators.hpp"

namespace flowrun::binding_test {
namespace {

std::string abi_version() {
  return std::to_string(FLOW_ABI_MAJOR) + '.' + std::to_string(FLOW_ABI_MINOR);
}

class BindingTest : public ::testing::Test {
 protected:
  void SetUp() override { registry_.add(PluginLibrary::of(test_operators(), "operators.so")); }

  BoundPipeline bind(const std::string& text, bool plugins_complete = true) {
    found_ = Diagnostics();
    PipelineSpecification specification = parse_pipeline(text, "p.toml", found_);
    return flowrun::bind(std::move(specification), registry_, found_, plugins_complete);
  }

  // All messages, warnings too, without the name of the file, one a line.
  std::string messages(const std::string& text) {
    bind(text);
    std::string lines;
    for (const Diagnostic& diagnostic : found_.sorted()) {
      lines += diagnostic.to_string().substr(7) + '\n';
    }
    return lines;
  }

  Registry registry_;
  Diagnostics found_;
};

constexpr const char* kStore = "[sinks.z]\ntype = \"store\"\npath = \"out\"\n";

TEST_F(BindingTest, ComponentsGetOperatorOptionsCodecAndWiring) {
  const BoundPipeline p = bind(R"([sinks.z]
type = "store"
path = "out"
password = "hunter2"
inputs = ["m", "a.errors"]
encoding = { type = "json", nulls = "write" }
on_error = "stop"
[transforms.m]
type = "match"
field = "host"
inputs = ["a"]
[sinks.bad]
type = "table"
inputs = ["m.errors", "m.rejected", "z.errors"]
[sources.a]
type = "bytes"
decoding = "json"
)");
  ASSERT_TRUE(found_.all().empty()) << found_.all()[0].to_string();
  ASSERT_EQ(p.components.size(), 4u);
  const BoundComponent& z = p.components[0];
  EXPECT_STREQ(z.descriptor().name, "store");
  EXPECT_EQ(z.options.text("path"), "out");
  EXPECT_EQ(z.options.to_string(), "path = \"out\", password = \"***\"");
  EXPECT_EQ(z.on_error, OnError::kStop);
  ASSERT_TRUE(z.codec);
  EXPECT_STREQ(z.codec->codec.descriptor->name, "json");
  EXPECT_EQ(z.codec->options.text("nulls"), "write");
  ASSERT_EQ(z.inputs.size(), 2u);
  EXPECT_EQ(z.inputs[0].from, 1u);
  EXPECT_EQ(z.inputs[0].from_port, 0u);
  EXPECT_EQ(z.inputs[0].from_port_name, "out");
  EXPECT_EQ(z.inputs[1].from, 3u);
  EXPECT_EQ(z.inputs[1].from_port, kCodecErrorsPort);
  EXPECT_EQ(z.inputs[1].from_port_name, "errors");
  const BoundComponent& bad = p.components[2];
  EXPECT_FALSE(bad.codec);
  EXPECT_EQ(bad.inputs[0].from_port, 2u);
  EXPECT_EQ(bad.inputs[1].from_port, 1u);
  EXPECT_EQ(bad.inputs[2].from_port, kCodecErrorsPort);
  EXPECT_EQ(bad.on_error, OnError::kDeadLetter);
  EXPECT_EQ(p.order, (std::vector<std::size_t>{3, 1, 0, 2}));
}

TEST_F(BindingTest, BytesGetALinesDecodingAndAJsonEncodingUnlessToldOtherwise) {
  const BoundPipeline p = bind(std::string("[sources.a]\ntype = \"bytes\"\n") + kStore +
                               "inputs = [\"a\", \"m\"]\n[sources.m]\ntype = \"messages\"\n"
                               "[sinks.s]\ntype = \"send\"\ninputs = [\"a\"]\n");
  ASSERT_TRUE(found_.all().empty()) << found_.all()[0].to_string();
  EXPECT_STREQ(p.components[0].codec->codec.descriptor->name, "lines");
  EXPECT_STREQ(p.components[1].codec->codec.descriptor->name, "json");
  EXPECT_EQ(p.components[1].codec->options.text("nulls"), "omit");
  EXPECT_FALSE(p.components[2].codec) << "each message is a record as it is";
  EXPECT_STREQ(p.components[3].codec->codec.descriptor->name, "json");
}

TEST_F(BindingTest, NamedInputsAreWiredByPort) {
  const BoundPipeline p = bind(R"([sources.a]
type = "rows"
[sources.b]
type = "rows"
[transforms.j]
type = "join"
inputs = { right = ["b"], left = ["a"] }
[sinks.t]
type = "table"
inputs = ["j"]
)");
  ASSERT_TRUE(found_.all().empty()) << found_.all()[0].to_string();
  ASSERT_EQ(p.components[2].inputs.size(), 2u);
  EXPECT_EQ(p.components[2].inputs[0].port, 0u);
  EXPECT_EQ(p.components[2].inputs[0].from, 0u);
  EXPECT_EQ(p.components[2].inputs[1].port, 1u);
  EXPECT_EQ(p.components[2].inputs[1].from, 1u);
}

TEST_F(BindingTest, AnUnknownTypeGetsTheNearestOfItsKind) {
  EXPECT_EQ(
      messages("[sources.a]\ntype = \"row\"\n[sinks.t]\ntype = \"tabel\"\ninputs = [\"a\"]\n"),
      "2:8: sources.a.type: no loaded plugin offers the source 'row' (did you mean 'rows'?)\n"
      "4:8: sinks.t.type: no loaded plugin offers the sink 'tabel' (did you mean "
      "'table'?)\n");
}

TEST_F(BindingTest, AStrangeTypeSaysWhatIsLoadedAndWhereWasSearched) {
  registry_ = Registry({"/nowhere"});
  registry_.add(PluginLibrary::of(test_operators(), "build/operators.so"));
  EXPECT_EQ(messages("[sources.a]\ntype = \"telegraph\"\n[sinks.t]\ntype = \"table\"\n"
                     "inputs = [\"a\"]\n"),
            "2:8: sources.a.type: no loaded plugin offers the source 'telegraph' (is its plugin "
            "loaded? loaded: operators.so; plugin folders: /nowhere (does not exist))\n");
}

TEST_F(BindingTest, AnOperatorOfAnotherKindSaysWhatItIs) {
  EXPECT_EQ(messages("[sources.a]\ntype = \"rows\"\n[transforms.t]\ntype = \"twin\"\n"
                     "inputs = [\"a\"]\n[sinks.z]\ntype = \"pass\"\ninputs = [\"t\"]\n"),
            "4:8: transforms.t.type: 'twin' is offered as a source and as a sink, not as a "
            "transform\n"
            "7:8: sinks.z.type: 'pass' is offered as a transform, not as a sink\n");
}

TEST_F(BindingTest, UnknownTypesAreNotReportedWhileAPluginIsMissing) {
  bind("[sources.a]\ntype = \"telegraph\"\n[sinks.t]\ntype = \"table\"\ninputs = [\"a\"]\n", false);
  EXPECT_TRUE(found_.all().empty());
}

TEST_F(BindingTest, OptionErrorsNameTheOperatorAndKnowTheCommonKeys) {
  EXPECT_EQ(messages(R"([sources.a]
type = "rows"
[transforms.m]
type = "match"
feild = "x"
on_eror = "drop"
inputs = ["a"]
[sinks.t]
type = "table"
inputs = ["m", "m.rejected"]
)"),
            "5:1: transforms.m.feild: unknown option of the transform 'match' (did you mean "
            "'field'?)\n"
            "6:1: transforms.m.on_eror: unknown option of the transform 'match' (did you mean "
            "'on_error'?)\n");
}

TEST_F(BindingTest, OnlyKeyedOperatorsHaveAParallelismOfTheirOwn) {
  constexpr const char* kAround =
      "[sources.a]\ntype = \"rows\"\n[sinks.t]\ntype = \"table\"\ninputs = [\"k\"]\n"
      "[transforms.k]\ninputs = [\"a\"]\n";
  EXPECT_EQ(messages(std::string(kAround) + "type = \"pass\"\nparallelism = 2\n"),
            "9:15: transforms.k.parallelism: only keyed operators have one of their own, and the "
            "transform 'pass' is not keyed (leave it out: [pipeline] parallelism is for all "
            "operators)\n");
  EXPECT_EQ(messages(std::string(kAround) + "type = \"count\"\nparallelism = 0\n"),
            "9:15: transforms.k.parallelism: must be between 1 and 1024, and is 0\n");
  EXPECT_EQ(messages(std::string(kAround) + "type = \"count\"\nparallelism = 2\n"), "");
}

TEST_F(BindingTest, CodecOptionsAreCheckedToo) {
  EXPECT_EQ(messages(std::string("[sources.a]\ntype = \"rows\"\n") + kStore +
                     "inputs = [\"a\"]\nencoding = { type = \"json\", nuls = \"omit\", nulls = 1 "
                     "}\n"),
            "7:29: sinks.z.encoding.nuls: unknown option of the codec 'json' (did you mean "
            "'nulls'?)\n"
            "7:52: sinks.z.encoding.nulls: must be a text, and is an integer\n");
}

TEST_F(BindingTest, ACodecMustExistAndFitItsUse) {
  EXPECT_EQ(messages(std::string("[sources.a]\ntype = \"bytes\"\ndecoding = \"report\"\n"
                                 "[sources.b]\ntype = \"bytes\"\ndecoding = \"jsn\"\n") +
                     kStore + "inputs = [\"a\", \"b\"]\nencoding = \"lines\"\n"),
            "3:12: sources.a.decoding: the codec 'report' encodes only, and cannot decode ('json' "
            "and 'lines' can do that)\n"
            "6:12: sources.b.decoding: no loaded plugin offers the codec 'jsn' (did you mean "
            "'json'?)\n"
            "11:12: sinks.z.encoding: the codec 'lines' decodes only, and cannot encode ('json' "
            "and 'report' can do that)\n");
}

TEST_F(BindingTest, OperatorsOfRowsTakeNoCodec) {
  EXPECT_EQ(messages("[sources.a]\ntype = \"rows\"\ndecoding = \"json\"\n[sinks.t]\n"
                     "type = \"table\"\ninputs = [\"a\"]\nencoding = \"json\"\n"),
            "3:12: sources.a.decoding: the source 'rows' emits rows, not bytes: it takes no "
            "decoding (leave it out)\n"
            "7:12: sinks.t.encoding: the sink 'table' takes rows, not bytes: it has no encoding "
            "(leave it out)\n");
}

TEST_F(BindingTest, UnknownPortsGetTheNearest) {
  EXPECT_EQ(messages(R"([sources.a]
type = "rows"
[transforms.m]
type = "match"
field = "x"
inputs = { inn = ["a"] }
[transforms.j]
type = "join"
inputs = { left = ["m", "m.rejcted"], rihgt = ["m"] }
[sinks.t]
type = "table"
inputs = ["j", "a.errors", "m.rejected", "t.error"]
)"),
            "6:12: transforms.m.inputs.inn: the transform 'match' has no such input (did you mean "
            "'in'?)\n"
            "9:25: transforms.j.inputs: 'm', a transform 'match', has no output 'rejcted' (did you "
            "mean 'rejected'?)\n"
            "9:39: transforms.j.inputs.rihgt: the transform 'join' has no such input (did you mean "
            "'right'?)\n"
            "12:10: sinks.t.inputs: the components form a cycle: t -> t (rows may only flow one "
            "way)\n"
            "12:16: sinks.t.inputs: 'a', a source 'rows', has no output 'errors' (write "
            "\"a.out\")\n"
            "12:42: sinks.t.inputs: 't', a sink 'table', has no output 'error' (did you mean "
            "'errors'?)\n");
}

TEST_F(BindingTest, AListOrAHalfTableDoesNotWireTwoInputs) {
  EXPECT_EQ(messages("[sources.a]\ntype = \"rows\"\n[transforms.j]\ntype = \"join\"\n"
                     "inputs = [\"a\"]\n[transforms.k]\ntype = \"join\"\n"
                     "inputs = { left = [\"j\"] }\n[sinks.t]\ntype = \"table\"\ninputs = "
                     "[\"k\"]\n"),
            "5:10: transforms.j.inputs: the transform 'join' has the inputs 'left' and 'right': a "
            "list does not say which (write inputs = { left = [\"ID\"], right = [\"ID\"] })\n"
            "8:12: transforms.k.inputs.right: this input of the transform 'join' is not wired "
            "(write right = [\"ID\"])\n");
}

TEST_F(BindingTest, SeveralOutputsMustBeNamed) {
  EXPECT_EQ(messages("[sources.a]\ntype = \"rows\"\n[transforms.s]\ntype = \"split\"\n"
                     "inputs = [\"a\"]\n[sinks.t]\ntype = \"table\"\n"
                     "inputs = [\"s\", \"s.left\", \"s.right\"]\n"),
            "8:11: sinks.t.inputs: 's', a transform 'split', has several outputs, and none called "
            "'out' (write \"s.left\" or \"s.right\")\n");
}

TEST_F(BindingTest, OutputsThatNothingReadsAreWarnedOf) {
  EXPECT_EQ(messages("[sources.a]\ntype = \"rows\"\n[sources.b]\ntype = \"rows\"\n"
                     "[transforms.m]\ntype = \"match\"\nfield = \"x\"\ninputs = [\"a\"]\n"
                     "[sinks.t]\ntype = \"table\"\ninputs = [\"m\"]\n"),
            "3:10: warning: sources.b: nothing reads its output 'out': these rows go nowhere (read "
            "it with inputs = [\"b\"])\n"
            "5:13: warning: transforms.m: nothing reads its output 'rejected': these rows go "
            "nowhere (read it with inputs = [\"m.rejected\"])\n");
  EXPECT_FALSE(found_.has_errors());
}

TEST_F(BindingTest, ErrorsOfLoadingAndBindingComeTogether) {
  EXPECT_EQ(messages("pipeline.batch_rows = 0\n[sources.a]\ntype = \"rwos\"\n[sinks.t]\n"
                     "type = \"table\"\ninputs = [\"b\"]\n"),
            "1:23: pipeline.batch_rows: must be between 1 and 1048576, and is 0\n"
            "3:8: sources.a.type: no loaded plugin offers the source 'rwos' (did you mean "
            "'rows'?)\n"
            "6:11: sinks.t.inputs: there is no component 'b'\n");
}

class LoadPluginsTest : public ::testing::Test {
 protected:
  static PipelineSpecification naming(const std::vector<std::string>& plugins) {
    PipelineSpecification specification;
    std::uint32_t line = 2;
    for (const std::string& plugin : plugins) {
      specification.plugins.push_back({plugin, {"p.toml", line++, 3}});
    }
    return specification;
  }

  Registry registry_{{FLOWRUN_TEST_PLUGIN_DIR}};
  Diagnostics found_;
};

TEST_F(LoadPluginsTest, NamedPluginsAreLoaded) {
  EXPECT_TRUE(load_plugins(naming({"pass", "failing"}), registry_, found_));
  EXPECT_EQ(registry_.libraries().size(), 2u);
}

TEST_F(LoadPluginsTest, EveryRefusalStandsAtTheNameInTheFile) {
  EXPECT_FALSE(load_plugins(naming({"bad_abi_major", "pass", "bad_empty"}), registry_, found_));
  const std::string folder = FLOWRUN_TEST_PLUGIN_DIR;
  ASSERT_GE(found_.all().size(), 3u);
  EXPECT_EQ(found_.all()[0].to_string(),
            "p.toml:2:3: pipeline.plugins: " + folder +
                "/bad_abi_major.so: is built for version 2.3 of the plugin interface, and this "
                "flowrun has version " +
                abi_version() + ": rebuild the plugin with this SDK");
  EXPECT_EQ(found_.all()[1].to_string(),
            "p.toml:4:3: pipeline.plugins: " + folder + "/bad_empty.so: the plugin has no id");
  EXPECT_NE(registry_.find(FLOW_TRANSFORM, "pass"), nullptr);
}

TEST_F(LoadPluginsTest, WithoutNamesAllAreLoadedAndRefusalsStandAtTheirFile) {
  EXPECT_FALSE(load_plugins(naming({}), registry_, found_));
  EXPECT_NE(registry_.find(FLOW_TRANSFORM, "bad_open"), nullptr);
  const std::string line = std::string(FLOWRUN_TEST_PLUGIN_DIR) +
                           "/bad_no_entry.so: is not a plugin: it exports no symbol "
                           "flow_plugin_entry";
  bool told = false;
  for (const Diagnostic& diagnostic : found_.all()) told |= diagnostic.to_string() == line;
  EXPECT_TRUE(told);
}

}  // namespace
}  // namespace flowrun::binding_test
