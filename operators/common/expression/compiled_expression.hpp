// The expression language: what operators compile their options with.
//
//   const CompiledExpression where = CompiledExpression::compile(options.where.text, "where");
//   ExpressionEvaluator evaluator(where);                 // one an instance
//   const Selection selection = evaluator.select(batch, host);
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "flow/builder.hpp"
#include "flow/inference.hpp"
#include "operators/common/expression/binder.hpp"

namespace flow::operators {

// What an expression is for one schema.
struct InferredExpression {
  Type type;
  std::vector<MissingField> missing;  // fields that are not there, and so count as null
};

// An expression whose text is in order. [any], immutable, cheap to copy.
class CompiledExpression {
 public:
  // Throws Failure with the column of a mistake: "where: column 7: ...". `place`: the option that
  // holds it. Types are looked at once there is a schema.
  static CompiledExpression compile(std::string_view text, std::string_view place);

  const std::string& text() const { return source_->text; }
  const std::string& place() const { return source_->place; }
  const SyntaxNode& syntax() const { return source_->syntax; }
  // Names of the fields, each once, in the order in which they stand there.
  std::vector<std::string> fields() const;
  // The byte of its first call of now(); none: it has the same value at any time.
  std::optional<size_t> reads_clock() const;
  // The type of the result for rows of that schema. Throws Failure with the column of a type error.
  InferredExpression infer(const flow_schema& schema) const;
  // The same for a condition: throws Failure unless it is true, false or null.
  InferredExpression infer_condition(const flow_schema& schema) const;
  // "where: column 3: there is no field 'stats' in the input (did you mean 'status'?); it counts as
  // null"
  std::string missing_message(const MissingField& field, const flow_schema& schema) const;

 private:
  struct Source {
    std::string text;
    std::string place;
    SyntaxNode syntax;
  };
  std::shared_ptr<const Source> source_;
};

// For an operator's `infer`: both throw OptionFailure for a type error, tell a field that cannot be
// there as a warning with the nearest name, and a call of now() as a dependence on the clock.
// `schema`: the fields that are known, and NULL where the input is not. No type: there is no
// schema, or a field that may stand beside those of an open input decides it.
std::optional<Type> infer_expression(const CompiledExpression& expression,
                                     const flow_schema* schema, Inference& inference);
// `must_hold`: a condition that a missing field keeps from ever being true is an OptionFailure
// instead.
void infer_condition(const CompiledExpression& expression, Inference& inference, bool must_hold);

// The rows for which a condition is true, and how many are null; the rest is false.
struct Selection {
  std::span<const int32_t> rows;  // ascending; valid until the next call
  int64_t nulls = 0;
};

// Works an expression out for batches, a column at a time; prepares itself once a schema. Not
// thread-safe: one an instance. After the first batches nothing is allocated but the result.
class ExpressionEvaluator {
 public:
  explicit ExpressionEvaluator(CompiledExpression expression);
  ~ExpressionEvaluator();
  ExpressionEvaluator(ExpressionEvaluator&&) noexcept;

  // Throws Failure if the types of the batch do not fit, or the expression is no condition.
  Selection select(const Batch& batch, Host host);
  // The value of each row. A text that a category's field alone decides stays a category. A text
  // cut out of a field shares the field's bytes.
  TypedColumn evaluate(const Batch& batch, Host host);
  // The fields that the last batch lacked and no call to this has named before, as messages. One
  // that `is null` alone asks for may well be missing: it is named only where it may be a slip.
  std::vector<std::string> take_missing();
  const CompiledExpression& expression() const { return expression_; }

 private:
  struct Prepared;
  Prepared& prepare(const Batch& batch);

  CompiledExpression expression_;
  std::vector<std::unique_ptr<Prepared>> prepared_;
  std::vector<int32_t> rows_;
  std::vector<std::string> missing_;
  std::vector<std::string> said_;
};

}  // namespace flow::operators
