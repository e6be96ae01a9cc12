#include "operators/sinks/discard.hpp"

namespace flow::operators {

void DiscardSink::describe(Description<Options>& description) {
  description.name("discard");
  description.summary("Takes rows and throws them away, counting them as delivered.");
  description.doc(R"(Takes rows of any kind, in any order and on all cores at once. Has no options
of its own. Meant for measuring the rest of a pipeline, and for ports that are known not to
matter: what goes here is counted as delivered, where an unwired `errors` port would fill the
dead-letter file.

With `encoding` the rows are encoded first, which measures the codec too; without it nothing is
done to them.)");
  description.example(R"(type = "discard"
inputs = ["parsed"]
)");
  description.traits(FLOW_STATELESS | FLOW_ANY_ROWS);
}

}  // namespace flow::operators
