#include "core/graph/refusal.hpp"

#include <charconv>

#include "core/config/file_text.hpp"
#include "core/config/loader.hpp"
#include "core/config/names.hpp"
#include "core/config/specification.hpp"
#include "core/config/text_place.hpp"

namespace flowrun {
namespace {

// The option's value in the file; nullptr: it was not given.
const Value* value_of(const Value::Table& options, const OptionProblem& problem) {
  const Value* value = find(options, problem.option);
  if (value == nullptr || problem.item.empty()) return value;
  if (const Value::Table* table = value->table()) {
    const Value* item = find(*table, problem.item);
    return item != nullptr ? item : value;
  }
  if (const Value::List* list = value->list()) {
    std::size_t index = 0;
    const char* const end = problem.item.data() + problem.item.size();
    const bool number = std::from_chars(problem.item.data(), end, index).ptr == end;
    if (number && index < list->size()) return &(*list)[index];
  }
  return value;
}

}  // namespace

OptionProblem OptionProblem::from(const flow_option_problem& problem) {
  const auto text = [](const char* words) { return std::string(words != nullptr ? words : ""); };
  return {text(problem.option), text(problem.item), text(problem.message), text(problem.remedy),
          problem.offset};
}

std::string OptionProblem::to_string() const {
  std::string text = option;
  if (!item.empty()) text.append(".").append(item);
  text.append(": ").append(message);
  if (!remedy.empty()) text.append(" (").append(remedy).append(")");
  return text;
}

std::string read_document(const std::string& file) {
  return read_file_text(file, kLargestPipelineFile).text;
}

Diagnostic locate(const ComponentSpecification& component, bool of_codec,
                  const OptionProblem& problem, const DocumentReader& read) {
  std::string path = component.key_path();
  const Value::Table* options = &component.options;
  Place place = component.place;
  if (of_codec) {
    const bool source = component.kind == FLOW_SOURCE;
    path += source ? ".decoding" : ".encoding";
    const std::optional<CodecSpecification>& codec =
        source ? component.decoding : component.encoding;
    options = codec ? &codec->options : nullptr;
    if (codec) place = codec->place;
  }
  path = join_key(path, problem.option);
  if (!problem.item.empty()) path = join_key(path, problem.item);
  if (options != nullptr) {
    if (const Value* value = value_of(*options, problem)) {
      place = value->place;
      if (problem.offset >= 0) {
        place =
            place_inside(*value, static_cast<std::size_t>(problem.offset), read(value->place.file));
      }
    }
  }
  return {place, path, problem.message, problem.remedy};
}

Diagnostic locate(const ComponentSpecification& component, bool of_codec, const Refusal& refusal) {
  if (refusal.problem) return locate(component, of_codec, *refusal.problem);
  return {component.place, component.key_path(), refusal.what(), {}};
}

}  // namespace flowrun
