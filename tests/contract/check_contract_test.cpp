// One plugin of each kind keeps the contract; each broken one is found out by the rule that it
// breaks.
#include "flow/testing/check_contract.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

#include "flow/testing/harness.hpp"

namespace flow::testing {
namespace {

namespace fs = std::filesystem;

std::string plugin(const std::string& name) { return FLOWRUN_TEST_PLUGIN_DIR "/" + name + ".so"; }

Table words() {
  std::vector<Cell> words, numbers;
  for (int i = 0; i < 40; ++i) {
    words.emplace_back(i % 11 == 0   ? Cell()
                       : i % 7 == 0  ? Cell("")
                       : i % 13 == 0 ? Cell("caf\u00e9")
                                     : Cell("word number " + std::to_string(i % 5)));
    numbers.emplace_back(i % 9 == 0 ? Cell() : Cell(i - 20));
  }
  return {{"word", Type::text(), words}, {"number", Type::int64(), numbers}};
}

// A folder that goes with the test.
class Folder {
 public:
  Folder()
      : path_(fs::temp_directory_path() /
              ("flow_contract_" + std::to_string(getpid()) + "_" +
               ::testing::UnitTest::GetInstance()->current_test_info()->name())) {
    clear();
  }
  ~Folder() { fs::remove_all(path_); }
  void clear() const {
    fs::remove_all(path_);
    fs::create_directories(path_);
  }
  std::string file(const std::string& name) const { return (path_ / name).string(); }
  // The lines of every file that is not hidden, in the order of their names.
  std::string content() const {
    std::set<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(path_)) {
      if (entry.is_regular_file() && entry.path().filename().string()[0] != '.') {
        files.insert(entry.path());
      }
    }
    std::string text;
    for (const fs::path& path : files) {
      std::ifstream file(path);
      text += std::string(std::istreambuf_iterator<char>(file), {});
    }
    return text;
  }

 private:
  fs::path path_;
};

TEST(CheckContract, PassesASource) { EXPECT_CONTRACT(plugin("numbers"), "numbers"); }

TEST(CheckContract, PassesATransform) {
  ContractSubject subject;
  subject.inputs = {words()};
  subject.settings = {{"field", "word"}};
  EXPECT_CONTRACT(plugin("reverse"), "reverse", subject);
}

TEST(CheckContract, PassesATransformInPlainC) {
  ContractSubject subject;
  subject.inputs = {words()};
  EXPECT_CONTRACT(plugin("positive"), "positive", subject);
}

TEST(CheckContract, PassesAPluginOfAnOlderHeader) {
  EXPECT_CONTRACT(plugin("older"), "count_rows");
}

TEST(CheckContract, PassesAWindow) {
  ContractSubject subject;
  subject.inputs = {words()};
  EXPECT_CONTRACT(plugin("every_n"), "every_n", subject);
}

TEST(CheckContract, PassesAOnePhaseSink) {
  const Folder folder;
  ContractSubject subject;
  subject.inputs = {words()};
  subject.settings = {{"path", folder.file("lines.txt")}, {"field", "word"}};
  subject.reset = [&] { folder.clear(); };
  subject.observe = [&] { return folder.content(); };
  subject.delivered_rows = [&] {
    const std::string text = folder.content();
    return static_cast<int64_t>(std::count(text.begin(), text.end(), '\n'));
  };
  EXPECT_CONTRACT(plugin("line_file"), "line_file", subject);
}

TEST(CheckContract, PassesATwoPhaseSink) {
  const Folder folder;
  ContractSubject subject;
  subject.settings = {{"folder", folder.file("counts")}};
  subject.reset = [&] { folder.clear(); };
  subject.observe = [&] { return folder.content(); };
  subject.delivered_rows = [&] {
    const std::string text = folder.content();
    return static_cast<int64_t>(std::count(text.begin(), text.end(), '\n'));
  };
  EXPECT_CONTRACT(plugin("staged_files"), "staged_files", subject);
}

TEST(CheckContract, PassesACodec) {
  ContractSubject subject;
  subject.inputs = {words()};
  subject.settings = {{"field", "word"}};
  subject.bytes = "one|two||a longer record than twelve bytes|caf\u00e9|the last";
  EXPECT_CONTRACT(plugin("pipe_lines"), "pipe_lines", subject);
}

TEST(CheckContract, PassesAnOperatorWithTwoInputs) { EXPECT_CONTRACT(plugin("merge"), "merge"); }

TEST(CheckContract, PassesAKeyedOperator) {
  ContractSubject subject;
  subject.inputs = {words()};
  EXPECT_CONTRACT(plugin("count_by_key"), "count_by_key", subject);
}

TEST(CheckContract, PassesAnAmplifier) {
  ContractSubject subject;
  subject.settings = {{"times", 200}, {"batch_rows", 512}};
  subject.inputs = {words()};
  subject.memory_limit = 1 << 20;
  EXPECT_CONTRACT(plugin("repeat"), "repeat", subject);
}

TEST(CheckContract, PassesABlockingOperator) { EXPECT_CONTRACT(plugin("lookup"), "lookup"); }

// One row in, a million out: never more in memory than the batch there is room for.
TEST(Amplifier, HoldsOneBatchAtATime) {
  auto harness = Harness::load(plugin("repeat"), "repeat", {{"times", 1'000'000}});
  harness.host().limit_room(1);
  const Batch row = harness.batch({{"word", {"a text that is shared by a million rows"}}});
  const int64_t before = harness.host().account.used();
  int64_t rows = 0;
  flow_status status = FLOW_MORE;
  while (status == FLOW_MORE) {
    status = harness.try_push(row);
    for (const Batch& batch : harness.pull_batches()) rows += batch.rows();
  }
  EXPECT_EQ(status, FLOW_DONE);
  EXPECT_EQ(rows, 1'000'000);
  EXPECT_EQ(harness.host().room_violations, 0);
  EXPECT_LT(harness.host().account.peak() - before, 512 * 1024);
}

TEST(KeyedOperator, CountsByValueWhateverTheColumnsType) {
  auto harness = Harness::load(plugin("count_by_key"), "count_by_key",
                               {{"key", std::vector<std::string>{"k"}}});
  harness.push({{"k", Type::text(), {"a", "b", "a"}}});
  harness.push({{"k", Type::category(), {"a", nullptr}}});
  EXPECT_EQ(harness.pull()["number"], (std::vector<Cell>{1, 1, 2, 3, 1}));
}

struct BrokenCase {
  const char* name;
  const char* rule;
};

class BrokenOperator : public ::testing::TestWithParam<BrokenCase> {};

TEST_P(BrokenOperator, IsFoundOutByTheRuleItBreaks) {
  const auto violations = check_contract(plugin("broken"), GetParam().name);
  std::set<std::string> rules;
  for (const Violation& violation : violations) rules.insert(violation.rule);
  EXPECT_EQ(rules, std::set<std::string>{GetParam().rule}) << described(violations);
  for (const Violation& violation : violations) {
    EXPECT_NE(violation.detail.find("seed "), std::string::npos);
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, BrokenOperator,
    ::testing::Values(
        BrokenCase{"loses_a_row", "ledger"}, BrokenCase{"emits_twice", "ledger"},
        BrokenCase{"ignores_room", "room"}, BrokenCase{"writes_to_its_input", "input_modified"},
        BrokenCase{"writes_broken_text", "utf8"}, BrokenCase{"points_outside", "arrow"},
        BrokenCase{"keeps_a_batch", "leak"}, BrokenCase{"forgets_its_state", "snapshot"},
        BrokenCase{"depends_on_batches", "splits"}, BrokenCase{"mixes_origins", "origin"},
        BrokenCase{"puts_its_column_first", "column_order"}, BrokenCase{"changes_type", "types"},
        BrokenCase{"never_ends_more", "room"}, BrokenCase{"emits_nowhere", "misuse"},
        BrokenCase{"skips_on_resume", "assign"}, BrokenCase{"infers_wrongly", "schemas"},
        BrokenCase{"refuses_what_it_passes", "schemas"},
        BrokenCase{"depends_on_nothing", "schemas"}),
    [](const auto& info) { return info.param.name; });

TEST(BrokenSink, IsFoundOutWhenARepeatedCommitChangesTheOutput) {
  const Folder folder;
  ContractSubject subject;
  subject.settings = {{"path", folder.file("x")}};
  subject.reset = [&] { folder.clear(); };
  subject.observe = [&] { return folder.content(); };
  const auto violations = check_contract(plugin("broken"), "commits_twice", subject);
  ASSERT_FALSE(violations.empty());
  for (const Violation& violation : violations) EXPECT_EQ(violation.rule, "commit") << violation;
}

TEST(BrokenCodec, IsFoundOutWhenItCutsRecords) {
  ContractSubject subject;
  subject.bytes = "one\ntwo\nthree and more\n";
  const auto violations = check_contract(plugin("broken"), "cuts_records", subject);
  ASSERT_FALSE(violations.empty());
  for (const Violation& violation : violations) EXPECT_EQ(violation.rule, "frame") << violation;
}

TEST(CheckContract, SaysWhenThereIsNoSuchOperatorOrLibrary) {
  EXPECT_EQ(check_contract(plugin("broken"), "unheard_of").at(0).rule, "library");
  EXPECT_EQ(check_contract("/nowhere/at/all.so", "x").at(0).rule, "library");
}

TEST(CheckContract, LeavesOutWhatIsWaived) {
  ContractSubject subject;
  subject.waived = {{"column_order", "for this test"}};
  EXPECT_CONTRACT(plugin("broken"), "puts_its_column_first", subject);
}

}  // namespace
}  // namespace flow::testing
