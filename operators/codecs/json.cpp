#include "operators/codecs/json.hpp"

#include <array>
#include <string>
#include <string_view>
#include <utility>

namespace flow::operators {
namespace {

constexpr std::array<std::pair<std::string_view, flow_type>, 6> kSchemaTypes = {
    {{"text", FLOW_TEXT},
     {"int", FLOW_INT64},
     {"float", FLOW_FLOAT64},
     {"bool", FLOW_BOOL},
     {"timestamp", FLOW_TIMESTAMP},
     {"json", FLOW_JSON}}};

flow_type schema_type(const std::string& field, const Value& value) {
  std::string known;
  for (const auto& [name, type] : kSchemaTypes) {
    if (value.type == FLOW_OPTION_TEXT && value.text == name) return type;
    known += (known.empty() ? "" : ", ") + std::string(name);
  }
  throw Failure((value.place.empty() ? "" : value.place + ": ") + "json: schema." + field +
                ": the type must be one of " + known);
}

}  // namespace

Json::Shared::Shared(const Options& options, Host) {
  for (const auto& [name, value] : options.schema.items) {
    declared.push_back({name, schema_type(name, value)});
  }
  if (static_cast<int64_t>(declared.size()) > options.max_fields) {
    throw Failure("json: schema declares " + std::to_string(declared.size()) +
                  " fields, max_fields is " + std::to_string(options.max_fields) + "; raise it");
  }
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
      "A declared type takes: text, any value (what is no text as its token); int and float, "
      "numbers and texts of one; bool, true and false, also as text; timestamp, texts like "
      "2025-10-28T10:15:30.5+01:00 and numbers of seconds since 1970; json, anything as its "
      "token.\n\n"
      "Encoding writes the columns in their order: text escaped as little as JSON allows, float as "
      "the shortest number that reads back the same (what is not finite as null), timestamp as "
      "text "
      "in UTC, binary as base64, json tokens as they are, struct as object, list as array. It "
      "costs "
      "about 70 ns for a document of 500 bytes; decoding one, about 400; a category's texts are "
      "escaped once.");
  d.example(
      "type = \"json\"\nschema = { time = \"timestamp\", status = \"int\" }\nnulls = \"write\"\n");
  d.traits(FLOW_STATELESS | FLOW_DECODES | FLOW_ENCODES);
  d.output("errors", "Lines that are no JSON object, do not fit the schema, or are too long.");
  d.option(
      "schema", &Options::schema,
      "When decoding: a type for each field that is to have one, out of text, int, float, bool, "
      "timestamp and json. Declare what is computed with: "
      "a declared field costs 10 to 20 ns a row more than its token.");
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
           "The most columns of one batch when decoding. A row with a field beyond them goes to "
           "`errors` as `too_many_fields`: names made from data (an id as a key) would make every "
           "batch wider. A column costs 16 bytes a row even where it is null.")
      .range(1, 65536);
}

void Json::infer(const Options&, Shared& shared, Inference& inference) {
  if (inference.role() != FLOW_ROLE_DECODE) {
    inference.output({{"bytes", Type::binary()}});
    return;
  }
  Fields fields;
  for (const DeclaredField& field : shared.declared) {
    fields.emplace_back(field.name, Type::of(field.type));
  }
  inference.output(fields, true);
}

Json::Json(const Options& options, Shared& shared)
    : max_line_(options.max_line.bytes),
      framer_(options.max_line.bytes, shared.continuations),
      splitter_(options.max_line.bytes, false, shared.continuations),
      decoder_(shared.declared, options.max_fields),
      encoder_(options.nulls == Nulls::kWrite) {}

void Json::open(Output& out) {
  invalid_utf8_rows_ =
      out.counter("invalid_utf8_rows", "Rows whose text had invalid UTF-8 that was repaired.");
}

int64_t Json::frame(std::string_view bytes, bool final) { return framer_.frame(bytes, final); }

void Json::decode(const Batch& in, Output& out) {
  splitter_.split(in);
  decoder_.decode(in, splitter_.lines(), out);
  if (decoder_.invalid_utf8_rows() > 0) {
    invalid_utf8_rows_.record(static_cast<double>(decoder_.invalid_utf8_rows()));
  }
  std::vector<RefusedLine> refused = refuse_too_long(splitter_.too_long(), max_line_);
  refused.insert(refused.end(), decoder_.refused().begin(), decoder_.refused().end());
  fail_lines(in, std::move(refused), max_line_, out);
  out.drop(splitter_.empty_lines(), "empty line");
}

void Json::encode(const Batch& in, bool delimited, Output& out) {
  encoder_.encode(in, delimited, out);
}

}  // namespace flow::operators
