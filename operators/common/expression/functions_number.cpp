// Functions of numbers, and conversions by name.
#include <array>
#include <cmath>
#include <string>

#include "operators/common/expression/conversions.hpp"
#include "operators/common/expression/functions.hpp"
#include "operators/common/expression/kernels.hpp"
#include "operators/common/expression/operators.hpp"

namespace flow::operators {
namespace {

constexpr size_t kMost = Program::kMostInputs;

// ---- kernels ----

void abs_int(const StepCall& call) {
  try_one<int64_t, int64_t>(call, [](int64_t value, int64_t& result) {
    if (value >= 0) {
      result = value;
      return true;
    }
    return !__builtin_sub_overflow(int64_t{0}, value, &result);
  });
}
void abs_float(const StepCall& call) {
  map_one<double, double>(call, [](double value) { return std::fabs(value); });
}
void floor_kernel(const StepCall& call) {
  map_one<double, double>(call, [](double value) { return std::floor(value); });
}
void ceil_kernel(const StepCall& call) {
  map_one<double, double>(call, [](double value) { return std::ceil(value); });
}
// Halves away from zero.
void round_kernel(const StepCall& call) {
  const auto digits = static_cast<int>(call.step.number);
  if (digits == 0) {
    map_one<double, double>(call, [](double value) { return std::round(value); });
    return;
  }
  const double factor = std::pow(10.0, digits < 0 ? -digits : digits);
  const bool finer = digits > 0;
  map_one<double, double>(call, [factor, finer](double value) {
    const double scaled = finer ? value * factor : value / factor;
    if (!std::isfinite(scaled)) return value;
    return finer ? std::round(scaled) / factor : std::round(scaled) * factor;
  });
}
void log_kernel(const StepCall& call) {
  try_one<double, double>(call, [](double value, double& result) {
    result = value > 0 ? std::log(value) : 0;
    return value > 0;
  });
}
void log_of_base(const StepCall& call) {
  try_two<double, double, double>(call, [](double value, double base, double& result) {
    const bool defined = value > 0 && base > 0 && base != 1;
    result = !defined     ? 0
             : base == 10 ? std::log10(value)
             : base == 2  ? std::log2(value)
                          : std::log(value) / std::log(base);
    return defined;
  });
}
void sqrt_kernel(const StepCall& call) {
  try_one<double, double>(call, [](double value, double& result) {
    result = value >= 0 ? std::sqrt(value) : 0;
    return value >= 0;
  });
}
template <class T>
void least_of(const StepCall& call) {
  map_two<T, T, T>(call, [](const T& a, const T& b) { return b < a ? b : a; });
}
template <class T>
void greatest_of(const StepCall& call) {
  map_two<T, T, T>(call, [](const T& a, const T& b) { return a < b ? b : a; });
}

// ---- calls ----

int one_float(const BoundCall& call, Kernel kernel) {
  return call.binder.strict(call.node.name, Kind::kFloat, kernel,
                            {call.binder.as_float(call[0], call.offset(0))});
}

// Ints are whole already.
int rounded(const BoundCall& call, Kernel kernel) {
  const int value = call.binder.as_number(call[0], call.offset(0));
  return call.binder.kind(value) == Kind::kInt
             ? value
             : call.binder.strict(call.node.name, Kind::kFloat, kernel, {value});
}

int bind_round(const BoundCall& call) {
  if (call.size() == 1) return rounded(call, round_kernel);
  const int64_t digits =
      call.binder.constant_int(call[1], call.offset(1), "the number of decimal places");
  if (digits < -300 || digits > 300) {
    call.binder.fail(call.offset(1), "the number of decimal places is beyond what a float has");
  }
  return call.binder.strict("round", Kind::kFloat, round_kernel,
                            {call.binder.as_float(call[0], call.offset(0))}, nullptr, digits);
}

int bind_abs(const BoundCall& call) {
  const int value = call.binder.as_number(call[0], call.offset(0));
  return call.binder.kind(value) == Kind::kInt
             ? call.binder.strict("abs", Kind::kInt, abs_int, {value})
             : call.binder.strict("abs", Kind::kFloat, abs_float, {value});
}

int bind_log(const BoundCall& call) {
  if (call.size() == 1) return one_float(call, log_kernel);
  return call.binder.strict("log of base", Kind::kFloat, log_of_base,
                            {call.binder.as_float(call[0], call.offset(0)),
                             call.binder.as_float(call[1], call.offset(1))});
}

// Of numbers, or of timestamps.
template <bool kGreatest>
int bind_extreme(const BoundCall& call) {
  Binder& binder = call.binder;
  int result = -1;
  for (size_t i = 0; i < call.size(); ++i) {
    int value = binder.kind(call[i]) == Kind::kTimestamp
                    ? call[i]
                    : binder.as_number(call[i], call.offset(i));
    if (result < 0) {
      result = value;
      continue;
    }
    binder.unify(result, value, call.offset(i));
    const Kind kind = binder.kind(result);
    const Kernel kernel = kind == Kind::kFloat
                              ? (kGreatest ? greatest_of<double> : least_of<double>)
                              : (kGreatest ? greatest_of<int64_t> : least_of<int64_t>);
    result = binder.strict(call.node.name, kind, kernel, {result, value});
  }
  return result;
}

// ---- conversions ----

int scalar_of_json(const BoundCall& call) {
  return call.binder.strict("json to scalar", Kind::kText, json_to_scalar, {call[0]});
}

[[noreturn]] void no_conversion(const BoundCall& call, std::string_view remedy = "") {
  std::string what = "there is no way from ";
  what += kind_name(call.binder.kind(call[0]));
  what += remedy.empty() ? " to that" : " to that: ";
  what += remedy;
  call.binder.fail(call.offset(0), what);
}

int bind_to_int(const BoundCall& call) {
  Binder& binder = call.binder;
  switch (binder.kind(call[0])) {
    case Kind::kInt:
      return call[0];
    case Kind::kNull:
      return binder.program().null(Kind::kInt);
    case Kind::kFloat:
      return binder.strict("float to int", Kind::kInt, float_to_int, {call[0]});
    case Kind::kBool:
      return binder.strict("bool to int", Kind::kInt, bool_to_int, {call[0]});
    case Kind::kText:
      return binder.strict("text to int", Kind::kInt, text_to_int, {call[0]});
    case Kind::kJson:
      return binder.strict("text to int", Kind::kInt, text_to_int, {scalar_of_json(call)});
    default:
      no_conversion(call, binder.kind(call[0]) == Kind::kTimestamp
                              ? "write to_int(format_time(..., 'epoch_ms'))"
                              : "");
  }
}

int bind_to_float(const BoundCall& call) {
  Binder& binder = call.binder;
  switch (binder.kind(call[0])) {
    case Kind::kText:
      return binder.strict("text to float", Kind::kFloat, text_to_float, {call[0]});
    case Kind::kNull:
    case Kind::kInt:
    case Kind::kFloat:
    case Kind::kJson:
      return binder.as_float(call[0], call.offset(0));
    default:
      no_conversion(call);
  }
}

int bind_to_bool(const BoundCall& call) {
  Binder& binder = call.binder;
  switch (binder.kind(call[0])) {
    case Kind::kText:
      return binder.strict("text to bool", Kind::kBool, text_to_bool, {call[0]});
    case Kind::kInt:
      return binder.strict("int to bool", Kind::kBool, int_to_bool, {call[0]});
    case Kind::kNull:
    case Kind::kBool:
    case Kind::kJson:
      return binder.as_bool(call[0], call.offset(0));
    default:
      no_conversion(call);
  }
}

int bind_to_text(const BoundCall& call) {
  Binder& binder = call.binder;
  switch (binder.kind(call[0])) {
    case Kind::kText:
      return call[0];
    case Kind::kNull:
      return binder.program().null(Kind::kText);
    case Kind::kBool:
      return binder.strict("bool to text", Kind::kText, bool_to_text, {call[0]});
    case Kind::kInt:
      return binder.strict("int to text", Kind::kText, int_to_text, {call[0]});
    case Kind::kFloat:
      return binder.strict("float to text", Kind::kText, float_to_text, {call[0]});
    case Kind::kTimestamp:
      return binder.strict("time to text", Kind::kText, time_to_text, {call[0]});
    case Kind::kJson:
      return binder.strict("json to text", Kind::kText, json_to_text, {call[0]});
    default:
      no_conversion(call);
  }
}

const std::array<Function, 8> kNumbers = {{
    {"abs", "Numbers", "abs(number) -> the same type", "Without its sign.", "abs(-3)", "3", 1, 1,
     bind_abs},
    {"round", "Numbers", "round(number[, places]) -> number",
     "To the nearest whole number, halves away from zero; or to so many decimal places, a literal "
     "(negative: tens, hundreds).",
     "round(2.345, 2)", "2.35", 1, 2, bind_round},
    {"floor", "Numbers", "floor(number) -> number", "The next whole number below.", "floor(-1.5)",
     "-2.0", 1, 1, [](const BoundCall& call) { return rounded(call, floor_kernel); }},
    {"ceil", "Numbers", "ceil(number) -> number", "The next whole number above.", "ceil(1.2)",
     "2.0", 1, 1, [](const BoundCall& call) { return rounded(call, ceil_kernel); }},
    {"min", "Numbers", "min(value, ...) -> the same type",
     "The least of the numbers, or of the timestamps; null if any is null.", "min(3, 1.5)", "1.5",
     1, kMost, bind_extreme<false>},
    {"max", "Numbers", "max(value, ...) -> the same type",
     "The greatest of the numbers, or of the timestamps; null if any is null.", "max(3, 7)", "7", 1,
     kMost, bind_extreme<true>},
    {"log", "Numbers", "log(number[, base]) -> float",
     "The natural logarithm, or that of the base; null for what has none.", "log(1000, 10)", "3.0",
     1, 2, bind_log},
    {"sqrt", "Numbers", "sqrt(number) -> float", "The square root; null of a negative number.",
     "sqrt(9)", "3.0", 1, 1, [](const BoundCall& call) { return one_float(call, sqrt_kernel); }},
}};

const std::array<Function, 4> kConversions = {{
    {"to_int", "Conversions", "to_int(value) -> int",
     "Of a float the whole part; of a text or JSON the integer that it spells (48.0 and 1e3 are "
     "some); of a bool 0 or 1. Null where there is none.",
     "to_int('404')", "404", 1, 1, bind_to_int},
    {"to_float", "Conversions", "to_float(value) -> float",
     "Of an int, or the number that a text or JSON spells; else null.", "to_float('2.5')", "2.5", 1,
     1, bind_to_float},
    {"to_text", "Conversions", "to_text(value) -> text",
     "As JSON writes it: 404, 2.5, true, 2025-10-28T10:15:30Z. Of a JSON string what it says, of "
     "other JSON the token.",
     "to_text(404)", "'404'", 1, 1, bind_to_text},
    {"to_bool", "Conversions", "to_bool(value) -> bool",
     "Of the texts true and false, of JSON true and false, of an int whether it is not 0; else "
     "null.",
     "to_bool('true')", "true", 1, 1, bind_to_bool},
}};

}  // namespace

std::span<const Function> number_functions() { return kNumbers; }
std::span<const Function> conversion_functions() { return kConversions; }

}  // namespace flow::operators
