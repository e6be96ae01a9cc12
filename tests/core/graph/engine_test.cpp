// Random graphs of operators whose results can be worked out row by row: whatever the run is like,
// what reaches the sinks is the same, in order where order is promised, and every row is accounted
// for.
//
//   numbers 0..n ──> transforms, each reading ports of one to three earlier ones ──> collect 0..m
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <tuple>

#include "tests/core/graph/test_flow.hpp"

namespace flowrun::graph_test::engine_test {
namespace {

using Random = std::mt19937_64;

struct Wire {
  std::size_t from = 0;
  std::string port;         // empty: the only output
  std::uint32_t input = 0;  // of `both`
};

struct Part {
  enum Kind { kSource, kStep, kSerial, kAmplify, kKeyed, kBoth, kAsk, kSink, kLetters } kind;
  std::int64_t tag = 0, drop = 0, fail = 0, other = 0, most = 0, rows = 0, seed = 0, number = 0;
  std::int64_t batch = 0, nap = 0;
  std::int64_t instances = 0;  // of `keyed`; 0: as the pipeline says
  bool here = false;           // a sink that the workers run
  std::vector<Wire> wires;
  std::string name() const {
    constexpr const char* kNames[] = {"source", "step", "serial", "amplify", "keyed",
                                      "both",   "ask",  "sink",   "letters"};
    return kNames[kind] + std::to_string(number);
  }
};

struct Graph {
  std::vector<Part> parts;
  std::string settings;

  std::string toml() const {
    std::ostringstream out;
    out << "[pipeline]\non_error = \"drop\"\n" << settings;
    for (const Part& part : parts) write(part, out);
    return out.str();
  }

 private:
  void write(const Part& part, std::ostringstream& out) const {
    constexpr const char* kTypes[] = {"numbers", "step", "serial_step", "amplify", "keyed_step",
                                      "both",    "ask",  "collect",     "collect"};
    const char* const type =
        part.kind >= Part::kSink && part.here ? "collect_here" : kTypes[part.kind];
    const char* table = part.kind == Part::kSource ? "sources"
                        : part.kind >= Part::kSink ? "sinks"
                                                   : "transforms";
    out << "[" << table << "." << part.name() << "]\ntype = \"" << type << "\"\n";
    switch (part.kind) {
      case Part::kSource:
        out << "rows = " << part.rows << "\nsource = " << part.number << "\nseed = " << part.seed
            << "\nbatch = " << part.batch << "\nnap_us = " << part.nap << "\n";
        return;
      case Part::kStep:
      case Part::kSerial:
        out << "drop = " << part.drop << "\nfail = " << part.fail << "\nother = " << part.other
            << "\nnap_us = " << part.nap << "\n";
        break;
      case Part::kAmplify:
        out << "most = " << part.most << "\nbatch = " << part.batch << "\n";
        break;
      case Part::kKeyed:
        out << "nap_us = " << part.nap << "\n";
        if (part.instances > 0) out << "parallelism = " << part.instances << "\n";
        break;
      case Part::kAsk:
        out << "fail = " << part.fail << "\n";
        break;
      case Part::kBoth:
        break;
      case Part::kSink:
      case Part::kLetters:
        out << "into = \"" << part.name() << "\"\nnap_us = " << part.nap << "\n";
    }
    if (part.kind < Part::kSink) out << "tag = " << part.tag << "\n";
    const auto references = [&](std::uint32_t input) {
      std::string list;
      for (const Wire& wire : part.wires) {
        if (part.kind == Part::kBoth && wire.input != input) continue;
        list += (list.empty() ? "\"" : ", \"") + parts[wire.from].name() +
                (wire.port.empty() ? "" : "." + wire.port) + "\"";
      }
      return "[" + list + "]";
    };
    if (part.kind == Part::kBoth) {
      out << "inputs = { left = " << references(0) << ", right = " << references(1) << " }\n";
    } else {
      out << "inputs = " << references(0) << "\n";
    }
  }
};

Graph random_graph(Random& random) {
  Graph graph;
  const auto below = [&](std::uint64_t n) { return static_cast<std::int64_t>(random() % n); };
  const auto numbered = [&](Part::Kind kind) {
    Part part;
    part.kind = kind;
    part.number = static_cast<std::int64_t>(graph.parts.size());
    part.tag = 100 * (part.number + 1);
    part.nap = below(3) == 0 ? below(300) : 0;
    part.batch = 1 + below(200);
    part.instances = below(4);
    part.here = below(2) == 0;
    return part;
  };
  // Outputs that a part may read from.
  std::vector<Wire> outputs;
  std::set<std::pair<std::size_t, std::string>> read;
  const auto offer = [&](const Part& part) {
    const std::size_t at = graph.parts.size();
    if (part.kind == Part::kStep || part.kind == Part::kSerial) {
      outputs.push_back({at, "out", 0});
      if (part.other > 0) outputs.push_back({at, "other", 0});
    } else {
      outputs.push_back(
          {at, part.kind == Part::kSource || part.kind == Part::kAsk ? "out" : "", 0});
    }
  };
  const auto wires = [&](std::int64_t n) {
    std::vector<Wire> chosen;
    for (std::int64_t i = 0; i < n; ++i) {
      const Wire& wire = below(3) == 0 ? outputs[random() % outputs.size()] : outputs.back();
      const bool known = std::any_of(chosen.begin(), chosen.end(), [&](const Wire& other) {
        return other.from == wire.from && other.port == wire.port;
      });
      if (!known) chosen.push_back(wire);
    }
    for (const Wire& wire : chosen) read.emplace(wire.from, wire.port);
    return chosen;
  };

  for (std::int64_t i = 1 + below(2); i > 0; --i) {
    Part source = numbered(Part::kSource);
    source.rows = below(10) == 0 ? 0 : below(4000);
    source.seed = below(1000);
    offer(source);
    graph.parts.push_back(source);
  }
  std::int64_t amplifiers = 0;
  for (std::int64_t i = below(8); i > 0; --i) {
    constexpr Part::Kind kKinds[] = {Part::kStep,    Part::kStep,  Part::kStep, Part::kSerial,
                                     Part::kAmplify, Part::kKeyed, Part::kBoth, Part::kAsk};
    Part part = numbered(kKinds[random() % std::size(kKinds)]);
    if (part.kind == Part::kAmplify && ++amplifiers > 1) part.kind = Part::kStep;
    part.drop = below(3) == 0 ? below(60) : 0;
    part.fail = below(3) == 0 ? below(20) : 0;
    part.other = below(2) == 0 ? below(60) : 0;
    part.most = 1 + below(30);
    part.wires = wires(part.kind == Part::kBoth ? 2 + below(2) : 1 + below(2));
    if (part.kind == Part::kBoth) {
      for (std::size_t w = 0; w < part.wires.size(); ++w) part.wires[w].input = w % 2;
      if (part.wires.size() < 2) part.kind = Part::kSerial;
    }
    offer(part);
    graph.parts.push_back(part);
    const bool fails =
        part.kind == Part::kStep || part.kind == Part::kSerial || part.kind == Part::kAsk;
    if (fails && part.fail > 0 && below(2) == 0) {
      Part letters = numbered(Part::kLetters);
      letters.wires = {{graph.parts.size() - 1, "errors", 0}};
      graph.parts.push_back(letters);
    }
  }
  // Every output that nobody reads goes to some sink.
  std::vector<Part> sinks(1 + random() % 2);
  for (const Wire& wire : outputs) {
    if (read.count({wire.from, wire.port}) != 0) continue;
    sinks[random() % sinks.size()].wires.push_back(wire);
  }
  for (Part& sink : sinks) {
    if (sink.wires.empty()) continue;
    const auto kept = sink.wires;
    sink = numbered(Part::kSink);
    sink.wires = kept;
    graph.parts.push_back(sink);
  }
  std::ostringstream settings;
  if (below(2) == 0) settings << "memory_limit = \"1MiB\"\nin_flight = \"64KiB\"\n";
  graph.settings = settings.str();
  return graph;
}

struct Expected {
  std::map<std::string, std::map<Row, std::int64_t>> rows;  // by sink
  std::map<std::string, std::map<std::string, std::int64_t>> letters;
  // By path: whether rows with it may come out of order (they were answered later), or are in order
  // a key only.
  std::set<std::int64_t> unordered, by_key;
};

// One row after the other through the graph.
class Reference {
 public:
  explicit Reference(const Graph& graph) : graph_(graph) {
    for (std::size_t to = 0; to < graph.parts.size(); ++to) {
      for (const Wire& wire : graph.parts[to].wires) {
        readers_[{wire.from, wire.port}].emplace_back(to, wire.input);
      }
    }
  }
  Expected run() {
    for (std::size_t i = 0; i < graph_.parts.size(); ++i) {
      const Part& source = graph_.parts[i];
      if (source.kind != Part::kSource) continue;
      for (std::int64_t n = 0; n < source.rows; ++n) {
        send(i, "out", source_row(source.number, source.seed, n), {});
      }
    }
    return std::move(expected_);
  }

 private:
  struct Way {
    bool unordered = false, by_key = false;
  };
  void send(std::size_t from, const std::string& port, const Row& row, Way way) {
    const auto found = readers_.find({from, port});
    if (found == readers_.end()) return;
    for (const auto& [to, input] : found->second) take(to, input, row, way);
  }
  void take(std::size_t index, std::uint32_t input, Row row, Way way) {
    const Part& part = graph_.parts[index];
    const auto to = [&](const std::string& port, std::int64_t tag) {
      row.path = mixed_path(row.path, tag);
      send(index, port, row, way);
    };
    switch (part.kind) {
      case Part::kSource:
        return;
      case Part::kStep:
      case Part::kSerial: {
        const Fate fate = fate_of(row, part.tag, part.drop, part.fail, part.other);
        if (fate == Fate::kFail) fail(index, row, "hash");
        if (fate == Fate::kOut) to("out", part.tag);
        if (fate == Fate::kOther) to("other", part.tag + 1);
        return;
      }
      case Part::kAmplify: {
        const std::int64_t copies = copies_of(row, part.tag, part.most);
        const Row original = row;
        for (std::int64_t copy = 0; copy < copies; ++copy) {
          row = original;
          row.copy = original.copy * 1'000'000 + copy;
          to("", part.tag);
        }
        return;
      }
      case Part::kKeyed:
        way.by_key = true;
        return to("", part.tag);
      case Part::kBoth:
        return to("", part.tag + input);
      case Part::kAsk:
        way.unordered = true;
        if (fate_of(row, part.tag, 0, part.fail, 0) == Fate::kFail) {
          fail(index, row, "no_answer");
        } else {
          to("out", part.tag);
        }
        return;
      case Part::kSink:
        ++expected_.rows[part.name()][row];
        if (way.unordered) expected_.unordered.insert(row.path);
        if (way.by_key) expected_.by_key.insert(row.path);
        return;
      case Part::kLetters:
        return;
    }
  }
  void fail(std::size_t index, const Row& row, const std::string& reason) {
    const auto found = readers_.find({index, "errors"});
    if (found == readers_.end()) return;
    const std::string message = reason == "hash"
                                    ? std::to_string(row.id) + "/" + std::to_string(row.path) +
                                          "/" + std::to_string(row.copy)
                                    : "nobody knows";
    for (const auto& [to, input] : found->second) {
      std::string letter = graph_.parts[index].name();
      letter.append("|").append(reason).append("|").append(message);
      ++expected_.letters[graph_.parts[to].name()][letter];
    }
  }

  const Graph& graph_;
  std::map<std::pair<std::size_t, std::string>, std::vector<std::pair<std::size_t, std::uint32_t>>>
      readers_;
  Expected expected_;
};

std::string difference(const std::map<Row, std::int64_t>& expected,
                       const std::map<Row, std::int64_t>& seen) {
  std::ostringstream out;
  int shown = 0;
  const auto compare = [&](const auto& one, const auto& other, const char* what) {
    for (const auto& [row, count] : one) {
      const auto found = other.find(row);
      const std::int64_t there = found == other.end() ? 0 : found->second;
      if (count > there && ++shown < 6) {
        out << what << " id " << row.id << " path " << row.path << " copy " << row.copy << " "
            << count << " times, not " << there << "\n";
      }
    }
  };
  compare(expected, seen, "expected");
  compare(seen, expected, "got");
  return out.str();
}

void expect_order(const std::vector<Row>& rows, const Expected& expected) {
  // Of one path, source and partition (and, behind a keyed operator, key): ascending.
  using Key = std::tuple<std::int64_t, std::int64_t, std::int64_t, std::int64_t>;
  std::map<Key, std::pair<std::int64_t, std::int64_t>> last;
  for (const Row& row : rows) {
    if (expected.unordered.count(row.path) != 0) continue;
    const std::int64_t key = expected.by_key.count(row.path) != 0 ? row.key : -1;
    const std::pair<std::int64_t, std::int64_t> place(row.seq, row.copy);
    const auto [known, is_new] =
        last.try_emplace({row.path, row.source, key == -1 ? 0 : row.part, key}, place);
    if (is_new) continue;
    ASSERT_LT(known->second, place) << "path " << row.path << " source " << row.source;
    known->second = place;
  }
}

void expect_pairs(Board& board) {
  ASSERT_TRUE(std::is_sorted(board.prepared.begin(), board.prepared.end()));
  ASSERT_EQ(std::adjacent_find(board.prepared.begin(), board.prepared.end()), board.prepared.end())
      << "prepared twice";
  ASSERT_TRUE(std::is_sorted(board.committed.begin(), board.committed.end()));
  ASSERT_EQ(std::adjacent_find(board.committed.begin(), board.committed.end()),
            board.committed.end())
      << "committed twice";
  ASSERT_TRUE(std::includes(board.prepared.begin(), board.prepared.end(), board.committed.begin(),
                            board.committed.end()));
  // What was prepared last may have been overtaken by the end.
  ASSERT_LE(board.prepared.size(), board.committed.size() + 1);
}

class EngineTest : public ::testing::Test {
 protected:
  static void check(std::uint64_t seed) {
    Random random(seed);
    const Graph graph = random_graph(random);
    const std::string toml = graph.toml();
    SCOPED_TRACE("FLOWRUN_TEST_SEED=" + std::to_string(seed) + "\n" + toml);
    const Watchdog watchdog(std::chrono::seconds(120),
                            "FLOWRUN_TEST_SEED=" + std::to_string(seed) + "\n" + toml);
    clear_boards();
    RunSettings settings;
    settings.parallelism = static_cast<int>(1 + random() % 4);
    settings.checkpoint_interval = random() % 4 == 0 ? 1'000'000 : 50'000'000;
    Flow flow(toml, settings);
    const std::int64_t before = flow.pipeline().memory_used();
    std::atomic<bool> over{false};
    std::uint64_t most_unaccounted = 0;
    std::thread looking([&] {
      while (!over.load()) {
        most_unaccounted = std::max(most_unaccounted, flow.pipeline().ledger().unaccounted());
        std::this_thread::sleep_for(std::chrono::microseconds(500));
      }
    });
    const RunResult result = flow.run();
    over.store(true);
    looking.join();
    ASSERT_EQ(result.outcome, Outcome::kFinished) << result.message;
    ASSERT_EQ(result.rows_left, 0u);
    ASSERT_EQ(most_unaccounted, 0u) << "while running";
    ASSERT_EQ(flow.pipeline().ledger().unaccounted(), 0u);
    ASSERT_EQ(flow.metric("flowrun_unaccounted_rows"), 0);
    ASSERT_LE(flow.pipeline().memory_used(), before + (64 << 10)) << "something is kept";
    const Expected expected = Reference(graph).run();
    for (const Part& part : graph.parts) {
      if (part.kind < Part::kSink) continue;
      Board& seen = board(part.name());
      ASSERT_EQ(seen.closed_drained, 1);
      ASSERT_EQ(seen.closed_undrained, 0);
      std::map<Row, std::int64_t> rows;
      for (const Row& row : seen.rows) ++rows[row];
      const auto wanted = expected.rows.find(part.name());
      const std::map<Row, std::int64_t> none;
      const auto& wanted_rows = wanted == expected.rows.end() ? none : wanted->second;
      ASSERT_TRUE(rows == wanted_rows) << part.name() << ":\n" << difference(wanted_rows, rows);
      const auto letters = expected.letters.find(part.name());
      ASSERT_TRUE(seen.letters == (letters == expected.letters.end()
                                       ? std::map<std::string, std::int64_t>()
                                       : letters->second))
          << part.name() << ": dead letters differ";
      expect_order(seen.rows, expected);
      expect_pairs(seen);
    }
  }
};

TEST_F(EngineTest, AnyGraphDeliversExactlyWhatItShouldInOrder) {
  const std::uint64_t seed = test_seed("engine");
  if (std::getenv("FLOWRUN_TEST_SEED") != nullptr) {
    for (int round = 0; round < 20 && !HasFatalFailure(); ++round) check(seed);
    return;
  }
  const char* given = std::getenv("FLOWRUN_TEST_SECONDS");
  const auto until = std::chrono::steady_clock::now() +
                     std::chrono::seconds(given != nullptr ? std::atoi(given) : 15);
  std::uint64_t round = 0;
  while (std::chrono::steady_clock::now() < until && !HasFatalFailure()) check(seed + round++);
  std::printf("%llu graphs\n", static_cast<unsigned long long>(round));
}

TEST_F(EngineTest, KeyedOperatorHasInstancesOfItsOwn) {
  clear_boards();
  const auto owners = [](const std::string& keyed) {
    Flow flow(
        "[pipeline]\non_error = \"drop\"\n[sources.n]\ntype = \"numbers\"\nrows = 5000\n"
        "[transforms.k]\ntype = \"keyed_step\"\ninputs = [\"n\"]\n" +
            keyed + "[sinks.s]\ntype = \"collect\"\ninputs = [\"k\"]\n",
        {.parallelism = 2});
    EXPECT_EQ(flow.run().outcome, Outcome::kFinished);
    int seen = 0;
    for (int instance = 0; instance < 5; ++instance) {
      const std::string label = "instance=\"" + std::to_string(instance) + "\"";
      if (flow.metric("flowrun_key_instance_rows_total", {label}) > 0) ++seen;
    }
    return seen;
  };
  EXPECT_EQ(owners(""), 2);
  EXPECT_EQ(owners("parallelism = 1\n"), 1);
  EXPECT_EQ(owners("parallelism = 3\n"), 3);
}

TEST_F(EngineTest, ManyCheckpointsCompleteWhileRowsFlow) {
  clear_boards();
  const Watchdog watchdog(std::chrono::seconds(60), "checkpoints");
  Flow flow(
      "[pipeline]\non_error = \"drop\"\n[sources.n]\ntype = \"numbers\"\nrows = 100000\nnap_us = "
      "400\n[transforms.a]\ntype = \"keyed_step\"\ninputs = [\"n\"]\n[transforms.b]\ntype = "
      "\"serial_step\"\ninputs = [\"a\"]\n[sinks.s]\ntype = \"collect\"\ninputs = [\"b\", "
      "\"n\"]\n",
      {.parallelism = 4, .checkpoint_interval = 10'000'000});
  const RunResult result = flow.run();
  EXPECT_EQ(result.outcome, Outcome::kFinished) << result.message;
  EXPECT_EQ(board("sink").delivered.load(), 200000);
  EXPECT_GE(flow.pipeline().checkpoints(), 5u);
  expect_pairs(board("sink"));
  EXPECT_GE(board("sink").committed.size() + 1, flow.pipeline().checkpoints());
}

// Even where its end comes before its first barrier: what sinks prepare for it must not look older
// than what the next run goes on from, should this one be killed then.
TEST_F(EngineTest, NextRunPreparesBehindTheCheckpointsBeforeIt) {
  const std::string folder = ::testing::TempDir() + "/flowrun_next_run";
  std::filesystem::remove_all(folder);
  const auto prepared = [&](std::int64_t interval) {
    clear_boards();
    Flow flow(
        "[pipeline]\non_error = \"drop\"\n[sources.n]\ntype = \"numbers\"\nrows = 20000\n"
        "nap_us = 400\n[sinks.s]\ntype = \"collect\"\ninputs = [\"n\"]\n",
        {.parallelism = 2, .checkpoint_interval = interval, .checkpoint_folder = folder});
    EXPECT_EQ(flow.run().outcome, Outcome::kFinished);
    return board("sink").prepared;
  };
  const std::vector<std::uint64_t> first = prepared(10'000'000);
  ASSERT_GT(first.size(), 1U);
  const std::vector<std::uint64_t> second = prepared(3'600'000'000'000);
  ASSERT_EQ(second.size(), 1U);
  EXPECT_GT(second.front(), first.back());
}

}  // namespace
}  // namespace flowrun::graph_test::engine_test
