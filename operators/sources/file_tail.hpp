// One followed file: what is appended behind the place that was read to.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include "flow/host.hpp"
#include "operators/common/byte_piece.hpp"
#include "operators/common/file_descriptor.hpp"

namespace flow::operators {

// Which file it is, whatever its name. The time of birth, 0 where the file system keeps none, tells
// a file from an earlier one whose inode it was given.
struct FileIdentity {
  uint64_t device = 0;
  uint64_t inode = 0;
  int64_t born = 0;  // nanoseconds since 1970
  bool operator==(const FileIdentity&) const = default;
  bool operator<(const FileIdentity& other) const {
    return std::tie(device, inode, born) < std::tie(other.device, other.inode, other.born);
  }
};

struct FileFacts {
  FileIdentity identity;
  int64_t bytes = 0;
  bool regular = false;
};
// Of an open file, or of a path with links followed. Nothing, with errno set, where the system
// says no.
std::optional<FileFacts> file_facts(int file);
std::optional<FileFacts> file_facts(const std::string& path);

// Where following a file goes on, and how to tell that it is still the same one. Part of
// checkpoints.
struct TailPosition {
  // First bytes of a file that its fingerprint covers, fewer where less has been read.
  static constexpr int64_t kHead = 1024;
  static constexpr size_t kEncodedBytes = 48;

  int64_t offset = 0;
  FileIdentity identity;
  int64_t head_bytes = 0;
  uint64_t head_fingerprint = 0;

  // Six numbers of eight bytes, least significant byte first.
  std::string encode() const;
  // Nothing if the bytes are none of encode's.
  static std::optional<TailPosition> decode(std::string_view bytes);
};

// Reads at offsets of its own, so that the descriptor may be closed and opened again. Not
// thread-safe. Members throw flow::Retry where the system fails to read; nothing is lost by calling
// them again.
class FileTail {
 public:
  enum class Outcome { kPiece, kNothingYet, kTruncated };

  // At the start of the file.
  FileTail(FileDescriptor file, const FileFacts& facts, std::string path);

  // Moves to a position of this file. False: another file, or one that was truncated since; it
  // stays at its start.
  bool seek(const TailPosition& position);
  void seek_end();
  // Truncated: the same file is read from its start.
  void start_over();

  // What is there behind the last piece. kTruncated: the file is shorter than what was read of it,
  // or has other bytes just before the place; nothing was read.
  Outcome read(const Host& host, int64_t read_size, BytePiece& piece);

  TailPosition position() const;
  int64_t offset() const { return offset_; }
  // Whether the file has nothing behind the offset now, or cannot tell.
  bool is_at_end() const;
  // As of the last read.
  int64_t bytes() const { return bytes_; }
  const FileIdentity& identity() const { return identity_; }
  // Whether the last byte that was read ends a line.
  bool at_line_end() const { return recent_.empty() || recent_.back() == '\n'; }

  int file() const { return file_.get(); }
  bool is_open() const { return static_cast<bool>(file_); }
  void close() { file_.reset(); }
  void reopen(FileDescriptor file) { file_ = std::move(file); }

 private:
  // Bytes just before the offset that must be the same whenever something is read: an append
  // changes none of them.
  static constexpr int64_t kWindow = 256;

  int64_t read_at(char* to, int64_t bytes, int64_t offset) const;
  void move_to(int64_t offset);
  void remember(std::string_view bytes);

  FileDescriptor file_;
  FileIdentity identity_;
  std::string path_;  // for messages
  int64_t bytes_ = 0;
  int64_t offset_ = 0;
  std::string recent_;  // at most kWindow bytes before offset_
  std::string head_;    // at most kHead first bytes
};

}  // namespace flow::operators
