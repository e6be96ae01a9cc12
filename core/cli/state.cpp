// flowrun state: what stands in the folder of a pipeline's checkpoints.
#include "flow/state.hpp"

#include <fmt/chrono.h>
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/cli/command.hpp"
#include "core/cli/exit_code.hpp"
#include "core/cli/state_move.hpp"
#include "core/config/names.hpp"
#include "core/graph/saved_bytes.hpp"
#include "core/graph/saved_state.hpp"
#include "core/state/checkpoint_store.hpp"
#include "flow/utf8.hpp"

namespace flowrun::cli {
namespace {

namespace fs = std::filesystem;

// More of a part than this is only counted.
constexpr std::size_t kShownBytes = 100;

struct StateOptions {
  fs::path place;
  std::string component;
};

std::string time_text(std::int64_t nanoseconds) {
  if (nanoseconds == 0) return "-";
  const std::time_t seconds = nanoseconds / 1'000'000'000;
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}Z", fmt::gmtime(seconds));
}

std::string size_text(std::uint64_t bytes) {
  if (bytes < 10'000) return fmt::format("{} B", bytes);
  if (bytes < std::uint64_t{10} << 20)
    return fmt::format("{:.1f} KiB", static_cast<double>(bytes) / 1024);
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1 << 20));
}

// Text as it is, numbers of eight bytes as numbers, everything else as its length.
std::string value_text(std::string_view value) {
  const bool printable =
      flow::is_valid_utf8(value) && std::none_of(value.begin(), value.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte < 0x20 || byte == 0x7F;
      });
  if (printable && value.size() <= kShownBytes) return value.empty() ? "empty" : std::string(value);
  if (!printable && value.size() == sizeof(std::int64_t)) {
    std::int64_t number = 0;
    std::memcpy(&number, value.data(), sizeof number);
    return fmt::format("{} (8 bytes)", number);
  }
  std::string text = size_text(value.size());
  if (!printable) return text + ", not text";
  return text.append(": ").append(flow::utf8_prefix(value, kShownBytes)).append("...");
}

// A position is the source's own: text where it is one, a number, or its bytes in hex.
std::string position_text(std::string_view position) {
  std::string text = value_text(position);
  if (!text.ends_with(", not text")) return text;
  std::string hex;
  for (const char c : position.substr(0, kShownBytes / 2)) {
    hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
  }
  return fmt::format("0x{}{} ({})", hex, position.size() > kShownBytes / 2 ? "..." : "",
                     size_text(position.size()));
}

// Where a source goes on: each of its partitions.
void show_source(const std::string& part, std::string_view value) {
  SavedSource source;
  try {
    source = SavedSource::decode(value);
  } catch (const SavedStateError&) {  // of another version
    fmt::print("  {}: {}\n", part, value_text(value));
    return;
  }
  fmt::print("  {}: {} partition{}\n", part, source.partitions.size(),
             source.partitions.size() == 1 ? "" : "s");
  if (source.journal > 0) fmt::print("    journal: from byte {}\n", source.journal);
  for (const auto& [name, partition] : source.partitions) {
    fmt::print("    {}: {}{}\n", quote(name), position_text(partition.position),
               partition.ended ? ", ended" : "");
    if (partition.stream && !partition.stream->held.empty()) {
      fmt::print("      {} of an unfinished record, from position {}\n",
                 size_text(partition.stream->held.size()), partition.stream->held_position);
    }
  }
}

int list(const fs::path& place) {
  const std::vector<ListedCheckpoint> checkpoints =
      fs::is_directory(place) ? list_checkpoints(place)
                              : std::vector<ListedCheckpoint>{look_at_checkpoint(place)};
  if (checkpoints.empty()) {
    complain(place.string() + " has no checkpoints");
    return kUnavailable;
  }
  fmt::print("{:>10}  {:20}  {:>12}  {}\n", "CHECKPOINT", "TIME", "SIZE", "STATE");
  bool complete = false;
  for (const ListedCheckpoint& one : checkpoints) {
    fmt::print("{:>10}  {:20}  {:>12}  {}\n", one.id, time_text(one.time), size_text(one.bytes),
               one.problem.empty() ? "complete" : "damaged: " + one.problem);
    complete = complete || one.problem.empty();
  }
  return complete ? kSuccess : kUnavailable;
}

// Of a table that flow::KeyedTable wrote: the keys of a key group. Nothing: it is not one.
std::optional<std::uint32_t> keys_in(const Manifest::Area& area, PageReader& reader) {
  if (area.area != 0 || area.pages.empty()) return std::nullopt;
  std::vector<char> bytes(FLOW_PAGE_BYTES);
  reader.read(area.pages.front(), bytes.data());
  flow::detail::StateHeader header{};
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.magic != flow::detail::StateHeader::kMagic) return std::nullopt;
  return header.used;
}

void show_table(const std::string& name, const Manifest::Table& table, PageReader& reader) {
  struct Group {
    std::uint64_t keys = 0, pages = 0, bytes = 0;
  };
  std::map<std::uint32_t, Group> groups;
  Group sum;
  bool counted = true;
  for (const Manifest::Area& area : table.areas) {
    Group& group = groups[area.group];
    group.pages += area.pages.size();
    for (const Manifest::Page& page : area.pages) group.bytes += page.length;
    if (area.area != 0) continue;
    const std::optional<std::uint32_t> keys = keys_in(area, reader);
    counted = counted && keys.has_value();
    group.keys += keys.value_or(0);
  }
  for (const auto& [number, group] : groups) {
    sum.keys += group.keys;
    sum.pages += group.pages;
    sum.bytes += group.bytes;
  }
  fmt::print("  table {} (version {}): {}{} pages, {} in {} key groups\n", quote(name),
             table.version, counted ? fmt::format("{} keys, ", sum.keys) : "", sum.pages,
             size_text(sum.bytes), groups.size());
  fmt::print("    {:>9}  {:>12}  {:>7}  {:>12}\n", "KEY GROUP", "KEYS", "PAGES", "SIZE");
  for (const auto& [number, group] : groups) {
    fmt::print("    {:>9}  {:>12}  {:>7}  {:>12}\n", number,
               counted ? std::to_string(group.keys) : "-", group.pages, size_text(group.bytes));
  }
}

// The manifest to show: the file, or the newest complete one of the folder.
std::optional<fs::path> manifest_of(const fs::path& place) {
  if (!fs::is_directory(place)) return place;
  std::vector<ListedCheckpoint> checkpoints = list_checkpoints(place);
  std::reverse(checkpoints.begin(), checkpoints.end());
  for (const ListedCheckpoint& checkpoint : checkpoints) {
    if (checkpoint.problem.empty()) return checkpoint.file;
    complain("skipped: " + checkpoint.problem);
  }
  return std::nullopt;
}

// Whether the part is the component's: its name has it between slashes.
bool belongs(std::string_view part, std::string_view component) {
  if (component.empty()) return true;
  while (!part.empty()) {
    const std::size_t slash = part.find('/');
    if (part.substr(0, slash) == component) return true;
    if (slash == std::string_view::npos) break;
    part.remove_prefix(slash + 1);
  }
  return false;
}

int show(const StateOptions& options) {
  const std::optional<fs::path> file = manifest_of(options.place);
  if (!file) {
    complain(options.place.string() + " has no complete checkpoint");
    return kUnavailable;
  }
  const Manifest manifest = read_manifest(*file);
  PageReader reader(file->parent_path());
  fmt::print("checkpoint {} of {}, {}\n", manifest.id, time_text(manifest.time), file->string());
  bool found = options.component.empty();
  for (const auto& [name, value] : manifest.parts) {
    if (!belongs(name, options.component)) continue;
    found = true;
    if (name.starts_with(kSourcePart)) {
      show_source(name, value);
    } else {
      fmt::print("  {}: {}\n", name, value_text(value));
    }
  }
  for (const auto& [component, tables] : manifest.components) {
    if (!options.component.empty() && component != options.component) continue;
    fmt::print("{}\n", component);
    for (const auto& [name, table] : tables) show_table(name, table, reader);
    found = true;
  }
  if (found) return kSuccess;
  complain(file->string() + " has nothing of a component " + quote(options.component));
  return kUsage;
}

template <class Body>
int guarded(const fs::path& place, Body body) {
  try {
    if (!fs::exists(place)) {
      complain(place.string() + " does not exist");
      return kUnavailable;
    }
    return body();
  } catch (const std::runtime_error& error) {  // CheckpointError, or a part that is cut off
    complain(error.what());
    return kUnavailable;
  }
}

}  // namespace

void add_state(CLI::App& program, int& exit_code) {
  CLI::App* state =
      program.add_subcommand("state", "Look into a pipeline's checkpoints, and move state");
  state->require_subcommand(1);
  state->footer(
      "Examples:\n"
      "  flowrun state ls state/weblogs\n"
      "  flowrun state show state/weblogs\n"
      "  flowrun state export state/shop recommended model-2026-11\n"
      "Read on: 'flowrun state COMMAND --help'\n");
  auto options = std::make_shared<StateOptions>();
  const auto add_place = [&](CLI::App* command) {
    command
        ->add_option("FILE", options->place,
                     "The folder of a pipeline's checkpoints, or one of the .manifest files in it")
        ->required()
        ->option_text(" ");
  };
  CLI::App* ls = state->add_subcommand("ls", "List checkpoints, and say what is wrong with any");
  add_place(ls);
  ls->footer(
      "All bytes are read and checked. Changes nothing; the pipeline may be running.\n"
      "Exit codes: 0; 69 there is no complete checkpoint.\n"
      "Example:\n"
      "  flowrun state ls state/weblogs\n");
  ls->callback([options, &exit_code] {
    exit_code = guarded(options->place, [&] { return list(options->place); });
  });
  CLI::App* show_command =
      state->add_subcommand("show", "Show what a checkpoint has: positions, parts, tables");
  add_place(show_command);
  show_command->add_option("COMPONENT", options->component, "Only what belongs to this component")
      ->option_text(" ");
  show_command->footer(
      "Of a folder, the newest complete checkpoint. Keys are counted where a table was written by\n"
      "the SDK's KeyedTable.\n"
      "Exit codes: 0; 64 there is nothing of that component; 69 there is no complete checkpoint.\n"
      "Examples:\n"
      "  flowrun state show state/weblogs\n"
      "  flowrun state show state/iot/checkpoint-0000000012.manifest per_minute\n");
  show_command->callback([options, &exit_code] {
    exit_code = guarded(options->place, [&] { return show(*options); });
  });
  add_state_moves(*state, exit_code);
}

}  // namespace flowrun::cli
