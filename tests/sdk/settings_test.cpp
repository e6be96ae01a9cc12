#include "flow/testing/settings.hpp"

#include <gtest/gtest.h>

#include "flow/testing/harness.hpp"

namespace flow::testing {
namespace {

TEST(TomlReader, ReadsEveryKindOfValue) {
  EXPECT_EQ(TomlReader::value("true").integer, 1);
  EXPECT_EQ(TomlReader::value("-1_000").integer, -1000);
  EXPECT_EQ(TomlReader::value("0xff").integer, 255);
  EXPECT_EQ(TomlReader::value("1e3").type, FLOW_OPTION_FLOAT);
  EXPECT_DOUBLE_EQ(TomlReader::value("-2.5").number, -2.5);
  EXPECT_EQ(TomlReader::value("\"a\\n\\\"b\\\" \\u00e4\"").text, "a\n\"b\" \u00e4");
  EXPECT_EQ(TomlReader::value("'C:\\path'").text, "C:\\path");
  EXPECT_EQ(TomlReader::value("\"\"\"\ntwo\nlines\"\"\"").text, "two\nlines");
  const Value list = TomlReader::value("[\"a\", # first\n \"b\",\n]");
  ASSERT_EQ(list.items.size(), 2U);
  EXPECT_EQ(list.items[1].second.text, "b");
  const Value table = TomlReader::value("{ path = \"x\", \"a b\" = 5, deep.er = true }");
  EXPECT_EQ(table.items[1].first, "a b");
  EXPECT_EQ(table.items[2].second.items[0].first, "er");
  EXPECT_TRUE(TomlReader::value("{}").items.empty());
}

TEST(TomlReader, RefusesWhatIsNoValue) {
  for (const char* text : {"", "maybe", "\"open", "[1, 2", "{ a = }", "1 2", "[1 2]"}) {
    EXPECT_THROW(TomlReader::value(text), std::invalid_argument) << text;
  }
}

TEST(TomlReader, NamesTheLineOfAnError) {
  try {
    TomlReader::document("a = 1\nb = \n");
    FAIL();
  } catch (const std::invalid_argument& refused) {
    EXPECT_NE(std::string(refused.what()).find("line 2"), std::string::npos) << refused.what();
  }
}

TEST(Quantities, AreReadWithTheirUnits) {
  EXPECT_EQ(read_duration("10s"), 10'000'000'000);
  EXPECT_EQ(read_duration("5ms"), 5'000'000);
  EXPECT_EQ(read_duration("1h30m"), 5'400'000'000'000);
  EXPECT_EQ(read_duration("1.5s"), 1'500'000'000);
  EXPECT_EQ(read_duration("0"), 0);
  EXPECT_EQ(read_size("256KiB"), 262'144);
  EXPECT_EQ(read_size("1MB"), 1'000'000);
  EXPECT_THROW(read_size("10"), std::invalid_argument);
  EXPECT_THROW(read_duration("10 parsecs"), std::invalid_argument);
  EXPECT_THROW(read_duration("99999999999h"), std::invalid_argument);
}

TEST(ExampleSettings, MayBeATableWithoutAHeader) {
  const Settings settings = example_settings("type = \"threshold\"\nmin = 1\n", "threshold");
  ASSERT_EQ(settings.size(), 1U);
  EXPECT_EQ(settings[0].first, "min");
  EXPECT_THROW(example_settings("type = \"other\"\n", "threshold"), std::invalid_argument);
}

TEST(ExampleSettings, AreThoseOfTheTableWithTheOperatorsType) {
  const Settings settings = example_settings(R"(
[sources.numbers]
type = "generate"
rows = 5

[transforms.hot]
type = "threshold"   # keeps what is hot
inputs = ["numbers"]
field = "celsius"
min = 30.0

[transforms.hot.names]
a = "b"
)",
                                             "threshold");
  ASSERT_EQ(settings.size(), 3U);
  EXPECT_EQ(settings[0].first, "field");
  EXPECT_EQ(settings[1].second.value().number, 30.0);
  EXPECT_EQ(settings[2].second.value().items[0].second.text, "b");
}

// Has an option of every type and emits one row with what it was given.
class Echo final : public Source {
 public:
  enum class Colour { kRed, kGreen };
  struct Options {
    bool flag = true;
    int64_t count = 3;
    double ratio = 0.5;
    std::string text = "a \"quoted\" text\n";
    Duration wait{5'000'000};
    Size size{1 << 20};
    Colour colour = Colour::kGreen;
    Field field{"host"};
    std::vector<Field> fields{{"a"}, {"b.c"}};
    std::vector<std::string> list{"x", "y"};
    flow::Table table;
    std::optional<int64_t> maybe;
    Secret secret{"s3"};
  };
  static void describe(Description<Options>& d) {
    d.name("echo");
    d.summary("Emits its own options.");
    d.doc("For tests.");
    d.example("[sources.echo]\ntype = \"echo\"\n");
    d.option("flag", &Options::flag, "A flag.");
    d.option("count", &Options::count, "A count.").range(0, 10);
    d.option("ratio", &Options::ratio, "A ratio.");
    d.option("text", &Options::text, "A text.");
    d.option("wait", &Options::wait, "A time.").range(0, 1e12);
    d.option("size", &Options::size, "A size.");
    d.choice("colour", &Options::colour, {{"red", Colour::kRed}, {"green", Colour::kGreen}},
             "A colour.");
    d.option("field", &Options::field, "A field.");
    d.option("fields", &Options::fields, "Fields.");
    d.option("list", &Options::list, "A list.");
    d.option("table", &Options::table, "A table.");
    d.option("maybe", &Options::maybe, "Perhaps a number.");
    d.option("secret", &Options::secret, "A secret.");
  }
  explicit Echo(const Options& options) : options_(options) {}
  void assign(const std::string&, std::optional<std::string_view>) override {}
  Status poll(SourceOutput& source) override {
    Output& out = source.out();
    const auto number = [&](int64_t value) {
      return TypedColumn{make_column(out, Type::int64(), {value}), Type::int64()};
    };
    const auto text = [&](const std::string& value) {
      return TypedColumn{make_column(out, Type::text(), {value}), Type::text()};
    };
    std::string joined;
    for (const Field& field : options_.fields) joined += field.name + ' ';
    for (const std::string& item : options_.list) joined += item + ' ';
    for (const auto& [name, value] : options_.table.items) joined += name + '=' + value.text + ' ';
    source.emit(out.make(1,
                         {{"flag", number(options_.flag ? 1 : 0)},
                          {"count", number(options_.count)},
                          {"ratio", number(static_cast<int64_t>(options_.ratio * 1000))},
                          {"text", text(options_.text)},
                          {"wait", number(options_.wait.nanoseconds)},
                          {"size", number(options_.size.bytes)},
                          {"colour", text(options_.colour == Colour::kRed ? "red" : "green")},
                          {"field", text(options_.field.name)},
                          {"joined", text(joined)},
                          {"maybe", number(options_.maybe.value_or(-1))}},
                         nullptr),
                "only", "end");
    return Status::kEnd;
  }

 private:
  Options options_;
};

flow::testing::Table echo(const Settings& settings) {
  auto harness = Harness::of<Echo>(settings);
  harness.poll();
  return harness.pull();
}

TEST(HarnessSettings, AreTheDefaultsUnlessGiven) {
  const auto row = echo({});
  EXPECT_EQ(row["flag"][0], Cell(1));
  EXPECT_EQ(row["count"][0], Cell(3));
  EXPECT_EQ(row["ratio"][0], Cell(500));
  EXPECT_EQ(row["text"][0], Cell("a \"quoted\" text\n"));
  EXPECT_EQ(row["wait"][0], Cell(5'000'000));
  EXPECT_EQ(row["size"][0], Cell(1 << 20));
  EXPECT_EQ(row["colour"][0], Cell("green"));
  EXPECT_EQ(row["field"][0], Cell("host"));
  EXPECT_EQ(row["joined"][0], Cell("a b.c x y "));
  EXPECT_EQ(row["maybe"][0], Cell(-1));
}

TEST(HarnessSettings, MayBeWrittenAsInAPipelineFile) {
  const auto row = echo({{"flag", false},
                         {"wait", "1m30s"},
                         {"size", "64KiB"},
                         {"colour", "red"},
                         {"ratio", 2},
                         {"fields", std::vector<std::string>{"z"}},
                         {"table", Setting::table({{"k", "v"}})},
                         {"maybe", 0}});
  EXPECT_EQ(row["flag"][0], Cell(0));
  EXPECT_EQ(row["wait"][0], Cell(90'000'000'000));
  EXPECT_EQ(row["size"][0], Cell(65536));
  EXPECT_EQ(row["colour"][0], Cell("red"));
  EXPECT_EQ(row["ratio"][0], Cell(2000));
  EXPECT_EQ(row["joined"][0], Cell("z x y k=v "));
  EXPECT_EQ(row["maybe"][0], Cell(0));
}

TEST(HarnessSettings, AreRefusedWhereAHostWouldRefuseTheFile) {
  EXPECT_THROW(Harness::of<Echo>({{"colour", "blue"}}), std::invalid_argument);
  EXPECT_THROW(Harness::of<Echo>({{"count", 11}}), std::invalid_argument);
  EXPECT_THROW(Harness::of<Echo>({{"count", "three"}}), std::invalid_argument);
  EXPECT_THROW(Harness::of<Echo>({{"wait", "soon"}}), std::invalid_argument);
  EXPECT_THROW(Harness::of<Echo>({{"unknown", 1}}), std::invalid_argument);
}

}  // namespace
}  // namespace flow::testing
