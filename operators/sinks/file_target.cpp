#include "operators/sinks/file_target.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "operators/common/file_descriptor.hpp"

namespace flow::operators {

std::string bytes_text(int64_t bytes) { return std::to_string(bytes) + " bytes"; }

std::string parent_folder(const std::string& path) {
  return std::filesystem::path(path).parent_path().string();
}

void make_durable(int fd, const std::string& place) {
  int outcome = 0;
  do {
    outcome = ::fdatasync(fd);
  } while (outcome != 0 && errno == EINTR);
  if (outcome != 0) {
    throw Failure(place + ": cannot be made durable: " + error_text(errno) +
                  "; what was written lately may be lost: run again");
  }
}

void make_folder_durable(const std::string& folder) {
  const char* path = folder.empty() ? "." : folder.c_str();
  const FileDescriptor directory(::open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory) ::fsync(directory.get());
}

void rename_file(const std::string& from, const std::string& to, const std::string& place) {
  if (::rename(from.c_str(), to.c_str()) != 0) {
    throw Retry(place + ": cannot rename " + quote(from) + " to " + quote(to) + ": " +
                error_text(errno));
  }
}

void rename_durably(const std::string& from, const std::string& to, const std::string& place) {
  rename_file(from, to, place);
  make_folder_durable(parent_folder(to));
}

}  // namespace flow::operators
