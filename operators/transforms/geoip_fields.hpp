// Which values of a database become which columns.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "flow/inference.hpp"
#include "flow/options.hpp"
#include "operators/common/mmdb_reader.hpp"

namespace flow::operators {

// What is known by heart of common databases' shape.
enum class GeoPreset : uint8_t { kAuto, kGeolite2City, kGeolite2Asn, kDbipCity };

// One value of a record, by its path, and the type that it has in its column.
struct GeoLeaf {
  std::string path;
  flow_type type = 0;  // FLOW_TEXT (emitted as a category), FLOW_INT64, FLOW_FLOAT64 or FLOW_BOOL
};

// One column: a leaf, or a struct of them.
struct GeoColumn {
  std::string name;
  bool is_struct = false;
  std::vector<std::string> children;  // struct: the names of its fields
  size_t first_leaf = 0;              // of children.size() leaves, or of one
};

struct GeoFields {
  std::vector<GeoColumn> columns;
  std::vector<GeoLeaf> leaves;

  std::vector<std::string> paths() const;
  // Of the columns as they are emitted.
  Fields types() const;
};

using GeoDatabases = std::vector<std::shared_ptr<const MmdbReader>>;

// The columns that the option `fields` asks for, or, if that is empty, those of the preset: with
// Auto of what each database's records look like, all together. The types of values that no preset
// names are those which the databases' first records have. Throws Failure: the option, what is
// wrong, what there is.
GeoFields geo_fields(const Table& fields, GeoPreset preset, const GeoDatabases& databases);

}  // namespace flow::operators
