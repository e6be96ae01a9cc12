// What check_contract is told about an operator, and what it finds.
#pragma once

#include <functional>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "flow/testing/settings.hpp"
#include "flow/testing/table.hpp"

namespace flow::testing {

// A broken rule. `rule` is one of the words of check_contract.hpp; `detail` says where, and by how
// much.
struct Violation {
  std::string rule;
  std::string detail;
  friend std::ostream& operator<<(std::ostream& out, const Violation& violation) {
    return out << violation.rule << ": " << violation.detail;
  }
};

// Everything may be left out: then the operator runs with its example's settings on generated rows.
struct ContractSubject {
  // Which one is meant where a library has, eg, a source and a sink of one name.
  std::optional<flow_kind> kind;
  // Beside those of the example, or instead of them.
  Settings settings;
  // Rows that the operator has something to do with, one table an input. Generated ones are tried
  // too.
  std::vector<Table> inputs;
  // Columns of `inputs` that are the event time of the rows and the watermark of their partition as
  // of each, timestamps without nulls, as event_time would leave them beside the columns. The
  // operator is told the watermark of each piece's last row.
  std::string event_time;
  std::string watermark;
  // Decoders: a stream of records.
  std::string bytes;
  // Sources: partitions to assign beside those that it offers.
  std::vector<std::string> partitions;
  // Sources without an end: how many rows are enough to look at.
  int64_t source_rows = 20'000;
  // Called before each component is made: empties the folder that a sink writes to.
  std::function<void()> reset;
  // Sinks: what is visible outside now, eg the content of the written files.
  std::function<std::string()> observe;
  // Sinks: the rows that `observe` must show in the end; left out where it does not count rows.
  std::function<int64_t()> delivered_rows;
  // Bytes that all buffers together may reach while there is room for one batch; 0: not checked.
  int64_t memory_limit = 0;
  // Rules that do not hold for this operator, each with the reason.
  std::vector<std::pair<std::string, std::string>> waived;
  // Of everything random; 0: a new one each time. Failures name it.
  uint64_t seed = 0;
};

namespace contract {

// Collects violations, a few of each rule.
class Findings {
 public:
  explicit Findings(const ContractSubject& subject) : subject_(subject) {}

  void add(const std::string& rule, const std::string& detail) {
    for (const auto& [waived, reason] : subject_.waived) {
      if (waived == rule) return;
    }
    int known = 0;
    for (const Violation& violation : violations_) {
      if (violation.rule == rule && violation.detail == during_ + detail) return;
      known += violation.rule == rule ? 1 : 0;
    }
    if (known < kEach) violations_.push_back({rule, during_ + detail});
  }
  // Said before each detail from now on: which run it was.
  void during(const std::string& what) { during_ = what.empty() ? "" : what + ": "; }
  bool empty() const { return violations_.empty(); }
  std::vector<Violation> take() { return std::move(violations_); }

 private:
  static constexpr int kEach = 3;
  const ContractSubject& subject_;
  std::string during_;
  std::vector<Violation> violations_;
};

}  // namespace contract
}  // namespace flow::testing
