// CPU time of the operators of plugins/formats, one at a time on one core, in batches of 4,096
// rows. Each case checks its answer once before it is measured.

#include <benchmark/benchmark.h>
#include <re2/re2.h>

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "bench/byte_pieces.hpp"
#include "bench/operator_case.hpp"
#include "flow/testing/harness.hpp"
#include "operators/codecs/csv.hpp"
#include "operators/codecs/logfmt.hpp"
#include "operators/codecs/raw.hpp"
#include "operators/codecs/syslog.hpp"
#include "operators/codecs/text.hpp"
#include "operators/transforms/parse_csv.hpp"
#include "operators/transforms/parse_logfmt.hpp"
#include "operators/transforms/parse_regex.hpp"
#include "operators/transforms/parse_syslog.hpp"

namespace flow::operators {
namespace {

using flow::testing::Harness;
using flow::testing::Setting;
using flow::testing::Settings;

// Sales of some 110 bytes: ten fields, of which one in eight records has one in quotes.
std::string sales() {
  std::string text;
  for (int64_t row = 0; row < kBatchRows; ++row) {
    const std::string id = std::to_string(100'000 + row * 7);
    text.append(id).append(",2025-10-28T10:15:3").append(std::to_string(row % 10));
    text.append("Z,customer-").append(std::to_string(row * 31 % 5000));
    text.append(row % 8 == 0 ? ",\"Lamp, small\"" : ",Garden chair of oak");
    text.append(",").append(std::to_string(row % 9)).append(",19.");
    text.append(std::to_string(10 + row % 90)).append(",FR,Lyon,card,open since yesterday\n");
  }
  return text;
}
const std::vector<std::string> kSalesFields = {"id",    "at",      "customer", "product", "count",
                                               "price", "country", "city",     "payment", "note"};

// A column of the lines.
Batch lines_of(Harness& harness, const std::string& text, const char* name = "message",
               const Type& type = Type::text()) {
  const Host host = harness.host().host();
  const Buffer buffer = host.allocate(static_cast<int64_t>(text.size()));
  std::memcpy(buffer->data, text.data(), text.size());
  TextBuilder views(host, kBatchRows, type.id());
  const int32_t number = views.share(buffer);
  const auto* const base = static_cast<const char*>(buffer->data);
  std::string_view rest(base, text.size());
  for (int64_t row = 0; row < kBatchRows; ++row) {
    const size_t end = rest.find('\n');
    views.append_shared(rest.substr(0, end), number, base);
    rest.remove_prefix(end + 1);
  }
  Output maker(harness.host().abi());
  return maker.make(kBatchRows, {{name, {views.finish(), type}}}, nullptr);
}

void run(benchmark::State& state, Harness& harness, const Batch& in, size_t bytes) {
  harness.push(in);
  const std::vector<Batch> first = harness.pull_batches();
  require(first.size() == 1 && first[0].rows() == kBatchRows && harness.failed().empty(),
          "every row comes out");
  for (auto _ : state) {
    harness.push(in);
    benchmark::DoNotOptimize(harness.pull_batches());
  }
  report(state, kBatchRows, static_cast<int64_t>(bytes));
}

template <class Codec>
void decode(benchmark::State& state, const std::string& text, const Settings& settings) {
  Harness harness = Harness::of<Codec>(settings, FLOW_ROLE_DECODE);
  run(state, harness, byte_pieces(harness, text, text.size()), text.size());
}

void csv_decode_text(benchmark::State& state) {
  decode<Csv>(state, sales(), {{"header", false}, {"fields", kSalesFields}});
}
BENCHMARK(csv_decode_text);

// Every type but text: three numbers, a time, three categories, and three texts beside them.
void csv_decode_typed(benchmark::State& state) {
  const Setting schema = Setting::table({{"id", "int"},
                                         {"at", "timestamp"},
                                         {"count", "int"},
                                         {"price", "float"},
                                         {"country", "category"},
                                         {"city", "category"},
                                         {"payment", "category"}});
  decode<Csv>(state, sales(), {{"header", false}, {"fields", kSalesFields}, {"schema", schema}});
}
BENCHMARK(csv_decode_typed);

void csv_frame(benchmark::State& state) {
  Harness harness =
      Harness::of<Csv>({{"header", false}, {"fields", kSalesFields}}, FLOW_ROLE_FRAME);
  const std::string text = sales();
  require(harness.frame(text) == static_cast<int64_t>(text.size()), "all records are whole");
  for (auto _ : state) benchmark::DoNotOptimize(harness.frame(text));
  report(state, kBatchRows, static_cast<int64_t>(text.size()));
}
BENCHMARK(csv_frame);

void csv_encode(benchmark::State& state) {
  Harness decoder =
      Harness::of<Csv>({{"header", false}, {"fields", kSalesFields}}, FLOW_ROLE_DECODE);
  const std::string text = sales();
  decoder.push(byte_pieces(decoder, text, text.size()));
  const Batch rows = decoder.pull_batches().at(0);
  Harness encoder = Harness::of<Csv>({}, FLOW_ROLE_ENCODE);
  run(state, encoder, rows, text.size());
}
BENCHMARK(csv_encode);

void parse_csv_text(benchmark::State& state) {
  Harness harness = Harness::of<ParseCsv>({{"fields", kSalesFields}});
  const std::string text = sales();
  run(state, harness, lines_of(harness, text), text.size());
}
BENCHMARK(parse_csv_text);

// ---- access lines of a common pattern, and RE2 by itself ----

constexpr const char* kPattern =
    R"(^(?P<host>[^ ]+) [^ ]+ (?P<user>[^ ]+) \[(?P<time>[^\]]+)\] "(?P<method>[A-Z]+) (?P<path>[^ ]+) [^"]*" (?P<status>[0-9]{3}) (?P<bytes>[0-9]+)$)";

std::string access_lines() {
  std::string text;
  for (int64_t row = 0; row < kBatchRows; ++row) {
    text.append("203.0.113.").append(std::to_string(row % 250));
    text.append(" - - [28/Oct/2025:10:15:30 +0000] \"GET /product.php?id=");
    text.append(std::to_string(row)).append(" HTTP/1.1\" 200 ").append(std::to_string(row * 13));
    text += '\n';
  }
  return text;
}

void parse_regex_access(benchmark::State& state) {
  Harness harness = Harness::of<ParseRegex>({{"pattern", kPattern}});
  const std::string text = access_lines();
  run(state, harness, lines_of(harness, text), text.size());
}
BENCHMARK(parse_regex_access);

void bare_re2_access(benchmark::State& state) {
  Harness harness = Harness::of<ParseRegex>({{"pattern", kPattern}});
  const std::string text = access_lines();
  const Batch in = lines_of(harness, text);
  const TextView lines(in.column(0));
  const re2::RE2 pattern(kPattern);
  std::vector<re2::StringPiece> groups(static_cast<size_t>(pattern.NumberOfCapturingGroups()) + 1);
  const auto match = [&](int64_t row) {
    const std::string_view line = lines[row];
    return pattern.Match({line.data(), line.size()}, 0, line.size(), re2::RE2::UNANCHORED,
                         groups.data(), static_cast<int>(groups.size()));
  };
  require(match(0) && groups.back() == "0", "the pattern matches");
  for (auto _ : state) {
    for (int64_t row = 0; row < kBatchRows; ++row) benchmark::DoNotOptimize(match(row));
  }
  report(state, kBatchRows, static_cast<int64_t>(text.size()));
}
BENCHMARK(bare_re2_access);

// ---- logfmt, syslog, templates, bytes as they are ----

std::string logfmt_lines() {
  std::string text;
  for (int64_t row = 0; row < kBatchRows; ++row) {
    text.append("level=info ts=2025-10-28T10:15:30Z caller=server.go:112 msg=\"request done\" id=");
    text.append(std::to_string(row)).append(" status=200 elapsed=1.25\n");
  }
  return text;
}
std::string syslog_lines(bool old) {
  std::string text;
  for (int64_t row = 0; row < kBatchRows; ++row) {
    text.append(old ? "<165>Oct 28 10:15:30 host.example.com app["
                    : "<165>1 2025-10-28T10:15:30.123Z host.example.com app ");
    text.append(std::to_string(row));
    text.append(old ? "]: An application event of some length\n"
                    : " ID47 - An application event of some length\n");
  }
  return text;
}

// The rows of a text, as its codec makes them.
template <class Codec>
Batch decoded(const std::string& text, const Settings& settings) {
  Harness decoder = Harness::of<Codec>(settings, FLOW_ROLE_DECODE);
  decoder.push(byte_pieces(decoder, text, text.size()));
  return decoder.pull_batches().at(0);
}

void logfmt_decode(benchmark::State& state) { decode<Logfmt>(state, logfmt_lines(), {}); }
BENCHMARK(logfmt_decode);

void logfmt_encode(benchmark::State& state) {
  const std::string text = logfmt_lines();
  Harness encoder = Harness::of<Logfmt>({}, FLOW_ROLE_ENCODE);
  run(state, encoder, decoded<Logfmt>(text, {}), text.size());
}
BENCHMARK(logfmt_encode);

void parse_logfmt(benchmark::State& state) {
  Harness harness = Harness::of<ParseLogfmt>();
  const std::string text = logfmt_lines();
  run(state, harness, lines_of(harness, text), text.size());
}
BENCHMARK(parse_logfmt);

void syslog_decode(benchmark::State& state, bool old) {
  decode<Syslog>(state, syslog_lines(old), {{"year", 2025}});
}
BENCHMARK_CAPTURE(syslog_decode, rfc_5424, false);
BENCHMARK_CAPTURE(syslog_decode, rfc_3164, true);

void parse_syslog(benchmark::State& state, bool old) {
  Harness harness = Harness::of<ParseSyslog>({{"year", 2025}});
  const std::string text = syslog_lines(old);
  run(state, harness, lines_of(harness, text), text.size());
}
BENCHMARK_CAPTURE(parse_syslog, rfc_5424, false);
BENCHMARK_CAPTURE(parse_syslog, rfc_3164, true);

void text_encode(benchmark::State& state) {
  const Batch rows = decoded<Csv>(sales(), {{"header", false}, {"fields", kSalesFields}});
  Harness encoder = Harness::of<TextCodec>(
      {{"template", "{at} {customer} bought {count} of {product} in {city}"}}, FLOW_ROLE_ENCODE);
  encoder.push(rows);
  const Batch lines = encoder.pull_batches().at(0);
  size_t bytes = 0;
  for (int64_t row = 0; row < lines.rows(); ++row) bytes += TextView(lines.column(0))[row].size();
  require(TextView(lines.column(0))[1] ==
              "2025-10-28T10:15:31Z customer-31 bought 1 of Garden chair of oak in Lyon\n",
          "text: another line");
  run(state, encoder, rows, bytes);
}
BENCHMARK(text_encode);

// Messages of some 100 bytes, a row each.
void raw_decode(benchmark::State& state) {
  Harness harness = Harness::of<Raw>({}, FLOW_ROLE_DECODE);
  const std::string text = logfmt_lines();
  run(state, harness, lines_of(harness, text, "bytes", Type::binary()), text.size());
}
BENCHMARK(raw_decode);

void raw_encode(benchmark::State& state) {
  Harness harness = Harness::of<Raw>({}, FLOW_ROLE_ENCODE);
  const std::string text = logfmt_lines();
  run(state, harness, lines_of(harness, text), text.size());
}
BENCHMARK(raw_encode);

}  // namespace
}  // namespace flow::operators
