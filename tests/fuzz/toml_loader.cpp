// The loader of pipeline files: any bytes give a specification or messages, never a crash.
#include <cstdint>
#include <iterator>

#include "core/config/binding.hpp"
#include "core/config/loader.hpp"
#include "core/config/pipeline_settings.hpp"
#include "tests/fuzz/require.hpp"
#include "tests/fuzz/seeds.hpp"

extern "C" FuzzSeeds flow_fuzz_seeds() {
  static constexpr std::string_view kSeeds[] = {
      "[pipeline]\nname = \"p\"\nplugins = [\"std\"]\nmemory_limit = \"256MiB\"\nin_flight = "
      "\"1MB\"\nparallelism = 2\ncheckpoint = { path = \"s\", interval = "
      "\"1h30m\" }\non_error = \"drop\"\n",
      "[sources.a]\ntype = \"file\"\npath = \"${PIPELINE_DIR}/${X:-y}$$\"\ndecoding = \"json\"\n"
      "[transforms.b]\ntype = \"join\"\ninputs = { left = [\"a\"], right = [\"c.errors\"] }\n"
      "[windows.c]\ntype = \"tumbling\"\ninputs = [\"b\"]\nsize = 2025-10-28T10:15:30Z\n"
      "[sinks.d]\ntype = \"file\"\ninputs = [\"a\", \"c\"]\nencoding = { type = \"json\", nulls = "
      "'''omit''' }\n",
      "include = [\"c.toml\", \"ab.toml\"]\n[parameters]\nrows = 5\nlimit = { type = \"size\", "
      "max = \"1MiB\", doc = \"d\", choices = [\"a\"] }\n[sources.s]\nn = "
      "\"${parameters.rows}\"\np = \"x${parameters.limit}y\"\n",
      "a.b.\"c.d\".e = [[1, 2.5], { x = nan, y = -0x1F }]\n[[t]]\n[[t]]\nu = "
      "\"\"\"\n\\u00e9\"\"\"\n"};
  return {kSeeds, std::size(kSeeds)};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace flowrun;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  LoadSettings settings;
  settings.variables = [](std::string_view name) -> std::optional<std::string> {
    if (name.size() % 2 == 0) return std::nullopt;
    return std::string(name);
  };
  settings.parameters = {{"rows", "7"}};
  // Whatever is included is found: the same text again, which includes itself, or one to build on.
  settings.read = [text](const std::filesystem::path& path, std::size_t) {
    if (path.native().size() % 2 == 0) return FileText{std::string(text), ""};
    return FileText{"[parameters]\nrows = { type = \"int\", default = 3, min = 1 }\n", ""};
  };
  Diagnostics found;
  try {
    PipelineSpecification specification = parse_pipeline(text, "p.toml", found, settings);
    require(specification.memory_limit.value >= 0);
    const bool loaded = !found.has_errors();
    const std::size_t n_components = specification.components.size();
    const BoundPipeline bound =
        bind(std::move(specification), Registry(), found, true, {SecretReading::kLeaveOut});
    // Without operators nothing binds, but a sound wiring has an order.
    require(found.has_errors() || n_components == 0);
    if (loaded) require(bound.order.size() == n_components);
    for (const Diagnostic& diagnostic : found.sorted()) require(!diagnostic.to_string().empty());
  } catch (const ConfigurationError& error) {
    require(!error.diagnostics().empty() && !error.diagnostics()[0].message.empty());
  }
  return 0;
}
