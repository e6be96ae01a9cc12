// The rules of sources: positions to resume from, room, partitions, wake.
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "flow/testing/contract/session.hpp"

namespace flow::testing::contract {

class SourceCheck {
 public:
  explicit SourceCheck(Context& context) : context_(context) {}

  void run() {
    const Reading all = read({}, -1, "");
    if (!all.ready) return;
    if (all.count() == 0) {
      context_.findings.add("process", "emits nothing; name settings or partitions that give rows");
      return;
    }
    const Reading narrow = read({}, 1, "with room for one batch");
    compare(narrow, all, {}, "room");
    if (context_.subject.memory_limit > 0 && narrow.peak > context_.subject.memory_limit) {
      context_.findings.add("memory", "its buffers reached " + std::to_string(narrow.peak) +
                                          " bytes, more than " +
                                          std::to_string(context_.subject.memory_limit));
    }
    for (int i = 0; i < kResumes; ++i) check_resume(all);
    check_wake();
    context_.findings.during("");
  }

 private:
  static constexpr int kResumes = 4;
  static constexpr int kIdlePolls = 200;

  // One batch's mark in a partition's rows.
  struct Mark {
    std::string position;
    size_t rows;  // of the partition, up to here
  };
  struct Reading {
    bool ready = false;
    bool ended = false;
    std::map<std::string, std::vector<std::string>> rows;  // by partition
    std::map<std::string, std::vector<Mark>> marks;
    int64_t peak = 0;
    size_t count() const {
      size_t sum = 0;
      for (const auto& [partition, list] : rows) sum += list.size();
      return sum;
    }
  };
  using Positions = std::map<std::string, std::string>;

  void assign(Session& session, const std::string& partition, const std::string* position) {
    const flow_status status = session.call("assign", [&] {
      return session.op()->assign(
          session.op(), partition.c_str(), position != nullptr ? position->data() : nullptr,
          position != nullptr ? static_cast<uint32_t>(position->size()) : 0);
    });
    if (status != FLOW_DONE) {
      context_.findings.add("assign",
                            "refuses partition '" + partition + "': " + session.host().error);
    }
  }

  Reading read(const Positions& from, int64_t room, const std::string& during) {
    context_.findings.during(during);
    Session session(context_, context_.settings);
    Reading reading;
    session.open();
    if (!session.ready()) {
      context_.findings.add("open", session.refusal());
      return reading;
    }
    if (session.op()->poll == nullptr || session.op()->assign == nullptr) {
      context_.findings.add("descriptor", "a source without poll or assign");
      return reading;
    }
    reading.ready = true;
    session.host().limit_room(room);
    std::vector<std::string> wanted = context_.subject.partitions;
    std::set<std::string> assigned;
    int idle = 0;
    while (idle < kIdlePolls &&
           reading.count() < static_cast<size_t>(context_.subject.source_rows)) {
      for (std::string& offered : std::exchange(session.host().offered, {})) {
        wanted.push_back(std::move(offered));
      }
      for (const std::string& partition : std::exchange(wanted, {})) {
        if (!assigned.insert(partition).second) continue;
        const auto found = from.find(partition);
        assign(session, partition, found != from.end() ? &found->second : nullptr);
      }
      const flow_status status =
          session.call("poll", [&] { return session.op()->poll(session.op()); });
      const bool any = take(session, assigned, reading);
      session.collect();
      idle = any ? 0 : idle + 1;
      if (status == FLOW_FAILED || status == FLOW_RETRY) {
        context_.findings.add("poll",
                              "answers " + std::to_string(status) + ": " + session.host().error);
        break;
      }
      // A partition that was offered just now may still have rows.
      if (status == FLOW_END && session.host().offered.empty()) {
        reading.ended = true;
        break;
      }
    }
    acknowledge(session, reading);
    reading.peak = session.peak();
    session.close(reading.ended);
    return reading;
  }

  // Sorts what one poll emitted by partition.
  bool take(Session& session, const std::set<std::string>& assigned, Reading& reading) {
    const std::vector<Batch>& batches = session.host().emitted[0];
    size_t next = 0;
    bool any = false;
    for (const Emission& emission : std::exchange(session.host().emissions, {})) {
      any = true;
      if (assigned.count(emission.partition) == 0) {
        context_.findings.add(
            "position", "emits from partition '" + emission.partition + "', which is not assigned");
      }
      std::vector<std::string>& rows = reading.rows[emission.partition];
      if (emission.rows > 0 && next < batches.size()) {
        const Batch& batch = batches[next];
        Findings broken(nothing_);
        ArrowCheck(broken).batch(*batch);
        for (int64_t row = 0; broken.empty() && row < batch.rows(); ++row) {
          rows.push_back(rendered_row(*batch, row));
        }
      }
      next += emission.rows > 0 ? 1 : 0;
      reading.marks[emission.partition].push_back({emission.position, rows.size()});
    }
    if (next < batches.size()) {
      context_.findings.add("position", "emits a batch without partition and position");
    }
    return any;
  }
  void acknowledge(Session& session, const Reading& reading) {
    if (session.op()->acknowledge == nullptr) return;
    for (const auto& [name, marks] : reading.marks) {
      const std::string& partition = name;  // clang 14 captures no structured binding
      const std::string& position = marks.back().position;
      const flow_status status = session.call("acknowledge", [&] {
        return session.op()->acknowledge(session.op(), partition.c_str(), position.data(),
                                         static_cast<uint32_t>(position.size()));
      });
      if (status != FLOW_DONE) context_.findings.add("acknowledge", session.host().error);
    }
  }

  // The rows of `got` are those of `all` behind the first `skipped` of each partition.
  void compare(const Reading& got, const Reading& all, const std::map<std::string, size_t>& skipped,
               const char* rule) {
    if (!got.ready) return;
    for (const auto& [partition, rows] : all.rows) {
      const auto skip = skipped.find(partition);
      const size_t from = skip != skipped.end() ? skip->second : 0;
      const auto found = got.rows.find(partition);
      Outcome expected, actual;
      expected.rows.emplace_back(rows.begin() + static_cast<std::ptrdiff_t>(from), rows.end());
      actual.rows.emplace_back(found != got.rows.end() ? found->second
                                                       : std::vector<std::string>());
      if (!got.ended || !all.ended) {
        // Neither was read to the end: what both have must agree.
        const size_t common = std::min(expected.rows[0].size(), actual.rows[0].size());
        expected.rows[0].resize(common);
        actual.rows[0].resize(common);
      }
      const std::string difference = actual.difference(expected, true);
      if (!difference.empty()) {
        std::string finding = "partition '";
        finding.append(partition).append("': ").append(difference);
        context_.findings.add(rule, finding);
      }
    }
  }

  void check_resume(const Reading& all) {
    Positions from;
    std::map<std::string, size_t> skipped;
    for (const auto& [partition, marks] : all.marks) {
      const Mark& mark =
          marks[static_cast<size_t>(below(context_.random, static_cast<int64_t>(marks.size())))];
      from[partition] = mark.position;
      skipped[partition] = mark.rows;
    }
    const int64_t room = below(context_.random, 2) == 0 ? -1 : 1 + below(context_.random, 3);
    const Reading rest = read(from, room, "resumed from an emitted position");
    compare(rest, all, skipped, "assign");
  }

  // wake is called by another thread, at any time; a poll returns soon.
  void check_wake() {
    context_.findings.during("with wake from another thread");
    Session session(context_, context_.settings);
    session.open();
    if (!session.ready()) return;
    if (session.op()->wake == nullptr) {
      context_.findings.add("wake", "the function is missing");
      return;
    }
    for (const std::string& partition : context_.subject.partitions)
      assign(session, partition, nullptr);
    std::atomic<bool> stop{false};
    std::thread waker([&] {
      while (!stop) {
        session.op()->wake(session.op());
        std::this_thread::sleep_for(std::chrono::microseconds(200));
      }
    });
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < 5; ++i) {
      session.host().limit_room(1);
      session.call("poll", [&] { return session.op()->poll(session.op()); });
      session.host().emissions.clear();
      session.collect();
    }
    stop = true;
    waker.join();
    if (std::chrono::steady_clock::now() - begin > std::chrono::seconds(5)) {
      context_.findings.add("wake", "five polls took more than five seconds");
    }
    for (const std::string& partition : context_.subject.partitions) {
      if (session.op()->revoke == nullptr) break;
      session.call("revoke", [&] { return session.op()->revoke(session.op(), partition.c_str()); });
    }
    session.close(false);
  }

  Context& context_;
  ContractSubject nothing_;
};

}  // namespace flow::testing::contract
