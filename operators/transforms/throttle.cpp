#include "operators/transforms/throttle.hpp"

#include <algorithm>
#include <cmath>

namespace flow::operators {
namespace {

// Nanoseconds, some 30 years: far from where times overflow.
constexpr double kLongest = 1e18;

}  // namespace

void Throttle::describe(Description<Options>& d) {
  d.name("throttle");
  d.summary("Lets so many rows a second through, by key.");
  d.doc(
      R"(Each key has a bucket of `burst` tokens which is refilled at the given rate; a row takes one. Rows for
which there is none are dropped as "over limit", or leave by the output `overflow`. Time is the host's clock,
looked at once a batch: the result depends on when rows arrive, so this is for protecting what stands behind
it, not for computing; for a sample that is the same in every run take `sample`.

A key whose bucket is full again is forgotten. Where `state_limit` leaves no room for one more key its row fails
as `state_limit`; a key of more than 64 KiB fails as `key_too_long`.

State: about 60 bytes an active key beside the key's own. Some 40 ns a row, 7 without a key.)");
  d.example(R"(type = "throttle"
inputs = ["parsed"]
key = ["host"]
rate = 100.0
burst = 200
)");
  d.traits(FLOW_KEYED | FLOW_CLOCK_DEPENDENT);
  d.input("in", "The rows to count.", "key");
  d.output("out", "The rows within the limit.");
  d.output("overflow", "The rows over the limit, with overflow = \"port\".");
  d.output("errors", "Rows for whose key there is no room.");
  d.option("key", &Options::key,
           "The fields whose values each have a limit of their own. Empty: one limit for all rows, "
           "which one instance then counts.");
  d.option("rate", &Options::rate, "How many rows `per` period, for each key.")
      .required()
      .range(0.000001, 1'000'000'000.0);
  d.option("per", &Options::per, "The period that `rate` is for.")
      .range(1'000'000, 86'400'000'000'000);
  d.option("burst", &Options::burst,
           "How many rows may come at once when there were none for a while. 0: as many as one "
           "period's, at least 1.")
      .range(0, 1'000'000'000);
  d.choice(
      "overflow", &Options::overflow, {{"drop", Overflow::kDrop}, {"port", Overflow::kPort}},
      "Where rows over the limit go: drop counts them under \"over limit\"; port sends them to "
      "the output `overflow`, eg to a file of their own.");
}

void Throttle::infer(const Options&, Inference& inference) {
  inference.pass();
  inference.pass(kOverflowPort);
}

Throttle::Throttle(const Options& options) : overflow_(options.overflow), rows_(options.key) {
  if (!(options.rate > 0)) throw OptionFailure("rate", "must be more than 0");
  const double interval = static_cast<double>(options.per.nanoseconds) / options.rate;
  const double burst =
      options.burst > 0 ? static_cast<double>(options.burst) : std::max(1.0, options.rate);
  if (interval * burst > kLongest) {
    throw OptionFailure(options.burst > 0 ? "burst" : "rate",
                        "a bucket of this size would take more than 30 years to fill",
                        "raise rate, or lower per or burst");
  }
  interval_ = std::max<int64_t>(1, std::llround(interval));
  depth_ = std::max(interval_, static_cast<int64_t>(std::llround(interval * burst)));
  sweep_at_.fill(kFirstSweep);
}

void Throttle::forget_full(uint32_t group, int64_t now) {
  buckets_->for_each(group, [&](uint64_t hash, std::string_view key, const Bucket& bucket) {
    if (bucket.full_at <= now) erasures_.add(hash, key);
  });
  erasures_.apply(*buckets_);
  sweep_at_[group] = std::max(kFirstSweep, buckets_->size(group) * 2);
}

Throttle::Answer Throttle::decide(uint64_t hash, std::string_view key, int64_t now) {
  const Bucket* known = buckets_->find(hash, key);
  // A clock that was set back must not close a bucket for longer than it takes to fill.
  if (known != nullptr && known->full_at > now + depth_) {
    buckets_->modify(hash, key)->full_at = now + depth_;
  }
  const int64_t full_at = std::max(known != nullptr ? known->full_at : now, now);
  if (full_at - now > depth_ - interval_) return Answer::kOver;
  const uint32_t group = group_of(hash);
  Bucket* bucket = nullptr;
  if (known != nullptr) {
    bucket = buckets_->modify(hash, key);
  } else {
    if (buckets_->size(group) >= sweep_at_[group]) forget_full(group, now);
    bucket = buckets_->insert(hash, key);
    if (bucket == nullptr) {
      forget_full(group, now);
      bucket = buckets_->insert(hash, key);
    }
    if (bucket == nullptr) return Answer::kNoRoom;
  }
  bucket->full_at = full_at + interval_;
  return Answer::kWithin;
}

void Throttle::emit(const Batch& in, const std::vector<int32_t>& rows, uint32_t port, Output& out) {
  const auto n = static_cast<int64_t>(rows.size());
  if (n == in.rows()) {
    out.emit(in, port);
  } else if (n > 0) {
    out.emit(out.select(in, rows.data(), n), port);
  }
}

void Throttle::sort(const Batch& in, Output& out) {
  rows_.read(in, out);
  const int64_t now = out.now();
  within_.clear();
  over_.clear();
  for (const int32_t row : rows_.rows()) {
    const std::string_view key = rows_.key(row);
    if (key.size() > KeyedTable<Bucket>::kLongestBytes) {
      out.fail(in, row, "key_too_long",
               "throttle: a key of " + std::to_string(key.size()) + " bytes, more than 64 KiB");
      continue;
    }
    switch (decide(rows_.hash(row), key, now)) {
      case Answer::kWithin:
        within_.push_back(row);
        break;
      case Answer::kOver:
        over_.push_back(row);
        break;
      case Answer::kNoRoom:
        out.fail(in, row, "state_limit", "throttle: no room for one more key: raise state_limit");
        break;
    }
  }
}

Status Throttle::consume(uint32_t, const Batch& in, Output& out) {
  if (!sorted_) {
    sort(in, out);
    emit(in, within_, 0, out);
    sorted_ = true;
  }
  if (overflow_ == Overflow::kDrop) {
    out.drop(static_cast<int64_t>(over_.size()), "over limit");
  } else if (!over_.empty()) {
    if (out.room(kOverflowPort) <= 0) return Status::kMore;
    emit(in, over_, kOverflowPort, out);
  }
  sorted_ = false;
  return Status::kDone;
}

}  // namespace flow::operators
