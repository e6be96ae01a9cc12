// Values of one kind as another: what operators do silently and the functions to_... by name.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "operators/common/expression/program.hpp"

namespace flow::operators {

// The text of a JSON string token; of another one nothing (false). `arena` holds it if it had
// escapes.
bool json_string(std::string_view token, TextArena& arena, std::string_view& text);
// Likewise of any token that is no object or list: a number and a bool as they are written.
bool json_scalar(std::string_view token, TextArena& arena, std::string_view& text);
// "true" or "false".
bool spelled_bool(std::string_view text, bool& value);

// Kernels of one input, named by what they turn into what; null where that cannot be.
void int_to_float(const StepCall& call);
void float_to_int(const StepCall& call);
void bool_to_int(const StepCall& call);
void int_to_bool(const StepCall& call);
void text_to_bool(const StepCall& call);
void text_to_int(const StepCall& call);
void text_to_float(const StepCall& call);
void text_to_time(const StepCall& call);
void json_to_string(const StepCall& call);  // strings alone
void json_to_scalar(const StepCall& call);  // as json_scalar
void json_to_text(const StepCall& call);    // objects and lists as they are written
void bool_to_text(const StepCall& call);
void int_to_text(const StepCall& call);
void float_to_text(const StepCall& call);
void time_to_text(const StepCall& call);

}  // namespace flow::operators
