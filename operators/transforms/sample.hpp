// The transform `sample`: a share of the rows, the same ones in every run.
#pragma once

#include <cstdint>
#include <vector>

#include "flow/operator.hpp"

namespace flow::operators {

// Keeps the rows whose hash lies below `rate`: of their source, partition and position, of a key,
// or of their values. Nothing depends on other rows.
class Sample final : public Transform {
 public:
  struct Options {
    double rate = 0.0;
    std::vector<Field> key;
    int64_t seed = 0;
  };
  static void describe(Description<Options>& d);
  static void infer(const Options& options, Inference& inference);

  explicit Sample(const Options& options);
  void process(const Batch& in, Output& out) override;

 private:
  void hash(const Batch& in, Host host);

  uint64_t seed_;
  bool all_;
  uint64_t below_;  // a row with a hash below is kept
  std::vector<ColumnFinder> key_;
  std::vector<uint64_t> hashes_;
  std::vector<int32_t> kept_;
  bool warned_ = false;
};

}  // namespace flow::operators
