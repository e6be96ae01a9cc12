#include "tests/core/graph/time_operators.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>

#include "flow/flow.hpp"
#include "flow/state.hpp"
#include "tests/core/graph/test_flow.hpp"

namespace flowrun::graph_test {

TimedRow timed_row(std::int64_t seed, std::int64_t partition, std::int64_t number,
                   std::int64_t keys) {
  const std::uint64_t random =
      mix(mix(static_cast<std::uint64_t>(seed), static_cast<std::uint64_t>(partition)),
          static_cast<std::uint64_t>(number));
  return {number / 4 + static_cast<std::int64_t>(random % 9),
          static_cast<std::int64_t>((random >> 20) % static_cast<std::uint64_t>(keys)),
          static_cast<std::int64_t>((random >> 40) % 1000)};
}

std::string window_line(std::int64_t key, std::int64_t end, std::int64_t rows, std::int64_t sum) {
  std::ostringstream line;
  line << key << " until " << end << ": " << rows << " rows, " << sum;
  return line.str();
}

namespace {

using flow::Batch;
using flow::Description;
using flow::Output;
using flow::Status;

constexpr std::int64_t kSecond = 1'000'000'000;

template <class Options>
void describe_as(Description<Options>& d, const char* name, std::uint64_t traits) {
  d.name(name);
  d.summary("For tests.");
  d.doc("For tests.");
  d.example(std::string("type = \"") + name + "\"\n");
  d.traits(traits);
}

Batch timed_batch(Output& out, const std::vector<TimedRow>& rows) {
  const auto n = static_cast<std::int64_t>(rows.size());
  flow::Int64Builder times(out, n), keys(out, n), ids(out, n);
  for (const TimedRow& row : rows) {
    times.append(row.time);
    keys.append(row.key);
    ids.append(row.id);
  }
  return out.make(n,
                  {{"time", {times.finish(), flow::Type::int64()}},
                   {"key", {keys.finish(), flow::Type::int64()}},
                   {"number", {ids.finish(), flow::Type::int64()}}},
                  nullptr);
}

// Partitions of timed_row, in random turns and pieces.
class Clocked final : public flow::Source {
 public:
  struct Options {
    std::int64_t rows = 500, partitions = 3, seed = 1, keys = 7, cuts = 1, batch = 40;
  };
  static void describe(Description<Options>& d) {
    describe_as(d, "clocked", 0);
    d.option("rows", &Options::rows, "Of each partition; the last ones have fewer.");
    d.option("partitions", &Options::partitions, "How many.");
    d.option("seed", &Options::seed, "Of the rows.");
    d.option("keys", &Options::keys, "How many.");
    d.option("cuts", &Options::cuts, "Seed of turns and pieces.");
    d.option("batch", &Options::batch, "Rows of a piece, at most.");
  }
  explicit Clocked(const Options& options) : options_(options) {}
  void open(Output& out) override {
    for (std::int64_t i = 0; i < options_.partitions; ++i) {
      out.get()->offer(out.get(), std::to_string(i).c_str());
      left_.push_back(i);
    }
    at_.resize(left_.size(), 0);
  }
  void assign(const std::string&, std::optional<std::string_view>) override {}
  Status poll(flow::SourceOutput& out) override {
    if (left_.empty()) return Status::kEnd;
    const std::uint64_t random = mix(static_cast<std::uint64_t>(options_.cuts), ++turns_);
    const std::size_t turn = random % left_.size();
    const std::int64_t partition = left_[turn];
    const std::string name = std::to_string(partition);
    std::int64_t& at = at_[static_cast<std::size_t>(partition)];
    const std::int64_t end = options_.rows / (partition + 1);
    const auto most =
        static_cast<std::int64_t>(1 + (random >> 32) % static_cast<std::uint64_t>(options_.batch));
    std::vector<TimedRow> rows;
    for (std::int64_t i = 0; i < most && at < end; ++i) {
      rows.push_back(timed_row(options_.seed, partition, at++, options_.keys));
    }
    if (!rows.empty()) {
      out.emit(timed_batch(out.out(), rows), name, std::to_string(at));
      return Status::kDone;
    }
    left_.erase(left_.begin() + static_cast<std::ptrdiff_t>(turn));
    out.end(name, std::to_string(at));
    return Status::kDone;
  }

 private:
  const Options& options_;
  std::vector<std::int64_t> left_, at_;
  std::uint64_t turns_ = 0;
};

// Does what `script` says: "p 12 3" a row of partition p at second 12 with key 3; "end p"; "wait
// b": nothing to read while board b is blocked; "stall b": the same inside a call.
class Script final : public flow::Source {
 public:
  struct Options {
    std::vector<std::string> script, partitions;
  };
  static void describe(Description<Options>& d) {
    describe_as(d, "script", 0);
    d.option("script", &Options::script, "What happens.");
    d.option("partitions", &Options::partitions, "Offered at the start.");
  }
  explicit Script(const Options& options) : options_(options) {}
  void open(Output& out) override {
    for (const std::string& name : options_.partitions) out.get()->offer(out.get(), name.c_str());
  }
  void assign(const std::string&, std::optional<std::string_view>) override {}
  Status poll(flow::SourceOutput& out) override {
    if (at_ == options_.script.size()) return Status::kEnd;
    std::istringstream words(options_.script[at_]);
    std::string first, second;
    words >> first >> second;
    if (first == "wait") {
      if (board(second).blocked.load()) return Status::kIdle;
    } else if (first == "stall") {
      while (board(second).blocked.load() && !out.out().stopping()) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    } else if (first == "end") {
      out.end(second, "");
    } else {
      std::int64_t key = 0;
      words >> key;
      out.emit(timed_batch(out.out(), {{std::stoll(second), key, 1}}), first, "");
    }
    ++at_;
    return Status::kDone;
  }

 private:
  const Options& options_;
  std::size_t at_ = 0;
};

// Rows and sum of each key in windows of ten seconds, by timers; late rows are late.
class Tumble final : public flow::GeneralTransform {
 public:
  struct Options {
    flow::Field key{"key"};
    std::int64_t again = 0, pause = 0;
  };
  static void describe(Description<Options>& d) {
    describe_as(d, "tumble", FLOW_KEYED);
    d.input("in", "Rows.", "key");
    d.option("key", &Options::key, "The key.");
    d.option("again", &Options::again, "A timer that fires sets another.");
    d.option("pause", &Options::pause, "Seconds by the clock after which a row is told of.");
    d.output("out", "Lines.");
  }
  explicit Tumble(const Options& options) : options_(options) {}
  void open(Output& out) override { windows_.emplace(out, "windows", 1); }
  Status consume(std::uint32_t, const Batch& in, Output& out) override {
    const flow_keys* keys = out.get()->keys(out.get());
    const flow::Int64View key(*in.find("key")), number(*in.find("number"));
    std::vector<std::int32_t> late;
    for (std::int64_t i = 0; i < keys->n_rows; ++i) {
      const std::int32_t row = keys->rows[i];
      std::int64_t end = 0;
      if (options_.pause == 0) {
        end = (in.event_times()[row] / (10 * kSecond) + 1) * 10 * kSecond;
        if (end <= in.watermarks()[row]) {
          late.push_back(row);
          continue;
        }
      }
      const std::array<std::int64_t, 2> place{key[row], end};
      const std::string_view bytes(reinterpret_cast<const char*>(place.data()), sizeof place);
      Window* window = windows_->insert(keys->hashes[row], bytes);
      ++window->rows;
      window->sum += number[row];
      const flow_key whose{.size = sizeof(flow_key),
                           .length = sizeof place,
                           .hash = keys->hashes[row],
                           .bytes = place.data()};
      const flow_time kind = options_.pause > 0 ? FLOW_PROCESSING_TIME : FLOW_EVENT_TIME;
      out.get()->timer(out.get(), kind,
                       options_.pause > 0 ? out.now() + options_.pause * kSecond : end, &whose);
    }
    if (!late.empty()) {
      out.late(out.select(in, late.data(), static_cast<std::int64_t>(late.size())));
    }
    out.absorb(keys->n_rows - static_cast<std::int64_t>(late.size()));
    return Status::kDone;
  }
  Status timer(flow_time kind, std::int64_t nanoseconds, std::span<const flow_key* const> keys,
               Output& out) override {
    std::vector<std::string> lines;
    for (const flow_key* key : keys) {
      const std::string_view bytes(static_cast<const char*>(key->bytes), key->length);
      std::array<std::int64_t, 2> place{};
      std::copy(bytes.begin(), bytes.end(), reinterpret_cast<char*>(place.data()));
      if (options_.again != 0) out.get()->timer(out.get(), kind, nanoseconds + kSecond, key);
      const Window* window = windows_->find(key->hash, bytes);
      if (window == nullptr) continue;
      lines.push_back(window_line(place[0], place[1] / kSecond, window->rows, window->sum));
      windows_->erase(key->hash, bytes);
    }
    if (lines.empty()) return Status::kDone;
    flow::TextBuilder texts(out, static_cast<std::int64_t>(lines.size()));
    for (const std::string& line : lines) texts.append(line);
    out.create(out.make(static_cast<std::int64_t>(lines.size()),
                        {{"line", {texts.finish(), flow::Type::text()}}}, nullptr));
    return Status::kDone;
  }

 private:
  struct Window {
    std::int64_t rows = 0, sum = 0;
  };
  const Options& options_;
  std::optional<flow::KeyedTable<Window>> windows_;
};

}  // namespace

const flow_plugin& test_time_plugin() {
  static const flow_plugin kPlugin = flow::detail::make_plugin<Clocked, Script, Tumble>(
      "org.flowrun.test.time", "1.0.0", "Apache-2.0");
  return kPlugin;
}

}  // namespace flowrun::graph_test
