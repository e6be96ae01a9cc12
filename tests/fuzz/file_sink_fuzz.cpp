// What the sink `file` reads from outside: values that become parts of paths, templates, and the
// handles of checkpoints.
#include <cstdint>
#include <string>
#include <string_view>

#include "flow/testing/host.hpp"
#include "flow/testing/table.hpp"
#include "operators/common/path_template.hpp"
#include "operators/sinks/file_handle.hpp"
#include "tests/fuzz/require.hpp"

namespace {

using flow::operators::FileHandle;
using flow::operators::PathMaker;
using flow::operators::PathTemplate;
using flow::testing::make_column;
using flow::testing::TestHost;

// Whatever the value: a path inside the folder, of as many names as the template has.
void check_path(std::string_view given, std::string_view value) {
  TestHost host;
  const PathTemplate path(given, "fuzz");
  flow::Output out(host.abi());
  const flow::Type type = flow::Type::binary();
  const flow::Batch batch = out.make(
      1, {{"f", {make_column(host.host(), type, {flow::testing::Cell(value)}), type}}}, nullptr);
  PathMaker maker(path);
  maker.bind(batch, 0, host.host());
  std::string made;
  if (maker.make(0, made) != PathMaker::Outcome::kDone) return;
  require(made.substr(0, 4) == "out/" && made.size() <= PathTemplate::kMostPathBytes);
  require(made.size() < 5 || made.substr(made.size() - 5) != ".part");
  size_t names = 0;
  for (std::string_view rest = made;; ++names) {
    const size_t slash = rest.find('/');
    const std::string_view name = rest.substr(0, slash);
    require(!name.empty() && name != "." && name != "..");
    require(name.size() <= PathTemplate::kMostNameBytes);
    for (const char c : name) require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
    if (slash == std::string_view::npos) break;
    rest.remove_prefix(slash + 1);
  }
  size_t slashes = 0;
  for (const char c : given) slashes += c == '/' ? 1 : 0;
  require(names == slashes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const char* path : {"out/{f}", "out/{f}{f}/x", "out/.{f}/.{f}.part", "out/x-{f}.gz"}) {
    check_path(path, bytes);
  }
  try {
    const PathTemplate path(bytes, "fuzz");
    require(path.fields().size() <= bytes.size());
  } catch (const flow::Failure&) {
    // Refused with a reason.
  }
  try {
    const FileHandle handle = FileHandle::decode(bytes);
    const FileHandle again = FileHandle::decode(handle.encode());
    require(again.open.size() == handle.open.size());
    require(again.encode() == handle.encode());
  } catch (const flow::Failure&) {
    // Refused with a reason.
  }
  return 0;
}
