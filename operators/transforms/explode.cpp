#include "operators/transforms/explode.hpp"

#include "operators/common/gather.hpp"
#include "operators/common/input_column.hpp"
#include "operators/common/json_array.hpp"

namespace flow::operators {

void Explode::describe(Description<Options>& d) {
  d.name("explode");
  d.summary("Makes a row of each element of a list.");
  d.doc(
      R"(The field's list is replaced by one of its elements; the other fields are repeated. The field is a list,
or undeclared JSON whose tokens are arrays (their elements are JSON tokens again; `null` among them is
null). `[{"id":7,"tags":["a","b"]}]` becomes two rows with the id 7.

The first row of a list is the input's row, the others count as created. Rows whose list is empty, null
or absent are dropped as "empty list", unless `keep_empty` passes them on with null. A JSON token that is no
array fails as `not_a_list`, one whose brackets or quotes do not match as `bad_json`.

Rows made from one row have its origin in common: in a dead letter each names the record that the list was
in. However long a list is, no more than 4,096 rows a batch come out, and as many batches as there is room for.
With nine other columns it costs about 7 ns a new row, of JSON 21; texts are not copied.)");
  d.example(R"(type = "explode"
inputs = ["orders"]
field = "items"
index = "item_number"
)");
  d.traits(FLOW_STATELESS);
  d.output("out", "A row for each element.");
  d.output("errors", "Rows whose JSON token is no array.");
  d.option("field", &Options::field,
           "The field with the lists: a whole column; a name with a dot does not reach inside a "
           "struct here.")
      .required();
  d.option("index", &Options::index,
           "The name of a new column with each element's number, from 0. Empty: no such column.");
  d.option("keep_empty", &Options::keep_empty,
           "Whether rows whose list is empty, null or absent are passed on, with null for the "
           "element, instead of dropped.");
}

void Explode::infer(const Options& options, Inference& inference) {
  const flow_schema* schema = inference.input();
  if (schema == nullptr) return;
  Fields added;
  const int64_t column = column_index(*schema, options.field.name);
  if (column < 0 && !inference.open() && !options.keep_empty) {
    throw OptionFailure("field", "there is no column '" + options.field.name + "' in the input",
                        missing_column_remedy(*schema, options.field.name), 0);
  }
  if (column < 0 && inference.open()) return;
  if (column >= 0) {
    const flow_field& field = *schema->fields[column];
    if (field.type != FLOW_LIST && field.type != FLOW_JSON) {
      throw OptionFailure("field",
                          "the column '" + options.field.name + "' is " +
                              std::string(type_name(field.type)) + ", but a list is needed",
                          {}, 0);
    }
    added.emplace_back(options.field.name,
                       field.type == FLOW_LIST ? Type::of(*field.children[0]) : Type::json());
  }
  if (!options.index.empty()) added.emplace_back(options.index, Type::int64());
  inference.with(added);
}

Explode::Explode(const Options& options) : options_(options) {
  if (options_.index == options_.field.name) {
    throw OptionFailure("index", "the elements are called '" + options_.index + "' already");
  }
}

void Explode::Piece::clear() {
  rows.clear();
  numbers.clear();
  elements.clear();
  created = empty = 0;
}

void Explode::Piece::add(int64_t row, int64_t number) {
  rows.push_back(static_cast<int32_t>(row));
  numbers.push_back(number);
  created += number > 0 ? 1 : 0;
}

void Explode::find(const Batch& in, Output& out) {
  if (schema_.get() == &in.schema()) return;
  column_ = column_index(in.schema(), options_.field.name);
  if (column_ < 0 && !warned_) {
    out.warn("explode: there is no field '" + options_.field.name +
             "'; rows without it count as rows with an empty list");
    warned_ = true;
  }
  others_.clear();
  for (uint32_t i = 0; i < in.column_count(); ++i) {
    if (i != column_) others_.emplace_back(i, in.schema().fields[i]->name);
  }
  schema_ = Reference<const flow_schema>::share(&in.schema());
}

void Explode::add_empty(int64_t row) {
  if (options_.keep_empty) {
    piece_.add(row, -1);
    piece_.elements.push_back(kNullRow);
  } else {
    ++piece_.empty;
  }
}

Column Explode::fill_lists(const Batch& in, const flow_column& column, Output& out) {
  const ListView lists(column);
  const auto size = [this] { return static_cast<int64_t>(piece_.rows.size()); };
  for (; row_ < in.rows() && size() < kBatchRows; ++row_) {
    const int64_t begin = lists.begin(row_);
    const int64_t length = lists.is_null(row_) ? 0 : lists.end(row_) - begin;
    if (length == 0) add_empty(row_);
    for (; element_ < length && size() < kBatchRows; ++element_) {
      piece_.add(row_, element_);
      piece_.elements.push_back(static_cast<int32_t>(begin + element_));
    }
    if (element_ < length) break;
    element_ = 0;
  }
  const auto& rows = piece_.elements;
  if (rows.empty()) return {};
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i] == kNullRow || rows[i] != rows[0] + static_cast<int32_t>(i)) {
      return gather_rows(out, lists.elements(), rows.data(), size());
    }
  }
  // The usual case: a stretch of the elements as it stands.
  const Type type = Type::of(*schema_->fields[column_]->children[0]);
  const Column all(Reference<const flow_column>::share(&lists.elements()));
  const Batch elements = out.make(all.rows(), {{"item", {all, type}}}, nullptr);
  return out.slice(elements, rows[0], size()).share_column(0);
}

Column Explode::fill_tokens(const Batch& in, const flow_column& column, Output& out) {
  const TextView tokens(column);
  TextBuilder builder(out, kBatchRows, FLOW_JSON);
  const int32_t shared = builder.share(column);
  for (; row_ < in.rows() && builder.size() < kBatchRows; ++row_) {
    const std::string_view token = tokens[row_];
    const bool begun = position_ > 0;
    if (!begun) {
      if (tokens.is_null(row_) || token == "null") {
        add_empty(row_);
        if (options_.keep_empty) builder.append_null();
        continue;
      }
      // Once a row has been passed on it cannot fail any more.
      JsonArrayScanner whole(token);
      int64_t length = 0;
      while (whole.next()) ++length;
      if (whole.broken()) {
        if (JsonArrayScanner::is_array(token)) {
          out.fail(in, row_, "bad_json",
                   options_.field.name + ": the array is broken at byte " +
                       std::to_string(whole.position()));
        } else {
          out.fail(in, row_, "not_a_list", options_.field.name + ": the JSON token is no array");
        }
        continue;
      }
      if (length == 0) {
        add_empty(row_);
        if (options_.keep_empty) builder.append_null();
        continue;
      }
    }
    JsonArrayScanner elements(token, position_);
    bool more = true;
    while (builder.size() < kBatchRows && (more = elements.next())) {
      const std::string_view element = elements.value();
      piece_.add(row_, element_++);
      if (element == "null") {
        builder.append_null();
      } else if (element.size() <= FLOW_VIEW_INLINE) {
        builder.append(element);
      } else {
        const flow_view& view = tokens.views()[row_];
        builder.append_shared(element, shared + view.buffer, token.data() - view.offset);
      }
    }
    position_ = elements.position();
    if (more) break;
    element_ = 0;
    position_ = 0;
  }
  return builder.finish();
}

void Explode::emit(const Batch& in, TypedColumn elements, Output& out) {
  const auto rows = static_cast<int64_t>(piece_.rows.size());
  // Without the lists, which are not to be repeated.
  Batch others = out.pick(in, others_);
  const bool as_it_was = rows == in.rows() && piece_.created == 0;
  if (!as_it_was) others = out.select(others, piece_.rows.data(), rows);
  std::vector<NewColumn> added;
  if (elements.column) added.push_back({options_.field.name, std::move(elements)});
  if (!options_.index.empty()) {
    Int64Builder numbers(out, rows);
    for (const int64_t number : piece_.numbers) {
      if (number < 0) {
        numbers.append_null();
      } else {
        numbers.append(number);
      }
    }
    added.push_back({options_.index, {numbers.finish(), Type::int64()}});
  }
  Batch result = added.empty() ? others : out.with(others, added);
  if (column_ >= 0) {
    // The elements to where the lists were.
    PickedColumns order;
    const auto place = static_cast<uint32_t>(column_);
    const auto last = static_cast<uint32_t>(others_.size());
    for (uint32_t i = 0; i < result.column_count(); ++i) {
      const uint32_t from = i < place || i > last ? i : i == place ? last : i - 1;
      order.emplace_back(from, result.schema().fields[from]->name);
    }
    result = out.pick(result, order);
  }
  out.emit_mixed(result, piece_.created);
}

Status Explode::consume(uint32_t, const Batch& in, Output& out) {
  find(in, out);
  const flow_column* column = column_ < 0 ? nullptr : &in.column(static_cast<uint32_t>(column_));
  if (column != nullptr && column->type != FLOW_LIST && column->type != FLOW_JSON) {
    throw Failure("explode: the field '" + options_.field.name + "' is " +
                  std::string(type_name(column->type)) + ", but a list is needed");
  }
  while (row_ < in.rows()) {
    if (out.room() <= 0) return Status::kMore;
    piece_.clear();
    TypedColumn elements{Column(), Type::json()};
    if (column == nullptr) {
      for (; row_ < in.rows(); ++row_) add_empty(row_);
    } else if (column->type == FLOW_LIST) {
      elements.type = Type::of(*in.schema().fields[column_]->children[0]);
      elements.column = fill_lists(in, *column, out);
    } else {
      elements.column = fill_tokens(in, *column, out);
    }
    if (!piece_.rows.empty()) emit(in, std::move(elements), out);
    out.drop(piece_.empty, "empty list");
  }
  row_ = 0;
  return Status::kDone;
}

}  // namespace flow::operators
