// [parameters]: values of a pipeline file that `--set` can change.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/documents.hpp"
#include "core/config/value.hpp"
#include "flow/abi.h"

namespace flowrun {

// What --set says of one parameter. The value is read as the parameter's type wants it; nothing in
// it is expanded.
struct ParameterSetting {
  std::string name;
  std::string value;
};

// "name=value"; absent where there is no '=' or no name in front of it.
std::optional<ParameterSetting> parse_parameter_setting(std::string_view text);

// The keys of a parameter that is declared by a table, as options that document themselves. The
// types of `default`, `min` and `max` follow the parameter's own.
std::span<const flow_option* const> parameter_keys();

// The parameters of a pipeline with their values. Not synchronised.
class Parameters {
 public:
  // Reads the [parameters] of all documents, whose variables have been expanded, then applies
  // `settings`. A parameter is declared once; a file that includes its declaration may give it
  // another value. Problems go to `found`: among them one for all parameters without a value.
  Parameters(const PipelineDocuments& documents, const std::vector<ParameterSetting>& settings,
             Diagnostics& found);

  // The value of the parameter, or nullptr. Counts as a use.
  const Value* find(std::string_view name) const;
  std::vector<std::string> names() const;

  // Warns of parameters that the last document declares and nothing uses.
  void warn_of_unused(Diagnostics& found) const;

 private:
  struct Parameter {
    Place place;
    std::size_t document = 0;  // that gives the value
    flow_option_type type = FLOW_OPTION_TEXT;
    std::string doc;
    bool has_range = false;
    double min = 0, max = 0;
    std::vector<std::string> choices;
    bool declared = false;  // by a table, not by its value alone
    std::optional<Value> value;
  };

  void read(const PipelineDocument& document, std::size_t index, Diagnostics& found);
  void declare(const Member& member, std::size_t index, Diagnostics& found);
  void give_value(const Member& member, Parameter& known, std::size_t index, Diagnostics& found);
  void set(const ParameterSetting& setting, Diagnostics& found);
  void report_missing(Diagnostics& found) const;

  // The value if it is of the parameter's type and in its range; else what is wrong is told.
  static std::optional<Value> checked(const std::string& name, const Parameter& parameter,
                                      Value value, Diagnostics& found);

  std::map<std::string, Parameter, std::less<>> parameters_;
  std::vector<std::string> order_;  // as they are declared
  mutable std::set<std::string, std::less<>> used_;
  const PipelineDocuments& documents_;
};

}  // namespace flowrun
