// Writes encoded rows to files.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "flow/operator.hpp"
#include "operators/sinks/file_target.hpp"

namespace flow::operators {

// Takes one column of encoded bytes, and beside it the fields that `path` names.
class FileSink final : public Sink {
 public:
  enum class Mode { kAppend, kReplace };
  enum class Packing { kByExtension, kNone, kGzip, kZstd };
  struct Options {
    std::string path;
    Mode mode = Mode::kAppend;
    Packing compression = Packing::kByExtension;
    int64_t level = 0;
    Table roll;
    int64_t max_open_files = 256;
  };
  static void describe(Description<Options>& description);
  // Throws Failure for a template that is none.
  static std::vector<std::string> kept_fields(const Options& options);

  // Throws Failure for options that do not go together.
  explicit FileSink(const Options& options);

  void open(Output& out) override { target_->open(out); }
  void process(const Batch& in, Output& out) override { target_->process(in, out); }
  std::string prepare(uint64_t) override { return target_->prepare(); }
  void restore(uint32_t, std::string_view handle) override { target_->settle(handle, true); }
  void commit(std::string_view handle) override { target_->settle(handle, true); }
  void abort(std::string_view handle) override { target_->settle(handle, false); }
  void close(bool drained, Output& out) override { target_->close(drained, out); }

 private:
  std::unique_ptr<FileTarget> target_;
};

}  // namespace flow::operators
