#include "operators/transforms/recommend_columns.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include "flow/builder.hpp"
#include "operators/common/json_text.hpp"
#include "operators/common/json_writer.hpp"

namespace flow::operators {
namespace {

// Scores are told to six decimals: half as many bytes where they are written, and the other digits
// say nothing.
constexpr double kScoreUnits = 1e6;

using recommend::Reason;
using IdKind = recommend::Recommender::IdKind;

// The longest reason, with two numbers of ten digits.
constexpr size_t kLongestReason = 64;
// What JSON adds to an element, with its number and score.
constexpr size_t kElementBytes = 128;

char* write(char* out, std::string_view text) { return std::copy(text.begin(), text.end(), out); }

char* write(char* out, uint32_t number) { return std::to_chars(out, out + 10, number).ptr; }

// In words that need no escaping, at most kLongestReason bytes.
char* write_reason(char* out, const Reason& reason) {
  switch (reason.kind) {
    case Reason::Kind::kTogether:
      out = write(write(out, "seen together in "), reason.count);
      return write(write(write(out, " of "), reason.of), " similar sessions");
    case Reason::Kind::kFollowed: {
      // With one digit behind the point.
      const uint32_t tenths = reason.count / (recommend::SequentialRules::kUnit / 10);
      out = write(write(out, "went together "), tenths / 10);
      *out++ = '.';
      return write(write(out, tenths % 10), " times");
    }
    case Reason::Kind::kRepeated:
      if (reason.count == 0) return write(out, "the item just clicked");
      out = write(write(out, "clicked "), reason.count);
      return write(out, reason.count == 1 ? " click ago" : " clicks ago");
    case Reason::Kind::kPopular:
      return write(write(write(out, "clicked "), reason.count), " times by all");
  }
  return out;
}

double told_score(double score) { return std::floor(score * kScoreUnits + 0.5) / kScoreUnits; }

Type item_type(IdKind kind) {
  if (kind == IdKind::kInteger) return Type::int64();
  return kind == IdKind::kBinary ? Type::binary() : Type::text();
}

Column text_column(Host host, const std::string& bytes, const std::vector<size_t>& ends,
                   flow_type type) {
  TextBuilder builder(host, static_cast<int64_t>(ends.size()), type);
  size_t begin = 0;
  for (const size_t end : ends) {
    builder.append(std::string_view(bytes).substr(begin, end - begin));
    begin = end;
  }
  return builder.finish();
}

}  // namespace

IdColumn::Rows IdColumn::read(const Batch& in, Host host) {
  Rows rows;
  const flow_column* column = finder_.find(in);
  if (column == nullptr) return rows;
  if (column->type == FLOW_INT64) {
    rows.numbers.emplace(*column);
    rows.kind = IdKind::kInteger;
    return rows;
  }
  if (!AnyTextView::accepts(column->type)) {
    throw Failure("recommend: " + option_ + ": column '" + name() + "' is " +
                  std::string(type_name(column->type)) + ", but ids are int64 or text");
  }
  if (column->type == FLOW_JSON) {
    converted_ = text_of_json(host, *column);
    column = converted_.get();
  }
  rows.texts.emplace(*column);
  rows.kind = column->type == FLOW_BINARY ? IdKind::kBinary : IdKind::kText;
  return rows;
}

Type RecommendColumns::list_type(const Type& item, bool as_json) {
  if (as_json) return Type::json();
  return Type::list(
      Type::structure({{"item", item}, {"score", Type::float64()}, {"reason", Type::text()}}));
}

void RecommendColumns::begin(IdKind items, int64_t rows) {
  kind_ = items;
  for (auto* flags : {&predicted_, &shown_, &has_list_}) {
    flags->clear();
    flags->reserve(static_cast<size_t>(rows));
  }
  ranks_.clear();
  ends_.clear();
  numbers_.clear();
  text_ends_.clear();
  reason_ends_.clear();
  texts_.clear();
  reason_texts_.clear();
  scores_.clear();
  json_size_ = 0;
}

void RecommendColumns::add_no_list() {
  has_list_.push_back(0);
  ends_.push_back(static_cast<int64_t>(chosen_.as_json ? json_size_ : scores_.size()));
}

void RecommendColumns::add_list(const std::vector<recommend::Ranked>& list,
                                const std::vector<Reason>& reasons, recommend::ItemStore& items) {
  if (chosen_.as_json) return add_json(list, reasons, items);
  for (size_t i = 0; i < list.size(); ++i) {
    const std::string_view id = items.id(list[i].item);
    if (kind_ == IdKind::kInteger) {
      int64_t number = 0;
      std::memcpy(&number, id.data(), sizeof number);
      numbers_.push_back(number);
    } else {
      texts_ += id;
      text_ends_.push_back(texts_.size());
    }
    scores_.push_back(told_score(list[i].score));
    char reason[kLongestReason];
    reason_texts_.append(reason, write_reason(reason, reasons[i]));
    reason_ends_.push_back(reason_texts_.size());
  }
  has_list_.push_back(1);
  ends_.push_back(static_cast<int64_t>(scores_.size()));
}

char* RecommendColumns::room(size_t bytes) {
  if (json_.size() - json_size_ < bytes) json_.resize(2 * json_.size() + bytes);
  return json_.data() + json_size_;
}

char* RecommendColumns::write_id(char* out, std::string_view id) const {
  if (kind_ == IdKind::kInteger) {
    int64_t number = 0;
    std::memcpy(&number, id.data(), sizeof number);
    return write_int64(out, number);
  }
  *out++ = '"';
  out = kind_ == IdKind::kBinary ? write_base64(out, id) : write_escaped(out, id);
  *out++ = '"';
  return out;
}

// As the codec `json` writes the list.
void RecommendColumns::add_json(const std::vector<recommend::Ranked>& list,
                                const std::vector<Reason>& reasons, recommend::ItemStore& items) {
  const auto written = [this](const char* end) {
    json_size_ = static_cast<size_t>(end - json_.data());
  };
  written(write(room(1), "["));
  for (size_t i = 0; i < list.size(); ++i) {
    const std::string_view id = items.id(list[i].item);
    char* out = room(id.size() * kEscapeExpansion + kElementBytes + kLongestReason + kWriteSlack);
    out = write_id(write(out, i == 0 ? R"({"item":)" : R"(,{"item":)"), id);
    out = write_double(write(out, R"(,"score":)"), told_score(list[i].score));
    out = write_reason(write(out, R"(,"reason":")"), reasons[i]);
    written(write(out, R"("})"));
  }
  written(write(room(1), "]"));
  has_list_.push_back(1);
  ends_.push_back(static_cast<int64_t>(json_size_));
}

Column RecommendColumns::json_lists(Host host) const {
  TextBuilder lists(host, static_cast<int64_t>(ends_.size()), FLOW_JSON);
  size_t begin = 0;
  for (size_t row = 0; row < ends_.size(); ++row) {
    const auto end = static_cast<size_t>(ends_[row]);
    if (has_list_[row] != 0) {
      lists.append({json_.data() + begin, end - begin});
    } else {
      lists.append_null();
    }
    begin = end;
  }
  return lists.finish();
}

TypedColumn RecommendColumns::recommendations(Host host) const {
  if (chosen_.as_json) return {json_lists(host), Type::json()};
  const auto elements = static_cast<int64_t>(scores_.size());
  StructBuilder structs(host, elements);
  if (kind_ == IdKind::kInteger) {
    Int64Builder items(host, elements);
    for (const int64_t number : numbers_) items.append(number);
    structs.add(items.finish());
  } else {
    structs.add(text_column(host, texts_, text_ends_, item_type(kind_).id()));
  }
  Float64Builder scores(host, elements);
  for (const double score : scores_) scores.append(score);
  structs.add(scores.finish());
  structs.add(text_column(host, reason_texts_, reason_ends_, FLOW_TEXT));
  ListBuilder lists(host, static_cast<int64_t>(ends_.size()));
  for (size_t row = 0; row < ends_.size(); ++row) {
    if (has_list_[row] != 0) {
      lists.append(ends_[row]);
    } else {
      lists.append_null();
    }
  }
  return {lists.finish(structs.finish()), list_type(item_type(kind_), false)};
}

TypedColumn RecommendColumns::models(Host host, int64_t rows) {
  if (!model_dictionary_) {
    TextBuilder names(host, 1);
    names.append(model_);
    model_dictionary_ = names.finish();
  }
  CategoryBuilder models(host, rows, model_dictionary_);
  for (int64_t row = 0; row < rows; ++row) models.append(0);
  return {models.finish(), Type::category()};
}

Batch RecommendColumns::finish(const Batch& in, Output& out) {
  std::vector<NewColumn> columns;
  const int64_t rows = in.rows();
  if (chosen_.lists) columns.push_back({"recommendations", recommendations(out)});
  columns.push_back({"model", models(out, rows)});
  if (chosen_.ranks) {
    Int64Builder ranks(out, rows);
    BoolBuilder predicted(out, rows);
    for (size_t row = 0; row < ranks_.size(); ++row) {
      if (ranks_[row] != 0) {
        ranks.append(ranks_[row]);
      } else {
        ranks.append_null();
      }
      predicted.append(predicted_[row] != 0);
    }
    columns.push_back({"rank", {ranks.finish(), Type::int64()}});
    columns.push_back({"predicted", {predicted.finish(), Type::boolean()}});
  }
  if (chosen_.lists) {
    BoolBuilder shown(out, rows);
    for (const uint8_t flag : shown_) shown.append(flag != 0);
    columns.push_back({"recommended_before", {shown.finish(), Type::boolean()}});
  }
  return out.with(in, columns);
}

}  // namespace flow::operators
