// draw_logical and draw_physical: a plan becomes boxes and arrows, and those become text.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/config/names.hpp"
#include "core/graph/plan.hpp"
#include "flow/utf8.hpp"

namespace flowrun {
namespace {

// An option's value is cut to this many characters in a drawing.
constexpr std::size_t kLongestValue = 40;

enum class Shape { kSource, kStep, kSink };

struct Box {
  std::string id;
  Shape shape = Shape::kStep;
  std::vector<std::string> lines;
};

struct Group {
  std::string id;
  std::string title;  // empty: the boxes stand by themselves
  std::vector<Box> boxes;
};

struct Arrow {
  std::string from, to;
  std::string label;
  bool errors = false;
  bool queue = false;  // rows wait here for the next node
};

struct Drawing {
  std::vector<Group> groups;
  std::vector<Arrow> arrows;
};

std::string box_id(std::size_t node, std::size_t step) { return fmt::format("n{}_{}", node, step); }

std::string shortened(std::string text) {
  if (text.size() <= kLongestValue) return text;
  return std::string(flow::utf8_prefix(text, kLongestValue - 3)) + "...";
}

bool is_secret(const flow_descriptor& descriptor, std::string_view name) {
  return std::any_of(descriptor.options, descriptor.options + descriptor.n_options,
                     [&](const flow_option* option) {
                       return option->name == name && option->type == FLOW_OPTION_SECRET;
                     });
}

// A value as one would write it in a file; tables only by their size.
std::string written(const Value& value) {
  if (const std::string* text = value.text()) return *text;
  if (const Value::List* list = value.list()) {
    std::string result;
    for (const Value& item : *list) result += (result.empty() ? "" : ", ") + written(item);
    return fmt::format("[{}]", result);
  }
  if (const Value::Table* table = value.table()) {
    std::string result;
    for (const Member& member : *table) result += (result.empty() ? "" : ", ") + member.name;
    return fmt::format("{{{}}}", result);
  }
  return brief(value);
}

// What the file says about a component; not the defaults.
void add_options(std::vector<std::string>& lines, const Value::Table& options,
                 const flow_descriptor& descriptor) {
  for (const Member& option : options) {
    const bool secret = is_secret(descriptor, option.name);
    lines.push_back(option.name + " = " +
                    (secret ? std::string("***") : shortened(written(option.value))));
  }
}

Shape shape_of(flow_kind kind) {
  if (kind == FLOW_SOURCE) return Shape::kSource;
  return kind == FLOW_SINK ? Shape::kSink : Shape::kStep;
}

Box component_box(const BoundPipeline& pipeline, std::size_t index, std::string id) {
  const BoundComponent& component = pipeline.components[index];
  const ComponentSpecification& specification = pipeline.specification.components[index];
  Box box;
  box.id = std::move(id);
  box.shape = shape_of(component.descriptor().kind);
  box.lines = {specification.id, component.descriptor().name};
  add_options(box.lines, specification.options, component.descriptor());
  return box;
}

// ---- the two drawings ----

Drawing logical_drawing(const BoundPipeline& pipeline) {
  Drawing drawing;
  Group all;
  for (std::size_t i = 0; i < pipeline.components.size(); ++i) {
    const BoundComponent& component = pipeline.components[i];
    Box box = component_box(pipeline, i, box_id(i, 0));
    if (component.codec) {
      box.lines.push_back(
          (component.descriptor().kind == FLOW_SOURCE ? "decoding = " : "encoding = ") +
          std::string(component.codec->codec.descriptor->name));
    }
    all.boxes.push_back(std::move(box));
    for (const BoundInput& input : component.inputs) {
      Arrow arrow{box_id(input.from, 0), box_id(i, 0), {}, input.from_port_name == "errors", false};
      if (input.from_port_name != "out") arrow.label = input.from_port_name;
      if (component.descriptor().n_inputs > 1) {
        arrow.label += (arrow.label.empty() ? "" : " as ") +
                       std::string(component.descriptor().inputs[input.port]->name);
      }
      drawing.arrows.push_back(std::move(arrow));
    }
  }
  drawing.groups.push_back(std::move(all));
  return drawing;
}

class PhysicalDrawing {
 public:
  PhysicalDrawing(const BoundPipeline& pipeline, const Plan& plan, int parallelism)
      : pipeline_(pipeline), plan_(plan), parallelism_(parallelism) {}

  Drawing draw() {
    for (std::size_t i = 0; i < plan_.nodes.size(); ++i) draw_node(i);
    return std::move(drawing_);
  }

 private:
  std::string title(const PlanNode& node) const {
    const std::string times = fmt::format(" x {}", parallelism_);
    switch (node.kind) {
      case NodeKind::kSource:
        return "source: own thread";
      case NodeKind::kChain:
        return (node.steps.size() > 1 ? "fused chain" : "chain") + times;
      case NodeKind::kSerial:
        return "serial: one instance, in order";
      case NodeKind::kKeyed:
        return fmt::format("keyed x {}", node.instances > 0 ? node.instances : parallelism_);
      case NodeKind::kThread:
        return "own thread: may wait";
    }
    return {};
  }

  Box step_box(std::size_t node, std::size_t index) const {
    const PlanStep& step = plan_.nodes[node].steps[index];
    if (step.role == FLOW_ROLE_NONE) {
      return component_box(pipeline_, step.component, box_id(node, index));
    }
    const BoundComponent& component = pipeline_.components[step.component];
    const ComponentSpecification& specification =
        pipeline_.specification.components[step.component];
    const flow_descriptor& codec = *component.codec->codec.descriptor;
    const bool decodes = step.role == FLOW_ROLE_DECODE;
    Box box;
    box.id = box_id(node, index);
    box.lines = {specification.id, (decodes ? "decode " : "encode ") + std::string(codec.name)};
    const auto& given = decodes ? specification.decoding : specification.encoding;
    if (given) add_options(box.lines, given->options, codec);
    return box;
  }

  void draw_node(std::size_t index) {
    const PlanNode& node = plan_.nodes[index];
    Group group;
    group.id = fmt::format("g{}", index);
    group.title = title(node);
    for (std::size_t i = 0; i < node.steps.size(); ++i) {
      group.boxes.push_back(step_box(index, i));
      const PlanStep& step = node.steps[i];
      for (std::size_t port = 0; port < step.outputs.size(); ++port) {
        draw_arrows(index, i, step.outputs[port], port_name(step, port), false);
      }
      draw_arrows(index, i, step.errors, "errors", true);
    }
    drawing_.groups.push_back(std::move(group));
  }

  std::string port_name(const PlanStep& step, std::size_t port) const {
    if (step.role != FLOW_ROLE_NONE) return {};
    const flow_descriptor& descriptor = pipeline_.components[step.component].descriptor();
    if (port >= descriptor.n_outputs) return {};
    const std::string name = descriptor.outputs[port]->name;
    return name == "out" ? "" : name;
  }

  void draw_arrows(std::size_t node, std::size_t step, const std::vector<PlanTarget>& targets,
                   const std::string& label, bool errors) {
    for (const PlanTarget& target : targets) {
      Arrow arrow{box_id(node, step), {}, label, errors, target.to_edge};
      if (target.to_edge) {
        const PlanEdge& edge = plan_.edges[target.index];
        arrow.to = box_id(edge.to, edge.to_step);
        if (!edge.key_fields.empty()) {
          arrow.label += (label.empty() ? "by " : ", by ") + enumerate(edge.key_fields);
        }
      } else {
        arrow.to = box_id(node, target.index);
      }
      drawing_.arrows.push_back(std::move(arrow));
    }
  }

  const BoundPipeline& pipeline_;
  const Plan& plan_;
  const int parallelism_;
  Drawing drawing_;
};

// ---- the two formats ----

std::string replaced(std::string_view text,
                     const std::vector<std::pair<char, std::string_view>>& replacements) {
  std::string result;
  for (const char c : text) {
    const auto found =
        std::find_if(replacements.begin(), replacements.end(),
                     [c](const auto& replacement) { return replacement.first == c; });
    if (found != replacements.end()) {
      result += found->second;
    } else {
      result += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return result;
}

std::string mermaid_text(std::string_view text) {
  return replaced(text, {{'"', "#quot;"}, {'#', "#35;"}, {'<', "#lt;"}, {'>', "#gt;"}});
}

std::string mermaid_box(const Box& box) {
  std::string label;
  for (const std::string& line : box.lines) {
    const std::string text = mermaid_text(line);
    label += label.empty() ? "<b>" + text + "</b>" : "<br/>" + text;
  }
  switch (box.shape) {
    case Shape::kSource:
      return box.id + "([\"" + label + "\"])";
    case Shape::kSink:
      return box.id + "[(\"" + label + "\")]";
    case Shape::kStep:
      break;
  }
  return box.id + "[\"" + label + "\"]";
}

std::string mermaid(const Drawing& drawing) {
  std::string text = "flowchart LR\n";
  for (const Group& group : drawing.groups) {
    const bool framed = !group.title.empty();
    if (framed) text += "  subgraph " + group.id + "[\"" + mermaid_text(group.title) + "\"]\n";
    for (const Box& box : group.boxes) text += (framed ? "    " : "  ") + mermaid_box(box) + "\n";
    if (framed) text += "  end\n";
  }
  for (const Arrow& arrow : drawing.arrows) {
    std::string line = arrow.errors ? "-.->" : arrow.queue ? "==>" : "-->";
    if (!arrow.label.empty()) line += "|\"" + mermaid_text(arrow.label) + "\"|";
    text += "  " + arrow.from + " " + line + " " + arrow.to + "\n";
  }
  return text;
}

std::string dot_text(std::string_view text) {
  return '"' + replaced(text, {{'"', "\\\""}, {'\\', "\\\\"}}) + '"';
}

std::string dot_box(const Box& box) {
  std::string label;
  for (const std::string& line : box.lines) {
    const std::string quoted = dot_text(line);
    label += (label.empty() ? "" : "\\n") + quoted.substr(1, quoted.size() - 2);
  }
  const char* shape = box.shape == Shape::kSource ? "oval"
                      : box.shape == Shape::kSink ? "cylinder"
                                                  : "box";
  return box.id + " [shape=" + shape + ", label=\"" + label + "\"];";
}

std::string dot(const Drawing& drawing, const std::string& name) {
  std::string text = "digraph " + dot_text(name) + " {\n  rankdir=LR;\n  node [fontname=sans];\n";
  for (const Group& group : drawing.groups) {
    const bool framed = !group.title.empty();
    if (framed) {
      text += "  subgraph cluster_" + group.id + " {\n    label=" + dot_text(group.title) + ";\n";
    }
    for (const Box& box : group.boxes) text += (framed ? "    " : "  ") + dot_box(box) + "\n";
    if (framed) text += "  }\n";
  }
  for (const Arrow& arrow : drawing.arrows) {
    std::vector<std::string> attributes;
    if (!arrow.label.empty()) attributes.push_back("label=" + dot_text(arrow.label));
    if (arrow.errors) {
      attributes.emplace_back("style=dashed");
    } else if (arrow.queue) {
      attributes.emplace_back("style=bold");
    }
    std::string list;
    for (const std::string& attribute : attributes) list += (list.empty() ? "" : ", ") + attribute;
    text += "  " + arrow.from + " -> " + arrow.to + (list.empty() ? "" : " [" + list + "]") + ";\n";
  }
  return text + "}\n";
}

std::string render(const Drawing& drawing, const std::string& name, DrawingFormat format) {
  return format == DrawingFormat::kMermaid ? mermaid(drawing) : dot(drawing, name);
}

}  // namespace

std::string draw_logical(const BoundPipeline& pipeline, DrawingFormat format) {
  return render(logical_drawing(pipeline), pipeline.specification.name.value, format);
}

std::string draw_physical(const BoundPipeline& pipeline, const Plan& plan, int parallelism,
                          DrawingFormat format) {
  return render(PhysicalDrawing(pipeline, plan, parallelism).draw(),
                pipeline.specification.name.value, format);
}

}  // namespace flowrun
