// Schemas before a run: what an operator says of its outputs when the columns of its inputs are
// known.
//
// An operator takes part with a static member
//
//   static void infer(const Options&, Shared&, Inference&);   // or without Shared
//
// which tells the columns of the outputs, or what is wrong with an option. `flowrun validate` asks
// it; a run does not. check_contract holds what it says against what is emitted.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "flow/host.hpp"
#include "flow/type.hpp"

namespace flow {

// Thrown for a mistake in the value of an option, by what reads options or infers schemas: a
// message of its own beside the place, which the host finds from `item` and `offset` (see
// flow_option_problem).
struct OptionFailure : Failure {
  explicit OptionFailure(std::string option_name, std::string text, std::string what_to_do = {},
                         int64_t at = -1, std::string item_name = {})
      : Failure(words(option_name, item_name, text, what_to_do)),
        option(std::move(option_name)),
        item(std::move(item_name)),
        message(std::move(text)),
        remedy(std::move(what_to_do)),
        offset(at) {}

  std::string option, item, message, remedy;
  int64_t offset;

 private:
  static std::string words(const std::string& option, const std::string& item,
                           const std::string& message, const std::string& remedy) {
    std::string text = option;
    if (!item.empty()) text.append(".").append(item);
    text.append(": ").append(message);
    if (!remedy.empty()) text.append(" (").append(remedy).append(")");
    return text;
  }
};

// The columns of rows, in their order.
using Fields = std::vector<std::pair<std::string, Type>>;

inline Fields fields_of(const flow_schema& schema) {
  Fields fields;
  for (uint32_t i = 0; i < schema.n_fields; ++i) {
    fields.emplace_back(schema.fields[i]->name, Type::of(*schema.fields[i]));
  }
  return fields;
}

// `fields` with `added` behind them, or in the place of those with the same name.
inline Fields with_fields(Fields fields, const Fields& added) {
  for (const auto& column : added) {
    size_t place = 0;
    while (place < fields.size() && fields[place].first != column.first) ++place;
    if (place == fields.size()) {
      fields.push_back(column);
    } else {
      fields[place].second = column.second;
    }
  }
  return fields;
}

namespace detail {

// NULL if two fields have the same name; else with one reference, the caller's.
inline const flow_schema* schema_of(const flow_host* host, const Fields& fields) {
  std::vector<std::unique_ptr<FieldTree>> trees;
  std::vector<const flow_field*> pointers;
  for (const auto& [name, type] : fields) {
    trees.push_back(std::make_unique<FieldTree>(name, type));
    pointers.push_back(trees.back()->get());
  }
  return host->schema(host, pointers.data(), static_cast<uint32_t>(pointers.size()));
}

inline flow_option_problem problem_of(const OptionFailure& failure) {
  flow_option_problem problem{};
  problem.size = sizeof problem;
  problem.option = failure.option.c_str();
  problem.item = failure.item.empty() ? nullptr : failure.item.c_str();
  problem.offset = failure.offset;
  problem.message = failure.message.c_str();
  problem.remedy = failure.remedy.empty() ? nullptr : failure.remedy.c_str();
  return problem;
}

// Tells the host why a component cannot be made: with the place, where the host asks for it.
inline void tell(const flow_host* host, const OptionFailure& failure) {
  const auto* problems = host->extension != nullptr
                             ? static_cast<const flow_option_problem_host*>(
                                   host->extension(host, FLOW_EXTENSION_OPTION_PROBLEM))
                             : nullptr;
  if (problems == nullptr) {
    host->error(host, failure.what());
    return;
  }
  const flow_option_problem problem = problem_of(failure);
  problems->tell(host, &problem);
}

}  // namespace detail

// One question and its answers. What is told twice counts as told last.
class Inference {
 public:
  Inference(const flow_host* host, flow_role role, const flow_inference* inference)
      : host_(host), role_(role), inference_(inference) {}

  Host host() const { return Host(host_); }
  // Of a codec: FLOW_ROLE_DECODE or FLOW_ROLE_ENCODE.
  flow_role role() const { return role_; }

  // The columns of an input; NULL: not known. Lives as long as this.
  const flow_schema* input(uint32_t index = 0) const {
    if (index >= inference_->n_inputs || inference_->inputs[index] == nullptr) return nullptr;
    return inference_->inputs[index]->schema;
  }
  // The rows of a known input may have columns beside those.
  bool open(uint32_t index = 0) const {
    return input(index) != nullptr && inference_->inputs[index]->open != 0;
  }

  // The rows of `port` have these columns, and with `open` perhaps others. Throws Failure if two
  // have the same name.
  void output(const Fields& fields, bool open = false, uint32_t port = 0) {
    const flow_schema* schema = detail::schema_of(host_, fields);
    if (schema == nullptr) throw Failure("two columns of one batch have the same name");
    const Reference<const flow_schema> owned = Reference<const flow_schema>::adopt(schema);
    output(*owned, open, port);
  }
  void output(const flow_schema& schema, bool open = false, uint32_t port = 0) {
    flow_known_schema known{};
    known.size = sizeof known;
    known.open = open ? 1 : 0;
    known.schema = &schema;
    inference_->output(inference_, port, &known);
  }
  // The rows of `port` are those of the input.
  void pass(uint32_t port = 0) {
    if (const flow_schema* schema = input()) output(*schema, open(), port);
  }
  // The rows of `port` are those of the input with columns added, or replaced where the name is
  // there already, as Output::with makes them. Nothing is known where the input is not.
  void with(const Fields& added, uint32_t port = 0) {
    if (input() != nullptr) output(with_fields(fields_of(*input()), added), open(), port);
  }
  // One mistake; inferring goes on.
  void problem(const OptionFailure& failure) {
    const flow_option_problem told = detail::problem_of(failure);
    inference_->problem(inference_, &told);
  }
  // Something that works but hardly does what is meant. Shown by `flowrun validate`, an error only
  // with its --strict; a host of an older version shows nothing.
  void warn(const OptionFailure& failure) {
    if (!FLOW_HAS(flow_inference, inference_, warn) || inference_->warn == nullptr) return;
    const flow_option_problem told = detail::problem_of(failure);
    inference_->warn(inference_, &told);
  }
  // The value of an option makes the results depend on the run, where the descriptor's traits do
  // not say so. `traits`: FLOW_CLOCK_DEPENDENT, FLOW_ORDER_DEPENDENT. `why`: eg "calls now()". Told
  // with an unknown input too; a host of an older version shows nothing.
  void depend(uint64_t traits, const OptionFailure& why) {
    if (!FLOW_HAS(flow_inference, inference_, depend) || inference_->depend == nullptr) return;
    const flow_option_problem told = detail::problem_of(why);
    inference_->depend(inference_, traits, &told);
  }

 private:
  const flow_host* host_;
  flow_role role_;
  const flow_inference* inference_;
};

}  // namespace flow
