// The parsers' paths for what is usual against those for anything, with random texts close to the
// usual ones.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "flow/testing/harness.hpp"
#include "operators/common/access_line.hpp"
#include "operators/common/address.hpp"
#include "operators/common/page_path.hpp"
#include "operators/transforms/page_name.hpp"

namespace flow::operators::fast_paths_test {
namespace {

using testing::Cell;
using testing::Harness;
using testing::Table;

// The seed is new each time, and told by a failure.
class FastPaths : public ::testing::Test {
 protected:
  size_t below(size_t limit) {
    return std::uniform_int_distribution<size_t>(0, limit - 1)(random_);
  }
  std::string_view any_of(const std::vector<std::string_view>& texts) {
    return texts[below(texts.size())];
  }
  // Most come out as they are; of the others some characters are changed, added or left out.
  std::string with_slips(std::string text, std::string_view characters) {
    if (below(3) != 0) return text;
    for (size_t slips = 1 + below(3); slips > 0 && !text.empty(); --slips) {
      const size_t at = below(text.size());
      const char c = characters[below(characters.size())];
      switch (below(3)) {
        case 0:
          text[at] = c;
          break;
        case 1:
          text.insert(at, 1, c);
          break;
        default:
          text.erase(at, 1);
      }
    }
    return text;
  }
  std::string address() {
    std::string text;
    for (int part = 0; part < 4; ++part) {
      text += (part > 0 ? "." : "") + std::to_string(below(below(8) == 0 ? 1000 : 256));
    }
    return text;
  }
  std::string path() {
    std::string text;
    for (size_t parts = below(5); parts > 0; --parts) {
      text += any_of({"/", "/", "/a", "/shop", "/product.php", "/a.tar.gz", "/.env", "/..", "/."});
      if (below(4) == 0) text.append(below(70), 'x');
    }
    return text + std::string(any_of({"", "", "/", "?q=1", "?q=a/b.c", "#top", "/?", "?x#/y.z"}));
  }
  std::string request() {
    return std::string(any_of({"GET ", "POST ", "HEAD ", "GET http://a.example"})) + path() +
           std::string(any_of({" HTTP/1.1", " HTTP/1.1", " HTTP/1.0", " HTTP/2", ""}));
  }
  std::string referer() {
    return std::string(any_of({"http://", "https://", "ftp://", ""})) +
           std::string(any_of({"example.com", "www.example.com:8080", ""})) + path();
  }

 private:
  const unsigned seed_ = std::random_device{}();
  const ::testing::ScopedTrace trace_{__FILE__, __LINE__, "seed " + std::to_string(seed_)};
  std::mt19937 random_{seed_};
};

TEST_F(FastPaths, AddressesAreReadAlike) {
  int good = 0;
  for (int i = 0; i < 100000; ++i) {
    const std::string text = with_slips(address(), "0123456789.:-/a \xff");
    const std::string padded = text + std::string(any_of({"", ".", "7", " "})) +
                               std::string(kIpv4Readable, static_cast<char>(below(256)));
    uint32_t expected = 0;
    uint32_t address = 0;
    const bool is_address = parse_ipv4(text, expected);
    ASSERT_EQ(parse_readable_ipv4({padded.data(), text.size()}, address), is_address) << text;
    if (!is_address) continue;
    ASSERT_EQ(address, expected) << text;
    ++good;
  }
  EXPECT_GT(good, 10000);
}

TEST_F(FastPaths, UsualAccessLinesAreTakenApartAlike) {
  constexpr std::string_view AccessFields::*kFields[] = {
      &AccessFields::vhost,    &AccessFields::host,     &AccessFields::ident,
      &AccessFields::user,     &AccessFields::datetime, &AccessFields::request,
      &AccessFields::response, &AccessFields::bytes,    &AccessFields::referer,
      &AccessFields::agent};
  AccessLineParser usual(AccessFormat::kAuto);
  AccessLineParser any(AccessFormat::kAuto);
  std::vector<uint32_t> quotes(4096);
  int accepted = 0;
  for (int i = 0; i < 100000; ++i) {
    const std::string line = with_slips(
        address() + " - - [" + std::string(any_of({"28/Oct/2025", "29/Feb/2024", "31/Feb/2025"})) +
            ":10:15:3" + std::to_string(below(10)) + " +0" + std::to_string(below(10)) + "00] \"" +
            request() + "\" " + std::to_string(below(1100)) + " " +
            (below(5) == 0 ? "-" : std::to_string(below(below(4) == 0 ? 1000000000 : 5000))) +
            " \"" + referer() + "\" \"" + std::string(any_of({"-", "", "Mozilla/5.0 (X11)"})) +
            "\"" + std::string(any_of({"", "", "\r"})),
        "\"\\ []-/:0a\r\t\xff");
    const std::string before(below(20), '"');
    const std::string text = before + line + std::string(64, '"');
    const char* const base = text.data();
    bool backslashes = false;
    const uint32_t* const end = index_quotes(line, quotes.data(), backslashes);
    if (backslashes || end - quotes.data() != 6) continue;
    for (int quote = 0; quote < 6; ++quote) quotes[quote] += static_cast<uint32_t>(before.size());
    const std::string_view in_text(base + before.size(), line.size());
    AccessFields fields;
    if (!usual.parse_usual(base, in_text, quotes.data(), fields)) continue;
    ++accepted;
    AccessFields expected;
    AccessFault fault;
    ASSERT_TRUE(any.parse(in_text, expected, fault)) << line << ": " << fault.what;
    for (const auto field : kFields) ASSERT_EQ(fields.*field, expected.*field) << line;
    ASSERT_EQ(usual.nanoseconds(), any.nanoseconds()) << line;
  }
  EXPECT_GT(accepted, 10000);
}

TEST_F(FastPaths, PagesAreNamedAlike) {
  constexpr size_t kRows = 20000;
  std::vector<Cell> requests;
  std::vector<Cell> referers;
  std::vector<Cell> pages;
  std::vector<Cell> refering_pages;
  const auto cell = [](std::string_view name) {
    return name.empty() ? Cell(nullptr) : Cell(std::string(name));
  };
  for (size_t i = 0; i < kRows; ++i) {
    const std::string asked = with_slips(request(), " /.?#:HTPa");
    const std::string from = with_slips(referer(), " /.?#:hta");
    requests.emplace_back(asked);
    referers.emplace_back(from);
    pages.push_back(cell(page_of_request(asked)));
    refering_pages.push_back(cell(page_of_referer(from)));
  }
  auto harness = Harness::of<PageName>();
  harness.push({{"request", Type::text(), requests}, {"referer", Type::text(), referers}});
  const Table named = harness.pull();
  ASSERT_EQ(named.rows(), static_cast<int64_t>(kRows));
  for (size_t i = 0; i < kRows; ++i) {
    ASSERT_EQ(named["webpage"][i], pages[i]) << requests[i].text();
    ASSERT_EQ(named["refering_page"][i], refering_pages[i]) << referers[i].text();
  }
}

}  // namespace
}  // namespace flow::operators::fast_paths_test
