// The transform `validate`: rows whose fields keep rules, and a word on how good they are.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flow/dictionary.hpp"
#include "flow/operator.hpp"
#include "operators/transforms/validate_rules.hpp"

namespace flow::operators {

// A column at a time: a loop over the values finds out whether any breaks a rule, and only then
// another one which and how.
class Validate final : public Transform {
 public:
  struct Options {
    Table schema;
    bool strict = true;
    std::string quality = "quality";
  };
  struct Shared {
    // Throws OptionFailure.
    Shared(const Options& options, Host) : fields(read_rules(options.schema)) {}
    std::vector<FieldRules> fields;
  };
  static void describe(Description<Options>& d);
  static void infer(const Options& options, Shared& shared, Inference& inference);

  Validate(const Options& options, Shared& shared);
  void open(Output& out) override;
  void process(const Batch& in, Output& out) override;

 private:
  // How a field's column is read under its rules.
  enum class Reading : uint8_t {
    kAbsent,
    kOpaque,  // nothing but `required` is asked
    kInt,     // int64 and timestamp
    kFloat,
    kWhole,  // floats that are to be integers
    kText,
    kTextInt,  // texts that spell numbers
    kTextFloat,
    kTextBool,
    kTextTime
  };
  struct Field {
    explicit Field(const FieldRules& its) : rules(its), finder(its.name) {}
    const FieldRules& rules;
    ColumnFinder finder;
    Reading reading = Reading::kAbsent;
    // Of a dictionary, the first broken rule of each entry, or kKept, or kUnknown.
    Column dictionary;
    std::vector<uint8_t> verdicts;
  };
  // A row's first broken rule: 1 + field * kValidationRules + rule.
  using Mark = uint32_t;
  static constexpr uint8_t kKept = 0xFF;
  static constexpr uint8_t kUnknown = 0xFE;

  static std::optional<Reading> reading_of(const FieldRules& rules, flow_type type);
  static uint8_t text_verdict(const FieldRules& rules, std::string_view text);
  static uint8_t number_verdict(const FieldRules& rules, double value);
  static uint8_t integer_verdict(const FieldRules& rules, int64_t value);
  static uint8_t spelled_verdict(const FieldRules& rules, Reading reading, std::string_view text);

  void find_columns(const Batch& in);
  void check(size_t number, const Batch& in, Output& out);
  void check_present(size_t number, const flow_column& column);
  void check_integers(size_t number, const flow_column& column);
  void check_floats(size_t number, const flow_column& column);
  void check_texts(size_t number, const flow_column& column);
  void mark(size_t number, int64_t row, uint8_t verdict);
  std::string message(const Batch& in, int64_t row, Mark mark) const;
  Batch with_quality(const Batch& in, Output& out);
  void emit(const Batch& in, Output& out);

  Options options_;
  std::string rule_column_;
  std::vector<Field> fields_;
  Reference<const flow_schema> schema_;
  std::vector<Mark> bad_, suspect_;  // by row; 0: none
  int64_t n_bad_ = 0, n_suspect_ = 0;
  std::vector<Column> said_;  // what JSON columns say, by field
  Column words_, rule_names_;
  Column all_good_, no_rules_;  // of the last batch without a mark
  std::vector<int32_t> kept_;
  Metric suspects_;
};

}  // namespace flow::operators
