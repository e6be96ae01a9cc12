// What operators say is wrong, at its place in the pipeline file.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>

#include "core/config/diagnostic.hpp"
#include "flow/abi.h"

namespace flowrun {

struct ComponentSpecification;

// What an operator says is wrong with one of its options; see flow_option_problem.
struct OptionProblem {
  std::string option, item, message, remedy;
  std::int64_t offset = -1;

  static OptionProblem from(const flow_option_problem& problem);
  // "option.item: message (remedy)"
  std::string to_string() const;
};

// A component, or its codec, that could not be made or opened: in its own words, and the option
// that they are about, where it named one.
struct Refusal : std::runtime_error {
  explicit Refusal(const std::string& words, std::optional<OptionProblem> about = std::nullopt)
      : std::runtime_error(words), problem(std::move(about)) {}

  std::optional<OptionProblem> problem;
};

// The text of a file by its name; empty: it cannot be read.
using DocumentReader = std::function<std::string(const std::string& file)>;
std::string read_document(const std::string& file);

// What a component says of an option, at the option's place. `read` gives the file of a value for
// places inside of it; where it cannot be had, the place is that of the value.
Diagnostic locate(const ComponentSpecification& component, bool of_codec,
                  const OptionProblem& problem, const DocumentReader& read = read_document);
// The same of a refusal; one that is about no option has the place of the component.
Diagnostic locate(const ComponentSpecification& component, bool of_codec, const Refusal& refusal);

}  // namespace flowrun
