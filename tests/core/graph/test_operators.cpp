#include <pthread.h>
#include <sys/resource.h>

#include <algorithm>
#include <deque>
#include <thread>

#include "flow/flow.hpp"
#include "tests/core/graph/test_flow.hpp"
#include "tests/core/graph/test_rows.hpp"
#include "tests/core/graph/test_sources.hpp"

namespace flowrun::graph_test {
namespace {

using flow::Batch;
using flow::Description;
using flow::Output;
using flow::Status;

// ---- transforms ----

// Keeps every so-manieth row of Texts.
class KeepFew final : public flow::Transform {
 public:
  struct Options {
    std::int64_t of = 1000;
  };
  static void describe(Description<Options>& d) {
    describe_as(d, "keep_few", FLOW_STATELESS);
    d.option("of", &Options::of, "One of so many.");
  }
  explicit KeepFew(const Options& options) : options_(options) {}
  void process(const Batch& in, Output& out) override {
    const flow::Int64View numbers(*in.find("number"));
    std::vector<std::int32_t> kept;
    for (std::int64_t row = 0; row < in.rows(); ++row) {
      if (numbers[row] % options_.of == 0) kept.push_back(static_cast<std::int32_t>(row));
    }
    const auto n = static_cast<std::int64_t>(kept.size());
    out.drop(in.rows() - n, "not kept");
    if (n > 0) out.emit(out.select(in, kept.data(), n));
  }

 private:
  const Options& options_;
};

// Drops, fails, sends on by `out` or `other`, by a hash of the row.
template <bool kSerial>
class Step final : public flow::Transform {
 public:
  struct Options {
    std::int64_t tag = 1, drop = 0, fail = 0, other = 0, nap_us = 0;
    std::int64_t throw_after = -1, stop_after = -1, fail_open = 0, bad_port_after = -1;
    std::int64_t throw_in_close = 0;
    std::string threads;
  };
  static void describe(Description<Options>& d) {
    describe_as(d, kSerial ? "serial_step" : "step", kSerial ? FLOW_SERIAL : FLOW_STATELESS);
    d.option("tag", &Options::tag, "Mixed into the path.");
    d.option("drop", &Options::drop, "Per cent.");
    d.option("fail", &Options::fail, "Per cent.");
    d.option("other", &Options::other, "Per cent of the rest that leaves by `other`.");
    d.option("nap_us", &Options::nap_us, "Longest pause.");
    d.option("throw_after", &Options::throw_after, "Throws after so many batches.");
    d.option("stop_after", &Options::stop_after, "Unused.");
    d.option("fail_open", &Options::fail_open, "Refuses to open.");
    d.option("bad_port_after", &Options::bad_port_after, "Emits on output 9.");
    d.option("throw_in_close", &Options::throw_in_close, "Throws in close.");
    d.option("threads", &Options::threads, "Board whose lines get the thread's name of a batch.");
    d.output("out", "Rows.");
    d.output("other", "Rows.");
    d.output("errors", "Failed rows.");
  }
  explicit Step(const Options& options) : options_(options) {}
  void open(Output&) override {
    if (options_.fail_open != 0) throw flow::Failure("refuses to open");
  }
  void process(const Batch& in, Output& out) override {
    ++batches_;
    if (!options_.threads.empty()) tell_thread();
    if (options_.throw_after >= 0 && batches_ > options_.throw_after) {
      throw std::runtime_error("broke down in mid-stream");
    }
    if (options_.bad_port_after >= 0 && batches_ > options_.bad_port_after) {
      if (out.room(9) > 0) out.emit(in, 9);
      return;
    }
    const std::vector<Row> rows = rows_of(in);
    nap_at_random(options_.nap_us, static_cast<std::uint64_t>(rows.front().id));
    std::vector<std::int32_t> to[2];
    std::int64_t dropped = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const Row& row = rows[i];
      const auto at = static_cast<std::int32_t>(i);
      switch (fate_of(row, options_.tag, options_.drop, options_.fail, options_.other)) {
        case Fate::kOut:
          to[0].push_back(at);
          break;
        case Fate::kOther:
          to[1].push_back(at);
          break;
        case Fate::kDrop:
          ++dropped;
          break;
        case Fate::kFail:
          out.fail(in, at, "hash",
                   std::to_string(row.id) + "/" + std::to_string(row.path) + "/" +
                       std::to_string(row.copy));
          break;
      }
    }
    out.drop(dropped, "hash");
    for (std::uint32_t port = 0; port < 2; ++port) {
      if (to[port].empty()) continue;
      const Batch chosen =
          out.select(in, to[port].data(), static_cast<std::int64_t>(to[port].size()));
      out.emit(with_path(out, chosen, options_.tag + port), port);
    }
  }
  void close(bool, Output&) override {
    if (options_.throw_in_close != 0) throw std::runtime_error("cannot close");
  }

 private:
  void tell_thread() {
    char name[16] = {};
    ::pthread_getname_np(::pthread_self(), name, sizeof name);
    Board& told = board(options_.threads);
    const std::lock_guard lock(told.mutex);
    told.lines.emplace_back(name);
  }
  const Options& options_;
  std::int64_t batches_ = 0;
};

// Makes copies of rows, a few hundred a batch, with MORE when there is no room.
class Amplify final : public flow::GeneralTransform {
 public:
  struct Options {
    std::int64_t tag = 1, most = 4, exactly = 0, batch = 256;
  };
  static void describe(Description<Options>& d) {
    describe_as(d, "amplify", FLOW_STATELESS);
    d.option("tag", &Options::tag, "Mixed into the path.");
    d.option("most", &Options::most, "Copies of a row, at most.");
    d.option("exactly", &Options::exactly, "Copies of a row, if not 0.");
    d.option("batch", &Options::batch, "Rows a batch.");
  }
  explicit Amplify(const Options& options) : options_(options) {}
  Status consume(std::uint32_t, const Batch& in, Output& out) override {
    if (rows_.empty()) {
      rows_ = rows_of(in);
      at_ = 0;
      copy_ = 0;
    }
    while (at_ < rows_.size()) {
      if (out.room() == 0) return Status::kMore;
      std::vector<Row> made;
      while (at_ < rows_.size() && made.size() < static_cast<std::size_t>(options_.batch)) {
        const std::int64_t copies = options_.exactly > 0
                                        ? options_.exactly
                                        : copies_of(rows_[at_], options_.tag, options_.most);
        if (copy_ == copies) {
          ++at_;
          copy_ = 0;
          continue;
        }
        Row row = rows_[at_];
        row.path = mixed_path(row.path, options_.tag);
        row.copy = row.copy * 1'000'000 + copy_++;
        made.push_back(row);
      }
      if (!made.empty()) out.create(make_batch(out, made, nullptr));
    }
    rows_.clear();
    out.absorb(in.rows());
    return Status::kDone;
  }

 private:
  const Options& options_;
  std::vector<Row> rows_;
  std::size_t at_ = 0;
  std::int64_t copy_ = 0;
};

// One key's rows go to one instance only.
class Keyed final : public flow::Transform {
 public:
  struct Options {
    flow::Field key{"key"};
    std::int64_t tag = 1, nap_us = 0;
    std::string into = "keyed";
  };
  static void describe(Description<Options>& d) {
    describe_as(d, "keyed_step", FLOW_KEYED);
    d.input("in", "Rows.", "key");
    d.option("key", &Options::key, "The key.");
    d.option("tag", &Options::tag, "Mixed into the path.");
    d.option("nap_us", &Options::nap_us, "Longest pause.");
    d.option("into", &Options::into, "Board for trouble.");
  }
  struct Shared {
    Shared(const Options&, flow::Host) {}
    std::mutex mutex;
    std::map<std::int64_t, const void*> owner;
  };
  Keyed(const Options& options, Shared& shared) : options_(options), shared_(shared) {}
  void process(const Batch& in, Output& out) override {
    const flow_keys* keys = out.get()->keys(out.get());
    if (keys == nullptr) throw flow::Failure("no keys");
    const std::vector<Row> rows = rows_of(in);
    {
      const std::lock_guard lock(shared_.mutex);
      for (std::int64_t i = 0; i < keys->n_rows; ++i) {
        const Row& row = rows[static_cast<std::size_t>(keys->rows[i])];
        const auto [known, is_new] = shared_.owner.try_emplace(row.key, this);
        if (known->second != this) throw flow::Failure("a key has two owners");
      }
    }
    nap_at_random(options_.nap_us, static_cast<std::uint64_t>(rows.front().id));
    const Batch mine = out.select(in, keys->rows, keys->n_rows);
    out.emit(with_path(out, mine, options_.tag));
  }

 private:
  const Options& options_;
  Shared& shared_;
};

class Join final : public flow::GeneralTransform {
 public:
  struct Options {
    std::int64_t tag = 1;
  };
  static void describe(Description<Options>& d) {
    describe_as(d, "both", FLOW_SERIAL);
    d.input("left", "Rows.");
    d.input("right", "Rows.");
    d.option("tag", &Options::tag, "Mixed into the path, one more for the right.");
  }
  explicit Join(const Options& options) : options_(options) {}
  Status consume(std::uint32_t input, const Batch& in, Output& out) override {
    out.emit(with_path(out, in, options_.tag + input));
    return Status::kDone;
  }

 private:
  const Options& options_;
};

// Answers later, from a thread of its own, in any order; fails some rows.
class Ask final : public flow::GeneralTransform {
 public:
  struct Options {
    std::int64_t tag = 1, fail = 0, nap_us = 300;
  };
  static void describe(Description<Options>& d) {
    describe_as(d, "ask", FLOW_BLOCKING);
    d.option("tag", &Options::tag, "Mixed into the path.");
    d.option("fail", &Options::fail, "Per cent.");
    d.option("nap_us", &Options::nap_us, "Longest pause before an answer.");
    d.output("out", "Rows.");
    d.output("errors", "Failed rows.");
  }
  explicit Ask(const Options& options) : options_(options) {}
  void open(Output& out) override {
    host_ = out.get();
    answering_ = std::thread([this] { answer(); });
  }
  ~Ask() override {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    changed_.notify_all();
    if (answering_.joinable()) answering_.join();
  }
  Status consume(std::uint32_t, const Batch& in, Output& out) override {
    const std::vector<Row> rows = rows_of(in);
    Question question;
    std::vector<std::int32_t> good;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto at = static_cast<std::int32_t>(i);
      if (fate_of(rows[i], options_.tag, 0, options_.fail, 0) == Fate::kFail) {
        question.failed.push_back(at);
      } else {
        good.push_back(at);
      }
    }
    if (!good.empty()) {
      question.passed = with_path(
          out, out.select(in, good.data(), static_cast<std::int64_t>(good.size())), options_.tag);
    }
    question.nap = mix(static_cast<std::uint64_t>(rows.front().id), 3) %
                   static_cast<std::uint64_t>(options_.nap_us + 1);
    question.token = host_->defer(host_, in.get());
    {
      const std::lock_guard lock(mutex_);
      questions_.push_back(std::move(question));
    }
    changed_.notify_all();
    return Status::kDone;
  }

 private:
  struct Question {
    std::uint64_t token = 0, nap = 0;
    Batch passed;
    std::vector<std::int32_t> failed;
  };
  void answer() {
    while (true) {
      Question question;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return over_ || !questions_.empty(); });
        if (over_) return;
        const std::size_t at = questions_.size() > 1 ? mix(questions_.size(), 9) % 2 : 0;
        question = std::move(questions_[at]);
        questions_.erase(questions_.begin() + static_cast<std::ptrdiff_t>(at));
      }
      nap(static_cast<std::int64_t>(question.nap));
      host_->done(host_, question.token, 0, question.passed ? question.passed.get() : nullptr,
                  question.failed.data(), static_cast<std::int64_t>(question.failed.size()),
                  "no_answer", "nobody knows", 0);
    }
  }

  const Options& options_;
  const flow_host* host_ = nullptr;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Question> questions_;
  bool over_ = false;
  std::thread answering_;
};

// Fails rows although it has no port for them.
class NoErrorsPort final : public flow::Transform {
 public:
  struct Options {
    std::int64_t unused = 0;
  };
  static void describe(Description<Options>& d) {
    describe_as(d, "no_errors_port", FLOW_STATELESS);
    d.option("unused", &Options::unused, "Nothing.");
  }
  void process(const Batch& in, Output& out) override {
    for (std::int64_t row = 0; row < in.rows(); ++row) out.fail(in, row, "nowhere", "to go");
  }
};

// ---- sinks ----

// In two phases it has a thread of its own, else the workers run it.
template <bool kTwoPhase>
class Collect final : public flow::Sink {
 public:
  struct Options {
    std::string into = "sink";
    std::int64_t nap_us = 0, keep = 1, throw_in_prepare = 0;
  };
  static void describe(Description<Options>& d) {
    describe_as(d, kTwoPhase ? "collect" : "collect_here",
                kTwoPhase ? FLOW_SERIAL | FLOW_TWO_PHASE : FLOW_SERIAL);
    d.option("into", &Options::into, "Board.");
    d.option("nap_us", &Options::nap_us, "Longest pause.");
    d.option("keep", &Options::keep, "0: only counts rows.");
    d.option("throw_in_prepare", &Options::throw_in_prepare, "Throws in every prepare.");
  }
  explicit Collect(const Options& options) : options_(options), board_(board(options.into)) {}
  void open(Output&) override {
    const std::lock_guard lock(board_.mutex);
    ++board_.opened;
  }
  void process(const Batch& in, Output& out) override {
    while (board_.blocked.load() && !out.stopping()) nap(500);
    if (board_.refusing.load()) {
      ++board_.refused;
      throw flow::Retry("the board refuses");
    }
    nap_at_random(options_.nap_us, static_cast<std::uint64_t>(board_.delivered.load()));
    const std::lock_guard lock(board_.mutex);
    if (in.find("id") == nullptr && in.find("reason") != nullptr) {
      const flow::TextView component(*in.find("component")), reason(*in.find("reason")),
          message(*in.find("message"));
      for (std::int64_t row = 0; row < in.rows(); ++row) {
        ++board_.letters[std::string(component[row]) + "|" + std::string(reason[row]) + "|" +
                         std::string(message[row])];
      }
    } else if (const flow_column* lines = in.find("line")) {
      for (std::int64_t row = 0; row < in.rows(); ++row) {
        board_.lines.emplace_back(flow::TextView(*lines)[row]);
      }
    } else if (const flow_column* numbers = in.find("number")) {
      for (std::int64_t row = 0; row < in.rows(); ++row) {
        board_.sum += flow::Int64View(*numbers)[row];
      }
    } else if (options_.keep != 0) {
      for (const Row& row : rows_of(in)) board_.rows.push_back(row);
    }
    board_.delivered += in.rows();
  }
  std::string prepare(std::uint64_t checkpoint) override {
    if (options_.throw_in_prepare != 0) throw std::runtime_error("cannot prepare");
    if (!kTwoPhase) return {};
    const std::lock_guard lock(board_.mutex);
    board_.prepared.push_back(checkpoint);
    return std::to_string(checkpoint);
  }
  void commit(std::string_view handle) override {
    const std::lock_guard lock(board_.mutex);
    board_.committed.push_back(std::stoull(std::string(handle)));
  }
  void close(bool drained, Output&) override {
    const std::lock_guard lock(board_.mutex);
    ++(drained ? board_.closed_drained : board_.closed_undrained);
  }

 private:
  const Options& options_;
  Board& board_;
};

// As a database is: on a thread of its own, in two phases. Tells how often that thread waited.
class Store final : public flow::Sink {
 public:
  struct Options {
    std::string into = "store";
  };
  static void describe(Description<Options>& d) {
    describe_as(d, "store", FLOW_SERIAL | FLOW_BLOCKING | FLOW_TWO_PHASE);
    d.option("into", &Options::into, "Board.");
  }
  explicit Store(const Options& options) : board_(board(options.into)) {}
  void process(const Batch& in, Output&) override { board_.delivered += in.rows(); }
  std::string prepare(std::uint64_t) override { return ""; }
  void commit(std::string_view) override {}
  void close(bool, Output&) override {
    rusage usage{};
    ::getrusage(RUSAGE_THREAD, &usage);
    board_.waits = usage.ru_nvcsw;
  }

 private:
  Board& board_;
};

}  // namespace

const flow_plugin& test_flow_plugin() {
  static const flow_plugin kPlugin =
      flow::detail::make_plugin<Numbers, NumbersOnce, Texts, Streams, Messages, KeepFew,
                                Step<false>, Step<true>, Amplify, Keyed, Join, Ask, NoErrorsPort,
                                Collect<true>, Collect<false>, Store>("org.flowrun.test.flow",
                                                                      "1.0.0", "Apache-2.0");
  return kPlugin;
}

}  // namespace flowrun::graph_test
