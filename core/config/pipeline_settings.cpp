#include "core/config/pipeline_settings.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "core/config/names.hpp"
#include "core/config/options.hpp"
#include "core/config/quantity.hpp"

namespace flowrun {
namespace {

constexpr double kMost = 9.3e18;  // no upper limit: beyond what an integer holds
constexpr std::int64_t kDefaultInFlight = std::int64_t{16} << 20;

constexpr const char* kOnErrorChoices[] = {"dead_letter", "drop", "stop", nullptr};

constexpr flow_option option(flow_option_type type, const char* name, const char* default_toml,
                             const char* doc) {
  return {sizeof(flow_option), type, name, doc, default_toml, 0, 0, 0, 0, nullptr};
}

constexpr flow_option option(flow_option_type type, const char* name, const char* default_toml,
                             double min, double max, const char* doc) {
  return {sizeof(flow_option), type, name, doc, default_toml, 0, 1, min, max, nullptr};
}

constexpr flow_option kName =
    option(FLOW_OPTION_TEXT, "name", nullptr,
           "What the pipeline is called in metrics, logs and the names of its own files. Letters, "
           "digits, '_', '-' and '.'. The name of the file without its ending, unless given.");
constexpr flow_option kPlugins =
    option(FLOW_OPTION_LIST, "plugins", nullptr,
           "The plugins to load, by name (`weblog` is weblog.so in one of the plugin folders) or, "
           "with a '/' in it, by path. All plugins of all folders, unless given.");
constexpr flow_option kMemoryLimit = option(
    FLOW_OPTION_SIZE, "memory_limit", "\"256MiB\"", 1 << 20, kMost,
    "Bytes that all batches of the pipeline may hold together. Operators pause at the limit, "
    "sources at three quarters of it.");
constexpr flow_option kStateLimit =
    option(FLOW_OPTION_SIZE, "state_limit", "\"1GiB\"", 1 << 20, kMost,
           "Bytes that all keyed state of the pipeline may hold together, copies for a checkpoint "
           "under way included.");
constexpr flow_option kInFlight =
    option(FLOW_OPTION_SIZE, "in_flight", nullptr, 1 << 16, kMost,
           "Bytes that sources keep on their way at once. It sets how long a checkpoint's barrier "
           "takes: some 40 ms at 64 MiB. 16 MiB, or a quarter of `memory_limit` if that is less, "
           "unless given.");
constexpr flow_option kParallelism = option(
    FLOW_OPTION_INT, "parallelism", "0", 0, 1024,
    "Worker threads, and instances of each operator that can run in parallel, unless a keyed "
    "operator has a `parallelism` of its own. 0: one a core.");
constexpr flow_option kBatchRows =
    option(FLOW_OPTION_INT, "batch_rows", "4096", 1, 1 << 20,
           "Rows that a source puts into one batch at most. Fewer cost more per row, more of them "
           "fall out of the processor's caches.");
constexpr flow_option kMaxDrift =
    option(FLOW_OPTION_DURATION, "max_drift", "\"1m\"", 0, kMost,
           "How far the event time of one source may be ahead of another whose rows it meets in a "
           "window, a join or any other operator that keeps state: it is read no further until the "
           "other one has caught up, is idle or has ended. What waits for the slower one is "
           "bounded by it. 0s: any distance.");
constexpr flow_option kDrainTimeout =
    option(FLOW_OPTION_DURATION, "drain_timeout", "\"30s\"", 0, kMost,
           "After a signal to stop: how long the rows already read may take to reach the sinks.");
constexpr flow_option kCheckpoint = option(
    FLOW_OPTION_TABLE, "checkpoint", nullptr,
    "What a run that was killed or stopped goes on from: `path`, `interval` and `keep`. Sinks make "
    "durable and visible what came before each checkpoint. No checkpoints, unless given: then each "
    "run begins at the start.");
constexpr flow_option kDeadLetter =
    option(FLOW_OPTION_TEXT, "dead_letter", nullptr,
           "The file that takes failed rows of components whose `errors` port nothing reads. "
           "\"NAME.rejected.ndjson\" in the working directory, unless given.");
constexpr flow_option kOnError = {
    sizeof(flow_option),
    FLOW_OPTION_CHOICE,
    "on_error",
    "What becomes of failed rows whose `errors` port nothing reads: written to the `dead_letter` "
    "file, counted and dropped, or the pipeline stops. Components can say otherwise for theirs.",
    "\"dead_letter\"",
    0,
    0,
    0,
    0,
    kOnErrorChoices};

constexpr flow_option kNotice =
    option(FLOW_OPTION_TEXT, "notice", nullptr,
           "What whoever runs the pipeline reads once its input is read: when a source has come to "
           "its end and its rows are through, even if other sources go on, or else at the end of "
           "the run. For the commands that look at the results. Nothing, unless given.");

constexpr const flow_option* kPipelineOptions[] = {
    &kName,     &kPlugins,    &kMemoryLimit,  &kStateLimit, &kInFlight, &kParallelism, &kBatchRows,
    &kMaxDrift, &kCheckpoint, &kDrainTimeout, &kDeadLetter, &kOnError,  &kNotice};

constexpr const flow_option* kOnErrorOnly[] = {&kOnError};

constexpr flow_option kInstances =
    option(FLOW_OPTION_INT, "parallelism", nullptr, 1, 1024, "Instances of a keyed operator.");
constexpr const flow_option* kInstancesOnly[] = {&kInstances};

constexpr flow_option kCheckpointPath = {
    sizeof(flow_option),
    FLOW_OPTION_TEXT,
    "path",
    "The folder of the checkpoints, for this pipeline alone. \"NAME.checkpoints\" in the working "
    "directory, unless given. It holds the state (see `state_limit`) some two times, and should be "
    "on a disk that survives what the run is to survive.",
    nullptr,
    0,
    0,
    0,
    0,
    nullptr};
constexpr flow_option kCheckpointInterval =
    option(FLOW_OPTION_DURATION, "interval", "\"10s\"", 1e6, kMost,
           "Time from one checkpoint to the next. Shorter makes output visible sooner and repeats "
           "less after a crash; longer writes less.");

constexpr flow_option kCheckpointKeep =
    option(FLOW_OPTION_INT, "keep", "3", 1, 1000,
           "How many of the newest checkpoints are kept. Should the newest be damaged, a restart "
           "uses the one before.");

constexpr const flow_option* kCheckpointOptions[] = {&kCheckpointPath, &kCheckpointInterval,
                                                     &kCheckpointKeep};

OnError to_on_error(std::string_view choice) {
  if (choice == "drop") return OnError::kDrop;
  if (choice == "stop") return OnError::kStop;
  return OnError::kDeadLetter;
}

bool is_pipeline_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  });
}

std::string made_valid(std::string name) {
  for (char& c : name) {
    if (!is_pipeline_name(std::string_view(&c, 1))) c = '_';
  }
  return name.empty() ? "pipeline" : name;
}

class SettingsReader {
 public:
  SettingsReader(const Value* pipeline, PipelineSpecification& specification, Diagnostics& found)
      : place_(pipeline ? pipeline->place : specification.place),
        table_(pipeline && pipeline->table() ? *pipeline->table() : Value::Table()),
        specification_(specification),
        found_(found),
        options_(bind_options(kPipelineOptions, table_,
                              {place_, "pipeline", "pipeline", {}, SecretReading::kRead}, found)) {}

  void read(const std::string& default_name) {
    read_name(default_name);
    read_plugins();
    specification_.memory_limit = integer("memory_limit");
    specification_.state_limit = integer("state_limit");
    read_in_flight();
    specification_.parallelism = integer("parallelism");
    specification_.batch_rows = integer("batch_rows");
    specification_.max_drift = integer("max_drift");
    specification_.drain_timeout = integer("drain_timeout");
    read_checkpoint();
    read_dead_letter();
    specification_.on_error.place = place_of("on_error");
    if (const flow_value* choice = options_.find("on_error")) {
      specification_.on_error.value = to_on_error(choice->text);
    }
    if (const flow_value* notice = options_.find("notice")) specification_.notice = notice->text;
  }

 private:
  Place place_of(std::string_view name) const {
    const Value* value = find(table_, name);
    return value ? value->place : Place{specification_.place.file, 0, 0};
  }

  // 0 after an error, which has been told.
  Placed<std::int64_t> integer(std::string_view name) const {
    const flow_value* value = options_.find(name);
    return {value ? value->integer : 0, place_of(name)};
  }

  void read_name(const std::string& default_name) {
    specification_.name = {made_valid(default_name), place_of("name")};
    const flow_value* name = options_.find("name");
    if (name == nullptr) return;
    if (is_pipeline_name(name->text)) {
      specification_.name.value = name->text;
    } else {
      found_.error(specification_.name.place, "pipeline.name", quote(name->text) + " is not a name",
                   "letters, digits, '_', '-' and '.' make one");
    }
  }

  void read_plugins() {
    const flow_value* plugins = options_.find("plugins");
    if (plugins == nullptr) return;
    const Value& value = *find(table_, "plugins");
    const Value::List written = value.list() ? *value.list() : Value::List{value};
    for (const Value& element : written) {
      Placed<std::string> plugin{*element.text(), element.place};
      const auto same = [&](const Placed<std::string>& other) {
        return other.value == plugin.value;
      };
      if (plugin.value.empty()) {
        found_.error(plugin.place, "pipeline.plugins", "has an empty name in it");
      } else if (std::any_of(specification_.plugins.begin(), specification_.plugins.end(), same)) {
        found_.error(plugin.place, "pipeline.plugins", quote(plugin.value) + " is listed twice");
      } else {
        specification_.plugins.push_back(std::move(plugin));
      }
    }
    if (written.empty()) {
      found_.error(place_of("plugins"), "pipeline.plugins", "is empty: there would be no operators",
                   "leave it out to load all plugins that are found");
    }
  }

  void read_in_flight() {
    specification_.in_flight = integer("in_flight");
    std::int64_t& in_flight = specification_.in_flight.value;
    const std::int64_t limit = specification_.memory_limit.value;
    if (limit == 0) return;
    if (options_.find("in_flight") == nullptr) {
      in_flight = std::min(kDefaultInFlight, limit / 4);
    } else if (in_flight > limit / 4 * 3) {
      found_.error(specification_.in_flight.place, "pipeline.in_flight",
                   format_size(in_flight) + " is more than three quarters of memory_limit (" +
                       format_size(limit) + "), where sources pause",
                   "the default serves well");
    }
  }

  void read_checkpoint() {
    const Value* written = find(table_, "checkpoint");
    if (written == nullptr || written->table() == nullptr) return;
    CheckpointSpecification checkpoint;
    checkpoint.place = written->place;
    const BoundOptions options = bind_options(
        kCheckpointOptions, *written->table(),
        {written->place, "pipeline.checkpoint", "checkpoint", {}, SecretReading::kRead}, found_);
    const auto place_of_option = [&](std::string_view name) {
      const Value* value = find(*written->table(), name);
      return value ? value->place : Place{specification_.place.file, 0, 0};
    };
    if (const flow_value* path = options.find("path")) {
      checkpoint.path = {path->text, place_of_option("path")};
      if (checkpoint.path.value.empty()) {
        found_.error(checkpoint.path.place, "pipeline.checkpoint.path", "must not be empty");
      }
    } else {
      checkpoint.path.value = specification_.name.value + ".checkpoints";
    }
    if (const flow_value* interval = options.find("interval")) {
      checkpoint.interval = {interval->integer, place_of_option("interval")};
    }
    if (const flow_value* keep = options.find("keep")) {
      checkpoint.keep = {keep->integer, place_of_option("keep")};
    }
    specification_.checkpoint = std::move(checkpoint);
  }

  void read_dead_letter() {
    const flow_value* path = options_.find("dead_letter");
    specification_.dead_letter = {
        path ? path->text : specification_.name.value + ".rejected.ndjson",
        place_of("dead_letter")};
    if (specification_.dead_letter.value.empty()) {
      found_.error(specification_.dead_letter.place, "pipeline.dead_letter", "must not be empty",
                   "to throw failed rows away, write on_error = \"drop\"");
    }
  }

  Place place_;
  Value::Table table_;
  PipelineSpecification& specification_;
  Diagnostics& found_;
  BoundOptions options_;
};

}  // namespace

std::span<const flow_option* const> pipeline_options() { return kPipelineOptions; }

std::span<const flow_option* const> checkpoint_options() { return kCheckpointOptions; }

void read_pipeline_settings(const Value* pipeline, const std::string& default_name,
                            PipelineSpecification& specification, Diagnostics& found) {
  if (pipeline != nullptr && pipeline->table() == nullptr) {
    found.error(pipeline->place, "pipeline",
                "must be a table, and is " + std::string(pipeline->type_name()),
                "write [pipeline]");
  }
  SettingsReader(pipeline, specification, found).read(default_name);
}

namespace {

// The value of a component's key, which is the only one of `options`; nothing after an error.
std::optional<BoundOptions> bind_key(std::span<const flow_option* const> options,
                                     const Value& value, const std::string& key_path,
                                     Diagnostics& found) {
  const std::size_t errors = found.error_count();
  BoundOptions bound =
      bind_options(options, {{options.front()->name, value.place, value}},
                   {value.place, key_path, "component", {}, SecretReading::kRead}, found);
  if (found.error_count() > errors) return std::nullopt;
  return bound;
}

}  // namespace

std::optional<Placed<OnError>> read_on_error(const Value& value, const std::string& key_path,
                                             Diagnostics& found) {
  const auto bound = bind_key(kOnErrorOnly, value, key_path, found);
  if (!bound) return std::nullopt;
  return Placed<OnError>{to_on_error(bound->text("on_error")), value.place};
}

const flow_option& instances_option() { return kInstances; }

std::optional<Placed<std::int64_t>> read_instances(const Value& value, const std::string& key_path,
                                                   Diagnostics& found) {
  const auto bound = bind_key(kInstancesOnly, value, key_path, found);
  if (!bound) return std::nullopt;
  return Placed<std::int64_t>{bound->integer("parallelism"), value.place};
}

}  // namespace flowrun
