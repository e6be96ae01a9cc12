// What tests of the sink `file` with many files have in common.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <exception>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "flow/testing/harness.hpp"
#include "operators/common/compression.hpp"
#include "operators/sinks/file.hpp"
#include "tests/operators/common/scratch_folder.hpp"

namespace flow::operators {

using flow::testing::Cell;
using flow::testing::Harness;
using flow::testing::ScratchFolder;
using flow::testing::Setting;
using flow::testing::Settings;
using flow::testing::Table;

// Encoded rows, each with the field of its path.
inline Table rows(const std::vector<Cell>& bytes, const std::vector<Cell>& fields) {
  return {{"bytes", Type::binary(), bytes}, {"kept:f", Type::text(), fields}};
}
inline Table rows(const std::vector<Cell>& bytes) { return {{"bytes", Type::binary(), bytes}}; }

inline std::string decompressed(std::string_view bytes, Compression compression) {
  const auto decoder = make_decompressor(compression);
  std::string result;
  std::array<char, 65536> piece;
  while (!bytes.empty()) {
    const auto step = decoder->step(bytes, piece.data(), piece.size());
    if (!step.error.empty()) return "damaged: " + step.error;
    result.append(piece.data(), step.produced);
    bytes.remove_prefix(step.consumed);
    if (step.consumed == 0 && step.produced == 0) break;
  }
  // What the last step had no room for.
  for (size_t n = 1; n > 0;) {
    n = decoder->step({}, piece.data(), piece.size()).produced;
    result.append(piece.data(), n);
  }
  return decoder->at_boundary() ? result : "cut off";
}

class FileSetTest : public ::testing::Test {
 protected:
  Harness open(const std::string& path, Settings settings = {}) const {
    settings.push_back({"path", scratch_.path(path)});
    return Harness::of<FileSink>(settings);
  }
  static Settings rolled(const std::string& size) {
    return {{"roll", Setting::table({{"size", size}})}};
  }
  std::string refusal(const std::string& path, const Settings& settings) const {
    try {
      open(path, settings);
    } catch (const std::exception& refused) {
      return refused.what();
    }
    return "";
  }
  // Every file under the folder by its path in it, with its bytes.
  std::map<std::string, std::string> files() const {
    std::map<std::string, std::string> found;
    const std::filesystem::path root = scratch_.path("");
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
      if (!entry.is_regular_file()) continue;
      const std::string name = entry.path().lexically_relative(root).string();
      found[name] = scratch_.read(name);
    }
    return found;
  }
  static std::string prepare(Harness& harness) {
    flow_buffer* buffer = nullptr;
    int64_t length = 0;
    flow_operator* op = harness.op();
    EXPECT_EQ(op->prepare(op, 1, &buffer, &length), FLOW_DONE) << harness.host().error;
    const Buffer handle = Buffer::adopt(buffer);
    return {static_cast<const char*>(handle->data), static_cast<size_t>(length)};
  }
  static void commit(Harness& harness, const std::string& handle) {
    flow_operator* op = harness.op();
    EXPECT_EQ(op->commit(op, handle.data(), static_cast<int64_t>(handle.size())), FLOW_DONE)
        << harness.host().error;
  }
  static bool logged(Harness& harness, std::string_view text) {
    for (const auto& [level, message] : harness.host().logs) {
      if (message.find(text) != std::string::npos) return true;
    }
    return false;
  }

  ScratchFolder scratch_;
};

using Files = std::map<std::string, std::string>;
#define EXPECT_HAS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

}  // namespace flow::operators
