#include "core/cli/state_move.hpp"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/cli/command.hpp"
#include "core/cli/exit_code.hpp"
#include "core/config/names.hpp"
#include "core/graph/saved_state.hpp"
#include "core/state/checkpoint_store.hpp"
#include "flow/host/state.hpp"

namespace flowrun::cli {
namespace {

namespace fs = std::filesystem;

struct MoveOptions {
  fs::path folder;        // of the pipeline
  std::string component;  // there
  fs::path other;         // the folder to write, or to read
};

// Trouble with what was asked for.
struct MoveError : std::runtime_error {
  MoveError(int exit_code, const std::string& message)
      : std::runtime_error(message), code(exit_code) {}
  int code;
};

// What belongs to one component of a checkpoint. Its totals stay behind: they count rows of the
// pipeline that it comes from.
struct ComponentState {
  SavedComponent who;
  std::optional<std::string> serial;
  std::vector<std::string> timing;
  Manifest::Tables tables;
};

Manifest newest_of(const fs::path& place) {
  if (!fs::exists(place)) throw MoveError(kUnavailable, place.string() + " does not exist");
  if (!fs::is_directory(place)) return read_manifest(place);
  const std::vector<ListedCheckpoint> checkpoints = list_checkpoints(place);
  for (std::size_t left = checkpoints.size(); left > 0; --left) {
    const ListedCheckpoint& newest = checkpoints[left - 1];
    if (newest.problem.empty()) return read_manifest(newest.file);
    complain("skipped: " + newest.problem);
  }
  throw MoveError(kUnavailable, place.string() + " has no complete checkpoint");
}
fs::path folder_of(const fs::path& place) {
  return fs::is_directory(place) ? place : place.parent_path();
}

std::vector<SavedComponent> components_in(const Manifest& checkpoint) {
  const auto part = checkpoint.parts.find(kPipelinePart);
  return part != checkpoint.parts.end() ? decode_components(part->second)
                                        : std::vector<SavedComponent>();
}

// Of the timing of a component, one part an instance.
std::string timing_prefix(const std::string& id) { return std::string(kTimingPart) + id + '/'; }

ComponentState state_of(const Manifest& checkpoint, const std::string& id, const fs::path& place) {
  const std::vector<SavedComponent> all = components_in(checkpoint);
  const auto who =
      std::find_if(all.begin(), all.end(), [&](const SavedComponent& one) { return one.id == id; });
  if (who == all.end()) {
    std::vector<std::string> ids;
    ids.reserve(all.size());
    for (const SavedComponent& one : all) ids.push_back(one.id);
    throw MoveError(
        kUsage, place.string() + " has no component " + quote(id) + "; it has " + enumerate(ids));
  }
  if (who->kind == "source" || who->kind == "sink") {
    throw MoveError(kUsage, quote(id) + " is a " + who->kind +
                                ": what it keeps are positions and handles, which mean something "
                                "in its own pipeline only");
  }
  ComponentState state;
  state.who = *who;
  if (const std::string* part = find_part(checkpoint, kSerialPart, id)) state.serial = *part;
  const std::string timing = timing_prefix(id);
  for (auto part = checkpoint.parts.lower_bound(timing);
       part != checkpoint.parts.end() && part->first.starts_with(timing); ++part) {
    state.timing.push_back(part->second);
  }
  if (const auto tables = checkpoint.components.find(id); tables != checkpoint.components.end()) {
    state.tables = tables->second;
  }
  if (held_by(checkpoint, *who).empty()) {
    throw MoveError(kUnavailable, quote(id) + " has no state in " + place.string());
  }
  return state;
}

void put_parts(const ComponentState& state, std::map<std::string, std::string>& parts) {
  const std::string& id = state.who.id;
  parts.erase(kSerialPart + id);
  std::erase_if(parts, [prefix = timing_prefix(id)](const auto& part) {
    return part.first.starts_with(prefix);
  });
  if (state.serial) parts[kSerialPart + id] = *state.serial;
  for (std::size_t i = 0; i < state.timing.size(); ++i) {
    parts[timing_prefix(id) + std::to_string(i)] = state.timing[i];
  }
}

// Copies pages out of the folder that they stand in.
void fill(const Manifest::Tables& tables, const fs::path& folder, flow::host::StateStore& store) {
  PageReader reader(folder);
  for (const auto& [name, table] : tables) {
    for (const Manifest::Area& area : table.areas) {
      for (std::size_t i = 0; i < area.pages.size(); ++i) {
        char* const to = store.restore_page(name, table.version, area.group, area.area,
                                            static_cast<std::uint32_t>(i), false);
        reader.read(area.pages[i], to);
      }
    }
  }
}

// A checkpoint of these stores.
class Writing {
 public:
  explicit Writing(CheckpointStore& store) : store_(store), id_(store.next_id()) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    store_.begin(id_, std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
  }
  Writing(const Writing&) = delete;
  Writing& operator=(const Writing&) = delete;
  // Before the stores go.
  ~Writing() { store_.abandon(); }

  flow::host::StateStore& add(const std::string& component) {
    stores_.emplace_back(component,
                         std::make_unique<flow::host::StateStore>(account_, INT64_MAX / 2));
    return *stores_.back().second;
  }
  void finish(std::map<std::string, std::string> parts) {
    for (const auto& [component, store] : stores_) store_.freeze(id_, component, *store);
    std::promise<std::string> done;
    store_.finish(id_, std::move(parts),
                  [&done](const std::string& problem) { done.set_value(problem); });
    const std::string problem = done.get_future().get();
    if (!problem.empty()) throw CheckpointError(problem);
  }

 private:
  CheckpointStore& store_;
  std::uint64_t id_;
  flow::host::MemoryAccount account_;
  std::vector<std::pair<std::string, std::unique_ptr<flow::host::StateStore>>> stores_;
};

void say(const char* what, const ComponentState& state, const fs::path& place) {
  std::size_t pages = 0;
  for (const auto& [name, table] : state.tables) {
    for (const Manifest::Area& area : table.areas) pages += area.pages.size();
  }
  fmt::print("{} the state of {} ({}, {} pages) {}\n", what, quote(state.who.id), state.who.type,
             pages, place.string());
}

void export_state(const MoveOptions& options) {
  const Manifest checkpoint = newest_of(options.folder);
  const ComponentState state = state_of(checkpoint, options.component, options.folder);
  if (fs::exists(options.other) && !fs::is_empty(options.other)) {
    throw MoveError(kUsage, options.other.string() + " is there and not empty; name a new folder");
  }
  CheckpointStore store(options.other);
  Writing writing(store);
  fill(state.tables, folder_of(options.folder), writing.add(state.who.id));
  std::map<std::string, std::string> parts;
  parts[kPipelinePart] = encode_components({state.who});
  put_parts(state, parts);
  writing.finish(std::move(parts));
  say("exported", state, options.other);
}

// The component that is meant: the only one, or that of the same name.
std::string imported_id(const Manifest& checkpoint, const std::string& component) {
  const std::vector<SavedComponent> all = components_in(checkpoint);
  return all.size() == 1 ? all.front().id : component;
}

void import_state(const MoveOptions& options) {
  const Manifest from = newest_of(options.other);
  ComponentState state = state_of(from, imported_id(from, options.component), options.other);
  CheckpointStore store(options.folder);
  std::vector<DamagedCheckpoint> damaged;
  const std::optional<Manifest> loaded = store.load(damaged);
  if (!loaded && !damaged.empty()) {
    throw MoveError(kUnavailable, options.folder.string() + " has no complete checkpoint");
  }
  const Manifest before = loaded.value_or(Manifest());
  std::vector<SavedComponent> components = components_in(before);
  state.who.id = options.component;
  const auto known =
      std::find_if(components.begin(), components.end(),
                   [&](const SavedComponent& one) { return one.id == options.component; });
  if (known == components.end()) {
    components.push_back(state.who);
  } else if (known->type != state.who.type) {
    throw MoveError(kUsage, quote(options.component) + " is of the type " + known->type + " in " +
                                options.folder.string() + ", and the state is of " +
                                state.who.type);
  } else {
    *known = state.who;
  }
  Writing writing(store);
  for (const auto& [component, tables] : before.components) {
    if (component != options.component) store.restore(before, component, writing.add(component));
  }
  fill(state.tables, folder_of(options.other), writing.add(options.component));
  std::map<std::string, std::string> parts = before.parts;
  parts[kPipelinePart] = encode_components(components);
  put_parts(state, parts);
  writing.finish(std::move(parts));
  say("imported", state, options.folder);
}

template <class Body>
int guarded(Body body) {
  try {
    body();
    return kSuccess;
  } catch (const MoveError& error) {
    complain(error.what());
    return error.code;
  } catch (const std::runtime_error& error) {
    complain(error.what());
    return kUnavailable;
  }
}

}  // namespace

void add_state_moves(CLI::App& state, int& exit_code) {
  const auto add = [&](const char* name, const char* summary, const char* place, const char* other,
                       const char* other_doc, void (*body)(const MoveOptions&)) {
    auto options = std::make_shared<MoveOptions>();
    CLI::App* command = state.add_subcommand(name, summary);
    command->add_option("FOLDER", options->folder, place)->required()->option_text(" ");
    command->add_option("COMPONENT", options->component, "The component's name there")
        ->required()
        ->option_text(" ");
    command->add_option(other, options->other, other_doc)->required()->option_text(" ");
    command->callback(
        [options, body, &exit_code] { exit_code = guarded([&] { body(*options); }); });
    return command;
  };
  add("export", "Write the state of one component into a folder of its own",
      "The folder of a pipeline's checkpoints, or one of the .manifest files in it", "OUT",
      "A new folder", export_state)
      ->footer(
          "Of a transform or window, for example a model that was learned. OUT is a folder with "
          "one\n"
          "checkpoint that has nothing else: 'flowrun state show OUT' looks into it.\n"
          "Exit codes: 0; 64 there is no such component, or OUT is there; 69 there is no state.\n"
          "Example:\n"
          "  flowrun state export state/shop recommended model-2026-11\n");
  add("import", "Put such a state into a pipeline's checkpoints",
      "The folder of a pipeline's checkpoints; made if need be", "IN",
      "What export wrote, or another pipeline's folder", import_state)
      ->footer(
          "Writes one more checkpoint, in which the component has that state and everything else "
          "is\n"
          "as it was; the pipeline must not be running. The next run goes on from it.\n"
          "Exit codes: 0; 64 the component is of another type; 69 there is no state, or the "
          "folder\n"
          "is in use.\n"
          "Example:\n"
          "  flowrun state import state/test recommended model-2026-11\n");
}

}  // namespace flowrun::cli
