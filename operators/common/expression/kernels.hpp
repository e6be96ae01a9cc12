// Loops over vectors, for the kernels of operators and functions. A value function is inlined into
// them; where either side is a constant there is a loop of its own, which the compiler vectorises.
#pragma once

#include <algorithm>
#include <type_traits>

#include "operators/common/expression/program.hpp"

namespace flow::operators {

// One input as the loops see it.
template <class T>
class Input {
 public:
  explicit Input(const Vector& vector) : values_(vector.as<T>()), constant_(vector.constant) {}
  const T& operator[](int64_t row) const { return values_[constant_ ? 0 : row]; }
  const T* values() const { return values_; }
  bool constant() const { return constant_; }

 private:
  const T* values_;
  bool constant_;
};

// Which rows of any input are null, in memory of the result: for kernels that add to them.
inline uint8_t* own_nulls(const StepCall& call) {
  auto* const nulls = call.out.null_memory.take<uint8_t>(call.rows);
  if (call.rows > 0) std::memset(nulls, 0, static_cast<size_t>(call.rows));
  for (size_t i = 0; i < call.inputs; ++i) {
    const Vector& in = *call.in[i];
    if (in.nulls == nullptr) continue;
    if (in.constant) {
      if (in.nulls[0] != 0) std::memset(nulls, 1, static_cast<size_t>(call.rows));
      continue;
    }
    for (int64_t row = 0; row < call.rows; ++row) nulls[row] |= in.nulls[row];
  }
  call.out.nulls = nulls;
  return nulls;
}

// A null input makes a null result. Shares the nulls of an input where it is the only one with any.
inline void pass_nulls(const StepCall& call) {
  const Vector* only = nullptr;
  for (size_t i = 0; i < call.inputs; ++i) {
    if (call.in[i]->nulls == nullptr) continue;
    if (only != nullptr || call.in[i]->constant) {
      own_nulls(call);
      return;
    }
    only = call.in[i];
  }
  call.out.nulls = only == nullptr ? nullptr : only->nulls;
}

// Bools have 0 where they are null.
inline void clear_nulls(const StepCall& call, uint8_t* values) {
  if (call.out.nulls == nullptr) return;
  for (int64_t row = 0; row < call.rows; ++row) values[row] &= call.out.nulls[row] ^ 1U;
}

namespace detail {
template <class R>
void finish_values(const StepCall& call, R* values) {
  if constexpr (std::is_same_v<R, uint8_t>) clear_nulls(call, values);
}
}  // namespace detail

// out = f(a).
template <class R, class A, class F>
void map_one(const StepCall& call, F f) {
  pass_nulls(call);
  const Input<A> a(*call.in[0]);
  R* const out = call.out.write<R>(call.rows);
  if (a.constant()) {
    std::fill_n(out, call.rows, static_cast<R>(f(a[0])));
  } else {
    const A* const values = a.values();
    for (int64_t row = 0; row < call.rows; ++row) out[row] = static_cast<R>(f(values[row]));
  }
  detail::finish_values(call, out);
}

// out = f(a, b).
template <class R, class A, class B, class F>
void map_two(const StepCall& call, F f) {
  pass_nulls(call);
  const Input<A> a(*call.in[0]);
  const Input<B> b(*call.in[1]);
  R* const out = call.out.write<R>(call.rows);
  const A* const left = a.values();
  const B* const right = b.values();
  if (b.constant() && !a.constant()) {
    const B value = right[0];
    for (int64_t row = 0; row < call.rows; ++row) out[row] = static_cast<R>(f(left[row], value));
  } else if (a.constant() && !b.constant()) {
    const A value = left[0];
    for (int64_t row = 0; row < call.rows; ++row) out[row] = static_cast<R>(f(value, right[row]));
  } else if (a.constant()) {
    std::fill_n(out, call.rows, static_cast<R>(f(left[0], right[0])));
  } else {
    for (int64_t row = 0; row < call.rows; ++row) {
      out[row] = static_cast<R>(f(left[row], right[row]));
    }
  }
  detail::finish_values(call, out);
}

// f(a, result) says whether there is one; otherwise null.
template <class R, class A, class F>
void try_one(const StepCall& call, F f) {
  uint8_t* const nulls = own_nulls(call);
  const Input<A> a(*call.in[0]);
  R* const out = call.out.write<R>(call.rows);
  for (int64_t row = 0; row < call.rows; ++row) {
    R result{};
    nulls[row] |= f(a[row], result) ? 0 : 1;
    out[row] = result;
  }
  detail::finish_values(call, out);
}

// f(a, b, result) says whether there is one; otherwise null.
template <class R, class A, class B, class F>
void try_two(const StepCall& call, F f) {
  uint8_t* const nulls = own_nulls(call);
  const Input<A> a(*call.in[0]);
  const Input<B> b(*call.in[1]);
  R* const out = call.out.write<R>(call.rows);
  const auto loop = [&](auto left, auto right) {
    for (int64_t row = 0; row < call.rows; ++row) {
      R result{};
      nulls[row] |= f(left(row), right(row), result) ? 0 : 1;
      out[row] = result;
    }
  };
  if (b.constant()) {
    const B value = b[0];
    loop([&](int64_t row) -> const A& { return a[row]; },
         [&](int64_t) -> const B& { return value; });
  } else {
    loop([&](int64_t row) -> const A& { return a[row]; },
         [&](int64_t row) -> const B& { return b[row]; });
  }
  detail::finish_values(call, out);
}

}  // namespace flow::operators
