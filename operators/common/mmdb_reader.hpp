// Databases in the MaxMind DB format: address -> record -> values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "operators/common/address.hpp"

struct MMDB_s;

namespace flow::operators {

// A value of a record. `text` lies in the mapped file and lives as long as the reader; it is valid
// UTF-8.
struct MmdbValue {
  enum class Kind : uint8_t { kNone, kText, kInteger, kNumber, kBoolean, kOther };
  Kind kind = Kind::kNone;
  std::string_view text;  // kText
  int64_t integer = 0;    // kInteger, kBoolean
  double number = 0;      // kNumber
};

// The values that are wanted of every record, as dotted paths: "city.names.en", and with a number
// for an element of an array, "subdivisions.0.iso_code". Reading a record visits it once for all of
// them.
class MmdbPaths {
 public:
  explicit MmdbPaths(const std::vector<std::string>& paths);
  size_t size() const { return size_; }

 private:
  friend class MmdbReader;
  struct Node {
    std::string key;
    std::vector<uint32_t> wanted;  // indexes of the paths that end here
    std::vector<Node> children;
  };
  Node root_;
  size_t size_;
};

// An open database. libmaxminddb opens and maps the file and reads its metadata; the tree and the
// records are read here, many addresses at a time, and with a check of every offset, so that a
// damaged file gives kCorrupt, and never a read outside of it.
//
// A file must be replaced by renaming another over it: one that is made shorter while it is mapped
// ends the process, whoever reads it.
//
// Thread safety: everything is const.
class MmdbReader {
 public:
  // Records are known by their offset in the data section.
  static constexpr uint32_t kNone = 0xffffffffU;     // no record for this address
  static constexpr uint32_t kCorrupt = 0xfffffffeU;  // the tree points outside of the file

  // Throws std::runtime_error: the path, what is wrong with the file, and what to do. Reads the
  // first few hundred records, and refuses a file in which they are damaged.
  static std::shared_ptr<const MmdbReader> open(const std::string& path);
  ~MmdbReader();
  MmdbReader(const MmdbReader&) = delete;
  MmdbReader& operator=(const MmdbReader&) = delete;

  const std::string& path() const { return path_; }
  const std::string& type() const { return type_; }  // eg: "GeoLite2-City"
  bool has_ipv6() const { return ip_version_ == 6; }

  // IPv6 addresses are kNone in a database of IPv4 ones. Some 100 ns, and more for cold memory.
  uint32_t find(const Ipv6Address& address) const;
  // The same for `n` IPv4 addresses at once, whose walks hide each other's waits for memory.
  static constexpr size_t kGroup = 64;
  void find(const uint32_t* ipv4, uint32_t* records, size_t n) const;

  // Sets values[0 .. paths.size()), Kind::kNone where the record has no such value. False: the
  // record is damaged, some values may be missing.
  bool read(uint32_t record, const MmdbPaths& paths, MmdbValue* values) const;

  // Calls `visit` with the records of the tree, in the order of their addresses (neighbours may
  // share one), until it returns false. False: the tree is damaged.
  bool each_record(const std::function<bool(uint32_t)>& visit) const;

 private:
  class Cursor;
  explicit MmdbReader(std::string path);
  uint32_t child(uint32_t node, unsigned bit) const;
  uint32_t record_of(uint32_t value) const;
  bool read_map(Cursor& cursor, const MmdbPaths::Node& node, int depth, MmdbValue* values) const;

  std::string path_;
  std::string type_;
  std::unique_ptr<MMDB_s> file_;
  bool is_open_ = false;
  uint32_t node_count_ = 0;
  uint32_t node_size_ = 0;  // bytes
  uint16_t ip_version_ = 4;
  uint32_t ipv4_root_ = 0;
  const uint8_t* tree_ = nullptr;
  const uint8_t* data_ = nullptr;
  uint32_t data_size_ = 0;
};

}  // namespace flow::operators
