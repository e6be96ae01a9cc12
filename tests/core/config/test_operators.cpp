#include "tests/core/config/test_operators.hpp"

#include <string>

namespace flowrun {
namespace {

constexpr flow_port port(const char* name) {
  return {sizeof(flow_port), 0, name, "Rows.", nullptr};
}

constexpr flow_port kIn = port("in"), kOut = port("out"), kErrors = port("errors"),
                    kRejected = port("rejected"), kLeft = port("left"), kRight = port("right");
constexpr const flow_port* kOnlyIn[] = {&kIn};
constexpr const flow_port* kOnlyOut[] = {&kOut};
constexpr const flow_port* kOnlyErrors[] = {&kErrors};
constexpr const flow_port* kOutAndErrors[] = {&kOut, &kErrors};
constexpr const flow_port* kOutRejectedErrors[] = {&kOut, &kRejected, &kErrors};
constexpr const flow_port* kLeftAndRight[] = {&kLeft, &kRight};

constexpr flow_option option(flow_option_type type, const char* name, int required,
                             const char* default_toml, const char* const* choices) {
  return {sizeof(flow_option), type, name, "Something.", default_toml, required, 0, 0, 0, choices};
}

constexpr const char* kNullChoices[] = {"omit", "write", nullptr};
constexpr flow_option kField = option(FLOW_OPTION_FIELD, "field", 1, nullptr, nullptr);
constexpr flow_option kPath = option(FLOW_OPTION_TEXT, "path", 1, nullptr, nullptr);
constexpr flow_option kPassword = option(FLOW_OPTION_SECRET, "password", 0, nullptr, nullptr);
constexpr flow_option kNulls = option(FLOW_OPTION_CHOICE, "nulls", 0, "\"omit\"", kNullChoices);
constexpr const flow_option* kMatchOptions[] = {&kField};
constexpr const flow_option* kStoreOptions[] = {&kPath, &kPassword};
constexpr const flow_option* kJsonOptions[] = {&kNulls};

flow_descriptor descriptor(flow_kind kind, const char* name, const char* example,
                           std::uint64_t traits = 0) {
  flow_descriptor d{};
  d.size = sizeof d;
  d.kind = kind;
  d.traits = traits;
  d.name = name;
  d.summary = "Does something.";
  d.doc = "Does something.";
  d.example_toml = example;
  if (kind != FLOW_SOURCE && kind != FLOW_CODEC) {
    d.inputs = kOnlyIn;
    d.n_inputs = 1;
  }
  if (kind != FLOW_SINK && kind != FLOW_CODEC) {
    d.outputs = kOnlyOut;
    d.n_outputs = 1;
  }
  return d;
}

template <std::uint32_t N>
flow_descriptor with_options(flow_descriptor d, const flow_option* const (&options)[N]) {
  d.options = options;
  d.n_options = N;
  return d;
}

template <std::uint32_t N>
flow_descriptor with_outputs(flow_descriptor d, const flow_port* const (&outputs)[N]) {
  d.outputs = outputs;
  d.n_outputs = N;
  return d;
}

flow_descriptor join() {
  flow_descriptor d = descriptor(FLOW_TRANSFORM, "join", "type = \"join\"");
  d.inputs = kLeftAndRight;
  d.n_inputs = 2;
  return d;
}

flow_component* no_component(const flow_host*, const flow_descriptor*, const flow_value* const*) {
  return nullptr;
}

const flow_descriptor kDescriptors[] = {
    descriptor(FLOW_SOURCE, "bytes", "type = \"bytes\"", FLOW_BYTES),
    descriptor(FLOW_SOURCE, "messages", "type = \"messages\"", FLOW_MESSAGES),
    descriptor(FLOW_SOURCE, "rows", "type = \"rows\""),
    descriptor(FLOW_SOURCE, "twin", "type = \"twin\""),
    descriptor(FLOW_SINK, "twin", "type = \"twin\""),
    descriptor(FLOW_TRANSFORM, "pass", "type = \"pass\""),
    descriptor(FLOW_TRANSFORM, "count", "type = \"count\"", FLOW_KEYED),
    with_outputs(with_options(descriptor(FLOW_TRANSFORM, "match",
                                         "[transforms.m]\ntype = \"match\"\nfield = \"host\"\n"),
                              kMatchOptions),
                 kOutRejectedErrors),
    with_outputs(descriptor(FLOW_TRANSFORM, "split", "type = \"split\""), kLeftAndRight),
    join(),
    with_options(descriptor(FLOW_SINK, "store", "type = \"store\"\npath = \"x\"", FLOW_BYTES),
                 kStoreOptions),
    descriptor(FLOW_SINK, "send", "type = \"send\"", FLOW_MESSAGES),
    with_outputs(descriptor(FLOW_SINK, "table", "type = \"table\""), kOnlyErrors),
    descriptor(FLOW_CODEC, "lines", "[sources.a]\ntype = \"bytes\"\ndecoding = \"lines\"\n",
               FLOW_DECODES),
    with_outputs(with_options(descriptor(FLOW_CODEC, "json",
                                         "[sinks.a]\ntype = \"store\"\n"
                                         "encoding = { type = \"json\", nulls = \"write\" }\n",
                                         FLOW_DECODES | FLOW_ENCODES),
                              kJsonOptions),
                 kOutAndErrors),
    descriptor(FLOW_CODEC, "report", "type = \"report\"", FLOW_ENCODES),
};
constexpr std::size_t kCount = sizeof kDescriptors / sizeof kDescriptors[0];

}  // namespace

const flow_plugin& test_operators() {
  static const flow_descriptor* pointers[kCount];
  static const flow_plugin kPlugin = [] {
    for (std::size_t i = 0; i < kCount; ++i) pointers[i] = &kDescriptors[i];
    return flow_plugin{sizeof(flow_plugin),
                       FLOW_ABI_MAJOR,
                       FLOW_ABI_MINOR,
                       kCount,
                       "org.flowrun.test.operators",
                       "1.0.0",
                       "Apache-2.0",
                       pointers,
                       no_component};
  }();
  return kPlugin;
}

}  // namespace flowrun
