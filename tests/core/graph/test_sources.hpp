// The sources of the test flow.
#pragma once

#include <algorithm>
#include <deque>
#include <string>
#include <vector>

#include "flow/flow.hpp"
#include "tests/core/graph/test_flow.hpp"
#include "tests/core/graph/test_rows.hpp"

namespace flowrun::graph_test {

// A source of one partition, "all".
class OnePartition : public flow::Source {
 public:
  void open(flow::Output& out) override { out.get()->offer(out.get(), "all"); }
  void assign(const std::string&, std::optional<std::string_view>) final { assigned_ = true; }
  flow::Status poll(flow::SourceOutput& out) final {
    return assigned_ ? read(out) : flow::Status::kIdle;
  }

 private:
  // Of an assigned partition.
  virtual flow::Status read(flow::SourceOutput& out) = 0;

  bool assigned_ = false;
};

class Numbers : public OnePartition {
 public:
  struct Options {
    std::int64_t rows = 1000, source = 0, seed = 1, batch = 64, nap_us = 0;
    std::int64_t throw_at = -1, fail_open = 0, endless = 0, fail_percent = 0;
  };
  static void describe(flow::Description<Options>& d) {
    describe_as(d, "numbers", 0);
    d.option("rows", &Options::rows, "How many.");
    d.option("source", &Options::source, "Number of the source.");
    d.option("seed", &Options::seed, "Of all that is random.");
    d.option("batch", &Options::batch, "Rows a batch, at most.");
    d.option("nap_us", &Options::nap_us, "Longest pause between batches.");
    d.option("throw_at", &Options::throw_at, "Throws before this row.");
    d.option("fail_open", &Options::fail_open, "Refuses to open.");
    d.option("endless", &Options::endless, "Never ends.");
    d.option("fail_percent", &Options::fail_percent, "Rows that the source itself fails.");
    d.output("errors", "Rows that failed.");
  }
  explicit Numbers(const Options& options) : options_(options) {}

  void open(flow::Output& out) override {
    if (options_.fail_open != 0) throw flow::Failure("refuses to open");
    OnePartition::open(out);
  }

 private:
  flow::Status read(flow::SourceOutput& out) override {
    if (at_ >= options_.rows && options_.endless == 0) return flow::Status::kEnd;
    if (options_.throw_at >= 0 && at_ >= options_.throw_at) {
      throw std::runtime_error("the source is broken");
    }
    nap_at_random(options_.nap_us, mix(static_cast<std::uint64_t>(at_), 5));
    const auto n = 1 + static_cast<std::int64_t>(mix(static_cast<std::uint64_t>(at_),
                                                     static_cast<std::uint64_t>(options_.seed)) %
                                                 static_cast<std::uint64_t>(options_.batch));
    std::vector<Row> rows;
    std::vector<std::int32_t> good;
    for (std::int64_t i = 0; i < n && (at_ < options_.rows || options_.endless != 0); ++i) {
      rows.push_back(source_row(options_.source, options_.seed, at_++));
    }
    const flow::Batch batch = make_batch(out.out(), rows, nullptr);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const Fate fate = fate_of(rows[i], -1, 0, options_.fail_percent, 0);
      if (fate == Fate::kFail) {
        out.out().fail(batch, static_cast<std::int64_t>(i), "bad_number",
                       std::to_string(rows[i].id) + "/" + std::to_string(rows[i].path));
      } else {
        good.push_back(static_cast<std::int32_t>(i));
      }
    }
    if (good.empty()) return flow::Status::kDone;
    out.emit(good.size() == rows.size()
                 ? batch
                 : out.out().select(batch, good.data(), static_cast<std::int64_t>(good.size())),
             "all", std::to_string(at_));
    return flow::Status::kDone;
  }

  const Options& options_;
  std::int64_t at_ = 0;
};

// They cannot be read again.
class NumbersOnce final : public Numbers {
 public:
  static void describe(flow::Description<Options>& d) {
    Numbers::describe(d);
    describe_as(d, "numbers_once", FLOW_ONCE);
  }
  using Numbers::Numbers;
};

// Rows with a number and a text in a buffer of the batch's own, as a decoder makes them.
class Texts final : public OnePartition {
 public:
  struct Options {
    std::int64_t rows = 1000, batch = 1000, length = 300;
  };
  static void describe(flow::Description<Options>& d) {
    describe_as(d, "texts", 0);
    d.option("rows", &Options::rows, "How many.");
    d.option("batch", &Options::batch, "Rows a batch.");
    d.option("length", &Options::length, "Bytes of each text.");
  }
  explicit Texts(const Options& options) : options_(options) {}

 private:
  flow::Status read(flow::SourceOutput& out) override {
    if (at_ >= options_.rows) return flow::Status::kEnd;
    const std::int64_t n = std::min(options_.batch, options_.rows - at_);
    const flow::Buffer bytes = out.out().allocate(n * options_.length);
    auto* const base = static_cast<char*>(bytes->data);
    flow::Int64Builder ids(out.out(), n);
    flow::TextBuilder texts(out.out(), n);
    const std::int32_t buffer = texts.share(bytes);
    for (std::int64_t i = 0; i < n; ++i) {
      char* const text = base + i * options_.length;
      std::fill_n(text, options_.length, static_cast<char>('a' + at_ % 26));
      texts.append_shared({text, static_cast<std::size_t>(options_.length)}, buffer, base);
      ids.append(at_++);
    }
    out.emit(out.out().make(n,
                            {{"number", {ids.finish(), flow::Type::int64()}},
                             {"text", {texts.finish(), flow::Type::text()}}},
                            nullptr),
             "all", std::to_string(at_));
    return flow::Status::kDone;
  }

  const Options& options_;
  std::int64_t at_ = 0;
};

// A byte stream for a codec: the pieces of `pieces` in one partition, where "." ends the stream.
class Streams final : public OnePartition {
 public:
  struct Options {
    std::vector<std::string> pieces;
  };
  static void describe(flow::Description<Options>& d) {
    describe_as(d, "streams", FLOW_BYTES);
    d.option("pieces", &Options::pieces, "What comes.");
  }
  explicit Streams(const Options& options) : options_(options) {}

 private:
  flow::Status read(flow::SourceOutput& out) override {
    if (at_ == options_.pieces.size()) return flow::Status::kEnd;
    const std::string& piece = options_.pieces[at_++];
    if (piece == ".") {
      out.end("all", std::to_string(at_));
      return flow::Status::kDone;
    }
    flow::TextBuilder bytes(out.out(), 1, FLOW_BINARY);
    bytes.append(piece);
    flow_origin origin{};
    origin.size = sizeof origin;
    origin.partition = "all";
    out.emit(out.out().make(1, {{"bytes", {bytes.finish(), flow::Type::binary()}}}, &origin), "all",
             std::to_string(at_));
    return flow::Status::kDone;
  }

  const Options& options_;
  std::size_t at_ = 0;
};

// Each of `messages` with the column `topic`: "t0", "t1", ...
class Messages final : public OnePartition {
 public:
  struct Options {
    std::vector<std::string> messages;
  };
  static void describe(flow::Description<Options>& d) {
    describe_as(d, "messages", FLOW_MESSAGES);
    d.option("messages", &Options::messages, "What comes.");
  }
  explicit Messages(const Options& options) : options_(options) {}

 private:
  flow::Status read(flow::SourceOutput& out) override {
    if (std::exchange(is_over_, true)) return flow::Status::kEnd;
    const auto n = static_cast<std::int64_t>(options_.messages.size());
    flow::TextBuilder bytes(out.out(), n, FLOW_BINARY);
    flow::TextBuilder topics(out.out(), n);
    for (const std::string& message : options_.messages) {
      topics.append("t" + std::to_string(topics.size()));
      bytes.append(message);
    }
    out.emit(out.out().make(n,
                            {{"payload", {bytes.finish(), flow::Type::binary()}},
                             {"topic", {topics.finish(), flow::Type::text()}}},
                            nullptr),
             "all", std::to_string(n));
    return flow::Status::kDone;
  }

  const Options& options_;
  bool is_over_ = false;
};

}  // namespace flowrun::graph_test
