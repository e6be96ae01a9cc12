// Where benchmarks that read or write files keep them.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>

namespace flow::operators {

// A folder of its own, empty, removed at the end.
class BenchFolder {
 public:
  BenchFolder() {
    const char* given = std::getenv("FLOWRUN_BENCH_FOLDER");
    folder_ = given != nullptr ? given : std::filesystem::temp_directory_path();
    folder_ /= "flowrun-bench-" + std::to_string(::getpid());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  BenchFolder(const BenchFolder&) = delete;
  BenchFolder& operator=(const BenchFolder&) = delete;
  ~BenchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  // Of the finished files.
  int64_t bytes() const {
    int64_t sum = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_)) {
      if (!entry.is_regular_file()) continue;
      if (entry.path().extension() == ".part") throw std::runtime_error("a file is not finished");
      sum += static_cast<int64_t>(entry.file_size());
    }
    return sum;
  }

 private:
  std::filesystem::path folder_;
};

}  // namespace flow::operators
