// parse_logfmt: a column of names and values into columns.
#pragma once

#include <string>

#include "operators/common/logfmt_parser.hpp"
#include "operators/common/row_parser.hpp"

namespace flow::operators {

class ParseLogfmt final : public ParseTransform {
 public:
  struct Options {
    Field field{"message"};
    Table schema;
    Undeclared undeclared = Undeclared::kKeep;
    std::string prefix;
    bool keep_source = false;
    int64_t max_fields = 1000;
  };
  struct Shared {
    // Throws Failure if `schema` is none.
    Shared(const Options& options, Host) : schema(options.schema, "parse_logfmt: schema") {}
    DeclaredSchema schema;
  };
  static void describe(Description<Options>& d);
  static void infer(const Options& options, Shared& shared, Inference& inference);

  ParseLogfmt(const Options& options, Shared& shared);
};

}  // namespace flow::operators
