// Files in the MaxMind DB format: opened, searched and read, whatever is in them.
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "flow/utf8.hpp"
#include "operators/common/mmdb_reader.hpp"
#include "tests/fuzz/seeds.hpp"
#include "tests/operators/transforms/mmdb_writer.hpp"

namespace {

using namespace flow::operators;
namespace mmdb = flow::operators::test::mmdb;

// A file in memory, with a path.
class MemoryFile {
 public:
  MemoryFile(const std::uint8_t* data, std::size_t size) : descriptor_(memfd_create("fuzz", 0)) {
    while (size > 0) {
      const ssize_t written = write(descriptor_, data, size);
      if (written <= 0) std::abort();
      data += written;
      size -= static_cast<std::size_t>(written);
    }
  }
  ~MemoryFile() { close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
};

std::string small_database(int ip_version, int record_size) {
  test::MmdbWriter writer("GeoLite2-City", ip_version, record_size);
  const std::uint32_t key = writer.add_data(mmdb::text("city"));
  writer.add_ipv4({203, 0, 113, 0}, 24,
                  mmdb::head(7, 3) + mmdb::pointer(key) + mmdb::names("Paris") +
                      mmdb::text("list") + mmdb::array({mmdb::boolean(true), mmdb::integer(7)}) +
                      mmdb::text("location") +
                      mmdb::map({{"latitude", mmdb::number(48.8566)},
                                 {"longitude", mmdb::small_number(2.3522F)}}));
  writer.add_ipv4({10, 0, 0, 0}, 8, mmdb::map({{"country_code", mmdb::text("FR")}}));
  return writer.bytes();
}

}  // namespace

// libmaxminddb 1.7.1 loses some lists of its own whenever it refuses a file for its metadata.
extern "C" const char* __lsan_default_suppressions() { return "leak:libmaxminddb.so"; }

extern "C" FuzzSeeds flow_fuzz_seeds() {
  static const std::array<std::string, 4> kFiles = {small_database(4, 24), small_database(6, 28),
                                                    small_database(6, 32), small_database(4, 28)};
  static const std::array<std::string_view, 4> kSeeds = {kFiles[0], kFiles[1], kFiles[2],
                                                         kFiles[3]};
  return {kSeeds.data(), kSeeds.size()};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const MemoryFile file(data, size);
  std::shared_ptr<const MmdbReader> reader;
  try {
    reader = MmdbReader::open(file.path());
  } catch (const std::runtime_error&) {
    return 0;
  }
  const MmdbPaths paths({"city.names.en", "list.1", "location.latitude", "location.longitude",
                         "country_code", "city"});
  std::vector<MmdbValue> values(paths.size());
  const auto read = [&](std::uint32_t record) {
    if (record == MmdbReader::kNone || record == MmdbReader::kCorrupt) return;
    (void)reader->read(record, paths, values.data());
    for (const MmdbValue& value : values) {
      if (!flow::is_valid_utf8(value.text)) std::abort();
    }
  };
  std::array<std::uint32_t, 100> addresses;
  std::array<std::uint32_t, 100> records;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    addresses[i] = static_cast<std::uint32_t>(i * 0x9e3779b9U);
  }
  addresses[0] = 203U << 24 | 113U << 8;
  reader->find(addresses.data(), records.data(), addresses.size());
  for (const std::uint32_t record : records) read(record);
  for (std::uint8_t i = 0; i < 32; ++i) {
    Ipv6Address address{};
    address[i % 16] = static_cast<std::uint8_t>(i * 37);
    read(reader->find(address));
  }
  int left = 200;
  (void)reader->each_record([&](std::uint32_t record) {
    read(record);
    return --left > 0;
  });
  return 0;
}
