#include "operators/transforms/recommend_columns.hpp"

#include <charconv>
#include <cmath>
#include <cstring>

#include "flow/builder.hpp"
#include "operators/common/json_text.hpp"

namespace flow::operators {
namespace {

// Scores are told to six decimals: half as many bytes where they are written, and the other digits
// say nothing.
constexpr double kScoreUnits = 1e6;

using recommend::Reason;
using IdKind = recommend::Recommender::IdKind;

// What a reason needs at most.
constexpr size_t kLongestReason = 64;

char* put(char* out, std::string_view text) {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

char* put_number(char* out, uint32_t number) { return std::to_chars(out, out + 10, number).ptr; }

// With one digit behind the point.
char* put_tenths(char* out, uint32_t tenths) {
  out = put_number(out, tenths / 10);
  *out++ = '.';
  return put_number(out, tenths % 10);
}

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

Type RecommendColumns::list_type(const Type& item) {
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
}

void RecommendColumns::add_no_list() {
  has_list_.push_back(0);
  ends_.push_back(static_cast<int64_t>(scores_.size()));
}

char* RecommendColumns::write_reason(const Reason& reason, char* out) {
  switch (reason.kind) {
    case Reason::Kind::kTogether:
      out = put_number(put(out, "seen together in "), reason.count);
      return put(put_number(put(out, " of "), reason.of), " similar sessions");
    case Reason::Kind::kFollowed:
      // Tenths of direct successions.
      out = put_tenths(put(out, "went together "),
                       reason.count / (recommend::SequentialRules::kUnit / 10));
      return put(out, " times");
    case Reason::Kind::kRepeated:
      if (reason.count == 0) return put(out, "the item just clicked");
      out = put_number(put(out, "clicked "), reason.count);
      return put(out, reason.count == 1 ? " click ago" : " clicks ago");
    case Reason::Kind::kPopular:
      return put(put_number(put(out, "clicked "), reason.count), " times by all");
  }
  return out;
}

void RecommendColumns::add_list(const std::vector<recommend::Ranked>& list,
                                const std::vector<Reason>& reasons, recommend::ItemStore& items) {
  const size_t known = reason_texts_.size();
  reason_texts_.resize(known + list.size() * kLongestReason);
  char* reason = reason_texts_.data() + known;
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
    scores_.push_back(std::floor(list[i].score * kScoreUnits + 0.5) / kScoreUnits);
    reason = write_reason(reasons[i], reason);
    reason_ends_.push_back(static_cast<size_t>(reason - reason_texts_.data()));
  }
  reason_texts_.resize(static_cast<size_t>(reason - reason_texts_.data()));
  has_list_.push_back(1);
  ends_.push_back(static_cast<int64_t>(scores_.size()));
}

TypedColumn RecommendColumns::recommendations(Host host) const {
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
  return {lists.finish(structs.finish()), list_type(item_type(kind_))};
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
