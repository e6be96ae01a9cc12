// The codec `pretty`: rows for people to look at.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "flow/operator.hpp"

namespace flow::operators {

// Encodes only. A row's text depends on the row and its schema alone.
class Pretty final : public Codec {
 public:
  enum class Layout { kBlock, kLine };
  enum class Color { kAuto, kAlways, kNever };
  enum class Nulls { kOmit, kWrite };
  struct Options {
    Layout layout = Layout::kBlock;
    Color color = Color::kAuto;
    Nulls nulls = Nulls::kOmit;
  };
  static void describe(Description<Options>& description);

  explicit Pretty(const Options& options) : options_(options) {}

  void open(Output& out) override;
  int64_t frame(std::string_view bytes, bool) override {
    return static_cast<int64_t>(bytes.size());
  }
  void decode(const Batch& in, Output& out) override;
  void encode(const Batch& in, bool delimited, Output& out) override;

 private:
  // A column, or a field inside a struct.
  struct Leaf {
    std::string label;  // with its padding and colours
    ColumnPath path;
    const flow_column* column = nullptr;  // of the batch under way
    Column converted;                     // of json
  };
  void plan(const flow_schema& schema);
  void add_leaves(const flow_field& field, const std::string& name, const ColumnPath& path);
  void write_row(int64_t row, bool delimited, std::string& text);
  void write_value(const flow_column& column, int64_t row, std::string& text) const;

  const Options& options_;
  bool colored_ = false;
  Reference<const flow_schema> schema_;
  std::vector<Leaf> leaves_;
  std::vector<std::string> names_;
  size_t width_ = 0;  // of the names, in characters
  std::string plain_;
};

}  // namespace flow::operators
