// The rows of a batch, split by the key groups of a keyed operator's instances.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/observe/key_skew.hpp"
#include "flow/batch.hpp"

namespace flowrun {

// One batch's rows by instance. Made in two passes over the rows, one for the hashes and one for
// the rows: some 2 ns a row with a key of one number, 5 with a text of 12 bytes. Nothing of the
// batch is copied. Immutable.
class KeySplit {
 public:
  // Throws std::invalid_argument for a struct or list among the columns.
  KeySplit(std::span<const flow_column* const> keys, std::int64_t rows, std::size_t instances,
           KeySkew& skew);

  const std::uint64_t* hashes() const { return hashes_.get(); }
  // Ascending.
  std::span<const std::int32_t> rows_of(std::size_t instance) const {
    return {rows_.get() + begin_[instance], rows_.get() + begin_[instance + 1]};
  }

 private:
  std::unique_ptr<std::uint64_t[]> hashes_;
  std::unique_ptr<std::int32_t[]> rows_;
  std::vector<std::int64_t> begin_;
};

}  // namespace flowrun
