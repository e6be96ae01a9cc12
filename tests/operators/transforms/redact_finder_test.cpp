#include "operators/transforms/redact_finder.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <iostream>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "flow/inference.hpp"

namespace flow::operators::redact_finder_test {
namespace {

constexpr uint32_t kAllKinds = (1U << kOwnPii) - 1;

std::vector<std::string> found(const PiiFinder& finder, const std::string& text) {
  std::vector<PiiSpan> spans;
  finder.find(text, spans);
  std::vector<std::string> pieces;
  size_t end = 0;
  for (const PiiSpan& span : spans) {
    EXPECT_LE(end, span.begin);
    EXPECT_LT(span.begin, span.end);
    EXPECT_LE(span.end, text.size());
    end = span.end;
    pieces.push_back(text.substr(span.begin, span.end - span.begin));
  }
  return pieces;
}
std::vector<std::string> found(const std::string& text, uint32_t kinds = kAllKinds) {
  return found(PiiFinder(kinds, {}), text);
}
using Pieces = std::vector<std::string>;

// How the finder does on a file of examples.
struct Figures {
  int lines = 0;
  int wanted = 0;   // that are there
  int correct = 0;  // found, from their first to their last byte
  int wrong = 0;    // found, and not there
  std::string mistakes;

  double recall() const { return 100.0 * correct / wanted; }
  double precision() const { return 100.0 * correct / (correct + wrong); }
};
Figures figures(PiiKind kind, const std::string& name) {
  const std::string path =
      std::string(FLOWRUN_SOURCE_DIR "/tests/operators/transforms/redact_examples/") + name +
      ".txt";
  std::ifstream file(path);
  EXPECT_TRUE(file) << path;
  const PiiFinder finder(1U << kind, {});
  Figures result;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    ++result.lines;
    const size_t tab = line.find('\t');
    const std::string text = line.substr(1, tab == std::string::npos ? tab : tab - 1);
    const std::string wanted = line[0] == '+' ? line.substr(tab + 1) : "";
    bool hit = false;
    for (const std::string& piece : found(finder, text)) {
      if (piece == wanted && !hit) {
        hit = true;
        continue;
      }
      ++result.wrong;
      result.mistakes.append("\n  wrong: ").append(piece).append(" in ").append(text);
    }
    if (wanted.empty()) continue;
    ++result.wanted;
    result.correct += hit ? 1 : 0;
    if (!hit) result.mistakes.append("\n  missed: ").append(wanted).append(" in ").append(text);
  }
  std::cout << name << ": " << result.lines << " lines, recall " << result.recall()
            << " %, precision " << result.precision() << " %" << result.mistakes << '\n';
  return result;
}

TEST(RedactFinder, FindsWhatItsExamplesSayAsOftenAsThePageStates) {
  struct Promise {
    PiiKind kind;
    const char* name;
    double recall, precision;
  };
  for (const Promise& promise :
       {Promise{kEmail, "email", 100, 97}, Promise{kPhone, "phone", 92, 92},
        Promise{kCard, "card", 100, 97}, Promise{kIban, "iban", 100, 100},
        Promise{kIpAddress, "ip", 100, 96}}) {
    const Figures got = figures(promise.kind, promise.name);
    EXPECT_GE(got.lines, 60) << promise.name;
    EXPECT_GE(got.recall(), promise.recall) << promise.name;
    EXPECT_GE(got.precision(), promise.precision) << promise.name;
  }
}

TEST(RedactFinder, OnlyTheKindsThatAreWantedAreLookedFor) {
  const std::string text = "anna@example.com 192.0.2.1 4111111111111111 +49 30 1234567";
  EXPECT_EQ(found(text, 1U << kEmail), (Pieces{"anna@example.com"}));
  EXPECT_EQ(found(text, 1U << kIpAddress), (Pieces{"192.0.2.1"}));
  EXPECT_EQ(found(text, 1U << kCard), (Pieces{"4111111111111111"}));
  EXPECT_EQ(found(text, 1U << kPhone), (Pieces{"+49 30 1234567"}));
  EXPECT_EQ(found(text, 0), Pieces{});
  EXPECT_EQ(found(text).size(), 4U);
}

TEST(RedactFinder, FindsAtEveryPlaceOfALongText) {
  for (const std::string pii : {"anna@example.com", "192.0.2.1", "2001:db8::1", "4111111111111111",
                                "+49 30 1234567", "DE89370400440532013000"}) {
    for (size_t before = 0; before < 140; ++before) {
      const std::string text =
          std::string(before, 'x').append(" ").append(pii).append(" ").append(before % 70, 'y');
      ASSERT_EQ(found(text), Pieces{pii}) << before;
    }
  }
}

TEST(RedactFinder, OwnPatternsJoinWhatTheyOverlap) {
  const PiiFinder finder(1U << kEmail,
                         {{"customer", "\\bC-[0-9]{6}\\b"}, {"from", "from [a-z]+@"}});
  EXPECT_EQ(found(finder, "C-123456 wrote from anna@example.com, C-1234567 did not"),
            (Pieces{"C-123456", "from anna@example.com"}));
  EXPECT_EQ(found(PiiFinder(0, {{"any", "x*"}}), "axxb"), Pieces{"xx"});
  EXPECT_EQ(found(PiiFinder(0, {{"end", "$"}}), "a"), Pieces{});
}

TEST(RedactFinder, PatternThatIsNoneIsRefusedWithItsName) {
  try {
    const PiiFinder finder(0, {{"broken", "a("}});
    ADD_FAILURE() << "accepted";
  } catch (const OptionFailure& failure) {
    EXPECT_EQ(failure.option, "patterns");
    EXPECT_EQ(failure.item, "broken");
  }
}

// What takes a detector longest, over and over: the time must grow with the length alone.
TEST(RedactFinder, HostileTextsTakeLinearTime) {
  const PiiFinder finder(kAllKinds, {});
  for (const std::string piece : {"1 ", "1-", "@", "a@", "a.b@c.", "%40", ":", "a:", "1:2:", "(1)",
                                  "+1 ", "DE89 ", "1.1.", "00 1 ", "4111 ", "x@x.x-"}) {
    std::string text;
    while (text.size() < (size_t{1} << 20)) text += piece;
    const auto begin = std::chrono::steady_clock::now();
    std::vector<PiiSpan> spans;
    finder.find(text, spans);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    EXPECT_LT(took.count(), 5.0) << piece;
  }
}

TEST(RedactFinder, AnyBytesAreTaken) {
  const uint32_t seed = std::random_device{}();
  std::mt19937 random(seed);
  const std::string alphabet("@%40.:-+ ()/0123456789abDE\xC3\xA9\xFF\0x_", 32);
  const PiiFinder finder(kAllKinds, {{"own", "[0-9]{3}b"}});
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (size_t n = random() % 150; n > 0; --n) text += alphabet[random() % alphabet.size()];
    found(finder, text);
    ASSERT_FALSE(HasFailure()) << "seed " << seed;
  }
}

}  // namespace
}  // namespace flow::operators::redact_finder_test
