// Any bytes as a batch: refused with a reason, or a batch all of whose values can be read and which
// has the same values when it is written and read again.
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <string>
#include <string_view>

#include "core/state/batch_bytes.hpp"
#include "flow/testing/table.hpp"
#include "tests/fuzz/seeds.hpp"

namespace {

// Two columns: "a" of text (one null, one of 13 bytes), "b" of lists of numbers; with an origin.
constexpr char kBatch[] =
    "\x01\x02\0\0\0\0\0\0\0\x02\0\0\0\x05\x01\0\0\0"
    "a\0\0\0\0\x09\x01\0\0\0"
    "b\x01\0\0\0\x02\0\0\0\0\0\0\0\0\x01\x03\0\0\0src\0\0\0\0\0\x01\x02\0\0\0\0\x0d\0\0\0"
    "thirteen text\0\0\0\0\0\x01\0\0\0\x01\0\0\0\0\x2a\0\0\0\0\0\0\0";
constexpr char kCategory[] =
    "\x01\x02\0\0\0\0\0\0\0\x01\0\0\0\x07\x01\0\0\0"
    "c\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x02\0\0\0\0\x01\0\0\0\x01\0\0\0xy";

}  // namespace

extern "C" FuzzSeeds flow_fuzz_seeds() {
  static constexpr std::string_view kSeeds[] = {{kBatch, sizeof kBatch - 1},
                                                {kCategory, sizeof kCategory - 1}};
  return {kSeeds, std::size(kSeeds)};
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static flow::host::MemoryAccount& account = flow::host::immortal_account();
  try {
    const flow::Batch batch =
        flowrun::read_batch(account, {reinterpret_cast<const char*>(data), size});
    if (batch.rows() > 100'000) return 0;  // fields without bytes may claim many rows
    const flow::testing::Table rows = flow::testing::read_table(batch);
    std::string bytes;
    flowrun::append_batch(*batch.get(), bytes);
    const flow::Batch again = flowrun::read_batch(account, bytes);
    std::string second;
    flowrun::append_batch(*again.get(), second);
    if (bytes != second || &again.schema() != &batch.schema()) std::abort();
  } catch (const flowrun::BatchBytesError& error) {
    if (std::string_view(error.what()).empty()) std::abort();
  }
  if (account.used() != 0) std::abort();
  return 0;
}
