// Runs a libFuzzer entry point without libFuzzer, so that every build and compiler tests it.
//
//   fuzz_NAME [--seconds N] [--seed N] [FILE | FOLDER]...
//
// With files (or folders of files): each is run once, which is how a finding is reproduced.
// Without: the seeds, then mutations of them for N seconds (1 if not given). The sequence of inputs
// depends on --seed alone; the seconds only say where it ends. An input that brings the program
// down is left in fuzz-crash.bin in the working directory.

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "tests/fuzz/seeds.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" __attribute__((weak)) int LLVMFuzzerInitialize(int* argc, char*** argv);
extern "C" __attribute__((weak)) FuzzSeeds flow_fuzz_seeds();
// The address sanitizer ends the program without a signal; this is its door.
extern "C" __attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)());

namespace {

constexpr std::size_t kMaximumInput = std::size_t{64} * 1024;

// One of each shape that the project reads, so that an entry without seeds of its own starts
// somewhere useful.
constexpr std::array<std::string_view, 8> kCommonSeeds = {
    "",
    "203.0.113.7 - - [28/Oct/2025:10:15:30 +0000] \"GET /a.php?b=%20c HTTP/1.1\" 200 12 \"-\" "
    "\"Mozilla/5.0 (X11)\"\n",
    "2001:db8::1 - bob [31/Feb/2025:24:61:61 -1260] \"\\\"\\x00\" 999 - \"http://example.com/x\" "
    "\"\\\\\"\r\n",
    "{\"a\":1,\"b\":[true,null,-1.5e300],\"c\":{\"d\":\"\\u00e9\\ud83d\\ude00\"}}\n",
    "[pipeline]\nname = \"p\"\n[sources.s]\ntype = \"file\"\npath = "
    "\"${HOME:-x}\"\n[sinks.o]\ninputs = [\"s.errors\"]\n",
    "- regex: '(a+)(?:b|c)*'\n  family_replacement: '$1'\n",
    "\xab\xcd\xefMaxMind.com\xe9\x4enode_count\xc1\x01\x4brecord_size\xa1\x18",
    "\xff\xfe\xc0\x80\xed\xa0\x80\xf4\x90\x80\x80\n\n\r\n",
};

// Pieces at which parsers decide something.
constexpr std::array<std::string_view, 24> kPieces = {
    "\"",
    "\\",
    "[",
    "]",
    "{",
    "}",
    "\n",
    "\r\n",
    "-",
    " ",
    ":",
    "=",
    ",",
    "'",
    "\"\"\"",
    "${",
    "%00",
    "\xc3\x28",
    "\xef\xbf\xbd",
    "9223372036854775808",
    "1e999",
    "nan",
    "0x",
    "4294967295",
};

// Where the input being run lies, for the handlers below.
const std::uint8_t* current_data = nullptr;
std::size_t current_size = 0;

// Only calls that are allowed in a signal handler.
void save_current_input() {
  const int file = open("fuzz-crash.bin", O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (file < 0) return;
  std::size_t written = 0;
  while (written < current_size) {
    const ssize_t count = write(file, current_data + written, current_size - written);
    if (count <= 0) break;
    written += static_cast<std::size_t>(count);
  }
  close(file);
}

void on_signal(int number) {
  save_current_input();
  std::signal(number, SIG_DFL);
  std::raise(number);
}

void run(std::string_view input) {
  // An exact copy on the heap: a sanitizer then sees a read of one byte too many.
  const std::vector<std::uint8_t> copy(input.begin(), input.end());
  current_data = copy.data();
  current_size = copy.size();
  LLVMFuzzerTestOneInput(copy.data(), copy.size());
  current_data = nullptr;
  current_size = 0;
}

class Mutator {
 public:
  explicit Mutator(std::uint64_t seed) : random_(seed) {}

  std::string mutate(const std::vector<std::string>& seeds) {
    std::string text = seeds[below(seeds.size())];
    const std::size_t steps = 1 + below(8);
    for (std::size_t step = 0; step < steps; ++step) change(text, seeds);
    if (text.size() > kMaximumInput) text.resize(kMaximumInput);
    return text;
  }

 private:
  // Taken from the generator by hand: the library's distributions differ between implementations.
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(random_() % bound); }

  void change(std::string& text, const std::vector<std::string>& seeds) {
    const std::size_t at = below(text.size() + 1);
    const std::size_t left = text.size() - at;
    switch (below(8)) {
      case 0:
        if (left > 0) text[at] = static_cast<char>(random_());
        break;
      case 1:
        if (left > 0)
          text[at] = static_cast<char>(static_cast<unsigned char>(text[at]) ^ (1U << below(8)));
        break;
      case 2:
        text.insert(at, kPieces[below(kPieces.size())]);
        break;
      case 3:
        text.erase(at, 1 + below(16));
        break;
      case 4:
        text.resize(at);
        break;
      case 5:
        text.insert(at, text.substr(at, 1 + below(64)));
        break;
      case 6:
        text.insert(at, 1 + below(200), text.empty() ? 'a' : text[below(text.size())]);
        break;
      default: {
        const std::string& other = seeds[below(seeds.size())];
        text.insert(at, other, below(other.size() + 1));
        break;
      }
    }
  }

  std::mt19937_64 random_;
};

std::vector<std::string> all_seeds() {
  std::vector<std::string> seeds(kCommonSeeds.begin(), kCommonSeeds.end());
  if (flow_fuzz_seeds != nullptr) {
    const FuzzSeeds own = flow_fuzz_seeds();
    seeds.insert(seeds.end(), own.seeds, own.seeds + own.count);
  }
  return seeds;
}

bool replay(const std::filesystem::path& path) {
  std::vector<std::filesystem::path> files;
  if (std::filesystem::is_directory(path)) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
      if (entry.is_regular_file()) files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
  } else {
    files.push_back(path);
  }
  for (const auto& file : files) {
    std::ifstream stream(file, std::ios::binary);
    if (!stream) {
      std::fprintf(stderr, "%s: cannot be read\n", file.c_str());
      return false;
    }
    const std::string text((std::istreambuf_iterator<char>(stream)),
                           std::istreambuf_iterator<char>());
    run(text);
    std::printf("%s: %zu bytes, passed\n", file.c_str(), text.size());
  }
  return true;
}

bool parse(std::string_view text, std::uint64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

int main(int argc, char** argv) {
  for (const int number : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL})
    std::signal(number, on_signal);
  if (__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(save_current_input);
  if (LLVMFuzzerInitialize != nullptr) LLVMFuzzerInitialize(&argc, &argv);

  std::uint64_t seconds = 1;
  std::uint64_t seed = 1;
  std::vector<std::filesystem::path> paths;
  for (int index = 1; index < argc; ++index) {
    const std::string_view argument = argv[index];
    if (argument == "--seconds" || argument == "--seed") {
      std::uint64_t& value = argument == "--seconds" ? seconds : seed;
      if (index + 1 == argc || !parse(argv[++index], value)) {
        std::fprintf(stderr, "%s wants a whole number\n", std::string(argument).c_str());
        return 2;
      }
    } else {
      paths.emplace_back(argument);
    }
  }

  if (!paths.empty()) {
    return std::all_of(paths.begin(), paths.end(), replay) ? 0 : 1;
  }

  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  std::fflush(stdout);
  const std::vector<std::string> seeds = all_seeds();
  for (const std::string& text : seeds) run(text);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  Mutator mutator(seed);
  std::uint64_t runs = 0;
  while (std::chrono::steady_clock::now() < end) {
    run(mutator.mutate(seeds));
    ++runs;
  }
  std::printf("%zu seeds and %llu mutations passed\n", seeds.size(),
              static_cast<unsigned long long>(runs));
  return 0;
}
