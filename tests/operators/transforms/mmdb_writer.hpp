// Writes small databases in the MaxMind DB format, good ones and damaged ones.
#pragma once

#include <unistd.h>

#include <bit>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace flow::operators::test {

namespace mmdb {

inline std::string big_endian(uint64_t value, int bytes) {
  std::string result;
  for (int i = bytes - 1; i >= 0; --i) result += static_cast<char>(value >> (8 * i) & 0xff);
  return result;
}
// The control byte, or bytes, of a value of up to 284 bytes or elements.
inline std::string head(int type, size_t size) {
  const size_t low = size < 29 ? size : 29;
  std::string result(1, static_cast<char>((type < 8 ? type << 5 : 0) | static_cast<int>(low)));
  if (type >= 8) result += static_cast<char>(type - 7);
  if (low == 29) result += static_cast<char>(size - 29);
  return result;
}
inline std::string text(std::string_view value) {
  return head(2, value.size()) + std::string(value);
}
inline std::string number(double value) {
  return head(3, 8) + big_endian(std::bit_cast<uint64_t>(value), 8);
}
inline std::string small_number(float value) {
  return head(15, 4) + big_endian(std::bit_cast<uint32_t>(value), 4);
}
inline std::string integer(uint32_t value) { return head(6, 4) + big_endian(value, 4); }
inline std::string small_integer(uint32_t value) { return head(5, 2) + big_endian(value, 2); }
inline std::string large_integer(uint64_t value) { return head(9, 8) + big_endian(value, 8); }
inline std::string boolean(bool value) { return head(14, value ? 1 : 0); }
// To an offset below 2048 in the data section.
inline std::string pointer(uint32_t offset) {
  return {static_cast<char>(1 << 5 | static_cast<int>(offset >> 8)),
          static_cast<char>(offset & 0xff)};
}
inline std::string array(const std::vector<std::string>& values) {
  std::string result = head(11, values.size());
  for (const std::string& value : values) result += value;
  return result;
}
inline std::string map(const std::vector<std::pair<std::string, std::string>>& values) {
  std::string result = head(7, values.size());
  for (const auto& [key, value] : values) result += text(key) + value;
  return result;
}
inline std::string names(std::string_view english) {
  return map({{"names", map({{"en", text(english)}})}});
}

}  // namespace mmdb

class MmdbWriter {
 public:
  explicit MmdbWriter(std::string type, int ip_version = 4, int record_size = 24)
      : type_(std::move(type)), ip_version_(ip_version), record_size_(record_size) {}

  // Appends to the data section; the result is where it is.
  uint32_t add_data(const std::string& bytes) {
    data_ += bytes;
    return static_cast<uint32_t>(data_.size() - bytes.size());
  }
  // The network of the first `length` bits, of 16 bytes in a database for IPv6.
  void add(const std::string& address, int length, uint32_t data) {
    size_t node = 0;
    for (int i = 0; i < length; ++i) {
      const int bit = static_cast<uint8_t>(address[static_cast<size_t>(i / 8)]) >> (7 - i % 8) & 1;
      if (i + 1 == length) {
        nodes_[node].data[bit] = static_cast<int64_t>(data);
      } else {
        if (nodes_[node].child[bit] == 0) {
          nodes_[node].child[bit] = nodes_.size();
          nodes_.emplace_back();
        }
        node = nodes_[node].child[bit];
      }
    }
  }
  void add(const std::string& address, int length, const std::string& record) {
    add(address, length, add_data(record));
  }
  // Four numbers, in a database for IPv6 at ::/96.
  void add_ipv4(std::vector<uint8_t> numbers, int length, const std::string& record) {
    std::string address(numbers.begin(), numbers.end());
    if (ip_version_ == 6) {
      address = std::string(12, '\0') + address;
      length += 96;
    }
    add(address, length, record);
  }

  std::string bytes() const {
    std::string result;
    for (const Node& node : nodes_) {
      const uint64_t left = value(node, 0);
      const uint64_t right = value(node, 1);
      if (record_size_ == 28) {
        result += mmdb::big_endian(left & 0xffffff, 3);
        result += static_cast<char>((left >> 24) << 4 | right >> 24);
        result += mmdb::big_endian(right & 0xffffff, 3);
      } else {
        result +=
            mmdb::big_endian(left, record_size_ / 8) + mmdb::big_endian(right, record_size_ / 8);
      }
    }
    result += std::string(16, '\0') + data_ + "\xab\xcd\xefMaxMind.com";
    return result +
           mmdb::map({{"binary_format_major_version", mmdb::small_integer(2)},
                      {"binary_format_minor_version", mmdb::small_integer(0)},
                      {"build_epoch", mmdb::large_integer(1700000000)},
                      {"database_type", mmdb::text(type_)},
                      {"description", mmdb::map({{"en", mmdb::text("made for a test")}})},
                      {"ip_version", mmdb::small_integer(static_cast<uint32_t>(ip_version_))},
                      {"languages", mmdb::array({mmdb::text("en")})},
                      {"node_count", mmdb::integer(node_count())},
                      {"record_size", mmdb::small_integer(static_cast<uint32_t>(record_size_))}});
  }
  // More nodes than there are.
  void lie_about_nodes(uint32_t count) { claimed_nodes_ = count; }

 private:
  struct Node {
    size_t child[2] = {0, 0};
    int64_t data[2] = {-1, -1};
  };
  uint32_t node_count() const {
    return claimed_nodes_ != 0 ? claimed_nodes_ : static_cast<uint32_t>(nodes_.size());
  }
  uint64_t value(const Node& node, int bit) const {
    if (node.data[bit] >= 0) return nodes_.size() + 16 + static_cast<uint64_t>(node.data[bit]);
    return node.child[bit] != 0 ? node.child[bit] : nodes_.size();
  }

  std::string type_;
  int ip_version_;
  int record_size_;
  uint32_t claimed_nodes_ = 0;
  std::vector<Node> nodes_{1};
  std::string data_;
};

// A folder of its own, removed at the end.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "flow-test-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  // Puts the file there as a replacement has to be done: written aside, then renamed.
  std::string write(const std::string& name, const std::string& bytes) const {
    const std::filesystem::path aside = path_ / (name + ".new");
    std::ofstream(aside, std::ios::binary) << bytes;
    std::filesystem::rename(aside, path_ / name);
    return (path_ / name).string();
  }

 private:
  std::filesystem::path path_;
};

}  // namespace flow::operators::test
