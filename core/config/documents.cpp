#include "core/config/documents.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "core/config/loader.hpp"
#include "core/config/names.hpp"
#include "core/config/toml_document.hpp"

namespace flowrun {
namespace {

namespace fs = std::filesystem;

// Two paths to one file give one identity, as far as that can be told without looking at the disk.
std::string identity(const fs::path& file) {
  return fs::absolute(file).lexically_normal().string();
}

class DocumentReader {
 public:
  DocumentReader(const FileReader& read, const VariableLookup& variables, Diagnostics& found)
      : read_(read), variables_(variables), found_(found) {}

  // The index of the document, which is new.
  std::size_t add(std::string_view text, const fs::path& file) {
    documents_.content_hash = open_.empty() ? fnv1a(text) : fnv1a(text, documents_.content_hash);
    open_.push_back(file);
    PipelineDocument document;
    document.file = file;
    document.tables = parse_toml(text, file.string());
    document.include = read_includes(document);
    open_.pop_back();
    const std::size_t index = documents_.all.size();
    index_.emplace(identity(file), index);
    documents_.all.push_back(std::move(document));
    return index;
  }

  PipelineDocuments take() { return std::move(documents_); }

 private:
  std::set<std::size_t> read_includes(PipelineDocument& document) {
    report_misplaced(document.tables);
    std::set<std::size_t> included;
    const auto at = std::find_if(document.tables.begin(), document.tables.end(),
                                 [](const Member& member) { return member.name == "include"; });
    if (at == document.tables.end()) return included;
    Value value = std::move(at->value);
    document.tables.erase(at);
    const std::size_t errors = found_.error_count();
    expand_variables(value, with_pipeline_dir(variables_, document.file), "include", found_);
    if (found_.error_count() > errors) return included;
    const Value::List written = value.list() ? *value.list() : Value::List{value};
    std::set<std::string> named;
    for (const Value& element : written) {
      if (element.text() == nullptr || element.text()->empty()) {
        found_.error(element.place, "include",
                     element.text() ? "has an empty path in it"
                                    : "must be a list of paths, and has " +
                                          std::string(element.type_name()) + " in it",
                     R"(write include = ["common.toml"])");
        continue;
      }
      const fs::path file =
          (document.file.parent_path() / fs::path(*element.text())).lexically_normal();
      if (!named.insert(identity(file)).second) {
        found_.error(element.place, "include", quote(*element.text()) + " is listed twice");
        continue;
      }
      const std::optional<std::size_t> index = include(file, element.place);
      if (!index) continue;
      included.insert(*index);
      const std::set<std::size_t>& theirs = documents_.all[*index].include;
      included.insert(theirs.begin(), theirs.end());
    }
    return included;
  }

  // Behind a header, `include` belongs to that table.
  void report_misplaced(Value::Table& tables) {
    for (Member& member : tables) {
      auto* table = std::get_if<Value::Table>(&member.value.data);
      if (member.name != "pipeline" || table == nullptr) continue;
      const auto at = std::find_if(table->begin(), table->end(),
                                   [](const Member& key) { return key.name == "include"; });
      if (at == table->end()) continue;
      found_.error(at->place, "pipeline.include", "stands in the table [pipeline]",
                   "write it at the top of the file, above the first [table]");
      table->erase(at);
    }
  }

  std::optional<std::size_t> include(const fs::path& file, const Place& place) {
    const std::string wanted = identity(file);
    if (const auto known = index_.find(wanted); known != index_.end()) return known->second;
    const auto open = std::find_if(open_.begin(), open_.end(), [&](const fs::path& other) {
      return identity(other) == wanted;
    });
    if (open != open_.end()) {
      std::string circle;
      for (auto at = open; at != open_.end(); ++at) circle.append(at->string()).append(" -> ");
      found_.error(place, "include", "the files include each other: " + circle + file.string());
      return std::nullopt;
    }
    if (++n_read_ >= kMostPipelineFiles) {
      // By other names for one file, links for example, a cycle can hide from the check above.
      throw ConfigurationError(Diagnostic{
          place, "include",
          "the pipeline has more than " + std::to_string(kMostPipelineFiles) + " files", ""});
    }
    const FileText content = read_(file, kLargestPipelineFile);
    if (!content.problem.empty()) {
      found_.error(place, "include", quote(file.string()) + ' ' + content.problem,
                   "paths are relative to the file that includes them");
      return std::nullopt;
    }
    return add(content.text, file);
  }

  const FileReader& read_;
  const VariableLookup& variables_;
  Diagnostics& found_;
  PipelineDocuments documents_;
  std::map<std::string, std::size_t> index_;  // by identity, of those that are complete
  std::vector<fs::path> open_;                // the chain of includes that is being read
  std::size_t n_read_ = 0;
};

}  // namespace

std::uint64_t fnv1a(std::string_view bytes, std::uint64_t seed) {
  std::uint64_t hash = seed;
  for (const char c : bytes) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3;
  }
  return hash;
}

PipelineDocuments read_documents(std::string_view text, const fs::path& file,
                                 const FileReader& read, const VariableLookup& variables,
                                 Diagnostics& found) {
  DocumentReader reader(read, variables, found);
  reader.add(text, file);
  return reader.take();
}

VariableLookup with_pipeline_dir(const VariableLookup& variables, const fs::path& file) {
  return [&variables, file](std::string_view name) -> std::optional<std::string> {
    if (name != "PIPELINE_DIR") return variables(name);
    return fs::absolute(file).lexically_normal().parent_path().string();
  };
}

}  // namespace flowrun
