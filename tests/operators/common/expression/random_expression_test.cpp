// Random expressions over random rows, beside a slow evaluation of the same, a row at a time.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "flow/testing/harness.hpp"
#include "operators/common/expression/compiled_expression.hpp"
#include "operators/transforms/filter.hpp"

namespace flow::operators::random_expression_test {
namespace {

using flow::testing::Cell;
using flow::testing::Harness;
using flow::testing::Table;

// An expression as it is written, and what it is for a row.
struct Expected {
  std::string text;
  std::function<Cell(size_t row)> value;
};

class Generator {
 public:
  Generator(unsigned seed, const Table& table) : random_(seed), table_(table) {}

  Expected any() {
    switch (pick(4)) {
      case 0:
        return boolean(3);
      case 1:
        return integer(3);
      case 2:
        return real(3);
      default:
        return text(3);
    }
  }

  Expected boolean(int depth) {
    if (depth == 0) return pick(4) == 0 ? literal("true", true) : field("b");
    switch (pick(8)) {
      case 0: {
        const Expected a = boolean(depth - 1), b = boolean(depth - 1);
        return {"(" + a.text + " and " + b.text + ")", [a, b](size_t row) -> Cell {
                  const Cell x = a.value(row), y = b.value(row);
                  if ((!x.is_null() && !x.boolean()) || (!y.is_null() && !y.boolean()))
                    return false;
                  return x.is_null() || y.is_null() ? Cell() : Cell(true);
                }};
      }
      case 1: {
        const Expected a = boolean(depth - 1), b = boolean(depth - 1);
        return {"(" + a.text + " or " + b.text + ")", [a, b](size_t row) -> Cell {
                  const Cell x = a.value(row), y = b.value(row);
                  if ((!x.is_null() && x.boolean()) || (!y.is_null() && y.boolean())) return true;
                  return x.is_null() || y.is_null() ? Cell() : Cell(false);
                }};
      }
      case 2:
        return strict("(not ", boolean(depth - 1), ")",
                      [](const Cell& x) { return Cell(!x.boolean()); });
      case 3: {
        const Expected a = text(depth - 1);
        return {"(" + a.text + " is null)",
                [a](size_t row) { return Cell(a.value(row).is_null()); }};
      }
      case 4:
        return compare(integer(depth - 1), real(depth - 1),
                       [](const Cell& x, const Cell& y) { return x.number() - y.number(); });
      case 5:
        return compare(integer(depth - 1), integer(depth - 1), [](const Cell& x, const Cell& y) {
          return x.integer() < y.integer() ? -1.0 : x.integer() > y.integer() ? 1.0 : 0.0;
        });
      case 6:
        return compare(text(depth - 1), text(depth - 1), [](const Cell& x, const Cell& y) {
          return static_cast<double>(x.text().compare(y.text()));
        });
      default:
        return strict("(", text(depth - 1), " in ['fr', 'x', ''])", [](const Cell& x) {
          return Cell(x.text() == "fr" || x.text() == "x" || x.text().empty());
        });
    }
  }

  Expected integer(int depth) {
    if (depth == 0) {
      if (pick(2) == 0) return field("i");
      const auto value = static_cast<int64_t>(pick(7)) - 3;
      return literal("(" + std::to_string(value) + ")", value);
    }
    switch (pick(5)) {
      case 0:
        return with_ints("+", depth, [](int64_t a, int64_t b, int64_t& r) {
          return !__builtin_add_overflow(a, b, &r);
        });
      case 1:
        return with_ints("*", depth, [](int64_t a, int64_t b, int64_t& r) {
          return !__builtin_mul_overflow(a, b, &r);
        });
      case 2:
        return with_ints("%", depth, [](int64_t a, int64_t b, int64_t& r) {
          r = b == 0 || b == -1 ? 0 : a % b;
          return b != 0;
        });
      case 3:
        return choose(boolean(depth - 1), integer(depth - 1), integer(depth - 1));
      default:
        return strict("length(", text(depth - 1), ")", [](const Cell& x) {
          int64_t n = 0;
          for (const char c : x.text()) n += (static_cast<unsigned char>(c) & 0xc0) != 0x80 ? 1 : 0;
          return Cell(n);
        });
    }
  }

  Expected real(int depth) {
    if (depth == 0) return pick(3) == 0 ? literal("0.5", 0.5) : field("f");
    const Expected a = real(depth - 1), b = pick(2) == 0 ? real(depth - 1) : integer(depth - 1);
    switch (pick(3)) {
      case 0:
        return strict2(a, " / ", b, [](const Cell& x, const Cell& y) {
          return y.number() == 0 ? Cell() : Cell(x.number() / y.number());
        });
      case 1:
        return strict2(a, " - ", b,
                       [](const Cell& x, const Cell& y) { return Cell(x.number() - y.number()); });
      default:
        return choose(boolean(depth - 1), a, real(depth - 1));
    }
  }

  Expected text(int depth) {
    if (depth == 0) {
      const std::vector<const char*> names = {"t", "c"};
      return pick(4) == 0 ? literal("'fr'", "fr") : field(names[pick(2)]);
    }
    switch (pick(5)) {
      case 0:
        return strict("lower(", text(depth - 1), ")", [](const Cell& x) {
          std::string lowered = x.text();
          for (char& c : lowered) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
          return Cell(lowered);
        });
      case 1: {
        const Expected a = text(depth - 1), b = text(depth - 1);
        return {"concat(" + a.text + ", " + b.text + ")", [a, b](size_t row) -> Cell {
                  const Cell x = a.value(row), y = b.value(row);
                  return x.is_null() || y.is_null() ? Cell() : Cell(x.text() + y.text());
                }};
      }
      case 2:
        return choose(boolean(depth - 1), text(depth - 1), text(depth - 1));
      case 3:
        return strict("substring(", text(depth - 1), ", 1)", [](const Cell& x) {
          size_t at = x.text().empty() ? 0 : 1;
          while (at < x.text().size() &&
                 (static_cast<unsigned char>(x.text()[at]) & 0xc0) == 0x80) {
            ++at;
          }
          return Cell(x.text().substr(at));
        });
      default: {
        const Expected a = text(depth - 1), b = text(depth - 1);
        return {"coalesce(" + a.text + ", " + b.text + ")", [a, b](size_t row) {
                  const Cell x = a.value(row);
                  return x.is_null() ? b.value(row) : x;
                }};
      }
    }
  }

 private:
  unsigned pick(unsigned n) { return static_cast<unsigned>(random_() % n); }

  Expected field(const std::string& name) {
    const std::vector<Cell>& cells = table_[name];
    return {name, [&cells](size_t row) { return cells[row]; }};
  }
  static Expected literal(const std::string& text, const Cell& value) {
    return {text, [value](size_t) { return value; }};
  }
  static Expected strict(const std::string& before, const Expected& a, const std::string& behind,
                         const std::function<Cell(const Cell&)>& f) {
    return {before + a.text + behind, [a, f](size_t row) {
              const Cell x = a.value(row);
              return x.is_null() ? Cell() : f(x);
            }};
  }
  static Expected strict2(const Expected& a, const std::string& sign, const Expected& b,
                          const std::function<Cell(const Cell&, const Cell&)>& f) {
    return {"(" + a.text + sign + b.text + ")", [a, b, f](size_t row) {
              const Cell x = a.value(row), y = b.value(row);
              return x.is_null() || y.is_null() ? Cell() : f(x, y);
            }};
  }
  // `order`: below, at or above 0, or not a number.
  Expected compare(const Expected& a, const Expected& b,
                   const std::function<double(const Cell&, const Cell&)>& order) {
    static const std::vector<std::pair<std::string, std::function<bool(double)>>> kSigns = {
        {" == ", [](double o) { return o == 0; }}, {" != ", [](double o) { return o != 0; }},
        {" < ", [](double o) { return o < 0; }},   {" <= ", [](double o) { return o <= 0; }},
        {" > ", [](double o) { return o > 0; }},   {" >= ", [](double o) { return o >= 0; }}};
    const auto& [sign, holds] = kSigns[pick(6)];
    return strict2(a, sign, b, [order, holds = holds](const Cell& x, const Cell& y) {
      return Cell(holds(order(x, y)));
    });
  }
  Expected with_ints(const std::string& sign, int depth,
                     const std::function<bool(int64_t, int64_t, int64_t&)>& f) {
    return strict2(integer(depth - 1), " " + sign + " ", integer(depth - 1),
                   [f](const Cell& x, const Cell& y) {
                     int64_t result = 0;
                     return f(x.integer(), y.integer(), result) ? Cell(result) : Cell();
                   });
  }
  static Expected choose(const Expected& condition, const Expected& a, const Expected& b) {
    return {"if(" + condition.text + ", " + a.text + ", " + b.text + ")",
            [condition, a, b](size_t row) {
              const Cell x = condition.value(row);
              return !x.is_null() && x.boolean() ? a.value(row) : b.value(row);
            }};
  }

  std::mt19937 random_;
  const Table& table_;
};

Table random_rows(unsigned seed, size_t rows) {
  std::mt19937 random(seed);
  const auto cells = [&](const std::vector<Cell>& values) {
    std::vector<Cell> result;
    for (size_t row = 0; row < rows; ++row) result.push_back(values[random() % values.size()]);
    return result;
  };
  const bool nulls = seed % 3 != 0;  // loops without nulls are others
  const auto maybe = [&](std::vector<Cell> values) {
    if (nulls) values.emplace_back();
    return cells(values);
  };
  return {
      {"b", Type::boolean(), maybe({true, false})},
      {"i", Type::int64(), maybe({0, 1, -1, 7, INT64_MAX, INT64_MIN})},
      {"f", Type::float64(), maybe({0.0, 0.25, -3.0, 1e10})},
      {"t", Type::text(), maybe({"", "fr", "FR", "n\xC3\xA9", "a text beyond what views hold"})},
      {"c", Type::category(), maybe({"fr", "De", "x", "a category beyond twelve bytes"})}};
}

TEST(RandomExpression, AgreesWithASlowEvaluationARowAtATime) {
  const char* const given = std::getenv("FLOWRUN_SEED");
  const unsigned first = given != nullptr ? static_cast<unsigned>(std::atoi(given))
                                          : std::random_device()() % 1'000'000;
  std::cout << "FLOWRUN_SEED=" << first << '\n';
  auto harness = Harness::of<Filter>({{"where", "true"}});
  Output maker(harness.host().abi());
  for (unsigned seed = first; seed < first + 1500 && !::testing::Test::HasFailure(); ++seed) {
    const Table table = random_rows(seed, 1 + seed % 37);
    const Batch batch = harness.batch(table);
    const Expected expected = Generator(seed, table).any();
    ExpressionEvaluator evaluator(CompiledExpression::compile(expected.text, "test"));
    const TypedColumn made = evaluator.evaluate(batch, maker);
    const Table result =
        flow::testing::read_table(maker.make(batch.rows(), {{"result", made}}, nullptr));
    for (size_t row = 0; row < result.columns[0].cells.size(); ++row) {
      const Cell wanted = expected.value(row);
      const Cell& found = result.columns[0].cells[row];
      if (wanted.kind() == Cell::Kind::kNumber && !wanted.is_null() && !found.is_null() &&
          std::isnan(wanted.number())) {
        EXPECT_TRUE(std::isnan(found.number())) << expected.text;
      } else if (!wanted.is_null() && !found.is_null() &&
                 wanted.kind() != found.kind()) {  // an int where the other branch is a float
        EXPECT_EQ(wanted.number(), found.number()) << expected.text;
      } else {
        EXPECT_EQ(wanted, found) << expected.text << ", row " << row << ", seed " << seed;
      }
    }
  }
}

}  // namespace
}  // namespace flow::operators::random_expression_test
