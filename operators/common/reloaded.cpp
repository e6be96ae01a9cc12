#include "operators/common/reloaded.hpp"

#include <sys/stat.h>

namespace flow::operators {

std::vector<FileIdentity> file_identities(const std::vector<std::string>& paths) {
  std::vector<FileIdentity> result;
  for (const std::string& path : paths) {
    FileIdentity& identity = result.emplace_back();
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0) {
      identity = {status.st_dev, status.st_ino, status.st_size,
                  status.st_mtim.tv_sec * int64_t{1'000'000'000} + status.st_mtim.tv_nsec};
    }
  }
  return result;
}

}  // namespace flow::operators
