#include "core/state/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

namespace flowrun {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void throw_error(const fs::path& path, const char* what) {
  throw std::system_error(errno, std::generic_category(), path.string() + ' ' + what);
}

}  // namespace

File::File(fs::path path, int flags) : path_(std::move(path)) {
  do {
    descriptor_ = ::open(path_.c_str(), flags | O_CLOEXEC, 0666);
  } while (descriptor_ < 0 && errno == EINTR);
  if (descriptor_ < 0) failed("cannot be opened");
}

File File::create(const fs::path& path) { return {path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND}; }
File File::append(const fs::path& path) { return {path, O_RDWR | O_APPEND}; }
File File::read(const fs::path& path) { return {path, O_RDONLY}; }

void File::failed(const char* what) const { throw_error(path_, what); }

void File::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) failed("cannot be written");
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

std::size_t File::read_at(std::uint64_t offset, char* to, std::size_t count) const {
  std::size_t done = 0;
  while (done < count) {
    const ssize_t got =
        ::pread(descriptor_, to + done, count - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) failed("cannot be read");
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

std::uint64_t File::size() const {
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0) failed("cannot be looked at");
  return static_cast<std::uint64_t>(status.st_size);
}

void File::truncate(std::uint64_t size) {
  if (::ftruncate(descriptor_, static_cast<off_t>(size)) != 0) failed("cannot be shortened");
}

void File::sync() {
  if (::fdatasync(descriptor_) != 0) failed("cannot be written to the disk");
}

void File::close() {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

void sync_folder(const fs::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) throw_error(folder, "cannot be opened");
  const int result = ::fsync(descriptor);
  const int error = errno;
  ::close(descriptor);
  errno = error;
  if (result != 0) throw_error(folder, "cannot be written to the disk");
}

std::string read_whole(const fs::path& path) {
  const File file = File::read(path);
  std::string bytes(static_cast<std::size_t>(file.size()), '\0');
  bytes.resize(file.read_at(0, bytes.data(), bytes.size()));
  return bytes;
}

void replace_durably(const fs::path& path, std::string_view bytes) {
  fs::path temporary = path;
  temporary += ".part";
  try {
    File file = File::create(temporary);
    file.write(bytes);
    file.sync();
    file.close();
    if (std::rename(temporary.c_str(), path.c_str()) != 0) throw_error(path, "cannot be named");
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
  sync_folder(path.parent_path());
}

}  // namespace flowrun
