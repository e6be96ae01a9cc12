// What the transform `recommend` reads of ids and writes as columns.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flow/output.hpp"
#include "operators/common/recommend/recommender.hpp"

namespace flow::operators {

// A column of ids: int64, or what reads as text.
class IdColumn {
 public:
  static constexpr size_t kLongest = 1024;  // bytes

  struct Rows {
    // Good until the next call.
    std::string_view id(int64_t row) {
      if (texts) return (*texts)[row];
      number = (*numbers)[row];
      return {reinterpret_cast<const char*>(&number), sizeof number};
    }
    // A column that the batch does not have is null in every row.
    bool is_null(int64_t row) const {
      return texts ? texts->is_null(row) : !numbers || numbers->is_null(row);
    }
    std::optional<int64_t> order() const { return texts ? std::nullopt : std::optional(number); }

    std::optional<Int64View> numbers;
    std::optional<AnyTextView> texts;
    recommend::Recommender::IdKind kind = recommend::Recommender::IdKind::kUnknown;
    int64_t number = 0;
  };

  IdColumn(std::string option, std::string column)
      : option_(std::move(option)), finder_(std::move(column)) {}

  // Of a batch; lives as long as it, or until the next call. Throws Failure for a column of another
  // type.
  Rows read(const Batch& in, Host host);
  const std::string& option() const { return option_; }
  const std::string& name() const { return finder_.name(); }

 private:
  std::string option_;
  ColumnFinder finder_;
  Column converted_;
};

// The columns of one batch, row by row.
class RecommendColumns {
 public:
  // Which of them there are.
  struct Chosen {
    bool lists = true;
    bool ranks = true;
    bool as_json = false;  // the lists
  };
  RecommendColumns(Chosen chosen, std::string model) : chosen_(chosen), model_(std::move(model)) {}

  // Of the column `recommendations`.
  static Type list_type(const Type& item, bool as_json);

  void begin(recommend::Recommender::IdKind items, int64_t rows);
  // One row: each of these once.
  void add_rank(bool predicted, uint32_t rank) {
    predicted_.push_back(predicted ? 1 : 0);
    ranks_.push_back(rank);
  }
  void add_shown(bool shown) { shown_.push_back(shown ? 1 : 0); }
  void add_no_list();
  void add_list(const std::vector<recommend::Ranked>& list,
                const std::vector<recommend::Reason>& reasons, recommend::ItemStore& items);

  // The batch, of as many rows as were added, with the columns.
  Batch finish(const Batch& in, Output& out);

 private:
  void add_json(const std::vector<recommend::Ranked>& list,
                const std::vector<recommend::Reason>& reasons, recommend::ItemStore& items);
  char* write_id(char* out, std::string_view id) const;
  // Room for so many bytes behind the texts of the lists.
  char* room(size_t bytes);
  TypedColumn recommendations(Host host) const;
  Column json_lists(Host host) const;
  TypedColumn models(Host host, int64_t rows);

  Chosen chosen_;
  std::string model_;
  Column model_dictionary_;
  recommend::Recommender::IdKind kind_ = recommend::Recommender::IdKind::kUnknown;
  std::vector<uint8_t> predicted_, shown_, has_list_;
  std::vector<uint32_t> ranks_;
  // Lists as JSON, one behind the other: `ends_` are those of the texts.
  std::string json_;
  size_t json_size_ = 0;
  // Else elements of all lists, and where each row's end.
  std::vector<int64_t> ends_;
  std::vector<int64_t> numbers_;
  std::vector<size_t> text_ends_, reason_ends_;
  std::string texts_, reason_texts_;
  std::vector<double> scores_;
};

}  // namespace flow::operators
