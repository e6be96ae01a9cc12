#include "operators/transforms/cast.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <utility>

#include "flow/utf8.hpp"
#include "operators/common/input_column.hpp"
#include "operators/common/json_scanner.hpp"
#include "operators/common/json_text.hpp"
#include "operators/common/json_value.hpp"
#include "operators/common/json_writer.hpp"
#include "operators/common/rfc3339.hpp"
#include "operators/common/text_source.hpp"
#include "operators/common/utf8_text.hpp"

namespace flow::operators {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kReadable = 16;

bool is_number(flow_type type) { return type == FLOW_INT64 || type == FLOW_FLOAT64; }
bool is_nested(flow_type type) { return type == FLOW_STRUCT || type == FLOW_LIST; }
bool can_be_cast(flow_type from, flow_type to) { return !is_nested(from) || to == FLOW_JSON; }

std::string no_cast(const std::string& name, flow_type type) {
  return "the column '" + name + "' is a " + std::string(type_name(type)) +
         ", which can be cast to json only; name a field inside a struct with a dot";
}

// A value of a column that is no text, as the codec json writes it, quotes aside.
class ValueText {
 public:
  explicit ValueText(const flow_column& column) : column_(column), validity_(column) {}

  bool is_null(int64_t row) const { return validity_.is_null(row); }
  // Lives until the next call.
  std::string_view operator[](int64_t row) {
    char* end = text_.data();
    switch (column_.type) {
      case FLOW_INT64:
        end = write_int64(end, Int64View(column_)[row]);
        break;
      case FLOW_FLOAT64:
        end = write_double(end, Float64View(column_)[row]);
        break;
      case FLOW_TIMESTAMP:
        end = format_rfc3339(Int64View(column_)[row], end);
        break;
      default: {
        const std::string_view word = BoolView(column_)[row] ? "true" : "false";
        std::memcpy(end, word.data(), word.size());
        end += word.size();
        break;
      }
    }
    return {text_.data(), static_cast<size_t>(end - text_.data())};
  }

 private:
  const flow_column& column_;
  Validity validity_;
  std::array<char, kNumberBytes + kWriteSlack> text_{};
};

// Conversions that are not those of the value's text. False: there is none, or the value does not
// fit; `done` tells which.
bool put_directly(TypedColumnBuilder& builder, const flow_column& column, int64_t row,
                  std::string_view text, bool& done) {
  const DeclaredField& field = builder.field();
  done = true;
  if (column.type == FLOW_TIMESTAMP && is_number(field.type)) {
    const int64_t value = Int64View(column)[row];
    if (field.type == FLOW_INT64) {
      builder.put_int64(row, value / kSecond - (value % kSecond < 0 ? 1 : 0));
    } else {
      builder.put_float64(row, static_cast<double>(value) / static_cast<double>(kSecond));
    }
    return true;
  }
  if (is_number(column.type) && field.type == FLOW_TIMESTAMP && !field.format) {
    const std::optional<int64_t> value = json_timestamp(text);
    if (value) builder.put_int64(row, *value);
    return value.has_value();
  }
  if (is_number(column.type) && field.type == FLOW_BOOL) {
    if (text != "0" && text != "1") return false;
    builder.put_bool(row, text == "1");
    return true;
  }
  if (column.type == FLOW_BOOL && is_number(field.type)) {
    return builder.put(row, text == "true" ? "1" : "0");
  }
  if (column.type == FLOW_INT64 && field.type == FLOW_FLOAT64) {
    builder.put_float64(row, static_cast<double>(Int64View(column)[row]));
    return true;
  }
  if (column.type == FLOW_TIMESTAMP && field.type == FLOW_JSON) {
    builder.put_text(row, json_quoted(text));
    return true;
  }
  done = false;
  return false;
}

// `column` with the one that `steps` lead to replaced.
flow::TypedColumn with_child(Host host, const flow_column& column, const flow_field& field,
                             std::span<const uint32_t> steps, const flow::TypedColumn& value) {
  if (steps.empty()) return value;
  const int64_t rows = column.array->length;
  StructBuilder builder(host, rows);
  if (const Validity validity(column); validity.has_nulls()) {
    for (int64_t row = 0; row < rows; ++row) {
      if (validity.is_null(row)) builder.set_null(row);
    }
  }
  Fields fields;
  for (uint32_t i = 0; i < field.n_children; ++i) {
    const flow_field& below = *field.children[i];
    flow::TypedColumn child{Column(Reference<const flow_column>::share(column.children[i])),
                            Type::of(below)};
    if (i == steps.front()) {
      child = with_child(host, *column.children[i], below, steps.subspan(1), value);
    }
    fields.emplace_back(below.name, child.type);
    builder.add(std::move(child.column));
  }
  return {builder.finish(), Type::structure(std::move(fields))};
}

const flow_field& field_at(const flow_schema& schema, const ColumnPath& path) {
  const flow_field* field = schema.fields[path.steps.front()];
  for (size_t i = 1; i < path.steps.size(); ++i) field = field->children[path.steps[i]];
  return *field;
}

Type with_child_type(const flow_field& field, std::span<const uint32_t> steps, const Type& type) {
  if (steps.empty()) return type;
  Fields fields;
  for (uint32_t i = 0; i < field.n_children; ++i) {
    const flow_field& below = *field.children[i];
    fields.emplace_back(below.name, i == steps.front()
                                        ? with_child_type(below, steps.subspan(1), type)
                                        : Type::of(below));
  }
  return Type::structure(std::move(fields));
}

}  // namespace

Cast::Shared::Shared(const Options& options, Host) : fields(options.fields, "cast: fields") {}

void Cast::describe(Description<Options>& d) {
  d.name("cast");
  d.summary("Gives fields other types.");
  d.traits(FLOW_STATELESS);
  d.doc(
      "Each field becomes a column of the named type in its old place: text, category, int, float, "
      "bool, timestamp or json. Texts, categories, bytes and JSON tokens are read as the codec "
      "`json` reads a value for its schema: `\"48.0\"` and 48 are the int 48, an int and a float "
      "are seconds since 1970 where a timestamp is wanted (a JSON number too), and a timestamp "
      "with "
      "`format` is read by it. Other values become text as the codec writes them; 0 and 1 are "
      "bools, and bools numbers; a timestamp becomes seconds since 1970, rounded down to an int. "
      "Lists and structs become json only: one text, which everything behind copies as it is. A "
      "null stays null, and a column that has the type already stays as it is.\n\n"
      "A value that does not fit sends its row to `errors` as `bad_type` with the field and the "
      "value, or becomes null with `on_unfit = \"null\"`, counted in `unfit_values`. Numbers cost "
      "about 10 ns a row, RFC 3339 times 25, each number or text inside a list some 20; texts stay "
      "views of the same buffers.");
  d.example(R"(type = "cast"
inputs = ["parsed"]
fields = { response = "int", bytes = "int", datetime = { type = "timestamp", format = "%d/%b/%Y:%H:%M:%S %z" } }
)");
  d.output("errors", "Rows with a value that does not fit, as they came in.");
  d.option("fields", &Options::fields,
           "The fields and their types, as in a schema: a type's name, or a table with `type` and, "
           "for a timestamp, `format` and `zone`. A dotted name reaches inside a struct.")
      .required();
  d.choice(
      "on_unfit", &Options::on_unfit, {{"fail", OnUnfit::kFail}, {"null", OnUnfit::kNull}},
      "What becomes of a value that does not fit: fail sends the row to `errors`, null goes on "
      "without the value.");
  d.choice("missing", &Options::missing, {{"error", Missing::kError}, {"ignore", Missing::kIgnore}},
           "What a field means that is not there: error stops the pipeline and says so, which "
           "finds misspelt names; ignore goes on without it, for JSON whose fields vary.");
}

void Cast::infer(const Options& options, Shared& shared, Inference& inference) {
  const flow_schema* const schema = inference.input();
  if (schema == nullptr) return;
  Fields fields = fields_of(*schema);
  for (const DeclaredField& field : shared.fields.fields()) {
    const ColumnPath path = find_column(*schema, field.name);
    if (path.steps.empty()) {
      if (inference.open() || options.missing == Missing::kIgnore) continue;
      inference.problem(OptionFailure("fields",
                                      "there is no column '" + field.name + "' in the input",
                                      missing_column_remedy(*schema, field.name), -1, field.name));
      continue;
    }
    if (!can_be_cast(path.type, field.type)) {
      inference.problem(
          OptionFailure("fields", no_cast(field.name, path.type), {}, -1, field.name));
      continue;
    }
    // Of two casts inside one struct the first has changed what the second begins with.
    const uint32_t top = path.steps.front();
    const flow::detail::FieldTree tree(fields[top].first, fields[top].second);
    fields[top].second =
        with_child_type(*tree.get(), std::span(path.steps).subspan(1), field.logical_type());
  }
  inference.output(fields, inference.open());
}

Cast::Cast(const Options& options, Shared& shared) : options_(options) {
  for (const DeclaredField& field : shared.fields.fields()) targets_.emplace_back(field);
}

void Cast::open(Output& out) {
  unfit_values_ =
      out.counter("unfit_values", "Values that did not fit their type and became null.");
}

void Cast::find_columns(const Batch& in) {
  if (schema_.get() == &in.schema()) return;
  for (Target& target : targets_) {
    const std::string& name = target.builder.field().name;
    target.path = find_column(in.schema(), name);
    if (target.path.steps.empty() && options_.missing == Missing::kError) {
      throw_missing_column(in.schema(), "cast: fields", name);
    }
    if (!target.path.steps.empty() && !can_be_cast(target.path.type, target.builder.field().type)) {
      throw Failure("cast: fields: " + no_cast(name, target.path.type));
    }
  }
  schema_ = Reference<const flow_schema>::share(&in.schema());
}

void Cast::refuse(const TypedColumnBuilder& builder, int64_t row, std::string_view text) {
  bad_.push_back({row, "field '" + builder.field().name + "': '" + beginning(text) + "' is no " +
                           std::string(type_name(builder.field().type))});
}

void Cast::convert_texts(TypedColumnBuilder& builder, const flow_column& column, Output& out) {
  const DeclaredField& field = builder.field();
  // Of JSON tokens, what they say; numbers can be told from texts only before.
  const bool seconds = column.type == FLOW_JSON && field.type == FLOW_TIMESTAMP && !field.format;
  said_ = column.type == FLOW_JSON ? text_of_json(out, column) : Column();
  const TextSource source(said_ ? *said_ : column);
  const TextSource tokens(column);
  builder.start(out, source.size(), &source.texts());
  for (int64_t row = 0; row < source.size(); ++row) {
    if (source.is_null(row)) continue;
    const flow_view& view = source.view(row);
    const std::string_view text = source.text(view);
    TextPlace place;
    if (view.length > FLOW_VIEW_INLINE) {
      place = {.from = source.base(view),
               .buffer = view.buffer,
               .offset = 0,
               .readable = view.offset + kReadable <= source.capacity(view)};
    }
    bool fits = source.promises_utf8() || is_valid_utf8(text);
    if (fits && seconds && !tokens[row].empty() && tokens[row].front() != '"') {
      const std::optional<int64_t> value = json_timestamp(text);
      if (value) builder.put_int64(row, *value);
      fits = value.has_value();
    } else if (fits) {
      fits = builder.put(row, text, place);
    }
    if (!fits) refuse(builder, row, text);
  }
}

void Cast::convert_values(TypedColumnBuilder& builder, const flow_column& column, Output& out) {
  ValueText texts(column);
  const bool is_float = column.type == FLOW_FLOAT64;
  builder.start(out, column.array->length);
  for (int64_t row = 0; row < column.array->length; ++row) {
    if (texts.is_null(row)) continue;
    if (is_float && !std::isfinite(Float64View(column)[row])) {
      refuse(builder, row, std::isnan(Float64View(column)[row]) ? "nan" : "infinity");
      continue;
    }
    const std::string_view text = texts[row];
    bool done = false;
    const bool fits = put_directly(builder, column, row, text, done);
    if (!fits && (done || !builder.put(row, text))) refuse(builder, row, text);
  }
}

void Cast::convert_nested(TypedColumnBuilder& builder, const flow_field& field,
                          const flow_column& column, Output& out) {
  const Validity validity(column);
  builder.start(out, column.array->length);
  for (int64_t row = 0; row < column.array->length; ++row) {
    if (validity.is_null(row)) continue;
    text_.clear();
    append_json_value(field, column, row, text_);
    builder.put_text(row, text_);
  }
}

flow::TypedColumn Cast::converted(Target& target, const Batch& in, Output& out) {
  const flow_column& column = *in.follow(target.path);
  if (column.type == target.builder.field().type) {
    return {Column(Reference<const flow_column>::share(&column)), Type::of(column.type)};
  }
  if (is_nested(column.type)) {
    convert_nested(target.builder, field_at(in.schema(), target.path), column, out);
  } else if (AnyTextView::accepts(column.type)) {
    convert_texts(target.builder, column, out);
  } else {
    convert_values(target.builder, column, out);
  }
  return target.builder.finish(column.array->length);
}

void Cast::process(const Batch& in, Output& out) {
  find_columns(in);
  bad_.clear();
  Batch cast = in;
  for (Target& target : targets_) {
    if (target.path.steps.empty()) continue;
    const flow::TypedColumn column = converted(target, cast, out);
    const uint32_t top = target.path.steps.front();
    const flow_field& field = *cast.schema().fields[top];
    cast =
        out.with(cast, {{field.name, with_child(out, cast.column(top), field,
                                                std::span(target.path.steps).subspan(1), column)}});
  }
  emit(in, cast, out);
}

void Cast::emit(const Batch& in, const Batch& cast, Output& out) {
  if (bad_.empty()) {
    out.emit(cast);
    return;
  }
  if (options_.on_unfit == OnUnfit::kNull) {
    unfit_values_.record(static_cast<double>(bad_.size()));
    out.emit(cast);
    return;
  }
  // The first bad value of each row, in the order of the rows.
  std::stable_sort(bad_.begin(), bad_.end(),
                   [](const BadValue& a, const BadValue& b) { return a.row < b.row; });
  std::vector<int32_t> good;
  size_t next = 0;
  for (int64_t row = 0; row < in.rows(); ++row) {
    if (next == bad_.size() || bad_[next].row != row) {
      good.push_back(static_cast<int32_t>(row));
      continue;
    }
    out.fail(in, row, "bad_type", bad_[next].message);
    while (next < bad_.size() && bad_[next].row == row) ++next;
  }
  if (!good.empty()) {
    out.emit(out.select(cast, good.data(), static_cast<int64_t>(good.size())));
  }
}

}  // namespace flow::operators
