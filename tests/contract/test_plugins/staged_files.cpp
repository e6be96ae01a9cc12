// A two-phase sink: rows gather in a hidden file, prepare ends it, commit renames it.
#include <filesystem>
#include <fstream>

#include "flow/flow.hpp"

namespace {

namespace fs = std::filesystem;

class StagedFiles final : public flow::Sink {
 public:
  struct Options {
    std::string folder;
  };
  static void describe(flow::Description<Options>& d) {
    d.name("staged_files");
    d.summary("Writes row counts to files that appear at checkpoints.");
    d.doc("Exactly once. One line a batch, with its rows; a finished file ends in `.txt`.");
    d.example(
        "[sinks.counts]\ntype = \"staged_files\"\ninputs = [\"words\"]\nfolder = \"counts\"\n");
    d.traits(FLOW_SERIAL | FLOW_TWO_PHASE);
    d.option("folder", &Options::folder, "Where the files go; made when it is not there.")
        .required();
  }

  explicit StagedFiles(const Options& options) : folder_(options.folder) {}

  void open(flow::Output&) override {
    std::error_code trouble;
    fs::create_directories(folder_, trouble);
    if (trouble) throw flow::Failure("cannot make " + folder_.string() + ": " + trouble.message());
  }
  void process(const flow::Batch& in, flow::Output&) override {
    if (name_.empty()) {
      name_ = "part-" + std::to_string(++number_);
      // A name that an earlier run committed is not taken again.
      while (fs::exists(folder_ / (name_ + ".txt"))) name_ = "part-" + std::to_string(++number_);
    }
    std::ofstream file(folder_ / ("." + name_), std::ios::app);
    for (int64_t row = 0; row < in.rows(); ++row) file << "row\n";
    if (!file.flush()) throw flow::Retry("cannot write to " + folder_.string());
  }
  std::string prepare(uint64_t) override { return std::exchange(name_, {}); }
  void commit(std::string_view handle) override {
    const fs::path hidden = folder_ / ("." + std::string(handle));
    if (!handle.empty() && fs::exists(hidden)) {
      fs::rename(hidden, folder_ / (std::string(handle) + ".txt"));
    }
  }
  void abort(std::string_view handle) override {
    if (!handle.empty()) fs::remove(folder_ / ("." + std::string(handle)));
  }
  void close(bool drained, flow::Output&) override {
    if (drained) commit(prepare(0));
  }

 private:
  fs::path folder_;
  std::string name_;
  int number_ = 0;
};

}  // namespace

FLOW_PLUGIN_LICENSED("test.staged_files", "1.0.0", "Apache-2.0", StagedFiles)
