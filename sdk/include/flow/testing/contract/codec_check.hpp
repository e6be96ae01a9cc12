// The rules of codecs: records end where framing says, whatever pieces the bytes come in.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flow/testing/contract/rows_check.hpp"

namespace flow::testing::contract {

class CodecCheck {
 public:
  explicit CodecCheck(Context& context) : context_(context) {}

  void run() {
    std::string bytes = context_.subject.bytes;
    if (context_.is(FLOW_ENCODES)) {
      RowsCheck rows(context_, FLOW_ROLE_ENCODE);
      rows.run();
      check_encoding(rows, bytes);
    }
    if (context_.is(FLOW_DECODES)) {
      if (bytes.empty()) {
        context_.findings.add("process", "name a stream of records as ContractSubject::bytes");
        return;
      }
      check_decoding(bytes);
    }
    context_.findings.during("");
  }

 private:
  static constexpr int kSplits = 8;
  static constexpr std::string_view kPrologue = FLOW_PROLOGUE_FIELD;

  // ---- encode ----

  // One row of bytes a row; with delimiters they are the stream; encoded again after decoding it is
  // the same stream.
  void check_encoding(RowsCheck& rows, std::string& bytes) {
    Script script;
    Outcome expected;
    if (!rows.find_script(script, expected)) return;
    context_.findings.during("encoding");
    std::string stream;
    for (const flow_role role : {FLOW_ROLE_ENCODE, FLOW_ROLE_ENCODE_MESSAGE}) {
      Session session(context_, context_.settings, role);
      session.open();
      if (!session.ready()) {
        context_.findings.add("encode", "does not open: " + session.refusal());
        return;
      }
      for (const Event& event : script) {
        const Batch in = session.batch(event.rows, event.position, false);
        session.host().start_call();
        if (session.op()->process(session.op(), 0, in.get()) != FLOW_DONE) {
          context_.findings.add("encode", "fails: " + session.host().error);
          return;
        }
        const std::string encoded = join(session, event.rows.rows(), role);
        if (role != FLOW_ROLE_ENCODE) continue;
        if (stream.empty()) stream = prologue_;
        stream += encoded;
      }
      session.close(true);
    }
    if (bytes.empty()) bytes = stream;
    if (context_.is(FLOW_DECODES)) check_round_trip(stream);
  }
  // Takes what one call emitted.
  std::string join(Session& session, int64_t rows, flow_role role) {
    std::string stream;
    int64_t encoded = 0;
    for (const Batch& batch : session.host().emitted[0]) {
      ArrowCheck(context_.findings).batch(*batch);
      const bool has_prologue = batch.column_count() == 2 && batch.column(1).type == FLOW_BINARY &&
                                batch.schema().fields[1]->name == kPrologue;
      if ((batch.column_count() != 1 && !has_prologue) || batch.column(0).type != FLOW_BINARY) {
        context_.findings.add("encode", "emits something else than one binary column");
        continue;
      }
      check_prologue(has_prologue ? TextView(batch.column(1)) : std::optional<TextView>(), role);
      const TextView texts(batch.column(0));
      encoded += texts.size();
      for (int64_t row = 0; row < texts.size(); ++row) stream += texts[row];
    }
    const auto failed = static_cast<int64_t>(session.host().failed.size());
    session.collect();
    if (encoded + failed != rows) {
      context_.findings.add("encode", std::to_string(rows) + " rows became " +
                                          std::to_string(encoded) + " encoded and " +
                                          std::to_string(failed) + " failed");
    }
    return stream;
  }
  // FLOW_PROLOGUE_FIELD of a batch. Keeps what stands in it.
  void check_prologue(const std::optional<TextView>& texts, flow_role role) {
    prologue_.clear();
    if (!texts || texts->size() == 0) return;
    if (role != FLOW_ROLE_ENCODE) {
      context_.findings.add("prologue", "a message has one");
    }
    prologue_ = (*texts)[0];
    for (int64_t row = 0; row < texts->size(); ++row) {
      if (texts->is_null(row) || (*texts)[row] != prologue_) {
        context_.findings.add("prologue", "is not the same in all rows of a batch");
        return;
      }
    }
  }
  void check_round_trip(const std::string& stream) {
    context_.findings.during("decoding what was encoded");
    std::string again;
    Session decoder(context_, context_.settings, FLOW_ROLE_DECODE);
    Session encoder(context_, context_.settings, FLOW_ROLE_ENCODE, nullptr);
    decoder.open();
    encoder.open();
    if (!decoder.ready() || !encoder.ready()) return;
    if (!stream.empty()) {
      const Batch chunk = chunk_of(decoder, stream, 0, std::nullopt);
      decoder.host().start_call();
      if (decoder.op()->process(decoder.op(), 0, chunk.get()) != FLOW_DONE) {
        context_.findings.add("decode", "fails: " + decoder.host().error);
        return;
      }
    }
    for (const Batch& batch : decoder.host().emitted[0]) {
      encoder.host().start_call();
      encoder.op()->process(encoder.op(), 0, batch.get());
      const std::string encoded = join(encoder, batch.rows(), FLOW_ROLE_ENCODE);
      if (again.empty()) again = prologue_;
      again += encoded;
    }
    decoder.collect();
    if (again != stream) {
      size_t at = 0;
      while (at < again.size() && at < stream.size() && again[at] == stream[at]) ++at;
      context_.findings.add("encode", "decoded and encoded again the stream differs from byte " +
                                          std::to_string(at) + ": '" + again.substr(at, 60) +
                                          "' instead of '" + stream.substr(at, 60) + "'");
    }
  }

  // ---- decode ----

  void check_decoding(const std::string& bytes) {
    context_.findings.during("decoding the whole stream");
    const Outcome whole = decode(bytes, {0, static_cast<int64_t>(bytes.size())}, -1);
    if (whole.rows.empty() || whole.rows[0].empty()) {
      context_.findings.add("decode", "makes no rows of the given bytes");
    }
    for (int i = 0; i < kSplits; ++i) {
      context_.findings.during("decoding pieces cut at random bytes");
      const std::vector<int64_t> cuts =
          random_cuts(context_.random, static_cast<int64_t>(bytes.size()));
      // Records that are cut are cut with any framer.
      if (!compare(decode(bytes, cuts, i % 2 == 0 ? -1 : 1), whole, "frame")) continue;
      context_.findings.during("decoding with a new framer at each position");
      compare(decode(bytes, cuts, -1, true), whole, "context");
    }
    context_.findings.during("decoding bytes of one at a time");
    std::vector<int64_t> single;
    const auto most = std::min<int64_t>(static_cast<int64_t>(bytes.size()), 2000);
    for (int64_t at = 0; at <= most; ++at) single.push_back(at);
    const std::string head = bytes.substr(0, static_cast<size_t>(most));
    compare(decode(head, single, -1), decode(head, {0, most}, -1), "frame");
    context_.findings.during("decoding noise");
    for (int i = 0; i < 4; ++i) {
      std::string noise = bytes.substr(0, 4000);
      for (int64_t n = below(context_.random, 200); n >= 0; --n) {
        noise[static_cast<size_t>(below(context_.random, static_cast<int64_t>(noise.size())))] =
            static_cast<char>(context_.random());
      }
      decode(noise, random_cuts(context_.random, static_cast<int64_t>(noise.size())), -1);
    }
  }
  // Whether both are the same.
  bool compare(const Outcome& got, Outcome expected, const char* rule) {
    // How many chunks the records came in is the framing's business.
    expected.absorbed = got.absorbed;
    const std::string difference = got.difference(expected, true);
    if (!difference.empty()) context_.findings.add(rule, difference);
    return difference.empty();
  }

  static const flow_stream_context* context_of(Session& framer) {
    flow_operator* op = framer.op();
    return op->extension == nullptr ? nullptr
                                    : static_cast<const flow_stream_context*>(
                                          op->extension(op, FLOW_EXTENSION_STREAM_CONTEXT));
  }
  static std::optional<std::string> get_context(Session& framer) {
    const flow_stream_context* context = context_of(framer);
    if (context == nullptr) return std::nullopt;
    const void* bytes = nullptr;
    const int64_t length = context->get(framer.op(), &bytes);
    return std::string(static_cast<const char*>(bytes), static_cast<size_t>(length));
  }

  static Batch chunk_of(Session& session, const std::string& bytes, int64_t position,
                        const std::optional<std::string>& context) {
    const Host host = session.host().host();
    const Column chunk = make_column(host, Type::binary(), {bytes});
    const Column positions = make_column(host, Type::int64(), {position});
    flow_origin origin{};
    origin.size = sizeof origin;
    origin.source = "contract stream";
    origin.partition = kPartition;
    origin.position = positions.get();
    Output out(session.host().abi());
    if (!context) return out.make(1, {{"bytes", {chunk, Type::binary()}}}, &origin);
    const Column contexts = make_column(host, Type::binary(), {*context});
    return out.make(
        1, {{"bytes", {chunk, Type::binary()}}, {"context", {contexts, Type::binary()}}}, &origin);
  }

  // The stream in pieces [cuts[i], cuts[i + 1]) through framing and decoding. `restart`: a codec
  // with FLOW_EXTENSION_STREAM_CONTEXT gets a new framer behind each run of records, which knows of
  // the stream so far its context only.
  Outcome decode(const std::string& bytes, const std::vector<int64_t>& cuts, int64_t room,
                 bool restart = false) {
    auto framer = std::make_unique<Session>(context_, context_.settings, FLOW_ROLE_FRAME);
    Session decoder(context_, context_.settings, FLOW_ROLE_DECODE, nullptr);
    framer->open();
    decoder.open();
    if (!framer->ready() || !decoder.ready()) {
      context_.findings.add("decode", "does not open: " + framer->refusal() + decoder.refusal());
      return {};
    }
    if (framer->op()->frame == nullptr) {
      context_.findings.add("frame", "the function is missing");
      return {};
    }
    decoder.host().limit_room(room);
    std::string pending;
    int64_t position = 0;
    for (size_t i = 0; i + 1 < cuts.size(); ++i) {
      pending +=
          bytes.substr(static_cast<size_t>(cuts[i]), static_cast<size_t>(cuts[i + 1] - cuts[i]));
      const bool final = i + 2 == cuts.size();
      const auto length = static_cast<int64_t>(pending.size());
      const std::optional<std::string> context = get_context(*framer);
      const int64_t whole =
          framer->op()->frame(framer->op(), pending.data(), length, final ? 1 : 0);
      if (whole < 0 || whole > length || (final && whole != length)) {
        context_.findings.add(
            "frame", "finds " + std::to_string(whole) + " of " + std::to_string(length) +
                         (final ? " last bytes whole, which must be all" : " bytes whole"));
        return decoder.outcome();
      }
      if (whole == 0) continue;
      const std::string records = pending.substr(0, static_cast<size_t>(whole));
      if (decoder.process(0, chunk_of(decoder, records, position, context)) != FLOW_DONE) {
        context_.findings.add("decode", "fails: " + decoder.host().error);
        return decoder.outcome();
      }
      pending.erase(0, static_cast<size_t>(whole));
      position += whole;
      if (restart && context && !final) {
        const std::string at = *get_context(*framer);
        framer->close(false);
        framer = std::make_unique<Session>(context_, context_.settings, FLOW_ROLE_FRAME, nullptr);
        framer->open();
        context_of(*framer)->set(framer->op(), at.data(), static_cast<int64_t>(at.size()));
      }
    }
    decoder.close(true);
    framer->close(true);
    return decoder.outcome();
  }

  Context& context_;
  std::string prologue_;  // of the batch encoded last
};

}  // namespace flow::testing::contract
