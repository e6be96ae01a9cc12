#include "core/graph/key_split.hpp"

#include <algorithm>
#include <numeric>

#include "flow/host/key_hash.hpp"

namespace flowrun {

using flow::host::key_group;

KeySplit::KeySplit(std::span<const flow_column* const> keys, std::int64_t rows,
                   std::size_t instances, KeySkew& skew)
    : begin_(instances + 1, 0) {
  const auto n = static_cast<std::size_t>(rows);
  hashes_ = std::make_unique_for_overwrite<std::uint64_t[]>(n);
  rows_ = std::make_unique_for_overwrite<std::int32_t[]>(n);
  if (keys.empty()) std::fill_n(hashes_.get(), n, 0);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    flow::host::hash_column(*keys[i], {hashes_.get(), n}, i == 0);
  }
  std::array<std::uint32_t, FLOW_KEY_GROUPS> counts{};
  for (std::size_t row = 0; row < n; ++row) ++counts[key_group(hashes_[row])];
  skew.add(counts);
  if (instances == 1) {
    std::iota(rows_.get(), rows_.get() + n, 0);
    begin_[1] = rows;
    return;
  }
  std::array<std::uint32_t, FLOW_KEY_GROUPS> owners{};
  for (std::uint32_t group = 0; group < FLOW_KEY_GROUPS; ++group) {
    owners[group] = flow::host::owner_of_group(group, static_cast<std::uint32_t>(instances));
    begin_[owners[group] + 1] += counts[group];
  }
  std::partial_sum(begin_.begin(), begin_.end(), begin_.begin());
  std::vector<std::int32_t*> to(instances);
  for (std::size_t i = 0; i < instances; ++i) to[i] = rows_.get() + begin_[i];
  for (std::size_t row = 0; row < n; ++row) {
    *to[owners[key_group(hashes_[row])]]++ = static_cast<std::int32_t>(row);
  }
}

}  // namespace flowrun
