#include "operators/transforms/geoip.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "operators/common/address.hpp"

namespace flow::operators {
namespace {

constexpr size_t kIpv6Slots = 8192;
constexpr auto kIpv4Room = static_cast<int64_t>(kIpv4Readable);

template <class Builder, class Value>
Column number_column(Host host, const std::vector<const uint64_t*>& cells_of_rows, size_t leaf,
                     Value value) {
  Builder builder(host, static_cast<int64_t>(cells_of_rows.size()));
  for (const uint64_t* const cells : cells_of_rows) {
    if ((cells[0] >> leaf & 1) != 0) {
      builder.append(value(cells[leaf + 1]));
    } else {
      builder.append_null();
    }
  }
  return builder.finish();
}

// The text of a row without a branch on its length: addresses are as often as not short enough to
// lie in their views. Needs a buffer 0.
std::string_view readable_text(const TextSource& source, int64_t row) {
  const flow_view& view = source.view(row);
  const bool is_short = view.length <= FLOW_VIEW_INLINE;
  const int32_t buffer = is_short ? 0 : view.buffer;
  const char* const in_buffer =
      static_cast<const char*>(source.texts().data[buffer]->data) + view.offset;
  return {is_short ? view.prefix : in_buffer, static_cast<size_t>(view.length)};
}

}  // namespace

void Geoip::describe(Description<Options>& d) {
  d.name("geoip");
  d.summary("Says where an IP address is, by databases in the MaxMind DB format.");
  d.traits(FLOW_STATELESS);
  d.doc(
      R"(Adds the columns of the preset, or those that `fields` names. Text comes as categories, numbers as
int64 or float64.

| preset | databases | columns |
|---|---|---|
| `geolite2_city` | GeoLite2 and GeoIP2 City, Country, Enterprise; DB-IP's own | `city`, `country` (English names), `location` (`lat`, `lon`) |
| `geolite2_asn` | GeoLite2 ASN, GeoIP2 ISP | `asn`, `as_organization` |
| `dbip_city` | flat third-party databases of DB-IP's data | `city`, `country` (two letters), `location` |

An address that no database knows, a value that its record does not have, a host name and a null input all
give null, and no row fails. Metrics: `geoip_not_an_address` counts rows with text that is no address,
`geoip_unknown` those without a record, `geoip_damaged_records` those that met a damaged place in a database.

A database may be replaced while the pipeline runs, by renaming another file over it: it is opened beside the
old one, and later batches use it. One that is damaged is refused with a warning. A file must not be
overwritten in place, because it is mapped into memory.

A remembered address costs about 30 ns a row, a new one about 300 ns, a new record of the database about 500
ns more. The database is mapped, not read: what is used of it stays in memory as long as there is room.)");
  d.example(R"(type = "geoip"
inputs = ["parsed"]
field = "host"
database = "GeoLite2-City.mmdb"
)");
  d.option(
      "field", &Options::field,
      "The column with the address: IPv4 or IPv6 as text. An IPv6 address that holds an IPv4 one "
      "(`::ffff:192.0.2.1`) is looked up as that.");
  d.option("database", &Options::database,
           "The file with the database. It is mapped into memory, opened at the start, and refused "
           "with a reason if it is damaged.")
      .required();
  d.option("databases", &Options::databases,
           "More files beside `database`, at most eight in all. For each value the first file that "
           "has it counts, so that one for IPv4 and one for IPv6, or one of cities and one of "
           "networks, go together. Each costs about 200 ns for a new address, nothing for a "
           "remembered one.");
  d.choice(
      "preset", &Options::preset,
      {{"auto", GeoPreset::kAuto},
       {"geolite2_city", GeoPreset::kGeolite2City},
       {"geolite2_asn", GeoPreset::kGeolite2Asn},
       {"dbip_city", GeoPreset::kDbipCity}},
      "Which columns to add if `fields` does not say. `auto` looks at each database's records, and "
      "else at its name, once at the start (a few ms at most).");
  d.option("fields", &Options::fields,
           "The new columns, and where in a record their values are: `city = \"city.names.en\"`, "
           "and for a struct a table, `location = { lat = \"location.latitude\", lon = "
           "\"location.longitude\" }`. A number is an element of an array "
           "(`subdivisions.0.iso_code`). Types are those of the database; a value that none of its "
           "first 20,000 records has is an error. At most 63 values, about 3 ns a row each.");
  d.option("reload", &Options::reload,
           "How often to look whether a database was replaced, by the clock of the pipeline and "
           "between batches. Costs one call to the system for each file. `0s`: never.")
      .range(0, 86400e9);
  d.option("cache", &Options::cache,
           "How many IPv4 addresses are remembered for all instances together, 16 bytes each. "
           "About as many as come again within some minutes; when there are more, some are looked "
           "up again.")
      .range(1024, 67108864);
}

void Geoip::infer(const Options& options, Shared& shared, Inference& inference) {
  infer_text_column(inference, "field", options.field.name);
  if (options.fields.items.empty() && options.preset != GeoPreset::kAuto) {
    inference.with(geo_fields(options.fields, options.preset, {}).types());
    return;
  }
  try {
    shared.open(inference.host());
  } catch (const std::exception&) {
    return;  // told when it is opened for a run
  }
  inference.with(shared.index()->fields().types());
}

Geoip::Geoip(const Options& options, Shared& shared)
    : options_(options), shared_(shared), input_("field", options.field.name) {}

void Geoip::open(Output& out) {
  not_an_address_metric_ =
      out.counter("geoip_not_an_address", "Rows whose text is no IP address, such as host names.");
  unknown_metric_ = out.counter("geoip_unknown", "Rows whose address no database has a record of.");
  damaged_metric_ =
      out.counter("geoip_damaged_records", "Look-ups that met a damaged place in a database.");
  shared_.open(out);
  renew(out);
}

void Geoip::renew(Output&) {
  generation_ = shared_.generation();
  index_ = shared_.index();
  ipv6_.clear();
}

void Geoip::process(const Batch& in, Output& out) {
  const TextSource source(input_.find(in, out));
  shared_.refresh(out);
  if (shared_.generation() != generation_) renew(out);
  not_addresses_ = 0;
  damaged_ = 0;
  locate(source, out);
  cells_.resize(records_.size());
  std::transform(records_.begin(), records_.end(), cells_.begin(),
                 [&index = *index_](uint32_t record) { return index.cells(record); });

  std::vector<NewColumn> columns;
  for (const GeoColumn& column : index_->fields().columns) {
    columns.push_back({column.name, column.is_struct ? struct_column(column, out)
                                                     : leaf_column(column.first_leaf, out)});
  }
  const auto unknown = std::count(records_.begin(), records_.end(), GeoIndex::kUnknown);
  if (unknown > 0) unknown_metric_.record(static_cast<double>(unknown));
  if (not_addresses_ > 0) not_an_address_metric_.record(static_cast<double>(not_addresses_));
  if (damaged_ > 0) damaged_metric_.record(static_cast<double>(damaged_));
  out.emit(out.with(in, columns));
}

// Sets records_. In groups, so that memory asked for at the beginning of one is there at its end.
void Geoip::locate(const TextSource& source, Output& out) {
  const int64_t rows = source.size();
  records_.assign(static_cast<size_t>(rows), GeoIndex::kUnknown);
  miss_addresses_.clear();
  miss_rows_.clear();
  constexpr int64_t kGroup = 32;
  std::array<uint32_t, kGroup> addresses;
  std::array<uint32_t, kGroup> of_row;
  for (int64_t first = 0; first < rows; first += kGroup) {
    const int64_t end = std::min(first + kGroup, rows);
    // Behind a short text, which lies inside its view, the next row's view may be read.
    const bool readable = source.codes() == nullptr && source.texts().n_data > 0 && end < rows;
    size_t n = 0;
    for (int64_t row = first; row < end; ++row) {
      if (source.is_null(row)) continue;
      const flow_view& view = source.view(row);
      const std::string_view text = readable ? readable_text(source, row) : source.text(view);
      const bool direct = readable && (view.length <= FLOW_VIEW_INLINE ||
                                       view.offset + kIpv4Room <= source.capacity(view));
      if (direct ? parse_readable_ipv4(text, addresses[n]) : parse_ipv4(text, addresses[n])) {
        index_->prefetch(addresses[n]);
        of_row[n++] = static_cast<uint32_t>(row);
      } else if (const auto ipv6 = parse_ipv6(text)) {
        if (const auto ipv4 = mapped_ipv4(*ipv6)) {
          addresses[n] = *ipv4;
          of_row[n++] = static_cast<uint32_t>(row);
        } else {
          records_[static_cast<size_t>(row)] = locate_ipv6(*ipv6, out);
        }
      } else {
        ++not_addresses_;
      }
    }
    for (size_t i = 0; i < n; ++i) {
      uint32_t& record = records_[of_row[i]];
      if (index_->find(addresses[i], record)) {
        index_->prefetch_cells(record);
      } else {
        miss_addresses_.push_back(addresses[i]);
        miss_rows_.push_back(of_row[i]);
      }
    }
    if (miss_addresses_.size() >= MmdbReader::kGroup) look_up_misses(out);
  }
  look_up_misses(out);
}

void Geoip::look_up_misses(Output& out) {
  std::array<uint32_t, MmdbReader::kGroup> records;
  for (size_t first = 0; first < miss_addresses_.size(); first += records.size()) {
    const size_t n = std::min(records.size(), miss_addresses_.size() - first);
    damaged_ += index_->look_up(out, miss_addresses_.data() + first, records.data(), n);
    for (size_t i = 0; i < n; ++i) records_[miss_rows_[first + i]] = records[i];
  }
  miss_addresses_.clear();
  miss_rows_.clear();
}

uint32_t Geoip::locate_ipv6(const Ipv6Address& address, Output& out) {
  if (ipv6_.empty()) ipv6_.resize(kIpv6Slots);
  uint64_t words[2];
  std::memcpy(words, address.data(), sizeof words);
  const uint64_t hash = (words[0] * 0x9e3779b97f4a7c15U ^ words[1]) * 0xc2b2ae3d27d4eb4fU;
  Ipv6Slot& slot = ipv6_[hash >> 51];
  static_assert(kIpv6Slots == size_t{1} << (64 - 51));
  if (slot.record == kNotYet || slot.address != address) {
    uint32_t record;
    damaged_ += index_->look_up(out, address, record);
    slot = {address, record};
  }
  return slot.record;
}

TypedColumn Geoip::leaf_column(size_t leaf, Output& out) const {
  switch (index_->fields().leaves[leaf].type) {
    case FLOW_TEXT: {
      DictionaryBuilder builder(out, static_cast<int64_t>(records_.size()),
                                *shared_.dictionaries()[leaf]);
      for (size_t row = 0; row < cells_.size(); ++row) {
        const uint64_t* const cells = cells_[row];
        if ((cells[0] >> leaf & 1) == 0) {
          builder.append_null();
          continue;
        }
        const auto code = static_cast<int32_t>(cells[leaf + 1]);
        builder.append(code, code == SharedDictionary::kNone ? index_->text(records_[row], leaf)
                                                             : std::string_view());
      }
      return builder.finish();
    }
    case FLOW_INT64:
      return {number_column<Int64Builder>(out, cells_, leaf,
                                          [](uint64_t cell) { return static_cast<int64_t>(cell); }),
              Type::int64()};
    case FLOW_BOOL:
      return {
          number_column<BoolBuilder>(out, cells_, leaf, [](uint64_t cell) { return cell != 0; }),
          Type::boolean()};
    default:
      return {number_column<Float64Builder>(
                  out, cells_, leaf, [](uint64_t cell) { return std::bit_cast<double>(cell); }),
              Type::float64()};
  }
}

// Null where all of its fields are.
TypedColumn Geoip::struct_column(const GeoColumn& column, Output& out) const {
  StructBuilder builder(out, static_cast<int64_t>(records_.size()));
  std::vector<std::pair<std::string, Type>> fields;
  uint64_t mask = 0;
  for (size_t i = 0; i < column.children.size(); ++i) {
    const size_t leaf = column.first_leaf + i;
    mask |= uint64_t{1} << leaf;
    TypedColumn child = leaf_column(leaf, out);
    builder.add(std::move(child.column));
    fields.emplace_back(column.children[i], std::move(child.type));
  }
  for (size_t row = 0; row < cells_.size(); ++row) {
    if ((cells_[row][0] & mask) == 0) builder.set_null(static_cast<int64_t>(row));
  }
  return {builder.finish(), Type::structure(std::move(fields))};
}

}  // namespace flow::operators
