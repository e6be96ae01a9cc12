// The commands as the command line's parser knows them, as plain facts: what the man page and the
// shell completion are written from, so that neither can go stale.
#pragma once

#include <string>
#include <vector>

namespace CLI {  // NOLINT(readability-identifier-naming): CLI11 calls it so
class App;
}

namespace flowrun::cli {

struct OptionFacts {
  std::string name;        // "--format", or of a positional "FILE"
  std::string short_name;  // "-h"; mostly empty
  std::string value;       // what stands behind the name: "DIR", "text|json"; empty: a flag
  std::string by_default;  // as shown; empty: nothing is
  std::vector<std::string> choices;  // where `value` is a list of words
  std::string doc;
  bool required = false;
  bool many = false;  // of a positional: several of them
};

struct CommandFacts {
  std::string name;  // "run"; of a command below another "new plugin"; of the program ""
  std::string summary;
  std::string footer;
  std::vector<OptionFacts> options;
  std::vector<OptionFacts> positionals;
  std::vector<CommandFacts> commands;

  // "flowrun graph FILE [OPTIONS]"
  std::string synopsis() const;
};

CommandFacts command_facts(const CLI::App& program);

// Depth first, those that only lead to others left out.
std::vector<const CommandFacts*> all_commands(const CommandFacts& program);

}  // namespace flowrun::cli
