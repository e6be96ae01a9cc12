// From the tree of an expression to the steps for one schema: types, conversions, constants.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "operators/common/expression/program.hpp"
#include "operators/common/expression/syntax.hpp"

namespace flow::operators {

// A field that an expression names and the schema does not have: it counts as null.
struct MissingField {
  std::string name;
  size_t offset;
  bool is_asked_for;  // `is null` asks whether it is there, and nothing else reads it
};

// Fills a program. Every mistake throws Failure with its column in the expression.
class Binder {
 public:
  // Borrows all four. `text` and `place` are for messages.
  Binder(Program& program, const flow_schema& schema, std::string_view text, std::string_view place)
      : program_(program), schema_(schema), text_(text), place_(place) {}

  // The step that works out the node.
  int bind(const SyntaxNode& node);
  const std::vector<MissingField>& missing() const { return missing_; }

  // ---- for functions ----

  Program& program() { return program_; }
  Kind kind(int step) const { return program_.step(step).kind; }
  bool is_null(int step) const;  // always
  [[noreturn]] void fail(size_t offset, const std::string& what) const;
  // A step whose result is null where an input is, so that a constant null needs no work.
  int strict(std::string_view key, Kind kind, Kernel kernel, std::vector<int> inputs,
             std::shared_ptr<const StepData> data = nullptr, int64_t number = 0);

  // The step converted as operators convert silently, or a Failure that names the way to do it.
  int as_bool(int step, size_t offset);
  int as_number(int step, size_t offset);  // int stays int; a text counts as the float it spells
  int as_float(int step, size_t offset);
  int as_int(int step, size_t offset);
  int as_text(int step, size_t offset);   // of a JSON token: what a string says
  int as_bytes(int step, size_t offset);  // text or binary
  int as_timestamp(int step, size_t offset);
  // Both of one kind: null with anything, int with float.
  void unify(int& left, int& right, size_t offset);

  // What must stand there as a literal, or as an expression of literals. `what`: eg "a pattern".
  std::string constant_text(int step, size_t offset, const std::string& what) const;
  int64_t constant_int(int step, size_t offset, const std::string& what) const;

  // left sign right, sign one of == != < <= > >=.
  int compare(std::string_view sign, int left, int right, size_t left_offset, size_t right_offset);

 private:
  int field(const SyntaxNode& node, bool is_asked_for);
  int call(const SyntaxNode& node);
  int in(const SyntaxNode& node);
  int matches(const SyntaxNode& node);
  int logic(const SyntaxNode& node);
  int arithmetic(const SyntaxNode& node);
  int time_arithmetic(const SyntaxNode& node, int left, int right);
  int negate(const SyntaxNode& node);
  int compare_with_time(std::string_view sign, int time, int other, size_t other_offset,
                        bool turned);
  int any_of(int value, const SyntaxNode& node, std::span<const int> items);
  [[noreturn]] void refuse(size_t offset, std::string_view wanted, int step,
                           std::string_view remedy) const;

  Program& program_;
  const flow_schema& schema_;
  std::string_view text_;
  std::string_view place_;
  std::vector<MissingField> missing_;
};

}  // namespace flow::operators
