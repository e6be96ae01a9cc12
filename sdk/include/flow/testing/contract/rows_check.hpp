// The rules of operators that take rows: transforms, windows, and the encoding half of codecs.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "flow/testing/contract/session.hpp"

namespace flow::testing::contract {

// A piece of input, in the order of arrival.
struct Event {
  uint32_t input;
  Table rows;
  int64_t position;
};
using Script = std::vector<Event>;

class RowsCheck {
 public:
  explicit RowsCheck(Context& context, flow_role role = FLOW_ROLE_NONE)
      : context_(context), role_(role) {}

  void run() {
    Script script;
    Outcome expected;
    if (!find_script(script, expected)) return;
    // What is wrong with the plainest run would be wrong with every other in ten ways more.
    if (!context_.findings.empty()) return;
    check_room(script, expected);
    for (int i = 0; i < kSplits; ++i) check_splits(script, expected);
    if (role_ == FLOW_ROLE_NONE && context_.descriptor.kind != FLOW_SINK) {
      for (size_t at = 0; at <= script.size(); ++at) check_snapshot(script, expected, at);
    }
    check_foreign_rows();
    check_early_close(script);
    context_.findings.during("");
  }

  // Whole events into a fresh instance, to the end. Ready: whether everything was dealt with.
  Outcome run_script(const Script& script, bool& done) {
    Session session(context_, context_.settings, role_);
    done = feed_and_end(session, script);
    return session.outcome();
  }

  // Input that the operator accepts: the subject's own, or the first generated one that it does not
  // refuse.
  bool find_script(Script& script, Outcome& expected) {
    const bool given = !context_.subject.inputs.empty();
    for (int attempt = 0; attempt < (given ? 1 : kAttempts); ++attempt) {
      script = make_script();
      context_.findings.during(given ? "with the given input" : "with generated input");
      Findings scratch(context_.subject);
      Context trial{context_.plugin, context_.descriptor, context_.subject, context_.settings,
                    scratch,         context_.random};
      bool done = false;
      std::string words;
      {
        Session session(trial, context_.settings, role_);
        done = feed_and_end(session, script);
        words = session.ready() ? session.host().error : session.refusal();
        expected = session.outcome();
      }
      refusal_ = words;
      refused_with_ = scratch.take();
      if (!done && !given) continue;
      for (const Violation& violation : refused_with_) {
        context_.findings.add(violation.rule, violation.detail);
      }
      if (!done) context_.findings.add("process", "does not take the given input: " + words);
      return done;
    }
    // Broken rather than choosy.
    for (const Violation& violation : refused_with_) {
      context_.findings.add(violation.rule, violation.detail);
    }
    if (!refused_with_.empty()) return false;
    context_.findings.during("");
    context_.findings.add("process",
                          "refuses every generated input; name rows that it takes as "
                          "ContractSubject::inputs. Its last words: " +
                              refusal_);
    return false;
  }

 private:
  static constexpr int kAttempts = 60;
  static constexpr int kSplits = 3;
  static constexpr int64_t kRows = 60;
  static constexpr int64_t kPieces = 3;

  bool ordered() const { return !context_.is(FLOW_BLOCKING); }

  // The columns that the settings name.
  std::vector<std::string> named_columns() const {
    std::vector<std::string> names;
    const OptionValues values(context_.descriptor, context_.settings);
    for (uint32_t i = 0; i < context_.descriptor.n_options; ++i) {
      const flow_option& option = *context_.descriptor.options[i];
      const flow_value* value = values.data()[i];
      if (value == nullptr) continue;
      if (option.type == FLOW_OPTION_FIELD) names.emplace_back(value->text);
      if (option.type != FLOW_OPTION_FIELDS) continue;
      for (uint64_t item = 0; item < value->n_items; ++item) {
        names.emplace_back(value->items[item]->text);
      }
    }
    return names;
  }

  Script make_script() {
    const uint32_t n_inputs = std::max(context_.descriptor.n_inputs, uint32_t{1});
    std::vector<Table> tables;
    for (uint32_t input = 0; input < n_inputs; ++input) {
      tables.push_back(input < context_.subject.inputs.size()
                           ? context_.subject.inputs[input]
                           : generated_table(context_.random, named_columns(), kRows));
    }
    Script script;
    for (int64_t piece = 0; piece < kPieces; ++piece) {
      for (uint32_t input = 0; input < n_inputs; ++input) {
        const int64_t rows = tables[input].rows();
        const int64_t first = rows * piece / kPieces;
        const int64_t last = rows * (piece + 1) / kPieces;
        script.push_back({input, table_slice(tables[input], first, last - first),
                          int64_t{input} * 1'000'000 + first});
      }
    }
    return script;
  }

  bool feed(Session& session, const Script& script, size_t first, size_t last) {
    for (size_t i = first; i < last; ++i) {
      const Event& event = script[i];
      const Batch batch = session.batch(event.rows, event.position);
      if (session.process(event.input, batch) != FLOW_DONE) return false;
      session.follow(event.input, batch);
    }
    return true;
  }
  void end(Session& session) {
    if (session.op()->advance != nullptr && role_ == FLOW_ROLE_NONE) session.advance(INT64_MAX);
    session.host().clock += int64_t{86'400'000'000'000};
    if (session.op()->timer != nullptr) session.fire(FLOW_PROCESSING_TIME, session.host().clock);
    session.close(true);
  }
  bool feed_and_end(Session& session, const Script& script) {
    session.open();
    if (!session.ready() || !feed(session, script, 0, script.size())) return false;
    end(session);
    return true;
  }
  void compare(const Outcome& got, const Outcome& expected, const char* rule) {
    const std::string difference = got.difference(expected, ordered());
    if (!difference.empty()) context_.findings.add(rule, difference);
  }

  void check_room(const Script& script, const Outcome& expected) {
    context_.findings.during("with room for one batch");
    Session session(context_, context_.settings, role_);
    session.host().limit_room(1);
    if (feed_and_end(session, script)) compare(session.outcome(), expected, "room");
    if (context_.subject.memory_limit > 0 && session.peak() > context_.subject.memory_limit) {
      context_.findings.add("memory", "its buffers reached " + std::to_string(session.peak()) +
                                          " bytes, more than " +
                                          std::to_string(context_.subject.memory_limit));
    }
  }

  void check_splits(const Script& script, const Outcome& expected) {
    context_.findings.during("with the input cut at random");
    Session session(context_, context_.settings, role_);
    session.open();
    if (!session.ready()) return;
    for (const Event& event : script) {
      const bool sliced = below(context_.random, 2) == 0;
      const Batch whole = session.batch(event.rows, event.position);
      const std::vector<int64_t> cuts = random_cuts(context_.random, event.rows.rows());
      for (size_t i = 0; i + 1 < cuts.size(); ++i) {
        const int64_t rows = cuts[i + 1] - cuts[i];
        const Batch piece = sliced ? session.host().host().slice(whole, cuts[i], rows)
                                   : session.batch(table_slice(event.rows, cuts[i], rows),
                                                   event.position + cuts[i]);
        if (session.process(event.input, piece) != FLOW_DONE) {
          context_.findings.add("splits", "fails: " + session.host().error);
          return;
        }
        session.follow(event.input, piece);
      }
    }
    end(session);
    compare(session.outcome(), expected, "splits");
  }

  // Runs up to event `at`, hands state, pages and timers to a new instance, and goes on there.
  void check_snapshot(const Script& script, const Outcome& expected, size_t at) {
    context_.findings.during("with a restart after " + std::to_string(at) + " of " +
                             std::to_string(script.size()) + " batches");
    std::string state;
    host::StateStore::Copy pages;
    std::vector<Timer> timers;
    std::vector<int64_t> followed;
    Outcome sum;
    {
      Session session(context_, context_.settings, role_);
      session.open();
      if (!session.ready() || !feed(session, script, 0, at)) return;
      if (!take_snapshot(session, state)) return;
      session.host().state().freeze();
      timers = session.timers();
      followed = session.followed();
      sum = session.outcome();
      // What comes behind the barrier must not reach the frozen pages.
      if (at < script.size()) {
        const Event& event = script[at];
        session.process(event.input, session.batch(event.rows, event.position));
      }
      pages = session.host().state().frozen();
    }
    Session session(context_, context_.settings, role_, nullptr);
    session.host().state().restore(pages);
    session.open();
    if (!session.ready()) return;
    session.timers() = timers;
    session.followed() = followed;
    if (!state.empty()) {
      const flow_status restored = session.call("restore", [&] {
        return session.op()->restore(session.op(), context_.descriptor.version, state.data(),
                                     static_cast<int64_t>(state.size()));
      });
      if (restored != FLOW_DONE) {
        context_.findings.add("snapshot",
                              "restore refuses what snapshot wrote: " + session.host().error);
        return;
      }
    }
    if (!feed(session, script, at, script.size())) {
      context_.findings.add("snapshot", "fails after restore: " + session.host().error);
      return;
    }
    end(session);
    compare(joined(sum, session.outcome()), expected, "snapshot");
  }

  bool take_snapshot(Session& session, std::string& state) {
    flow_buffer* buffer = nullptr;
    int64_t length = 0;
    if (session.op()->snapshot == nullptr) {
      context_.findings.add("snapshot", "the function is missing");
      return false;
    }
    const flow_status status = session.call(
        "snapshot", [&] { return session.op()->snapshot(session.op(), &buffer, &length); });
    const Buffer owned = Buffer::adopt(buffer);
    if (status != FLOW_DONE) {
      context_.findings.add("snapshot", "fails: " + session.host().error);
      return false;
    }
    if (length < 0 || (length > 0 && (!owned || length > owned->capacity))) {
      context_.findings.add("snapshot", "its length is not that of its buffer");
      return false;
    }
    if (length > 0)
      state.assign(static_cast<const char*>(owned->data), static_cast<size_t>(length));
    return true;
  }
  static Outcome joined(Outcome first, const Outcome& second) {
    first.rows.resize(std::max(first.rows.size(), second.rows.size()));
    for (size_t port = 0; port < second.rows.size(); ++port) {
      first.rows[port].insert(first.rows[port].end(), second.rows[port].begin(),
                              second.rows[port].end());
    }
    first.failed.insert(first.failed.end(), second.failed.begin(), second.failed.end());
    for (const auto& [reason, rows] : second.dropped) first.dropped[reason] += rows;
    first.absorbed += second.absorbed;
    first.late += second.late;
    first.created += second.created;
    return first;
  }

  // Columns of other types, no columns, no rows: refused with words or failed row by row.
  void check_foreign_rows() {
    context_.findings.during("with rows of other types");
    for (int i = 0; i < 12; ++i) {
      Table table = generated_table(context_.random, named_columns(), 20);
      if (i == 0) table.columns.clear();
      if (i == 1) table = table_slice(table, 0, 0);
      if (i == 2) table.columns.erase(table.columns.begin() + 1, table.columns.end());
      Session session(context_, context_.settings, role_);
      session.open();
      if (!session.ready()) return;
      const uint32_t inputs = std::max(context_.descriptor.n_inputs, uint32_t{1});
      const auto input = static_cast<uint32_t>(below(context_.random, inputs));
      const flow_status status = session.process(input, session.batch(table, 0, i != 0));
      if (i == 1 && status != FLOW_DONE && status != FLOW_FAILED) {
        context_.findings.add("process",
                              "answers " + std::to_string(status) + " to a batch without rows");
      }
    }
  }

  void check_early_close(const Script& script) {
    context_.findings.during("stopped half-way");
    Session session(context_, context_.settings, role_);
    session.open();
    if (!session.ready() || !feed(session, script, 0, script.size() / 2)) return;
    session.close(false);
  }

  Context& context_;
  flow_role role_;
  std::string refusal_;
  std::vector<Violation> refused_with_;
};

}  // namespace flow::testing::contract
