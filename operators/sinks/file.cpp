#include "operators/sinks/file.hpp"

#include <sys/stat.h>

#include <algorithm>

#include "operators/common/file_descriptor.hpp"
#include "operators/common/quantity.hpp"
#include "operators/sinks/file_set.hpp"
#include "operators/sinks/file_single.hpp"

namespace flow::operators {
namespace {

std::string place_of(const std::string& path) { return "file sink: " + quote(path); }

PathTemplate template_of(const std::string& path) {
  const std::string place = place_of(path);
  if (path.empty()) throw Failure("file sink: `path` is empty");
  if (path.find("${") != std::string::npos) {
    throw Failure(place + " has '${' in it; a field of the rows is written {name}");
  }
  if (path.find("{{ ") != std::string::npos) {
    throw Failure(place + " has '{{ ' in it, which stands for a brace; a field of the rows is " +
                  "written {name}");
  }
  return {path, place};
}

void read_roll(const Table& roll, FileSetPlan& plan) {
  for (const auto& [name, value] : roll.items) {
    if (name == "size") {
      plan.roll_size = read_size(value, "roll.size");
    } else if (name == "every") {
      plan.roll_every = read_duration(value, "roll.every");
    } else if (name == "checkpoint" && value.type == FLOW_OPTION_BOOL) {
      plan.roll_at_checkpoint = value.integer != 0;
    } else {
      throw Failure((value.place.empty() ? "" : value.place + ": ") + "roll." + name +
                    (name == "checkpoint"
                         ? " is true or false"
                         : ": no such key; `roll` has size, every and checkpoint"));
    }
  }
}

FileSetPlan plan_of(const FileSink::Options& options) {
  FileSetPlan plan;
  plan.replaces = options.mode == FileSink::Mode::kReplace;
  plan.level = static_cast<int>(options.level);
  plan.most_open = static_cast<size_t>(options.max_open_files);
  switch (options.compression) {
    case FileSink::Packing::kByExtension:
      plan.compression = compression_by_extension(options.path);
      break;
    case FileSink::Packing::kNone:
      plan.compression = Compression::kNone;
      break;
    case FileSink::Packing::kGzip:
      plan.compression = Compression::kGzip;
      break;
    case FileSink::Packing::kZstd:
      plan.compression = Compression::kZstd;
      break;
  }
  if (plan.compression == Compression::kGzip && plan.level > kMostGzipLevel) {
    throw Failure(place_of(options.path) + ": gzip has the levels 1 to 9, and `level` is " +
                  std::to_string(plan.level));
  }
  read_roll(options.roll, plan);
  if (plan.replaces && plan.rolls()) {
    throw Failure(place_of(options.path) +
                  ": `roll` makes new files with numbers, which replace nothing; leave out `mode`");
  }
  return plan;
}

}  // namespace

void FileSink::describe(Description<Options>& description) {
  description.name("file");
  description.summary("Writes rows to files: one, or one for each value; rolled, compressed.");
  description.doc(R"(Writes what the codec named by `encoding` made of each row, in the order of
arrival. Folders that are missing are made. At the start it says what it found at `path` and what
becomes of it. Two sinks cannot write the same file at once: the second one is refused.

**Paths made of rows.** `{country}` in `path` stands for the row's value of that field (dotted names
reach inside), `{when:%Y-%m-%d}` for a timestamp in UTC, written as the pattern says, and `{{` and
`}}` for a brace. What stands before the first field must hold a folder, and no row leaves it: in
values `/`, `%` and control characters are written as `%2F` and the like, and a name that would
come out as `..`, or end in `.part`, has that dot as `%2E`. Rows without a value go to `errors` as
`no_path`, those whose name is longer than 230 bytes (a path: 4,000) as `path_too_long`, and those
whose file can never be opened as `cannot_open`. At most `max_open_files` are open at once; the
least recently used one is closed, and opened again when it is needed.

**When a file is finished.** In place: `mode = "append"` without `roll` and compression adds to the
file under its own name, so that readers can follow it; a run that is killed may leave its last row
cut off. All other files are called `<name>.part` until they are finished and whole on disk:
when they are rolled, or at the end of the run. A run that is killed leaves `.part` files and never a
damaged finished one. A finished compressed file is not added to: where `x.ndjson.gz` is there,
the next one is `x-0001.ndjson.gz`.

**Headers.** Where the codec writes a header (`csv`), each file begins with that of its first row,
numbered and compressed ones too; a file without rows is empty. A file that has content already gets
none, and is added to if it begins with the same header. Rows of other columns begin a new file where
`roll` is given; elsewhere they go to `errors` as `other_columns`, also those for a file that begins
with something else.

A full disk, an exceeded quota or an input/output error raises an alarm and is tried again until
it passes; no row is lost or written twice, and a row that was half written is completed. A path
that cannot be written to at the start stops the run before it begins.

`path` may name a pipe or a device. The sink waits for a pipe's reader, and for a slow one; while
it waits, the pipeline stands still within its memory limit. Where the reader goes away it is
waited for another one; what was in the pipe by then is lost with the reader.

**With checkpoints** each row is in the files exactly once. A checkpoint ends the compressed frame
and makes the files durable, and a restart cuts off what was written after it; rolled files
get their names when the checkpoint behind them is complete. Rows of files that are added to in
place are seen before their checkpoint; where their paths have fields, `.<template>.begun` in the
first folder lists the files that no checkpoint knows yet, so that a restart can take them back.
When the run is stopped, unfinished files stay `.part` for the next one to go on with. `replace`
replaces what is there when the first checkpoint is taken; later runs add to their own.
Without checkpoints, rows reach the operating system at once and the disk when it likes (some
30 s); a `.part` file is made durable before it gets its name.

Rows of files that are not added to in place are gathered and written in pieces of 64 KiB a path
(256 KiB where they are compressed), at most 16 MiB in all; up to then a killed run loses them.)");
  description.example(R"(type = "file"
inputs = ["parsed"]
path = "out/{country}/weblogs.ndjson.gz"
roll = { size = "100MiB", every = "1h" }
encoding = "json"
)");
  description.traits(FLOW_BYTES | FLOW_SERIAL | FLOW_BLOCKING | FLOW_TWO_PHASE);
  description.output(
      "errors", "Rows that no file can be named or opened for, or whose file has other columns.");
  description
      .option("path", &Options::path,
              "The file to write; with fields in braces, one file for each value, eg "
              "`out/{country}/{when:%Y-%m-%d}.ndjson`. Missing folders are made. Relative paths "
              "start from the working directory. Required. A fixed path costs nothing a row; "
              "one with fields is made for each. Expect some 540 bytes a row for web-log documents "
              "in JSON: 1 GB "
              "for two million. Each path takes some 300 bytes of memory until its file is "
              "finished.")
      .required();
  description.choice(
      "mode", &Options::mode, {{"append", Mode::kAppend}, {"replace", Mode::kReplace}},
      "What to do with a file that exists. `append`, the default, adds to it, or makes the next "
      "number where files are rolled or compressed. `replace` writes `<path>.part` and renames it "
      "once all input is processed, so that readers see the old file or the whole new one, and a "
      "run that fails leaves the old one as it was; it takes the space of both for that time, and "
      "one wait for the disk at the end (1 GB: about 1 to 10 s). It does not go with `roll`.");
  description.choice(
      "compression", &Options::compression,
      {{"by_extension", Packing::kByExtension},
       {"none", Packing::kNone},
       {"gzip", Packing::kGzip},
       {"zstd", Packing::kZstd}},
      "How files are compressed. `by_extension`, the default: `.gz` gzip, `.zst` zstd, others not "
      "at all. Compression runs on the sink's one thread and bounds what it takes: zstd is several "
      "times as fast as gzip. Every 256 KiB (1 MiB where there is one file) and every checkpoint "
      "make a "
      "frame of their own, which any reader takes as one stream.");
  description
      .option("level", &Options::level,
              "How hard to compress: gzip 1 to 9, zstd 1 to 19. 0, the default, is gzip's 6 and "
              "zstd's 3. Higher ones make files somewhat smaller, and take several times as long.")
      .range(0, kMostZstdLevel);
  description.option(
      "roll", &Options::roll,
      "When a file is finished and the next one begun: `size`, once it has that many bytes before "
      "compression; `every`, once it is that old (looked at when rows or checkpoints come); "
      "`checkpoint = true`, at each checkpoint, so that readers see rows exactly when they are "
      "committed. Files are numbered from -0001, before the extension, and go on behind the "
      "highest number that is there. A thousand small files cost more than a large one: some "
      "100MiB and 1h are usual.");
  description
      .option("max_open_files", &Options::max_open_files,
              "The most files open at once where `path` has fields. More paths than this cost two "
              "system calls and a lock each time another one is opened. The system's limit on "
              "open files (ulimit -n, often 1024) is for all of the process.")
      .range(1, 65536);
}

std::vector<std::string> FileSink::kept_fields(const Options& options) {
  return template_of(options.path).fields();
}

FileSink::FileSink(const Options& options) {
  PathTemplate path = template_of(options.path);
  const FileSetPlan plan = plan_of(options);
  // The template's own text: "{{" is one brace by now.
  const std::string fixed = path.literal();
  struct stat status {};
  const bool special =
      !path.has_fields() && ::stat(fixed.c_str(), &status) == 0 && !S_ISREG(status.st_mode);
  if (special || (!path.has_fields() && fixed.back() == '/') ||
      (!path.has_fields() && plan.compression == Compression::kNone && !plan.rolls())) {
    if (special && !S_ISDIR(status.st_mode) &&
        (plan.compression != Compression::kNone || plan.rolls())) {
      throw Failure(place_of(fixed) + " is no ordinary file, which is neither compressed nor " +
                    "rolled; leave out `roll`, and set compression = \"none\"");
    }
    target_ = std::make_unique<SingleFile>(fixed, plan.replaces);
  } else {
    target_ = std::make_unique<FileSet>(std::move(path), place_of(options.path), plan);
  }
}

}  // namespace flow::operators
