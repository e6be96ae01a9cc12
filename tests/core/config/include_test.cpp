#include <gtest/gtest.h>

#include <map>

#include "core/config/loader.hpp"

namespace flowrun::include_test {
namespace {

// Files by their path; the pipeline is /p/main.toml.
class IncludeTest : public ::testing::Test {
 protected:
  PipelineSpecification load(const std::string& main) {
    found_ = Diagnostics();
    LoadSettings settings;
    settings.variables = [](std::string_view name) -> std::optional<std::string> {
      if (name == "SITE") return "paris";
      return std::nullopt;
    };
    settings.read = [this](const std::filesystem::path& file, std::size_t) {
      const auto at = files_.find(file.string());
      if (at == files_.end()) return FileText{"", "is not there"};
      return FileText{at->second, ""};
    };
    return parse_pipeline(main, "/p/main.toml", found_, settings);
  }

  // All messages, one a line, of what is thrown and what is only told.
  std::string messages(const std::string& main) {
    std::string lines;
    try {
      load(main);
      for (const Diagnostic& problem : found_.sorted()) lines += problem.to_string() + '\n';
    } catch (const ConfigurationError& error) {
      for (const Diagnostic& problem : error.diagnostics()) lines += problem.to_string() + '\n';
    }
    return lines;
  }

  std::map<std::string, std::string> files_;
  Diagnostics found_;
};

constexpr const char* kSource = "[sources.a]\ntype = \"file\"\npath = \"${PIPELINE_DIR}/x\"\n";
constexpr const char* kSink = "[sinks.z]\ntype = \"file\"\ninputs = [\"a\"]\n";

std::string joined(std::initializer_list<const char*> parts) {
  std::string text;
  for (const char* part : parts) text += part;
  return text;
}

TEST_F(IncludeTest, ComponentsOfIncludedFilesComeFirstAndKeepTheirPlaces) {
  files_["/p/parts/in.toml"] = kSource;
  const PipelineSpecification p = load(joined({"include = [\"parts/in.toml\"]\n", kSink}));
  ASSERT_FALSE(found_.has_errors()) << found_.all()[0].to_string();
  ASSERT_EQ(p.components.size(), 2u);
  EXPECT_EQ(p.components[0].id, "a");
  EXPECT_EQ(p.components[0].place.to_string(), "/p/parts/in.toml:1:10");
  EXPECT_EQ(p.components[1].place.to_string(), "/p/main.toml:2:8");
  EXPECT_EQ(p.name.value, "main");
}

TEST_F(IncludeTest, PipelineDirIsTheFolderOfTheFileThatSaysIt) {
  files_["/p/parts/in.toml"] = kSource;
  const PipelineSpecification p = load(joined({"include = \"parts/in.toml\"\n", kSink}));
  EXPECT_EQ(*find(p.components[0].options, "path")->text(), "/p/parts/x");
}

TEST_F(IncludeTest, PathsAreRelativeToTheIncludingFileAndMayHoldVariables) {
  files_["/p/sites/paris.toml"] = "include = [\"../common/in.toml\"]\n";
  files_["/p/common/in.toml"] = kSource;
  load(joined({"include = [\"sites/${SITE}.toml\"]\n", kSink}));
  EXPECT_FALSE(found_.has_errors());
}

TEST_F(IncludeTest, AFileThatTwoOthersIncludeIsReadOnce) {
  files_["/p/in.toml"] = kSource;
  files_["/p/b.toml"] = "include = [\"in.toml\"]\n";
  files_["/p/c.toml"] = "include = [\"./in.toml\"]\n";
  const PipelineSpecification p = load(joined({"include = [\"b.toml\", \"c.toml\"]\n", kSink}));
  EXPECT_FALSE(found_.has_errors());
  EXPECT_EQ(p.components.size(), 2u);
}

TEST_F(IncludeTest, FilesThatIncludeEachOtherAreAnErrorWithTheCircle) {
  files_["/p/b.toml"] = "include = [\"main.toml\"]\n";
  EXPECT_EQ(messages("include = [\"b.toml\"]\n"),
            "/p/b.toml:1:12: include: the files include each other: /p/main.toml -> /p/b.toml -> "
            "/p/main.toml\n");
}

TEST_F(IncludeTest, AComponentInTwoFilesIsAnErrorWithBothPlaces) {
  files_["/p/in.toml"] = kSource;
  const std::string text = messages(joined({"include = [\"in.toml\"]\n", kSource, kSink}));
  EXPECT_EQ(text,
            "/p/main.toml:2:10: sources.a: the id 'a' is taken by sources.a at /p/in.toml:1:10: "
            "ids are unique in a pipeline\n");
}

TEST_F(IncludeTest, ErrorsInAnIncludedFileAreToldThere) {
  files_["/p/in.toml"] = "[sources.a]\ntype = \"file\"\non_error = \"dropp\"\n";
  EXPECT_EQ(messages(joined({"include = [\"in.toml\"]\n", kSink})).substr(0, 16),
            "/p/in.toml:3:12:");
  files_["/p/in.toml"] = "[sources.a\n";
  EXPECT_EQ(messages("include = [\"in.toml\"]\n").substr(0, 13), "/p/in.toml:1:");
}

TEST_F(IncludeTest, MissingFilesAndOddValuesAreToldTogether) {
  EXPECT_EQ(messages("include = [\"no.toml\", 5, \"\", \"no.toml\"]\n"),
            "/p/main.toml:1:12: include: '/p/no.toml' is not there (paths are relative to the file "
            "that includes them)\n"
            "/p/main.toml:1:23: include: must be a list of paths, and has an integer in it (write "
            "include = [\"common.toml\"])\n"
            "/p/main.toml:1:26: include: has an empty path in it (write include = "
            "[\"common.toml\"])\n"
            "/p/main.toml:1:30: include: 'no.toml' is listed twice\n");
}

TEST_F(IncludeTest, IncludeBelowAHeaderIsToldWhereItBelongs) {
  EXPECT_EQ(messages("[pipeline]\ninclude = [\"a.toml\"]\n"),
            "/p/main.toml:2:1: pipeline.include: stands in the table [pipeline] (write it at the "
            "top of the file, above the first [table])\n");
}

TEST_F(IncludeTest, SettingsOfTheIncludingFileWin) {
  files_["/p/common.toml"] = "[pipeline]\nbatch_rows = 10\nparallelism = 2\n";
  const PipelineSpecification p =
      load(joined({"include = [\"common.toml\"]\n[pipeline]\n"
                   "batch_rows = 20\n",
                   kSource, kSink}));
  EXPECT_FALSE(found_.has_errors());
  EXPECT_EQ(p.batch_rows.value, 20);
  EXPECT_EQ(p.parallelism.value, 2);
  EXPECT_EQ(p.parallelism.place.to_string(), "/p/common.toml:3:15");
}

TEST_F(IncludeTest, SettingsOfFilesSideBySideMayNotContradict) {
  files_["/p/b.toml"] = "[pipeline]\nbatch_rows = 10\n";
  files_["/p/c.toml"] = "pipeline.batch_rows = 20\n";
  EXPECT_EQ(
      messages(joined({"include = [\"b.toml\", \"c.toml\"]\n", kSource, kSink})),
      "/p/c.toml:1:10: pipeline.batch_rows: is set at /p/b.toml:2:1 already, and neither file "
      "includes the other\n");
}

TEST_F(IncludeTest, TheHashCoversIncludedFiles) {
  files_["/p/in.toml"] = kSource;
  const std::string main = joined({"include = [\"in.toml\"]\n", kSink});
  const std::uint64_t before = load(main).content_hash;
  EXPECT_EQ(load(main).content_hash, before);
  files_["/p/in.toml"] += "# changed\n";
  EXPECT_NE(load(main).content_hash, before);
}

TEST_F(IncludeTest, APipelineOfTooManyFilesIsRefused) {
  for (int i = 0; i < 300; ++i) {
    files_["/p/" + std::to_string(i)] = "include = [\"" + std::to_string(i + 1) + "\"]\n";
  }
  EXPECT_NE(messages("include = [\"0\"]\n").find("more than 256 files"), std::string::npos);
}

}  // namespace
}  // namespace flowrun::include_test
