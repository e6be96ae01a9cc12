// The physical plan: which operators run fused, which serially, and the edges between.
//
// Rules
// - A stateless operator joins the chain of its producers if they are all in one chain; else it
//   begins a chain. A source's decoder begins one, a sink's encoder joins the one that feeds it.
// - A keyed operator is a node of its own with several instances; what is serial or blocking is
//   one of its own with one instance. What may wait, as a blocking operator or for the commit of a
//   checkpoint, has a thread for it.
// - Rows that fail go to whoever reads the component's `errors`, else, by `on_error`, to the
//   dead-letter sink, which is an ordinary `file` sink that the plan adds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/config/binding.hpp"

namespace flowrun {

// The id of the sink for rows whose `errors` port nobody reads.
inline constexpr const char* kDeadLetterId = "dead_letter";

// Adds the dead-letter sink, if a component needs it. Problems (no `file` operator, no `json`
// codec, the id is taken) go to `found`.
void add_dead_letter_sink(BoundPipeline& pipeline, const Registry& registry, Diagnostics& found);

// Where a step's output goes: to a step of the same node, or to an edge.
struct PlanTarget {
  bool to_edge = false;
  std::size_t index = 0;   // of the step in its node, or of the edge in the plan
  std::uint32_t port = 0;  // input of that step
};

struct PlanStep {
  std::size_t component = 0;  // index in the BoundPipeline
  flow_role role = FLOW_ROLE_NONE;
  std::vector<std::vector<PlanTarget>> outputs;  // by output port
  std::vector<PlanTarget> errors;
  bool can_fail = false;  // declares an `errors` port
};

enum class NodeKind {
  kSource,  // polls on a thread of its own; one step
  kChain,   // stateless steps, many instances at once
  kSerial,  // one step, one instance
  kKeyed,   // one step, an instance for each share of the keys
  kThread   // one step that may block, on a thread of its own
};

struct PlanNode {
  NodeKind kind = NodeKind::kChain;
  std::vector<PlanStep> steps;
  std::vector<std::size_t> inputs;  // edges, in the order of their making
  int instances = 0;                // of a keyed node; 0: as many as the pipeline's parallelism
};

struct PlanEdge {
  std::string name;              // eg: "page -> index"
  std::size_t from = 0, to = 0;  // nodes
  std::size_t to_step = 0;
  std::uint32_t to_port = 0;
  std::vector<std::string> key_fields;  // into a keyed node
};

struct Plan {
  std::vector<PlanNode> nodes;
  std::vector<PlanEdge> edges;
};

// REQUIRES: binding found no errors, and add_dead_letter_sink was called.
Plan make_plan(const BoundPipeline& pipeline);

// What `flowrun graph` prints.
enum class DrawingFormat { kMermaid, kDot };
std::string draw_logical(const BoundPipeline& pipeline, DrawingFormat format);
std::string draw_physical(const BoundPipeline& pipeline, const Plan& plan, int parallelism,
                          DrawingFormat format);

}  // namespace flowrun
