#include "operators/codecs/csv.hpp"

#include <utility>

namespace flow::operators {
namespace {

std::vector<std::string> names_of(const std::vector<Field>& fields) {
  std::vector<std::string> names;
  names.reserve(fields.size());
  for (const Field& field : fields) names.push_back(field.name);
  return names;
}

}  // namespace

Csv::Shared::Shared(const Options& options, Host) : declared(options.schema, "csv: schema") {
  decoder.dialect = CsvDialect::of(options.delimiter, options.quote, options.comment);
  decoder.dialect.trim = options.trim;
  decoder.dialect.multiline = options.multiline;
  decoder.max_record = options.max_record.bytes;
  decoder.max_fields = options.max_fields;
  decoder.header = options.header;
  decoder.names = names_of(options.fields);
  decoder.null_text = options.null_text;
  if (!decoder.names.empty() && csv_column_names(decoder.names) != decoder.names) {
    throw OptionFailure("fields", "a name is empty, or stands there twice");
  }
}

void Csv::describe(Description<Options>& d) {
  d.name("csv");
  d.summary("Comma-separated values, with a header or without, in any dialect.");
  d.doc(std::string(
            "Decoding makes each record a row. The names of the columns are those of the stream's "
            "first record, or those under `fields`; values are text unless `schema` declares "
            "them. ") +
        kCsvRecordsDoc +
        "\n\nRecords end at LF or CR LF. Empty lines are dropped as \"empty line\", comments as "
        "\"comment\"; a byte order mark is passed over. A record longer than `max_record` fails "
        "with `record_too_long`, and ends at the first line end behind that many bytes, quotes or "
        "not: a quote that is never closed costs one record and not the rest of the file. A header "
        "that is no record makes every row fail with `bad_header`. Invalid UTF-8 is repaired and "
        "counted in the metric `invalid_utf8_rows`.\n\n"
        "Each file is read with its own header, also after a restart in its middle, and in "
        "parallel. From a source of messages each message is a CSV text of its own: with "
        "`header = true` it begins with a header. Texts are views of the bytes as they were read: "
        "about 50 ns a record of ten fields, and 10 to 20 ns for a value of another type.\n\n"
        "Encoding writes the columns in their order, structs field by field, or those under "
        "`fields`; a null as `null`, an empty text as `\"\"`, a timestamp as RFC 3339. With "
        "`header = true` each file that a sink begins starts with the columns' names (of a "
        "struct's fields dotted, `place.city`); messages have no header. A file has one header: "
        "where rows differ in their columns, name them under `fields`, or see the sink's page for "
        "what becomes of the others. Without a quote character, a value or a name that would need "
        "one fails with `not_representable`.");
  d.example(
      "type = \"csv\"\ndelimiter = \";\"\nschema = { at = \"timestamp\", amount = \"float\", "
      "country = \"category\" }\n");
  d.traits(FLOW_STATELESS | FLOW_DECODES | FLOW_ENCODES);
  d.output("errors",
           "Records that are none, do not fit the header or the schema, or are too long.");
  d.option("header", &Options::header,
           "When decoding: whether the first record of each stream has the columns' names. With "
           "`fields` it is passed over. An empty name becomes `column_3`, one that repeats "
           "`name_2`. When encoding: whether files begin with the names; one that has content "
           "already gets none, and must begin with the same. 16 bytes a row in memory, and no "
           "time to speak of.");
  d.option("fields", &Options::fields,
           "When decoding: the columns' names, in the order of the file. When encoding: the "
           "columns to write; one that a row does not have is null. Name them where rows can "
           "differ in their columns.");
  d.option("schema", &Options::schema,
           std::string("When decoding: a type for each column that is to have one. ") +
               kSchemaTypesDoc + " A declared column that the header does not name is null.");
  d.option("delimiter", &Options::delimiter,
           "The character between two fields, eg \";\", \"|\" or \"\\t\".");
  d.option("quote", &Options::quote,
           "The character around fields that hold a delimiter or a line end; \"\" for none.");
  d.option("comment", &Options::comment,
           "Lines that begin with this character are dropped; \"\" for none. Costs a look at each "
           "record's first byte, and a slower search for record ends: 0.3 ns a byte on the "
           "source's thread.");
  d.option("trim", &Options::trim,
           "Leaves out spaces and tabs around fields, outside of quotes. About 2 ns a field.");
  d.option("multiline", &Options::multiline,
           "When decoding: whether a line end inside quotes belongs to the field. With false each "
           "line is a record, so an unclosed quote costs that line only.");
  d.option("null", &Options::null_text,
           "The text of a field without a value, eg \"NULL\" or \"\\\\N\". By default an empty "
           "field without quotes; with another text, an empty field is an empty text. A field of "
           "a declared type other than text and category is null when empty, too.");
  d.choice("quoting", &Options::quoting, {{"needed", Quoting::kNeeded}, {"all", Quoting::kAll}},
           "When encoding: quotes around those fields that need them, or around all but nulls.");
  d.option("max_record", &Options::max_record,
           "The longest record, in bytes without its end, that becomes a row. A source holds back "
           "up to that much for each partition, beside what it reads at once.")
      .range(1, 1 << 29);
  d.option("max_fields", &Options::max_fields,
           "The most names that a header may have. A column costs 16 bytes a row.")
      .range(1, 65536);
}

void Csv::infer(const Options& options, Shared& shared, Inference& inference) {
  if (inference.role() != FLOW_ROLE_DECODE) {
    Fields fields = {{"bytes", Type::binary()}};
    if (options.header && inference.role() == FLOW_ROLE_ENCODE) {
      fields.emplace_back(FLOW_PROLOGUE_FIELD, Type::binary());
    }
    inference.output(fields);
    return;
  }
  if (!options.header && options.fields.empty()) {
    throw OptionFailure("fields", "are needed where there is no header",
                        "name the columns in the order of the file");
  }
  inference.output(CsvColumns::fields(shared.declared, shared.decoder.names),
                   options.fields.empty());
}

Csv::Csv(const Options& options, Shared& shared)
    : can_decode_(options.header || !options.fields.empty()),
      framer_(shared.decoder.dialect, shared.decoder.max_record, options.header),
      decoder_(shared.decoder, shared.declared),
      encoder_(shared.decoder.dialect, shared.decoder.names, options.null_text,
               options.quoting == Quoting::kAll, options.header) {}

void Csv::open(Output& out) {
  invalid_utf8_rows_ =
      out.counter("invalid_utf8_rows", "Rows whose text had invalid UTF-8 that was repaired.");
  if (role() == FLOW_ROLE_DECODE && !can_decode_) {
    throw OptionFailure("fields", "are needed where there is no header",
                        "name the columns in the order of the file");
  }
}

int64_t Csv::frame(std::string_view bytes, bool final) { return framer_.frame(bytes, final); }

Status Csv::consume(uint32_t input, const Batch& in, Output& out) {
  if (role() != FLOW_ROLE_DECODE) return Codec::consume(input, in, out);
  // Messages with different headers become a batch each.
  while (next_piece_ < in.rows()) {
    if (out.room() < 1) return Status::kMore;
    next_piece_ = decode_from(in, next_piece_, out);
  }
  next_piece_ = 0;
  out.absorb(in.rows());
  return Status::kDone;
}

int64_t Csv::decode_from(const Batch& in, int64_t first, Output& out) {
  const int64_t next = decoder_.decode(in, first, out);
  if (decoder_.invalid_utf8_rows() > 0) {
    invalid_utf8_rows_.record(static_cast<double>(decoder_.invalid_utf8_rows()));
  }
  return next;
}

void Csv::decode(const Batch& in, Output& out) {
  for (int64_t next = 0; next < in.rows();) next = decode_from(in, next, out);
}

void Csv::encode(const Batch& in, bool delimited, Output& out) {
  encoder_.encode(in, delimited, out);
}

}  // namespace flow::operators
