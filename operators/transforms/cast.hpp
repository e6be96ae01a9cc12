// cast: columns get other types.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "flow/operator.hpp"
#include "operators/common/declared_schema.hpp"
#include "operators/common/field_selection.hpp"
#include "operators/common/typed_column.hpp"

namespace flow::operators {

class Cast final : public Transform {
 public:
  enum class OnUnfit { kFail, kNull };
  struct Options {
    Table fields;
    OnUnfit on_unfit = OnUnfit::kFail;
    Missing missing = Missing::kError;
  };
  struct Shared {
    // Throws Failure if `fields` is no schema.
    Shared(const Options& options, Host);
    DeclaredSchema fields;
  };
  static void describe(Description<Options>& d);
  static void infer(const Options& options, Shared& shared, Inference& inference);

  Cast(const Options& options, Shared& shared);
  void open(Output& out) override;
  void process(const Batch& in, Output& out) override;

 private:
  struct Target {
    explicit Target(const DeclaredField& field) : builder(field) {}
    TypedColumnBuilder builder;
    ColumnPath path;
  };
  struct BadValue {
    int64_t row;
    std::string message;
  };

  void find_columns(const Batch& in);
  flow::TypedColumn converted(Target& target, const Batch& in, Output& out);
  void convert_texts(TypedColumnBuilder& builder, const flow_column& column, Output& out);
  void convert_values(TypedColumnBuilder& builder, const flow_column& column, Output& out);
  void convert_nested(TypedColumnBuilder& builder, const flow_field& field,
                      const flow_column& column, Output& out);
  void refuse(const TypedColumnBuilder& builder, int64_t row, std::string_view text);
  void emit(const Batch& in, const Batch& cast, Output& out);

  const Options options_;
  std::vector<Target> targets_;
  Reference<const flow_schema> schema_;
  Column said_;  // what JSON tokens say; lives until the column that shares its texts is finished
  std::string text_;
  std::vector<BadValue> bad_;
  Metric unfit_values_;
};

}  // namespace flow::operators
