// A pipeline file and the files that it includes, parsed but not yet expanded.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/file_text.hpp"
#include "core/config/value.hpp"
#include "core/config/variables.hpp"

namespace flowrun {

// A pipeline consists of at most so many files.
inline constexpr std::size_t kMostPipelineFiles = 256;

using FileReader = std::function<FileText(const std::filesystem::path& file, std::size_t limit)>;

struct PipelineDocument {
  std::filesystem::path file;     // as places name it
  Value::Table tables;            // without `include`
  std::set<std::size_t> include;  // indexes of the documents that it includes, theirs included
};

struct PipelineDocuments {
  // Each file once, and after all that it includes: the file that was named is the last one.
  std::vector<PipelineDocument> all;
  std::uint64_t content_hash = 0;  // FNV-1a of the bytes of all files, the named one first
};

std::uint64_t fnv1a(std::string_view bytes, std::uint64_t seed = 0xcbf29ce484222325);

// Parses `text`, which stands in `file`, and reads what its `include` names: files, by paths that
// are relative to the file that includes them and may hold variables. Files that cannot be read or
// include each other are errors in `found`. Throws a ConfigurationError for a syntax error, which
// stands alone, in whichever file.
PipelineDocuments read_documents(std::string_view text, const std::filesystem::path& file,
                                 const FileReader& read, const VariableLookup& variables,
                                 Diagnostics& found);

// `variables` with PIPELINE_DIR, the absolute folder of `file`, whatever the environment says.
VariableLookup with_pipeline_dir(const VariableLookup& variables,
                                 const std::filesystem::path& file);

}  // namespace flowrun
