#include "core/graph/known_schemas.hpp"

#include <optional>
#include <string_view>

#include "core/graph/dead_letter.hpp"
#include "core/observe/row_text.hpp"
#include "flow/inference.hpp"

namespace flowrun {
namespace {

class Walker {
 public:
  Walker(const BoundPipeline& pipeline, const MadeComponents& made, Diagnostics& found,
         const DocumentReader& read)
      : pipeline_(pipeline), made_(made), found_(found), read_(read) {}

  InferredSchemas run() {
    for (const std::size_t index : pipeline_.order) {
      const BoundComponent& bound = pipeline_.components[index];
      const std::vector<KnownSchema> inputs = inputs_of(bound);
      switch (bound.descriptor().kind) {
        case FLOW_SOURCE:
          walk_source(index);
          break;
        case FLOW_SINK:
          walk_sink(index, inputs);
          break;
        default:
          record(index, ask(index, made_.operator_of(index), false, FLOW_ROLE_NONE, inputs));
          break;
      }
      record_errors(index);
    }
    return {std::move(schemas_), std::move(dependences_)};
  }

 private:
  using Outputs = std::map<std::uint32_t, KnownSchema>;  // by port
  // What one question is about, and what came of it.
  struct Question {
    Walker* walker = nullptr;
    std::size_t component = 0;
    bool of_codec = false;
    Outputs outputs;
  };

  std::vector<KnownSchema> inputs_of(const BoundComponent& bound) const {
    std::vector<KnownSchema> inputs(bound.descriptor().n_inputs);
    std::vector<bool> seen(inputs.size(), false);
    for (const BoundInput& edge : bound.inputs) {
      const auto at = schemas_.find({edge.from, edge.from_port});
      const KnownSchema from = at != schemas_.end() ? at->second : KnownSchema();
      KnownSchema& input = inputs[edge.port];
      if (!seen[edge.port]) {
        input = from;
      } else if (input.schema.get() != from.schema.get()) {
        input = {};  // batches of either kind come
      } else {
        input.open |= from.open;
      }
      seen[edge.port] = true;
    }
    return inputs;
  }

  void walk_source(std::size_t index) {
    Outputs outputs = ask(index, made_.operator_of(index), false, FLOW_ROLE_NONE, {});
    if (const auto codec = made_.codec_of(index)) {
      const KnownSchema sent = outputs[0];
      outputs = ask(index, *codec, true, FLOW_ROLE_DECODE, {sent});
      const std::uint64_t traits = pipeline_.components[index].descriptor().traits;
      if ((traits & FLOW_MESSAGES) != 0 && outputs[0].schema) {
        outputs[0] = beside_messages(outputs[0], sent, *codec);
      }
    }
    record(index, outputs);
  }

  // What a decoder makes of messages, with the columns that stand beside their bytes.
  static KnownSchema beside_messages(const KnownSchema& rows, const KnownSchema& messages,
                                     const MadeComponent& made) {
    if (!messages.schema) return {};
    flow::Fields added = flow::fields_of(*messages.schema);
    added.erase(added.begin());
    const flow::Fields fields = flow::with_fields(flow::fields_of(*rows.schema), added);
    const flow_schema* schema = flow::detail::schema_of(made.host->abi(), fields);
    return {flow::Reference<const flow_schema>::adopt(schema), rows.open || messages.open};
  }

  // The sink is asked about the rows, not about what the codec makes of them: fields that its
  // options name, and that it keeps beside the bytes, are theirs.
  void walk_sink(std::size_t index, const std::vector<KnownSchema>& inputs) {
    if (const auto codec = made_.codec_of(index))
      ask(index, *codec, true, FLOW_ROLE_ENCODE, inputs);
    ask(index, made_.operator_of(index), false, FLOW_ROLE_NONE, inputs);
  }

  void record(std::size_t index, const Outputs& outputs) {
    for (const auto& [port, known] : outputs) {
      if (known.schema) schemas_[{index, port}] = known;
    }
  }

  // The engine makes these rows, whatever the operator is.
  void record_errors(std::size_t index) {
    const flow_descriptor& descriptor = pipeline_.components[index].descriptor();
    const MadeComponent made = made_.operator_of(index);
    const flow_schema* schema = flow::detail::schema_of(made.host->abi(), dead_letter_fields());
    const KnownSchema known{flow::Reference<const flow_schema>::adopt(schema), false};
    for (std::uint32_t port = 0; port < descriptor.n_outputs; ++port) {
      if (std::string_view(descriptor.outputs[port]->name) == "errors") {
        schemas_[{index, port}] = known;
      }
    }
    if (pipeline_.components[index].codec) schemas_[{index, kCodecErrorsPort}] = known;
  }

  Outputs ask(std::size_t index, const MadeComponent& made, bool of_codec, flow_role role,
              const std::vector<KnownSchema>& inputs) {
    Question question{this, index, of_codec, {}};
    if (made.component == nullptr) {
      if (made.host->option_problem()) add(locate(question, *made.host->option_problem()));
      return {};
    }
    flow_component* component = made.component;
    if (!FLOW_HAS(flow_component, component, extension) || component->extension == nullptr) {
      return {};
    }
    const auto* schemas =
        static_cast<const flow_schemas*>(component->extension(component, FLOW_EXTENSION_SCHEMAS));
    if (schemas == nullptr) return {};

    std::vector<flow_known_schema> known;
    known.reserve(inputs.size());
    for (const KnownSchema& input : inputs) {
      known.push_back({sizeof(flow_known_schema), input.open ? 1U : 0U, input.schema.get()});
    }
    std::vector<const flow_known_schema*> pointers;
    pointers.reserve(inputs.size());
    for (const flow_known_schema& input : known) {
      pointers.push_back(input.schema != nullptr ? &input : nullptr);
    }
    flow_inference inference{};
    inference.size = sizeof inference;
    inference.n_inputs = static_cast<std::uint32_t>(pointers.size());
    inference.self = &question;
    inference.inputs = pointers.data();
    inference.output = [](const flow_inference* asked, std::uint32_t port,
                          const flow_known_schema* output) {
      static_cast<Question*>(asked->self)->outputs[port] = {
          flow::Reference<const flow_schema>::share(output->schema), output->open != 0};
    };
    inference.problem = [](const flow_inference* asked, const flow_option_problem* problem) {
      const Question& self = *static_cast<Question*>(asked->self);
      Walker& walker = *self.walker;
      walker.add(walker.locate(self, OptionProblem::from(*problem)));
    };
    inference.warn = [](const flow_inference* asked, const flow_option_problem* problem) {
      const Question& self = *static_cast<Question*>(asked->self);
      Walker& walker = *self.walker;
      const Diagnostic found = walker.locate(self, OptionProblem::from(*problem));
      walker.found_.warning(found.place, found.key_path, found.message, found.remedy);
    };
    inference.depend = [](const flow_inference* asked, std::uint64_t traits,
                          const flow_option_problem* why) {
      const Question& self = *static_cast<Question*>(asked->self);
      Walker& walker = *self.walker;
      walker.dependences_.push_back({traits, walker.locate(self, OptionProblem::from(*why))});
    };
    const flow_status status = schemas->infer(component, made.host->abi(), role, &inference);
    return status == FLOW_DONE ? std::move(question.outputs) : Outputs();
  }

  void add(const Diagnostic& error) {
    found_.error(error.place, error.key_path, error.message, error.remedy);
  }

  Diagnostic locate(const Question& question, const OptionProblem& problem) {
    return flowrun::locate(pipeline_.specification.components[question.component],
                           question.of_codec, problem,
                           [&](const std::string& file) { return document(file); });
  }

  const std::string& document(const std::string& file) {
    const auto [at, added] = documents_.try_emplace(file);
    if (added) at->second = read_(file);
    return at->second;
  }

  const BoundPipeline& pipeline_;
  const MadeComponents& made_;
  Diagnostics& found_;
  const DocumentReader& read_;
  PortSchemas schemas_;
  std::vector<Dependence> dependences_;
  std::map<std::string, std::string> documents_;  // text by file
};

}  // namespace

InferredSchemas infer_schemas(const BoundPipeline& pipeline, const MadeComponents& made,
                              Diagnostics& found, const DocumentReader& read) {
  return Walker(pipeline, made, found, read).run();
}

std::string to_string(const KnownSchema& known) {
  if (!known.schema) return "?";
  std::string text;
  for (std::uint32_t i = 0; i < known.schema->n_fields; ++i) {
    const flow_field& field = *known.schema->fields[i];
    text.append(i > 0 ? ", " : "").append(field.name).append(" ").append(type_text(field));
  }
  if (known.open) text += text.empty() ? "..." : ", ...";
  return text;
}

}  // namespace flowrun
