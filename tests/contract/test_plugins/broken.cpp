// Operators that each break one rule: what check_contract must find.
#include <cstring>
#include <fstream>

#include "flow/flow.hpp"

namespace {

struct NoOptions {};

template <class Operator>
void describe_as(flow::Description<NoOptions>& d, const char* name, uint64_t traits) {
  d.name(name);
  d.summary("Breaks a rule.");
  d.doc("For the checker's own tests.");
  d.example(std::string("[transforms.broken]\ntype = \"") + name + "\"\ninputs = [\"words\"]\n");
  d.traits(traits);
}

#define FLOW_BROKEN(Class, name, traits) \
  using Options = NoOptions;             \
  static void describe(flow::Description<Options>& d) { describe_as<Class>(d, name, traits); }

class LosesARow final : public flow::Transform {
 public:
  FLOW_BROKEN(LosesARow, "loses_a_row", FLOW_STATELESS)
  void process(const flow::Batch& in, flow::Output& out) override {
    if (in.rows() > 0) out.emit(out.slice(in, 0, in.rows() - 1));
  }
};

class EmitsTwice final : public flow::Transform {
 public:
  FLOW_BROKEN(EmitsTwice, "emits_twice", FLOW_STATELESS)
  void process(const flow::Batch& in, flow::Output& out) override {
    out.emit(in);
    if (in.rows() > 0) out.emit(out.slice(in, 0, 1));
  }
};

class IgnoresRoom final : public flow::Transform {
 public:
  FLOW_BROKEN(IgnoresRoom, "ignores_room", FLOW_STATELESS)
  void process(const flow::Batch& in, flow::Output& out) override {
    for (int64_t row = 0; row < in.rows(); ++row) out.emit(out.slice(in, row, 1));
  }
};

class WritesToItsInput final : public flow::Transform {
 public:
  FLOW_BROKEN(WritesToItsInput, "writes_to_its_input", FLOW_STATELESS)
  void process(const flow::Batch& in, flow::Output& out) override {
    for (uint32_t i = 0; i < in.column_count() && in.rows() > 0; ++i) {
      if (in.column(i).type != FLOW_FLOAT64) continue;
      auto* values = static_cast<double*>(const_cast<void*>(in.column(i).array->buffers[1]));
      values[in.column(i).array->offset] = 4711;
    }
    out.emit(in);
  }
};

class WritesBrokenText final : public flow::Transform {
 public:
  FLOW_BROKEN(WritesBrokenText, "writes_broken_text", FLOW_STATELESS)
  void process(const flow::Batch& in, flow::Output& out) override {
    flow::TextBuilder texts(out, in.rows());
    for (int64_t row = 0; row < in.rows(); ++row) texts.append("caf\xe9");
    out.emit(out.with(in, {{"text", {texts.finish(), flow::Type::text()}}}));
  }
};

class InfersWrongly final : public flow::Transform {
 public:
  FLOW_BROKEN(InfersWrongly, "infers_wrongly", FLOW_STATELESS)
  static void infer(const Options&, flow::Inference& inference) {
    inference.with({{"more", flow::Type::int64()}});
  }
  void process(const flow::Batch& in, flow::Output& out) override { out.emit(in); }
};

class RefusesWhatItPasses final : public flow::Transform {
 public:
  FLOW_BROKEN(RefusesWhatItPasses, "refuses_what_it_passes", FLOW_STATELESS)
  static void infer(const Options&, flow::Inference& inference) {
    if (inference.input() != nullptr) throw flow::OptionFailure("field", "nothing fits");
  }
  void process(const flow::Batch& in, flow::Output& out) override { out.emit(in); }
};

class DependsOnNothing final : public flow::Transform {
 public:
  FLOW_BROKEN(DependsOnNothing, "depends_on_nothing", FLOW_STATELESS)
  static void infer(const Options&, flow::Inference& inference) {
    inference.warn(flow::OptionFailure("field", "this alone breaks no rule"));
    inference.depend(FLOW_CLOCK_DEPENDENT, flow::OptionFailure("field", "nor does this"));
    inference.depend(FLOW_STATELESS, flow::OptionFailure("field", "this does"));
  }
  void process(const flow::Batch& in, flow::Output& out) override { out.emit(in); }
};

class PointsOutside final : public flow::Transform {
 public:
  FLOW_BROKEN(PointsOutside, "points_outside", FLOW_STATELESS)
  void process(const flow::Batch& in, flow::Output& out) override {
    const flow::Buffer buffer = out.allocate(64);
    std::memset(buffer->data, 'x', 64);
    flow::TextBuilder texts(out, in.rows());
    const int32_t number = texts.share(buffer);
    for (int64_t row = 0; row < in.rows(); ++row) {
      texts.append_view(flow::TextBuilder::view("xxxxxxxxxxxxxxxxxxxxxxxx", number, 50), 0);
    }
    out.emit(out.with(in, {{"text", {texts.finish(), flow::Type::text()}}}));
  }
};

class KeepsABatch final : public flow::Transform {
 public:
  FLOW_BROKEN(KeepsABatch, "keeps_a_batch", FLOW_STATELESS)
  void process(const flow::Batch& in, flow::Output& out) override {
    // Reachable for ever, so that only the host sees the leak and no sanitizer does.
    static auto* kept = new std::vector<flow::Batch>;
    kept->push_back(in);
    out.emit(in);
  }
};

class ForgetsItsState final : public flow::Transform {
 public:
  FLOW_BROKEN(ForgetsItsState, "forgets_its_state", FLOW_SERIAL)
  void process(const flow::Batch& in, flow::Output& out) override {
    flow::Int64Builder numbers(out, in.rows());
    for (int64_t row = 0; row < in.rows(); ++row) numbers.append(next_++);
    out.emit(out.with(in, {{"n", {numbers.finish(), flow::Type::int64()}}}));
  }

 private:
  int64_t next_ = 0;
};

class DependsOnBatches final : public flow::Transform {
 public:
  FLOW_BROKEN(DependsOnBatches, "depends_on_batches", FLOW_STATELESS)
  void process(const flow::Batch& in, flow::Output& out) override {
    flow::Int64Builder sizes(out, in.rows());
    for (int64_t row = 0; row < in.rows(); ++row) sizes.append(in.rows());
    out.emit(out.with(in, {{"batch", {sizes.finish(), flow::Type::int64()}}}));
  }
};

class MixesOrigins final : public flow::Transform {
 public:
  FLOW_BROKEN(MixesOrigins, "mixes_origins", FLOW_STATELESS)
  void process(const flow::Batch& in, flow::Output& out) override {
    std::vector<int32_t> backwards;
    for (int64_t row = in.rows(); row-- > 0;) backwards.push_back(static_cast<int32_t>(row));
    const flow::Batch turned = out.select(in, backwards.data(), in.rows());
    std::vector<flow::NewColumn> columns;
    for (uint32_t i = 0; i < in.column_count(); ++i) {
      columns.push_back({in.schema().fields[i]->name,
                         {turned.share_column(i), flow::Type::of(*in.schema().fields[i])}});
    }
    out.emit(out.make(in.rows(), columns, &in.origin()));
  }
};

class PutsItsColumnFirst final : public flow::Transform {
 public:
  FLOW_BROKEN(PutsItsColumnFirst, "puts_its_column_first", FLOW_STATELESS)
  void process(const flow::Batch& in, flow::Output& out) override {
    flow::Int64Builder ones(out, in.rows());
    for (int64_t row = 0; row < in.rows(); ++row) ones.append(1);
    std::vector<flow::NewColumn> columns = {{"one", {ones.finish(), flow::Type::int64()}}};
    for (uint32_t i = 0; i < in.column_count(); ++i) {
      columns.push_back({in.schema().fields[i]->name,
                         {in.share_column(i), flow::Type::of(*in.schema().fields[i])}});
    }
    out.emit(out.make(in.rows(), columns, &in.origin()));
  }
};

class ChangesType final : public flow::Transform {
 public:
  FLOW_BROKEN(ChangesType, "changes_type", FLOW_SERIAL)
  void process(const flow::Batch& in, flow::Output& out) override {
    odd_ = !odd_;
    if (odd_) {
      flow::Int64Builder values(out, in.rows());
      for (int64_t row = 0; row < in.rows(); ++row) values.append(1);
      out.emit(out.with(in, {{"v", {values.finish(), flow::Type::int64()}}}));
    } else {
      flow::TextBuilder values(out, in.rows());
      for (int64_t row = 0; row < in.rows(); ++row) values.append("1");
      out.emit(out.with(in, {{"v", {values.finish(), flow::Type::text()}}}));
    }
  }

 private:
  bool odd_ = false;
};

class FailsWithoutAWord final : public flow::Transform {
 public:
  FLOW_BROKEN(FailsWithoutAWord, "fails_without_a_word", FLOW_STATELESS)
  void open(flow::Output&) override { throw flow::Failure(""); }
  void process(const flow::Batch& in, flow::Output& out) override { out.emit(in); }
};

class NeverEndsMore final : public flow::GeneralTransform {
 public:
  FLOW_BROKEN(NeverEndsMore, "never_ends_more", FLOW_STATELESS)
  flow::Status consume(uint32_t, const flow::Batch&, flow::Output&) override {
    return flow::Status::kMore;
  }
};

class EmitsNowhere final : public flow::Transform {
 public:
  FLOW_BROKEN(EmitsNowhere, "emits_nowhere", FLOW_STATELESS)
  void process(const flow::Batch& in, flow::Output& out) override { out.emit(in, 5); }
};

// A source whose positions point one row too far.
class SkipsOnResume final : public flow::Source {
 public:
  FLOW_BROKEN(SkipsOnResume, "skips_on_resume", 0)
  void open(flow::Output& out) override { flow::SourceOutput(out).offer("p"); }
  void assign(const std::string&, std::optional<std::string_view> position) override {
    next_ = position ? std::stoll(std::string(*position)) : 0;
  }
  flow::Status poll(flow::SourceOutput& source) override {
    if (next_ >= 100) return flow::Status::kEnd;
    flow::Int64Builder values(source.out(), 10);
    for (int64_t i = 0; i < 10; ++i) values.append(next_ + i);
    next_ += 10;
    source.emit(source.out().make(10, {{"n", {values.finish(), flow::Type::int64()}}}, nullptr),
                "p", std::to_string(next_ + 1));
    return flow::Status::kDone;
  }

 private:
  int64_t next_ = 0;
};

// A sink whose commit appends once more each time.
class CommitsTwice final : public flow::Sink {
 public:
  struct Options {
    std::string path;
  };
  static void describe(flow::Description<Options>& d) {
    d.name("commits_twice");
    d.summary("Breaks a rule.");
    d.doc("For the checker's own tests.");
    d.example("[sinks.broken]\ntype = \"commits_twice\"\ninputs = [\"words\"]\npath = \"x\"\n");
    d.traits(FLOW_SERIAL | FLOW_TWO_PHASE);
    d.option("path", &Options::path, "A file.").required();
  }
  explicit CommitsTwice(const Options& options) : path_(options.path) {}
  void process(const flow::Batch& in, flow::Output&) override { rows_ += in.rows(); }
  std::string prepare(uint64_t) override { return std::to_string(std::exchange(rows_, 0)); }
  void commit(std::string_view handle) override {
    std::ofstream(path_, std::ios::app) << handle << '\n';
  }

 private:
  std::string path_;
  int64_t rows_ = 0;
};

// A codec whose framing ends records in the middle.
class CutsRecords final : public flow::Codec {
 public:
  FLOW_BROKEN(CutsRecords, "cuts_records", FLOW_DECODES)
  int64_t frame(std::string_view bytes, bool) override {
    return static_cast<int64_t>(bytes.size());
  }
  void decode(const flow::Batch& in, flow::Output& out) override {
    const flow::TextView chunks(in.column(0));
    std::vector<std::string_view> lines;
    for (std::string_view rest = chunks[0]; !rest.empty();) {
      const size_t end = std::min(rest.find('\n'), rest.size());
      lines.push_back(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    flow::TextBuilder texts(out, static_cast<int64_t>(lines.size()), FLOW_BINARY);
    for (const std::string_view line : lines) texts.append(line);
    out.create(out.make(static_cast<int64_t>(lines.size()),
                        {{"line", {texts.finish(), flow::Type::binary()}}}, nullptr));
  }
  void encode(const flow::Batch&, bool, flow::Output&) override {}
};

}  // namespace

FLOW_PLUGIN_LICENSED("test.broken", "1.0.0", "Apache-2.0", InfersWrongly, RefusesWhatItPasses,
                     DependsOnNothing, LosesARow, EmitsTwice, IgnoresRoom, WritesToItsInput,
                     WritesBrokenText, PointsOutside, KeepsABatch, ForgetsItsState,
                     DependsOnBatches, MixesOrigins, PutsItsColumnFirst, ChangesType,
                     FailsWithoutAWord, NeverEndsMore, EmitsNowhere, SkipsOnResume, CommitsTwice,
                     CutsRecords)
