// The kernels of the operators: arithmetic, comparison, logic.
#pragma once

#include <string_view>

#include "operators/common/expression/program.hpp"

namespace flow::operators {

// What a comparison is of: int with int, float with float, and so on; or a text with the number
// that it may spell, the text on the left.
enum class Comparison : uint8_t { kInts, kFloats, kBools, kTexts, kTextWithInt, kTextWithFloat };

// `sign`: one of == != < <= > >=.
Kernel comparison_kernel(std::string_view sign, Comparison of);
// The same comparison with its sides exchanged: < becomes >.
std::string_view turned_sign(std::string_view sign);

// `sign`: one of + - * / %. Ints: null where the result is beyond an int, and for % by zero; / is
// for floats alone, null for a divisor of zero.
Kernel int_kernel(std::string_view sign);
Kernel float_kernel(std::string_view sign);
void negate_int(const StepCall& call);
void negate_float(const StepCall& call);
void seconds_between(const StepCall& call);  // two timestamps
void add_seconds(const StepCall& call);      // a timestamp, a float
void subtract_seconds(const StepCall& call);

// Three-valued.
void and_kernel(const StepCall& call);
void or_kernel(const StepCall& call);
void not_kernel(const StepCall& call);
void is_null_kernel(const StepCall& call);

// Of three inputs, a condition and two of the kind of the result; null counts as false.
Kernel choose_kernel(Kind kind);
// The first of two that is not null.
Kernel coalesce_kernel(Kind kind);

}  // namespace flow::operators
