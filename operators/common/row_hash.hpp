// Hashes of whole rows, of all their values.
#pragma once

#include <cstdint>
#include <vector>

#include "flow/batch.hpp"

namespace flow::operators {

// Mixes the values of every column, nested ones too, into the hashes of its rows (start with any
// seed, one a row). Equal values have equal hashes on every machine and in every version; a
// category or JSON token the same as the text with the same bytes. Some 5 ns a value.
void hash_rows(const Batch& batch, std::vector<uint64_t>& hashes);

}  // namespace flow::operators
