// Any bytes as a checkpoint's manifest, with and without right checksums: refused with a reason, or
// the manifest that has exactly these bytes.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/state/byte_order.hpp"
#include "core/state/manifest.hpp"

namespace {

void read(std::string_view bytes) {
  try {
    if (flowrun::Manifest::from_bytes(bytes).to_bytes() != bytes) std::abort();
  } catch (const flowrun::ManifestError& error) {
    if (std::string_view(error.what()).empty()) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  read(bytes);
  // As a payload, so that what stands behind the checksums is reached too.
  std::string whole = "FLOWCKPT";
  flowrun::put(whole, std::uint32_t{1});
  flowrun::put(whole, std::uint32_t{0});
  flowrun::put(whole, static_cast<std::uint64_t>(size));
  flowrun::put(whole, flowrun::checksum_of(bytes));
  flowrun::put(whole, flowrun::checksum_of(whole));
  read(whole.append(bytes));
  return 0;
}
