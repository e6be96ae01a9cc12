// Reads files from their start to their end, or as they grow.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "flow/operator.hpp"
#include "operators/sources/file_follow.hpp"
#include "operators/sources/file_reader.hpp"

namespace flow::operators {

// Every file is a partition, named by its path; they are read one after the other. Emits batches of
// one row, a piece of the file as one value of the binary column `bytes`. Cost: one read(2) and
// five allocations a piece. With `follow`, all of it is a FileFollower's.
class FileSource final : public Source {
 public:
  enum class CompressionChoice { kAuto, kNone, kGzip, kZstd };
  enum class ReadFrom { kBeginning, kEnd };
  struct Options {
    std::vector<std::string> path;
    CompressionChoice compression = CompressionChoice::kAuto;
    Size read_size{512 * 1024};
    bool allow_missing = false;
    bool follow = false;
    ReadFrom read_from = ReadFrom::kBeginning;
    std::optional<Duration> partial_timeout;
    Duration rotate_wait{5'000'000'000};
    int64_t max_open_files = 256;
  };
  static void describe(Description<Options>& description);

  // Names of partitions, which batches point to for as long as the pipeline runs.
  class Shared {
   public:
    Shared(const Options&, Host) {}
    const char* keep(const std::string& name);

   private:
    std::mutex mutex_;
    std::set<std::string> names_;  // guarded by mutex_
  };

  FileSource(const Options& options, Shared& shared);

  // Finds the files and offers them. Throws Failure if one is missing or cannot be read.
  void open(Output& out) override;
  Status poll(SourceOutput& out) override;
  void assign(const std::string& partition, std::optional<std::string_view> position) override;
  void revoke(const std::string& partition) override;
  void wake() override;

 private:
  // As offered: number in the order of reading, bytes as stored.
  struct Known {
    size_t number = 0;
    int64_t bytes = 0;
  };

  void open_followed(Output& out);
  Compression compression_of(const std::string& path) const;
  Known known(const std::string& path) const;
  void start(const Host& host);
  void emit(const FileReader::Piece& piece, SourceOutput& out);
  void tell_gone(SourceOutput& out);
  void end(SourceOutput& out);
  void count_read(int64_t stored_bytes) const;

  const Options& options_;
  Shared& shared_;
  std::unique_ptr<FileFollower> follower_;  // with `follow`; set by the constructor
  std::unordered_map<std::string, Known> known_;
  // Assigned and not begun, by number and path; what was never offered comes last.
  std::map<std::pair<size_t, std::string>, std::optional<FilePosition>> waiting_;
  std::deque<std::pair<std::string, FilePosition>> gone_;  // of a checkpoint
  std::string current_;                                    // the path that reader_ reads
  std::unique_ptr<FileReader> reader_;
  bool started_ = false;        // a file was assigned, or there is none
  int64_t total_bytes_ = 0;     // of all files, as stored
  int64_t finished_bytes_ = 0;  // of those that are done
  Metric read_errors_, bytes_read_, bytes_total_;
};

}  // namespace flow::operators
