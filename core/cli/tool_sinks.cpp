#include "core/cli/tool_sinks.hpp"

#include <utility>

#include "flow/flow.hpp"

namespace flowrun::cli {
namespace {

RowReceiver& receiver() {
  static RowReceiver the_one;
  return the_one;
}

struct NoOptions {};

class RowsSink final : public flow::Sink {
 public:
  using Options = NoOptions;
  static void describe(flow::Description<Options>& d) {
    d.name(kRowsSink);
    d.summary("Hands rows to a command of flowrun.");
    d.doc("For flowrun's own commands; it can be used by no pipeline file.");
    d.example("type = \"flowrun_rows\"\ninputs = [\"parsed\"]\n");
    d.traits(FLOW_SERIAL | FLOW_BLOCKING);
  }
  void process(const flow::Batch& in, flow::Output&) override {
    if (receiver()) receiver()(in);
  }
};

template <const char* const& kName, std::uint64_t kTraits>
class NowhereSink final : public flow::Sink {
 public:
  using Options = NoOptions;
  static void describe(flow::Description<Options>& d) {
    d.name(kName);
    d.summary("Throws away what it is given.");
    d.doc("For flowrun's own commands; it can be used by no pipeline file.");
    d.example(std::string("type = \"").append(kName).append("\"\ninputs = [\"parsed\"]\n"));
    d.traits(FLOW_SERIAL | FLOW_ANY_ROWS | kTraits);
  }
  void process(const flow::Batch&, flow::Output&) override {}
};

}  // namespace

const PluginLibrary& tool_sinks() {
  using Nowhere = NowhereSink<kNowhereSink, 0>;
  using NowhereMessages = NowhereSink<kNowhereMessagesSink, FLOW_MESSAGES>;
  static const flow_plugin kPlugin = flow::detail::make_plugin<RowsSink, Nowhere, NowhereMessages>(
      "org.flowrun.tools", FLOWRUN_VERSION, "Apache-2.0");
  return PluginLibrary::of(kPlugin, "flowrun");
}

ReceivingRows::ReceivingRows(RowReceiver taker) { receiver() = std::move(taker); }

ReceivingRows::~ReceivingRows() { receiver() = nullptr; }

ComponentSpecification tool_sink(const std::string& type, const std::string& id,
                                 InputReference reference) {
  ComponentSpecification sink;
  sink.kind = FLOW_SINK;
  sink.id = id;
  sink.type.value = type;
  sink.inputs.push_back({"", reference.place, {std::move(reference)}});
  return sink;
}

}  // namespace flowrun::cli
