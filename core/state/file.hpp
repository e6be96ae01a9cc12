// Files written so that they survive: every error is told, and nothing counts before it is synced.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

namespace flowrun {

// An open file. Functions throw std::system_error that names it. Not thread-safe but for read_at.
class File {
 public:
  File() = default;
  File(File&& other) noexcept
      : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}
  File& operator=(File&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~File() { close(); }

  // New, or emptied; written at its end.
  static File create(const std::filesystem::path& path);
  // Of a file that exists: appends, reads.
  static File append(const std::filesystem::path& path);
  static File read(const std::filesystem::path& path);

  // All of it, or throws; what has been written of it then is not taken back.
  void write(std::string_view bytes);
  // Up to `count` bytes; fewer only at the file's end. Returns how many. [any]
  std::size_t read_at(std::uint64_t offset, char* to, std::size_t count) const;
  std::uint64_t size() const;
  void truncate(std::uint64_t size);
  // Its content and length are on the disk.
  void sync();
  void close();

  bool is_open() const { return descriptor_ >= 0; }
  int descriptor() const { return descriptor_; }
  const std::filesystem::path& path() const { return path_; }

 private:
  File(std::filesystem::path path, int flags);
  [[noreturn]] void failed(const char* what) const;

  std::filesystem::path path_;
  int descriptor_ = -1;
};

// Names that were made, changed or removed in the folder are on the disk. Throws std::system_error.
void sync_folder(const std::filesystem::path& folder);

// The whole file. Throws std::system_error.
std::string read_whole(const std::filesystem::path& path);

// Puts `bytes` in place of the file, whole or not at all, and durable. Throws std::system_error;
// then nothing has changed.
void replace_durably(const std::filesystem::path& path, std::string_view bytes);

}  // namespace flowrun
