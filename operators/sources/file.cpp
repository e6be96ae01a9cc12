#include "operators/sources/file.hpp"

#include <algorithm>
#include <utility>

#include "flow/builder.hpp"
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
  description.summary("Reads files, plain or compressed, from their start to their end.");
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
read into the result exactly once.)");
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
              "Bytes that one read asks for, and the largest piece handed on; default 256 KiB. "
              "Larger ones save system calls, which matters on network file systems (try 4 MiB), "
              "and cost memory: some ten pieces are on their way at a time. Below 64 KiB the work "
              "per piece begins to show. Records may be longer than this.")
      .range(4096, 64.0 * 1024 * 1024);
  description.option(
      "allow_missing", &Options::allow_missing,
      "Whether to go on, with a note in the log, where a path does not exist or a pattern matches "
      "nothing. Default false: the run is refused, as it is usually a misspelt path. Costs "
      "nothing. A run without any file ends at once.");
}

const char* FileSource::Shared::keep(const std::string& name) {
  const std::lock_guard lock(mutex_);
  return names_.insert(name).first->c_str();
}

void FileSource::open(Output& out) {
  read_errors_ =
      out.counter("file_read_errors", "Files that could not be read or decoded to their end.");
  bytes_total_ = out.gauge("source_bytes_total", "Bytes of all files, as stored.");
  bytes_read_ = out.gauge("source_bytes_read", "Bytes read of them.");
  if (options_.path.empty()) {
    throw Failure("file source: `path` is empty; name a file or a pattern, eg: \"logs/*.log\"");
  }
  FoundFiles found = find_files(options_.path);
  if (!options_.allow_missing) {
    std::vector<std::string>& problems = found.problems;
    problems.insert(problems.begin(), found.missing.begin(), found.missing.end());
    if (!found.missing.empty()) {
      problems.emplace_back("correct `path`, or set allow_missing = true to run without");
    }
  }
  if (!found.problems.empty()) throw Failure("file source: " + join(found.problems));
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
  std::optional<FilePosition> from;
  if (position) {
    from = FilePosition::decode(*position);
    if (!from) {
      throw Failure("file source: the checkpoint's position for " + quote(partition) +
                    " was written by something else; start afresh, without the checkpoint");
    }
  }
  started_ = true;
  waiting_[{known(partition).number, partition}] = from;
}

void FileSource::revoke(const std::string& partition) {
  waiting_.erase({known(partition).number, partition});
  if (reader_ && current_ == partition) reader_.reset();
}

Status FileSource::poll(SourceOutput& out) {
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
  const Host& host = out.out();
  TextBuilder bytes(host, 1, FLOW_BINARY);
  const int32_t buffer = bytes.share(piece.buffer);
  const auto* data = static_cast<const char*>(piece.buffer->data);
  bytes.append_shared({data, static_cast<size_t>(piece.bytes)}, buffer, data);
  Int64Builder offset(host, 1);
  offset.append(piece.offset);
  const Column position = offset.finish();

  const flow_origin origin{.size = sizeof(flow_origin),
                           .reserved = 0,
                           .source = nullptr,
                           .partition = shared_.keep(current_),
                           .position = position.get(),
                           .record = nullptr};
  const Batch batch = out.out().make(1, {{"bytes", {bytes.finish(), Type::binary()}}}, &origin);
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
  const std::string position = reader_->position().encode();
  reader_.reset();
  out.end(current_, position);
}

void FileSource::count_read(int64_t stored_bytes) const {
  bytes_read_.record(static_cast<double>(finished_bytes_ + stored_bytes));
}

}  // namespace flow::operators
