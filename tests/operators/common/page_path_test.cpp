#include "operators/common/page_path.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>

namespace flow::operators::page_path_test {
namespace {

static_assert(page_of_request("GET /product.php HTTP/1.1") == "product");
static_assert(page_of_referer("http://example.com/search.php") == "search");

TEST(PageOfRequest, IsTheLastSegmentWithoutItsExtension) {
  EXPECT_EQ(page_of_request("GET /product.php HTTP/1.1"), "product");
  EXPECT_EQ(page_of_request("POST /shop/cart.php HTTP/2.0"), "cart");
  EXPECT_EQ(page_of_request("GET /about HTTP/1.1"), "about");
  EXPECT_EQ(page_of_request("GET /a.b/c HTTP/1.1"), "c");
}

TEST(PageOfRequest, CutsOnlyTheLastExtension) {
  EXPECT_EQ(page_of_request("GET /downloads/a.tar.gz HTTP/1.1"), "a.tar");
  EXPECT_EQ(page_of_request("GET /app.min.js HTTP/1.1"), "app.min");
  EXPECT_EQ(page_of_request("GET /odd. HTTP/1.1"), "odd");
}

TEST(PageOfRequest, LeadingDotBeginsNoExtension) {
  EXPECT_EQ(page_of_request("GET /.env HTTP/1.1"), ".env");
  EXPECT_EQ(page_of_request("GET /.env.bak HTTP/1.1"), ".env");
  EXPECT_EQ(page_of_request("GET /a/.. HTTP/1.1"), "..");
  EXPECT_EQ(page_of_request("GET /a/. HTTP/1.1"), ".");
}

TEST(PageOfRequest, CutsQueryAndFragment) {
  EXPECT_EQ(page_of_request("GET /item.php?id=7 HTTP/1.1"), "item");
  EXPECT_EQ(page_of_request("GET /item.php#top HTTP/1.1"), "item");
  EXPECT_EQ(page_of_request("GET /item.php?next=/other/page.html HTTP/1.1"), "item");
  EXPECT_EQ(page_of_request("GET /item#a?b=/c HTTP/1.1"), "item");
  EXPECT_EQ(page_of_request("GET /?q=lamp HTTP/1.1"), "home");
}

TEST(PageOfRequest, RootIsHome) {
  EXPECT_EQ(page_of_request("GET / HTTP/1.1"), "home");
  EXPECT_EQ(page_of_request("GET // HTTP/1.1"), "home");
}

TEST(PageOfRequest, DirectoryIsNamedByItsLastNonEmptySegmentWhole) {
  EXPECT_EQ(page_of_request("GET /category/shoes/ HTTP/1.1"), "shoes");
  EXPECT_EQ(page_of_request("GET /docs/v1.2/ HTTP/1.1"), "v1.2");
  EXPECT_EQ(page_of_request("GET //double//slash// HTTP/1.1"), "slash");
}

TEST(PageOfRequest, PercentSignsStay) {
  EXPECT_EQ(page_of_request("GET /caf%C3%A9.html HTTP/1.1"), "caf%C3%A9");
  EXPECT_EQ(page_of_request("GET /a%2Fb.html HTTP/1.1"), "a%2Fb");
}

TEST(PageOfRequest, AbsoluteTargetLosesSchemeAndHost) {
  EXPECT_EQ(page_of_request("GET http://example.com/a/b.html HTTP/1.1"), "b");
  EXPECT_EQ(page_of_request("GET http://example.com HTTP/1.1"), "home");
}

TEST(PageOfRequest, TargetMayHoldSpaces) {
  EXPECT_EQ(page_of_request("GET /my file.html HTTP/1.1"), "my file");
}

TEST(PageOfRequest, OtherFormsAreAbsent) {
  for (const std::string_view request :
       {"", "-", "GET", "GET /", "GET / ", "GET  HTTP/1.1", " / HTTP/1.1", "/ HTTP/1.1", "   ",
        "OPTIONS * HTTP/1.1", "CONNECT example.com:443 HTTP/1.1", "hello to you", "\\x16\\x03\\x01",
        "GET /x FTP/1.0"}) {
    EXPECT_EQ(page_of_request(request), "") << request;
  }
}

TEST(PageOfReferer, LosesSchemeAndHost) {
  EXPECT_EQ(page_of_referer("http://example.com/search.php"), "search");
  EXPECT_EQ(page_of_referer("https://user@example.com:8443/a/b/c.html?x=/y.z#w"), "c");
  EXPECT_EQ(page_of_referer("android-app://com.example.shop/http/page"), "page");
}

TEST(PageOfReferer, BareHostIsHome) {
  EXPECT_EQ(page_of_referer("http://example.com"), "home");
  EXPECT_EQ(page_of_referer("http://example.com/"), "home");
  EXPECT_EQ(page_of_referer("https://example.com?q=a/b.c"), "home");
  EXPECT_EQ(page_of_referer("https://example.com#a/b"), "home");
  EXPECT_EQ(page_of_referer("http://"), "home");
}

TEST(PageOfReferer, PathAloneIsTaken) { EXPECT_EQ(page_of_referer("/a/b.html"), "b"); }

TEST(PageOfReferer, OtherFormsAreAbsent) {
  for (const std::string_view referer :
       {"", "-", "example.com/page.html", "://example.com/page", "mailto:someone", "http:/x/y",
        "?u=http://example.com/page", "not a url"}) {
    EXPECT_EQ(page_of_referer(referer), "") << referer;
  }
}

// The vector loops and the plain ones must agree at every length and alignment.
TEST(PageOfPath, LongPathsFollowTheSameRule) {
  std::mt19937 random(7);
  constexpr std::string_view kLetters = "abcdefgh/.?#%";
  const auto plain = [](std::string_view path) -> std::string_view {
    path = path.substr(0, path.find_first_of("?#"));
    const bool directory = path.ends_with('/');
    while (path.ends_with('/')) path.remove_suffix(1);
    if (path.empty()) return "home";
    path = path.substr(path.find_last_of('/') + 1);  // npos + 1 is 0
    if (directory || path == "..") return path;
    const auto dot = path.find_last_of('.');
    return dot == std::string_view::npos || dot == 0 ? path : path.substr(0, dot);
  };
  for (int round = 0; round < 20000; ++round) {
    std::string path(random() % 80, 'x');
    const unsigned rare = 1 + random() % 40;
    for (char& letter : path) {
      if (random() % rare == 0) letter = kLetters[random() % kLetters.size()];
    }
    ASSERT_EQ(page_of_path(path), plain(path)) << path;
  }
}

}  // namespace
}  // namespace flow::operators::page_path_test
