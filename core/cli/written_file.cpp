#include "core/cli/written_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>
#include <system_error>

namespace flowrun::cli {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void failed(const fs::path& file, const fs::path& temporary) {
  const int error = errno;
  if (!temporary.empty()) unlink(temporary.c_str());
  throw std::system_error(error, std::generic_category(), file.string() + " cannot be written");
}

}  // namespace

void write_file(const fs::path& file, std::string_view text) {
  std::error_code error;
  const fs::path target = fs::exists(file, error) ? fs::canonical(file) : file;
  if (!target.parent_path().empty()) fs::create_directories(target.parent_path());
  struct stat before {};
  const bool exists = stat(target.c_str(), &before) == 0;
  fs::path temporary = target;
  temporary += ".flowrun-" + std::to_string(getpid());
  const int descriptor = open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor < 0) failed(file, {});
  bool good = !exists || fchmod(descriptor, before.st_mode & 07777) == 0;
  while (good && !text.empty()) {
    const ssize_t written = write(descriptor, text.data(), text.size());
    good = written >= 0 || errno == EINTR;
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
  }
  if (close(descriptor) != 0 || !good) failed(file, temporary);
  if (std::rename(temporary.c_str(), target.c_str()) != 0) failed(file, temporary);
}

}  // namespace flowrun::cli
