#include "operators/transforms/parse_json.hpp"

#include <utility>

#include "operators/common/text_source.hpp"

namespace flow::operators {
namespace {

constexpr const char* kSchema = "parse_json: schema";

ParseTarget target_of(const ParseJson::Options& options) {
  return {options.field.name, options.prefix, options.keep_source};
}

}  // namespace

ParseJson::Shared::Shared(const Options& options, Host) : schema(options.schema, kSchema) {
  if (!options.into.empty() && !options.prefix.empty()) {
    throw Failure("parse_json: into and prefix are both given; choose one");
  }
  // For its complaints, before anything runs.
  const JsonRows rows(schema, options.undeclared, options.max_fields, kSchema);
}

void ParseJson::describe(Description<Options>& d) {
  d.name("parse_json");
  d.summary("Takes JSON objects in a field apart.");
  d.traits(FLOW_STATELESS);
  d.doc(
      "Each object's fields become columns as by the codec `json`: those that `schema` declares "
      "come first, are there in every batch and have their type, the others keep their JSON token. "
      "A declared field replaces a column of the input with its name; an undeclared one is left "
      "out in favour of it, and counted in `hidden_values`. The column that was parsed is left out "
      "of the output, unless a field has its name.\n\n" +
      std::string(kSchemaTypesDoc) +
      " A number is a timestamp, too: seconds since 1970, or what the format says. A table or a "
      "dotted name in `schema` declares fields of an object, which becomes a struct.\n\n"
      "Rows go to `errors` as `bad_json` (no JSON object; with the column of the mistake), "
      "`bad_type` (a value that does not fit its declared type; with the field), "
      "`too_many_fields`, or `null_text`. Invalid UTF-8 is repaired and counted. An undeclared "
      "JSON field with an object, or with a text that holds one, can be parsed as well.\n\n"
      "Texts without escapes are views into the input, nothing is copied: about 200 ns for an "
      "object of 300 bytes and a dozen fields.");
  d.example(R"(type = "parse_json"
inputs = ["lines"]
field = "message"
schema = { time = "timestamp", status = "int", user = { id = "text", age = "int" } }
)");
  d.output("errors", "Rows whose text is no JSON object or does not fit, as they came in.");
  d.option("field", &Options::field,
           "The column with the objects: text, bytes, a category or JSON. A dotted name reaches "
           "inside a struct, which stays as it is.");
  d.option("schema", &Options::schema,
           "A type for each field that is to have one: text, category, int, float, bool, "
           "timestamp, json, a table with `type`, `format` and `zone`, or a table of the fields of "
           "an object. Declare what is computed with.");
  d.choice("undeclared", &Options::undeclared,
           {{"keep", Undeclared::kKeep}, {"drop", Undeclared::kDrop}},
           "Whether fields that `schema` does not declare are kept as JSON tokens, or left out, "
           "which saves their columns. Either way they must be valid JSON.");
  d.option("prefix", &Options::prefix,
           "Stands in front of the name of each new column, against clashes with those of the "
           "input. Costs nothing.");
  d.option("into", &Options::into,
           "The name of one new struct column that takes all fields, instead of a column each.");
  d.option("keep_source", &Options::keep_source,
           "Keeps the column that was parsed. Costs nothing here, and its length to encode for "
           "each row at the end.");
  d.option("max_fields", &Options::max_fields,
           std::string("The most fields of one row, counting all declared ones. A row with a "
                       "field beyond them goes to `errors` as `too_many_fields`. ") +
               kBatchWidthDoc)
      .range(1, 65536);
}

void ParseJson::infer(const Options& options, Shared& shared, Inference& inference) {
  const JsonRows rows(shared.schema, options.undeclared, options.max_fields, kSchema);
  Fields added = rows.certain_fields();
  if (!options.into.empty()) {
    if (rows.is_open()) {
      added.clear();
    } else {
      added = {{options.into, Type::structure(std::move(added))}};
    }
  }
  target_of(options).infer(inference, std::move(added), rows.is_open());
}

ParseJson::ParseJson(const Options& options, Shared& shared)
    : target_(target_of(options)),
      into_(options.into),
      declared_(options.into.empty() ? shared.schema.fields().size() : 1),
      input_("field", options.field.name),
      rows_(shared.schema, options.undeclared, options.max_fields, kSchema) {}

void ParseJson::open(Output& out) {
  invalid_utf8_rows_ =
      out.counter("invalid_utf8_rows", "Rows whose text had invalid UTF-8 that was repaired.");
  hidden_values_ = out.counter("hidden_values", kHiddenValuesDoc);
}

// The rows from `row` on, as many as one batch holds. Returns the row behind them.
int64_t ParseJson::parse(const flow_column& column, int64_t row, Output& out) {
  const TextSource source(column);
  rows_.start(out, room_.rows(source.size() - row), source.texts());
  bad_.clear();
  good_.clear();
  for (; row < source.size(); ++row) {
    if (source.is_null(row)) {
      bad_.push_back({row, "null_text", "the text is null"});
      continue;
    }
    const flow_view& view = source.view(row);
    if (const char* const reason = rows_.add(source.text(view), view.buffer); reason != nullptr) {
      if (reason == kBatchFull) break;
      bad_.push_back({row, reason, rows_.message()});
    } else {
      good_.push_back(static_cast<int32_t>(row));
    }
  }
  return row;
}

// The new columns, in one struct if there is to be one.
std::vector<NewColumn> ParseJson::gathered(std::vector<NewColumn> columns, int64_t rows,
                                           Output& out) {
  if (into_.empty()) return columns;
  StructBuilder builder(out, rows);
  Fields fields;
  for (NewColumn& column : columns) {
    fields.emplace_back(column.name, column.column.type);
    builder.add(std::move(column.column.column));
  }
  return {{into_, {builder.finish(), Type::structure(std::move(fields))}}};
}

Status ParseJson::consume(uint32_t, const Batch& in, Output& out) {
  while (!process_some(in, out)) {
    if (out.room() < 1) return Status::kMore;
  }
  return Status::kDone;
}

void ParseJson::process(const Batch& in, Output& out) {
  while (!process_some(in, out)) {
  }
}

// Emits a batch of the next rows. False: there are more.
bool ParseJson::process_some(const Batch& in, Output& out) {
  const int64_t next = parse(input_.find(in, out), std::exchange(next_row_, 0), out);
  emit(in, out);
  if (next == in.rows()) return true;
  room_.full(rows_.rows());
  next_row_ = next;
  return false;
}

// What parse() found.
void ParseJson::emit(const Batch& in, Output& out) {
  if (rows_.repaired_rows() > 0) {
    invalid_utf8_rows_.record(static_cast<double>(rows_.repaired_rows()));
  }
  for (const BadRow& bad : bad_) out.fail(in, bad.row, bad.reason, bad.message);
  if (good_.empty()) return;
  const auto rows = static_cast<int64_t>(good_.size());
  const Batch kept = rows == in.rows() ? in : out.select(in, good_.data(), rows);
  int64_t hidden = 0;
  out.emit(target_.assemble(kept, gathered(rows_.finish(), rows, out), declared_, out, hidden));
  if (hidden > 0) hidden_values_.record(static_cast<double>(hidden));
}

}  // namespace flow::operators
