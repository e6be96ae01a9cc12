#include "core/state/checkpoint_writer.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <system_error>
#include <utility>

#include "core/state/checkpoint_files.hpp"
#include "flow/thread_name.hpp"

namespace flowrun {
namespace {

namespace fs = std::filesystem;
using Which = flow::host::StateStore::Which;

// So many page files at most: beyond that the live pages of the emptiest are written again.
constexpr std::size_t kMostFiles = 64;
// How long the writer sleeps while a worker is copying the last page.
constexpr std::chrono::microseconds kMoment{50};

std::vector<const Manifest::Page*> live_pages(const Manifest& manifest) {
  std::vector<const Manifest::Page*> pages;
  for (const auto& [component, tables] : manifest.components) {
    for (const auto& [name, table] : tables) {
      for (const Manifest::Area& area : table.areas) {
        for (const Manifest::Page& page : area.pages) pages.push_back(&page);
      }
    }
  }
  return pages;
}

// The page in the place, if the manifest has it.
const Manifest::Page* find_page(const Manifest& manifest, const std::string& component,
                                const flow::host::PagePlace& place) {
  const auto tables = manifest.components.find(component);
  if (tables == manifest.components.end()) return nullptr;
  const auto table = tables->second.find(place.table);
  if (table == tables->second.end() || table->second.version != place.version) return nullptr;
  const std::vector<Manifest::Area>& areas = table->second.areas;
  const auto area = std::lower_bound(
      areas.begin(), areas.end(), std::pair(place.group, place.area),
      [](const Manifest::Area& one, const std::pair<std::uint32_t, std::uint32_t>& wanted) {
        return std::pair(one.group, one.area) < wanted;
      });
  if (area == areas.end() || area->group != place.group || area->area != place.area ||
      place.index >= area->pages.size()) {
    return nullptr;
  }
  return &area->pages[place.index];
}

}  // namespace

CheckpointWriter::CheckpointWriter(fs::path folder, std::size_t keep, File lock)
    : folder_(std::move(folder)), keep_(std::max<std::size_t>(keep, 1)), lock_(std::move(lock)) {
  const CheckpointFiles files = list_files(folder_);
  for (const std::uint64_t id : files.manifests) {
    next_id_ = id + 1;
    try {
      kept_.push_back(read_manifest(manifest_path(folder_, id)));
    } catch (const CheckpointError&) {
      // load() tells of it; here it only cannot be kept.
    }
  }
  thread_ = std::thread([this] {
    flow::name_thread("checkpoints");
    run();
  });
}

CheckpointWriter::~CheckpointWriter() {
  abandon();
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void CheckpointWriter::build_on(std::vector<Manifest> kept) {
  const std::lock_guard lock(mutex_);
  kept_ = std::move(kept);
  has_base_ = !kept_.empty();
}

std::uint64_t CheckpointWriter::next_id() const {
  const std::lock_guard lock(mutex_);
  return next_id_;
}

WrittenCheckpoint CheckpointWriter::written() const {
  const std::lock_guard lock(mutex_);
  return written_;
}

void CheckpointWriter::begin(std::uint64_t id, std::int64_t time) {
  abandon();
  const std::lock_guard lock(mutex_);
  if (id < next_id_) throw CheckpointError("checkpoint numbers must ascend");
  next_id_ = id + 1;
  current_ = Checkpoint{};
  current_->id = id;
  current_->time = time;
}

void CheckpointWriter::freeze(std::uint64_t id, const std::string& component,
                              flow::host::StateStore& store) {
  {
    const std::lock_guard lock(mutex_);
    if (!current_ || current_->id != id || current_->abandoned || !current_->problem.empty()) {
      return;
    }
    store.freeze(true);
    current_->entries.push_back(std::make_shared<Entry>(Entry{component, &store, {}}));
  }
  changed_.notify_all();
}

void CheckpointWriter::finish(std::uint64_t id, std::map<std::string, std::string> parts,
                              CheckpointStore::Done done) {
  {
    const std::lock_guard lock(mutex_);
    if (!current_ || current_->id != id || current_->abandoned) return;
    current_->parts = std::move(parts);
    current_->done = std::move(done);
    current_->finished = true;
  }
  changed_.notify_all();
}

void CheckpointWriter::abandon() {
  std::unique_lock lock(mutex_);
  if (!current_) return;
  const std::uint64_t id = current_->id;
  current_->abandoned = true;
  changed_.notify_all();
  idle_.wait(lock, [&] { return !current_ || current_->id != id; });
}

void CheckpointWriter::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (!step(lock)) {
      changed_.wait(lock, [&] {
        return stopping_ ||
               (current_ && (current_->abandoned || current_->finished ||
                             (current_->problem.empty() &&
                              std::any_of(current_->entries.begin(), current_->entries.end(),
                                          [](const std::shared_ptr<Entry>& entry) {
                                            return !entry->store->taken();
                                          }))));
      });
    }
  }
}

bool CheckpointWriter::step(std::unique_lock<std::mutex>& lock) {
  if (!current_) return false;
  if (current_->abandoned) {
    give_up(lock, {});
    return true;
  }
  if (!current_->problem.empty()) {
    if (!current_->finished) return false;
    const CheckpointStore::Done done = std::move(current_->done);
    const std::string problem = current_->problem;
    current_.reset();
    idle_.notify_all();
    lock.unlock();
    if (done) done(problem);
    lock.lock();
    return true;
  }
  const Entries entries = current_->entries;
  const bool last = current_->finished;
  lock.unlock();
  try {
    const bool wrote = write_page(entries);
    const bool all = std::all_of(entries.begin(), entries.end(),
                                 [](const auto& entry) { return entry->store->taken(); });
    if (wrote || !all) {
      if (!wrote) std::this_thread::sleep_for(kMoment);
      lock.lock();
      return true;
    }
    lock.lock();
    if (!last) return false;
    if (current_->abandoned) return true;
    Checkpoint checkpoint = std::move(*current_);
    current_->id = checkpoint.id;
    lock.unlock();
    std::string problem;
    try {
      complete(checkpoint);
    } catch (const std::exception& error) {
      problem = error.what();
      pages_.reset();
      remove_files_of(checkpoint.id);
    }
    for (const auto& entry : checkpoint.entries) entry->store->end_epoch(problem.empty());
    lock.lock();
    const bool abandoned = current_->abandoned;
    current_.reset();
    if (problem.empty()) written_ = counts_;
    idle_.notify_all();
    if (!abandoned && checkpoint.done) {
      lock.unlock();
      checkpoint.done(problem);
      lock.lock();
    }
  } catch (const std::exception& error) {
    if (!lock.owns_lock()) lock.lock();
    give_up(lock, error.what());
  }
  return true;
}

bool CheckpointWriter::write_page(const Entries& entries) {
  if (entries.empty()) return false;
  for (const Which which : {Which::kUrgent, Which::kImaged, Which::kAny}) {
    for (const auto& entry : entries) {
      if (entry->store->taken()) continue;
      if (!pages_) {
        const std::lock_guard lock(mutex_);
        pages_.emplace(folder_, current_->id);
      }
      flow::host::PagePlace place{};
      if (!entry->store->take(which, place, pages_->next())) continue;
      entry->written.emplace(PageKey(place.table, place.group, place.area, place.index),
                             pages_->add());
      return true;
    }
  }
  return false;
}

Manifest CheckpointWriter::assemble(const Checkpoint& checkpoint) {
  Manifest manifest;
  manifest.id = checkpoint.id;
  manifest.time = checkpoint.time;
  manifest.parts = checkpoint.parts;
  using Places = std::map<std::pair<std::uint32_t, std::uint32_t>, std::vector<Manifest::Page>>;
  struct Found {
    std::uint32_t version = 0;
    Places areas;
  };
  std::map<std::string, std::map<std::string, Found>> found;
  const Manifest* base = has_base_ ? &kept_.back() : nullptr;
  for (const auto& entry : checkpoint.entries) {
    std::map<std::string, Found>& tables = found[entry->component];
    entry->store->for_each_frozen([&](const flow::host::PagePlace& place, bool changed) {
      const Manifest::Page* page = nullptr;
      if (changed) {
        const auto at =
            entry->written.find(PageKey(place.table, place.group, place.area, place.index));
        if (at != entry->written.end()) page = &at->second;
        ++counts_.pages;
      } else {
        if (base != nullptr) page = find_page(*base, entry->component, place);
        ++counts_.unchanged_pages;
      }
      Found& table = tables[place.table];
      table.version = place.version;
      std::vector<Manifest::Page>& pages = table.areas[{place.group, place.area}];
      if (page == nullptr || pages.size() != place.index) {
        entry->store->forget();
        throw CheckpointError(fmt::format(
            "page {} of area {}, key group {}, table '{}' of '{}' is not where it should be; the "
            "next checkpoint writes all pages",
            place.index, place.area, place.group, place.table, entry->component));
      }
      pages.push_back(*page);
    });
  }
  for (auto& [component, tables] : found) {
    for (auto& [name, table] : tables) {
      Manifest::Table& made = manifest.components[component][name];
      made.version = table.version;
      for (auto& [place, pages] : table.areas) {
        made.areas.push_back({place.first, place.second, std::move(pages)});
      }
    }
  }
  return manifest;
}

void CheckpointWriter::compact(Manifest& manifest) {
  std::map<std::uint64_t, std::uint64_t> live;  // bytes by file
  const std::vector<const Manifest::Page*> pages = live_pages(manifest);
  for (const Manifest::Page* page : pages) {
    if (page->file != manifest.id) live[page->file] += page->length + kPageHeaderBytes;
  }
  PageReader reader(folder_);
  std::set<std::uint64_t> leave;
  for (const auto& [file, bytes] : live) {
    if (bytes < reader.size(file) / 2) leave.insert(file);
  }
  std::vector<std::pair<std::uint64_t, std::uint64_t>> by_size;
  for (const auto& [file, bytes] : live) {
    if (!leave.contains(file)) by_size.emplace_back(bytes, file);
  }
  std::sort(by_size.begin(), by_size.end());
  for (std::size_t i = 0; i + kMostFiles / 2 < by_size.size() && by_size.size() > kMostFiles; ++i) {
    leave.insert(by_size[i].second);
  }
  if (leave.empty()) return;
  if (!pages_) pages_.emplace(folder_, manifest.id);
  for (auto& [component, tables] : manifest.components) {
    for (auto& [name, table] : tables) {
      for (Manifest::Area& area : table.areas) {
        for (Manifest::Page& page : area.pages) {
          if (!leave.contains(page.file)) continue;
          reader.read(page, pages_->next());
          page = pages_->add();
          ++counts_.pages;
          ++counts_.moved_pages;
          --counts_.unchanged_pages;
        }
      }
    }
  }
}

void CheckpointWriter::complete(const Checkpoint& checkpoint) {
  counts_ = {};
  counts_.id = checkpoint.id;
  Manifest manifest = assemble(checkpoint);
  try {
    compact(manifest);
  } catch (const CheckpointError&) {
    // What cannot be read any more is still in memory.
    for (const auto& entry : checkpoint.entries) entry->store->forget();
    throw;
  }
  if (pages_) {
    counts_.bytes = pages_->bytes();
    pages_->finish();
    pages_.reset();
    sync_folder(folder_);
  }
  const std::string bytes = manifest.to_bytes();
  replace_durably(manifest_path(folder_, manifest.id), bytes);
  counts_.bytes += bytes.size();
  kept_.push_back(std::move(manifest));
  has_base_ = true;
  if (kept_.size() > keep_) {
    kept_.erase(kept_.begin(), kept_.end() - static_cast<std::ptrdiff_t>(keep_));
  }
  remove_unneeded();
}

void CheckpointWriter::remove_unneeded() {
  std::set<std::uint64_t> manifests, page_files;
  for (const Manifest& manifest : kept_) {
    manifests.insert(manifest.id);
    for (const Manifest::Page* page : live_pages(manifest)) page_files.insert(page->file);
  }
  // What cannot be removed now is with the next checkpoint; this one is complete all the same.
  try {
    const CheckpointFiles files = list_files(folder_);
    std::error_code ignored;
    for (const std::uint64_t id : files.manifests) {
      if (!manifests.contains(id)) fs::remove(manifest_path(folder_, id), ignored);
    }
    for (const std::uint64_t id : files.page_files) {
      if (!page_files.contains(id)) fs::remove(page_file_path(folder_, id), ignored);
    }
  } catch (const CheckpointError&) {
    return;
  }
}

void CheckpointWriter::give_up(std::unique_lock<std::mutex>& lock, const std::string& problem) {
  const std::uint64_t id = current_->id;
  const Entries entries = std::exchange(current_->entries, {});
  current_->problem = problem;
  lock.unlock();
  for (const auto& entry : entries) entry->store->end_epoch(false);
  pages_.reset();
  remove_files_of(id);
  lock.lock();
  if (current_->abandoned) {
    current_.reset();
    idle_.notify_all();
  }
}

void CheckpointWriter::remove_files_of(std::uint64_t id) {
  std::error_code ignored;
  fs::remove(manifest_path(folder_, id), ignored);
  fs::remove(page_file_path(folder_, id), ignored);
}

}  // namespace flowrun
