// FileSet at checkpoints, where a run goes on from one, and at the end.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "operators/common/guarded_write.hpp"
#include "operators/sinks/file_set.hpp"

namespace flow::operators {

std::string FileSet::prepare() {
  // What a run without a checkpoint left is none of this one's.
  if (begun_ && !used_) begun_->clear();
  used_ = true;
  finish_frame();
  finish_due();
  for (auto& [path, file] : files_) {
    if (!file->begun()) continue;
    // What is finished at the end of all input gets its name by the commit, and nobody adds to it.
    const bool ends = out_->is_ending() && plan_.staged() && !plan_.replaces;
    if (plan_.roll_at_checkpoint || ends) {
      finish(*file);
    } else {
      flush(*file);
      sync(*file);
    }
  }
  for (const std::string& folder : new_folders_) make_folder_durable(folder);
  new_folders_.clear();
  forget();
  FileHandle handle;
  for (const auto& [path, file] : files_) {
    handle.open.push_back(
        {path, file->number, file->length, file->rolled, file->begun_at, file->prologue});
  }
  handle.finished = finished_;
  return handle.encode();
}

void FileSet::settle(std::string_view bytes, bool commits) {
  if (bytes.empty()) return;
  const FileHandle handle = FileHandle::decode(bytes);
  if (commits) {
    for (const FileHandle::Finished& file : handle.finished) {
      // Repeated, or taken away by whoever reads finished files.
      if (::access(file.from.c_str(), F_OK) == 0) rename_durably(file.from, file.to, "file sink");
      finished_.erase(std::remove_if(finished_.begin(), finished_.end(),
                                     [&](const FileHandle::Finished& known) {
                                       return known.from == file.from;
                                     }),
                      finished_.end());
    }
  }
  std::set<std::string> open;
  for (const FileHandle::Open& file : handle.open) open.insert(file.path);
  if (begun_ && used_ && commits) begun_->forget(open);
  if (used_) return;
  // What other files are called ".part" was begun behind the checkpoint, and is begun again.
  numbers_ = FileNumbers(false);
  open_.clear();
  files_.clear();
  finished_ = commits ? std::vector<FileHandle::Finished>() : handle.finished;
  for (const FileHandle::Open& file : handle.open) go_on(file);
  for (const FileHandle::Finished& file : handle.finished) numbers_.note(file.to);
  if (const size_t taken = begun_ ? begun_->take_back(open) : 0; taken > 0) {
    out_->info(place_ + ": " + std::to_string(taken) +
               " files that were begun after the checkpoint are as they were before");
  }
  used_ = commits;
}

void FileSet::go_on(const FileHandle::Open& open) {
  auto made = std::make_unique<File>();
  File& file = *made;
  file.path = open.path;
  file.number = open.number;
  file.length = open.length;
  file.rolled = open.rolled;
  file.begun_at = open.begun_at;
  file.prologue = open.prologue;
  file.final_path = numbered_path(open.path, open.number);
  struct stat status {};
  if (plan_.replaces && ::stat(file.final_path.c_str(), &status) == 0) {
    file.final_path = std::filesystem::canonical(file.final_path).string();
  }
  file.target = plan_.staged() ? file.final_path + kUnfinishedSuffix : file.final_path;
  if (plan_.staged() && ::stat(file.target.c_str(), &status) != 0 &&
      ::stat(file.final_path.c_str(), &status) == 0 && status.st_size >= open.length) {
    // The run came to its end behind the checkpoint.
    rename_durably(file.final_path, file.target, "file sink");
  }
  if (open.length > 0 && ::stat(file.target.c_str(), &status) != 0 && errno == ENOENT) {
    out_->warn("file sink: " + quote(file.final_path) + " (" + bytes_text(open.length) +
               " at the checkpoint) was taken away: a new one is begun");
    return;
  }
  const int64_t found = ::stat(file.target.c_str(), &status) == 0 ? status.st_size : 0;
  if (found < open.length) {
    throw Failure("file sink: " + quote(file.target) + " has " + bytes_text(found) + ", and had " +
                  bytes_text(open.length) +
                  " at the checkpoint: it was changed by something else; start afresh");
  }
  if (const auto refused = open_target(file, O_CREAT)) throw Failure("file sink: " + *refused);
  if (found > open.length && ::ftruncate(file.descriptor.get(), open.length) != 0) {
    throw Retry("file sink: " + quote(file.target) + ": cannot truncate: " + error_text(errno));
  }
  out_->info("file sink: " + quote(file.target) + ": going on at byte " +
             std::to_string(open.length) + ", " + bytes_text(found - open.length) +
             " written after the checkpoint are cut off");
  numbers_.note(file.final_path);
  files_.emplace(open.path, std::move(made));
}

void FileSet::close(bool drained, Output& out) {
  if (drained) {
    finish_frame();
    if (!path_.has_fields() && plan_.replaces && files_.empty()) {
      auto only = std::make_unique<File>();
      only->path = path_.literal();
      if (const auto refused = begin(*only)) throw Failure(place_ + ": " + *refused);
      files_.emplace(only->path, std::move(only));
    }
    for (auto& [path, file] : files_) {
      if (file->begun()) end(*file);
    }
    take_names();
    out.info(place_ + " is complete");
    files_.clear();
    return;
  }
  size_t left = finished_.size();
  std::string example = finished_.empty() ? "" : finished_.front().from;
  try {
    finish_frame();
    flush_all();
  } catch (const std::exception& trouble) {
    out.warn(place_ +
             ": what was gathered is not written, as the run did not finish: " + trouble.what());
  }
  for (auto& [path, file] : files_) {
    if (!plan_.staged() || !file->begun()) continue;
    ++left;
    example = file->target;
  }
  if (left > 0 && out.has_checkpoints()) {
    out.info(place_ + ": " + std::to_string(left) + " unfinished files, eg " + quote(example) +
             ", are what the next run goes on with");
  } else if (left > 0) {
    out.warn(place_ + ": " + std::to_string(left) + " unfinished files, eg " + quote(example) +
             ", are left behind, as the run did not finish");
  }
  open_.clear();
  files_.clear();
}

}  // namespace flow::operators
