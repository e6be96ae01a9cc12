// flowrun's yardstick: the web-log flow as one hand-written program, without an engine.
//
// Reads an access log in the combined format, adds city, user agent and page names, and writes the
// same JSON documents, byte for byte, as `flowrun pipelines/weblogs.toml`. What a malformed line
// is, and what a document looks like, is in the files beside this one; here are the threads: one
// reads chunks that end with a line, some turn lines into documents, one writes them in the order
// of the input.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>
#include <x86intrin.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fstream>
#include <iostream>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "bench/weblogs_yardstick/enricher.hpp"

namespace {

using yardstick::Chunk;
using yardstick::Enricher;
using yardstick::Laps;

struct Arguments {
  std::string input;
  std::string database;
  std::string output = "weblogs.ndjson";
  std::string rejected;  // output + ".rejected" when empty
  std::string regexes = "/usr/share/uap-core/regexes.yaml";
  std::size_t threads = 2;
  std::size_t chunk_size = 512 << 10;
  bool flat = false;
  bool discard = false;
};

constexpr const char* kUsage =
    "usage: weblogs_yardstick LOG DATABASE [--output FILE] [--rejected FILE] [--threads N]\n"
    "                         [--chunk BYTES] [--flat] [--discard] [--regexes FILE]\n"
    "  --threads N   worker threads, beside one that reads and one that writes (2)\n"
    "  --flat        the database has DB-IP's flat keys instead of GeoLite2's nested ones\n"
    "  --discard     throw the encoded output away\n";

Arguments parse_arguments(int argc, char** argv) {
  Arguments arguments;
  std::vector<std::string> files;
  for (int i = 1; i < argc; ++i) {
    const std::string_view option = argv[i];
    const auto value = [&]() -> std::string {
      if (i + 1 == argc) throw std::runtime_error(std::string(option) + " needs a value");
      return argv[++i];
    };
    if (option == "--output") {
      arguments.output = value();
    } else if (option == "--rejected") {
      arguments.rejected = value();
    } else if (option == "--threads") {
      arguments.threads = std::stoul(value());
    } else if (option == "--chunk") {
      arguments.chunk_size = std::stoul(value());
    } else if (option == "--regexes") {
      arguments.regexes = value();
    } else if (option == "--flat") {
      arguments.flat = true;
    } else if (option == "--discard") {
      arguments.discard = true;
    } else if (option.starts_with("--")) {
      throw std::runtime_error("unknown option " + std::string(option) + "\n" + kUsage);
    } else {
      files.emplace_back(option);
    }
  }
  if (files.size() != 2 || arguments.threads == 0 || arguments.chunk_size == 0) {
    throw std::runtime_error(kUsage);
  }
  arguments.input = files[0];
  arguments.database = files[1];
  if (arguments.rejected.empty()) arguments.rejected = arguments.output + ".rejected";
  return arguments;
}

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what + ": " + std::strerror(errno));
}

class File {
 public:
  File(const std::string& path, int flags) : path_(path), handle_(open(path.c_str(), flags, 0644)) {
    if (handle_ < 0) fail(path);
  }
  ~File() { close(handle_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  int handle() const { return handle_; }

  std::size_t read(char* to, std::size_t size) const {
    for (;;) {
      const ssize_t count = ::read(handle_, to, size);
      if (count >= 0) return static_cast<std::size_t>(count);
      if (errno != EINTR) fail(path_);
    }
  }

  void write(const char* from, std::size_t size) const {
    while (size > 0) {
      const ssize_t count = ::write(handle_, from, size);
      if (count < 0) {
        if (errno == EINTR) continue;
        fail(path_);
      }
      from += count;
      size -= static_cast<std::size_t>(count);
    }
  }

 private:
  std::string path_;
  int handle_;
};

/// A ring of chunks: filled in order by the reader, processed by any worker, emptied in order by
/// the writer. Its size bounds the memory.
class Ring {
 public:
  explicit Ring(std::size_t size) : slots_(size) {}

  /// For the reader: the next chunk to fill, once the writer is done with it. Having to wait, the
  /// reader does so until a quarter of the ring is free: each wait costs two switches of threads.
  Chunk& free_chunk() {
    std::unique_lock lock(lock_);
    if (at(filled_).state != State::kFree) {
      awaited_ = filled_ + slots_.size() / 4;
      free_.wait(lock, [this] { return at(awaited_).state == State::kFree; });
      awaited_ = kNone;
    }
    return at(filled_).chunk;
  }
  void push() {
    set(filled_++, State::kFilled);
    work_.notify_all();
  }
  void finish() {
    const std::lock_guard lock(lock_);
    finished_ = true;
    work_.notify_all();
    done_.notify_all();
  }

  /// For a worker: the number of a filled chunk, or kNone at the end.
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  std::size_t take() {
    std::unique_lock lock(lock_);
    work_.wait(lock, [this] { return at(taken_).state == State::kFilled || ended(taken_); });
    if (at(taken_).state != State::kFilled) return kNone;
    at(taken_).state = State::kTaken;
    return taken_++;
  }
  Chunk& chunk(std::size_t number) { return at(number).chunk; }
  void done(std::size_t number) {
    set(number, State::kDone);
    done_.notify_all();
  }

  /// For the writer: the next chunk in order, or nullptr at the end.
  Chunk* done_chunk() {
    std::unique_lock lock(lock_);
    done_.wait(lock, [this] { return at(written_).state == State::kDone || ended(written_); });
    return at(written_).state == State::kDone ? &at(written_).chunk : nullptr;
  }
  void pop() {
    const std::lock_guard lock(lock_);
    at(written_).state = State::kFree;
    if (written_++ + slots_.size() == awaited_) free_.notify_all();
  }

 private:
  enum class State { kFree, kFilled, kTaken, kDone };
  struct Slot {
    Chunk chunk;
    State state = State::kFree;
  };

  Slot& at(std::size_t number) { return slots_[number % slots_.size()]; }
  bool ended(std::size_t number) const { return finished_ && number == filled_; }
  void set(std::size_t number, State state) {
    const std::lock_guard lock(lock_);
    at(number).state = state;
  }

  std::vector<Slot> slots_;
  std::mutex lock_;
  std::condition_variable work_;  // waited for by workers
  std::condition_variable done_;  // by the writer
  std::condition_variable free_;  // by the reader
  std::size_t awaited_ = kNone;   // the chunk that the reader waits for
  std::size_t filled_ = 0;
  std::size_t taken_ = 0;
  std::size_t written_ = 0;
  bool finished_ = false;
};

/// Fills chunks with whole lines; a last line without an end gets one. Returns its busy ticks.
std::uint64_t read_all(const File& file, std::size_t chunk_size, Ring& ring) {
  std::uint64_t busy = 0;
  std::string rest;  // the beginning of a line whose end was not read yet
  for (bool more = true; more;) {
    Chunk& chunk = ring.free_chunk();
    const std::uint64_t begin = __rdtsc();
    std::size_t size = rest.size();
    chunk.input.reserve(std::max(chunk_size, size) + 1, 0);
    std::memcpy(chunk.input.data(), rest.data(), size);
    const char* line_end = nullptr;
    while (line_end == nullptr) {
      if (size + 1 >= chunk.input.capacity()) chunk.input.reserve(2 * size + 1, size);
      const std::size_t count =
          file.read(chunk.input.data() + size, chunk.input.capacity() - 1 - size);
      char* const fresh = chunk.input.data() + size;
      size += count;
      if (count == 0) {
        more = false;
        if (size > 0 && chunk.input.data()[size - 1] != '\n') chunk.input.data()[size++] = '\n';
        break;
      }
      line_end = static_cast<const char*>(memrchr(fresh, '\n', count));
    }
    chunk.input_size =
        line_end == nullptr ? size : static_cast<std::size_t>(line_end + 1 - chunk.input.data());
    rest.assign(chunk.input.data() + chunk.input_size, size - chunk.input_size);
    busy += __rdtsc() - begin;
    if (chunk.input_size > 0) ring.push();
  }
  ring.finish();
  return busy;
}

/// What /proc/self/status says under `key`, in MiB.
double status_mib(std::string_view key) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(key)) return std::stod(line.substr(key.size() + 1)) / 1024.0;
  }
  return 0;
}

void run(const Arguments& arguments) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  const std::uint64_t start_ticks = __rdtsc();

  const File input(arguments.input, O_RDONLY);
  posix_fadvise(input.handle(), 0, 0, POSIX_FADV_SEQUENTIAL);
  const File rejected(arguments.discard ? "/dev/null" : arguments.rejected,
                      O_WRONLY | O_CREAT | O_TRUNC);
  const File output(arguments.discard ? "/dev/null" : arguments.output,
                    O_WRONLY | O_CREAT | O_TRUNC);
  yardstick::GeoTable geo(arguments.database, arguments.flat ? yardstick::GeoTable::Shape::kFlat
                                                             : yardstick::GeoTable::Shape::kNested);
  yardstick::AgentTable agents(flow::operators::UserAgentParser::load(arguments.regexes));

  Ring ring(32 * arguments.threads);
  std::uint64_t read_ticks = 0;
  std::vector<Laps> laps(arguments.threads);
  std::vector<std::jthread> threads;
  // A fault in a thread ends the program at once: there is nothing to save here.
  const auto guarded = [](const auto& body) {
    try {
      body();
    } catch (const std::exception& fault) {
      std::cerr << "weblogs_yardstick: " << fault.what() << '\n';
      std::_Exit(1);
    }
  };
  threads.emplace_back(
      [&] { guarded([&] { read_ticks = read_all(input, arguments.chunk_size, ring); }); });
  for (std::size_t i = 0; i < arguments.threads; ++i) {
    threads.emplace_back([&, i] {
      guarded([&] {
        Enricher enricher(geo, agents);
        for (std::size_t number; (number = ring.take()) != Ring::kNone; ring.done(number)) {
          enricher.process(ring.chunk(number));
        }
        laps[i] = enricher.laps();
      });
    });
  }

  std::size_t rows = 0;
  std::size_t rejected_rows = 0;
  std::size_t bytes = 0;
  std::uint64_t write_ticks = 0;
  while (Chunk* chunk = ring.done_chunk()) {
    const std::uint64_t begin = __rdtsc();
    if (!arguments.discard) output.write(chunk->output.data(), chunk->output_size);
    if (!arguments.discard) rejected.write(chunk->rejected.data(), chunk->rejected.size());
    rows += chunk->rows;
    rejected_rows += chunk->rejected_rows;
    bytes += chunk->output_size;
    write_ticks += __rdtsc() - begin;
    ring.pop();
  }
  threads.clear();

  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  const double ns_per_tick = seconds * 1e9 / static_cast<double>(__rdtsc() - start_ticks);
  const auto all = static_cast<double>(rows + rejected_rows);
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto cpu = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  std::printf("%zu documents, %zu bytes, %zu rejected lines, %.3f s, %.3f million lines/s\n", rows,
              bytes, rejected_rows, seconds, all / seconds / 1e6);
  std::printf(
      "CPU %.2f s user, %.2f s system; peak memory %.0f MiB, at the end %.0f MiB own and "
      "%.0f MiB of files\n",
      cpu(usage.ru_utime), cpu(usage.ru_stime), static_cast<double>(usage.ru_maxrss) / 1024,
      status_mib("RssAnon:"), status_mib("RssFile:"));
  const auto print = [&](const char* name, std::uint64_t ticks) {
    std::printf("  %-16s %6.1f ns a line\n", name, static_cast<double>(ticks) * ns_per_tick / all);
  };
  print("read", read_ticks);
  for (std::size_t step = 0; step < Laps::kSteps; ++step) {
    std::uint64_t ticks = 0;
    for (const Laps& lap : laps) ticks += lap.ticks[step];
    print(Laps::kNames[step], ticks);
  }
  print("write", write_ticks);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(parse_arguments(argc, argv));
  } catch (const std::exception& fault) {
    std::cerr << "weblogs_yardstick: " << fault.what() << '\n';
    return 1;
  }
  return 0;
}
