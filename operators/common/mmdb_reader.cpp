#include "operators/common/mmdb_reader.hpp"

#include <maxminddb.h>
#include <sys/stat.h>

#include <array>
#include <bit>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <stdexcept>

#include "flow/utf8.hpp"

namespace flow::operators {
namespace {

constexpr uint32_t kSeparator = 16;  // zero bytes between the tree and the data
constexpr int kMaximumDepth = 32;
// More elements than this has no sane record; it bounds the time that a damaged one takes.
constexpr int kMaximumElements = 4096;
constexpr int kSampledRecords = 500;

enum Type : uint32_t {
  kExtended = 0,
  kPointer = 1,
  kText = 2,
  kDouble = 3,
  kBytes = 4,
  kUint16 = 5,
  kUint32 = 6,
  kMap = 7,
  kInt32 = 8,
  kUint64 = 9,
  kUint128 = 10,
  kArray = 11,
  kBoolean = 14,
  kFloat = 15
};

// The double that reads as the float's shortest decimal form: 48.8566 instead of 48.85660171508789.
double to_double(float value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  double result = value;
  std::from_chars(text, end, result);
  return result;
}

}  // namespace

MmdbPaths::MmdbPaths(const std::vector<std::string>& paths) : size_(paths.size()) {
  for (uint32_t i = 0; i < paths.size(); ++i) {
    Node* node = &root_;
    std::string_view rest = paths[i];
    while (true) {
      const size_t dot = rest.find('.');
      const std::string_view key = rest.substr(0, dot);
      Node* next = nullptr;
      for (Node& child : node->children) {
        if (child.key == key) next = &child;
      }
      if (next == nullptr) {
        node->children.push_back({std::string(key), {}, {}});
        next = &node->children.back();
      }
      node = next;
      if (dot == std::string_view::npos) break;
      rest.remove_prefix(dot + 1);
    }
    node->wanted.push_back(i);
  }
}

// Reads the data section from one place on. Once anything is wrong it stays so.
class MmdbReader::Cursor {
 public:
  struct Head {
    uint32_t type = kExtended;
    uint32_t size = 0;  // bytes, elements, a boolean's value, or a pointer's target
  };

  Cursor(const uint8_t* data, uint32_t size, uint32_t at, int& elements)
      : data_(data), size_(size), at_(at), elements_(elements), good_(at < size) {}

  bool good() const { return good_; }
  Cursor at(uint32_t place) const { return {data_, size_, place, elements_}; }

  Head head() {
    Head head;
    if (++elements_ > kMaximumElements) return fail();
    const uint32_t control = byte();
    head.type = control >> 5;
    if (head.type == kPointer) {
      // The low five bits: two of size, three of value, for sizes but the last.
      const uint32_t length = (control >> 3 & 3) + 1;
      static constexpr std::array<uint32_t, 5> kBase = {0, 0, 2048, 526336, 0};
      const uint32_t top = length == 4 ? 0 : control & 7;
      const uint64_t target = (uint64_t{top} << (8 * length) | number(length)) + kBase[length];
      if (target >= size_) return fail();
      head.size = static_cast<uint32_t>(target);
      return head;
    }
    if (head.type == kExtended) head.type = byte() + 7;
    head.size = control & 31;
    if (head.size == 29) {
      head.size = 29 + byte();
    } else if (head.size == 30) {
      head.size = 285 + static_cast<uint32_t>(number(2));
    } else if (head.size == 31) {
      head.size = 65821 + static_cast<uint32_t>(number(3));
    }
    return head;
  }

  std::string_view bytes(uint32_t n) {
    if (!good_ || n > size_ - at_) {
      fail();
      return {};
    }
    at_ += n;
    return {reinterpret_cast<const char*>(data_ + at_ - n), n};
  }
  uint64_t number(uint32_t n) {
    uint64_t result = 0;
    for (const char c : bytes(n)) result = result << 8 | static_cast<uint8_t>(c);
    return result;
  }
  // A key may be a pointer to its text.
  std::string_view key() {
    const Head own = head();
    if (own.type == kText) return bytes(own.size);
    if (own.type != kPointer) {
      fail();
      return {};
    }
    Cursor there = at(own.size);
    const Head target = there.head();
    const std::string_view text = target.type == kText ? there.bytes(target.size) : "";
    if (!there.good() || target.type != kText) fail();
    return text;
  }
  // Goes behind a value. Pointers are not followed, so that it ends with the file at the latest.
  void skip(int depth) {
    const Head own = head();
    if (own.type == kPointer || own.type == kBoolean) return;
    if (own.type == kMap || own.type == kArray) {
      if (depth == 0) {
        fail();
        return;
      }
      for (uint32_t i = 0; i < own.size && good_; ++i) {
        if (own.type == kMap) key();
        skip(depth - 1);
      }
      return;
    }
    if (own.type > kFloat || own.type == 12 || own.type == 13) {
      fail();
      return;
    }
    bytes(own.size);
  }
  MmdbValue scalar(Head head) {
    MmdbValue value;
    switch (head.type) {
      case kText:
        value.text = bytes(head.size);
        value.kind = MmdbValue::Kind::kText;
        if (!is_valid_utf8(value.text)) fail();
        break;
      case kDouble:
        if (head.size != 8) fail();
        value.number = std::bit_cast<double>(number(8));
        value.kind = MmdbValue::Kind::kNumber;
        break;
      case kFloat:
        if (head.size != 4) fail();
        value.number = to_double(std::bit_cast<float>(static_cast<uint32_t>(number(4))));
        value.kind = MmdbValue::Kind::kNumber;
        break;
      case kUint16:
      case kUint32:
      case kUint64: {
        if (head.size > 8) fail();
        const uint64_t number = this->number(head.size);
        value.integer = static_cast<int64_t>(number);
        value.kind = value.integer < 0 ? MmdbValue::Kind::kOther : MmdbValue::Kind::kInteger;
        break;
      }
      case kInt32:
        if (head.size > 4) fail();
        value.integer = static_cast<int32_t>(number(head.size));
        value.kind = MmdbValue::Kind::kInteger;
        break;
      case kBoolean:
        value.integer = head.size != 0 ? 1 : 0;
        value.kind = MmdbValue::Kind::kBoolean;
        break;
      case kBytes:
      case kUint128:
        bytes(head.size);
        value.kind = MmdbValue::Kind::kOther;
        break;
      default:
        fail();
    }
    return value;
  }
  Head fail() {
    good_ = false;
    return {};
  }

 private:
  uint32_t byte() {
    if (!good_ || at_ >= size_) {
      good_ = false;
      return 0;
    }
    return data_[at_++];
  }

  const uint8_t* data_;
  uint32_t size_;
  uint32_t at_;
  int& elements_;
  bool good_;
};

MmdbReader::MmdbReader(std::string path) : path_(std::move(path)), file_(new MMDB_s{}) {}

MmdbReader::~MmdbReader() {
  if (is_open_) MMDB_close(file_.get());
}

std::shared_ptr<const MmdbReader> MmdbReader::open(const std::string& path) {
  const auto refuse = [&path](const std::string& what) -> std::runtime_error {
    return std::runtime_error(path + ": " + what);
  };
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) {
    throw refuse(std::string(std::strerror(errno)) + "; check the path of the database");
  }
  // A pipe would be waited for, for ever.
  if (!S_ISREG(status.st_mode)) throw refuse("is no regular file, but a database has to be one");

  const std::shared_ptr<MmdbReader> reader(new MmdbReader(path));
  MMDB_s& file = *reader->file_;
  const int opened = MMDB_open(path.c_str(), MMDB_MODE_MMAP, &file);
  if (opened == MMDB_FILE_OPEN_ERROR) {
    throw refuse("cannot be opened; check that the process may read it");
  }
  if (opened != MMDB_SUCCESS) {
    throw refuse(std::string("is no usable MaxMind database (") + MMDB_strerror(opened) +
                 "); download it again, and unpack it if it is an archive");
  }
  reader->is_open_ = true;
  const MMDB_metadata_s& metadata = file.metadata;
  reader->type_ = metadata.database_type != nullptr ? metadata.database_type : "";
  reader->node_count_ = metadata.node_count;
  reader->node_size_ = metadata.record_size / 4U;
  reader->ip_version_ = metadata.ip_version;
  const uint64_t tree_size = uint64_t{reader->node_count_} * reader->node_size_;
  const bool sane_record =
      metadata.record_size == 24 || metadata.record_size == 28 || metadata.record_size == 32;
  if (!sane_record || (metadata.ip_version != 4 && metadata.ip_version != 6) ||
      tree_size + kSeparator > static_cast<uint64_t>(file.file_size)) {
    throw refuse("is damaged: its metadata does not fit the file; download it again");
  }
  reader->tree_ = file.file_content;
  reader->data_ = file.file_content + tree_size + kSeparator;
  reader->data_size_ =
      static_cast<uint32_t>(static_cast<uint64_t>(file.file_size) - tree_size - kSeparator);
  if (reader->ip_version_ == 6) {
    // IPv4 addresses are ::/96.
    for (int bit = 0; bit < 96 && reader->ipv4_root_ < reader->node_count_; ++bit) {
      reader->ipv4_root_ = reader->child(reader->ipv4_root_, 0);
    }
  }

  int left = kSampledRecords;
  bool good = true;
  const MmdbPaths nothing({});
  const bool good_tree = reader->each_record([&](uint32_t record) {
    good = record != kCorrupt && reader->read(record, nothing, nullptr);
    return good && --left > 0;
  });
  if (!good_tree || !good) {
    throw refuse("is damaged: its data does not fit its index; download it again");
  }
  return reader;
}

inline uint32_t MmdbReader::child(uint32_t node, unsigned bit) const {
  const uint8_t* const at = tree_ + uint64_t{node} * node_size_;
  if (node_size_ == 6) {
    const uint8_t* const half = at + 3 * bit;
    return uint32_t{half[0]} << 16 | uint32_t{half[1]} << 8 | half[2];
  }
  if (node_size_ == 7) {
    const uint8_t* const half = at + 4 * bit;
    const uint32_t top = bit != 0 ? at[3] & 15U : uint32_t{at[3]} >> 4;
    return top << 24 | uint32_t{half[0]} << 16 | uint32_t{half[1]} << 8 | half[2];
  }
  const uint8_t* const half = at + 4 * bit;
  return uint32_t{half[0]} << 24 | uint32_t{half[1]} << 16 | uint32_t{half[2]} << 8 | half[3];
}

// What a tree's value means once it is no node.
inline uint32_t MmdbReader::record_of(uint32_t value) const {
  if (value == node_count_) return kNone;
  if (value < node_count_) return kCorrupt;
  const uint32_t offset = value - node_count_ - kSeparator;
  return value - node_count_ < kSeparator || offset >= data_size_ ? kCorrupt : offset;
}

uint32_t MmdbReader::find(const Ipv6Address& address) const {
  if (ip_version_ != 6) return kNone;
  uint32_t node = 0;
  for (unsigned bit = 0; bit < 128 && node < node_count_; ++bit) {
    node = child(node, address[bit / 8] >> (7 - bit % 8) & 1U);
  }
  return record_of(node);
}

void MmdbReader::find(const uint32_t* ipv4, uint32_t* records, size_t n) const {
  for (; n > kGroup; ipv4 += kGroup, records += kGroup, n -= kGroup) find(ipv4, records, kGroup);
  std::array<uint8_t, kGroup> walking;
  size_t still = 0;
  for (size_t i = 0; i < n; ++i) {
    records[i] = ipv4_root_;
    if (ipv4_root_ < node_count_) walking[still++] = static_cast<uint8_t>(i);
  }
  for (int bit = 31; bit >= 0 && still > 0; --bit) {
    size_t kept = 0;
    for (size_t k = 0; k < still; ++k) {
      const uint8_t i = walking[k];
      const uint32_t next = child(records[i], ipv4[i] >> bit & 1U);
      records[i] = next;
      if (next < node_count_) {
        __builtin_prefetch(tree_ + uint64_t{next} * node_size_);
        walking[kept++] = i;
      }
    }
    still = kept;
  }
  for (size_t i = 0; i < n; ++i) {
    records[i] = record_of(records[i]);
    if (records[i] < data_size_) __builtin_prefetch(data_ + records[i]);
  }
}

bool MmdbReader::read(uint32_t record, const MmdbPaths& paths, MmdbValue* values) const {
  for (size_t i = 0; i < paths.size(); ++i) values[i] = {};
  int elements = 0;
  Cursor cursor(data_, data_size_, record, elements);
  return read_map(cursor, paths.root_, kMaximumDepth, values) && cursor.good();
}

// The value at the cursor, of which `node` says what is wanted.
bool MmdbReader::read_map(Cursor& cursor, const MmdbPaths::Node& node, int depth,
                          MmdbValue* values) const {
  Cursor::Head head = cursor.head();
  if (head.type == kPointer) {
    Cursor there = cursor.at(head.size);
    // A pointer to a pointer is against the format.
    Cursor look = there;
    if (look.head().type == kPointer || !look.good() || depth == 0) return false;
    return read_map(there, node, depth - 1, values) && there.good();
  }
  if (head.type != kMap && head.type != kArray) {
    const MmdbValue value = cursor.scalar(head);
    if (!cursor.good()) return false;
    for (const uint32_t index : node.wanted) values[index] = value;
    return true;
  }
  for (const uint32_t index : node.wanted) values[index].kind = MmdbValue::Kind::kOther;
  if (depth == 0) return false;
  for (uint32_t i = 0; i < head.size && cursor.good(); ++i) {
    char digits[16];
    std::string_view key;
    if (head.type == kMap) {
      key = cursor.key();
    } else {
      const auto end = std::to_chars(digits, digits + sizeof digits, i).ptr;
      key = {digits, static_cast<size_t>(end - digits)};
    }
    const MmdbPaths::Node* wanted = nullptr;
    for (const MmdbPaths::Node& child : node.children) {
      if (child.key == key) wanted = &child;
    }
    if (wanted == nullptr) {
      cursor.skip(depth - 1);
    } else if (!read_map(cursor, *wanted, depth - 1, values)) {
      return false;
    }
  }
  return cursor.good();
}

bool MmdbReader::each_record(const std::function<bool(uint32_t)>& visit) const {
  struct Pending {
    uint32_t value;
    int depth;
  };
  const int most = ip_version_ == 6 ? 128 : 32;
  std::vector<Pending> pending = {{0, 0}};
  if (node_count_ == 0) return true;
  while (!pending.empty()) {
    const Pending at = pending.back();
    pending.pop_back();
    if (at.value < node_count_) {
      if (at.depth == most) return false;
      pending.push_back({child(at.value, 1), at.depth + 1});
      pending.push_back({child(at.value, 0), at.depth + 1});
      continue;
    }
    const uint32_t record = record_of(at.value);
    if (record == kCorrupt) return false;
    if (record != kNone && !visit(record)) return true;
  }
  return true;
}

}  // namespace flow::operators
