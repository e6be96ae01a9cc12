// The transform `lookup`: fields from a table, by key.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "flow/operator.hpp"
#include "operators/common/declared_schema.hpp"
#include "operators/common/field_text.hpp"
#include "operators/common/reloaded.hpp"
#include "operators/transforms/lookup_table.hpp"

namespace flow::operators {

class Lookup final : public Transform {
 public:
  enum class Format : uint8_t { kAuto, kCsv, kNdjson, kSqlite };
  enum class Join : uint8_t { kLeft, kInner };
  struct Options {
    std::vector<Field> key;
    std::vector<std::string> table_key;
    std::string path;
    Format format = Format::kAuto;
    std::optional<std::string> query;
    std::vector<std::string> fields;
    std::string prefix;
    Table schema;
    Join join = Join::kLeft;
    Duration reload{10'000'000'000};
    Size max_size{int64_t{64} << 20};
  };
  class Shared;
  static void describe(Description<Options>& d);
  static void infer(const Options& options, Shared& shared, Inference& inference);

  Lookup(const Options& options, Shared& shared);
  void open(Output& out) override;
  void process(const Batch& in, Output& out) override;

 private:
  void renew(Output& out);
  bool bind(const Batch& in, Host host);
  void find_rows(const Batch& in, Output& out);
  int32_t find(int64_t row);

  const Options options_;
  Shared& shared_;
  std::shared_ptr<const LookupTable> table_;
  uint64_t generation_ = 0;
  std::vector<ColumnFinder> finders_;
  std::vector<FieldText> texts_;
  std::vector<const flow_column*> key_columns_;  // of the batch in process
  std::vector<int32_t> rows_, kept_;
  // Of a key that is one category: the row of each code, or kNotYet.
  static constexpr int32_t kNotYet = -2;
  Column dictionary_;
  std::vector<int32_t> by_code_;
  std::string key_, value_;
  std::vector<std::string> names_;
  Metric unmatched_;
};

// The table of a component, and its replacement while it runs. [any]
class Lookup::Shared {
 public:
  // Throws OptionFailure.
  Shared(const Options& options, Host);

  // Reads the table unless an instance has done so. Throws Failure.
  void open(Host host);
  // Looks, at most once in the time that `reload` says, whether the file was replaced, and reads
  // it. One that cannot be used is refused with a warning, and the table before stays.
  void refresh(Host host);
  uint64_t generation() const { return table_.generation(); }
  std::shared_ptr<const LookupTable> table() const { return table_.get(); }
  // The columns to add, without the prefix; known once the table was read.
  const std::vector<DeclaredField>& fields() const { return fields_; }
  // Reads the texts, unless `fields` names the columns. Throws Failure.
  void learn_fields();

 private:
  TextTable read() const;
  void set_fields(const TextTable& texts);
  std::shared_ptr<const LookupTable> make(Host host);

  const Options options_;
  Format format_ = Format::kCsv;
  std::vector<std::string> table_key_;
  DeclaredSchema schema_;
  Reloaded<const LookupTable> table_;
  // Written while the table is made, until they are known.
  std::vector<DeclaredField> fields_;
  bool has_fields_ = false;
};

}  // namespace flow::operators
