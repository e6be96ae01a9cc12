// The formatter of pipeline files: whatever is TOML keeps its meaning, and formatting it again
// changes nothing. A std::logic_error, which says that it would not, is a finding.
#include "core/config/toml_format.hpp"

#include <cstdint>
#include <cstdlib>
#include <iterator>

#include "core/config/diagnostic.hpp"
#include "tests/fuzz/seeds.hpp"

extern "C" FuzzSeeds flow_fuzz_seeds() {
  static constexpr std::string_view kSeeds[] = {
      "# top\n\n\n[pipeline]   # p\nname=\"p\" # n\nplugins = [ \"std\",'files', ]\n\n# about a\n"
      "[sources . a]\r\ntype = \"file\"\r\n",
      "a = [ # one\n 1, # two\n\n # three\n 2 # four\n , # five\n [3,\n4], {x=[\n5]}\n # six\n]\n",
      "a.\"b c\".'d' = { e=1, f = { } }\nt = \"\"\"\nx # no\n\\\"\"\"\"\"\nu = '''\ny'''' # yes\n",
      "\xEF\xBB\xBF[[t]]\nd = 1979-05-27 07:32:00\nn = -nan\nh = 0xDEAD_beef\n[[t]]\n"};
  return {kSeeds, std::size(kSeeds)};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const std::string once = flowrun::format_toml(text, "p.toml");
    if (flowrun::format_toml(once, "p.toml") != once) std::abort();
  } catch (const flowrun::ConfigurationError&) {
  }
  return 0;
}
