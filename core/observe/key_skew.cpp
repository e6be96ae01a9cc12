#include "core/observe/key_skew.hpp"

#include <algorithm>

#include "flow/host/key_hash.hpp"

namespace flowrun {

void KeySkew::add(const std::array<std::uint32_t, FLOW_KEY_GROUPS>& rows) {
  for (std::size_t group = 0; group < rows.size(); ++group) {
    if (rows[group] > 0) rows_[group].fetch_add(rows[group], std::memory_order_relaxed);
  }
}

std::uint64_t KeySkew::rows_of_instance(std::size_t instance) const {
  std::uint64_t rows = 0;
  const auto all = static_cast<std::uint32_t>(instances());
  for (std::uint32_t group = 0; group < FLOW_KEY_GROUPS; ++group) {
    if (flow::host::owner_of_group(group, all) == instance) rows += rows_[group].load();
  }
  return rows;
}

double KeySkew::share_of_fullest_group() const {
  std::uint64_t all = 0;
  std::uint64_t most = 0;
  for (const std::atomic<std::uint64_t>& group : rows_) {
    const std::uint64_t rows = group.load();
    all += rows;
    most = std::max(most, rows);
  }
  return all == 0 ? 0.0 : static_cast<double>(most) / static_cast<double>(all);
}

}  // namespace flowrun
