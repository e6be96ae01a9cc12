#include "operators/codecs/text.hpp"

#include "operators/common/input_column.hpp"

namespace flow::operators {
namespace {

FieldTemplate parse_template(const std::string& text) {
  try {
    return FieldTemplate::parse(text, "text: template");
  } catch (const OptionFailure&) {
    throw;
  } catch (const Failure& failure) {
    throw OptionFailure("template", failure.what());
  }
}

}  // namespace

TextCodec::Shared::Shared(const Options& options, Host) : format(parse_template(options.format)) {}

void TextCodec::describe(Description<Options>& d) {
  d.name("text");
  d.summary("Rows as text of a given form: \"{host} {status}\".");
  d.doc(
      "Encoding writes `template` for each row, with the values of the fields that it names in "
      "braces: `{status}`, `{location.lat}`, and for a timestamp with a form of its own "
      "`{time:%Y-%m-%d}`. `{{` and `}}` are braces. Text stands as it is, whatever characters it "
      "holds; numbers as in JSON; timestamps as RFC 3339 in UTC unless a form is given: " +
      std::string(kTimeFormatDoc) +
      ". A row without one of the fields goes to `errors` as `missing_field`, unless `null` says "
      "what to write. It encodes only: read such text with the codec `lines` and a transform such "
      "as `parse_regex`.");
  d.example("type = \"text\"\ntemplate = \"{host} {status}\"\nnull = \"-\"\n");
  d.traits(FLOW_STATELESS | FLOW_ENCODES);
  d.output("errors", "Rows without a field of the template.");
  d.option("template", &Options::format,
           "What to write for a row. Escapes such as `\\t` are TOML's own, in double quotes.")
      .required();
  d.option("delimiter", &Options::delimiter,
           "What stands behind each row, except in messages; \"\" for nothing.");
  d.option("null", &Options::null_text,
           "What to write for a field that a row does not have. Left out, such rows fail.");
}

void TextCodec::infer(const Options& options, Shared& shared, Inference& inference) {
  if (!options.null_text) {
    for (const std::string& name : shared.format.fields()) {
      inferred_column(inference, "template", name);
    }
  }
  inference.output({{"bytes", Type::binary()}});
}

TextCodec::TextCodec(const Options& options, Shared& shared) : options_(options) {
  for (const FieldTemplate::Part& part : shared.format.parts()) {
    parts_.push_back({part.is_field ? std::string() : part.text,
                      ColumnFinder(part.is_field ? part.text : std::string()),
                      FieldText(part.time, part.sub_second), part.is_field, false});
  }
}

int64_t TextCodec::frame(std::string_view bytes, bool) {
  return static_cast<int64_t>(bytes.size());
}

void TextCodec::decode(const Batch&, Output&) {
  throw Failure("text: encodes only; decode with the codec lines");
}

void TextCodec::encode(const Batch& in, bool delimited, Output& out) {
  for (Part& part : parts_) {
    if (!part.is_field) continue;
    const flow_column* const column = part.column.find(in);
    part.is_there = column != nullptr;
    if (column != nullptr && !part.text.bind(*column, out)) {
      throw Failure("text: the column '" + part.column.name() + "' is a " +
                    std::string(type_name(column->type)) +
                    ", which has no plain text; name a field inside of it, or use the codec json");
    }
  }
  rows_.start(in, out);
  for (int64_t row = 0; row < in.rows(); ++row) {
    std::string& bytes = rows_.bytes();
    const Part* absent = nullptr;
    for (Part& part : parts_) {
      if (!part.is_field) {
        bytes.append(part.literal);
        continue;
      }
      if (part.is_there && part.text.append(row, bytes)) continue;
      if (!options_.null_text) {
        absent = &part;
        break;
      }
      bytes.append(*options_.null_text);
    }
    if (absent != nullptr) {
      rows_.fail_row("missing_field", "the row has no '" + absent->column.name() +
                                          "' to write; say under `null` what to write then");
      continue;
    }
    if (delimited) bytes.append(options_.delimiter);
    rows_.end_row();
  }
  rows_.finish();
}

}  // namespace flow::operators
