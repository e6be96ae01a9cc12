#include "operators/transforms/sample.hpp"

#include <cmath>

#include "flow/host/key_hash.hpp"
#include "operators/common/row_hash.hpp"

namespace flow::operators {

using host::hash_bytes;

void Sample::describe(Description<Options>& d) {
  d.name("sample");
  d.summary("Keeps a share of the rows, the same ones in every run.");
  d.doc(
      R"(Whether a row stays is decided by a hash of where it comes from: its source, partition and position
there (byte offset, row number). So neither batches nor parallelism nor a restart change the sample, and what
is read again is sampled the same. With `key` the hash is that of these fields: all rows of a key stay or go
together, in every pipeline with the same `seed`.

Rows made from one row (by `explode`, say) have its position and stay or go together. Rows without a position,
which windows make, are sampled by their values: equal rows together.

The others are dropped as "not sampled". About 3 ns a row, with a key of text 11, and the copying of the kept rows' columns (text stays
where it is).)");
  d.example(R"(type = "sample"
inputs = ["parsed"]
rate = 0.01
)");
  d.traits(FLOW_STATELESS);
  d.option("rate", &Options::rate,
           "The share of rows, or with `key` of keys, to keep: 0.01 keeps one in a hundred.")
      .required()
      .range(0, 1);
  d.option("key", &Options::key,
           "Fields whose values decide instead of the position; a field that is not there counts "
           "as null, and is said once. Empty: the position decides.");
  d.option("seed", &Options::seed,
           "Another seed, another sample. Two in a row need different ones, or the second keeps "
           "all that the first has left if its rate is not the lower one.");
}

void Sample::infer(const Options& options, Inference& inference) {
  for (size_t i = 0; i < options.key.size() && inference.input() != nullptr; ++i) {
    const flow_type type = find_column(*inference.input(), options.key[i].name).type;
    if (type == FLOW_STRUCT || type == FLOW_LIST) {
      throw OptionFailure("key",
                          "the field '" + options.key[i].name + "' is a " +
                              std::string(type_name(type)) + ", which is no key",
                          {}, 0, std::to_string(i));
    }
  }
  inference.pass();
}

Sample::Sample(const Options& options)
    : seed_(hash_bytes({reinterpret_cast<const char*>(&options.seed), sizeof options.seed})),
      all_(options.rate >= 1.0),
      below_(all_ ? 0 : static_cast<uint64_t>(std::ldexp(options.rate, 64))) {
  for (const Field& field : options.key) key_.emplace_back(field.name);
}

void Sample::hash(const Batch& in, Host host) {
  const auto rows = static_cast<size_t>(in.rows());
  const flow_origin& origin = in.origin();
  if (!key_.empty()) {
    hashes_.assign(rows, seed_);
    for (ColumnFinder& field : key_) {
      const flow_column* column = field.find(in);
      if (column == nullptr) {
        if (!warned_)
          host.warn("sample: there is no field '" + field.name() + "': it counts as null");
        warned_ = true;
        for (uint64_t& hash : hashes_) hash = hash_bytes("null", hash + 1);
      } else if (column->type == FLOW_STRUCT || column->type == FLOW_LIST) {
        throw Failure("sample: key: the field '" + field.name() + "' is a " +
                      std::string(type_name(column->type)) + ", which is no key");
      } else {
        host::hash_column(*column, hashes_);
      }
    }
    return;
  }
  if (origin.position == nullptr) {
    hashes_.assign(rows, seed_);
    hash_rows(in, hashes_);
    return;
  }
  uint64_t place = seed_;
  if (origin.source != nullptr) place = hash_bytes(origin.source, place);
  if (origin.partition != nullptr) place = hash_bytes(origin.partition, place);
  hashes_.assign(rows, place);
  host::hash_column(*origin.position, hashes_);
}

void Sample::process(const Batch& in, Output& out) {
  if (all_) {
    out.emit(in);
    return;
  }
  hash(in, out);
  kept_.resize(hashes_.size());
  size_t n = 0;
  for (size_t row = 0; row < hashes_.size(); ++row) {
    kept_[n] = static_cast<int32_t>(row);
    n += hashes_[row] < below_ ? 1 : 0;
  }
  const auto kept = static_cast<int64_t>(n);
  if (kept == in.rows()) {
    out.emit(in);
  } else if (kept > 0) {
    out.emit(out.select(in, kept_.data(), kept));
  }
  out.drop(in.rows() - kept, "not sampled");
}

}  // namespace flow::operators
