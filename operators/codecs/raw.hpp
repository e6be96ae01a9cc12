// The codec `raw`: bytes as they are.
#pragma once

#include <string_view>
#include <vector>

#include "flow/operator.hpp"
#include "operators/common/encoded_rows.hpp"

namespace flow::operators {

class Raw final : public Codec, public StreamContext {
 public:
  struct Options {
    Field field{"message"};
    Size max_size{16 << 20};
  };
  static void describe(Description<Options>& d);
  static void infer(const Options& options, Inference& inference);

  explicit Raw(const Options& options)
      : field_(options.field.name), max_size_(options.max_size.bytes) {}
  int64_t frame(std::string_view bytes, bool final) override;
  std::string_view context() const override { return is_inside_ ? kInside : ""; }
  void resume(std::string_view context) override { is_inside_ = context == kInside; }
  void decode(const Batch& in, Output& out) override;
  void encode(const Batch& in, bool delimited, Output& out) override;

 private:
  static constexpr std::string_view kInside = "L";

  ColumnFinder field_;
  int64_t max_size_;
  bool is_inside_ = false;  // of a stream that is too long, whose start was handed on
  EncodedRows rows_;
};

}  // namespace flow::operators
