// parse_csv: a column of CSV records into columns.
#pragma once

#include <string>
#include <vector>

#include "operators/common/csv_dialect.hpp"
#include "operators/common/declared_schema.hpp"
#include "operators/common/row_parser.hpp"

namespace flow::operators {

class ParseCsv final : public ParseTransform {
 public:
  struct Options {
    Field field{"message"};
    std::vector<Field> fields;
    Table schema;
    std::string delimiter = ",";
    std::string quote = "\"";
    bool trim = false;
    std::string null_text;
    std::string prefix;
    bool keep_source = false;
  };
  struct Shared {
    // Throws OptionFailure: no names, one twice, a schema for others, a dialect that is none.
    Shared(const Options& options, Host);
    CsvDialect dialect;
    std::vector<DeclaredField> fields;  // of the records, in their order
  };
  static void describe(Description<Options>& d);
  static void infer(const Options& options, Shared& shared, Inference& inference);

  ParseCsv(const Options& options, Shared& shared);
};

}  // namespace flow::operators
