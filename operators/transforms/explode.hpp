// The transform `explode`: lists to rows.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "flow/operator.hpp"
#include "operators/common/field_selection.hpp"

namespace flow::operators {

// Emits at most kBatchRows rows a batch, and no more batches than there is room for: a list of any
// length needs no more memory than that. Where it stands in its input is kept between two calls.
class Explode final : public GeneralTransform {
 public:
  static constexpr int64_t kBatchRows = 4096;

  struct Options {
    Field field;
    std::string index;
    bool keep_empty = false;
  };
  static void describe(Description<Options>& d);
  static void infer(const Options& options, Inference& inference);

  explicit Explode(const Options& options);
  Status consume(uint32_t input, const Batch& in, Output& out) override;

 private:
  // The rows of one output batch: which of the input they repeat, and the elements' numbers.
  struct Piece {
    void clear();
    void add(int64_t row, int64_t number);

    std::vector<int32_t> rows;
    std::vector<int64_t> numbers;   // in its list; -1: there is none
    std::vector<int32_t> elements;  // of lists: their rows among all elements
    int64_t created = 0;
    int64_t empty = 0;  // rows of the input that are dropped
  };

  void find(const Batch& in, Output& out);
  Column fill_lists(const Batch& in, const flow_column& column, Output& out);
  Column fill_tokens(const Batch& in, const flow_column& column, Output& out);
  void add_empty(int64_t row);
  void emit(const Batch& in, TypedColumn elements, Output& out);

  Options options_;
  Reference<const flow_schema> schema_;
  int64_t column_ = -1;  // of the schema
  PickedColumns others_;
  Piece piece_;
  int64_t row_ = 0;      // of the input: what comes next
  int64_t element_ = 0;  // of the row's list
  size_t position_ = 0;  // in the row's token
  bool warned_ = false;
};

}  // namespace flow::operators
