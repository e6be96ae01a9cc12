// Problems found in a pipeline file, collected and told all at once.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace flowrun {

// Where something stands. Lines and columns count from 1; line 0: the file as a whole.
struct Place {
  std::string file;
  std::uint32_t line = 0;
  std::uint32_t column = 0;

  // "file:line:col", or "file" when there is no line.
  std::string to_string() const;
};

enum class Severity { kError, kWarning };

struct Diagnostic {
  Place place;
  std::string key_path;  // e.g. "transforms.hot.threshold"; empty: the file as a whole
  std::string message;
  std::string remedy;  // what to do, e.g. "did you mean 'min'?"; may be empty
  Severity severity = Severity::kError;

  // "file:line:col: key.path: message (remedy)"; warnings begin their message with "warning: ".
  std::string to_string() const;
};

// One or more errors in what the user wrote. what() has one line a diagnostic.
class ConfigurationError : public std::runtime_error {
 public:
  explicit ConfigurationError(std::vector<Diagnostic> diagnostics);
  explicit ConfigurationError(Diagnostic diagnostic);

  const std::vector<Diagnostic>& diagnostics() const { return diagnostics_; }

 private:
  std::vector<Diagnostic> diagnostics_;
};

// Collects diagnostics through all stages of loading. Not synchronised.
class Diagnostics {
 public:
  void error(const Place& place, std::string key_path, std::string message,
             std::string remedy = {});
  void warning(const Place& place, std::string key_path, std::string message,
               std::string remedy = {});

  bool has_errors() const { return n_errors_ > 0; }
  std::size_t error_count() const { return n_errors_; }
  // In order of discovery.
  const std::vector<Diagnostic>& all() const { return all_; }
  // In order of their place in the file.
  std::vector<Diagnostic> sorted() const;
  // Throws a ConfigurationError with everything collected, warnings included, in file order.
  void throw_if_errors() const;

 private:
  std::vector<Diagnostic> all_;
  std::size_t n_errors_ = 0;
};

}  // namespace flowrun
