#include "operators/common/aggregate_state.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "operators/common/aggregate_numbers.hpp"
#include "operators/common/aggregate_sketches.hpp"
#include "operators/common/input_column.hpp"

namespace flow::operators {
namespace {

// A result of 8-byte values.
template <class T, class Builder>
class NumberResult : public CellResult {
 public:
  explicit NumberResult(flow_type type) : type_(type) {}
  TypedColumn take(Host host) override {
    Builder builder(host, static_cast<int64_t>(values_.size()));
    std::copy(values_.begin(), values_.end(), builder.data());
    for (const int64_t row : nulls_) builder.set_null(row);
    values_.clear();
    nulls_.clear();
    return {builder.finish(), Type::of(type_)};
  }

 protected:
  void put(T value) { values_.push_back(value); }
  void put_null() {
    nulls_.push_back(static_cast<int64_t>(values_.size()));
    values_.push_back(T{});
  }

 private:
  flow_type type_;
  std::vector<T> values_;
  std::vector<int64_t> nulls_;
};
using IntResult = NumberResult<int64_t, Int64Builder>;
using TimeResult = NumberResult<int64_t, TimestampBuilder>;
using FloatResult = NumberResult<double, Float64Builder>;

int64_t values_in(const char* merged, uint32_t gaps) {
  return CellSet::rows(merged) - part_at<int64_t>(merged, gaps);
}

class RowsResult final : public IntResult {
 public:
  RowsResult() : IntResult(FLOW_INT64) {}
  void append(const KeyCells& key, CellMemory&) override { put(CellSet::rows(key.merged)); }
};
class ValuesResult final : public IntResult {
 public:
  explicit ValuesResult(uint32_t gaps) : IntResult(FLOW_INT64), gaps_(gaps) {}
  void append(const KeyCells& key, CellMemory&) override { put(values_in(key.merged, gaps_)); }

 private:
  uint32_t gaps_;
};
class IntSumResult final : public IntResult {
 public:
  IntSumResult(uint32_t gaps, uint32_t at) : IntResult(FLOW_INT64), gaps_(gaps), at_(at) {}
  void append(const KeyCells& key, CellMemory&) override {
    const SumPart::Wide sum = SumPart::wide(part_at<SumPart::Parts>(key.merged, at_));
    if (values_in(key.merged, gaps_) == 0 || sum != static_cast<int64_t>(sum)) {
      put_null();
    } else {
      put(static_cast<int64_t>(sum));
    }
  }

 private:
  uint32_t gaps_, at_;
};
class FloatSumResult final : public FloatResult {
 public:
  FloatSumResult(uint32_t gaps, uint32_t at) : FloatResult(FLOW_FLOAT64), gaps_(gaps), at_(at) {}
  void append(const KeyCells& key, CellMemory&) override {
    if (values_in(key.merged, gaps_) == 0) return put_null();
    put(part_at<double>(key.merged, at_));
  }

 private:
  uint32_t gaps_, at_;
};
class MeanResult final : public FloatResult {
 public:
  MeanResult(uint32_t gaps, uint32_t at, bool whole)
      : FloatResult(FLOW_FLOAT64), gaps_(gaps), at_(at), whole_(whole) {}
  void append(const KeyCells& key, CellMemory&) override {
    const int64_t count = values_in(key.merged, gaps_);
    if (count == 0) return put_null();
    const double sum =
        whole_ ? static_cast<double>(SumPart::wide(part_at<SumPart::Parts>(key.merged, at_)))
               : part_at<double>(key.merged, at_);
    put(sum / static_cast<double>(count));
  }

 private:
  uint32_t gaps_, at_;
  bool whole_;
};
class DeviationResult final : public FloatResult {
 public:
  explicit DeviationResult(uint32_t at) : FloatResult(FLOW_FLOAT64), at_(at) {}
  void append(const KeyCells& key, CellMemory&) override {
    const auto& moments = part_at<MomentsPart::Moments>(key.merged, at_);
    if (moments.count < 2) return put_null();
    put(std::sqrt(moments.squares / static_cast<double>(moments.count - 1)));
  }

 private:
  uint32_t at_;
};
template <class Result, class T>
class ExtremeResult final : public Result {
 public:
  ExtremeResult(flow_type type, uint32_t gaps, uint32_t at) : Result(type), gaps_(gaps), at_(at) {}
  void append(const KeyCells& key, CellMemory&) override {
    if (values_in(key.merged, gaps_) == 0) return Result::put_null();
    Result::put(part_at<T>(key.merged, at_));
  }

 private:
  uint32_t gaps_, at_;
};

// Adds `count` words of each of `n` cells, two at a time.
template <class T>
void add_words(char* into, const char* from, size_t stride, size_t n, uint32_t count) {
  struct Pair {
    T first, second;
  };
  uint32_t word = 0;
  for (; word + 2 <= count; word += 2, into += sizeof(Pair), from += sizeof(Pair)) {
    for (size_t i = 0; i < n; ++i) {
      auto& to = *reinterpret_cast<Pair*>(into + i * stride);
      const auto add = *reinterpret_cast<const Pair*>(from + i * stride);
      to = {to.first + add.first, to.second + add.second};
    }
  }
  if (word == count) return;
  for (size_t i = 0; i < n; ++i) {
    *reinterpret_cast<T*>(into + i * stride) += *reinterpret_cast<const T*>(from + i * stride);
  }
}

}  // namespace

// By the bits, which compilers compare many at a time.
static bool has_nan(const double* numbers, int64_t rows) {
  constexpr int64_t kMagnitude = INT64_MAX;
  constexpr int64_t kInfinity = 0x7FF0'0000'0000'0000;
  int64_t nans = 0;
  for (int64_t row = 0; row < rows; ++row) {
    nans |= kInfinity - (std::bit_cast<int64_t>(numbers[row]) & kMagnitude);
  }
  return nans < 0;
}

const flow_column* FieldInput::bind(const Batch& in) {
  column_ = finder_.find(in);
  if (column_ == nullptr) return nullptr;
  validity_ = Validity(*column_);
  nulls_ = validity_.has_nulls();
  nans_ = false;
  if (column_->type == FLOW_FLOAT64) {
    const Float64View values(*column_);
    numbers_ = values.data();
    nans_ = has_nan(numbers_, in.rows());
  }
  return column_;
}

CellSet::CellSet(std::vector<AggregateCall> calls, std::string option)
    : calls_(std::move(calls)), option_(std::move(option)) {
  for (const AggregateCall& call : calls_) place_parts(call);
}

FieldInput& CellSet::field_of(const std::string& name) {
  for (const auto& field : fields_) {
    if (field->name() == name) return *field;
  }
  fields_.push_back(std::make_unique<FieldInput>(name));
  return *fields_.back();
}

template <class Part>
uint32_t CellSet::place(const std::string& identity, const FieldInput& field) {
  const std::string whole = identity + ' ' + field.name();
  for (const PlacedPart& known : parts_) {
    if (known.identity == whole) return known.at;
  }
  const uint32_t at = cell_bytes_;
  parts_.push_back({std::make_unique<Part>(field), at, whole});
  const CellPart& part = *parts_.back().part;
  if (part.has_init()) inits_.emplace_back(&part, at);
  cell_bytes_ += (part.bytes() + 7) / 8 * 8;
  return at;
}

// Called again for the results: what is there already answers with its place.
void CellSet::place_parts(const AggregateCall& call) {
  if (call.field.empty()) return;
  const FieldInput& field = field_of(call.field);
  switch (call.function) {
    case AggregateFunction::kCount:
      place<GapsPart>("gaps", field);
      break;
    case AggregateFunction::kSum:
    case AggregateFunction::kMean:
      place<GapsPart>("gaps", field);
      place<SumPart>("sum", field);
      break;
    case AggregateFunction::kMin:
      place<GapsPart>("gaps", field);
      place<ExtremePart<false>>("min", field);
      break;
    case AggregateFunction::kMax:
      place<GapsPart>("gaps", field);
      place<ExtremePart<true>>("max", field);
      break;
    case AggregateFunction::kStddev:
      place<MomentsPart>("moments", field);
      break;
    case AggregateFunction::kDistinct:
      place<DistinctPart>("distinct", field);
      break;
    case AggregateFunction::kQuantile:
      place<QuantilePart>("quantile", field);
      break;
    case AggregateFunction::kFirst:
      place<EdgePart<false>>("first", field);
      break;
    case AggregateFunction::kLast:
      place<EdgePart<true>>("last", field);
      break;
    case AggregateFunction::kTop:
      place<TopPart>("top", field);
      break;
  }
}

std::unique_ptr<CellResult> CellSet::make(const AggregateCall& call) {
  if (call.field.empty()) return std::make_unique<RowsResult>();
  const FieldInput& field = field_of(call.field);
  const flow_type type = field.type();
  const auto gaps = [&] { return place<GapsPart>("gaps", field); };
  const auto extreme = [&](uint32_t at) -> std::unique_ptr<CellResult> {
    if (type == FLOW_FLOAT64) {
      return std::make_unique<ExtremeResult<FloatResult, double>>(type, gaps(), at);
    }
    if (type == FLOW_TIMESTAMP) {
      return std::make_unique<ExtremeResult<TimeResult, int64_t>>(type, gaps(), at);
    }
    return std::make_unique<ExtremeResult<IntResult, int64_t>>(type, gaps(), at);
  };
  switch (call.function) {
    case AggregateFunction::kCount:
      return std::make_unique<ValuesResult>(gaps());
    case AggregateFunction::kSum:
      if (type == FLOW_FLOAT64) {
        return std::make_unique<FloatSumResult>(gaps(), place<SumPart>("sum", field));
      }
      return std::make_unique<IntSumResult>(gaps(), place<SumPart>("sum", field));
    case AggregateFunction::kMean:
      return std::make_unique<MeanResult>(gaps(), place<SumPart>("sum", field),
                                          type != FLOW_FLOAT64);
    case AggregateFunction::kMin:
      return extreme(place<ExtremePart<false>>("min", field));
    case AggregateFunction::kMax:
      return extreme(place<ExtremePart<true>>("max", field));
    case AggregateFunction::kStddev:
      return std::make_unique<DeviationResult>(place<MomentsPart>("moments", field));
    case AggregateFunction::kDistinct:
      return make_distinct_result(place<DistinctPart>("distinct", field));
    case AggregateFunction::kQuantile:
      return make_quantile_result(place<QuantilePart>("quantile", field), call.fraction);
    case AggregateFunction::kFirst:
      return make_edge_result(place<EdgePart<false>>("first", field), type, false);
    case AggregateFunction::kLast:
      return make_edge_result(place<EdgePart<true>>("last", field), type, true);
    case AggregateFunction::kTop:
      break;
  }
  return make_top_result(place<TopPart>("top", field), type, call.values);
}

void CellSet::make_results() {
  results_.clear();
  for (const AggregateCall& call : calls_) results_.push_back(make(call));
  make_sums();
}

std::vector<flow_type> CellSet::types() const {
  std::vector<flow_type> types;
  for (const auto& field : fields_) types.push_back(field->type());
  return types;
}

void CellSet::set_types(const std::vector<flow_type>& types) {
  for (size_t i = 0; i < fields_.size() && i < types.size(); ++i) fields_[i]->set_type(types[i]);
  make_results();
}

bool CellSet::bind(const Batch& in) {
  for (const auto& field : fields_) {
    if (field->bind(in) == nullptr) throw_missing_column(in.schema(), option_, field->name());
  }
  const bool news = known_.get() != &in.schema() && bind_types(in);
  for (const PlacedPart& part : parts_) part.part->bind(in);
  return news;
}

// True: types that were not known are known now.
bool CellSet::bind_types(const Batch& in) {
  bool news = results_.empty();
  for (const auto& field : fields_) {
    const flow_type type = value_type(field->column().type);
    if (field->type() != 0 && field->type() != type) {
      throw Failure(option_ + ": the field '" + field->name() + "' was " +
                    std::string(type_name(field->type())) + " and is now " +
                    std::string(type_name(type)) +
                    ": give it one type before, with the transform cast");
    }
    for (const AggregateCall& call : calls_) {
      if (call.field == field->name()) aggregate_type(call, type, option_);
    }
    news = news || field->type() != type;
    field->set_type(type);
  }
  if (news) make_results();
  known_ = Reference<const flow_schema>::share(&in.schema());
  return news;
}

void CellSet::make_sums() {
  sums_ = {{CellPart::Words::kIntegers, 0, 1, nullptr}};
  for (const PlacedPart& part : parts_) {
    const CellPart::Words words = part.part->words();
    const uint32_t count = (part.part->bytes() + 7) / 8;
    Sum& last = sums_.back();
    if (part.part->has_blocks()) continue;
    if (words != CellPart::Words::kOther && words == last.words &&
        last.at + last.count * 8 == part.at) {
      last.count += count;
    } else {
      sums_.push_back({words, part.at, count, part.part.get()});
    }
  }
}

void CellSet::merge(char* into, const char* from, size_t stride, size_t n) const {
  for (const Sum& sum : sums_) {
    char* const to = into + sum.at;
    const char* const add = from + sum.at;
    switch (sum.words) {
      case CellPart::Words::kIntegers:
        add_words<int64_t>(to, add, stride, n, sum.count);
        break;
      case CellPart::Words::kFloats:
        add_words<double>(to, add, stride, n, sum.count);
        break;
      case CellPart::Words::kOther:
        sum.part->merge(to, add, stride, n);
        break;
    }
  }
}

bool CellSet::has_blocks() const {
  return std::any_of(parts_.begin(), parts_.end(),
                     [](const PlacedPart& part) { return part.part->has_blocks(); });
}

void CellSet::release(char* cell, uint64_t hash, CellMemory& memory) const {
  for (const PlacedPart& part : parts_) part.part->release(cell + part.at, hash, memory);
}

void CellSet::take(Host host, std::vector<NewColumn>& columns) {
  for (size_t i = 0; i < calls_.size(); ++i) {
    columns.push_back({calls_[i].name, results_[i]->take(host)});
  }
}

}  // namespace flow::operators
