// parse_json: a column with JSON objects into columns.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "flow/operator.hpp"
#include "operators/common/batch_width.hpp"
#include "operators/common/declared_schema.hpp"
#include "operators/common/input_column.hpp"
#include "operators/common/json_rows.hpp"
#include "operators/common/row_parser.hpp"

namespace flow::operators {

class ParseJson final : public Transform {
 public:
  struct Options {
    Field field{"message"};
    Table schema;
    Undeclared undeclared = Undeclared::kKeep;
    std::string prefix;
    std::string into;
    bool keep_source = false;
    int64_t max_fields = 1000;
  };
  struct Shared {
    // Throws Failure if `schema` is none, or `into` and `prefix` are both given.
    Shared(const Options& options, Host);
    DeclaredSchema schema;
  };
  static void describe(Description<Options>& d);
  static void infer(const Options& options, Shared& shared, Inference& inference);

  ParseJson(const Options& options, Shared& shared);
  void open(Output& out) override;
  Status consume(uint32_t, const Batch& in, Output& out) override;
  void process(const Batch& in, Output& out) override;

 private:
  struct BadRow {
    int64_t row;
    const char* reason;
    std::string message;
  };

  bool process_some(const Batch& in, Output& out);
  int64_t parse(const flow_column& column, int64_t row, Output& out);
  void emit(const Batch& in, Output& out);
  std::vector<NewColumn> gathered(std::vector<NewColumn> columns, int64_t rows, Output& out);

  const ParseTarget target_;
  const std::string into_;
  const size_t declared_;  // columns that are there whatever the rows say
  TextInput input_;
  JsonRows rows_;
  Metric invalid_utf8_rows_;
  Metric hidden_values_;
  BatchRoom room_;
  int64_t next_row_ = 0;  // of an input that becomes several batches
  std::vector<BadRow> bad_;
  std::vector<int32_t> good_;
};

}  // namespace flow::operators
