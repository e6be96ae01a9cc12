// The rules of sinks: rows by the same tests as any operator's, and the two phases of a checkpoint.
#pragma once

#include <string>

#include "flow/testing/contract/rows_check.hpp"

namespace flow::testing::contract {

class SinkCheck {
 public:
  explicit SinkCheck(Context& context) : context_(context) {}

  void run() {
    RowsCheck rows(context_);
    rows.run();
    if (!context_.findings.empty()) return;
    Script script;
    Outcome expected;
    if (!rows.find_script(script, expected)) return;
    check_output(rows, script);
    check_phases(script);
    context_.findings.during("");
  }

 private:
  std::string visible() const {
    return context_.subject.observe ? context_.subject.observe() : std::string();
  }

  // The same batches give the same output, and everything that did not fail is in it.
  void check_output(RowsCheck& rows, const Script& script) {
    context_.findings.during("");
    bool done = false;
    const Outcome first = rows.run_script(script, done);
    const std::string once = visible();
    if (context_.subject.delivered_rows) {
      int64_t sent = 0;
      for (const Event& event : script) sent += event.rows.rows();
      const int64_t lost = static_cast<int64_t>(first.failed.size());
      const int64_t delivered = context_.subject.delivered_rows();
      if (delivered + lost != sent) {
        context_.findings.add("ledger", std::to_string(sent) + " rows in, " +
                                            std::to_string(delivered) + " delivered and " +
                                            std::to_string(lost) + " failed");
      }
    }
    rows.run_script(script, done);
    if (visible() != once) context_.findings.add("output", "differs between two equal runs");
  }

  struct Handle {
    bool done = false;
    std::string bytes;
  };
  Handle prepare(Session& session, uint64_t checkpoint) {
    flow_buffer* buffer = nullptr;
    int64_t length = 0;
    Handle handle;
    if (session.op()->prepare == nullptr || session.op()->commit == nullptr ||
        session.op()->abort == nullptr) {
      context_.findings.add("prepare", "prepare, commit or abort is missing");
      return handle;
    }
    const flow_status status = session.call("prepare", [&] {
      return session.op()->prepare(session.op(), checkpoint, &buffer, &length);
    });
    const Buffer owned = Buffer::adopt(buffer);
    if (status != FLOW_DONE) {
      context_.findings.add("prepare", "fails: " + session.host().error);
      return handle;
    }
    if (length < 0 || (length > 0 && (!owned || length > owned->capacity))) {
      context_.findings.add("prepare", "its length is not that of its buffer");
      return handle;
    }
    handle.done = true;
    if (length > 0)
      handle.bytes.assign(static_cast<const char*>(owned->data), static_cast<size_t>(length));
    return handle;
  }
  void settle(Session& session, const char* name, const std::string& handle) {
    const auto function =
        name == std::string("commit") ? session.op()->commit : session.op()->abort;
    const flow_status status = session.call(name, [&] {
      return function(session.op(), handle.data(), static_cast<int64_t>(handle.size()));
    });
    if (status != FLOW_DONE) {
      context_.findings.add(name,
                            "answers " + std::to_string(status) + ": " + session.host().error);
    }
  }

  void check_phases(const Script& script) {
    context_.findings.during("over checkpoints");
    std::string committed;
    std::string visible_then;
    {
      Session session(context_, context_.settings);
      session.host().checkpoints = true;
      session.open();
      if (!session.ready() || script.empty()) return;
      const auto process = [&](const Event& event) {
        session.process(event.input, session.batch(event.rows, event.position));
      };
      const std::string empty = visible();
      process(script.front());
      const Handle first = prepare(session, 1);
      if (!first.done) return;
      if (context_.is(FLOW_TWO_PHASE) && visible() != empty) {
        context_.findings.add("prepare", "makes output visible before commit");
      }
      settle(session, "commit", first.bytes);
      const std::string once = visible();
      if (context_.is(FLOW_TWO_PHASE) && context_.subject.observe && once == empty) {
        context_.findings.add("commit", "makes nothing visible");
      }
      settle(session, "commit", first.bytes);
      if (visible() != once) {
        context_.findings.add("commit", "a repeated one changes the output");
        return;
      }
      process(script.back());
      const Handle second = prepare(session, 2);
      if (!second.done) return;
      settle(session, "abort", second.bytes);
      if (context_.is(FLOW_TWO_PHASE) && visible() != once) {
        context_.findings.add("abort", "leaves output of the aborted checkpoint visible");
      }
      committed = first.bytes;
      visible_then = once;
    }
    // After a restart the newest checkpoint's commits are repeated.
    context_.findings.during("commit repeated after a restart");
    Session session(context_, context_.settings, FLOW_ROLE_NONE, nullptr);
    session.host().checkpoints = true;
    session.open();
    if (!session.ready()) {
      context_.findings.add("commit", "a new instance does not open: " + session.refusal());
      return;
    }
    settle(session, "commit", committed);
    if (context_.is(FLOW_TWO_PHASE) && visible() != visible_then) {
      context_.findings.add("commit", "a repeated one changes the output");
    }
  }

  Context& context_;
};

}  // namespace flow::testing::contract
