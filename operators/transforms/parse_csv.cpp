#include "operators/transforms/parse_csv.hpp"

#include <memory>
#include <utility>

#include "operators/common/csv_reader.hpp"
#include "operators/common/field_rows.hpp"

namespace flow::operators {
namespace {

// One record a text.
class CsvRowParser final : public RowParser {
 public:
  CsvRowParser(const CsvDialect& dialect, const std::vector<DeclaredField>& fields,
               std::string null_text)
      : reader_(dialect, INT32_MAX),
        rows_(fields),
        fields_(fields),
        null_text_(std::move(null_text)),
        cells_(fields.size() + 1) {}

  void start(Host host, int64_t rows, const flow_column& texts) override {
    rows_.start(host, rows, texts);
  }
  const char* add(std::string_view text, const TextPlace& place) override {
    reader_.clear_own();
    reader_.start(text);
    const auto width = static_cast<uint32_t>(fields_.size());
    const CsvRecord record = text.empty() ? CsvRecord{0, 0, 0, 0, CsvFault::kNone, 0}
                                          : reader_.read(cells_.data(), width);
    if (record.fault == CsvFault::kNone && record.next < text.size()) {
      message_ =
          "the text goes on behind its first record, at byte " + std::to_string(record.next + 1);
      return "more_than_one_record";
    }
    if (record.fault != CsvFault::kNone) {
      message_ = csv_fault_message(record, INT32_MAX, true);
      return csv_fault_reason(record.fault);
    }
    if (record.fields != width) {
      message_ = csv_width_message(record.fields, width);
      return csv_width_reason(record.fields, width);
    }
    for (uint32_t i = 0; i < width; ++i) {
      if (const char* const reason = put(i, text, place); reason != nullptr) {
        rows_.forget_row();
        return reason;
      }
    }
    rows_.end_row();
    return nullptr;
  }
  std::vector<NewColumn> finish() override { return rows_.finish(); }

 private:
  const char* put(uint32_t number, std::string_view text, const TextPlace& place) {
    const CsvCell& cell = cells_[number];
    const bool is_own = cell.is_own();
    const auto length = static_cast<size_t>(cell.length);
    const std::string_view value =
        is_own
            ? std::string_view(reader_.own()).substr(static_cast<size_t>(cell.own_begin()), length)
            : text.substr(static_cast<size_t>(cell.begin), length);
    const flow_type type = fields_[number].type;
    const bool is_null = null_text_.empty() ? value.empty() && !is_own : value == null_text_;
    if (is_null || (value.empty() && type != FLOW_TEXT && type != FLOW_CATEGORY)) return nullptr;
    const FieldRows::Result result = rows_.put(number, value, is_own ? TextPlace() : place);
    if (result == FieldRows::Result::kDone) return nullptr;
    message_ = rows_.complaint(result, fields_[number].name, value);
    return FieldRows::reason(result);
  }

  CsvReader reader_;
  FieldRows rows_;
  const std::vector<DeclaredField>& fields_;
  std::string null_text_;
  std::vector<CsvCell> cells_;
};

}  // namespace

ParseCsv::Shared::Shared(const Options& options, Host)
    : dialect(CsvDialect::of(options.delimiter, options.quote, "")) {
  dialect.trim = options.trim;
  const DeclaredSchema schema(options.schema, "parse_csv: schema");
  std::vector<std::string> names;
  names.reserve(options.fields.size());
  for (const Field& field : options.fields) names.push_back(field.name);
  if (names.empty()) {
    throw OptionFailure("fields", "are needed", "name the columns in the order of the records");
  }
  if (csv_column_names(names) != names) {
    throw OptionFailure("fields", "a name is empty, or stands there twice");
  }
  fields = declared_fields(names, schema);
}

void ParseCsv::describe(Description<Options>& d) {
  d.name("parse_csv");
  d.summary("Takes records of comma-separated values in a field apart.");
  d.traits(FLOW_STATELESS);
  d.doc(std::string("Adds a column for each of `fields`, text unless `schema` declares it; the "
                    "column that was parsed is left out. ") +
        kCsvRecordsDoc +
        " Each text is one record: one that goes on behind a line end outside of quotes fails with "
        "`more_than_one_record`, a null with `null_text`. Texts are views into the input: about "
        "80 ns for a record of ten fields. The codec `csv` reads files, with their headers.");
  d.example(R"(type = "parse_csv"
inputs = ["lines"]
fields = ["at", "country", "amount"]
schema = { at = "timestamp", amount = "float" }
)");
  d.output("errors", "Rows whose text is no such record, as they came in.");
  describe_parse_target(d);
  d.option("fields", &Options::fields, "The names of a record's fields, in their order.")
      .required();
  d.option("schema", &Options::schema,
           std::string("A type for each field that is to have one. ") + kSchemaTypesDoc);
  d.option("delimiter", &Options::delimiter,
           "The character between two fields, eg \";\", \"|\" or \"\\t\".");
  d.option("quote", &Options::quote,
           "The character around fields that hold a delimiter or a line end; \"\" for none.");
  d.option("trim", &Options::trim,
           "Leaves out spaces and tabs around fields, outside of quotes. About 2 ns a field.");
  d.option("null", &Options::null_text,
           "The text of a field without a value, eg \"NULL\". By default an empty field without "
           "quotes. A field of a declared type other than text and category is null when empty, "
           "too.");
}

void ParseCsv::infer(const Options& options, Shared& shared, Inference& inference) {
  Fields added;
  for (const DeclaredField& field : shared.fields) {
    added.emplace_back(field.name, field.logical_type());
  }
  ParseTarget{options.field.name, options.prefix, options.keep_source}.infer(
      inference, std::move(added), false);
}

ParseCsv::ParseCsv(const Options& options, Shared& shared)
    : ParseTransform(
          {options.field.name, options.prefix, options.keep_source},
          std::make_unique<CsvRowParser>(shared.dialect, shared.fields, options.null_text)) {}

}  // namespace flow::operators
