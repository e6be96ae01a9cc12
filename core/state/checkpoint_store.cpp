#include "core/state/checkpoint_store.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <system_error>
#include <thread>

#include "core/state/checkpoint_writer.hpp"
#include "flow/host/key_hash.hpp"

namespace flowrun {
namespace {

namespace fs = std::filesystem;

// Holds the folder for this process until it is closed.
File lock_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) {
    throw CheckpointError("the checkpoint folder " + folder.string() +
                          " cannot be made: " + error.message());
  }
  const fs::path path = folder / "lock";
  try {
    // Not emptied before it is ours: it names who has it.
    if (!fs::exists(path)) File::create(path);
    File file = File::append(path);
    // A run that was killed a moment ago has the lock until the system has cleared its memory.
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(2);
    bool is_ours = false;
    while (!(is_ours = ::flock(file.descriptor(), LOCK_EX | LOCK_NB) == 0) &&
           std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    if (!is_ours) {
      const std::string owner = read_whole(path);
      throw CheckpointError("the checkpoint folder " + folder.string() + " is in use by process " +
                            owner.substr(0, owner.find('\n')) +
                            "; end that run, or give this one a folder of its own");
    }
    file.truncate(0);
    file.write(std::to_string(::getpid()) + '\n');
    return file;
  } catch (const std::system_error& error_of_file) {
    throw CheckpointError(error_of_file.what());
  }
}

void remove_file(const fs::path& path) {
  std::error_code ignored;
  fs::remove(path, ignored);
}

}  // namespace

CheckpointStore::CheckpointStore(fs::path folder, Options options) {
  File lock = lock_folder(folder);
  const CheckpointFiles files = list_files(folder);
  const std::uint64_t newest = files.manifests.empty() ? 0 : *files.manifests.rbegin();
  for (const fs::path& path : files.unfinished) remove_file(path);
  // No manifest can name what is newer than all of them.
  for (const std::uint64_t id : files.page_files) {
    if (id > newest) remove_file(page_file_path(folder, id));
  }
  writer_ = std::make_unique<CheckpointWriter>(std::move(folder), options.keep, std::move(lock));
}

CheckpointStore::~CheckpointStore() = default;

std::optional<Manifest> CheckpointStore::load(std::vector<DamagedCheckpoint>& damaged,
                                              const std::function<void(Manifest&)>& change) {
  const CheckpointFiles files = list_files(folder());
  std::optional<Manifest> found;
  std::vector<Manifest> kept;  // newest first
  const std::vector<std::uint64_t> newest_first(files.manifests.rbegin(), files.manifests.rend());
  for (const std::uint64_t id : newest_first) {
    const fs::path path = manifest_path(folder(), id);
    try {
      Manifest manifest = read_manifest(path);
      if (manifest.id != id) {
        throw CheckpointError(path.string() + " is checkpoint " + std::to_string(manifest.id));
      }
      if (change) change(manifest);
      if (!found) {
        PageReader(folder()).check(manifest);
        found = manifest;
      }
      kept.push_back(std::move(manifest));
    } catch (const CheckpointError& error) {
      damaged.push_back({id, path, error.what()});
    }
  }
  std::reverse(kept.begin(), kept.end());
  writer_->build_on(std::move(kept));
  return found;
}

void CheckpointStore::restore(const Manifest& checkpoint, const std::string& component,
                              flow::host::StateStore& store, std::uint32_t instance,
                              std::uint32_t instances) const {
  const auto found = checkpoint.components.find(component);
  if (found == checkpoint.components.end()) return;
  PageReader reader(folder());
  for (const auto& [name, table] : found->second) {
    for (const Manifest::Area& area : table.areas) {
      if (flow::host::owner_of_group(area.group, instances) != instance) continue;
      std::uint32_t index = 0;
      for (const Manifest::Page& page : area.pages) {
        char* to = nullptr;
        try {
          to = store.restore_page(name, table.version, area.group, area.area, index++);
        } catch (const std::invalid_argument& error) {
          throw CheckpointError(component + ": " + error.what());
        }
        if (to == nullptr) {
          throw CheckpointError(fmt::format(
              "{}: the state of checkpoint {} is more than state_limit ({} bytes) allows: raise it",
              component, checkpoint.id, store.memory().limit()));
        }
        reader.read(page, to);
      }
    }
  }
}

void CheckpointStore::start_over() {
  const CheckpointFiles files = list_files(folder());
  for (const std::uint64_t id : files.manifests) remove_file(manifest_path(folder(), id));
  try {
    sync_folder(folder());
  } catch (const std::system_error& error) {
    throw CheckpointError(error.what());
  }
  for (const std::uint64_t id : files.page_files) remove_file(page_file_path(folder(), id));
  writer_->build_on({});
}

std::uint64_t CheckpointStore::next_id() const { return writer_->next_id(); }
void CheckpointStore::begin(std::uint64_t id, std::int64_t time) { writer_->begin(id, time); }
void CheckpointStore::freeze(std::uint64_t id, const std::string& component,
                             flow::host::StateStore& store) {
  writer_->freeze(id, component, store);
}
void CheckpointStore::finish(std::uint64_t id, std::map<std::string, std::string> parts,
                             Done done) {
  writer_->finish(id, std::move(parts), std::move(done));
}
void CheckpointStore::abandon() { writer_->abandon(); }
WrittenCheckpoint CheckpointStore::written() const { return writer_->written(); }
const fs::path& CheckpointStore::folder() const { return writer_->folder(); }

std::vector<ListedCheckpoint> list_checkpoints(const fs::path& folder) {
  std::vector<ListedCheckpoint> list;
  for (const std::uint64_t id : list_files(folder).manifests) {
    list.push_back(look_at_checkpoint(manifest_path(folder, id)));
    if (list.back().id == 0) list.back().id = id;
  }
  return list;
}

ListedCheckpoint look_at_checkpoint(const fs::path& file) {
  ListedCheckpoint listed;
  listed.file = file;
  try {
    const Manifest manifest = read_manifest(file);
    listed.id = manifest.id;
    listed.time = manifest.time;
    listed.bytes = fs::file_size(file) + page_bytes(manifest);
    PageReader(file.parent_path()).check(manifest);
  } catch (const std::exception& error) {
    listed.problem = error.what();
  }
  return listed;
}

}  // namespace flowrun
