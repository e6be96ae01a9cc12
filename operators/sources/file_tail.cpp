#include "operators/sources/file_tail.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "operators/sources/file_position.hpp"

namespace flow::operators {
namespace {

std::optional<FileFacts> facts(int folder, const char* path, int flags) {
  struct statx status {};
  if (::statx(folder, path, flags, STATX_BASIC_STATS | STATX_BTIME, &status) != 0) {
    return std::nullopt;
  }
  FileFacts found;
  found.identity.device = makedev(status.stx_dev_major, status.stx_dev_minor);
  found.identity.inode = status.stx_ino;
  if ((status.stx_mask & STATX_BTIME) != 0) {
    found.identity.born =
        int64_t{status.stx_btime.tv_sec} * 1'000'000'000 + int64_t{status.stx_btime.tv_nsec};
  }
  found.bytes = static_cast<int64_t>(status.stx_size);
  found.regular = S_ISREG(status.stx_mode);
  return found;
}

}  // namespace

std::optional<FileFacts> file_facts(int file) { return facts(file, "", AT_EMPTY_PATH); }
std::optional<FileFacts> file_facts(const std::string& path) {
  return facts(AT_FDCWD, path.c_str(), 0);
}

std::string TailPosition::encode() const {
  std::string bytes;
  for (const uint64_t number :
       {static_cast<uint64_t>(offset) | (over ? FilePosition::kAtEnd : 0), identity.device,
        identity.inode, static_cast<uint64_t>(identity.born), static_cast<uint64_t>(head_bytes),
        head_fingerprint}) {
    for (int shift = 0; shift < 64; shift += 8) bytes += static_cast<char>(number >> shift);
  }
  return bytes;
}

std::optional<TailPosition> TailPosition::decode(std::string_view bytes) {
  if (bytes.size() != kEncodedBytes) return std::nullopt;
  std::array<uint64_t, kEncodedBytes / 8> numbers{};
  for (size_t i = 0; i < bytes.size(); ++i) {
    numbers[i / 8] |= uint64_t{static_cast<unsigned char>(bytes[i])} << (i % 8 * 8);
  }
  if (numbers[4] > static_cast<uint64_t>(kHead)) return std::nullopt;
  TailPosition position;
  position.offset = static_cast<int64_t>(numbers[0] & ~FilePosition::kAtEnd);
  position.over = (numbers[0] & FilePosition::kAtEnd) != 0;
  position.identity = {numbers[1], numbers[2], static_cast<int64_t>(numbers[3])};
  position.head_bytes = static_cast<int64_t>(numbers[4]);
  position.head_fingerprint = numbers[5];
  return position;
}

FileTail::FileTail(FileDescriptor file, const FileFacts& facts, std::string path)
    : file_(std::move(file)),
      identity_(facts.identity),
      path_(std::move(path)),
      bytes_(facts.bytes) {}

int64_t FileTail::read_at(char* to, int64_t bytes, int64_t offset) const {
  int64_t done = 0;
  while (done < bytes) {
    const ssize_t n =
        ::pread(file_.get(), to + done, static_cast<size_t>(bytes - done), offset + done);
    if (n == 0) break;
    if (n < 0) {
      if (errno == EINTR) continue;
      throw Retry("file source: cannot read " + quote(path_) + ": " + error_text(errno));
    }
    done += n;
    if (done > kWindow) break;  // the rest comes with the next read
  }
  return done;
}

void FileTail::move_to(int64_t offset) {
  const auto at_start = [&](std::string& bytes, int64_t from, int64_t length) {
    bytes.resize(static_cast<size_t>(length));
    int64_t have = 0;
    while (have < length) {
      const int64_t n = read_at(bytes.data() + have, length - have, from + have);
      if (n == 0) break;
      have += n;
    }
    bytes.resize(static_cast<size_t>(have));
  };
  at_start(head_, 0, std::min(offset, TailPosition::kHead));
  const int64_t window = std::min(offset, kWindow);
  at_start(recent_, offset - window, window);
  offset_ = offset;
}

bool FileTail::seek(const TailPosition& position) {
  if (position.offset > bytes_) return false;
  if (position.identity.inode != identity_.inode && position.head_bytes == 0) return false;
  move_to(position.offset);
  const auto head = static_cast<size_t>(position.head_bytes);
  if (head_.size() >= head &&
      FilePosition::fingerprint_of({head_.data(), head}) == position.head_fingerprint) {
    return true;
  }
  start_over();
  return false;
}

void FileTail::seek_end() { move_to(bytes_); }

bool FileTail::is_at_end() const {
  const auto found = file_facts(file_.get());
  return !found || found->bytes == offset_;
}

void FileTail::start_over() {
  offset_ = 0;
  recent_.clear();
  head_.clear();
}

FileTail::Outcome FileTail::read(const Host& host, int64_t read_size, BytePiece& piece) {
  const auto found = file_facts(file_.get());
  if (!found) {
    throw Retry("file source: cannot read " + quote(path_) + ": " + error_text(errno));
  }
  bytes_ = found->bytes;
  if (bytes_ < offset_) return Outcome::kTruncated;
  const auto window = static_cast<int64_t>(recent_.size());
  const auto same = [&](const char* before) {
    return recent_ == std::string_view(before, recent_.size());
  };
  if (bytes_ == offset_) {
    std::array<char, kWindow> before{};
    const int64_t n = read_at(before.data(), window, offset_ - window);
    return n == window && same(before.data()) ? Outcome::kNothingYet : Outcome::kTruncated;
  }
  // The bytes before the place and those behind it come with one call: where the first are what
  // they were, the others follow them.
  const int64_t capacity = window + std::min(read_size, bytes_ - offset_);
  const Buffer buffer = host.allocate(capacity);
  auto* const data = static_cast<char*>(buffer->data);
  const int64_t n = read_at(data, capacity, offset_ - window);
  if (n < window || !same(data)) return Outcome::kTruncated;
  if (n == window) return Outcome::kNothingYet;
  piece = {buffer, window, n - window, offset_};
  const std::string_view bytes(data + window, static_cast<size_t>(n - window));
  offset_ += n - window;
  remember(bytes);
  trim(host, piece);
  return Outcome::kPiece;
}

void FileTail::remember(std::string_view bytes) {
  constexpr auto kMost = static_cast<size_t>(kWindow);
  constexpr auto kFirst = static_cast<size_t>(TailPosition::kHead);
  if (head_.size() < kFirst) head_ += bytes.substr(0, kFirst - head_.size());
  if (bytes.size() >= kMost) {
    recent_ = bytes.substr(bytes.size() - kMost);
    return;
  }
  recent_ += bytes;
  if (recent_.size() > kMost) recent_.erase(0, recent_.size() - kMost);
}

TailPosition FileTail::position() const {
  return {offset_, identity_, static_cast<int64_t>(head_.size()),
          FilePosition::fingerprint_of(head_)};
}

}  // namespace flow::operators
