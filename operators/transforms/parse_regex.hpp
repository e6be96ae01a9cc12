// parse_regex: the named groups of a pattern into columns.
#pragma once

#include <re2/re2.h>

#include <memory>
#include <string>
#include <vector>

#include "operators/common/declared_schema.hpp"
#include "operators/common/row_parser.hpp"

namespace flow::operators {

class ParseRegex final : public ParseTransform {
 public:
  struct Options {
    Field field{"message"};
    std::string pattern;
    Table schema;
    std::string prefix;
    bool keep_source = false;
  };
  struct Shared {
    // Throws OptionFailure: no pattern, none with a named group, a schema for others.
    Shared(const Options& options, Host);
    std::unique_ptr<const re2::RE2> pattern;  // used by all instances at once
    std::vector<DeclaredField> fields;        // a named group each, in their order
    std::vector<int> groups;                  // their numbers
  };
  static void describe(Description<Options>& d);
  static void infer(const Options& options, Shared& shared, Inference& inference);

  ParseRegex(const Options& options, Shared& shared);
};

}  // namespace flow::operators
