// A pipeline in one line: `file path=x.log ! parse_access_log ! filter where="status >= 500"`.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/diagnostic.hpp"
#include "flow/abi.h"

namespace flowrun {

// What stands for the file in places of such a line.
inline constexpr const char* kOneLine = "pipeline";

// `name=value` behind an operator's name.
struct OneLineSetting {
  std::string name;
  std::string toml;          // the value as TOML
  std::size_t name_at = 0;   // bytes of the line before it
  std::size_t value_at = 0;  // the same, of what `toml` was made of
  bool bare = false;         // a word, which has quotes in `toml` only
};

struct OneLineStage {
  std::string type;
  std::size_t at = 0;  // bytes of the line before it
  std::vector<OneLineSetting> settings;
  flow_kind kind = FLOW_TRANSFORM;  // for the caller to set
  std::string id;                   // set by toml_of

  const OneLineSetting* find(std::string_view name) const;
};

// Throws a ConfigurationError about the byte `at` of a line.
[[noreturn]] void fail_in_line(std::size_t at, std::string message, std::string remedy = {});

// Splits a line at each `!` that stands alone. Values are TOML scalars, arrays and inline tables; a
// bare word that is no number and no boolean is a text. Throws a ConfigurationError whose place
// counts bytes from 1.
std::vector<OneLineStage> parse_one_line(std::string_view line);

// The line as a pipeline file, and the way back from its places.
class OneLineFile {
 public:
  // Gives each stage an id. `head`: the lines of [pipeline].
  OneLineFile(std::vector<OneLineStage>& stages, std::string_view head);

  const std::string& toml() const { return toml_; }
  // Bytes of the line before what stands at a place of the file.
  std::size_t position_of(const Place& place) const;

 private:
  struct Line {
    std::size_t at = 0;        // of the name
    std::size_t value_at = 0;  // of the value
    std::size_t column = 0;    // of the value in the file; 0: there is none
    bool bare = false;         // the file has quotes and backslashes that the line has not
    std::size_t begin = 0;     // bytes of the file before it
  };

  void add(const std::string& text, Line line);
  // Bytes of the line that stand for the first `characters` of a value in the file.
  std::size_t bytes_of(const Line& line, std::size_t characters) const;

  std::string toml_;
  std::vector<Line> lines_;
};

// Two lines for a terminal: `line` and a caret below the byte `at`.
std::string with_caret(std::string_view line, std::size_t at);

}  // namespace flowrun
