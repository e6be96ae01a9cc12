#include "core/config/toml_document.hpp"

#include <gtest/gtest.h>

#include <random>

namespace flowrun::toml_document_test {
namespace {

// The message of the error that stands alone; empty if there was none.
std::string syntax_error(std::string_view text) {
  try {
    parse_toml(text, "p.toml");
  } catch (const ConfigurationError& error) {
    EXPECT_EQ(error.diagnostics().size(), 1u);
    return error.what();
  }
  return {};
}

TEST(TomlDocumentTest, KeepsTheOrderOfTheFile) {
  const Value::Table table =
      parse_toml("zebra = 1\nmonkey = 2\n[z.y]\nb = 1\na = 2\n[a]\n[z.b]\n", "p.toml");
  ASSERT_EQ(table.size(), 4u);
  EXPECT_EQ(table[0].name, "zebra");
  EXPECT_EQ(table[1].name, "monkey");
  EXPECT_EQ(table[2].name, "z");
  EXPECT_EQ(table[3].name, "a");
  const Value::Table& z = *table[2].value.table();
  ASSERT_EQ(z.size(), 2u);
  EXPECT_EQ(z[0].name, "y");
  EXPECT_EQ(z[1].name, "b");
  EXPECT_EQ((*z[0].value.table())[0].name, "b");
}

TEST(TomlDocumentTest, KnowsWhereThingsStand) {
  const Value::Table table = parse_toml("[sinks.out]\n  path = \"x\"\n  list = [1,\n    2]\n", "p");
  const Member& out = (*table[0].value.table())[0];
  EXPECT_EQ(out.place.to_string(), "p:1:8");
  const Value::Table& options = *out.value.table();
  EXPECT_EQ(options[0].place.to_string(), "p:2:3");
  EXPECT_EQ(options[0].value.place.to_string(), "p:2:10");
  EXPECT_EQ((*options[1].value.list())[1].place.to_string(), "p:4:5");
}

TEST(TomlDocumentTest, KeepsDatesAsText) {
  const Value::Table table =
      parse_toml("a = 2025-10-28\nb = 10:15:30\nc = 2025-10-28T10:15:30Z\n", "p");
  EXPECT_EQ(*table[0].value.text(), "2025-10-28");
  EXPECT_EQ(*table[1].value.text(), "10:15:30");
  EXPECT_EQ(*table[2].value.text(), "2025-10-28T10:15:30Z");
}

TEST(TomlDocumentTest, ReadsEveryKindOfValue) {
  const Value::Table table =
      parse_toml("a = true\nb = -7\nc = 2.5\nd = 'x'\ne = [1, [2]]\nf = { g = 1 }\n", "p");
  EXPECT_TRUE(*table[0].value.boolean());
  EXPECT_EQ(*table[1].value.integer(), -7);
  EXPECT_EQ(*table[2].value.number(), 2.5);
  EXPECT_EQ(*table[3].value.text(), "x");
  EXPECT_EQ(*(*(*table[4].value.list())[1].list())[0].integer(), 2);
  EXPECT_EQ(*find(*table[5].value.table(), "g")->integer(), 1);
}

TEST(TomlDocumentTest, AnEmptyTextIsAnEmptyTable) {
  EXPECT_TRUE(parse_toml("", "p").empty());
  EXPECT_TRUE(parse_toml("\xEF\xBB\xBF# only a comment\n", "p").empty());
}

TEST(TomlDocumentTest, ASyntaxErrorNamesItsPlace) {
  const std::string message = syntax_error("a = 1\nb = = 2\n");
  EXPECT_TRUE(message.starts_with("p.toml:2:")) << message;
}

TEST(TomlDocumentTest, ADuplicateKeyIsAnError) {
  const std::string message = syntax_error("[a]\nkey = 1\nkey = 2\n");
  EXPECT_TRUE(message.starts_with("p.toml:3:")) << message;
  EXPECT_NE(message.find("key"), std::string::npos) << message;
  EXPECT_NE(syntax_error("[a]\n[b]\n[a]\n"), "");
}

TEST(TomlDocumentTest, InvalidUtf8IsAnError) {
  EXPECT_TRUE(syntax_error("a = 1\nb = \"\xff\xfe\"\n").starts_with("p.toml:2:"));
  EXPECT_NE(syntax_error("a = \"\xc3\"\n"), "");
}

TEST(TomlDocumentTest, BinaryNoiseIsAnError) {
  std::mt19937 random(11);
  for (int round = 0; round < 200; ++round) {
    std::string noise(1 + random() % 4096, '\0');
    for (char& c : noise) c = static_cast<char>(random());
    noise[0] = '\x01';
    const std::string message = syntax_error(noise);
    EXPECT_TRUE(message.starts_with("p.toml:1:")) << message;
    for (const char c : message) EXPECT_GE(static_cast<unsigned char>(c), 0x20);
  }
}

TEST(TomlDocumentTest, DeepNestingIsAnErrorAndNoCrash) {
  EXPECT_NE(syntax_error("a = " + std::string(100000, '[')), "");
  EXPECT_NE(syntax_error("a = " + std::string(100, '[') + std::string(100, ']')), "");
  std::string tables = "a = ";
  for (int i = 0; i < 100000; ++i) tables += "{a=";
  EXPECT_NE(syntax_error(tables), "");
}

TEST(TomlDocumentTest, ALongDottedKeyIsAnErrorAndNoCrash) {
  std::string parts = "a";
  for (int i = 0; i < 200000; ++i) parts += ".a";
  EXPECT_EQ(syntax_error(parts + " = 1"), "p.toml:1:32: a dotted key has more than 16 parts");
  EXPECT_EQ(syntax_error("\n[" + parts + "]"), "p.toml:2:33: a dotted key has more than 16 parts");
  std::string quoted_parts = "x = 'no.dots.count.in.here'\n\"a\"";
  for (int i = 0; i < 200000; ++i) quoted_parts += " . 'a'";
  EXPECT_NE(syntax_error(quoted_parts + " = 1"), "");
}

TEST(TomlDocumentTest, DotsOutsideKeysAreFine) {
  const std::string dots(100, '.');
  EXPECT_EQ(syntax_error("# " + dots + "\na = \"\\\"" + dots + "\"\nb = '''\n" + dots +
                         "'' '''\nc = \"\"\"" + dots + "\\\"\"\"\"\n"),
            "");
  EXPECT_EQ(syntax_error("a = [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, "
                         "1.0, 1.0, 1.0, 1.0, 1.0]\n"),
            "");
}

}  // namespace
}  // namespace flowrun::toml_document_test
