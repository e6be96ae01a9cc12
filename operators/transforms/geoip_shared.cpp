#include <sys/stat.h>

#include "operators/transforms/geoip.hpp"

namespace flow::operators {

Geoip::Shared::Shared(const Options& options, Host) : options_(options) {
  if (!options.database.empty()) paths_.push_back(options.database);
  paths_.insert(paths_.end(), options.databases.begin(), options.databases.end());
  if (paths_.empty()) {
    throw Failure("database: name a file, such as database = \"GeoLite2-City.mmdb\"");
  }
}

void Geoip::Shared::open(Host host) {
  const std::lock_guard opening(opening_);
  if (index()) return;
  seen_ = identities();
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
  auto made = std::make_shared<GeoIndex>(std::move(databases), std::move(fields), dictionaries_,
                                         static_cast<size_t>(options_.cache));
  const std::lock_guard lock(mutex_);
  index_ = std::move(made);
  next_check_ = host.now() + options_.reload.nanoseconds;
  generation_.fetch_add(1, std::memory_order_release);
}

void Geoip::Shared::refresh(Host host) {
  if (options_.reload.nanoseconds <= 0) return;
  const int64_t now = host.now();
  int64_t due = next_check_.load(std::memory_order_relaxed);
  if (now < due || !next_check_.compare_exchange_strong(due, now + options_.reload.nanoseconds)) {
    return;
  }
  const std::unique_lock opening(opening_, std::try_to_lock);
  if (!opening) return;
  std::vector<Identity> now_there = identities();
  if (now_there == seen_) return;
  // Also when it is refused: said once, not every time.
  seen_ = std::move(now_there);
  try {
    GeoDatabases databases = open_all();
    GeoFields fields = geo_fields(options_.fields, options_.preset, databases);
    check_same(fields);
    auto made = std::make_shared<GeoIndex>(std::move(databases), std::move(fields), dictionaries_,
                                           static_cast<size_t>(options_.cache));
    {
      const std::lock_guard lock(mutex_);
      index_ = std::move(made);
    }
    generation_.fetch_add(1, std::memory_order_release);
    host.info("The geoip database was replaced and is open: " + paths_.front() +
              (paths_.size() > 1 ? " or another of the list." : "."));
  } catch (const std::exception& trouble) {
    host.warn("The geoip database was replaced by one that cannot be used, the one before stays: " +
              std::string(trouble.what()) + ".");
  }
}

std::shared_ptr<GeoIndex> Geoip::Shared::index() const {
  const std::lock_guard lock(mutex_);
  return index_;
}

std::vector<Geoip::Shared::Identity> Geoip::Shared::identities() const {
  std::vector<Identity> result;
  for (const std::string& path : paths_) {
    Identity identity;
    struct stat status {};
    if (stat(path.c_str(), &status) == 0) {
      identity = {status.st_dev, status.st_ino, status.st_size,
                  status.st_mtim.tv_sec * int64_t{1'000'000'000} + status.st_mtim.tv_nsec};
    }
    result.push_back(identity);
  }
  return result;
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
