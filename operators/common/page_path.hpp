#pragma once

#include <cstddef>
#include <string_view>
#include <type_traits>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/// Page names: the readable last part of the path in a request line or a referer.
///
///   "GET /shop/product.php?id=7 HTTP/1.1"   -> "product"
///   "http://example.com/search.php"         -> "search"
///
/// The rule, the same for both:
///  * the query and the fragment are cut off; percent signs are left as they are;
///  * a path that ends in a slash is a directory and named by its last non-empty segment, whole;
///  * otherwise the name is the last segment without its last extension ("a.tar.gz" -> "a.tar");
///    a dot in the first place begins no extension (".env" -> ".env");
///  * a path without any segment ("", "/", "//") is "home".
///
/// Every function returns a view into its argument or a literal, never allocates, and returns an
/// empty view for "absent". They cost some 10 ns for usual lengths.
namespace flow::operators {

namespace page_path_detail {

/// Index of the first `a`, `b` or `c` in `text`, or its size.
constexpr std::size_t find_first(std::string_view text, char a, char b, char c) {
  std::size_t i = 0;
#if defined(__SSE2__)
  if (!std::is_constant_evaluated() && text.size() >= 16) {
    const __m128i first = _mm_set1_epi8(a);
    const __m128i second = _mm_set1_epi8(b);
    const __m128i third = _mm_set1_epi8(c);
    while (i < text.size()) {
      // The last step looks again at bytes that are known not to match.
      if (text.size() - i < 16) i = text.size() - 16;
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + i));
      const int hits = _mm_movemask_epi8(
          _mm_or_si128(_mm_cmpeq_epi8(bytes, third),
                       _mm_or_si128(_mm_cmpeq_epi8(bytes, first), _mm_cmpeq_epi8(bytes, second))));
      if (hits != 0)
        return i + static_cast<std::size_t>(__builtin_ctz(static_cast<unsigned>(hits)));
      i += 16;
    }
    return text.size();
  }
#endif
  while (i < text.size() && text[i] != a && text[i] != b && text[i] != c) ++i;
  return i;
}

/// Index behind the last `wanted` in `text`, or 0.
constexpr std::size_t find_behind_last(std::string_view text, char wanted) {
  std::size_t end = text.size();
#if defined(__SSE2__)
  if (!std::is_constant_evaluated() && text.size() >= 16) {
    const __m128i pattern = _mm_set1_epi8(wanted);
    while (end > 0) {
      if (end < 16) end = 16;
      const __m128i bytes =
          _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + end - 16));
      const int hits = _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, pattern));
      if (hits != 0) {
        return end - 16 + 32 - static_cast<std::size_t>(__builtin_clz(static_cast<unsigned>(hits)));
      }
      end -= 16;
    }
    return 0;
  }
#endif
  while (end > 0 && text[end - 1] != wanted) --end;
  return end;
}

}  // namespace page_path_detail

/// The page name of a path that may still carry a query or a fragment. Never empty.
constexpr std::string_view page_of_path(std::string_view path) {
  path = path.substr(0, page_path_detail::find_first(path, '?', '#', '#'));
  const bool directory = path.ends_with('/');
  while (path.ends_with('/')) path.remove_suffix(1);
  if (path.empty()) return "home";
  path.remove_prefix(page_path_detail::find_behind_last(path, '/'));
  if (directory || path == "..") return path;
  const std::size_t behind_dot = page_path_detail::find_behind_last(path, '.');
  return behind_dot > 1 ? path.substr(0, behind_dot - 1) : path;
}

/// The page name of an absolute URL ("scheme://host/path"); a URL without a path is "home".
/// Absent for anything else.
constexpr std::string_view page_of_url(std::string_view url) {
  constexpr std::string_view kSchemeEnd = "://";
  std::size_t scheme = 0;
  if (url.starts_with("http://")) {
    scheme = 4;
  } else if (url.starts_with("https://")) {
    scheme = 5;
  } else {
    while (scheme < url.size() && url[scheme] != ':' && url[scheme] != '/' && url[scheme] != '?' &&
           url[scheme] != '#') {
      ++scheme;
    }
    if (scheme == 0 || !url.substr(scheme).starts_with(kSchemeEnd)) return {};
  }
  url.remove_prefix(scheme + kSchemeEnd.size());
  return page_of_path(url.substr(page_path_detail::find_first(url, '/', '?', '#')));
}

/// The page that a request line (`METHOD SP TARGET SP HTTP/VERSION`) asks for. A target may hold
/// spaces, as careless clients send them. Absent when the line has another form, and for targets
/// that name no path (`OPTIONS *`, `CONNECT host:port`).
constexpr std::string_view page_of_request(std::string_view request) {
  std::size_t method = 0;
  while (method < request.size() && request[method] != ' ') ++method;
  const std::size_t protocol = page_path_detail::find_behind_last(request, ' ');
  if (method == 0 || protocol < method + 3) return {};
  if (!request.substr(protocol).starts_with("HTTP/")) return {};
  const std::string_view target = request.substr(method + 1, protocol - method - 2);
  return target.front() == '/' ? page_of_path(target) : page_of_url(target);
}

/// The page that a referer names: an absolute URL, or a path that begins with a slash. Absent for
/// "-", "" and what is neither.
constexpr std::string_view page_of_referer(std::string_view referer) {
  return referer.starts_with('/') ? page_of_path(referer) : page_of_url(referer);
}

}  // namespace flow::operators
