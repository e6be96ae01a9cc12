#include "core/cli/new_plugin_templates.hpp"

namespace flowrun::cli {
namespace {

constexpr std::string_view kCMakeLists = R"(cmake_minimum_required(VERSION 3.25)
project(@NAME@ VERSION 1.0.0 LANGUAGES CXX)

# Where flowrun is not installed below /usr or /usr/local, say where it is: -D CMAKE_PREFIX_PATH=/opt/flowrun
find_package(flow-sdk @VERSION@ REQUIRED CONFIG)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
add_compile_options(-Wall -Wextra)

# Leaves @NAME@.so in the build folder. A library that the plugin needs goes behind LIBRARIES.
flow_add_plugin(@NAME@ SOURCES src/@NAME@.cpp)
install(TARGETS @NAME@ LIBRARY DESTINATION lib/flowrun/plugins)

enable_testing()
flow_add_plugin_test(@NAME@_test SOURCES tests/@NAME@_test.cpp PLUGIN @NAME@)
)";

constexpr std::string_view kSource = R"(// The operator @NAME@, and the plugin that carries it.
#include <cstdint>
#include <string>
#include <vector>

#include "flow/flow.hpp"

namespace {

// Passes on the rows whose number is large enough.
class @CLASS@ final : public flow::Transform {
 public:
  struct Options {
    flow::Field field;
    double min = 0.0;
  };

  // What 'flowrun inspect @NAME@' shows. A plugin with an undocumented option is refused.
  static void describe(flow::Description<Options>& d) {
    d.name("@NAME@");
    d.summary("Passes on the rows whose number is large enough.");
    d.doc(
        "Rows below `min` are dropped as \"below the minimum\", rows without a value as \"no "
        "value\". Where the field is no number at all, rows fail.");
    d.example("type = \"@NAME@\"\ninputs = [\"readings\"]\nfield = \"temperature\"\nmin = 40.0\n");
    // Any instance may take any batch: it runs in parallel, fused with its neighbours.
    d.traits(FLOW_STATELESS);
    d.output("errors", "Rows whose field is not a number.");
    d.option("field", &Options::field, "The column with the number, an integer or a float.")
        .required();
    d.option("min", &Options::min, "The smallest number that is passed on.");
  }

  explicit @CLASS@(const Options& options) : field_(options.field.name), min_(options.min) {}

  // Every row of `in` ends in exactly one of emit, drop and fail.
  void process(const flow::Batch& in, flow::Output& out) override {
    const flow_column* column = field_.find(in);
    if (column == nullptr) {
      out.drop(in.rows(), "no value");
    } else if (column->type == FLOW_FLOAT64) {
      pass_on(in, flow::Float64View(*column), out);
    } else if (column->type == FLOW_INT64) {
      pass_on(in, flow::Int64View(*column), out);
    } else {
      for (int64_t row = 0; row < in.rows(); ++row) {
        out.fail(in, row, "not_a_number", "'" + field_.name() + "' is not a number");
      }
    }
  }

 private:
  template <class Numbers>
  void pass_on(const flow::Batch& in, const Numbers& numbers, flow::Output& out) {
    kept_.clear();
    int64_t absent = 0;
    for (int64_t row = 0; row < in.rows(); ++row) {
      if (numbers.is_null(row)) {
        ++absent;
      } else if (static_cast<double>(numbers[row]) >= min_) {
        kept_.push_back(static_cast<int32_t>(row));
      }
    }
    const auto kept = static_cast<int64_t>(kept_.size());
    if (kept == in.rows()) {
      out.emit(in);
    } else if (kept > 0) {
      out.emit(out.select(in, kept_.data(), kept));
    }
    out.drop(absent, "no value");
    out.drop(in.rows() - kept - absent, "below the minimum");
  }

  flow::ColumnFinder field_;
  double min_;
  std::vector<int32_t> kept_;  // reused: nothing is allocated per row
};

}  // namespace

// The identifier is a domain of yours, written backwards.
FLOW_PLUGIN("org.example.@NAME@", "1.0.0", @CLASS@)
)";

constexpr std::string_view kTest = R"(// The operator as users meet it: loaded from its library.
#include <gtest/gtest.h>

#include "flow/testing/check_contract.hpp"
#include "flow/testing/harness.hpp"

namespace {

using flow::testing::ContractSubject;
using flow::testing::Harness;
using flow::testing::Table;

Harness make_@NAME@() {
  return Harness::load(FLOW_PLUGIN_PATH, "@NAME@", {{"field", "temperature"}, {"min", 40.0}});
}

TEST(@CLASS@, PassesOnRowsFromTheMinimumUp) {
  Harness harness = make_@NAME@();
  harness.push({{"temperature", {12.0, 40.0, 41.5}}});
  EXPECT_EQ(harness.pull(), (Table{{"temperature", {40.0, 41.5}}}));
  EXPECT_EQ(harness.dropped("below the minimum"), 1);
}

TEST(@CLASS@, DropsRowsWithoutAValue) {
  Harness harness = make_@NAME@();
  harness.push({{"temperature", {nullptr, 50}}});
  EXPECT_EQ(harness.pull(), (Table{{"temperature", {50}}}));
  EXPECT_EQ(harness.dropped("no value"), 1);
}

TEST(@CLASS@, FailsRowsWhoseFieldIsNoNumber) {
  Harness harness = make_@NAME@();
  harness.push({{"temperature", {"warm"}}});
  ASSERT_EQ(harness.failed().size(), 1U);
  EXPECT_EQ(harness.failed().front().reason, "not_a_number");
}

// Every rule of the plugin interface, tried with random rows, splits, restarts and options.
TEST(@CLASS@, KeepsTheContract) {
  ContractSubject subject;
  subject.inputs = {{{"temperature", {12.0, nullptr, 40.0, 41.5}}}};
  EXPECT_CONTRACT(FLOW_PLUGIN_PATH, "@NAME@", subject);
}

}  // namespace
)";

constexpr std::string_view kPipeline =
    R"(# Tries the plugin out: made-up sensor readings, those from 40 degrees up on the standard output.
#
#   flowrun pipeline.toml --plugin-path build

[pipeline]
plugins = ["@NAME@", "std"]
on_error = "stop"

[sources.readings]
type = "generate"
dataset = "sensors"
rows = 100

[transforms.chosen]
type = "@NAME@"
inputs = ["readings"]
field = "temperature"
min = 40.0

[sinks.terminal]
type = "stdout"
inputs = ["chosen"]
)";

constexpr std::string_view kReadme = R"(# @NAME@

A plugin for flowrun with one operator, `@NAME@`.

```sh
cmake -S . -B build -G Ninja
cmake --build build
ctest --test-dir build --output-on-failure
flowrun inspect @NAME@ --plugin-path build
flowrun pipeline.toml --plugin-path build
```

It needs CMake 3.25, a C++20 compiler, GoogleTest and the flowrun SDK. If flowrun is not installed below `/usr` or
`/usr/local`, add `-D CMAKE_PREFIX_PATH=/opt/flowrun` (or wherever it is) to the first command.

| File | What it is |
|---|---|
| `src/@NAME@.cpp` | the operator, what it says of itself, and the plugin's entry |
| `tests/@NAME@_test.cpp` | its tests, and the check of the plugin contract |
| `pipeline.toml` | a pipeline to try it with |

Begin with `describe` and `process` in `src/@NAME@.cpp`. Before others load the plugin, change its identifier in the last
line. To install it beside flowrun's own plugins: `cmake --install build --prefix /usr/local`.
)";

constexpr std::string_view kGitignore = "/build/\n";

}  // namespace

const std::array<TemplateFile, 6> kPluginTemplates = {{{"CMakeLists.txt", kCMakeLists},
                                                       {"src/@NAME@.cpp", kSource},
                                                       {"tests/@NAME@_test.cpp", kTest},
                                                       {"pipeline.toml", kPipeline},
                                                       {"README.md", kReadme},
                                                       {".gitignore", kGitignore}}};

}  // namespace flowrun::cli
