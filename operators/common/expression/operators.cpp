#include "operators/common/expression/operators.hpp"

#include <array>
#include <cmath>
#include <utility>

#include "operators/common/expression/kernels.hpp"
#include "operators/common/json_scanner.hpp"

namespace flow::operators {
namespace {

struct Equal {
  template <class T>
  bool operator()(const T& a, const T& b) const {
    return a == b;
  }
};
struct NotEqual {
  template <class T>
  bool operator()(const T& a, const T& b) const {
    return a != b;
  }
};
struct Less {
  template <class T>
  bool operator()(const T& a, const T& b) const {
    return a < b;
  }
};
struct LessEqual {
  template <class T>
  bool operator()(const T& a, const T& b) const {
    return a <= b;
  }
};
struct Greater {
  template <class T>
  bool operator()(const T& a, const T& b) const {
    return a > b;
  }
};
struct GreaterEqual {
  template <class T>
  bool operator()(const T& a, const T& b) const {
    return a >= b;
  }
};

template <class Sign, class T>
void compare_same(const StepCall& call) {
  map_two<uint8_t, T, T>(call, Sign());
}

template <class Sign>
void compare_text_int(const StepCall& call) {
  try_two<uint8_t, std::string_view, int64_t>(
      call, [](std::string_view text, int64_t number, uint8_t& result) {
        if (const std::optional<int64_t> integer = json_integer(text)) {
          result = Sign()(*integer, number) ? 1 : 0;
          return true;
        }
        const std::optional<double> real = json_number(text);
        result = real && Sign()(*real, static_cast<double>(number)) ? 1 : 0;
        return real.has_value();
      });
}

template <class Sign>
void compare_text_float(const StepCall& call) {
  try_two<uint8_t, std::string_view, double>(
      call, [](std::string_view text, double number, uint8_t& result) {
        const std::optional<double> real = json_number(text);
        result = real && Sign()(*real, number) ? 1 : 0;
        return real.has_value();
      });
}

template <class Sign>
Kernel comparison_of(Comparison of) {
  switch (of) {
    case Comparison::kInts:
      return compare_same<Sign, int64_t>;
    case Comparison::kFloats:
      return compare_same<Sign, double>;
    case Comparison::kBools:
      return compare_same<Sign, uint8_t>;
    case Comparison::kTexts:
      return compare_same<Sign, std::string_view>;
    case Comparison::kTextWithInt:
      return compare_text_int<Sign>;
    default:
      return compare_text_float<Sign>;
  }
}

// Calls f(kernel maker) with the type of the kind's values.
template <template <class> class Maker>
Kernel kernel_by_kind(Kind kind) {
  switch (kind) {
    case Kind::kBool:
      return Maker<uint8_t>::kKernel;
    case Kind::kInt:
    case Kind::kTimestamp:
      return Maker<int64_t>::kKernel;
    case Kind::kFloat:
      return Maker<double>::kKernel;
    default:
      return Maker<std::string_view>::kKernel;
  }
}

template <class T>
void choose(const StepCall& call) {
  const Vector& condition = *call.in[0];  // 0 where null
  const Vector& yes = *call.in[1];
  const Vector& no = *call.in[2];
  const Input<uint8_t> chosen(condition);
  const Input<T> left(yes);
  const Input<T> right(no);
  T* const out = call.out.write<T>(call.rows);
  for (int64_t row = 0; row < call.rows; ++row) {
    out[row] = chosen[row] != 0 ? left[row] : right[row];
  }
  if (yes.nulls == nullptr && no.nulls == nullptr) return;
  auto* const nulls = call.out.null_memory.take<uint8_t>(call.rows);
  for (int64_t row = 0; row < call.rows; ++row) {
    nulls[row] = (chosen[row] != 0 ? yes.is_null(row) : no.is_null(row)) ? 1 : 0;
  }
  call.out.nulls = nulls;
}

template <class T>
void first_present(const StepCall& call) {
  const Vector& first = *call.in[0];
  const Vector& second = *call.in[1];
  const Input<T> left(first);
  const Input<T> right(second);
  T* const out = call.out.write<T>(call.rows);
  for (int64_t row = 0; row < call.rows; ++row) {
    out[row] = first.is_null(row) ? right[row] : left[row];
  }
  if (first.nulls == nullptr || second.nulls == nullptr) return;
  auto* const nulls = call.out.null_memory.take<uint8_t>(call.rows);
  for (int64_t row = 0; row < call.rows; ++row) {
    nulls[row] = first.is_null(row) && second.is_null(row) ? 1 : 0;
  }
  call.out.nulls = nulls;
}

template <class T>
struct Choose {
  static constexpr Kernel kKernel = choose<T>;
};
template <class T>
struct Coalesce {
  static constexpr Kernel kKernel = first_present<T>;
};

// Both may be one entry for all rows: the loop over whichever of the four that is.
template <class F>
void each_pair(const StepCall& call, F f) {
  const Input<uint8_t> a(*call.in[0]);
  const Input<uint8_t> b(*call.in[1]);
  if (!a.constant() && !b.constant()) {
    const uint8_t* const left = a.values();
    const uint8_t* const right = b.values();
    for (int64_t row = 0; row < call.rows; ++row) f(row, left[row], right[row]);
  } else {
    for (int64_t row = 0; row < call.rows; ++row) f(row, a[row], b[row]);
  }
}

constexpr int64_t kSecond = 1'000'000'000;
constexpr auto kNanoseconds = static_cast<double>(kSecond);

bool shift_time(int64_t time, double seconds, int64_t& result) {
  const double nanoseconds = std::nearbyint(seconds * kNanoseconds);
  if (!(nanoseconds >= -9223372036854775808.0 && nanoseconds < 9223372036854775808.0)) return false;
  return !__builtin_add_overflow(time, static_cast<int64_t>(nanoseconds), &result);
}

}  // namespace

Kernel comparison_kernel(std::string_view sign, Comparison of) {
  if (sign == "==") return comparison_of<Equal>(of);
  if (sign == "!=") return comparison_of<NotEqual>(of);
  if (sign == "<") return comparison_of<Less>(of);
  if (sign == "<=") return comparison_of<LessEqual>(of);
  if (sign == ">") return comparison_of<Greater>(of);
  return comparison_of<GreaterEqual>(of);
}

std::string_view turned_sign(std::string_view sign) {
  if (sign == "<") return ">";
  if (sign == "<=") return ">=";
  if (sign == ">") return "<";
  if (sign == ">=") return "<=";
  return sign;
}

Kernel int_kernel(std::string_view sign) {
  if (sign == "+") {
    return [](const StepCall& call) {
      try_two<int64_t, int64_t, int64_t>(call, [](int64_t a, int64_t b, int64_t& result) {
        return !__builtin_add_overflow(a, b, &result);
      });
    };
  }
  if (sign == "-") {
    return [](const StepCall& call) {
      try_two<int64_t, int64_t, int64_t>(call, [](int64_t a, int64_t b, int64_t& result) {
        return !__builtin_sub_overflow(a, b, &result);
      });
    };
  }
  if (sign == "*") {
    return [](const StepCall& call) {
      try_two<int64_t, int64_t, int64_t>(call, [](int64_t a, int64_t b, int64_t& result) {
        return !__builtin_mul_overflow(a, b, &result);
      });
    };
  }
  return [](const StepCall& call) {
    try_two<int64_t, int64_t, int64_t>(call, [](int64_t a, int64_t b, int64_t& result) {
      // The machine's division stops the program for the least int by -1.
      result = b == 0 || b == -1 ? 0 : a % b;
      return b != 0;
    });
  };
}

Kernel float_kernel(std::string_view sign) {
  if (sign == "+") {
    return [](const StepCall& call) {
      map_two<double, double, double>(call, [](double a, double b) { return a + b; });
    };
  }
  if (sign == "-") {
    return [](const StepCall& call) {
      map_two<double, double, double>(call, [](double a, double b) { return a - b; });
    };
  }
  if (sign == "*") {
    return [](const StepCall& call) {
      map_two<double, double, double>(call, [](double a, double b) { return a * b; });
    };
  }
  if (sign == "/") {
    return [](const StepCall& call) {
      const Vector& divisor = *call.in[1];
      if (divisor.constant && divisor.as<double>()[0] != 0) {
        map_two<double, double, double>(call, [](double a, double b) { return a / b; });
        return;
      }
      try_two<double, double, double>(call, [](double a, double b, double& result) {
        result = a / (b == 0 ? 1 : b);
        return b != 0;
      });
    };
  }
  return [](const StepCall& call) {
    try_two<double, double, double>(call, [](double a, double b, double& result) {
      result = b == 0 ? 0 : std::fmod(a, b);
      return b != 0;
    });
  };
}

void negate_int(const StepCall& call) {
  try_one<int64_t, int64_t>(call, [](int64_t a, int64_t& result) {
    return !__builtin_sub_overflow(int64_t{0}, a, &result);
  });
}

void negate_float(const StepCall& call) {
  map_one<double, double>(call, [](double a) { return -a; });
}

void seconds_between(const StepCall& call) {
  map_two<double, int64_t, int64_t>(call, [](int64_t a, int64_t b) {
    // Whole seconds apart: the difference of two int64 may be none.
    const int64_t seconds = a / kSecond - b / kSecond;
    const int64_t rest = a % kSecond - b % kSecond;
    return static_cast<double>(seconds) + static_cast<double>(rest) / kNanoseconds;
  });
}

void add_seconds(const StepCall& call) { try_two<int64_t, int64_t, double>(call, shift_time); }

void subtract_seconds(const StepCall& call) {
  try_two<int64_t, int64_t, double>(call, [](int64_t time, double seconds, int64_t& result) {
    return shift_time(time, -seconds, result);
  });
}

void and_kernel(const StepCall& call) {
  auto* const out = call.out.write<uint8_t>(call.rows);
  each_pair(call, [out](int64_t row, uint8_t a, uint8_t b) { out[row] = a & b; });
  const Vector& left = *call.in[0];
  const Vector& right = *call.in[1];
  if (left.nulls == nullptr && right.nulls == nullptr) return;
  auto* const nulls = call.out.null_memory.take<uint8_t>(call.rows);
  // Unknown unless one side is false: null beside null, and null beside true.
  each_pair(call, [&](int64_t row, uint8_t a, uint8_t b) {
    const uint8_t unknown_a = left.is_null(row) ? 1 : 0;
    const uint8_t unknown_b = right.is_null(row) ? 1 : 0;
    nulls[row] = (unknown_a & (unknown_b | b)) | (unknown_b & a);
  });
  call.out.nulls = nulls;
}

void or_kernel(const StepCall& call) {
  auto* const out = call.out.write<uint8_t>(call.rows);
  each_pair(call, [out](int64_t row, uint8_t a, uint8_t b) { out[row] = a | b; });
  const Vector& left = *call.in[0];
  const Vector& right = *call.in[1];
  if (left.nulls == nullptr && right.nulls == nullptr) return;
  auto* const nulls = call.out.null_memory.take<uint8_t>(call.rows);
  for (int64_t row = 0; row < call.rows; ++row) {
    const uint8_t unknown = left.is_null(row) || right.is_null(row) ? 1 : 0;
    nulls[row] = unknown & (out[row] ^ 1U);
  }
  call.out.nulls = nulls;
}

void not_kernel(const StepCall& call) {
  map_one<uint8_t, uint8_t>(call, [](uint8_t a) { return a ^ 1U; });
}

void is_null_kernel(const StepCall& call) {
  auto* const out = call.out.write<uint8_t>(call.rows);
  const Vector& in = *call.in[0];
  for (int64_t row = 0; row < call.rows; ++row) out[row] = in.is_null(row) ? 1 : 0;
}

Kernel choose_kernel(Kind kind) { return kernel_by_kind<Choose>(kind); }
Kernel coalesce_kernel(Kind kind) { return kernel_by_kind<Coalesce>(kind); }

}  // namespace flow::operators
