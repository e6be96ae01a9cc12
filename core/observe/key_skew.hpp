// How evenly the rows of a keyed component are spread.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "flow/abi.h"

namespace flowrun {

// Rows of each key group that went into a component: shows whether keys are skewed. [any]
class KeySkew {
 public:
  // Instances that share the groups; 0: the component is not keyed.
  void set_instances(std::size_t instances) { instances_.store(instances); }
  std::size_t instances() const { return instances_.load(); }
  void add(const std::array<std::uint32_t, FLOW_KEY_GROUPS>& rows);
  std::uint64_t rows_of_instance(std::size_t instance) const;
  // Of all rows; an even spread gives 1/128. 0 before the first row.
  double share_of_fullest_group() const;

 private:
  std::atomic<std::size_t> instances_{0};
  std::array<std::atomic<std::uint64_t>, FLOW_KEY_GROUPS> rows_{};
};

}  // namespace flowrun
