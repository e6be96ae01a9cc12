#include "operators/transforms/geoip_fields.hpp"

#include <algorithm>

#include "flow/host.hpp"

namespace flow::operators {
namespace {

constexpr int kSampledRecords = 20000;

struct Known {
  const char* column;
  const char* child;  // of a struct, or null
  const char* path;
  flow_type type;
};
constexpr Known kGeolite2City[] = {
    {"city", nullptr, "city.names.en", FLOW_TEXT},
    {"country", nullptr, "country.names.en", FLOW_TEXT},
    {"location", "lat", "location.latitude", FLOW_FLOAT64},
    {"location", "lon", "location.longitude", FLOW_FLOAT64},
};
constexpr Known kGeolite2Asn[] = {
    {"asn", nullptr, "autonomous_system_number", FLOW_INT64},
    {"as_organization", nullptr, "autonomous_system_organization", FLOW_TEXT},
};
constexpr Known kDbipCity[] = {
    {"city", nullptr, "city", FLOW_TEXT},
    {"country", nullptr, "country_code", FLOW_TEXT},
    {"location", "lat", "latitude", FLOW_FLOAT64},
    {"location", "lon", "longitude", FLOW_FLOAT64},
};

template <size_t kCount>
void add_known(const Known (&values)[kCount], GeoFields& fields) {
  for (const Known& value : values) {
    GeoColumn* column = nullptr;
    for (GeoColumn& existing : fields.columns) {
      if (existing.name == value.column) column = &existing;
    }
    if (column != nullptr && value.child == nullptr) continue;  // of an earlier database
    if (column != nullptr && std::find(column->children.begin(), column->children.end(),
                                       value.child) != column->children.end()) {
      continue;
    }
    if (column == nullptr) {
      fields.columns.push_back({value.column, value.child != nullptr, {}, fields.leaves.size()});
      column = &fields.columns.back();
    }
    if (value.child != nullptr) column->children.emplace_back(value.child);
    fields.leaves.push_back({value.path, value.type});
  }
}

void add_preset(GeoPreset preset, GeoFields& fields) {
  switch (preset) {
    case GeoPreset::kGeolite2City:
      add_known(kGeolite2City, fields);
      break;
    case GeoPreset::kGeolite2Asn:
      add_known(kGeolite2Asn, fields);
      break;
    case GeoPreset::kDbipCity:
      add_known(kDbipCity, fields);
      break;
    case GeoPreset::kAuto:
      break;
  }
}

// By what the records hold, since names of databases differ; by the name where there are no
// records. kAuto: none of them.
GeoPreset recognise(const MmdbReader& database) {
  const MmdbPaths paths({"autonomous_system_number", "country_code", "latitude", "country.names.en",
                         "country.iso_code", "location.latitude"});
  GeoPreset preset = GeoPreset::kAuto;
  int left = kSampledRecords;
  database.each_record([&](uint32_t record) {
    MmdbValue values[6];
    if (!database.read(record, paths, values)) return false;
    const auto has = [&](size_t i) { return values[i].kind != MmdbValue::Kind::kNone; };
    if (has(3) || has(4) || has(5)) {
      preset = GeoPreset::kGeolite2City;
    } else if (has(1) || has(2)) {
      preset = GeoPreset::kDbipCity;
    } else if (has(0)) {
      preset = GeoPreset::kGeolite2Asn;
    }
    return preset == GeoPreset::kAuto && --left > 0;
  });
  if (preset == GeoPreset::kAuto) {
    const std::string& type = database.type();
    const auto names = [&type](const char* word) { return type.find(word) != std::string::npos; };
    if (names("ASN") || names("ISP")) return GeoPreset::kGeolite2Asn;
    if (names("City") || names("Country") || names("Enterprise")) return GeoPreset::kGeolite2City;
    if (names("city") || names("country")) return GeoPreset::kDbipCity;
  }
  return preset;
}

flow_type type_of(MmdbValue::Kind kind) {
  switch (kind) {
    case MmdbValue::Kind::kText:
      return FLOW_TEXT;
    case MmdbValue::Kind::kInteger:
      return FLOW_INT64;
    case MmdbValue::Kind::kNumber:
      return FLOW_FLOAT64;
    case MmdbValue::Kind::kBoolean:
      return FLOW_BOOL;
    default:
      return 0;
  }
}

const std::string& path_of(const std::string& option, const Value& value) {
  if (value.type != FLOW_OPTION_TEXT || value.text.empty()) {
    throw Failure(option + ": needs the path of a value as text, such as \"country.iso_code\"");
  }
  return value.text;
}

// Sets the types of the leaves by the first records that have them.
void find_types(GeoFields& fields, const GeoDatabases& databases) {
  const MmdbPaths paths(fields.paths());
  std::vector<MmdbValue> values(paths.size());
  size_t missing = values.size();
  for (const auto& database : databases) {
    int left = kSampledRecords;
    database->each_record([&](uint32_t record) {
      if (!database->read(record, paths, values.data())) return false;
      for (size_t i = 0; i < values.size(); ++i) {
        if (fields.leaves[i].type != 0 || values[i].kind == MmdbValue::Kind::kNone) continue;
        fields.leaves[i].type = type_of(values[i].kind);
        if (fields.leaves[i].type == 0) {
          throw Failure("fields: '" + fields.leaves[i].path + "' of " + database->path() +
                        " is no single text, number or boolean; name a value inside of it");
        }
        --missing;
      }
      return missing > 0 && --left > 0;
    });
  }
  for (const GeoLeaf& leaf : fields.leaves) {
    if (leaf.type == 0) {
      std::string message = "fields: no record has a value '" + leaf.path + "' in ";
      for (const auto& database : databases) {
        message += (database == databases.front() ? "" : ", ") + database->path() + " (" +
                   database->type() + ")";
      }
      throw Failure(message + "; mmdblookup shows what a record holds");
    }
  }
}

}  // namespace

std::vector<std::string> GeoFields::paths() const {
  std::vector<std::string> result;
  for (const GeoLeaf& leaf : leaves) result.push_back(leaf.path);
  return result;
}

Fields GeoFields::types() const {
  const auto type_of_leaf = [this](size_t leaf) {
    return Type::of(leaves[leaf].type == FLOW_TEXT ? FLOW_CATEGORY : leaves[leaf].type);
  };
  Fields result;
  for (const GeoColumn& column : columns) {
    if (!column.is_struct) {
      result.emplace_back(column.name, type_of_leaf(column.first_leaf));
      continue;
    }
    Fields children;
    for (size_t i = 0; i < column.children.size(); ++i) {
      children.emplace_back(column.children[i], type_of_leaf(column.first_leaf + i));
    }
    result.emplace_back(column.name, Type::structure(std::move(children)));
  }
  return result;
}

GeoFields geo_fields(const Table& fields, GeoPreset preset, const GeoDatabases& databases) {
  GeoFields result;
  if (fields.items.empty()) {
    add_preset(preset, result);
    if (preset != GeoPreset::kAuto) return result;
    for (const auto& database : databases) {
      const GeoPreset recognised = recognise(*database);
      if (recognised == GeoPreset::kAuto) {
        throw Failure("preset: the database " + database->path() + " (" + database->type() +
                      ") is of no known kind; say with 'fields' what to take from it, such as "
                      "fields = { city = \"city.names.en\" }");
      }
      add_preset(recognised, result);
    }
    return result;
  }
  for (const auto& [name, value] : fields.items) {
    const std::string option = "fields." + name;
    GeoColumn column{name, value.type == FLOW_OPTION_TABLE, {}, result.leaves.size()};
    if (!column.is_struct) {
      result.leaves.push_back({path_of(option, value), 0});
    } else {
      if (value.items.empty()) throw Failure(option + ": the table is empty");
      for (const auto& [child, path] : value.items) {
        column.children.push_back(child);
        result.leaves.push_back({path_of(std::string(option).append(".").append(child), path), 0});
      }
    }
    result.columns.push_back(std::move(column));
  }
  find_types(result, databases);
  return result;
}

}  // namespace flow::operators
