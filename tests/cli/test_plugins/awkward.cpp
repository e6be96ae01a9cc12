// Operators for the tests of the commands: one whose result depends on the run, one that never
// comes back.
#include <chrono>
#include <thread>

#include "flow/flow.hpp"

namespace {

struct NoOptions {};

class Whimsical final : public flow::Transform {
 public:
  using Options = NoOptions;
  static void describe(flow::Description<Options>& d) {
    d.name("whimsical");
    d.summary("Says that its result depends on the run.");
    d.doc("Passes rows on.");
    d.example("type = \"whimsical\"\ninputs = [\"a\"]\n");
    d.traits(FLOW_SERIAL | FLOW_CLOCK_DEPENDENT | FLOW_ORDER_DEPENDENT);
  }
  void process(const flow::Batch& in, flow::Output& out) override { out.emit(in); }
};

class Deaf final : public flow::Transform {
 public:
  using Options = NoOptions;
  static void describe(flow::Description<Options>& d) {
    d.name("deaf");
    d.summary("Never comes back from its first batch, whoever calls.");
    d.doc("Waits.");
    d.example("type = \"deaf\"\ninputs = [\"a\"]\n");
    d.traits(FLOW_BLOCKING);
  }
  [[noreturn]] void process(const flow::Batch&, flow::Output&) override {
    while (true) std::this_thread::sleep_for(std::chrono::hours(1));
  }
};

}  // namespace

FLOW_PLUGIN("org.flowrun.test.awkward", "1.0.0", Whimsical, Deaf)
