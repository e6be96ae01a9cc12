#include "operators/sources/stdin.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "operators/common/byte_piece.hpp"
#include "operators/common/stream_position.hpp"

namespace flow::operators {
namespace {

constexpr const char* kPartition = "stdin";

// There is one standard input in a process.
std::atomic<bool>& taken() {
  static std::atomic<bool> taken{false};
  return taken;
}

}  // namespace

void StdinSource::describe(Description<Options>& d) {
  d.name("stdin");
  d.summary("Reads the standard input to its end.");
  d.doc(
      "What comes through a pipe, from a file or from a terminal, as it comes; the codec named by "
      "`decoding` finds the records in it. The source ends with the input. When the run is stopped "
      "before, the rest is not read, and a last line without its end is left out.\n\n"
      "**It cannot be read again.** Where checkpoints are taken, what was read is written to a "
      "journal beside them before it goes on, and read from there after a crash: each byte that "
      "was "
      "read counts once, but for those of the last 20 ms before the system itself went down. "
      "Without checkpoints, what had not reached its sinks is lost. A restarted pipeline goes on "
      "with what its new standard input has: give it what follows, not the beginning again. For a "
      "file, the source `file` reads `path`, and can go back.\n\n"
      "A pipeline has one source `stdin` at most. There is one partition, `stdin`; positions count "
      "bytes.");
  d.example("type = \"stdin\"\ndecoding = \"lines\"\n");
  d.traits(FLOW_BYTES | FLOW_ONCE);
  d.output("out", "Pieces of the input, as the column `bytes`.");
  d.option("read_size", &Options::read_size,
           "The most bytes that one read takes; default 64 KiB, what a pipe holds. More is of use "
           "where the input is a file. Some ten pieces are on their way at a time.")
      .range(4096, 64.0 * 1024 * 1024);
}

StdinSource::~StdinSource() {
  if (is_reader_) taken() = false;
}

void StdinSource::open(Output& out) {
  host_ = out;
  struct stat status {};
  if (::fstat(STDIN_FILENO, &status) != 0) {
    throw Failure(
        "stdin source: the standard input is closed; give it a pipe, a file or /dev/null");
  }
  if (S_ISDIR(status.st_mode)) throw Failure("stdin source: the standard input is a directory");
  if (taken().exchange(true)) {
    throw Failure("stdin source: another source reads the standard input already; keep one");
  }
  is_reader_ = true;
  SourceOutput(out).offer(kPartition);
}

void StdinSource::assign(const std::string& partition, std::optional<std::string_view> position) {
  if (partition != kPartition) {
    throw Failure("stdin has the partition 'stdin' only, not " + quote(partition));
  }
  offset_ = 0;
  if (position) {
    const auto bytes = decode_stream_position(*position);
    if (!bytes) throw Failure("stdin: a position that was written by something else; start afresh");
    offset_ = *bytes;
    host_->info("stdin source: going on with what the standard input has now, counted from byte " +
                std::to_string(offset_));
  }
  assigned_ = true;
}

void StdinSource::revoke(const std::string&) { assigned_ = false; }

Status StdinSource::poll(SourceOutput& out) {
  if (!assigned_) return Status::kIdle;
  if (!is_readable(STDIN_FILENO)) {
    wake_.wait({STDIN_FILENO});
    if (!is_readable(STDIN_FILENO)) return Status::kIdle;
  }
  BytePiece piece;
  piece.buffer = host_->allocate(options_.read_size.bytes);
  const ssize_t n =
      ::read(STDIN_FILENO, piece.buffer->data, static_cast<size_t>(options_.read_size.bytes));
  if (n < 0) {
    if (errno == EINTR || errno == EAGAIN) return Status::kIdle;
    throw Failure("stdin source: cannot read: " + error_text(errno));
  }
  if (n == 0) {
    out.end(kPartition, encode_stream_position(offset_));
    return Status::kEnd;
  }
  piece.bytes = n;
  piece.offset = offset_;
  trim(*host_, piece);
  offset_ += n;
  out.emit(byte_batch(out.out(), piece, kPartition), kPartition, encode_stream_position(offset_));
  return Status::kDone;
}

}  // namespace flow::operators
