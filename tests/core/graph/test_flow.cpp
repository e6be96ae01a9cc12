#include "tests/core/graph/test_flow.hpp"

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <sstream>
#include <stdexcept>

#include "core/config/loader.hpp"
#include "core/graph/plan.hpp"
#include "tests/core/graph/time_operators.hpp"

namespace flowrun::graph_test {

std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  std::uint64_t hash = a * 0x9E3779B97F4A7C15U + b * 0xC2B2AE3D27D4EB4FU + 0x165667B19E3779F9U;
  hash = (hash ^ (hash >> 31)) * 0xD6E8FEB86659FD93U;
  return hash ^ (hash >> 29);
}

Row source_row(std::int64_t source, std::int64_t seed, std::int64_t number) {
  const std::uint64_t hash =
      mix(static_cast<std::uint64_t>(number), static_cast<std::uint64_t>(seed * 31 + source));
  Row row;
  row.id = source * 1'000'000'000 + number;
  row.source = source;
  row.part = static_cast<std::int64_t>(hash % 3);
  row.seq = number;
  row.key = static_cast<std::int64_t>((hash >> 8) % 50);
  return row;
}

Fate fate_of(const Row& row, std::int64_t tag, std::int64_t drop, std::int64_t fail,
             std::int64_t other) {
  const std::uint64_t hash = mix(static_cast<std::uint64_t>(row.id * 7 + row.copy),
                                 static_cast<std::uint64_t>(tag * 1000 + 17));
  const auto at = static_cast<std::int64_t>(hash % 100);
  if (at < drop) return Fate::kDrop;
  if (at < drop + fail) return Fate::kFail;
  return static_cast<std::int64_t>((hash >> 20) % 100) < other ? Fate::kOther : Fate::kOut;
}

std::int64_t copies_of(const Row& row, std::int64_t tag, std::int64_t most) {
  return 1 + static_cast<std::int64_t>(
                 mix(static_cast<std::uint64_t>(row.id), static_cast<std::uint64_t>(tag) + 5) %
                 static_cast<std::uint64_t>(most));
}

namespace {

struct Boards {
  std::mutex mutex;
  std::map<std::string, std::unique_ptr<Board>> boards;
};
Boards& boards() {
  static auto* made = new Boards;
  return *made;
}

BoundPipeline bound_pipeline(const std::string& toml, Registry& registry) {
  Diagnostics found;
  PipelineSpecification specification = parse_pipeline(toml, "test.toml", found);
  if (!specification.plugins.empty()) load_plugins(specification, registry, found);
  BoundPipeline bound = bind(std::move(specification), registry, found);
  if (!found.has_errors()) add_dead_letter_sink(bound, registry, found);
  if (found.has_errors()) {
    std::string all;
    for (const Diagnostic& diagnostic : found.sorted()) all += diagnostic.to_string() + "\n";
    throw std::runtime_error(all);
  }
  return bound;
}

Registry make_registry(const std::vector<std::string>& folders) {
  Registry registry({folders.begin(), folders.end()});
  registry.add(PluginLibrary::of(test_flow_plugin(), "test_flow"));
  registry.add(PluginLibrary::of(test_time_plugin(), "test_time"));
  return registry;
}

}  // namespace

Board& board(const std::string& name) {
  const std::lock_guard lock(boards().mutex);
  auto& board = boards().boards[name];
  if (board == nullptr) board = std::make_unique<Board>();
  return *board;
}

void clear_boards() {
  const std::lock_guard lock(boards().mutex);
  boards().boards.clear();
}

Flow::Flow(const std::string& toml, RunSettings settings, const std::vector<std::string>& folders)
    : registry_(make_registry(folders)),
      bound_(bound_pipeline(toml, registry_)),
      metrics_("test", {"0", "test", "test", "1.0"}),
      health_("test"),
      pipeline_(std::make_unique<Pipeline>(bound_, metrics_, health_, std::move(settings))) {}

Flow::~Flow() {
  if (thread_.joinable()) {
    pipeline_->abort();
    thread_.join();
  }
}

RunResult Flow::run() { return pipeline_->run(); }

void Flow::start() {
  running_.store(true);
  thread_ = std::thread([this] {
    result_ = pipeline_->run();
    running_.store(false);
  });
}

RunResult Flow::wait() {
  thread_.join();
  return result_;
}

double Flow::metric(const std::string& name, const std::vector<std::string>& parts) {
  std::istringstream text(metrics_.text());
  double sum = 0;
  for (std::string line; std::getline(text, line);) {
    if (line.rfind(name, 0) != 0) continue;
    const char next = line.size() > name.size() ? line[name.size()] : ' ';
    if (next != '{' && next != ' ') continue;
    bool matches = true;
    for (const std::string& part : parts) matches &= line.find(part) != std::string::npos;
    if (matches) sum += std::stod(line.substr(line.rfind(' ') + 1));
  }
  return sum;
}

Watchdog::Watchdog(std::chrono::seconds limit, std::string what)
    : thread_([this, limit, what = std::move(what)] {
        std::unique_lock lock(mutex_);
        if (changed_.wait_for(lock, limit, [&] { return over_; })) return;
        std::fprintf(stderr, "HANGS for %lld s: %s\n", static_cast<long long>(limit.count()),
                     what.c_str());
        std::abort();
      }) {}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

bool wait_until(std::chrono::milliseconds limit, const std::function<bool()>& ready) {
  const auto until = std::chrono::steady_clock::now() + limit;
  while (!ready()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

std::uint64_t test_seed(const char* what) {
  const char* given = std::getenv("FLOWRUN_TEST_SEED");
  const std::uint64_t seed =
      given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  std::printf("%s: FLOWRUN_TEST_SEED=%llu\n", what, static_cast<unsigned long long>(seed));
  return seed;
}

}  // namespace flowrun::graph_test
