// An expression made ready for one schema: a list of steps, each of which works out a column.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "flow/batch.hpp"
#include "operators/common/expression/vector.hpp"

namespace flow::operators {

// What a step needs beside its inputs: a compiled regular expression, a time format, a set.
struct StepData {
  StepData() = default;
  StepData(const StepData&) = delete;
  StepData& operator=(const StepData&) = delete;
  virtual ~StepData() = default;
};

struct Step;

// One run of a step: `rows` values to be written to `out`.
struct StepCall {
  const Step& step;
  Vector& out;
  const Vector* const* in;
  size_t inputs;
  int64_t rows;
  int64_t now;

  template <class Data>
  const Data& data() const;
};

// Sets out.values and out.nulls (NULL: no null).
using Kernel = void (*)(const StepCall& call);

// Where a step's values come from.
using Domain = int;
inline constexpr Domain kConstant = -1;  // one value, known already
inline constexpr Domain kRows = 0;       // one a row of the batch
// 1 and more: one an entry of the dictionary of that category field, with one more, null, behind
// the last. Such a step runs once a published dictionary.

struct Step {
  Kernel kernel = nullptr;
  Kind kind = Kind::kNull;
  Domain domain = kRows;
  std::vector<int> inputs;
  std::shared_ptr<const StepData> data;
  int64_t number = 0;  // the kernel's own use
  ColumnPath column;   // of a load
  Domain expands = 0;  // the category whose codes spread its input over the rows; 0: none
  Vector result;
};

template <class Data>
const Data& StepCall::data() const {
  return static_cast<const Data&>(*step.data);
}

// The steps, and the memory in which they run. Not thread-safe: one an instance.
class Program {
 public:
  static constexpr size_t kMostInputs = 16;

  Program() = default;
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  // ---- to build it ----

  // A step of that meaning and those inputs; a second time the same one. `key`: what it does, in
  // words that no other operation has. Steps of constants alone run at once, unless they `vary`
  // from batch to batch. At most kMostInputs inputs.
  int add(std::string_view key, Kind kind, Kernel kernel, std::vector<int> inputs,
          std::shared_ptr<const StepData> data = nullptr, int64_t number = 0, bool vary = false);
  // A column of the batch.
  int load(const ColumnPath& column);
  int constant(bool value);
  int constant(int64_t value, Kind kind = Kind::kInt);
  int constant(double value);
  int constant(std::string_view value);
  int null(Kind kind = Kind::kNull);
  void set_root(int step) {
    root_ = step;
    spread_root_ = -1;
  }
  int root() const { return root_; }

  const Step& step(int number) const { return *steps_[static_cast<size_t>(number)]; }
  bool is_constant(int number) const { return step(number).domain == kConstant; }

  // ---- to run it ----

  // The value of the whole expression for each row, valid until the next call or as long as the
  // batch. A root in a dictionary's domain is spread over the rows.
  const Vector& run(const Batch& batch, int64_t now);
  Kind kind() const { return step(root_).kind; }
  // Of the root before it is spread: whether the result has a category's dictionary.
  bool is_category() const { return step(root_).domain > kRows; }
  // After run(), for an expression that is_category: its values by entry, the null entry last; the
  // entry of each row; and a number that changes whenever the values do.
  const Vector& entries() const { return step(root_).result; }
  int64_t entry_count() const { return category(step(root_).domain).entries; }
  const int32_t* entry_numbers() const { return category(step(root_).domain).numbers; }
  int64_t entries_version() const { return category(step(root_).domain).version; }

 private:
  struct Category {
    ColumnPath column;
    Column dictionary;  // of which the domain's steps hold the results
    int64_t entries = 0;
    int64_t version = 0;
    const int32_t* numbers = nullptr;
    Scratch memory;
  };

  Category& category(Domain domain) { return *categories_[static_cast<size_t>(domain) - 1]; }
  const Category& category(Domain domain) const {
    return *categories_[static_cast<size_t>(domain) - 1];
  }
  int store(std::unique_ptr<Step> step, std::string key);
  int spread(int step);
  template <class T>
  int store_constant(std::string key, Kind kind, T value);
  void look_at_dictionary(Domain domain, const Batch& batch, int64_t now);
  void run_step(Step& step, int64_t rows, int64_t now);

  std::vector<std::unique_ptr<Step>> steps_;
  std::vector<std::unique_ptr<Category>> categories_;
  std::map<std::string, int, std::less<>> known_;
  int root_ = 0;
  int spread_root_ = -1;
};

}  // namespace flow::operators
