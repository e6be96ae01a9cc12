// Finding the column that an option names, with messages that help when it is not there.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flow/host.hpp"
#include "flow/inference.hpp"

namespace flow::operators {

// The name in `schema` (or among a struct's fields, dotted) that is closest to `wanted`; "" if none
// is close enough to be a slip.
std::string nearest_column(const flow_schema& schema, std::string_view wanted);

// What to say of a column that is not there: the one that was meant, or those that there are.
std::string missing_column_remedy(const flow_schema& schema, std::string_view name);

// Throws Failure: no such column, what there is, and the nearest name.
[[noreturn]] void throw_missing_column(const flow_schema& schema, std::string_view option,
                                       std::string_view name);

// The column that `option` names, by what is known of the input: its type, or nothing where that is
// not known. Throws OptionFailure, with the nearest name, if the input has no such column.
// `offset`: where in the option's text the name stands.
std::optional<flow_type> inferred_column(const Inference& inference, const std::string& option,
                                         const std::string& name, int64_t offset = 0);

// The same for a column that is read as text: a type that does not read as text is an OptionFailure
// too. False: not known.
bool infer_text_column(const Inference& inference, const std::string& option,
                       const std::string& name);

// A column that an operator reads as text. Find it once a batch, before anything else is looked at.
class TextInput {
 public:
  // `option`: which option of the operator names the column, for messages.
  TextInput(std::string option, std::string column)
      : option_(std::move(option)), finder_(std::move(column)) {}

  // The column of `batch`; of a JSON column, what its tokens say (text_of_json). It lives until the
  // next call, or as long as the batch. Throws Failure if it is missing or reads as no text.
  const flow_column& find(const Batch& batch, Host host);
  const std::string& name() const { return finder_.name(); }

 private:
  std::string option_;
  ColumnFinder finder_;
  Column converted_;
};

}  // namespace flow::operators
