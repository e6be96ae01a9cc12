#include "operators/sources/file.hpp"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "operators/common/byte_piece.hpp"
#include "operators/sources/file_paths.hpp"

namespace flow::operators {
namespace {

std::string join(const std::vector<std::string>& parts) {
  static constexpr size_t kShown = 5;
  std::string text;
  for (size_t i = 0; i < std::min(parts.size(), kShown); ++i) {
    text += (i == 0 ? "" : "; ") + parts[i];
  }
  if (parts.size() > kShown) {
    text += "; and " + std::to_string(parts.size() - kShown) + " more";
  }
  return text;
}

}  // namespace

void FileSource::describe(Description<Options>& description) {
  description.name("file");
  description.summary(
      "Reads files, plain or compressed, from their start to their end, or follows them.");
  description.doc(R"(Reads one file after the other, in the order of `path`, and ends after the
last one. The codec named by `encoding` finds the records in the bytes and decodes them; the
source itself changes no byte.

Files that end in `.gz` or `.zst` are decompressed; several gzip members or zstd frames in one
file are read as one. The files are looked for once, at the start; what is appended while a file
is being read is read too, if it comes before the end is reached. Pipes and character devices are
read as well, but cannot be read again after a restart.

A file that is missing or cannot be read at the start stops the run before it begins. One that
turns out to be damaged, or that is gone when its turn comes, does not: what could be decoded is
delivered, the rest is skipped with a warning in the log, and `file_read_errors` is counted. Where
reading itself fails (a disk or network trouble) it is tried again.

After a restart reading goes on where the checkpoint was taken, once the kilobyte before it is
found to be the same; a file that was replaced or truncated is read from its start, with a
warning. A compressed file is decoded again up to that place. With checkpoints, each byte is thus
read into the result exactly once.

**Following.** With `follow = true` the source does not end: it reads what is appended, as
`tail -F` does, and finds files that appear later. A line is picked up some milliseconds after it
was written. A half line is held back until the rest of it comes (see `partial_timeout`). Each file
is a partition, `PATH#INODE`; a missing path is waited for; compressed files and what is no regular
file are left alone.

* *Rotation by rename* loses and doubles nothing: a file that was renamed or removed is read to its
  end, and kept open until nothing came for `rotate_wait`. Files are known by device, inode, time of
  birth and first kilobyte, so that a renamed one that matches a pattern (`app.log*`) is not read
  again. Renames are followed even where several happen before the source looks, as long as they
  stay in folders that `path` names.
* *Copy and truncate* cannot promise as much, whoever reads: what is written between the copy and
  the truncation is lost by the rotation itself, and what was not read before it is only in the copy.
  The truncation is noticed by the size and by the 256 bytes before the place that was read to; it
  goes unnoticed where the file has grown past that place again with the same 256 bytes before it.
  The writer must append (`O_APPEND`), or leaves a hole that is read as NUL bytes. Let no pattern
  match the copies: they are files of their own, and would be read again.
* *Changes are learned from inotify*, and once a second by looking: what only looking finds are
  files behind links, on network file systems, and in folders that a pattern with `*` in a folder's
  name has come to match. Such a file must not be rotated twice in that second. The same holds where
  more than 16,384 names change while the pipeline stands still (`file_watch_overflows`).
* *After a restart* each file goes on where the checkpoint was taken, found by its identity even
  under another name in the same folder, and the files that were begun since are read from their
  start.)");
  description.example(R"(type = "file"
path = ["logs/access-*.log.gz", "logs/access.log"]
decoding = "lines"
allow_missing = true
)");
  description.traits(FLOW_BYTES);
  description.output("out", "Pieces of the files, as the column `bytes`.");
  description
      .option(
          "path", &Options::path,
          "Files to read, in this order: a path, or a list of paths. `*`, `?` and `[...]` match "
          "names within one folder (`logs/*/access.log`, but no `**`), in alphabetical order; a "
          "leading dot only matches itself. A file that is named twice is read once. Relative "
          "paths start from the working directory. Required. Each file costs one partition (some "
          "200 bytes); one is open at a time.")
      .required();
  description.choice(
      "compression", &Options::compression,
      {{"auto", CompressionChoice::kAuto},
       {"none", CompressionChoice::kNone},
       {"gzip", CompressionChoice::kGzip},
       {"zstd", CompressionChoice::kZstd}},
      "How the files are compressed. `auto`, the default, goes by the name: `.gz` is gzip, `.zst` "
      "is zstd, everything else is read as it is. Decompressing happens on the source's one "
      "thread, at some 500 MB (gzip) or 1.2 GB (zstd) of text a second, and takes 40 KiB (gzip) "
      "or the frame's window (zstd: 8 MiB at level 19, at most 128 MiB) beside `memory_limit`.");
  description
      .option("read_size", &Options::read_size,
              "Bytes that one read asks for, and the largest piece handed on; default 512 KiB. "
              "Larger ones save system calls, which matters on network file systems (try 4 MiB), "
              "and cost memory: some ten pieces are on their way at a time. Below 64 KiB the work "
              "per piece begins to show. Records may be longer than this.")
      .range(4096, 64.0 * 1024 * 1024);
  description.option(
      "follow", &Options::follow,
      "Whether to go on with what is appended, and with files that appear, until the run is "
      "stopped. Costs two descriptors and, for each file, some 2 KiB and an inotify watch "
      "(fs.inotify.max_user_watches).");
  description.choice(
      "read_from", &Options::read_from,
      {{"beginning", ReadFrom::kBeginning}, {"end", ReadFrom::kEnd}},
      "With `follow`: where to begin with files that are there at the start and in no checkpoint. "
      "`end` skips what they have. Files that appear later are always read from their beginning.");
  description
      .option("partial_timeout", &Options::partial_timeout,
              "With `follow`: after so long without a byte, a last line without its end is taken "
              "as it is; what comes later is another line. Without it half a line waits for ever, "
              "or until its file is gone. For writers that leave out the last line feed.")
      .range(1e6, 86'400e9);
  description
      .option("rotate_wait", &Options::rotate_wait,
              "With `follow`: how long a renamed or removed file is kept open after the last byte "
              "came: as long as its writer may take to go over to the new one. Costs a descriptor "
              "meanwhile.")
      .range(0, 3600e9);
  description
      .option("max_open_files", &Options::max_open_files,
              "With `follow`: the most descriptors. Where more files are followed, those that were "
              "silent for longest are closed and opened again when they are written to; a closed "
              "one that moves to another folder is then not found. Renamed files that were read "
              "to their end are let go before `rotate_wait` is over. Stay below `ulimit -n`.")
      .range(2, 1'000'000);
  description.option(
      "allow_missing", &Options::allow_missing,
      "Whether to go on, with a note in the log, where a path does not exist or a pattern matches "
      "nothing. Default false: the run is refused, as it is usually a misspelt path. Costs "
      "nothing. A run without any file ends at once. With `follow` missing files are waited for.");
}

const char* FileSource::Shared::keep(const std::string& name) {
  const std::lock_guard lock(mutex_);
  return names_.insert(name).first->c_str();
}

FileSource::FileSource(const Options& options, Shared& shared)
    : options_(options), shared_(shared) {
  if (!options_.follow) return;
  FileFollower::Settings settings;
  settings.patterns = options_.path;
  settings.read_size = options_.read_size.bytes;
  settings.from_end = options_.read_from == ReadFrom::kEnd;
  if (options_.partial_timeout) settings.partial_timeout = options_.partial_timeout->nanoseconds;
  settings.rotate_wait = options_.rotate_wait.nanoseconds;
  settings.max_open_files = options_.max_open_files;
  follower_ = std::make_unique<FileFollower>(
      std::move(settings), [&shared](const std::string& name) { return shared.keep(name); });
}

void FileSource::wake() {
  if (follower_) follower_->wake();
}

void FileSource::open_followed(Output& out) {
  if (options_.compression == CompressionChoice::kGzip ||
      options_.compression == CompressionChoice::kZstd) {
    throw Failure(
        "file source: a compressed file cannot be followed; leave `compression` out, or set "
        "follow = false");
  }
  follower_->open(out);
}

void FileSource::open(Output& out) {
  if (options_.path.empty()) {
    throw Failure("file source: `path` is empty; name a file or a pattern, eg: \"logs/*.log\"");
  }
  if (follower_) {
    open_followed(out);
    return;
  }
  if (options_.read_from == ReadFrom::kEnd) {
    throw Failure("file source: read_from = \"end\" is for files that grow; set follow = true");
  }
  read_errors_ =
      out.counter("file_read_errors", "Files that could not be read or decoded to their end.");
  bytes_total_ = out.gauge("source_bytes_total", "Bytes of all files, as stored.");
  bytes_read_ = out.gauge("source_bytes_read", "Bytes read of them.");
  FoundFiles found = find_files(options_.path);
  if (!options_.allow_missing) {
    std::vector<std::string>& problems = found.problems;
    problems.insert(problems.begin(), found.missing.begin(), found.missing.end());
    if (!found.missing.empty()) {
      problems.emplace_back("correct it, or set allow_missing = true to run without");
    }
  }
  if (!found.problems.empty()) throw OptionFailure("path", join(found.problems));
  for (const std::string& missing : found.missing) {
    out.info("file source: " + missing + ": going on without, as allow_missing says");
  }
  for (const std::string& folder : found.skipped) {
    out.info("file source: " + quote(folder) + " is a directory: skipped");
  }
  for (const FoundFile& file : found.files) {
    known_.emplace(file.path, Known{known_.size(), file.bytes});
    total_bytes_ += file.bytes;
  }
  bytes_total_.record(static_cast<double>(total_bytes_));
  started_ = found.files.empty();
  SourceOutput offers(out);
  for (const FoundFile& file : found.files) offers.offer(file.path);
}

FileSource::Known FileSource::known(const std::string& path) const {
  const auto found = known_.find(path);
  return found != known_.end() ? found->second : Known{known_.size(), 0};
}

void FileSource::assign(const std::string& partition, std::optional<std::string_view> position) {
  if (follower_) {
    follower_->assign(partition, position);
    return;
  }
  std::optional<FilePosition> from;
  if (position) {
    from = FilePosition::decode(*position);
    if (!from) {
      throw Failure("file source: the checkpoint's position for " + quote(partition) +
                    " was written by something else; start afresh, without the checkpoint");
    }
  }
  started_ = true;
  if (from && known_.count(partition) == 0 && ::access(partition.c_str(), F_OK) != 0) {
    gone_.emplace_back(partition, *from);
    return;
  }
  waiting_[{known(partition).number, partition}] = from;
}

void FileSource::revoke(const std::string& partition) {
  if (follower_) {
    follower_->revoke(partition);
    return;
  }
  waiting_.erase({known(partition).number, partition});
  if (reader_ && current_ == partition) reader_.reset();
}

Status FileSource::poll(SourceOutput& out) {
  if (follower_) return follower_->poll(out);
  if (!gone_.empty()) {
    tell_gone(out);
    return Status::kDone;
  }
  if (!reader_) {
    if (waiting_.empty()) return started_ ? Status::kEnd : Status::kIdle;
    start(out.out());
  }
  FileReader::Piece piece;
  switch (reader_->read(piece)) {
    case FileReader::Outcome::kPiece:
      emit(piece, out);
      break;
    case FileReader::Outcome::kNothingYet:
      return Status::kIdle;
    case FileReader::Outcome::kSkipped:
      count_read(reader_->stored_bytes_read());
      break;
    case FileReader::Outcome::kEnd:
      end(out);
      break;
  }
  return Status::kDone;
}

// A file of the checkpoint that is not there any more.
void FileSource::tell_gone(SourceOutput& out) {
  const auto [path, position] = std::move(gone_.front());
  gone_.pop_front();
  if (!position.at_end) {
    read_errors_.record(1);
    out.out().warn("file source: " + quote(path) + " is gone: what followed byte " +
                   std::to_string(position.offset) + " of it is not read");
  }
  out.end_for_now(path, position.encode());
}

// Opens the next file. Where that throws, the file stays the next one.
void FileSource::start(const Host& host) {
  const auto next = waiting_.begin();
  const std::string& path = next->first.second;
  reader_ = std::make_unique<FileReader>(host, path, compression_of(path), options_.read_size.bytes,
                                         next->second);
  current_ = path;
  waiting_.erase(next);
}

Compression FileSource::compression_of(const std::string& path) const {
  switch (options_.compression) {
    case CompressionChoice::kNone:
      return Compression::kNone;
    case CompressionChoice::kGzip:
      return Compression::kGzip;
    case CompressionChoice::kZstd:
      return Compression::kZstd;
    case CompressionChoice::kAuto:
      break;
  }
  return compression_by_extension(path);
}

void FileSource::emit(const FileReader::Piece& piece, SourceOutput& out) {
  const Batch batch =
      byte_batch(out.out(), {piece.buffer, 0, piece.bytes, piece.offset}, shared_.keep(current_));
  count_read(reader_->stored_bytes_read());
  out.emit(batch, current_, reader_->position().encode());
}

void FileSource::end(SourceOutput& out) {
  if (!reader_->damage().empty()) {
    read_errors_.record(1);
    out.out().warn("file source: " + quote(current_) + " " + reader_->damage() + ". " +
                   std::to_string(reader_->offset()) +
                   " bytes of it were delivered, the rest is skipped");
  }
  // The whole file counts as read, whatever was left of it, so that progress reaches 100 %.
  const int64_t bytes = std::max(reader_->stored_bytes(), reader_->stored_bytes_read());
  total_bytes_ += bytes - known(current_).bytes;
  finished_bytes_ += bytes;
  bytes_total_.record(static_cast<double>(total_bytes_));
  count_read(0);
  FilePosition position = reader_->position();
  position.at_end = true;
  reader_.reset();
  out.end_for_now(current_, position.encode());
}

void FileSource::count_read(int64_t stored_bytes) const {
  bytes_read_.record(static_cast<double>(finished_bytes_ + stored_bytes));
}

}  // namespace flow::operators
