#include "operators/codecs/json.hpp"

#include <string>
#include <utility>

namespace flow::operators {
namespace {

constexpr const char* kSchema = "json: schema";

}  // namespace

Json::Shared::Shared(const Options& options, Host) : schema(options.schema, kSchema) {
  // For its complaints, before anything runs.
  const JsonRows rows(schema, options.undeclared, options.max_fields, kSchema);
}

void Json::describe(Description<Options>& d) {
  d.name("json");
  d.summary("One JSON object a line (NDJSON).");
  d.doc(
      "Decoding makes each line a row and each of its fields a column. Fields that `schema` "
      "declares "
      "come first, are there in every batch, and have the declared type; the others keep their "
      "JSON "
      "token as it is written (type json), whatever it is, and follow in the order in which a "
      "batch "
      "meets them. A null and an absent field are the same; of a repeated field the last counts. "
      "Lines that are no JSON object go to `errors` as `bad_json` with the column of the mistake, "
      "and values that do not fit the declared type as `bad_type`. Line ends, empty lines, "
      "over-long lines and invalid UTF-8 are treated as by the codec `lines`.\n\n"
      "A table or a dotted name in `schema` declares fields of an object, which becomes a struct: "
      "`location = { lat = \"float\", lon = \"float\" }`; what else is in such an object is kept "
      "in "
      "it or dropped as everywhere. " +
      std::string(kSchemaTypesDoc) +
      " A number is a timestamp, too: seconds since 1970, or what the format says.\n\n"
      "Encoding writes the columns in their order: text escaped as little as JSON allows, float as "
      "the shortest number that reads back the same (what is not finite as null), timestamp as "
      "text "
      "in UTC, binary as base64, json tokens as they are, struct as object, list as array. It "
      "costs "
      "about 70 ns for a document of 300 bytes; decoding one, about 190 with all of its dozen "
      "fields "
      "declared; a category's texts are "
      "escaped once.");
  d.example(
      "type = \"json\"\nschema = { time = \"timestamp\", status = \"int\" }\nnulls = \"write\"\n");
  d.traits(FLOW_STATELESS | FLOW_DECODES | FLOW_ENCODES);
  d.output("errors", "Lines that are no JSON object, do not fit the schema, or are too long.");
  d.option(
      "schema", &Options::schema,
      "When decoding: a type for each field that is to have one, out of text, category, int, "
      "float, "
      "bool, timestamp and json. Declare what is computed with: a field costs 5 to 15 ns a row "
      "either way, and a declared one is not converted again later.");
  d.choice(
      "undeclared", &Options::undeclared,
      {{"keep", Undeclared::kKeep}, {"drop", Undeclared::kDrop}},
      "When decoding: whether fields that `schema` does not declare are kept as JSON tokens, or "
      "left out, which saves their columns. Either way they must be valid JSON.");
  d.choice(
      "nulls", &Options::nulls, {{"omit", Nulls::kOmit}, {"write", Nulls::kWrite}},
      "When encoding: whether a field without a value is left out, or written as null. Writing "
      "costs bytes, and suits readers that want every key in every document.");
  d.option(
       "max_line", &Options::max_line,
       "The longest line, in bytes without its end, that is decoded; longer ones go to `errors` "
       "as `line_too_long`. A source holds back up to twice this much for each partition, and "
       "each decoder some 20 bytes a byte of the longest line that it has met.")
      .range(1, 1 << 29);
  d.option("max_fields", &Options::max_fields,
           std::string("When decoding: the most fields of one row, counting all declared ones. A "
                       "row with a field beyond them goes to `errors` as `too_many_fields`. ") +
               kBatchWidthDoc)
      .range(1, 65536);
}

void Json::infer(const Options& options, Shared& shared, Inference& inference) {
  if (inference.role() != FLOW_ROLE_DECODE) {
    inference.output({{"bytes", Type::binary()}});
    return;
  }
  const JsonRows rows(shared.schema, options.undeclared, options.max_fields, kSchema);
  inference.output(rows.certain_fields(), rows.is_open());
}

Json::Json(const Options& options, Shared& shared)
    : max_line_(options.max_line.bytes),
      framer_(options.max_line.bytes, shared.continuations),
      splitter_(options.max_line.bytes, false, shared.continuations),
      rows_(shared.schema, options.undeclared, options.max_fields, kSchema),
      encoder_(options.nulls == Nulls::kWrite) {}

void Json::open(Output& out) {
  invalid_utf8_rows_ =
      out.counter("invalid_utf8_rows", "Rows whose text had invalid UTF-8 that was repaired.");
}

int64_t Json::frame(std::string_view bytes, bool final) { return framer_.frame(bytes, final); }

Status Json::consume(uint32_t input, const Batch& in, Output& out) {
  if (role() != FLOW_ROLE_DECODE) return Codec::consume(input, in, out);
  while (!decode_some(in, out)) {
    if (out.room() < 1) return Status::kMore;
  }
  out.absorb(in.rows());
  return Status::kDone;
}

void Json::decode(const Batch& in, Output& out) {
  while (!decode_some(in, out)) {
  }
}

// Emits a batch of the next lines. False: there are more.
bool Json::decode_some(const Batch& in, Output& out) {
  size_t next = std::exchange(next_line_, 0);
  if (next == 0) {
    splitter_.split(in);
    refused_ = refuse_too_long(splitter_.too_long(), max_line_);
  }
  const std::vector<Line>& lines = splitter_.lines();
  taken_.clear();
  taken_.reserve(lines.size() - next);
  rows_.start(out, room_.rows(static_cast<int64_t>(lines.size() - next)), in.column(0));
  for (; next < lines.size(); ++next) {
    const Line& line = lines[next];
    if (const char* const reason = rows_.add(line.text, line.buffer); reason != nullptr) {
      if (reason == kBatchFull) break;
      refused_.push_back({line, reason, rows_.message()});
    } else {
      taken_.push_back(line);
    }
  }
  make_batch(in, out);
  if (next < lines.size()) {
    room_.full(rows_.rows());
    under_way_ = in;
    next_line_ = next;
    return false;
  }
  under_way_ = Batch();
  fail_lines(in, std::move(refused_), max_line_, out);
  out.drop(splitter_.empty_lines(), "empty line");
  return true;
}

void Json::make_batch(const Batch& in, Output& out) {
  if (rows_.repaired_rows() > 0) {
    invalid_utf8_rows_.record(static_cast<double>(rows_.repaired_rows()));
  }
  if (taken_.empty()) return;
  const flow_column& pieces = in.column(0);
  const Column record =
      column_over(out, FLOW_BINARY, rows_.rows(), line_views(out, taken_, pieces), pieces);
  const DecodedOrigin origin(out, in, taken_, record);
  out.create(out.make(rows_.rows(), rows_.finish(), origin.get()));
}

void Json::encode(const Batch& in, bool delimited, Output& out) {
  encoder_.encode(in, delimited, out);
}

}  // namespace flow::operators
