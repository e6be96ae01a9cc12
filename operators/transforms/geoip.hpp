// geoip: where an address is, by databases in the MaxMind DB format.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "flow/operator.hpp"
#include "operators/common/input_column.hpp"
#include "operators/common/reloaded.hpp"
#include "operators/common/text_source.hpp"
#include "operators/transforms/geoip_index.hpp"

namespace flow::operators {

class Geoip final : public Transform {
 public:
  struct Options {
    Field field{"host"};
    std::string database;
    std::vector<std::string> databases;
    GeoPreset preset = GeoPreset::kAuto;
    Table fields;
    Duration reload{10'000'000'000};
    int64_t cache = 262144;
  };
  static void describe(Description<Options>& d);

  class Shared;
  // The columns depend on the database, unless a preset names them: without it nothing is known.
  static void infer(const Options& options, Shared& shared, Inference& inference);
  Geoip(const Options& options, Shared& shared);
  void open(Output& out) override;
  void process(const Batch& in, Output& out) override;

 private:
  struct Ipv6Slot {
    Ipv6Address address{};
    uint32_t record = kNotYet;
  };
  static constexpr uint32_t kNotYet = 0xffffffffU;

  void renew(Output& out);
  void locate(const TextSource& source, Output& out);
  void look_up_misses(Output& out);
  uint32_t locate_ipv6(const Ipv6Address& address, Output& out);
  TypedColumn leaf_column(size_t leaf, Output& out) const;
  TypedColumn struct_column(const GeoColumn& column, Output& out) const;

  const Options options_;
  Shared& shared_;
  TextInput input_;
  std::shared_ptr<GeoIndex> index_;
  uint64_t generation_ = 0;
  std::vector<uint32_t> records_;       // of the batch in process, one a row
  std::vector<const uint64_t*> cells_;  // the same records' values
  std::vector<uint32_t> miss_addresses_;
  std::vector<uint32_t> miss_rows_;
  std::vector<Ipv6Slot> ipv6_;
  int64_t not_addresses_ = 0;
  int64_t damaged_ = 0;
  Metric not_an_address_metric_, unknown_metric_, damaged_metric_;
};

// The databases of a component, and their replacement while it runs. [any]
class Geoip::Shared {
 public:
  Shared(const Options& options, Host host);

  // Opens the databases unless an instance has done so. Throws Failure.
  void open(Host host);
  // Looks, at most once in the time that `reload` says, whether a file was replaced, and opens it.
  // One that cannot be used is refused with a warning, and the one before stays.
  void refresh(Host host);
  // Grows with each index.
  uint64_t generation() const { return index_.generation(); }
  // The index of now; holding it keeps its databases open.
  std::shared_ptr<GeoIndex> index() const { return index_.get(); }
  const GeoDictionaries& dictionaries() const { return dictionaries_; }

 private:
  GeoDatabases open_all() const;
  std::shared_ptr<GeoIndex> make(GeoDatabases databases, GeoFields fields);
  void check_same(const GeoFields& fields) const;

  const Options options_;
  const std::vector<std::string> paths_;
  Reloaded<GeoIndex> index_;
  GeoDictionaries dictionaries_;
};

}  // namespace flow::operators
