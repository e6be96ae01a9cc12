#include "operators/sources/file_paths.hpp"

#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <new>
#include <set>

#include "operators/common/file_descriptor.hpp"

namespace flow::operators {
namespace {

// The files that a pattern matches, by name in byte order whatever the locale says.
std::vector<std::string> matches(const std::string& pattern) {
  glob_t found{};
  const int outcome = ::glob(pattern.c_str(), 0, nullptr, &found);
  std::set<std::string> paths;
  if (outcome == 0) paths.insert(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  ::globfree(&found);
  if (outcome == GLOB_NOSPACE) throw std::bad_alloc();
  return {paths.begin(), paths.end()};
}

class Finder {
 public:
  FoundFiles find(const std::vector<std::string>& patterns) {
    for (const std::string& pattern : patterns) {
      struct stat status {};
      if (::stat(pattern.c_str(), &status) == 0) {
        add(pattern, status, false);
        continue;
      }
      const int error = errno;
      if (pattern.find_first_of("*?[") != std::string::npos) {
        add_matches(pattern);
      } else if (error == ENOENT || error == ENOTDIR) {
        found_.missing.push_back(quote(pattern) + " does not exist");
      } else {
        found_.problems.push_back("cannot read " + quote(pattern) + ": " + error_text(error));
      }
    }
    return std::move(found_);
  }

 private:
  void add_matches(const std::string& pattern) {
    bool any = false;
    for (const std::string& path : matches(pattern)) {
      struct stat status {};
      // A file that goes away between the two calls, or a link to nowhere, is not there.
      if (::stat(path.c_str(), &status) == 0) any |= add(path, status, true);
    }
    if (!any) found_.missing.push_back("no file matches " + quote(pattern));
  }

  // Whether it was something to read, or to complain about.
  bool add(const std::string& path, const struct stat& status, bool by_pattern) {
    if (S_ISDIR(status.st_mode)) {
      if (by_pattern) {
        found_.skipped.push_back(path);
        return false;
      }
      const std::string folder = path.back() == '/' ? path : path + "/";
      found_.problems.push_back(quote(path) +
                                " is a directory; name its files, eg: " + quote(folder + "*.log"));
      return true;
    }
    if (::faccessat(AT_FDCWD, path.c_str(), R_OK, AT_EACCESS) != 0) {
      const int error = errno;
      found_.problems.push_back("cannot read " + quote(path) + ": " + error_text(error) +
                                (error == EACCES ? "; give this user read permission" : ""));
      return true;
    }
    if (known_.insert(path).second) {
      found_.files.push_back({path, S_ISREG(status.st_mode) ? status.st_size : 0});
    }
    return true;
  }

  FoundFiles found_;
  std::set<std::string> known_;
};

}  // namespace

FoundFiles find_files(const std::vector<std::string>& patterns) { return Finder().find(patterns); }

}  // namespace flow::operators
