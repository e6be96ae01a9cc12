// Options of the command line that take one of a few words.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <utility>
#include <vector>

#include "core/config/names.hpp"

namespace flowrun::cli {

// `name` takes one of the words of `choices` and sets `value` to what stands beside it. `value`
// must outlive the parsing. `shown` is what stands behind the name in the help.
template <typename T>
void add_choice(CLI::App& command, const char* name, T& value,
                std::vector<std::pair<std::string, T>> choices, const char* shown,
                const char* help) {
  command
      .add_option_function<std::string>(
          name,
          [name, &value, choices = std::move(choices)](const std::string& word) {
            std::vector<std::string> words;
            for (const auto& [text, meaning] : choices) {
              if (text == word) {
                value = meaning;
                return;
              }
              words.push_back(text);
            }
            throw CLI::ValidationError(name,
                                       quote(word) + " is none of " + enumerate(words, "and"));
          },
          help)
      ->option_text(shown);
}

}  // namespace flowrun::cli
