#include "operators/common/expression/compiled_expression.hpp"

#include <algorithm>
#include <utility>

#include "operators/common/expression/operators.hpp"
#include "operators/common/expression/result_column.hpp"
#include "operators/common/input_column.hpp"

namespace flow::operators {
namespace {

void collect_fields(const SyntaxNode& node, std::vector<std::string>& names) {
  if (node.kind == SyntaxKind::kField &&
      std::find(names.begin(), names.end(), node.name) == names.end()) {
    names.push_back(node.name);
  }
  for (const SyntaxNode& child : node.children) collect_fields(child, names);
}

std::optional<size_t> call_of_now(const SyntaxNode& node) {
  if (node.kind == SyntaxKind::kCall && node.name == "now") return node.offset;
  for (const SyntaxNode& child : node.children) {
    if (const auto offset = call_of_now(child)) return offset;
  }
  return std::nullopt;
}

// Schemas seldom change: more of them than this means that they do, and starts over.
constexpr size_t kRemembered = 16;

}  // namespace

CompiledExpression CompiledExpression::compile(std::string_view text, std::string_view place) {
  CompiledExpression result;
  result.source_ = std::make_shared<const Source>(
      Source{std::string(text), std::string(place), parse_expression(text, place)});
  // Wrong names and numbers of arguments need no schema: without fields everything is null.
  Program program;
  const flow_schema none{};
  Binder binder(program, none, text, place);
  binder.bind(result.source_->syntax);
  return result;
}

std::vector<std::string> CompiledExpression::fields() const {
  std::vector<std::string> names;
  collect_fields(syntax(), names);
  return names;
}

std::optional<size_t> CompiledExpression::reads_clock() const { return call_of_now(syntax()); }

InferredExpression CompiledExpression::infer(const flow_schema& schema) const {
  Program program;
  Binder binder(program, schema, text(), place());
  program.set_root(binder.bind(syntax()));
  if (program.kind() == Kind::kNested) {
    binder.fail(syntax().offset, "a struct or list is no result: name one of its fields");
  }
  return {result_type(program), binder.missing()};
}

InferredExpression CompiledExpression::infer_condition(const flow_schema& schema) const {
  Program program;
  Binder binder(program, schema, text(), place());
  binder.as_bool(binder.bind(syntax()), syntax().offset);
  return {Type::boolean(), binder.missing()};
}

std::string CompiledExpression::missing_message(const MissingField& field,
                                                const flow_schema& schema) const {
  return place() + ": column " + std::to_string(field.offset + 1) + ": there is no field '" +
         field.name + "' in the input (" + missing_column_remedy(schema, field.name) +
         "); it counts as null";
}

namespace {

// Whether a condition can be true for any row: a field that is not there makes parts of it null.
bool can_be_true(const Program& program, int number) {
  const Step& step = program.step(number);
  if (program.is_constant(number)) {
    return !step.result.is_null(0) && *step.result.as<uint8_t>() != 0;
  }
  if (step.kernel == and_kernel) {
    return can_be_true(program, step.inputs[0]) && can_be_true(program, step.inputs[1]);
  }
  if (step.kernel == or_kernel) {
    return can_be_true(program, step.inputs[0]) || can_be_true(program, step.inputs[1]);
  }
  return true;
}

// With the option and the item that the expression stands in.
OptionFailure failure_at(const CompiledExpression& expression, size_t offset, std::string message,
                         std::string remedy = {}) {
  const std::string_view place = expression.place();
  const std::string_view option = place.substr(0, place.find('.'));
  return OptionFailure(
      std::string(option), std::move(message), std::move(remedy), static_cast<int64_t>(offset),
      option.size() == place.size() ? "" : std::string(place.substr(option.size() + 1)));
}

OptionFailure missing_failure(const CompiledExpression& expression, const MissingField& field,
                              const flow_schema& schema, const std::string& consequence = {}) {
  return failure_at(expression, field.offset,
                    "there is no field '" + field.name + "' in the input" + consequence,
                    missing_column_remedy(schema, field.name));
}

void tell_clock(const CompiledExpression& expression, Inference& inference) {
  if (const auto offset = expression.reads_clock()) {
    inference.depend(FLOW_CLOCK_DEPENDENT, failure_at(expression, *offset, "calls now()"));
  }
}

void warn_of_missing(const CompiledExpression& expression, const std::vector<MissingField>& missing,
                     const flow_schema& schema, Inference& inference) {
  for (const MissingField& field : missing) {
    inference.warn(missing_failure(expression, field, schema, "; it counts as null"));
  }
}

}  // namespace

std::optional<Type> infer_expression(const CompiledExpression& expression,
                                     const flow_schema* schema, Inference& inference) {
  tell_clock(expression, inference);
  if (schema == nullptr) return std::nullopt;
  const InferredExpression inferred = expression.infer(*schema);
  if (inference.open() && !inferred.missing.empty()) return std::nullopt;
  warn_of_missing(expression, inferred.missing, *schema, inference);
  return inferred.type;
}

void infer_condition(const CompiledExpression& expression, Inference& inference, bool must_hold) {
  tell_clock(expression, inference);
  if (inference.input() == nullptr) return;
  const flow_schema& schema = *inference.input();
  Program program;
  Binder binder(program, schema, expression.text(), expression.place());
  const int root = binder.as_bool(binder.bind(expression.syntax()), expression.syntax().offset);
  if (inference.open() || binder.missing().empty()) return;
  if (must_hold && !can_be_true(program, root)) {
    throw missing_failure(expression, binder.missing().front(), schema);
  }
  warn_of_missing(expression, binder.missing(), schema, inference);
}

struct ExpressionEvaluator::Prepared {
  Reference<const flow_schema> schema;
  Program program;
  ResultColumn result;
};

ExpressionEvaluator::ExpressionEvaluator(CompiledExpression expression)
    : expression_(std::move(expression)) {}
ExpressionEvaluator::~ExpressionEvaluator() = default;
ExpressionEvaluator::ExpressionEvaluator(ExpressionEvaluator&&) noexcept = default;

ExpressionEvaluator::Prepared& ExpressionEvaluator::prepare(const Batch& batch) {
  const flow_schema* schema = &batch.schema();
  for (const auto& known : prepared_) {
    if (known->schema.get() == schema) return *known;
  }
  auto made = std::make_unique<Prepared>();
  made->schema = Reference<const flow_schema>::share(schema);
  Binder binder(made->program, *schema, expression_.text(), expression_.place());
  made->program.set_root(binder.bind(expression_.syntax()));
  for (const MissingField& field : binder.missing()) {
    if (field.is_asked_for && nearest_column(*schema, field.name).empty()) continue;
    if (std::find(said_.begin(), said_.end(), field.name) != said_.end()) continue;
    said_.push_back(field.name);
    missing_.push_back(expression_.missing_message(field, *schema));
  }
  if (prepared_.size() == kRemembered) prepared_.clear();
  prepared_.push_back(std::move(made));
  return *prepared_.back();
}

Selection ExpressionEvaluator::select(const Batch& batch, Host host) {
  Prepared& prepared = prepare(batch);
  if (prepared.program.kind() != Kind::kBool) {
    // Once a schema: json and null become bools, anything else is refused.
    Binder binder(prepared.program, *prepared.schema, expression_.text(), expression_.place());
    prepared.program.set_root(binder.as_bool(prepared.program.root(), expression_.syntax().offset));
  }
  const int64_t rows = batch.rows();
  const Vector& values = prepared.program.run(batch, host.now());
  if (static_cast<int64_t>(rows_.size()) < rows) rows_.resize(static_cast<size_t>(rows));
  if (values.constant) {
    const bool is_true = *values.as<uint8_t>() != 0;
    for (int64_t row = 0; is_true && row < rows; ++row) {
      rows_[static_cast<size_t>(row)] = static_cast<int32_t>(row);
    }
    return {{rows_.data(), is_true ? static_cast<size_t>(rows) : 0}, values.is_null(0) ? rows : 0};
  }
  Selection selection;
  selection.rows = {rows_.data(), true_rows(values.as<uint8_t>(), rows, rows_.data())};
  if (values.nulls != nullptr) {
    for (int64_t row = 0; row < rows; ++row) selection.nulls += values.nulls[row];
  }
  return selection;
}

TypedColumn ExpressionEvaluator::evaluate(const Batch& batch, Host host) {
  Prepared& prepared = prepare(batch);
  if (prepared.program.kind() == Kind::kNested) {
    throw_expression_error(expression_.place(), expression_.text(), expression_.syntax().offset,
                           "a struct or list is no result: name one of its fields");
  }
  const Vector& values = prepared.program.run(batch, host.now());
  return prepared.result.make(prepared.program, values, batch, host);
}

std::vector<std::string> ExpressionEvaluator::take_missing() { return std::exchange(missing_, {}); }

}  // namespace flow::operators
