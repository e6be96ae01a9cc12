// What `flowrun eval` measures, by the type of the component that is judged.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace flowrun::cli {

// A figure of an evaluating sink, and how it is shown.
struct EvaluatedFigure {
  const char* name;   // of the sink's gauge, without "evaluate_"
  const char* title;  // of the column
  enum class Form : std::uint8_t {
    kCount,
    kShare,  // "51.2 %"
    kSeconds,
    kTwoDecimals,
    kFourDecimals,
    kThreshold
  } form;
};

struct Evaluator {
  const char* judged;                           // the type of operator whose rows it judges
  const char* sink;                             // the operator that judges them
  std::span<const char* const> shared_options;  // of the judged component, taken over by the sink
  std::span<const EvaluatedFigure> figures;
  bool has_labels;  // whether the sink takes `labels` and `grace`
};

// All of them; the first one judges components of other types too.
std::span<const Evaluator> evaluators();

// The evaluator for components of the type; NULL: there is none.
const Evaluator* evaluator_of(std::string_view type);

// "-" where there is no figure.
std::string shown(const EvaluatedFigure& figure, const std::optional<double>& value);

}  // namespace flowrun::cli
