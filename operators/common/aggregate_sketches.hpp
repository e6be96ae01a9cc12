// Parts of cells that keep more than a few numbers: different values, quantiles, the earliest and
// latest value, the most frequent ones.
#pragma once

#include <memory>
#include <vector>

#include "operators/common/aggregate_state.hpp"

namespace flow::operators {

// Hashes of the different values, and past kExact of them HyperLogLog registers.
class DistinctPart final : public CellPart {
 public:
  static constexpr uint32_t kExact = 256;
  static constexpr uint32_t kRegisterBits = 12;
  static constexpr uint32_t kRegisters = 1U << kRegisterBits;
  struct Words {
    StoredBytes block;  // an open-addressing table of hashes (0: none), or the registers
    uint32_t used;
    uint32_t registers;  // 1: the block has those
  };
  using CellPart::CellPart;
  uint32_t bytes() const override { return sizeof(Words); }
  void bind(const Batch& in) override;
  void add(const CellRows& in, uint32_t at, CellMemory& memory) override;
  bool has_blocks() const override { return true; }
  void release(char* part, uint64_t hash, CellMemory& memory) const override;

 private:
  static void insert(Words& words, uint64_t value, uint64_t hash, CellMemory& memory);
  std::vector<uint64_t> hashes_;
};
std::unique_ptr<CellResult> make_distinct_result(uint32_t at);

// Counts of values in buckets by their topmost bits: sign, exponent and six bits behind the point,
// fewer once there are more than kMost buckets. The same for the same values in any order.
class QuantilePart final : public CellPart {
 public:
  static constexpr uint32_t kMost = 3072;
  struct Words {
    StoredBytes block;  // an open-addressing table of Bucket
    uint32_t used;
    uint32_t shift;  // bits less than six
  };
  struct Bucket {
    uint32_t number;  // 1 + the bits; 0: none
    uint32_t count;
  };
  using CellPart::CellPart;
  uint32_t bytes() const override { return sizeof(Words); }
  void add(const CellRows& in, uint32_t at, CellMemory& memory) override;
  bool has_blocks() const override { return true; }
  void release(char* part, uint64_t hash, CellMemory& memory) const override;

 private:
  static void insert(Words& words, double value, uint64_t hash, CellMemory& memory);
};
std::unique_ptr<CellResult> make_quantile_result(uint32_t at, double fraction);

// The value of the row with the earliest or latest time.
struct EdgeWords {
  int64_t time;
  uint64_t word;     // a number
  StoredBytes text;  // or a text
  uint32_t has;      // 0: no value yet
  uint32_t reserved;
};
template <bool kLatest>
class EdgePart final : public CellPart {
 public:
  static constexpr size_t kLongestText = 16'384;
  using CellPart::CellPart;
  uint32_t bytes() const override { return sizeof(EdgeWords); }
  void add(const CellRows& in, uint32_t at, CellMemory& memory) override;
  bool has_blocks() const override { return true; }
  void release(char* part, uint64_t hash, CellMemory& memory) const override;
};
std::unique_ptr<CellResult> make_edge_result(uint32_t at, flow_type type, bool latest);

// Counts of values; when there are kMost of them the median is taken from each, and those that have
// nothing left go.
class TopPart final : public CellPart {
 public:
  static constexpr uint32_t kMost = 512;
  static constexpr size_t kLongestText = 1024;
  struct Words {
    StoredBytes block;  // an open-addressing table of Entry
    uint32_t used;
    uint32_t reserved;
  };
  struct Entry {
    uint64_t hash;
    int64_t count;   // 0: none
    uint64_t value;  // a number, or StoredBytes
  };
  using CellPart::CellPart;
  uint32_t bytes() const override { return sizeof(Words); }
  void bind(const Batch& in) override;
  void add(const CellRows& in, uint32_t at, CellMemory& memory) override;
  bool has_blocks() const override { return true; }
  void release(char* part, uint64_t hash, CellMemory& memory) const override;

 private:
  Entry& entry(Words& words, uint64_t value, uint64_t hash, CellMemory& memory) const;
  void rebuild(Words& words, uint64_t hash, CellMemory& memory, uint32_t capacity) const;
  void let_go(Words& words, uint64_t hash, CellMemory& memory) const;
  bool is_text() const;
  std::vector<uint64_t> hashes_;
};
std::unique_ptr<CellResult> make_top_result(uint32_t at, flow_type type, int64_t values);

}  // namespace flow::operators
