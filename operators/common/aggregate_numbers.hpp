// Parts of cells of a fixed size: counts, sums, extremes, moments, and the earliest and latest
// value.
#pragma once

#include <cmath>
#include <limits>

#include "operators/common/aggregate_state.hpp"

namespace flow::operators {

template <class T>
T& part_at(char* cell, uint32_t at) {
  return *reinterpret_cast<T*>(cell + at);
}
template <class T>
const T& part_at(const char* cell, uint32_t at) {
  return *reinterpret_cast<const T*>(cell + at);
}

// How many rows had no value.
class GapsPart final : public CellPart {
 public:
  using CellPart::CellPart;
  uint32_t bytes() const override { return sizeof(int64_t); }
  void add(const CellRows& in, uint32_t at, CellMemory&) override {
    if (!field().has_gaps()) return;
    for (size_t i = 0; i < in.rows.size(); ++i) {
      part_at<int64_t>(in.cells[i], at) += field().is_gap(in.rows[i]) ? 1 : 0;
    }
  }
  Words words() const override { return Words::kIntegers; }
};

// Of int64 exact, in 128 bits; of float64 in the order of the rows.
class SumPart final : public CellPart {
 public:
  __extension__ using Wide = __int128;
  struct Parts {
    uint64_t low;
    int64_t high;
  };
  using CellPart::CellPart;
  uint32_t bytes() const override { return sizeof(Parts); }
  Words words() const override {
    return field().type() == FLOW_FLOAT64 ? Words::kFloats : Words::kOther;
  }
  void add(const CellRows& in, uint32_t at, CellMemory&) override {
    if (field().type() == FLOW_FLOAT64) {
      const double* values = Float64View(field().column()).data();
      for_values(in, [&](size_t i) { part_at<double>(in.cells[i], at) += values[in.rows[i]]; });
    } else {
      const int64_t* values = Int64View(field().column()).data();
      for_values(in, [&](size_t i) { plus(part_at<Parts>(in.cells[i], at), values[in.rows[i]]); });
    }
  }
  void merge(char* into, const char* from, size_t stride, size_t n) const override {
    for (size_t i = 0; i < n; ++i, into += stride, from += stride) {
      plus(part_at<Parts>(into, 0), wide(part_at<Parts>(from, 0)));
    }
  }
  static Wide wide(const Parts& words) {
    return static_cast<Wide>(words.high) << 64 | static_cast<Wide>(words.low);
  }

 private:
  static void plus(Parts& words, Wide value) {
    const Wide sum = wide(words) + value;
    words.low = static_cast<uint64_t>(sum);
    words.high = static_cast<int64_t>(sum >> 64);
  }
};

template <bool kLargest>
class ExtremePart final : public CellPart {
 public:
  using CellPart::CellPart;
  uint32_t bytes() const override { return sizeof(int64_t); }
  bool has_init() const override { return true; }
  void init(char* part) const override {
    if (field().type() == FLOW_FLOAT64) {
      constexpr double kInfinity = std::numeric_limits<double>::infinity();
      part_at<double>(part, 0) = kLargest ? -kInfinity : kInfinity;
    } else {
      part_at<int64_t>(part, 0) = kLargest ? INT64_MIN : INT64_MAX;
    }
  }
  void add(const CellRows& in, uint32_t at, CellMemory&) override {
    if (field().type() == FLOW_FLOAT64) {
      const double* values = Float64View(field().column()).data();
      for_values(in, [&](size_t i) { take<double>(in.cells[i] + at, values[in.rows[i]]); });
    } else {
      const int64_t* values = Int64View(field().column()).data();
      for_values(in, [&](size_t i) { take<int64_t>(in.cells[i] + at, values[in.rows[i]]); });
    }
  }
  void merge(char* into, const char* from, size_t stride, size_t n) const override {
    for (size_t i = 0; i < n; ++i, into += stride, from += stride) {
      if (field().type() == FLOW_FLOAT64) {
        take<double>(into, part_at<double>(from, 0));
      } else {
        take<int64_t>(into, part_at<int64_t>(from, 0));
      }
    }
  }

 private:
  template <class T>
  static void take(char* part, T value) {
    T& known = part_at<T>(part, 0);
    if (kLargest ? value > known : value < known) known = value;
  }
};

// Mean and squared distance from it, kept up row by row.
class MomentsPart final : public CellPart {
 public:
  struct Moments {
    int64_t count;
    double mean;
    double squares;
  };
  using CellPart::CellPart;
  uint32_t bytes() const override { return sizeof(Moments); }
  void add(const CellRows& in, uint32_t at, CellMemory&) override {
    const auto take = [&](size_t i, double value) {
      Moments& known = part_at<Moments>(in.cells[i], at);
      const double away = value - known.mean;
      known.mean += away / static_cast<double>(++known.count);
      known.squares += away * (value - known.mean);
    };
    if (field().type() == FLOW_FLOAT64) {
      const double* values = Float64View(field().column()).data();
      for_values(in, [&](size_t i) { take(i, values[in.rows[i]]); });
    } else {
      const int64_t* values = Int64View(field().column()).data();
      for_values(in, [&](size_t i) { take(i, static_cast<double>(values[in.rows[i]])); });
    }
  }
  void merge(char* into, const char* from, size_t stride, size_t n) const override {
    for (size_t i = 0; i < n; ++i, into += stride, from += stride) {
      Moments& sum = part_at<Moments>(into, 0);
      const Moments& more = part_at<Moments>(from, 0);
      if (more.count == 0) continue;
      const auto before = static_cast<double>(sum.count);
      const auto added = static_cast<double>(more.count);
      const double away = more.mean - sum.mean;
      sum.count += more.count;
      sum.mean += away * added / (before + added);
      sum.squares += more.squares + away * away * before * added / (before + added);
    }
  }
};

}  // namespace flow::operators
