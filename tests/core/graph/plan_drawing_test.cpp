// What `flowrun graph` draws, word for word: the drawings end up in documents.
#include <gtest/gtest.h>

#include <string>

#include "core/config/loader.hpp"
#include "core/graph/plan.hpp"
#include "flow/plugin.hpp"

namespace flowrun::plan_drawing_test {
namespace {

// Operators that are drawn and never run.
class Drawn : public flow::GeneralTransform {
 public:
  struct Options {
    std::string text = "unset";
    flow::Secret secret;
    flow::Field key{"k"};
  };
  flow::Status consume(std::uint32_t, const flow::Batch&, flow::Output&) override {
    return flow::Status::kDone;
  }
  static void describe_as(flow::Description<Options>& d, const char* name, std::uint64_t traits) {
    d.name(name);
    d.summary("Is drawn.");
    d.doc("Is drawn.");
    d.example(std::string("type = \"") + name + "\"\n");
    d.traits(traits);
    d.option("text", &Options::text, "A text.");
    d.option("secret", &Options::secret, "A secret.");
    d.option("key", &Options::key, "A key.");
  }
};

class Step final : public Drawn {
 public:
  static void describe(flow::Description<Options>& d) {
    describe_as(d, "step", FLOW_STATELESS);
    d.output("out", "Rows.");
    d.output("errors", "Rows.");
  }
};
class Route final : public Drawn {
 public:
  static void describe(flow::Description<Options>& d) {
    describe_as(d, "route", FLOW_STATELESS);
    d.output("small", "Rows.");
    d.output("large", "Rows.");
  }
};
class Count final : public Drawn {
 public:
  static void describe(flow::Description<Options>& d) {
    describe_as(d, "count", FLOW_KEYED);
    d.input("in", "Rows.", "key");
  }
};
class Join final : public Drawn {
 public:
  static void describe(flow::Description<Options>& d) {
    describe_as(d, "join", FLOW_SERIAL);
    d.input("left", "Rows.");
    d.input("right", "Rows.");
  }
};
class Numbers final : public flow::Source {
 public:
  using Options = Drawn::Options;
  flow::Status poll(flow::SourceOutput&) override { return flow::Status::kEnd; }
  void assign(const std::string&, std::optional<std::string_view>) override {}
  static void describe(flow::Description<Options>& d) { Drawn::describe_as(d, "numbers", 0); }
};
template <bool kTwoPhase>
class Collect final : public flow::Sink {
 public:
  using Options = Drawn::Options;
  void process(const flow::Batch&, flow::Output&) override {}
  static void describe(flow::Description<Options>& d) {
    Drawn::describe_as(d, kTwoPhase ? "store" : "collect",
                       kTwoPhase ? FLOW_SERIAL | FLOW_TWO_PHASE : FLOW_SERIAL);
  }
};

BoundPipeline bound(const std::string& toml) {
  static const flow_plugin kPlugin =
      flow::detail::make_plugin<Step, Route, Count, Join, Numbers, Collect<false>, Collect<true>>(
          "drawn", "1", "none");
  Registry registry;
  registry.add(PluginLibrary::of(kPlugin, "drawn.so"));
  Diagnostics found;
  BoundPipeline pipeline = bind(parse_pipeline(toml, "drawn.toml", found), registry, found);
  EXPECT_FALSE(found.has_errors()) << found.all().front().to_string();
  return pipeline;
}

std::string logical(const std::string& toml, DrawingFormat format = DrawingFormat::kMermaid) {
  return draw_logical(bound(toml), format);
}

std::string physical(const std::string& toml, DrawingFormat format = DrawingFormat::kMermaid) {
  const BoundPipeline pipeline = bound(toml);
  return draw_physical(pipeline, make_plan(pipeline), 4, format);
}

constexpr const char* kFlow = R"(
[sources.a]
type = "numbers"
[transforms.b]
type = "step"
inputs = ["a"]
[transforms.c]
type = "count"
inputs = ["b"]
key = "host"
[sinks.z]
type = "store"
inputs = ["c"]
[sinks.bad]
type = "collect"
inputs = ["b.errors"]
)";

TEST(LogicalDrawingTest, ShowsComponentsWithTheirOptionsAndDashedErrors) {
  EXPECT_EQ(logical(kFlow), R"(flowchart LR
  n0_0(["<b>a</b><br/>numbers"])
  n1_0["<b>b</b><br/>step"]
  n2_0["<b>c</b><br/>count<br/>key = host"]
  n3_0[("<b>z</b><br/>store")]
  n4_0[("<b>bad</b><br/>collect")]
  n0_0 --> n1_0
  n1_0 --> n2_0
  n2_0 --> n3_0
  n1_0 -.->|"errors"| n4_0
)");
}

TEST(LogicalDrawingTest, DotSaysTheSame) {
  EXPECT_EQ(logical(kFlow, DrawingFormat::kDot), R"(digraph "drawn" {
  rankdir=LR;
  node [fontname=sans];
  n0_0 [shape=oval, label="a\nnumbers"];
  n1_0 [shape=box, label="b\nstep"];
  n2_0 [shape=box, label="c\ncount\nkey = host"];
  n3_0 [shape=cylinder, label="z\nstore"];
  n4_0 [shape=cylinder, label="bad\ncollect"];
  n0_0 -> n1_0;
  n1_0 -> n2_0;
  n2_0 -> n3_0;
  n1_0 -> n4_0 [label="errors", style=dashed];
}
)");
}

TEST(LogicalDrawingTest, NamesPortsWhereThereAreSeveral) {
  const std::string drawing = logical(R"(
[sources.a]
type = "numbers"
[transforms.r]
type = "route"
inputs = ["a"]
[transforms.j]
type = "join"
inputs = { left = ["r.small"], right = ["r.large"] }
[sinks.z]
type = "collect"
inputs = ["j"]
)");
  EXPECT_NE(drawing.find("n1_0 -->|\"small as left\"| n2_0\n"), std::string::npos) << drawing;
  EXPECT_NE(drawing.find("n1_0 -->|\"large as right\"| n2_0\n"), std::string::npos) << drawing;
  EXPECT_NE(drawing.find("n2_0 --> n3_0\n"), std::string::npos) << drawing;
}

std::string with_option(const std::string& option) {
  return "[sources.a]\ntype = \"numbers\"\n" + option +
         "\n[sinks.z]\ntype = \"collect\"\ninputs = [\"a\"]\n";
}

TEST(LogicalDrawingTest, HidesSecrets) {
  const std::string drawing = logical(with_option("secret = \"hunter2\""));
  EXPECT_EQ(drawing.find("hunter2"), std::string::npos) << drawing;
  EXPECT_NE(drawing.find("secret = ***"), std::string::npos) << drawing;
}

TEST(LogicalDrawingTest, EscapesWhatTheFormatsGiveAMeaning) {
  const std::string toml = with_option(R"(text = 'a "b" <c> #d \e')");
  EXPECT_NE(logical(toml).find("text = a #quot;b#quot; #lt;c#gt; #35;d \\e"), std::string::npos)
      << logical(toml);
  const std::string dot = logical(toml, DrawingFormat::kDot);
  EXPECT_NE(dot.find(R"(text = a \"b\" <c> #d \\e)"), std::string::npos) << dot;
}

TEST(LogicalDrawingTest, CutsLongValuesBetweenCharacters) {
  // 36 letters, then one of two bytes across the cut.
  const std::string drawing =
      logical(with_option("text = \"" + std::string(36, 'x') + "\u00e9" + "yyyy\""));
  EXPECT_NE(drawing.find("text = " + std::string(36, 'x') + "..."), std::string::npos) << drawing;
}

TEST(PhysicalDrawingTest, FramesWhatRunsTogetherAndShowsKeysAndQueues) {
  EXPECT_EQ(physical(kFlow), R"(flowchart LR
  subgraph g0["source: own thread"]
    n0_0(["<b>a</b><br/>numbers"])
  end
  subgraph g1["chain x 4"]
    n1_0["<b>b</b><br/>step"]
  end
  subgraph g2["keyed x 4"]
    n2_0["<b>c</b><br/>count<br/>key = host"]
  end
  subgraph g3["own thread: may wait"]
    n3_0[("<b>z</b><br/>store")]
  end
  subgraph g4["serial: one instance, in order"]
    n4_0[("<b>bad</b><br/>collect")]
  end
  n0_0 ==> n1_0
  n1_0 ==>|"by host"| n2_0
  n1_0 -.->|"errors"| n4_0
  n2_0 ==> n3_0
)");
}

TEST(PhysicalDrawingTest, CountsTheInstancesThatAKeyedOperatorHasOfItsOwn) {
  std::string toml = kFlow;
  toml.insert(toml.find("key = "), "parallelism = 2\n");
  EXPECT_NE(physical(toml).find("subgraph g2[\"keyed x 2\"]"), std::string::npos) << physical(toml);
}

TEST(PhysicalDrawingTest, StatelessNeighboursShareAFrame) {
  const std::string drawing = physical(R"(
[sources.a]
type = "numbers"
[transforms.b]
type = "step"
inputs = ["a"]
[transforms.c]
type = "step"
inputs = ["b"]
[sinks.z]
type = "collect"
inputs = ["c"]
)");
  EXPECT_NE(drawing.find(R"(  subgraph g1["fused chain x 4"]
    n1_0["<b>b</b><br/>step"]
    n1_1["<b>c</b><br/>step"]
  end
)"),
            std::string::npos)
      << drawing;
  EXPECT_NE(drawing.find("n1_0 --> n1_1\n"), std::string::npos) << drawing;
}

TEST(PhysicalDrawingTest, DotFramesAreClusters) {
  const std::string drawing = physical(kFlow, DrawingFormat::kDot);
  EXPECT_NE(drawing.find(R"(  subgraph cluster_g2 {
    label="keyed x 4";
    n2_0 [shape=box, label="c\ncount\nkey = host"];
  }
)"),
            std::string::npos)
      << drawing;
  EXPECT_NE(drawing.find("n1_0 -> n2_0 [label=\"by host\", style=bold];\n"), std::string::npos)
      << drawing;
}

}  // namespace
}  // namespace flowrun::plan_drawing_test
