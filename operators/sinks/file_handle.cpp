#include "operators/sinks/file_handle.hpp"

#include <charconv>

#include "flow/host.hpp"

namespace flow::operators {
namespace {

// "3 <n open> <n finished> ", then numbers with a space behind each, and texts as
// "<length>:<bytes>".
constexpr std::string_view kVersion = "3 ";

void put(std::string& out, int64_t number) {
  out.append(std::to_string(number));
  out += ' ';
}

void put(std::string& out, const std::string& text) {
  out.append(std::to_string(text.size()));
  out += ':';
  out.append(text);
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : left_(bytes) {}

  int64_t number(char end = ' ') {
    int64_t value = 0;
    const auto [rest, error] = std::from_chars(left_.data(), left_.data() + left_.size(), value);
    const auto used = static_cast<size_t>(rest - left_.data());
    if (error != std::errc() || value < 0 || used >= left_.size() || *rest != end) refuse();
    left_.remove_prefix(used + 1);
    return value;
  }
  std::string text() {
    const auto size = static_cast<size_t>(number(':'));
    if (size > left_.size()) refuse();
    std::string result(left_.substr(0, size));
    left_.remove_prefix(size);
    return result;
  }
  bool at_end() const { return left_.empty(); }

  [[noreturn]] static void refuse() {
    throw Failure("file sink: the checkpoint's handle was written by something else");
  }

 private:
  std::string_view left_;
};

}  // namespace

std::string FileHandle::encode() const {
  std::string out(kVersion);
  put(out, static_cast<int64_t>(open.size()));
  put(out, static_cast<int64_t>(finished.size()));
  for (const Open& file : open) {
    put(out, file.path);
    put(out, file.number);
    put(out, file.length);
    put(out, file.rolled);
    put(out, file.begun_at);
    put(out, file.prologue);
  }
  for (const Finished& file : finished) {
    put(out, file.from);
    put(out, file.to);
  }
  return out;
}

FileHandle FileHandle::decode(std::string_view bytes) {
  if (bytes.substr(0, kVersion.size()) != kVersion) Reader::refuse();
  Reader reader(bytes.substr(kVersion.size()));
  FileHandle handle;
  int64_t open = reader.number();
  int64_t finished = reader.number();
  for (; open > 0; --open) {
    Open& file = handle.open.emplace_back();
    file.path = reader.text();
    file.number = reader.number();
    file.length = reader.number();
    file.rolled = reader.number();
    file.begun_at = reader.number();
    file.prologue = reader.number();
  }
  for (; finished > 0; --finished) {
    Finished& file = handle.finished.emplace_back();
    file.from = reader.text();
    file.to = reader.text();
  }
  if (!reader.at_end()) Reader::refuse();
  return handle;
}

}  // namespace flow::operators
