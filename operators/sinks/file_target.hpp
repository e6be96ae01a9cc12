// What the sink `file` writes to, and what its ways of writing share.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "flow/operator.hpp"

namespace flow::operators {

// Behind the name of a file that is not finished.
inline constexpr const char* kUnfinishedSuffix = ".part";

// The calls of a sink, see flow::Sink.
class FileTarget {
 public:
  FileTarget() = default;
  FileTarget(const FileTarget&) = delete;
  FileTarget& operator=(const FileTarget&) = delete;
  virtual ~FileTarget() = default;

  virtual void open(Output& out) = 0;
  virtual void process(const Batch& in, Output& out) = 0;
  // Makes all that was processed durable, and describes it.
  virtual std::string prepare() = 0;
  // Commit or abort. An instance that has processed nothing yet goes on where the handle says.
  virtual void settle(std::string_view handle, bool commits) = 0;
  virtual void close(bool drained, Output& out) = 0;
};

std::string bytes_text(int64_t bytes);

// The folder that a path lies in; "": the working directory.
std::string parent_folder(const std::string& path);

// fdatasync. No Retry: after a failed one the system forgets which pages were not written, so that
// a second one would succeed without them. Throws Failure.
void make_durable(int fd, const std::string& place);

// fsync of a folder ("": the working directory), where the file system can do that.
void make_folder_durable(const std::string& folder);

// Throws Retry.
void rename_file(const std::string& from, const std::string& to, const std::string& place);
// The same, and makes it durable.
void rename_durably(const std::string& from, const std::string& to, const std::string& place);

}  // namespace flow::operators
