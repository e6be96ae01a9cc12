#include "operators/transforms/geoip.hpp"

namespace flow::operators {

namespace {

std::vector<std::string> paths_of(const Geoip::Options& options) {
  std::vector<std::string> paths;
  if (!options.database.empty()) paths.push_back(options.database);
  paths.insert(paths.end(), options.databases.begin(), options.databases.end());
  if (paths.empty()) {
    throw Failure("database: name a file, such as database = \"GeoLite2-City.mmdb\"");
  }
  return paths;
}

}  // namespace

Geoip::Shared::Shared(const Options& options, Host)
    : options_(options), paths_(paths_of(options)), index_(paths_, options.reload) {}

void Geoip::Shared::open(Host host) {
  index_.open(host, [&] {
    GeoDatabases databases;
    try {
      databases = open_all();
    } catch (const std::exception& trouble) {
      throw Failure("database: " + std::string(trouble.what()));
    }
    GeoFields fields = geo_fields(options_.fields, options_.preset, databases);
    for (const GeoLeaf& leaf : fields.leaves) {
      dictionaries_.push_back(leaf.type == FLOW_TEXT ? std::make_unique<SharedDictionary>()
                                                     : nullptr);
    }
    return make(std::move(databases), std::move(fields));
  });
}

void Geoip::Shared::refresh(Host host) {
  index_.refresh(
      host,
      [&] {
        GeoDatabases databases = open_all();
        GeoFields fields = geo_fields(options_.fields, options_.preset, databases);
        check_same(fields);
        std::shared_ptr<GeoIndex> made = make(std::move(databases), std::move(fields));
        host.info("The geoip database was replaced and is open: " + paths_.front() +
                  (paths_.size() > 1 ? " or another of the list." : "."));
        return made;
      },
      [&](const std::exception& trouble) {
        host.warn(
            "The geoip database was replaced by one that cannot be used, the one before stays: " +
            std::string(trouble.what()) + ".");
      });
}

std::shared_ptr<GeoIndex> Geoip::Shared::make(GeoDatabases databases, GeoFields fields) {
  return std::make_shared<GeoIndex>(std::move(databases), std::move(fields), dictionaries_,
                                    static_cast<size_t>(options_.cache));
}

GeoDatabases Geoip::Shared::open_all() const {
  GeoDatabases databases;
  for (const std::string& path : paths_) databases.push_back(MmdbReader::open(path));
  return databases;
}

// Neither columns nor their types change while a pipeline runs.
void Geoip::Shared::check_same(const GeoFields& fields) const {
  const GeoFields before = index()->fields();
  if (fields.paths() != before.paths()) throw Failure("it is of another kind");
  for (size_t i = 0; i < fields.leaves.size(); ++i) {
    if (fields.leaves[i].type != before.leaves[i].type) {
      throw Failure("'" + fields.leaves[i].path + "' is " +
                    std::string(type_name(fields.leaves[i].type)) + " in it, and was " +
                    std::string(type_name(before.leaves[i].type)));
    }
  }
}

}  // namespace flow::operators
