// One file as a stream of decompressed pieces.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "flow/host.hpp"
#include "operators/common/compression.hpp"
#include "operators/common/file_descriptor.hpp"
#include "operators/sources/file_position.hpp"

namespace flow::operators {

// Reads straight into host buffers. Regular files are read from the start or from a position; pipes
// and character devices from where they are. Not thread-safe.
//
// read() throws flow::Retry where the system fails to read; nothing is lost by calling it again.
class FileReader {
 public:
  enum class Outcome {
    kPiece,
    kNothingYet,  // a pipe without data
    kSkipped,     // bytes before the position to go on from were passed over
    kEnd          // look at damage()
  };
  struct Piece {
    Buffer buffer;
    int64_t bytes = 0;   // from the start of the buffer
    int64_t offset = 0;  // of its first byte in the decompressed stream
  };

  // Opens the file. `from` nothing: from the start; the same, with a warning in the log, where the
  // file is not the one that the position was taken from. Throws Retry where descriptors or memory
  // have run out, and Failure where a position is asked of what has none.
  FileReader(const Host& host, std::string path, Compression compression, int64_t read_size,
             std::optional<FilePosition> from);

  Outcome read(Piece& piece);

  // Behind the last piece.
  FilePosition position() const { return {offset_, FilePosition::fingerprint_of(recent_)}; }
  int64_t offset() const { return offset_; }
  // Of the file as it is stored, compressed or not.
  int64_t stored_bytes_read() const { return stored_read_; }
  int64_t stored_bytes() const { return stored_size_; }
  // Why the file could not be opened or decoded to its end; empty: no trouble.
  const std::string& damage() const { return damage_; }

 private:
  static constexpr int64_t kEndOfFile = 0;
  static constexpr int64_t kWouldBlock = -1;

  bool seek(const FilePosition& from);
  void start_over(const std::string& reason);
  std::optional<Outcome> skip();
  void tell_where() const;
  int64_t piece_capacity();
  int64_t read_stored(char* to, int64_t capacity, bool may_wait);
  int64_t fill(char* to, int64_t capacity);
  int64_t decode(char* to, int64_t capacity);
  void remember(std::string_view bytes);
  [[noreturn]] void fail_to_read(int error) const;

  Host host_;
  std::string path_;
  Compression compression_;
  int64_t read_size_;
  FileDescriptor file_;
  bool regular_ = true;
  int64_t stored_size_ = 0;
  int64_t stored_read_ = 0;
  int64_t offset_ = 0;  // decompressed
  std::string recent_;  // the last bytes before offset_
  std::optional<FilePosition> skip_to_;
  std::string damage_;

  // Of compressed files only.
  std::unique_ptr<Decompressor> decompressor_;
  Buffer input_buffer_;
  std::string_view input_;  // of input_buffer_, not decoded yet
};

}  // namespace flow::operators
