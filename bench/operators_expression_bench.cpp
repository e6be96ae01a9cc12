// CPU time a row of expressions, on one core, 4,096 rows a batch. Each case checks its answer once
// before it is measured. text_*_loop are the same work as a loop written by hand.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <functional>
#include <string>

#include "bench/operator_case.hpp"
#include "flow/dictionary.hpp"
#include "flow/testing/harness.hpp"
#include "operators/common/expression/compiled_expression.hpp"
#include "operators/transforms/compute.hpp"
#include "operators/transforms/filter.hpp"
#include "operators/transforms/route.hpp"

namespace flow::operators {
namespace {

using flow::testing::Harness;
using flow::testing::Setting;

// Rows like those of an access log: one in fifty is an error, one in three from France.
class Fixture {
 public:
  Fixture() : harness_(Harness::of<Filter>({{"where", "true"}})), maker_(harness_.host().abi()) {
    const Host host = harness_.host().host();
    Int64Builder status(host, kBatchRows);
    Int64Builder sent(host, kBatchRows);
    Int64Builder limit(host, kBatchRows);
    Float64Builder seconds(host, kBatchRows);
    TextBuilder request(host, kBatchRows);
    TextBuilder method(host, kBatchRows);
    TextBuilder code(host, kBatchRows);
    DictionaryBuilder country(host, kBatchRows, countries_);
    static constexpr std::array<const char*, 3> kCountries = {"FR", "DE", "United Kingdom"};
    uint64_t random = 88172645463325252;
    for (int64_t row = 0; row < kBatchRows; ++row) {
      random ^= random << 13;
      random ^= random >> 7;
      random ^= random << 17;
      status.append(random % 16 == 0 ? 503 : 200);
      errors_ += random % 16 == 0 && random / 16 % 3 == 0 ? 1 : 0;
      const char* const name = kCountries[random / 16 % 3];
      country.append(countries_.intern(host, name), name);
      sent.append(static_cast<int64_t>(random % 100'000));
      limit.append(static_cast<int64_t>(random / 100'000 % 100'000));
      seconds.append(static_cast<double>(random % 1000) / 1000);
      request.append("  GET /Product.php?id=" + std::to_string(random % 100'000) + " HTTP/1.1 ");
      method.append(random % 4 == 0 ? "POST" : "GET");
      code.append(random % 16 == 0 ? "503" : "200");
    }
    batch_ = maker_.make(kBatchRows,
                         {{"status", {status.finish(), Type::int64()}},
                          {"sent", {sent.finish(), Type::int64()}},
                          {"limit", {limit.finish(), Type::int64()}},
                          {"seconds", {seconds.finish(), Type::float64()}},
                          {"request", {request.finish(), Type::text()}},
                          {"method", {method.finish(), Type::text()}},
                          {"code", {code.finish(), Type::text()}},
                          {"country", country.finish()}},
                         nullptr);
  }

  Output& maker() { return maker_; }
  Harness& harness() { return harness_; }
  const Batch& batch() const { return batch_; }
  int64_t errors() const { return errors_; }

 private:
  Harness harness_;
  Output maker_;
  SharedDictionary countries_;
  Batch batch_;
  int64_t errors_ = 0;
};

// A condition, to the list of the rows that meet it.
void select(benchmark::State& state, const char* where) {
  Fixture fixture;
  ExpressionEvaluator evaluator(CompiledExpression::compile(where, "where"));
  const size_t kept = evaluator.select(fixture.batch(), fixture.maker()).rows.size();
  require(kept > 0 && kept < kBatchRows, where);
  for (auto _ : state) {
    benchmark::DoNotOptimize(evaluator.select(fixture.batch(), fixture.maker()).rows.size());
  }
  report(state);
}
void select_two_ints(benchmark::State& state) { select(state, "sent > limit"); }
BENCHMARK(select_two_ints);
void select_int_and_literal(benchmark::State& state) { select(state, "status >= 500"); }
BENCHMARK(select_int_and_literal);
void select_floats(benchmark::State& state) { select(state, "seconds * 2 > 1.5"); }
BENCHMARK(select_floats);
void select_category(benchmark::State& state) { select(state, "country == 'FR'"); }
BENCHMARK(select_category);
void select_text(benchmark::State& state) { select(state, "method == 'POST'"); }
BENCHMARK(select_text);
void select_text_in(benchmark::State& state) { select(state, "method in ['POST', 'PUT', 'X']"); }
BENCHMARK(select_text_in);
void select_number_text(benchmark::State& state) { select(state, "code >= 500"); }
BENCHMARK(select_number_text);
void select_contains(benchmark::State& state) { select(state, "contains(request, 'id=12')"); }
BENCHMARK(select_contains);
void select_matches(benchmark::State& state) { select(state, "request matches 'id=12[0-9]'"); }
BENCHMARK(select_matches);

// A comparison of two numeric columns to a column of bools.
void compare_columns(benchmark::State& state) {
  Fixture fixture;
  ExpressionEvaluator evaluator(CompiledExpression::compile("sent > limit", "field"));
  require(evaluator.evaluate(fixture.batch(), fixture.maker()).column.rows() == kBatchRows, "rows");
  for (auto _ : state) evaluator.evaluate(fixture.batch(), fixture.maker());
  report(state);
}
BENCHMARK(compare_columns);

// The operator whole, with the selection of the kept rows: 2 % of them.
void filter_operator(benchmark::State& state) {
  Fixture fixture;
  auto harness = Harness::of<Filter>({{"where", "status >= 500 and country == 'FR'"}});
  harness.push(fixture.batch());
  int64_t kept = 0;
  for (const Batch& batch : harness.pull_batches()) kept += batch.rows();
  require(kept == fixture.errors(), "filter");
  for (auto _ : state) {
    harness.push(fixture.batch());
    benchmark::DoNotOptimize(harness.pull_batches());
  }
  report(state);
}
BENCHMARK(filter_operator);

// Every row goes somewhere: the rows of an output are gathered, all but those of a whole batch.
void route_operator(benchmark::State& state, const char* first, const char* second) {
  Fixture fixture;
  auto harness =
      Harness::of<Route>({{"routes", Setting::table({{"first", first}, {"second", second}})}});
  const auto pull = [&harness] {
    int64_t rows = 0;
    for (const char* port : {"first", "second", "rest"}) {
      for (const Batch& batch : harness.pull_batches(port)) rows += batch.rows();
    }
    return rows;
  };
  harness.push(fixture.batch());
  require(pull() == kBatchRows, "route");
  for (auto _ : state) {
    harness.push(fixture.batch());
    benchmark::DoNotOptimize(pull());
  }
  report(state);
}
BENCHMARK_CAPTURE(route_operator, three_ways, "status >= 500", "country == 'FR'");
BENCHMARK_CAPTURE(route_operator, one_way, "status >= 100", "country == 'FR'");

// Three fields, the third of the second: arithmetic, a comparison, a text function.
void compute_operator(benchmark::State& state) {
  Fixture fixture;
  auto harness = Harness::of<Compute>({{"fields", Setting::table({{"rate", "sent / seconds"},
                                                                  {"fast", "rate > 1000"},
                                                                  {"asked", "trim(request)"}})}});
  harness.push(fixture.batch());
  const Batch made = harness.pull_batches().at(0);
  require(made.find("rate") && made.find("fast") && made.find("asked"), "compute");
  require(TextView(*made.find("asked"))[0].substr(0, 4) == "GET ", "compute");
  for (auto _ : state) {
    harness.push(fixture.batch());
    benchmark::DoNotOptimize(harness.pull_batches());
  }
  report(state);
}
BENCHMARK(compute_operator);

// ---- text functions beside loops written by hand ----

void by_expression(benchmark::State& state, const char* expression) {
  Fixture fixture;
  ExpressionEvaluator evaluator(CompiledExpression::compile(expression, "field"));
  require(evaluator.evaluate(fixture.batch(), fixture.maker()).column.rows() == kBatchRows, "rows");
  for (auto _ : state) {
    benchmark::DoNotOptimize(evaluator.evaluate(fixture.batch(), fixture.maker()).column.get());
  }
  report(state);
}

template <class Body>
void by_hand(benchmark::State& state, const char* expression, Body body) {
  Fixture fixture;
  const TextView texts(*fixture.batch().find("request"));
  ExpressionEvaluator evaluator(CompiledExpression::compile(expression, "field"));
  const TypedColumn wanted = evaluator.evaluate(fixture.batch(), fixture.maker());
  const Column made = body(texts, fixture);
  for (int64_t row = 0; row < kBatchRows; ++row) {
    if (made.type() == FLOW_TEXT) {
      require(TextView(*wanted.column)[row] == TextView(*made)[row], expression);
    } else {
      require(Int64View(*wanted.column)[row] == Int64View(*made)[row], expression);
    }
  }
  for (auto _ : state) benchmark::DoNotOptimize(body(texts, fixture).get());
  report(state);
}

constexpr const char* kLower = "lower(request)";
void text_lower(benchmark::State& state) { by_expression(state, kLower); }
BENCHMARK(text_lower);
void text_lower_loop(benchmark::State& state) {
  by_hand(state, kLower, [lowered = std::string()](const TextView& texts, Fixture& f) mutable {
    TextBuilder builder(f.maker(), kBatchRows);
    for (int64_t row = 0; row < kBatchRows; ++row) {
      const std::string_view text = texts[row];
      lowered.resize(text.size());
      std::transform(text.begin(), text.end(), lowered.begin(),
                     [](char c) { return static_cast<char>(c + (c >= 'A' && c <= 'Z' ? 32 : 0)); });
      builder.append(lowered);
    }
    return builder.finish();
  });
}
BENCHMARK(text_lower_loop);

constexpr const char* kTrim = "trim(request)";
void text_trim(benchmark::State& state) { by_expression(state, kTrim); }
BENCHMARK(text_trim);
void text_trim_loop(benchmark::State& state) {
  by_hand(state, kTrim, [](const TextView& texts, Fixture& f) {
    const flow_column& column = *f.batch().find("request");
    TextBuilder builder(f.maker(), kBatchRows);
    const int32_t first = builder.share(column);
    for (int64_t row = 0; row < kBatchRows; ++row) {
      const std::string_view text = texts[row];
      const size_t begin = text.find_first_not_of(" \t\r\n\v\f");
      const size_t end = text.find_last_not_of(" \t\r\n\v\f");
      const std::string_view inside = text.substr(begin, end - begin + 1);
      const int32_t number = texts.views()[row].buffer;
      builder.append_shared(inside, first + number,
                            static_cast<const char*>(column.data[number]->data));
    }
    return builder.finish();
  });
}
BENCHMARK(text_trim_loop);

constexpr const char* kPiece = "split(request, ' ', 3)";
void text_split(benchmark::State& state) { by_expression(state, kPiece); }
BENCHMARK(text_split);
void text_split_loop(benchmark::State& state) {
  by_hand(state, kPiece, [](const TextView& texts, Fixture& f) {
    const flow_column& column = *f.batch().find("request");
    TextBuilder builder(f.maker(), kBatchRows);
    const int32_t first = builder.share(column);
    for (int64_t row = 0; row < kBatchRows; ++row) {
      std::string_view text = texts[row];
      for (int i = 0; i < 3; ++i) text.remove_prefix(text.find(' ') + 1);
      const int32_t number = texts.views()[row].buffer;
      builder.append_shared(text.substr(0, text.find(' ')), first + number,
                            static_cast<const char*>(column.data[number]->data));
    }
    return builder.finish();
  });
}
BENCHMARK(text_split_loop);

constexpr const char* kLength = "length(request)";
void text_length(benchmark::State& state) { by_expression(state, kLength); }
BENCHMARK(text_length);
void text_length_loop(benchmark::State& state) {
  by_hand(state, kLength, [](const TextView& texts, Fixture& f) {
    Int64Builder builder(f.maker(), kBatchRows);
    for (int64_t row = 0; row < kBatchRows; ++row) {
      const std::string_view text = texts[row];
      builder.append(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
      }));
    }
    return builder.finish();
  });
}
BENCHMARK(text_length_loop);

constexpr const char* kConcat = "concat(method, request)";
void text_concat(benchmark::State& state) { by_expression(state, kConcat); }
BENCHMARK(text_concat);
void text_concat_loop(benchmark::State& state) {
  by_hand(state, kConcat, [joined = std::string()](const TextView& texts, Fixture& f) mutable {
    const TextView methods(*f.batch().find("method"));
    TextBuilder builder(f.maker(), kBatchRows);
    for (int64_t row = 0; row < kBatchRows; ++row) {
      joined.assign(methods[row]);
      joined.append(texts[row]);
      builder.append(joined);
    }
    return builder.finish();
  });
}
BENCHMARK(text_concat_loop);

constexpr const char* kReplace = "replace(request, '?id=', '/')";
void text_replace(benchmark::State& state) { by_expression(state, kReplace); }
BENCHMARK(text_replace);
void text_replace_loop(benchmark::State& state) {
  by_hand(state, kReplace, [result = std::string()](const TextView& texts, Fixture& f) mutable {
    TextBuilder builder(f.maker(), kBatchRows);
    for (int64_t row = 0; row < kBatchRows; ++row) {
      std::string_view text = texts[row];
      result.clear();
      for (size_t at = text.find("?id="); at != std::string_view::npos; at = text.find("?id=")) {
        result.append(text.substr(0, at)).append("/");
        text.remove_prefix(at + 4);
      }
      builder.append(result.append(text));
    }
    return builder.finish();
  });
}
BENCHMARK(text_replace_loop);

}  // namespace
}  // namespace flow::operators
