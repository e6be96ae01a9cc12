#include "operators/common/expression/program.hpp"

#include <array>
#include <utility>

#include "operators/common/expression/loading.hpp"

namespace flow::operators {
namespace {

template <class T>
void gather(const Vector& from, const int32_t* numbers, int64_t rows, Vector& out) {
  const T* const values = from.as<T>();
  T* const to = out.write<T>(rows);
  for (int64_t row = 0; row < rows; ++row) to[row] = values[numbers[row]];
}

void spread_values(const Vector& from, const int32_t* numbers, int64_t entries, int64_t rows,
                   Vector& out) {
  out.nulls = nullptr;
  if (from.nulls != nullptr) {
    // Mostly it is the entry behind the last alone, and no row has it.
    bool some = false;
    for (int64_t entry = 0; entry + 1 < entries; ++entry) some = some || from.nulls[entry] != 0;
    auto* const nulls = out.null_memory.take<uint8_t>(rows);
    uint8_t any = 0;
    const uint8_t* const entry_nulls = from.nulls;
    if (some) {
      for (int64_t row = 0; row < rows; ++row) any |= nulls[row] = entry_nulls[numbers[row]];
    } else if (entry_nulls[entries - 1] != 0) {
      const auto last = static_cast<int32_t>(entries - 1);
      for (int64_t row = 0; row < rows; ++row) any |= nulls[row] = numbers[row] == last ? 1 : 0;
    }
    if (any != 0) out.nulls = nulls;
  }
  switch (from.kind) {
    case Kind::kBool:
      return gather<uint8_t>(from, numbers, rows, out);
    case Kind::kInt:
    case Kind::kTimestamp:
      return gather<int64_t>(from, numbers, rows, out);
    case Kind::kFloat:
      return gather<double>(from, numbers, rows, out);
    default:
      return gather<std::string_view>(from, numbers, rows, out);
  }
}

}  // namespace

int Program::store(std::unique_ptr<Step> step, std::string key) {
  step->result.kind = step->kind;
  steps_.push_back(std::move(step));
  const auto number = static_cast<int>(steps_.size()) - 1;
  known_.emplace(std::move(key), number);
  return number;
}

int Program::add(std::string_view key, Kind kind, Kernel kernel, std::vector<int> inputs,
                 std::shared_ptr<const StepData> data, int64_t number, bool vary) {
  Domain domain = vary ? kRows : kConstant;
  for (const int input : inputs) {
    const Domain other = step(input).domain;
    if (other == kConstant || other == domain) continue;
    domain = domain == kConstant ? other : kRows;
  }
  if (domain == kRows) {
    for (int& input : inputs) input = spread(input);
  }
  std::string full(key);
  full += '\x1f';
  full += std::to_string(static_cast<int>(kind));
  full += '\x1f';
  full += std::to_string(number);
  for (const int input : inputs) {
    full += '\x1f';
    full += std::to_string(input);
  }
  if (const auto known = known_.find(full); known != known_.end()) return known->second;
  auto step = std::make_unique<Step>();
  step->kernel = kernel;
  step->kind = kind;
  step->domain = domain;
  step->inputs = std::move(inputs);
  step->data = std::move(data);
  step->number = number;
  const int at = store(std::move(step), std::move(full));
  if (domain == kConstant) {
    Step& made = *steps_[static_cast<size_t>(at)];
    run_step(made, 1, 0);
    made.result.constant = true;
  }
  return at;
}

int Program::load(const ColumnPath& column) {
  std::string key = "load";
  for (const uint32_t place : column.steps) {
    key += '\x1f';
    key += std::to_string(place);
  }
  if (const auto known = known_.find(key); known != known_.end()) return known->second;
  auto step = std::make_unique<Step>();
  step->kind = kind_of(column.type);
  step->column = column;
  if (column.type == FLOW_CATEGORY) {
    categories_.push_back(std::make_unique<Category>());
    categories_.back()->column = column;
    step->domain = static_cast<Domain>(categories_.size());
  }
  return store(std::move(step), std::move(key));
}

template <class T>
int Program::store_constant(std::string key, Kind kind, T value) {
  if (const auto known = known_.find(key); known != known_.end()) return known->second;
  auto step = std::make_unique<Step>();
  step->kind = kind;
  step->domain = kConstant;
  *step->result.write<T>(1) = value;
  step->result.constant = true;
  return store(std::move(step), std::move(key));
}

int Program::constant(bool value) {
  return store_constant<uint8_t>(value ? "true" : "false", Kind::kBool, value ? 1 : 0);
}
int Program::constant(int64_t value, Kind kind) {
  std::string key = std::to_string(static_cast<int>(kind));
  key += "\x1fint ";
  key += std::to_string(value);
  return store_constant<int64_t>(std::move(key), kind, value);
}
int Program::constant(double value) {
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  return store_constant<double>("float " + std::to_string(bits), Kind::kFloat, value);
}
int Program::constant(std::string_view value) {
  const int number =
      store_constant<std::string_view>("text " + std::string(value), Kind::kText, {});
  Vector& result = steps_[static_cast<size_t>(number)]->result;
  if (result.as<std::string_view>()->data() == nullptr) {
    *result.value_memory.take<std::string_view>(1) = result.texts.copy(value);
  }
  return number;
}
int Program::null(Kind kind) {
  const std::string key = "null " + std::to_string(static_cast<int>(kind));
  const int number = kind == Kind::kFloat  ? store_constant<double>(key, kind, 0)
                     : kind == Kind::kBool ? store_constant<uint8_t>(key, kind, 0)
                     : kind == Kind::kInt || kind == Kind::kTimestamp
                         ? store_constant<int64_t>(key, kind, 0)
                         : store_constant<std::string_view>(key, kind, {});
  Vector& result = steps_[static_cast<size_t>(number)]->result;
  *result.null_memory.take<uint8_t>(1) = 1;
  result.nulls = result.null_memory.take<uint8_t>(1);
  return number;
}

int Program::spread(int number) {
  const Step& from = step(number);
  if (from.domain <= kRows) return number;
  std::string key = "spread ";
  key += std::to_string(number);
  if (const auto known = known_.find(key); known != known_.end()) return known->second;
  auto made = std::make_unique<Step>();
  made->kind = from.kind;
  made->inputs = {number};
  made->expands = from.domain;
  return store(std::move(made), std::move(key));
}

void Program::run_step(Step& step, int64_t rows, int64_t now) {
  std::array<const Vector*, kMostInputs> inputs{};
  for (size_t i = 0; i < step.inputs.size(); ++i) {
    inputs[i] = &steps_[static_cast<size_t>(step.inputs[i])]->result;
  }
  step.result.texts.reset();
  step.result.constant = false;
  step.result.nulls = nullptr;
  step.kernel({step, step.result, inputs.data(), step.inputs.size(), rows, now});
}

void Program::look_at_dictionary(Domain domain, const Batch& batch, int64_t now) {
  Category& of = category(domain);
  const flow_column& column = *batch.follow(of.column);
  if (of.dictionary.get() != column.dictionary) {
    of.dictionary = Column(Reference<const flow_column>::share(column.dictionary));
    of.entries = of.dictionary.rows() + 1;
    ++of.version;
    for (const auto& step : steps_) {
      if (step->domain != domain) continue;
      if (step->kernel == nullptr) {
        load_dictionary(*column.dictionary, step->result);
      } else {
        run_step(*step, of.entries, now);
      }
    }
  }
  const CodeView codes(column);
  of.numbers = codes.data();
  if (codes.has_nulls()) {
    const auto none = static_cast<int32_t>(of.entries - 1);
    auto* const numbers = of.memory.take<int32_t>(batch.rows());
    for (int64_t row = 0; row < batch.rows(); ++row) {
      numbers[row] = codes.is_null(row) ? none : codes[row];
    }
    of.numbers = numbers;
  }
}

const Vector& Program::run(const Batch& batch, int64_t now) {
  if (spread_root_ < 0) spread_root_ = spread(root_);
  for (Domain domain = 1; domain <= static_cast<Domain>(categories_.size()); ++domain) {
    look_at_dictionary(domain, batch, now);
  }
  for (const auto& step : steps_) {
    if (step->domain != kRows) continue;
    if (step->expands > 0) {
      const Category& of = category(step->expands);
      spread_values(steps_[static_cast<size_t>(step->inputs[0])]->result, of.numbers, of.entries,
                    batch.rows(), step->result);
    } else if (step->kernel == nullptr) {
      load_column(*batch.follow(step->column), step->result);
    } else {
      run_step(*step, batch.rows(), now);
    }
  }
  return step(spread_root_).result;
}

}  // namespace flow::operators
