// What the sink `file` tells a checkpoint of many files.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace flow::operators {

struct FileHandle {
  // A file that rows may still be added to.
  struct Open {
    std::string path;  // without a number
    int64_t number = 0;
    int64_t length = 0;    // durable, and all that counts
    int64_t rolled = 0;    // bytes before compression: what decides on rolling
    int64_t begun_at = 0;  // nanoseconds since 1970
    int64_t prologue = 0;  // prologue_mark of what it begins with
  };
  // A finished one that gets its name at commit.
  struct Finished {
    std::string from, to;
  };
  std::vector<Open> open;
  std::vector<Finished> finished;

  // About 40 bytes a file, and its path.
  std::string encode() const;
  // Throws Failure for bytes that encode did not make.
  static FileHandle decode(std::string_view bytes);
};

}  // namespace flow::operators
