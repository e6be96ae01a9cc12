// Pipelines in one line: any line is refused at one of its bytes, or becomes a file whose every
// place leads back into the line.
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/diagnostic.hpp"
#include "core/config/loader.hpp"
#include "core/config/one_line.hpp"
#include "tests/fuzz/require.hpp"
#include "tests/fuzz/seeds.hpp"

extern "C" FuzzSeeds flow_fuzz_seeds() {
  static constexpr std::string_view kSeeds[] = {
      "file path=x.log ! parse_access_log typed=true ! filter where=\"response >= 500\" ! stdout",
      "generate dataset='sensors' rows=5 ! keep fields=[\"a!b\", 'c'] ! file roll={size=\"1MiB\"}",
      "exec command=[\"a\", \"b c\"] ! drop fields=[x] ! stdout encoding={type=\"csv\"}",
      "stdin ! rename fields={a=\"b\",\"c d\"=\"e\"}!x ! ! =",
      "a b=\"\"\"c\nd\"\"\" ! e",
      "file path=x\"y\\z"};
  return {kSeeds, std::size(kSeeds)};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace flowrun;
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  std::vector<OneLineStage> stages;
  try {
    stages = parse_one_line(line);
  } catch (const ConfigurationError& refused) {
    for (const Diagnostic& diagnostic : refused.diagnostics()) {
      require(diagnostic.place.column >= 1 && diagnostic.place.column <= line.size() + 1);
      with_caret(line, diagnostic.place.column - 1);
    }
    return 0;
  }
  require(!stages.empty());
  stages.front().kind = FLOW_SOURCE;
  if (stages.size() > 1) stages.back().kind = FLOW_SINK;
  const OneLineFile file(stages, "name = \"pipe\"\n");
  const auto leads_back = [&](const Diagnostic& diagnostic) {
    require(file.position_of(diagnostic.place) <= line.size());
  };
  Diagnostics found;
  try {
    parse_pipeline(file.toml(), kOneLine, found);
    for (const Diagnostic& diagnostic : found.all()) leads_back(diagnostic);
  } catch (const ConfigurationError& refused) {
    for (const Diagnostic& diagnostic : refused.diagnostics()) leads_back(diagnostic);
  }
  return 0;
}
