#include "operators/transforms/lookup.hpp"

#include <algorithm>
#include <array>

#include "operators/common/field_rows.hpp"
#include "operators/common/gather.hpp"
#include "operators/common/input_column.hpp"

namespace flow::operators {
namespace {

bool ends_with_any(const std::string& text, std::initializer_list<std::string_view> endings) {
  return std::any_of(endings.begin(), endings.end(),
                     [&](std::string_view ending) { return text.ends_with(ending); });
}

Lookup::Format format_of(const Lookup::Options& options) {
  if (options.format != Lookup::Format::kAuto) return options.format;
  if (options.query) return Lookup::Format::kSqlite;
  if (ends_with_any(options.path, {".csv"})) return Lookup::Format::kCsv;
  if (ends_with_any(options.path, {".ndjson", ".jsonl"})) return Lookup::Format::kNdjson;
  if (ends_with_any(options.path, {".db", ".sqlite", ".sqlite3"})) return Lookup::Format::kSqlite;
  throw OptionFailure("path", "'" + options.path + "' does not say what it is by its ending",
                      "set format to csv, ndjson or sqlite");
}

}  // namespace

// ---- the table ----

Lookup::Shared::Shared(const Options& options, Host)
    : options_(options),
      format_(format_of(options)),
      table_key_(options.table_key),
      schema_(options.schema, "lookup: schema"),
      // A database's newest rows may stand in its log.
      table_({options.path, options.path + "-wal"}, options.reload) {
  if (options.key.empty()) throw OptionFailure("key", "name at least one field");
  if (table_key_.empty()) {
    for (const Field& field : options.key) table_key_.push_back(field.name);
  }
  if (table_key_.size() != options.key.size()) {
    throw OptionFailure("table_key", "names " + std::to_string(table_key_.size()) +
                                         " columns, and `key` " +
                                         std::to_string(options.key.size()) + " fields");
  }
  if ((format_ == Format::kSqlite) != options.query.has_value()) {
    throw OptionFailure("query", format_ == Format::kSqlite ? "a SQLite database needs a query"
                                                            : "only a SQLite database has one");
  }
  if (format_ == Format::kNdjson && options.fields.empty()) {
    throw OptionFailure("fields", "of NDJSON the fields to add must be named");
  }
  for (const std::string& name : options.fields) {
    if (std::count(options.fields.begin(), options.fields.end(), name) > 1) {
      throw OptionFailure("fields", "'" + name + "' stands there twice");
    }
  }
}

TextTable Lookup::Shared::read() const {
  TextTable texts(options_.max_size.bytes);
  std::vector<std::string> added = options_.fields;
  if (has_fields_) {
    added.clear();
    for (const DeclaredField& field : fields_) added.push_back(field.name);
  }
  if (!added.empty()) {
    texts.names = table_key_;
    texts.names.insert(texts.names.end(), added.begin(), added.end());
  }
  const std::string& path = options_.path;
  if (format_ == Format::kSqlite) {
    read_sqlite_table(path, *options_.query, texts);
  } else if (format_ == Format::kNdjson) {
    read_ndjson_table(path, read_table_file(path, options_.max_size.bytes), texts);
  } else {
    read_csv_table(path, read_table_file(path, options_.max_size.bytes), texts);
  }
  return texts;
}

// Of a table that was read without knowing its columns: all but the key's.
void Lookup::Shared::set_fields(const TextTable& texts) {
  if (has_fields_) return;
  std::vector<std::string> added = options_.fields;
  if (added.empty()) {
    for (const std::string& name : texts.names) {
      if (std::find(table_key_.begin(), table_key_.end(), name) == table_key_.end()) {
        added.push_back(name);
      }
    }
  }
  fields_ = declared_fields(added, schema_);
  has_fields_ = true;
}

void Lookup::Shared::learn_fields() {
  table_.between([this] {
    if (!has_fields_) set_fields(options_.fields.empty() ? read() : TextTable(0));
  });
}

std::shared_ptr<const LookupTable> Lookup::Shared::make(Host host) {
  TextTable texts = read();
  if (!has_fields_) {
    set_fields(texts);
    // The key's columns first.
    if (options_.fields.empty()) texts = read();
  }
  return std::make_shared<const LookupTable>(host, texts, table_key_.size(), fields_);
}

void Lookup::Shared::open(Host host) {
  table_.open(host, [&] {
    std::shared_ptr<const LookupTable> made;
    try {
      made = make(host);
    } catch (const OptionFailure&) {
      throw;
    } catch (const std::exception& trouble) {
      throw Failure("lookup: " + std::string(trouble.what()));
    }
    if (made->repeated() > 0) {
      host.warn("lookup: '" + options_.path + "' has " + std::to_string(made->repeated()) +
                " rows whose key stands further down again: the last one counts.");
    }
    return made;
  });
}

void Lookup::Shared::refresh(Host host) {
  table_.refresh(
      host,
      [&] {
        std::shared_ptr<const LookupTable> made = make(host);
        host.info("lookup: '" + options_.path +
                  "' was read again: " + std::to_string(made->rows()) + " rows.");
        return made;
      },
      [&](const std::exception& trouble) {
        host.warn(
            "lookup: the table was replaced by one that cannot be used, the one before stays: " +
            std::string(trouble.what()));
      });
}

// ---- the operator ----

void Lookup::describe(Description<Options>& d) {
  d.name("lookup");
  d.summary("Adds fields from a table: a CSV or NDJSON file, or a query of a SQLite database.");
  d.doc(
      R"(A row gets the values of the table's row with the same key. Keys are compared as text: the int 7, the
category "7" and the 7 of a CSV file are equal. A null in a row's key, or in a table's, equals nothing; of several
rows of the table with the same key the last counts, which is said at the start.

Rows without a match stay, with nulls (`join = "left"`), or are dropped as "no_match" (`join = "inner"`).

The added columns are text, or what `schema` says; they replace columns of the same names. A table that is no
table (a record of another width, no JSON, a value that is not of its type) is refused with the file and the line:
the pipeline does not start with it. While it runs it looks every `reload` whether the file is another one, and
then reads it and goes on with it at once, without a stop; one that is refused leaves the table before in its
place, with a warning. Replace the file by renaming a new one: what is half written might be read.

With `reload` the result depends on when rows come relative to the table's changes; `reload = "0s"` reads it once,
at the start. `max_size` bounds the texts of the table and 16 bytes a cell; columns and index take about as much
again, and the columns count towards `memory_limit`. While a table is read, the one before is still there.

It costs about 60 ns a row, 5 for a key that is one category, and 5 to 10 for each column.)");
  d.example(R"(type = "lookup"
inputs = ["readings"]
key = ["device"]
path = "devices.csv"
fields = ["site", "owner", "installed"]
schema = { site = "category", installed = "timestamp" }
)");
  d.traits(FLOW_STATELESS);
  d.option("key", &Options::key, "The fields of the row that make its key. No structs and lists.")
      .required();
  d.option("table_key", &Options::table_key,
           "The columns of the table that the key is compared with, in the same order. Empty: of "
           "the same names as the fields.");
  d.option("path", &Options::path, "The file with the table.").required();
  d.choice("format", &Options::format,
           {{"auto", Format::kAuto},
            {"csv", Format::kCsv},
            {"ndjson", Format::kNdjson},
            {"sqlite", Format::kSqlite}},
           "What the file is: auto goes by its ending (.csv, .ndjson, .jsonl, .db, .sqlite) and "
           "whether there is a query. csv: the first line names the columns, an empty field "
           "without quotes is null. ndjson: an object a line, fields of its top level.");
  d.option("query", &Options::query,
           "Of SQLite: the statement whose rows are the table, eg select * from devices. It must "
           "only read.");
  d.option("fields", &Options::fields,
           "The columns of the table to add. Empty: all but those of the key (not of NDJSON).");
  d.option("prefix", &Options::prefix, "What stands before the names of the added fields.");
  d.option("schema", &Options::schema,
           std::string("Types of added fields; the others are text. ") + kSchemaTypesDoc);
  d.choice("join", &Options::join, {{"left", Join::kLeft}, {"inner", Join::kInner}},
           "What becomes of rows without a match: left keeps them, inner drops them.");
  d.option("reload", &Options::reload,
           "How often to look whether the file was replaced. 0s: never.")
      .range(0, 8.64e13);
  d.option("max_size", &Options::max_size,
           "How large the table may be: texts, and 16 bytes a cell. A larger one is refused.")
      .range(1024, 1 << 30);
}

void Lookup::infer(const Options& options, Shared& shared, Inference& inference) {
  if (options.reload.nanoseconds > 0) {
    inference.depend(FLOW_CLOCK_DEPENDENT,
                     OptionFailure("reload", "takes up a table that is replaced while it runs",
                                   "set it to \"0s\" for the same result in every run"));
  }
  for (const Field& field : options.key) {
    std::optional<flow_type> type;
    try {
      type = inferred_column(inference, "key", field.name);
    } catch (const OptionFailure& missing) {
      inference.warn(missing);  // no row has a match
    }
    if (type && (*type == FLOW_STRUCT || *type == FLOW_LIST)) {
      throw OptionFailure("key", "the column '" + field.name + "' is a " +
                                     std::string(type_name(*type)) + ", which is no key");
    }
  }
  try {
    shared.learn_fields();
  } catch (const OptionFailure&) {
    throw;
  } catch (const std::exception&) {
    return;  // the table is not there yet: nothing is known of it
  }
  Fields added;
  for (const DeclaredField& field : shared.fields()) {
    added.emplace_back(options.prefix + field.name, field.logical_type());
  }
  inference.with(added);
}

Lookup::Lookup(const Options& options, Shared& shared) : options_(options), shared_(shared) {
  for (const Field& field : options.key) {
    finders_.emplace_back(field.name);
    texts_.emplace_back();
  }
}

void Lookup::open(Output& out) {
  shared_.open(out);
  unmatched_ = out.counter("unmatched_rows", "Rows for whose key the table has no row.");
  for (const DeclaredField& field : shared_.fields()) {
    names_.push_back(options_.prefix + field.name);
  }
}

void Lookup::renew(Output& out) {
  shared_.refresh(out);
  const uint64_t generation = shared_.generation();
  if (generation == generation_) return;
  generation_ = generation;
  table_ = shared_.table();
  dictionary_ = Column();
}

// False: a field of the key is not there, so that no row has a match.
bool Lookup::bind(const Batch& in, Host host) {
  key_columns_.clear();
  for (size_t i = 0; i < finders_.size(); ++i) {
    const flow_column* column = finders_[i].find(in);
    if (column == nullptr) return false;
    if (!texts_[i].bind(*column, host)) {
      throw Failure("lookup: key: the field '" + finders_[i].name() + "' is a " +
                    std::string(type_name(column->type)) + ", which is no key");
    }
    key_columns_.push_back(column);
  }
  return true;
}

int32_t Lookup::find(int64_t row) {
  key_.clear();
  for (FieldText& text : texts_) {
    value_.clear();
    if (!text.append(row, value_)) return LookupTable::kNone;
    append_key_part(value_, key_);
  }
  return table_->find(key_);
}

void Lookup::find_rows(const Batch& in, Output& out) {
  rows_.assign(static_cast<size_t>(in.rows()), kNullRow);
  if (!bind(in, out)) return;
  if (key_columns_.size() > 1 || key_columns_[0]->type != FLOW_CATEGORY) {
    for (int64_t row = 0; row < in.rows(); ++row) rows_[static_cast<size_t>(row)] = find(row);
    return;
  }
  const CategoryView codes(*key_columns_[0]);
  const flow_column* entries = key_columns_[0]->dictionary;
  if (dictionary_.get() != entries) {
    dictionary_ = Column(Reference<const flow_column>::share(entries));
    by_code_.assign(static_cast<size_t>(codes.dictionary().size()), kNotYet);
  }
  for (int64_t row = 0; row < in.rows(); ++row) {
    if (codes.is_null(row)) continue;
    int32_t& known = by_code_[static_cast<size_t>(codes.code(row))];
    if (known == kNotYet) known = find(row);
    rows_[static_cast<size_t>(row)] = known;
  }
}

void Lookup::process(const Batch& in, Output& out) {
  static_assert(LookupTable::kNone == kNullRow, "no match is a null");
  renew(out);
  find_rows(in, out);
  const auto unmatched = std::count(rows_.begin(), rows_.end(), kNullRow);
  if (unmatched > 0) unmatched_.record(static_cast<double>(unmatched));
  Batch rows = in;
  if (unmatched > 0 && options_.join == Join::kInner) {
    out.drop(unmatched, "no_match");
    kept_.clear();
    for (size_t row = 0; row < rows_.size(); ++row) {
      if (rows_[row] == kNullRow) continue;
      kept_.push_back(static_cast<int32_t>(row));
      rows_[kept_.size() - 1] = rows_[row];
    }
    if (kept_.empty()) return;
    rows = out.select(in, kept_.data(), static_cast<int64_t>(kept_.size()));
  }
  std::vector<NewColumn> added;
  const std::vector<TypedColumn>& columns = table_->columns();
  for (size_t i = 0; i < columns.size(); ++i) {
    added.push_back(
        {names_[i],
         {gather_rows(out, *columns[i].column, rows_.data(), rows.rows()), columns[i].type}});
  }
  out.emit(added.empty() ? rows : out.with(rows, added));
}

}  // namespace flow::operators
