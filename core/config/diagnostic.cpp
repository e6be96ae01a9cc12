#include "core/config/diagnostic.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace flowrun {
namespace {

std::string join_lines(const std::vector<Diagnostic>& diagnostics) {
  std::string lines;
  for (const Diagnostic& diagnostic : diagnostics) {
    if (!lines.empty()) lines += '\n';
    lines += diagnostic.to_string();
  }
  return lines;
}

}  // namespace

std::string Place::to_string() const {
  if (line == 0) return file;
  return file + ':' + std::to_string(line) + ':' + std::to_string(column);
}

std::string Diagnostic::to_string() const {
  std::string text = place.to_string();
  if (!text.empty()) text += ": ";
  if (severity == Severity::kWarning) text += "warning: ";
  if (!key_path.empty()) text += key_path + ": ";
  text += message;
  if (!remedy.empty()) text += " (" + remedy + ')';
  return text;
}

ConfigurationError::ConfigurationError(std::vector<Diagnostic> diagnostics)
    : std::runtime_error(join_lines(diagnostics)), diagnostics_(std::move(diagnostics)) {}

ConfigurationError::ConfigurationError(Diagnostic diagnostic)
    : ConfigurationError(std::vector<Diagnostic>{std::move(diagnostic)}) {}

void Diagnostics::error(const Place& place, std::string key_path, std::string message,
                        std::string remedy) {
  all_.push_back(
      {place, std::move(key_path), std::move(message), std::move(remedy), Severity::kError});
  ++n_errors_;
}

void Diagnostics::warning(const Place& place, std::string key_path, std::string message,
                          std::string remedy) {
  all_.push_back(
      {place, std::move(key_path), std::move(message), std::move(remedy), Severity::kWarning});
}

std::vector<Diagnostic> Diagnostics::sorted() const {
  std::vector<Diagnostic> in_order = all_;
  std::stable_sort(in_order.begin(), in_order.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return std::tie(a.place.file, a.place.line, a.place.column) <
           std::tie(b.place.file, b.place.line, b.place.column);
  });
  return in_order;
}

void Diagnostics::throw_if_errors() const {
  if (has_errors()) throw ConfigurationError(sorted());
}

}  // namespace flowrun
