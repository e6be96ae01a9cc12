// Files that are added to in place and that no checkpoint knows yet.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

namespace flow::operators {

// A list on the disk of what was begun since the last checkpoint, with the lengths before: what a
// restart takes back. It lies beside the files, only while there are such. Costs a wait for the
// disk where a batch has rows for new files.
class BegunFiles {
 public:
  // `path`: of the list. `place`: for messages.
  BegunFiles(std::string path, std::string place);

  // Before the first byte; sync() makes it durable. `length`: bytes that were there.
  void add(const std::string& file, int64_t length);
  // Throws Retry, and may be called again.
  void sync();
  // A checkpoint knows these files. Throws Retry.
  void forget(const std::set<std::string>& files);
  // Nothing is to be taken back, whatever an earlier run left.
  void clear();
  // Files that were begun and are none of `known` get their lengths back; new ones go. Throws
  // Retry. Returns how many there were.
  size_t take_back(const std::set<std::string>& known);

 private:
  void write(const std::map<std::string, int64_t>& files, const std::string& path, int flags) const;
  std::map<std::string, int64_t> read() const;

  const std::string path_, place_;
  std::map<std::string, int64_t> durable_, added_;
};

}  // namespace flow::operators
