#include "operators/sinks/file_begun.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "flow/host.hpp"
#include "operators/common/file_descriptor.hpp"
#include "operators/sinks/file_target.hpp"

namespace flow::operators {
namespace {

// "<length> <bytes of the name>:<name>\n"
void append_line(std::string& out, const std::string& file, int64_t length) {
  out.append(std::to_string(length)).append(" ").append(std::to_string(file.size()));
  out.append(":").append(file).append("\n");
}

bool read_number(std::string_view& text, char end, int64_t& value) {
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const auto used = static_cast<size_t>(rest - text.data());
  if (error != std::errc() || value < 0 || used >= text.size() || *rest != end) return false;
  text.remove_prefix(used + 1);
  return true;
}

}  // namespace

BegunFiles::BegunFiles(std::string path, std::string place)
    : path_(std::move(path)), place_(std::move(place)) {}

void BegunFiles::add(const std::string& file, int64_t length) { added_.emplace(file, length); }

void BegunFiles::write(const std::map<std::string, int64_t>& files, const std::string& path,
                       int flags) const {
  std::string lines;
  for (const auto& [file, length] : files) append_line(lines, file, length);
  const FileDescriptor list(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0666));
  const off_t before = list ? ::lseek(list.get(), 0, SEEK_END) : 0;
  const ssize_t n = list ? ::write(list.get(), lines.data(), lines.size()) : -1;
  if (n != static_cast<ssize_t>(lines.size()) || ::fdatasync(list.get()) != 0) {
    const int error = n >= 0 && errno == 0 ? ENOSPC : errno;
    // Half a line would hide those behind it.
    if (list && ::ftruncate(list.get(), before) != 0) ::unlink(path.c_str());
    throw Retry(place_ + ": cannot write the list of new files " + quote(path) + ": " +
                error_text(error));
  }
}

void BegunFiles::sync() {
  if (added_.empty()) return;
  errno = 0;
  write(added_, path_, O_APPEND);
  if (durable_.empty()) make_folder_durable(parent_folder(path_));
  durable_.merge(added_);
  added_.clear();
}

void BegunFiles::forget(const std::set<std::string>& files) {
  std::map<std::string, int64_t> left;
  for (const auto& [file, length] : durable_) {
    if (files.count(file) == 0) left.emplace(file, length);
  }
  if (left.size() == durable_.size()) return;
  if (left.empty()) {
    clear();
    return;
  }
  errno = 0;
  const std::string next = path_ + ".next";
  write(left, next, O_TRUNC);
  rename_durably(next, path_, place_);
  durable_ = std::move(left);
}

void BegunFiles::clear() {
  ::unlink(path_.c_str());
  durable_.clear();
}

// A torn end is of files that nothing was written to.
std::map<std::string, int64_t> BegunFiles::read() const {
  std::map<std::string, int64_t> files;
  std::ifstream list(path_, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(list)), std::istreambuf_iterator<char>());
  std::string_view left = bytes;
  int64_t length = 0;
  int64_t size = 0;
  while (read_number(left, ' ', length) && read_number(left, ':', size)) {
    const auto name = static_cast<size_t>(size);
    if (left.size() <= name || left[name] != '\n') break;
    files.emplace(left.substr(0, name), length);
    left.remove_prefix(name + 1);
  }
  return files;
}

size_t BegunFiles::take_back(const std::set<std::string>& known) {
  size_t count = 0;
  for (const auto& [file, length] : read()) {
    struct stat status {};
    if (known.count(file) != 0 || ::stat(file.c_str(), &status) != 0) continue;
    ++count;
    const int outcome = length == 0                ? ::unlink(file.c_str())
                        : status.st_size <= length ? 0
                                                   : ::truncate(file.c_str(), length);
    if (outcome != 0) {
      throw Retry(place_ + ": cannot take back " + quote(file) + ": " + error_text(errno));
    }
  }
  clear();
  return count;
}

}  // namespace flow::operators
