// The rule `schemas`: what an operator infers is what it emits.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "flow/inference.hpp"
#include "flow/testing/contract/subject.hpp"
#include "flow/testing/host.hpp"

namespace flow::testing::contract {

// What one question to a component brought.
struct Inferred {
  struct Known {
    Reference<const flow_schema> schema;
    bool open = false;
  };
  flow_status status = FLOW_DONE;
  std::map<uint32_t, Known> outputs;                          // by port
  std::vector<std::string> problems;                          // "option.item: message (remedy)"
  std::vector<std::string> warnings;                          // the same; no violation
  std::vector<std::pair<uint64_t, std::string>> dependences;  // traits, and why
  std::vector<std::string> misuse;

  // Nothing, and a misuse, without option or message. `what`: eg "a problem".
  std::optional<std::string> text_of(const flow_option_problem& problem, const char* what) {
    if (problem.option == nullptr || problem.message == nullptr) {
      misuse.push_back(std::string(what) + " without option or message");
      return std::nullopt;
    }
    std::string text = problem.option;
    if (problem.item != nullptr) text.append(".").append(problem.item);
    text.append(": ").append(problem.message);
    if (problem.remedy != nullptr) text.append(" (").append(problem.remedy).append(")");
    return text;
  }
};

// Asks a component; nothing where it infers no schemas. NULL inputs are not known.
inline std::optional<Inferred> infer_schemas(flow_component* component, const flow_host* host,
                                             flow_role role,
                                             const std::vector<const flow_schema*>& inputs) {
  if (component == nullptr || !FLOW_HAS(flow_component, component, extension) ||
      component->extension == nullptr) {
    return std::nullopt;
  }
  const auto* schemas =
      static_cast<const flow_schemas*>(component->extension(component, FLOW_EXTENSION_SCHEMAS));
  if (schemas == nullptr) return std::nullopt;
  std::vector<flow_known_schema> known;
  known.reserve(inputs.size());
  for (const flow_schema* input : inputs) {
    known.push_back({.size = sizeof(flow_known_schema), .open = 0, .schema = input});
  }
  std::vector<const flow_known_schema*> pointers;
  pointers.reserve(inputs.size());
  for (const flow_known_schema& input : known) {
    pointers.push_back(input.schema == nullptr ? nullptr : &input);
  }
  Inferred answers;
  flow_inference inference{};
  inference.size = sizeof inference;
  inference.n_inputs = static_cast<uint32_t>(inputs.size());
  inference.self = &answers;
  inference.inputs = pointers.data();
  inference.output = [](const flow_inference* asked, uint32_t port,
                        const flow_known_schema* output) {
    static_cast<Inferred*>(asked->self)->outputs[port] = {
        Reference<const flow_schema>::share(output->schema), output->open != 0};
  };
  inference.problem = [](const flow_inference* asked, const flow_option_problem* problem) {
    auto& self = *static_cast<Inferred*>(asked->self);
    if (auto text = self.text_of(*problem, "a problem")) self.problems.push_back(std::move(*text));
  };
  inference.warn = [](const flow_inference* asked, const flow_option_problem* problem) {
    auto& self = *static_cast<Inferred*>(asked->self);
    if (auto text = self.text_of(*problem, "a warning")) self.warnings.push_back(std::move(*text));
  };
  inference.depend = [](const flow_inference* asked, uint64_t traits,
                        const flow_option_problem* why) {
    auto& self = *static_cast<Inferred*>(asked->self);
    constexpr uint64_t kKnown = FLOW_CLOCK_DEPENDENT | FLOW_ORDER_DEPENDENT;
    if (traits == 0 || (traits & ~kKnown) != 0) {
      self.misuse.emplace_back("depends on something other than the clock and the order");
    }
    if (auto text = self.text_of(*why, "a dependence")) {
      self.dependences.emplace_back(traits, std::move(*text));
    }
  };
  answers.status = schemas->infer(component, host, role, &inference);
  return answers;
}

// Holds the answers of one component against the batches that its instance emits.
class InferenceCheck {
 public:
  explicit InferenceCheck(Findings& findings) : findings_(findings) {}

  // What comes next is emitted because of such input; NULL: of none, or of input not known.
  void ask(flow_component* component, TestHost& host, const flow_descriptor& descriptor,
           flow_role role, uint32_t input, const flow_schema* schema) {
    if (asked_ && asked_for_.get() == schema && asked_input_ == input) return;
    asked_ = true;
    asked_input_ = input;
    if (schema != nullptr) asked_for_ = Reference<const flow_schema>::share(schema);
    std::vector<const flow_schema*> inputs(std::max(descriptor.n_inputs, input + 1), nullptr);
    if (descriptor.kind == FLOW_SOURCE) inputs.clear();
    if (!inputs.empty()) inputs[input] = schema;
    try {
      answers_ = infer_schemas(component, host.abi(), role, inputs);
    } catch (const std::exception& thrown) {
      findings_.add("exception", std::string("infer lets one out: ") + thrown.what());
    }
    if (!answers_) return;
    for (const std::string& misuse : answers_->misuse) findings_.add("schemas", misuse);
    for (const auto& [port, known] : answers_->outputs) {
      if (port >= host.emitted.size()) {
        findings_.add("schemas", "infers output " + std::to_string(port) + ", which is not there");
      }
    }
    if (answers_->status != FLOW_DONE && host.error.empty()) {
      findings_.add("error_message", "infer fails without host->error");
    }
  }

  void check(uint32_t port, const Batch& batch) {
    if (!answers_ || answers_->status != FLOW_DONE) return;
    if (!answers_->problems.empty()) {
      findings_.add("schemas", "passes rows on whose columns it calls impossible: " +
                                   answers_->problems.front());
      return;
    }
    const auto known = answers_->outputs.find(port);
    if (known == answers_->outputs.end()) return;
    const Fields emitted = fields_of(batch.schema());
    const Fields inferred = fields_of(*known->second.schema);
    if (!known->second.open && emitted.size() != inferred.size()) {
      findings_.add("schemas", "emits " + names(emitted) + " and not " + names(inferred) +
                                   ", which it infers");
      return;
    }
    for (size_t i = 0; i < inferred.size(); ++i) {
      const Type* type = nullptr;
      if (!known->second.open) {
        if (emitted[i].first == inferred[i].first) type = &emitted[i].second;
      } else {
        for (const auto& [name, found] : emitted) {
          if (name == inferred[i].first) type = &found;
        }
      }
      if (type == nullptr) {
        findings_.add("schemas", "emits " + names(emitted) + " and not " + names(inferred) +
                                     ", which it infers");
      } else if (!same(*type, inferred[i].second)) {
        findings_.add("schemas", "column '" + inferred[i].first + "' is " +
                                     std::string(type_name(type->id())) + ", and inferred to be " +
                                     std::string(type_name(inferred[i].second.id())));
      }
    }
  }

 private:
  static std::string names(const Fields& fields) {
    std::string list;
    for (const auto& [name, type] : fields) list.append(list.empty() ? "" : ", ").append(name);
    return "columns [" + list + "]";
  }
  // A dictionary that is full falls back to text: the two are one type.
  static bool same(const Type& a, const Type& b) {
    const auto plain = [](const Type& type) {
      return type.id() == FLOW_CATEGORY ? FLOW_TEXT : type.id();
    };
    if (plain(a) != plain(b) || a.children().size() != b.children().size()) return false;
    for (size_t i = 0; i < a.children().size(); ++i) {
      if (a.children()[i].first != b.children()[i].first ||
          !same(a.children()[i].second, b.children()[i].second)) {
        return false;
      }
    }
    return true;
  }

  Findings& findings_;
  bool asked_ = false;
  uint32_t asked_input_ = 0;
  Reference<const flow_schema> asked_for_;
  std::optional<Inferred> answers_;
};

}  // namespace flow::testing::contract
